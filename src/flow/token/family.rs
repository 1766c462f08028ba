//! How a token family begins and how an access token joins it, inside the write of a token request.

use super::INVALID_GRANT;
use super::access_token::digest_of;
use super::terms::Terms;
use crate::domain::authorization::CodeContent;
use crate::domain::grant::{AccessToken, Grant};
use crate::domain::id::GrantId;
use crate::flow::Settings;
use crate::flow::prelude::*;
use crate::protocol::client_metadata::GrantType;
use crate::store::refresh_tokens::RefreshToken;
use crate::store::{access_tokens, grants, refresh_tokens};

/// A client's key (DPoP, RFC 9449 §5) or certificate (mutual TLS, RFC 8705 §3) would be a further variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum TokenBinding {
    /// Nothing: who has a token may use it (RFC 6750 §1.2).
    Bearer,
}

impl TokenBinding {
    /// `token_type` (RFC 6749 §7.1), which is also the scheme of the `Authorization` header.
    pub(in crate::flow) const fn token_type(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
        }
    }

    pub(super) const fn is_sender_constrained(self) -> bool {
        match self {
            Self::Bearer => false,
        }
    }
}

/// What the write of a token request needs whatever its grant, of a client that may use it. It may run more than once and makes
/// nothing up.
pub(super) struct TokenWrite {
    pub client: Client,
    pub grant_type: GrantType,
    pub binding: TokenBinding,
    pub origin: RequestSource,
    pub settings: Arc<Settings>,
    pub now: Timestamp,
    /// The access token itself where it is opaque, else its `jti`.
    pub access: Secret,
}

/// Made before the write.
pub(super) struct NewFamily {
    pub id: GrantId,
    /// If it gets one.
    pub refresh: SecretDigest,
    pub issued: PendingEvent,
}

pub(super) struct Family {
    pub client: Client,
    pub grant: Grant,
    pub user: User,
    pub terms: Terms,
    pub binding: TokenBinding,
    pub access: Secret,
    pub issued_at: Timestamp,
    pub access_ends: Timestamp,
}

impl TokenWrite {
    pub(super) fn terms(&self, scope: &Scope, authentication: &Authentication) -> Terms {
        Terms::of(&self.client, self.binding, scope, authentication, &self.settings.lifetimes)
    }

    pub(super) fn audit_entry(&self, op: &Op, kind: AuditKind) -> Result<PendingEvent, RandomError> {
        let event = AuditEvent {
            client: Some(self.client.id.as_str().to_owned()),
            origin: self.origin.clone(),
            detail: Some(self.grant_type.as_str().to_owned()),
            ..AuditEvent::new(kind)
        };
        PendingEvent::new(&op.store, event)
    }

    /// `invalid_grant` (RFC 6749 §5.2) with its one description and a reason for the log.
    pub(super) fn refused(&self, reason: &str) -> OAuthError {
        OAuthError::new(ErrorCode::InvalidGrant, INVALID_GRANT).hint(format!("{}: {reason}", self.client.id))
    }

    pub(super) fn refresh_ends(&self, grant: &Grant) -> Timestamp {
        self.now.plus(self.settings.lifetimes.refresh_sliding).min(grant.expires_at)
    }

    pub(super) fn refresh_token(&self, digest: &SecretDigest, grant: &Grant) -> RefreshToken {
        RefreshToken {
            digest: digest.clone(),
            grant_id: grant.id.clone(),
            predecessor: None,
            issued_at: self.now,
            expires_at: self.refresh_ends(grant),
            rotated_at: None,
        }
    }

    pub(super) async fn begin(
        &self,
        tx: &Tx,
        new: &NewFamily,
        (granted, user): (CodeContent, User),
        session: &BrowserSession,
    ) -> Result<Family, StoreError> {
        let terms = self.terms(&granted.scope, &granted.authentication);
        let lifetime = if terms.refresh { self.settings.lifetimes.refresh_absolute } else { terms.access_lifetime };
        let grant = Grant {
            id: new.id.clone(),
            client_id: self.client.id.clone(),
            scope: terms.scope.clone(),
            nonce: granted.nonce,
            authentication: granted.authentication,
            created_at: self.now,
            expires_at: self.now.plus(lifetime),
            revoked_at: None,
        };
        grants::insert(tx, &grant).await?;
        if terms.refresh {
            refresh_tokens::insert(tx, &self.refresh_token(&new.refresh, &grant)).await?;
        }
        new.issued.about(grant.authentication.user_id.as_str(), grant.id.as_str()).write(tx, self.now).await?;
        self.add_access_token(tx, (grant, user), terms, Some(session)).await
    }

    /// Adds the new access token to a family, which lives no longer than its browser session where that is so agreed.
    pub(super) async fn add_access_token(
        &self,
        tx: &Tx,
        (grant, user): (Grant, User),
        terms: Terms,
        session: Option<&BrowserSession>,
    ) -> Result<Family, StoreError> {
        let access_ends = grant.cap(self.now.plus(terms.access_lifetime), session);
        let access = AccessToken {
            digest: digest_of(self.client.metadata.access_token_format, &self.access),
            grant_id: grant.id.clone(),
            scope: terms.scope.clone(),
            issued_at: self.now,
            expires_at: access_ends,
        };
        access_tokens::insert(tx, &access).await?;
        let (client, binding, access) = (self.client.clone(), self.binding, self.access.clone());
        Ok(Family { client, grant, user, terms, binding, access, issued_at: self.now, access_ends })
    }
}

//! The authorization code grant (RFC 6749 §4.1.3, OIDC Core §3.1.3.2, RFC 7636 §4.6).
//!
//! Each binding of the code is checked on its own, and a code whose binding does not hold stays unused: bad input changes
//! nothing. What redeems a code is one conditional statement, in the same write that makes the family (decision 2.4).

use std::sync::Arc;

use super::access_token::AccessHandle;
use super::invalid_grant;
use super::issue::{Issuance, TokenResponse};
use super::terms::Terms;
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::authorization::CodeContent;
use crate::domain::browser::BrowserSession;
use crate::domain::client::Client;
use crate::domain::clock::Timestamp;
use crate::domain::grant::{AccessToken, Grant, RefreshToken};
use crate::domain::id::GrantId;
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::user::User;
use crate::flow::Op;
use crate::flow::audit::PendingEvent;
use crate::flow::backchannel_logout::SETTLE;
use crate::flow::client_authentication::ClientRequest;
use crate::flow::error::OAuthError;
use crate::flow::settings::Settings;
use crate::protocol::error::ErrorCode;
use crate::protocol::parameters::Parameters;
use crate::store::codes::StoredCode;
use crate::store::{StoreError, Tx, access_tokens, backchannel_logouts, codes, grants, refresh_tokens, sessions, users};

/// What the client sends (RFC 6749 §4.1.3, RFC 7636 §4.5).
#[derive(Clone, Debug)]
struct Presented {
    code: SecretDigest,
    redirect_uri: Option<String>,
    verifier: Option<Secret>,
}

impl Presented {
    fn parse(parameters: &Parameters) -> Result<Self, OAuthError> {
        let code = parameters.get("code").ok_or(OAuthError::new(ErrorCode::InvalidRequest, "code is missing"))?;
        Ok(Self {
            code: SecretDigest::of(code.as_bytes()),
            redirect_uri: parameters.get("redirect_uri").map(str::to_owned),
            verifier: parameters.get("code_verifier").map(Secret::new),
        })
    }
}

/// Everything that the write needs: it may run more than once and makes nothing up.
struct Redemption {
    presented: Presented,
    client: Client,
    settings: Arc<Settings>,
    now: Timestamp,
    grant_id: GrantId,
    access: SecretDigest,
    refresh: SecretDigest,
    issued: PendingEvent,
    reused: PendingEvent,
}

/// Who signed in, and the session that this began.
type Present = (User, BrowserSession);

enum Outcome {
    Redeemed(Box<(Grant, User, Terms, Timestamp)>),
    /// The code came back: its family is dead.
    Reused,
    Refused(&'static str),
}

/// Redeems a code.
///
/// Costs: one write, which is one commit of two reads by key and seven inserts or updates at most; then one signature, two where
/// access tokens are JWTs. A refused code costs the reads only.
///
/// # Errors
/// `invalid_request` without a code; `invalid_grant`, always with the same description, for a code that does not count.
pub(super) async fn redeem(op: &Op, client: &Client, request: &ClientRequest<'_>) -> Result<TokenResponse, OAuthError> {
    let presented = Presented::parse(request.parameters)?;
    let access = AccessHandle::generate(&op.env, client.metadata.access_token_format)?;
    let refresh = Secret::generate(&op.env)?;
    let event = |kind| AuditEvent {
        client: Some(client.id.as_str().to_owned()),
        origin: request.origin.clone(),
        detail: Some("authorization_code".to_owned()),
        ..AuditEvent::new(kind)
    };
    let redemption = Redemption {
        presented,
        client: client.clone(),
        settings: Arc::clone(&op.settings),
        now: op.env.now(),
        grant_id: GrantId::generate(&op.env)?,
        access: access.digest(),
        refresh: refresh.digest(),
        issued: PendingEvent::new(&op.env, event(AuditKind::TokenIssued))?,
        reused: PendingEvent::new(&op.env, event(AuditKind::TokenReuse))?,
    };
    let at = redemption.now;
    match op.store.write(redemption, |tx, job| Box::pin(job.run(tx))).await? {
        Outcome::Redeemed(redeemed) => {
            let (grant, user, terms, access_ends) = *redeemed;
            let refresh = terms.refresh.then_some(refresh);
            let nonce = grant.nonce.clone();
            Issuance { client, grant: &grant, user: &user, terms: &terms, access, refresh, nonce, at, access_ends }.answer(op)
        }
        Outcome::Reused => Err(invalid_grant(format!("{}: the code was redeemed before; its family is revoked", client.id))),
        Outcome::Refused(reason) => Err(invalid_grant(format!("{}: {reason}", client.id))),
    }
}

impl Redemption {
    async fn run(&self, tx: &Tx) -> Result<Outcome, StoreError> {
        let Some(code) = codes::find(tx, &self.presented.code).await? else {
            return Ok(Outcome::Refused("the code is unknown"));
        };
        if let Some(reason) = self.broken_binding(&code.content) {
            return Ok(Outcome::Refused(reason));
        }
        if code.consumed_at.is_some() {
            return self.refuse_reuse(tx, &code).await;
        }
        let (user, session) = match self.present_user(tx, &code.content).await? {
            Ok(present) => present,
            Err(reason) => return Ok(Outcome::Refused(reason)),
        };
        if !codes::consume(tx, &self.presented.code, &self.grant_id, self.now).await? {
            // Expired, or another request was faster since it was read: then that one's family dies.
            let raced = codes::find(tx, &self.presented.code).await?.filter(|code| code.consumed_at.is_some());
            return match raced {
                Some(code) => self.refuse_reuse(tx, &code).await,
                None => Ok(Outcome::Refused("the code has expired")),
            };
        }
        let content = code.content;
        let holds_logouts = content.holds_logouts;
        let terms = Terms::of(&self.client, &content.scope, &content.authentication, &self.settings.lifetimes);
        let grant = self.grant(content, &terms);
        let access_ends = grant.cap(self.now.plus(terms.access_lifetime), Some(&session));
        self.insert(tx, &grant, &terms, access_ends).await?;
        if holds_logouts {
            backchannel_logouts::release(tx, &code.authorization_id, self.now.plus(SETTLE)).await?;
        }
        Ok(Outcome::Redeemed(Box::new((grant, user, terms, access_ends))))
    }

    /// The first binding of the code that the request does not keep. None of them stands in for another (security bar 26).
    fn broken_binding(&self, content: &CodeContent) -> Option<&'static str> {
        let presented = &self.presented;
        // RFC 6749 §4.1.3: "ensure that the authorization code was issued to the authenticated … client".
        let client = content.client_id == self.client.id;
        // RFC 6749 §4.1.3: identical where the authorization request had one. OAuth 2.1 §4.1.3 lets it be repeated or left
        // out where that request had none: there is nothing to compare it with, so it must be the client's only one.
        let redirect_uri = match (&content.redirect_uri, presented.redirect_uri.as_deref()) {
            (Some(asked), Some(repeated)) => asked.as_str() == repeated,
            (Some(_), None) => false,
            (None, None) => true,
            (None, Some(named)) => self.client.metadata.redirect_uris.iter().any(|uri| uri.as_str() == named),
        };
        // RFC 7636 §4.6; RFC 9700 §4.8.2: a verifier without a challenge hints at a stripped challenge.
        let verifier = match (&content.code_challenge, &presented.verifier) {
            (Some(challenge), Some(verifier)) => challenge.is_answered_by(verifier.expose()),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        match (client, redirect_uri, verifier) {
            (true, true, true) => None,
            (false, _, _) => Some("the code was issued to another client"),
            (_, false, _) => Some("redirect_uri is not the one of the authorization request"),
            (_, _, false) => Some("code_verifier does not answer the challenge of the authorization request"),
        }
    }

    /// The person of the code and their session, unless something ended between code and redemption (decision 2.6).
    async fn present_user(&self, tx: &Tx, content: &CodeContent) -> Result<Result<Present, &'static str>, StoreError> {
        let who = &content.authentication;
        // From here on nobody ends the session before the family is there to be ended with it.
        let session = match &who.session_id {
            Some(session) => sessions::lock_row(tx, session).await?,
            None => None,
        };
        let Some(session) = session.filter(|session| session.is_alive(self.now)) else {
            return Ok(Err("the browser session of the code is over"));
        };
        // Read under the lock of the session, which the lock of a person and the removal of a phone take as well.
        let user = users::find_with_phone(tx, &who.user_id, who.device_id.as_ref()).await?.filter(|user| !user.locked);
        let present = user.map(|user| (user, session));
        Ok(present.ok_or("the person of the code is locked or gone, or the phone that approved the login was removed"))
    }

    /// RFC 6749 §4.1.2: a code that is used again revokes what it gave. Audited once, when that changes something.
    async fn refuse_reuse(&self, tx: &Tx, code: &StoredCode) -> Result<Outcome, StoreError> {
        if let Some(grant_id) = &code.grant_id
            && grants::revoke(tx, grant_id, self.now).await?
        {
            let person = &code.content.authentication.user_id;
            self.reused.about(person.as_str(), grant_id.as_str()).write(tx, self.now).await?;
        }
        Ok(Outcome::Reused)
    }

    fn grant(&self, content: CodeContent, terms: &Terms) -> Grant {
        let lifetime = if terms.refresh { self.settings.lifetimes.refresh_absolute } else { terms.access_lifetime };
        Grant {
            id: self.grant_id.clone(),
            client_id: self.client.id.clone(),
            scope: terms.scope.clone(),
            nonce: content.nonce,
            authentication: content.authentication,
            created_at: self.now,
            expires_at: self.now.plus(lifetime),
            revoked_at: None,
        }
    }

    async fn insert(&self, tx: &Tx, grant: &Grant, terms: &Terms, access_ends: Timestamp) -> Result<(), StoreError> {
        grants::insert(tx, grant).await?;
        let access = AccessToken {
            digest: self.access.clone(),
            grant_id: grant.id.clone(),
            scope: terms.scope.clone(),
            issued_at: self.now,
            expires_at: access_ends,
        };
        access_tokens::insert(tx, &access).await?;
        if terms.refresh {
            let refresh = RefreshToken {
                digest: self.refresh.clone(),
                grant_id: grant.id.clone(),
                predecessor: None,
                issued_at: self.now,
                expires_at: self.now.plus(self.settings.lifetimes.refresh_sliding).min(grant.expires_at),
                rotated_at: None,
            };
            refresh_tokens::insert(tx, &refresh).await?;
        }
        self.issued.about(grant.authentication.user_id.as_str(), grant.id.as_str()).write(tx, self.now).await
    }
}

#[cfg(test)]
#[path = "authorization_code_tests.rs"]
mod tests;

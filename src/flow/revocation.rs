//! Token revocation (RFC 7009). An access token is revoked alone, a refresh token with its whole family (RFC 7009 §2.1). A token
//! of another client is refused with `unauthorized_client` (RFC 6749 §5.2), which tells no more than its holder
//! knows. A revocation is durable before the answer.

use super::Op;
use super::client_authentication::authenticate;
use super::client_request::ClientRequest;
use super::error::OAuthError;
use super::token::access_token::{digest_of_presented, is_opaque};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::client::Client;
use crate::domain::clock::Timestamp;
use crate::domain::grant::Grant;
use crate::domain::secret::SecretDigest;
use crate::flow::audit::PendingEvent;
use crate::protocol::error::ErrorCode;
use crate::store::{StoreError, Tx, access_tokens, grants, refresh_tokens};

struct Revocation {
    /// Its digest as a token of either kind, where the text can be one.
    access: Option<SecretDigest>,
    refresh: Option<SecretDigest>,
    client: Client,
    now: Timestamp,
    revoked: PendingEvent,
}

/// `token_type_hint` is not needed (RFC 7009 §2.1: the server may ignore it).
/// Costs: one read for the client; one write of at most three reads and two updates; none for a text that cannot be a token.
/// Errors: `invalid_client`; `invalid_request` without a token; `unauthorized_client` for a token of another client.
pub(crate) async fn answer(op: &Op, request: &ClientRequest<'_>) -> Result<(), OAuthError> {
    let client = authenticate(op, request).await?;
    let missing = OAuthError::new(ErrorCode::InvalidRequest, "token is missing");
    let presented = request.parameters.get("token").ok_or(missing)?;
    let event = AuditEvent {
        client: Some(client.id.as_str().to_owned()),
        origin: request.origin.clone(),
        ..AuditEvent::new(AuditKind::TokenRevoked)
    };
    let revocation = Revocation {
        access: digest_of_presented(op, presented),
        refresh: is_opaque(presented).then(|| SecretDigest::of(presented.as_bytes())),
        now: op.env.now(),
        revoked: PendingEvent::new(&op.env, event)?,
        client,
    };
    if revocation.access.is_none() && revocation.refresh.is_none() {
        return Ok(());
    }
    let caller = revocation.client.id.clone();
    if op.store.write(revocation, |tx, job| Box::pin(job.run(tx))).await? {
        return Ok(());
    }
    Err(OAuthError::new(ErrorCode::UnauthorizedClient, "the token was not issued to this client")
        .hint(format!("{caller}: tried to revoke a token of another client")))
}

impl Revocation {
    /// False: it is another client's. Gone or never there is all the same to the client (RFC 7009 §2.2).
    async fn run(&self, tx: &Tx) -> Result<bool, StoreError> {
        if let Some(digest) = &self.access
            && let Some(found) = access_tokens::find(tx, digest).await?
        {
            if found.grant.client_id != self.client.id {
                return Ok(false);
            }
            if access_tokens::delete(tx, digest).await? {
                self.audit(tx, &found.grant).await?;
            }
            return Ok(true);
        }
        if let Some(digest) = &self.refresh
            && let Some(found) = refresh_tokens::find(tx, digest).await?
        {
            if found.grant.client_id != self.client.id {
                return Ok(false);
            }
            if grants::revoke(tx, &found.grant.id, self.now).await? {
                self.audit(tx, &found.grant).await?;
            }
        }
        Ok(true)
    }

    async fn audit(&self, tx: &Tx, grant: &Grant) -> Result<(), StoreError> {
        self.revoked.about(grant.authentication.user_id.as_str(), grant.id.as_str()).write(tx, self.now).await
    }
}

#[cfg(test)]
mod tests;

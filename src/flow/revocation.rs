//! Token revocation (RFC 7009). An access token is revoked alone, a refresh token with its whole family (RFC 7009 §2.1). A token
//! of another client is refused with `unauthorized_client` (RFC 6749 §5.2), which tells no more than its holder
//! knows. A revocation is durable before the answer.

use super::client_authentication::authenticate;
use super::client_request::ClientRequest;
use super::prelude::*;
use super::token::access_token::{digest_of_presented, is_opaque};
use crate::domain::id::ClientId;
use crate::store::{access_tokens, grants, refresh_tokens};

struct Revocation {
    /// Its digest as a token of either kind, where the text can be one.
    access: Option<SecretDigest>,
    refresh: Option<SecretDigest>,
    client: ClientId,
    now: Timestamp,
    revoked: PendingEvent,
}

/// `token_type_hint` is not needed (RFC 7009 §2.1: the server may ignore it).
/// Costs: one read for the client; one write of at most three reads and two updates; none for a text that cannot be a token.
/// Errors: `invalid_client`; `invalid_request` without a token; `unauthorized_client` for a token of another client.
pub(crate) async fn answer(op: &Op, request: &ClientRequest<'_>) -> Result<(), OAuthError> {
    let client = authenticate(op, request).await?.id;
    let missing = OAuthError::new(ErrorCode::InvalidRequest, "token is missing");
    let presented = request.parameters.get("token").ok_or(missing)?;
    let access = digest_of_presented(op, presented);
    let refresh = is_opaque(presented).then(|| SecretDigest::of(presented.as_bytes()));
    if access.is_none() && refresh.is_none() {
        return Ok(());
    }
    let event = AuditEvent {
        client: Some(client.as_str().to_owned()),
        origin: request.origin.clone(),
        ..AuditEvent::new(AuditKind::TokenRevoked)
    };
    let revoked = PendingEvent::new(&op.store, event)?;
    let job = Revocation { access, refresh, client: client.clone(), now: op.env.now(), revoked };
    if op.store.write(job, |tx, job| Box::pin(job.run(tx))).await? {
        return Ok(());
    }
    Err(OAuthError::new(ErrorCode::UnauthorizedClient, "the token was not issued to this client")
        .hint(format!("{client}: tried to revoke a token of another client")))
}

impl Revocation {
    /// False: it is another client's. Gone or never there is all the same to the client (RFC 7009 §2.2).
    async fn run(&self, tx: &Tx) -> Result<bool, StoreError> {
        let access = match &self.access {
            Some(digest) => access_tokens::find(tx, digest).await?.map(|found| (found.grant, Some(digest))),
            None => None,
        };
        let found = match (access, &self.refresh) {
            (None, Some(digest)) => refresh_tokens::find(tx, digest).await?.map(|found| (found.grant, None)),
            (access, _) => access,
        };
        let Some((grant, access)) = found else { return Ok(true) };
        if grant.client_id != self.client {
            return Ok(false);
        }
        let changed = match access {
            Some(digest) => access_tokens::delete(tx, digest).await?,
            None => grants::revoke(tx, &grant.id, self.now).await?,
        };
        if changed {
            self.revoked.about(grant.authentication.user_id.as_str(), grant.id.as_str()).write(tx, self.now).await?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;

//! Telling a client that a session ended (OIDC Back-Channel Logout 1.0 §2.4–2.8): one attempt of one row of the queue. At least
//! once: when this node dies before it notes that a token arrived, it is sent again with the same `jti` (§2.6).

use url::Url;

use super::prelude::*;
use crate::outbound::CallError;
use crate::protocol::claims::{LogoutTokenClaims, events};
use crate::protocol::jws::TokenType;
use crate::store::backchannel_logouts::BackchannelLogout;
use crate::store::{backchannel_logouts, clients};

/// Connecting, TLS and the answer's status together (check 102).
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(5);
/// How long a node has for an attempt, its writes included; then another takes over.
pub(crate) const LEASE: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 5;
/// Two minutes at most (OIDC Back-Channel Logout §2.4).
const TOKEN_LIFETIME: Duration = Duration::from_secs(120);
/// After a code was redeemed, what waited for it still leaves the client the time to finish its login (decision 2.16).
pub(crate) const SETTLE: Duration = Duration::from_secs(2);

enum Attempt {
    Delivered,
    /// There is nobody to tell any more.
    NobodyThere,
    Failed(String),
}

/// Costs: one commit for the lease, one read, one signature, one call of at most 5 s, one commit.
pub(crate) async fn deliver(op: &Op, logout: &BackchannelLogout, owner: &str) -> Result<(), Internal> {
    let now = op.env.now();
    let lease = (logout.id.clone(), owner.to_owned());
    let until = now.plus(LEASE);
    if !op.store.write(lease, move |tx, (id, owner)| Box::pin(backchannel_logouts::lease(tx, id, owner, until, now))).await? {
        return Ok(());
    }
    let tried = u32::try_from(logout.attempts).unwrap_or(u32::MAX).saturating_add(1);
    match attempt(op, logout).await.or_else(|error| of_ours(logout, error))? {
        Attempt::Delivered => finish(op, logout, owner, AuditKind::LogoutDelivered, format!("attempt {tried}")).await,
        Attempt::NobodyThere => finish(op, logout, owner, AuditKind::LogoutUndelivered, "not registered".to_owned()).await,
        Attempt::Failed(why) if tried >= ATTEMPTS => {
            tracing::warn!(client = %logout.client_id, %why, attempts = tried, "a client was not told of a logout: given up");
            finish(op, logout, owner, AuditKind::LogoutUndelivered, why).await
        }
        Attempt::Failed(why) => {
            tracing::info!(client = %logout.client_id, %why, attempt = tried, "a client could not be told of a logout yet");
            retry(op, logout, owner, tried).await
        }
    }
}

/// What of ours fails for this client each time is an attempt in vain as well. A database that cannot be reached could not note one.
fn of_ours(logout: &BackchannelLogout, error: Internal) -> Result<Attempt, Internal> {
    if matches!(&error, Internal::Store(error) if error.is_unavailable()) {
        return Err(error);
    }
    tracing::warn!(client = %logout.client_id, %error, "a logout token cannot be made");
    Ok(Attempt::Failed("no token can be made".to_owned()))
}

async fn attempt(op: &Op, logout: &BackchannelLogout) -> Result<Attempt, Internal> {
    let client = clients::find(op.store.read(), &logout.client_id).await?.filter(|client| !client.disabled);
    let Some((client, uri)) = client.and_then(|client| Some((client.clone(), client.metadata.backchannel_logout_uri?))) else {
        return Ok(Attempt::NobodyThere);
    };
    let Ok(url) = Url::parse(uri.as_str()) else { return Ok(Attempt::NobodyThere) };
    let token = token(op, logout, &client)?;
    let called = op.outbound.post_form(&url, ("logout_token", token.expose()), CALL_LIMIT).await;
    Ok(match called {
        // §2.8: 200; some frameworks answer 204 instead, which means the same.
        Ok(200 | 204) => Attempt::Delivered,
        Ok(status) => Attempt::Failed(format!("HTTP {status}")),
        Err(error @ (CallError::Refused(_) | CallError::TimedOut(_))) => Attempt::Failed(error.to_string()),
        Err(CallError::Failed(source)) => {
            tracing::debug!(client = %logout.client_id, error = %source, "a logout token was not delivered");
            Attempt::Failed("no answer".to_owned())
        }
    })
}

/// The logout token (§2.4), signed as the client's ID tokens are. `sub` and `sid` both, whatever the client demands.
fn token(op: &Op, logout: &BackchannelLogout, client: &Client) -> Result<Secret, Internal> {
    let now = op.env.now();
    let claims = LogoutTokenClaims {
        iss: op.settings.issuer.clone(),
        sub: logout.user_id.as_str().to_owned(),
        aud: client.id.as_str().to_owned(),
        iat: now.as_seconds(),
        exp: now.plus(TOKEN_LIFETIME).as_seconds(),
        jti: logout.id.clone(),
        sid: logout.session_id.as_str().to_owned(),
        events: events(),
    };
    Ok(op.keys.sign(client.metadata.id_token_signed_response_alg, TokenType::Logout, &claims)?)
}

async fn finish(op: &Op, logout: &BackchannelLogout, owner: &str, kind: AuditKind, detail: String) -> Result<(), Internal> {
    let event = AuditEvent {
        user: Some(logout.user_id.as_str().to_owned()),
        client: Some(logout.client_id.as_str().to_owned()),
        subject: Some(logout.session_id.as_str().to_owned()),
        detail: Some(detail),
        ..AuditEvent::new(kind)
    };
    let now = op.env.now();
    let input = (logout.id.clone(), owner.to_owned(), PendingEvent::new(&op.store, event)?);
    let written = op.store.write(input, move |tx, (id, owner, entry)| {
        Box::pin(async move { entry.write_if(backchannel_logouts::delete(tx, id, owner).await?, tx, now).await })
    });
    written.await?;
    Ok(())
}

async fn retry(op: &Op, logout: &BackchannelLogout, owner: &str, tried: u32) -> Result<(), Internal> {
    let due_at = op.env.now().plus(pause(op.settings.retry, tried, op.env.random_bytes()?));
    let input = (logout.id.clone(), owner.to_owned());
    op.store.write(input, move |tx, (id, owner)| Box::pin(backchannel_logouts::retry(tx, id, owner, due_at))).await?;
    Ok(())
}

/// Four times as long after each, give or take a fifth, so that many rows for a client that was down do not come back in step.
pub(super) fn pause(first: Duration, tried: u32, [chance]: [u8; 1]) -> Duration {
    let plain = first.saturating_mul(4_u32.saturating_pow(tried.saturating_sub(1)));
    plain.saturating_mul(80 + 40 * u32::from(chance) / 255) / 100
}

#[cfg(test)]
mod tests;

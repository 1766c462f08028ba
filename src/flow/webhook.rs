//! Telling the operator's webhook of an event of the audit trail: one attempt of one row of the queue. At least once: when this node
//! dies before it notes that the event was heard, it is told again under the same id.

use aws_lc_rs::hmac;
use url::Url;

use super::backchannel_logout::{CALL_LIMIT, LEASE, pause};
use super::prelude::*;
use crate::domain::hex::hex;
use crate::domain::settings::WebhookSettings;
use crate::outbound::CallError;
use crate::store::webhook_events::{self, WebhookEvent};

const SIGNATURE: &str = "signbridge-signature";
/// With pauses that grow to an hour they take about four and a half hours.
const ATTEMPTS: u32 = 10;
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// So many rows wait at most, for so long.
const MOST: u64 = 10_000;
const KEPT: Duration = Duration::from_secs(86_400);

/// Returns whether the webhook may be called again at once. Costs: one commit for the lease, one call of at most 5 s, one commit.
pub(crate) async fn deliver(op: &Op, hook: &WebhookSettings, event: &WebhookEvent, owner: &str) -> Result<bool, Internal> {
    let now = op.env.now();
    let (lease, until) = ((event.id.clone(), owner.to_owned()), now.plus(LEASE));
    if !op.store.write(lease, move |tx, (id, owner)| Box::pin(webhook_events::lease(tx, id, owner, until, now))).await? {
        return Ok(true);
    }
    if now.since(event.created_at) >= KEPT {
        return over(op, event, owner, "dropped").await.map(|()| true);
    }
    let tried = u32::try_from(event.attempts).unwrap_or(u32::MAX).saturating_add(1);
    let Err(why) = attempt(op, hook, event).await else {
        return over(op, event, owner, "delivered").await.map(|()| true);
    };
    if tried >= ATTEMPTS {
        tracing::warn!(event = %event.id, %why, attempts = tried, "the webhook was not told of an event: given up");
        return over(op, event, owner, "given_up").await.map(|()| false);
    }
    tracing::info!(event = %event.id, %why, attempt = tried, "the webhook could not be told of an event yet");
    let later = pause(op.settings.retry, tried, op.env.random_bytes()?).min(LONGEST_PAUSE);
    let (input, due_at) = ((event.id.clone(), owner.to_owned()), op.env.now().plus(later));
    if op.store.write(input, move |tx, (id, owner)| Box::pin(webhook_events::retry(tx, id, owner, due_at))).await? {
        metrics::WEBHOOK_EVENTS.add(["failed"]);
    }
    Ok(false)
}

/// The error is for the log: it never holds the URL.
async fn attempt(op: &Op, hook: &WebhookSettings, event: &WebhookEvent) -> Result<(), String> {
    let url = Url::parse(hook.url.expose()).map_err(|_checked_at_start| "not a URL".to_owned())?;
    let signature = signature(&hook.secret, op.env.now(), &event.body);
    match op.outbound.post_signed(&url, &event.body, (SIGNATURE, &signature), CALL_LIMIT).await {
        Ok(200..=299) => Ok(()),
        Ok(status) => Err(format!("HTTP {status}")),
        Err(CallError::Failed(source)) => {
            tracing::debug!(event = %event.id, error = %source, "the webhook did not answer");
            Err("no answer".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// `t=SECONDS,v1=HEX`: HMAC-SHA256 over `SECONDS.BODY`. The time is that of the attempt.
fn signature(secret: &Secret, now: Timestamp, body: &str) -> String {
    let seconds = now.as_seconds();
    let mut signed = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()));
    signed.update(format!("{seconds}.").as_bytes());
    signed.update(body.as_bytes());
    format!("t={seconds},v1={}", hex(signed.sign().as_ref()))
}

async fn over(op: &Op, event: &WebhookEvent, owner: &str, outcome: &'static str) -> Result<(), Internal> {
    let input = (event.id.clone(), owner.to_owned());
    if op.store.write(input, |tx, (id, owner)| Box::pin(webhook_events::delete(tx, id, owner))).await? {
        metrics::WEBHOOK_EVENTS.add([outcome]);
    }
    Ok(())
}

/// Drops the oldest events where too many wait.
pub(crate) async fn make_room(op: &Op) -> Result<(), Internal> {
    if webhook_events::count(op.store.read()).await? <= MOST {
        return Ok(());
    }
    let dropped = op.store.write((), |tx, ()| Box::pin(webhook_events::delete_oldest(tx, MOST))).await?;
    tracing::warn!(dropped, "too many events wait for the webhook: the oldest were dropped");
    for _event in 0..dropped {
        metrics::WEBHOOK_EVENTS.add(["dropped"]);
    }
    Ok(())
}

#[cfg(test)]
mod tests;

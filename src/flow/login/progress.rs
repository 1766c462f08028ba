//! What an upstream's answer means for a login: the authentication decision. Each transition is one conditional statement, so that
//! answers may arrive twice and out of order.

use tokio::time::Instant;

use super::end::{self, UpstreamSession};
use super::outcome;
use crate::domain::login::{End, LoginStage, Purpose, UpstreamHandle};
use crate::domain::user::Upstream;
use crate::flow::prelude::*;
use crate::store::devices;
use crate::upstream::Progress;

/// Between polls while nobody has touched the phone, and up to how much more at random; and once somebody has.
const SLOW: Duration = Duration::from_millis(1300);
const SLOW_MORE: Duration = Duration::from_millis(400);
const FAST: Duration = Duration::from_secs(1);
/// How long after its deadline a login is ended and withdrawn: its page has heard of the end by then, from the deadline alone.
pub(crate) const AFTER_DEADLINE: Duration = Duration::from_millis(300);
/// By how much the upstream's clock may be ahead: what it calls expired so shortly before the deadline ends at the deadline.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

pub(crate) fn next_poll(op: &Op, login: &Login) -> Result<Duration, RandomError> {
    match &login.stage {
        LoginStage::Creating | LoginStage::Fetched(_) if login.subject != Subject::Decoy => Ok(FAST),
        _untouched => slowly(op),
    }
}

/// Not in step with anything that an observer could count from.
fn slowly(op: &Op) -> Result<Duration, RandomError> {
    let [random] = op.env.random_bytes()?;
    Ok(SLOW + SLOW_MORE * u32::from(random) / u32::from(u8::MAX))
}

/// Returns after how long to ask again; `None`: the login is over.
pub(crate) async fn apply(
    op: &Op,
    login: &Login,
    handle: &UpstreamHandle,
    progress: Progress,
) -> Result<Option<Duration>, Internal> {
    let left = login.deadline.since(op.env.now());
    match progress {
        Progress::Pending => Ok(Some(slowly(op)?)),
        Progress::Fetched => {
            if !matches!(login.stage, LoginStage::Fetched(_)) {
                op.store.write(login.id.clone(), |tx, id| Box::pin(logins::mark_fetched(tx, id))).await?;
                op.signals.login_changed(&login.id);
            }
            Ok(Some(FAST))
        }
        Progress::Approved { upstream_user } => approve(op, login, &upstream_user).await.map(|()| None),
        // A browser that nobody used before sees a pending login until it expires. What ThumbSignIn says comes from the phone
        // that scanned the code: whoever holds that knows.
        Progress::Ended(how) if login.upstream != Upstream::ThumbSignIn && login.must_be_masked(how) => Ok(Some(slowly(op)?)),
        // Over by the clock, which is ours (decision 2.6), or after the page heard so.
        Progress::Ended(how) if left.is_zero() || (how == End::Expired && left <= CLOCK_SKEW) => {
            Ok(Some(left + AFTER_DEADLINE))
        }
        Progress::Ended(how) => {
            // Taken away from the phone meanwhile, which is what the upstream tells: its page must not (decision 2.7).
            let found = logins::find(op.store.read(), &login.id).await?;
            if found.is_some_and(|found| found.subject == Subject::Decoy) {
                return Ok(Some(slowly(op)?));
            }
            end::end(op, login, how, UpstreamSession::Dead).await?;
            Ok(None)
        }
        Progress::Nonsense { detail, wrong_person } => {
            tracing::error!(login = %login.id, upstream = %login.upstream, %detail, wrong_person, "refused an answer");
            if wrong_person {
                mismatch(op, login).await?;
            }
            end::end(op, login, End::Failed(Reason::Technical), UpstreamSession::MayLive).await?;
            end::release_once_cancelled(op, login, handle, Instant::now()).await?;
            Ok(None)
        }
    }
}

/// The upstream says that somebody approved: that must be the user who was asked, or, where nobody was named, somebody
/// who has an account here (decision 2.3). The deadline is compared in the statement that writes it.
async fn approve(op: &Op, login: &Login, upstream_user: &str) -> Result<(), Internal> {
    let device = match &login.subject {
        Subject::Named(asked) if asked.upstream_user == upstream_user => Some((asked.user_id.clone(), asked.device_id.clone())),
        Subject::Named(_) => {
            mismatch(op, login).await?;
            return end::end(op, login, End::Failed(Reason::Technical), UpstreamSession::Dead).await.map(drop);
        }
        Subject::Unnamed | Subject::Decoy => {
            let found = devices::find_by_upstream_user(op.store.read(), login.upstream, upstream_user).await?;
            found.map(|device| (device.user_id, device.id))
        }
    };
    let Some((user_id, device_id)) = device else {
        return end::end(op, login, End::Failed(Reason::NotRegistered), UpstreamSession::Dead).await.map(drop);
    };
    let now = op.env.now();
    let registered = PendingEvent::new(&op.env, outcome::registered(login, &device_id))?;
    let input = (login.clone(), user_id, device_id, registered);
    let approved = op.store.write(input, move |tx, (login, user, device, registered)| {
        Box::pin(outcome::approve(tx, login, (user, device), registered, now))
    });
    let approved = approved.await?;
    if !approved && matches!(login.purpose, Purpose::Enrolment(_)) {
        tracing::warn!(login = %login.id, "a phone that its service registered is refused here");
    }
    if approved {
        op.signals.login_changed(&login.id);
    } else if op.env.now() >= login.deadline {
        end::end(op, login, End::Expired, UpstreamSession::Dead).await?;
    } else if matches!(login.purpose, Purpose::Enrolment(_)) {
        end::end(op, login, End::Failed(Reason::Technical), UpstreamSession::Dead).await?;
    }
    Ok(())
}

async fn mismatch(op: &Op, login: &Login) -> Result<(), Internal> {
    let now = op.env.now();
    let event = PendingEvent::new(&op.env, end::about(login, AuditKind::LoginMismatch, login.upstream.as_str()))?;
    op.store.write(event, move |tx, event| Box::pin(event.write(tx, now))).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;
    use crate::flow::login::tests::scene::Scene;

    #[tokio::test]
    async fn the_services_clock_does_not_end_a_login_just_before_or_after_its_deadline() {
        let handle = UpstreamHandle(Secret::new(String::new()));
        for (seconds, how, ends) in [
            (10, End::Expired, Some("expired")),
            (10, End::Denied, Some("denied")),
            (117, End::Expired, None),
            (117, End::Denied, Some("denied")),
            (120, End::Denied, None),
            (120, End::Cancelled(None), None),
        ] {
            let scene = Scene::new(Duration::ZERO).await;
            let (op, login) = (&scene.bench.op, scene.begin("alice").await);
            scene.bench.advance(seconds);
            let again = apply(op, &login, &handle, Progress::Ended(how)).await.unwrap();
            let stage = scene.login(&login.id).await.stage;
            assert_eq!(again.is_none(), ends.is_some(), "{how:?} after {seconds} s");
            assert_eq!(stage.state(), ends.unwrap_or("pending"), "{how:?} after {seconds} s");
        }
    }
}

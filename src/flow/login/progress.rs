//! What an upstream's answer means for a login: the authentication decision. Each transition is one conditional statement, so that
//! answers may arrive twice and out of order.

use tokio::time::Instant;
use tracing::Instrument as _;

use super::disown;
use super::end::{self, UpstreamSession};
use super::outcome::{self, Registration};
use crate::domain::login::{End, LoginStage, UpstreamHandle};
use crate::domain::user::Upstream;
use crate::flow::prelude::*;
use crate::store::devices;
use crate::upstream::{FAST, Progress, SLOW};

/// By how much sooner or later than on average a slow poll may come.
const SPREAD: Duration = Duration::from_millis(200);
/// The most between two polls (decision 2.8).
const SLOWEST: Duration = Duration::from_secs(2);
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
    between(op, SLOW - SPREAD, SLOW + SPREAD)
}

/// After a question that was not answered. An outage may cut off all at one moment: they do not come back at one (R23).
pub(crate) fn unanswered(op: &Op) -> Result<Duration, RandomError> {
    between(op, FAST, SLOWEST)
}

fn between(op: &Op, least: Duration, most: Duration) -> Result<Duration, RandomError> {
    let [random] = op.env.random_bytes()?;
    Ok(least + (most - least) * u32::from(random) / u32::from(u8::MAX))
}

/// Returns after how long to ask again; `None`: the login is over.
pub(crate) async fn apply(
    op: &Op,
    login: &Login,
    handle: &UpstreamHandle,
    progress: Progress,
) -> Result<Option<Duration>, Internal> {
    match progress {
        Progress::Pending => Ok(Some(slowly(op)?)),
        Progress::Fetched => {
            if !matches!(login.stage, LoginStage::Fetched(_)) {
                op.store.write(login.id.clone(), |tx, id| Box::pin(logins::mark_fetched(tx, id))).await?;
                op.signals.login_changed(&login.id);
            }
            Ok(Some(FAST))
        }
        Progress::Approved { upstream_user } => {
            if approve(op, login, &upstream_user).await? {
                release(op, login, handle.clone());
            }
            Ok(None)
        }
        // A browser that nobody used before sees a pending login until it expires. What ThumbSignIn says comes from the phone
        // that scanned the code: whoever holds that knows.
        Progress::Ended(how) if login.upstream != Upstream::ThumbSignIn && login.must_be_masked(how) => Ok(Some(slowly(op)?)),
        Progress::Ended(how) => over(op, login, how, false).await,
        Progress::Disowned => over(op, login, End::Denied, true).await,
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

/// The upstream says that it is over, perhaps with the user's word that they did not begin it. As [`apply`].
async fn over(op: &Op, login: &Login, how: End, is_disowned: bool) -> Result<Option<Duration>, Internal> {
    let left = login.deadline.since(op.env.now());
    // Over by the clock, which is ours (decision 2.6), or after the page heard so.
    let is_over = left.is_zero() || (how == End::Expired && left <= CLOCK_SKEW);
    // Taken away from the phone meanwhile, which is what the upstream tells: its page must not (decision 2.7).
    let is_taken =
        !is_over && logins::find(op.store.read(), &login.id).await?.is_some_and(|found| found.subject == Subject::Decoy);
    if is_over || is_taken {
        if is_disowned {
            disown::after_the_end(op, login).await?;
        }
        return Ok(Some(if is_over { left + AFTER_DEADLINE } else { slowly(op)? }));
    }
    if is_disowned {
        disown::by_phone(op, login).await?;
    } else {
        end::end(op, login, how, UpstreamSession::Dead).await?;
    }
    Ok(None)
}

/// The upstream says that somebody approved: that must be the user who was asked, or, where nobody was named, somebody
/// who has an account here (decision 2.3). The deadline is compared in the statement that writes it. Returns whether the login
/// is approved by it.
async fn approve(op: &Op, login: &Login, upstream_user: &str) -> Result<bool, Internal> {
    let device = match &login.subject {
        Subject::Named(asked) if asked.upstream_user == upstream_user => Some((asked.user_id.clone(), asked.device_id.clone())),
        Subject::Named(_) => {
            mismatch(op, login).await?;
            end::end(op, login, End::Failed(Reason::Technical), UpstreamSession::Dead).await?;
            return Ok(false);
        }
        Subject::Unnamed | Subject::Decoy => {
            let found = devices::find_by_upstream_user(op.store.read(), login.upstream, upstream_user).await?;
            found.map(|device| (device.user_id, device.id))
        }
    };
    let Some((user_id, device_id)) = device else {
        end::end(op, login, End::Failed(Reason::NotRegistered), UpstreamSession::Dead).await?;
        return Ok(false);
    };
    let (now, registration) = (op.env.now(), Registration::of(op, login)?);
    let registers = registration.is_some();
    let about = end::about(login, AuditKind::LoginApproved, login.upstream.as_str());
    let event = PendingEvent::new(&op.store, AuditEvent { user: Some(user_id.to_string()), ..about })?;
    let input = (login.id.clone(), user_id, device_id, registration, event);
    let approved = op.store.write(input, move |tx, (login, user, device, registration, event)| {
        Box::pin(async move {
            let approved = outcome::approve(tx, login, (user, device), registration.as_ref(), now).await?;
            event.write_if(approved, tx, now).await
        })
    });
    let approved = approved.await?;
    if registers && !approved {
        tracing::warn!(login = %login.id, "a phone that its service registered is refused here");
    }
    if approved {
        op.signals.login_changed(&login.id);
        if registers {
            outcome::counter(&login.purpose).add([login.upstream.as_str(), "succeeded", ""]);
        }
    } else if op.env.now() >= login.deadline {
        end::end(op, login, End::Expired, UpstreamSession::Dead).await?;
    } else if registers {
        end::end(op, login, End::Failed(Reason::Technical), UpstreamSession::Dead).await?;
    }
    Ok(approved)
}

/// Nobody waits for it, and nothing comes of it here.
fn release(op: &Op, login: &Login, handle: UpstreamHandle) {
    let Some(service) = op.upstreams.get(&login.upstream).cloned() else { return };
    tokio::spawn(async move { service.release(&handle).await }.in_current_span());
}

async fn mismatch(op: &Op, login: &Login) -> Result<(), Internal> {
    let now = op.env.now();
    let event = PendingEvent::new(&op.store, end::about(login, AuditKind::LoginMismatch, login.upstream.as_str()))?;
    op.store.write(event, move |tx, event| Box::pin(event.write(tx, now))).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::domain::login::{PortalAction, Purpose};
    use crate::flow::login::finish::{Finished, finish};
    use crate::flow::login::tests::scene::{Scene, browser_called};
    use crate::upstream::{BeginError, BeginRequest, Begun, Capabilities, PhoneApproval, Unavailable};

    #[tokio::test]
    async fn the_services_clock_does_not_end_a_login_just_before_or_after_its_deadline() {
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
            let again = apply(op, &login, &handle(), Progress::Ended(how)).await.unwrap();
            let stage = scene.login(&login.id).await.stage;
            assert_eq!(again.is_none(), ends.is_some(), "{how:?} after {seconds} s");
            assert_eq!(stage.state(), ends.unwrap_or("pending"), "{how:?} after {seconds} s");
        }
    }

    fn handle() -> UpstreamHandle {
        UpstreamHandle(Secret::new(String::new()))
    }

    fn approved_by(name: &str) -> Progress {
        Progress::Approved { upstream_user: name.to_owned() }
    }

    /// A service that never comes to an end once it is told that an approval was read, and counts how often it is.
    #[derive(Default)]
    struct Absorbed(AtomicUsize);

    #[async_trait]
    impl PhoneApproval for Absorbed {
        fn capabilities(&self) -> Capabilities {
            Capabilities { unnamed: false, matches_symbol: true, exclusive: true }
        }

        async fn begin(&self, _request: BeginRequest) -> Result<Begun, BeginError> {
            Err(BeginError::NotRegistered)
        }

        async fn poll(&self, _handle: &UpstreamHandle, _asked: Option<&str>) -> Result<Progress, Unavailable> {
            Ok(Progress::Pending)
        }

        async fn cancel(&self, _handle: &UpstreamHandle) -> Result<(), Unavailable> {
            Ok(())
        }

        async fn release(&self, _handle: &UpstreamHandle) {
            self.0.fetch_add(1, Ordering::SeqCst);
            pending::<()>().await;
        }
    }

    #[tokio::test]
    async fn the_service_is_told_once_that_an_approval_was_read_and_nobody_waits_for_it() {
        for (name, state, told) in [("alice", "approved", 1), ("bob", "failed", 0)] {
            let scene = Scene::new(Duration::ZERO).await;
            let login = scene.begin("alice").await;
            let service = Arc::new(Absorbed::default());
            let mut op = scene.bench.op.clone();
            op.upstreams.insert(Upstream::SecSign, service.clone());
            for _answer in 0..2 {
                assert!(apply(&op, &login, &handle(), approved_by(name)).await.unwrap().is_none());
                assert_eq!(scene.login(&login.id).await.stage.state(), state, "{name}");
            }
            for _turn in 0..10 {
                tokio::task::yield_now().await;
            }
            assert_eq!(service.0.load(Ordering::SeqCst), told, "{name}");
        }
    }

    #[tokio::test]
    async fn a_release_that_is_refused_changes_nothing() {
        let scene = Scene::that_releases().await;
        let purpose = Purpose::Portal { action: PortalAction::SignIn, return_to: "/account".to_owned() };
        let (op, login) = (&scene.bench.op, scene.begin_for_purpose(purpose, Some(browser_called("portal"))).await);
        let handle = end::open_handle(op, &login).unwrap().unwrap();
        apply(op, &login, &handle, approved_by("alice")).await.unwrap();
        let released = async {
            while scene.calls("ReqReleaseAuthSession") == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), released).await.unwrap();
        let login = scene.login(&login.id).await;
        assert_eq!(login.stage.state(), "approved");
        let finished = finish(op, login, None, RequestSource::default()).await.unwrap();
        assert!(matches!(finished, Finished::SignedIn { .. }), "{finished:?}");
        assert_eq!(scene.calls("ReqReleaseAuthSession"), 1);
    }
}

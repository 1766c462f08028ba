//! The one create call of a login, what came of it, and waiting for somebody else's.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::clock::Timestamp;
use crate::domain::id::LoginId;
use crate::domain::login::{Challenge, End, Login, LoginStage, Reason, Subject, UpstreamHandle};
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::flow::audit::PendingEvent;
use crate::store::{StoreError, Tx, access_passes, logins, pushes};
use crate::upstream::{BeginError, BeginRequest, Begun, PhoneApproval};

use super::begin::Wish;
use super::code;
use super::decoy;
use super::end::{self, UpstreamSession};
use super::pace::Call;

/// By when a create call was answered or given up, and that was written down.
const ANSWERED_WITHIN: Duration = Duration::from_secs(6);
/// How soon an answer on another node is seen.
const REREAD: Duration = Duration::from_millis(100);

/// How often the service is asked when it gives the login a symbol that a page for the same person shows already.
const SYMBOLS: usize = 4;

/// Makes the create call of a login that was just written, and writes down what came of it. What led to it began at `started`: all
/// of it takes a decoy as long as somebody's.
pub(super) async fn create(op: &Op, wish: &Wish, login: Login, mut started: Instant) -> Result<LoginId, Internal> {
    let call = (login.upstream, Call::Create, &op.env);
    for _symbol in 0..SYMBOLS {
        let over = if login.subject == Subject::Decoy {
            let like = op.pace.pretend(call)?;
            let begun = decoy::begin(op, &login, like.failed).await?;
            let over = written(op, &login, begun, None).await?;
            like.pass(started).await;
            over
        } else {
            let (answer, code) = match op.upstreams.get(login.upstream) {
                Some(service) => ask(op, service, wish, &login).await,
                None => (Err(BeginError::Unreachable("it is not configured".into())), None),
            };
            let failed = answer.as_ref().err().map(|error| verdict(error).0).filter(|reason| !reason.is_about_person());
            let over = written(op, &login, answer, code).await?;
            op.pace.made(call, started, failed).await;
            over
        };
        if over {
            return Ok(login.id);
        }
        started = Instant::now();
    }
    end::end(op, &login, End::Failed(Reason::Busy), UpstreamSession::Dead).await?;
    Ok(login.id)
}

/// Writes down what came of a create. False: the symbol may not be shown.
async fn written(
    op: &Op,
    login: &Login,
    answer: Result<Begun, BeginError>,
    code: Option<code::Shown>,
) -> Result<bool, Internal> {
    let over = match answer {
        Ok(begun) => waiting(op, login, begun, code).await?,
        Err(error) => not_begun(op, login, &error).await.map(|()| true)?,
    };
    if over {
        op.signals.login_changed(&login.id);
    }
    Ok(over)
}

/// The login once its create call was answered, on whichever node: a page that is shown before has no picture. Returns it as
/// it is when the answer does not come in time.
pub(super) async fn answered(op: &Op, login: Login) -> Result<Login, Internal> {
    let mut login = login;
    let mut changes = op.signals.subscribe();
    while matches!(login.stage, LoginStage::Creating) && op.env.now().since(login.created_at) < ANSWERED_WITHIN {
        // Whatever wakes us, the row says how it stands.
        drop(tokio::time::timeout(REREAD, changes.recv()).await);
        match logins::find(op.store.read(), &login.id).await? {
            Some(now) => login = now,
            None => break,
        }
    }
    Ok(login)
}

/// What the service answered, and the code that it showed, drawn by us.
type Answer = (Result<Begun, BeginError>, Option<code::Shown>);

async fn ask(op: &Op, service: &Arc<dyn PhoneApproval>, wish: &Wish, login: &Login) -> Answer {
    let upstream_user = match &login.subject {
        Subject::Named(asked) => Some(asked.upstream_user.clone()),
        Subject::Unnamed | Subject::Decoy => None,
    };
    let request = BeginRequest {
        upstream_user,
        service_name: wish.app_name.clone(),
        service_address: issuer_host(&op.settings.issuer),
        user_agent: wish.origin.user_agent.clone(),
    };
    match service.begin(request).await {
        Ok(begun) => {
            let (challenge, code) = code::redrawn(begun.challenge, begun.expires_in);
            (Ok(Begun { challenge, ..begun }), code)
        }
        Err(error) => (Err(error), None),
    }
}

/// What became of the answer to a create.
enum Shown {
    /// The page shows it.
    Pending,
    /// The login ended while the call was under way.
    Ended,
    /// Another open page for the same person, a decoy perhaps, shows this symbol: whoever sits there would take the request on
    /// the phone for theirs.
    Repeated,
}

/// The phone was asked: from here on the broker polls. False: the symbol may not be shown, and the request is withdrawn.
async fn waiting(op: &Op, login: &Login, begun: Begun, code: Option<code::Shown>) -> Result<bool, Internal> {
    let Begun { handle, challenge, expires_in } = begun;
    let now = op.env.now();
    let sealed = UpstreamHandle(op.keys.purposes.seal_login_handle(&op.env, login.id.as_str(), handle.0.expose())?);
    let deadline = expires_in.map_or(login.deadline, |lifetime| now.plus(lifetime).min(login.deadline));
    let real = login.subject != Subject::Decoy;
    let input = (login.clone(), sealed, challenge, code);
    let shown = op
        .store
        .write(input, move |tx, (login, sealed, challenge, code)| {
            Box::pin(async move {
                if is_shown(tx, login, challenge, now).await? {
                    // Nobody is asked anew for a login that was withdrawn meanwhile.
                    let found = logins::find(tx, &login.id).await?;
                    let waits = found.is_some_and(|found| matches!(found.stage, LoginStage::Creating));
                    return Ok(if waits { Shown::Repeated } else { Shown::Ended });
                }
                if let Challenge::AccessPass(Some(image)) = challenge
                    && real
                {
                    access_passes::insert(tx, image, now).await?;
                }
                if let Some(code) = code {
                    code::keep(tx, code).await?;
                }
                let begun = logins::begun(tx, &login.id, sealed, challenge, deadline).await?;
                Ok(if begun { Shown::Pending } else { Shown::Ended })
            })
        })
        .await?;
    match shown {
        Shown::Pending => op.signals.login_begun(),
        // Withdrawn while the call was under way: take it back at the service as well.
        Shown::Ended if real => drop(end::release_after_cancel(op, login, &handle).await?),
        Shown::Repeated if real && !end::cancel(op, login, &handle, Instant::now()).await? => {
            end::end(op, login, End::Failed(Reason::UpstreamDown), UpstreamSession::MayLive).await?;
        }
        Shown::Repeated => return Ok(false),
        Shown::Ended => {}
    }
    Ok(true)
}

/// Whether another open login that concerns the same person, or the same name of nobody, shows this symbol. Those that begin
/// at the same moment take turns.
async fn is_shown(tx: &Tx, login: &Login, challenge: &Challenge, now: Timestamp) -> Result<bool, StoreError> {
    let (Challenge::AccessPass(Some(image)), Some(target)) = (challenge, &login.concern.target) else { return Ok(false) };
    pushes::lock_counter(tx, format!("symbols/{}/{target}", login.upstream), now).await?;
    Ok(logins::list_symbols(tx, login.upstream, target, &login.id, now).await?.contains(image))
}

/// What a failed create means for the login, and for the session at the service.
const fn verdict(error: &BeginError) -> (Reason, UpstreamSession) {
    match error {
        BeginError::NotRegistered => (Reason::NotRegistered, UpstreamSession::Dead),
        BeginError::Frozen => (Reason::Frozen, UpstreamSession::Dead),
        BeginError::Unreachable(_) => (Reason::UpstreamDown, UpstreamSession::Dead),
        BeginError::InDoubt(_) => (Reason::UpstreamDown, UpstreamSession::InDoubt),
        BeginError::Unusable { in_doubt: true, .. } => (Reason::TechnicalReason, UpstreamSession::InDoubt),
        BeginError::Unusable { in_doubt: false, .. } => (Reason::TechnicalReason, UpstreamSession::Dead),
    }
}

async fn not_begun(op: &Op, login: &Login, error: &BeginError) -> Result<(), Internal> {
    tracing::warn!(login = %login.id, upstream = %login.upstream, %error, "the phone was not asked");
    let (reason, session) = verdict(error);
    if login.must_not_tell(End::Failed(reason)) {
        return disguise(op, login, End::Failed(reason)).await;
    }
    end::end(op, login, End::Failed(reason), session).await?;
    if let BeginError::Unusable { handle: Some(handle), .. } = error {
        end::release_after_cancel(op, login, handle).await?;
    }
    Ok(())
}

/// Lets a login that has come to this end go on as a decoy; only the audit trail knows. One commit.
async fn disguise(op: &Op, login: &Login, how: End) -> Result<(), Internal> {
    let Begun { challenge, expires_in, .. } = decoy::disguise(op, login).await?;
    let now = op.env.now();
    let deadline = expires_in.map_or(login.deadline, |lifetime| now.plus(lifetime).min(login.deadline));
    let input = (login.id.clone(), challenge, PendingEvent::new(&op.env, end::event(login, how))?);
    op.store
        .write(input, move |tx, (id, challenge, event)| {
            Box::pin(async move {
                if logins::disguise(tx, id, challenge, deadline).await? {
                    event.write(tx, now).await?;
                }
                Ok(())
            })
        })
        .await?;
    Ok(())
}

/// The issuer's host, for the phone to show.
fn issuer_host(issuer: &str) -> String {
    url::Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

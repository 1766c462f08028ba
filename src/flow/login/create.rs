//! The one create call of a login, what came of it, and waiting for somebody else's.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::id::LoginId;
use crate::domain::login::{Challenge, End, Login, LoginStage, Reason, Subject, UpstreamHandle};
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::flow::trail::Entry;
use crate::store::{access_passes, logins};
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

/// Makes the create call of a login that was just written, and writes down what came of it. What led to it began at `started`: all
/// of it takes a decoy as long as somebody's.
pub(super) async fn create(op: &Op, wish: &Wish, login: Login, started: Instant) -> Result<LoginId, Internal> {
    let call = (login.upstream, Call::Create, &op.env);
    if login.subject == Subject::Decoy {
        let like = op.pace.pretend(call)?;
        let begun = decoy::begin(op, &login, like.failed).await?;
        written(op, &login, begun, None).await?;
        like.pass(started).await;
        return Ok(login.id);
    }
    let (answer, code) = match op.upstreams.get(login.upstream) {
        Some(service) => ask(op, service, wish, &login).await,
        None => (Err(BeginError::Unreachable("it is not configured".into())), None),
    };
    let failed = answer.as_ref().err().map(|error| verdict(error).0).filter(|reason| !reason.is_about_person());
    written(op, &login, answer, code).await?;
    op.pace.made(call, started, failed).await;
    Ok(login.id)
}

/// Writes down what came of a create.
async fn written(op: &Op, login: &Login, answer: Result<Begun, BeginError>, code: Option<code::Shown>) -> Result<(), Internal> {
    match answer {
        Ok(begun) => waiting(op, login, begun, code).await?,
        Err(error) => not_begun(op, login, &error).await?,
    }
    op.signals.login_changed(&login.id);
    Ok(())
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

/// The phone was asked: from here on the broker polls.
async fn waiting(op: &Op, login: &Login, begun: Begun, code: Option<code::Shown>) -> Result<(), Internal> {
    let Begun { handle, challenge, expires_in } = begun;
    let now = op.env.now();
    let sealed = UpstreamHandle(op.keys.seal_login_handle(&op.env, login.id.as_str(), handle.0.expose())?);
    let deadline = expires_in.map_or(login.deadline, |lifetime| now.plus(lifetime).min(login.deadline));
    let real = login.subject != Subject::Decoy;
    let input = (login.id.clone(), sealed, challenge, code);
    let waiting = op
        .store
        .write(input, move |tx, (id, sealed, challenge, code)| {
            Box::pin(async move {
                if let Challenge::AccessPass(Some(image)) = challenge
                    && real
                {
                    access_passes::insert(tx, image, now).await?;
                }
                if let Some(code) = code {
                    code::keep(tx, code).await?;
                }
                logins::begun(tx, id, sealed, challenge, deadline).await
            })
        })
        .await?;
    if waiting {
        op.signals.login_begun();
    } else if real {
        // Withdrawn while the call was under way: take it back at the service as well.
        end::release_after_cancel(op, login, &handle).await?;
    }
    Ok(())
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
    let input = (login.id.clone(), challenge, Entry::new(&op.env, end::event(login, how))?);
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

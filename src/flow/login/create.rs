//! The one create call of a login, and what takes its place for a decoy, a login that asks nobody (decision 2.7): a browser that
//! nobody used before and that names an unknown or frozen user sees *pending* with a picture of the usual kind, then *expired*.
//! A decoy's pictures are passes that the upstream really showed before, once it has shown enough of them, chosen by a purpose key
//! from (browser, login): a reload shows the same one, the next login another, as the upstream does, and nobody can compute which.
//! Until then they are drawn, each another. Never one that an open login of the same user shows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::Instant;

use super::end::{self, UpstreamSession};
use super::{LoginRequest, code, symbol};
use crate::domain::id::LoginId;
use crate::domain::login::{Challenge, Confirmation, End, LoginStage, Purpose, UpstreamHandle};
use crate::domain::user::Upstream;
use crate::flow::node::latency::Call;
use crate::flow::prelude::*;
use crate::store::{access_passes, pushes};
use crate::upstream::{BeginError, BeginRequest, Begun, Enrolment, PhoneApproval, counted};

/// By when a create call was answered or given up, and that was written down.
const ANSWERED_WITHIN: Duration = Duration::from_secs(6);
/// How soon an answer on another node is seen.
const REREAD: Duration = Duration::from_millis(100);
/// How many passes the upstream must have shown before decoys show them: of fewer, everybody would see the same few.
const ENOUGH_PASSES: usize = 8;
/// How often the upstream is asked when it gives the login a symbol that a page for the same user shows already.
const SYMBOLS: usize = 4;

/// What led to it began at `started`: all of it takes a decoy as long as somebody's.
pub(super) async fn create(
    op: &Op,
    request: &LoginRequest,
    login: Login,
    confirmation: Confirmation,
    mut started: Instant,
) -> Result<LoginId, Internal> {
    let call = (login.upstream, Call::Create, &op.env);
    for _symbol in 0..SYMBOLS {
        // A decoy's too, and before it is asked how the calls of late went: neither waits.
        if op.health.is_down(login.upstream) {
            end::end(op, &login, End::Failed(Reason::UpstreamDown), UpstreamSession::Dead).await?;
            return Ok(login.id);
        }
        let like = if login.subject == Subject::Decoy { Some(op.latency.sample(call)?) } else { None };
        let answer = match (&like, op.upstreams.get(&login.upstream)) {
            (Some(like), _) => pretend(op, &login, like.failed).await?,
            (None, Some(service)) => {
                let word = |answer: &Result<_, BeginError>| answer.as_ref().err().map_or("ok", |error| error.verdict().0);
                let call = ask(service.as_ref(), asked(op, request, &login, confirmation), &login.purpose);
                let answer = counted(login.upstream, "create", call, word).await;
                op.health.created(login.upstream, &answer, op.env.now());
                answer
            }
            (None, None) => Err(BeginError::Unreachable("it is not configured".into())),
        };
        let failed = answer.as_ref().err().map(|error| error.verdict().1).filter(|reason| !reason.reveals_account());
        let over = match answer {
            Ok(begun) => waiting(op, &login, begun).await?,
            Err(error) => not_begun(op, &login, &error).await.map(|()| true)?,
        };
        if over {
            op.signals.login_changed(&login.id);
        }
        match like {
            Some(like) => like.pass(started).await,
            None => op.latency.record(call, started, failed).await,
        }
        if over {
            return Ok(login.id);
        }
        started = Instant::now();
    }
    end::end(op, &login, End::Failed(Reason::Busy), UpstreamSession::Dead).await?;
    Ok(login.id)
}

/// Waits for the create call's answer, on whichever node, so that the page has a picture; not for longer than it may take.
pub(super) async fn answered(op: &Op, mut login: Login) -> Result<Login, Internal> {
    let mut changed = op.signals.changed.notified();
    while matches!(login.stage, LoginStage::Creating) && op.env.now().since(login.created_at) < ANSWERED_WITHIN {
        // Whatever wakes us, the row says how it stands. What changes while it is read wakes us again.
        drop(tokio::time::timeout(REREAD, changed).await);
        changed = op.signals.changed.notified();
        match logins::find(op.store.read(), &login.id).await? {
            Some(now) => login = now,
            None => break,
        }
    }
    Ok(login)
}

/// A phone that is to approve, or one that is to be registered.
async fn ask(service: &dyn PhoneApproval, request: BeginRequest, purpose: &Purpose) -> Result<Begun, BeginError> {
    if !matches!(purpose, Purpose::Enrolment(_)) {
        return service.begin(request).await;
    }
    let unable = || BeginError::unusable("the service registers no phones by a transaction", false, None);
    let (registry, user) = (service.registry().ok_or_else(unable)?, request.upstream_user.as_deref());
    match registry.enrol(user.unwrap_or_default(), &request.user_agent).await? {
        Enrolment::Transaction(begun) => Ok(begun),
        Enrolment::Invitation(_) => Err(unable()),
    }
}

fn asked(op: &Op, request: &LoginRequest, login: &Login, confirmation: Confirmation) -> BeginRequest {
    let upstream_user = if let Subject::Named(asked) = &login.subject { Some(asked.upstream_user.clone()) } else { None };
    BeginRequest {
        upstream_user,
        service_name: request.app_name.clone(),
        service_address: issuer_host(&op.settings.issuer),
        user_agent: request.origin.user_agent.clone(),
        confirmation,
    }
}

enum Shown {
    Pending,
    /// The login ended while the call was under way.
    Ended,
    /// Another open page for the same user, a decoy perhaps, shows this symbol: whoever sits there would take the request on
    /// the phone for theirs.
    Repeated,
}

/// The phone was asked: from here on the poller polls. False: the symbol may not be shown, and the request is withdrawn.
async fn waiting(op: &Op, login: &Login, begun: Begun) -> Result<bool, Internal> {
    let Begun { handle, challenge, expires_in } = begun;
    let real = login.subject != Subject::Decoy;
    let (challenge, code) = if real { code::redrawn(challenge, expires_in) } else { (challenge, None) };
    let now = op.env.now();
    let sealed = UpstreamHandle(op.keys.purposes.seal_login_handle(&op.env, login.id.as_str(), handle.0.expose())?);
    let deadline = deadline(login, expires_in, now);
    let input = (login.clone(), sealed, challenge, code);
    let shown = op.store.write(input, move |tx, (login, sealed, challenge, code)| {
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
    });
    match shown.await? {
        Shown::Pending => op.signals.begun.notify_one(),
        // Withdrawn while the call was under way: take it back at the upstream as well.
        Shown::Ended if real => drop(end::release_once_cancelled(op, login, &handle, Instant::now()).await?),
        Shown::Repeated if real && !end::cancel(op, login, &handle, Instant::now()).await? => {
            end::end(op, login, End::Failed(Reason::UpstreamDown), UpstreamSession::MayLive).await?;
        }
        Shown::Repeated => return Ok(false),
        Shown::Ended => {}
    }
    Ok(true)
}

/// No page waits for longer than the upstream does.
fn deadline(login: &Login, expires_in: Option<Duration>, now: Timestamp) -> Timestamp {
    expires_in.map_or(login.deadline, |lifetime| now.plus(lifetime).min(login.deadline))
}

/// Whether another open login that concerns the same user, or the same name of nobody, shows this symbol. They take turns.
async fn is_shown(tx: &Tx, login: &Login, challenge: &Challenge, now: Timestamp) -> Result<bool, StoreError> {
    let (Challenge::AccessPass(Some(image)), Some(target)) = (challenge, &login.concern.target) else { return Ok(false) };
    pushes::lock_counter(tx, format!("symbols/{}/{target}", login.upstream), now).await?;
    Ok(logins::list_symbols(tx, login.upstream, target, &login.id, now).await?.contains(image))
}

async fn not_begun(op: &Op, login: &Login, error: &BeginError) -> Result<(), Internal> {
    tracing::warn!(login = %login.id, upstream = %login.upstream, %error, "the phone was not asked");
    let (_, reason, in_doubt) = error.verdict();
    let session = if in_doubt { UpstreamSession::InDoubt } else { UpstreamSession::Dead };
    if login.must_be_masked(End::Failed(reason)) {
        return disguise(op, login, End::Failed(reason)).await;
    }
    end::end(op, login, End::Failed(reason), session).await?;
    if let BeginError::Unusable { handle: Some(handle), .. } = error {
        end::release_once_cancelled(op, login, handle, Instant::now()).await?;
    }
    Ok(())
}

/// Lets a login that has come to this end go on as a decoy; only the audit trail knows. One commit.
async fn disguise(op: &Op, login: &Login, how: End) -> Result<(), Internal> {
    let Begun { challenge, expires_in, .. } = pretended(op, login).await?;
    let now = op.env.now();
    let deadline = deadline(login, expires_in, now);
    let input = (login.id.clone(), challenge, PendingEvent::new(&op.store, end::event(login, how))?);
    let written = op.store.write(input, move |tx, (id, challenge, event)| {
        Box::pin(async move { event.write_if(logins::disguise(tx, id, challenge, deadline).await?, tx, now).await })
    });
    written.await?;
    Ok(())
}

async fn pretend(op: &Op, login: &Login, failed: Option<Reason>) -> Result<Result<Begun, BeginError>, Internal> {
    Ok(match failed {
        None => Ok(pretended(op, login).await?),
        Some(Reason::UpstreamDown) => Err(BeginError::Unreachable("as the calls of late".into())),
        Some(_nonsense) => Err(BeginError::unusable("as the calls of late", false, None)),
    })
}

async fn pretended(op: &Op, login: &Login) -> Result<Begun, Internal> {
    let handle = UpstreamHandle(Secret::new(String::new()));
    Ok(match login.upstream {
        Upstream::SecSign => Begun { handle, challenge: access_pass(op, login).await?, expires_in: None },
        Upstream::ThumbSignIn => {
            let (challenge, expires_in) = code::decoy(op).await?;
            Begun { handle, challenge, expires_in: Some(expires_in) }
        }
    })
}

async fn access_pass(op: &Op, login: &Login) -> Result<Challenge, Internal> {
    let db = op.store.read();
    let target = login.concern.target.as_deref().unwrap_or_default();
    let shown = logins::list_symbols(db, login.upstream, target, &login.id, op.env.now()).await?;
    let shown: Vec<SecretDigest> = shown.iter().map(|image| access_passes::digest(image)).collect();
    let seen = access_passes::list(db).await?;
    let enough = seen.len() >= ENOUGH_PASSES;
    let free: Vec<String> = seen.into_iter().filter(|seen| shown.iter().all(|shown| shown.as_str() != seen)).collect();
    let browser = login.browser.as_ref().map_or("", |browser| browser.0.as_str());
    let mac = op.keys.purposes.decoys.mac(&[browser.as_bytes(), login.id.as_str().as_bytes()]);
    let at = mac.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)) % u64::try_from(free.len().max(1)).unwrap_or(1);
    let chosen = free.into_iter().nth(usize::try_from(at).unwrap_or_default()).filter(|_digest| enough);
    let pass = match chosen {
        Some(digest) => access_passes::find(db, &digest).await?,
        None => None,
    };
    let drawn = || symbol::png(&mac).map(|png| STANDARD.encode(png));
    Ok(Challenge::AccessPass(Some(pass.map_or_else(drawn, Ok)?)))
}

pub(super) fn issuer_host(issuer: &str) -> String {
    url::Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

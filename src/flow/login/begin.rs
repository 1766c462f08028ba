//! Beginning a login: who is meant, may they be asked, and then one create call.
//!
//! The row and the slot are written *before* the call, so that a crash in the middle leaves a `creating` row that keeps the
//! person's slot closed until its deadline, and nothing is ever created twice (decision 2.7).

use std::time::Duration;

use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::browser::{BrowserKey, Origin};
use crate::domain::id::LoginId;
use crate::domain::login::{Asked, Challenge, End, Login, LoginStage, Purpose, Reason, Subject, UpstreamHandle};
use crate::domain::secret::Secret;
use crate::domain::user::{Device, Upstream, User};
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::flow::trail::Entry;
use crate::store::logins::LoginInserted;
use crate::store::pushes::Push;
use crate::store::{access_passes, devices, instance, logins, pushes, remembered_browsers};
use crate::upstream::{BeginError, BeginRequest, Begun};

use super::decoy;
use super::end::{self, UpstreamSession};
use super::limits;

/// Who wants to sign in, from where, and through what.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What for.
    pub purpose: Purpose,
    /// The browser.
    pub browser: BrowserKey,
    /// Where it is.
    pub origin: Origin,
    /// The phone service.
    pub upstream: Upstream,
    /// The canonical name that was typed; `None` asks for a QR code without a name.
    pub identifier: Option<String>,
    /// The name of the app that asks, as configured.
    pub app_name: String,
    /// Whether the person asked for the name to be filled in next time.
    pub remember: bool,
}

/// Begins a login, or returns the one that this browser has under way for the same wish (a reload, a double click).
///
/// Runs to its end even when the browser goes away: the create call must not be cut in the middle.
///
/// # Errors
/// When something of ours fails.
pub async fn begin(op: &Op, wish: Wish) -> Result<LoginId, Internal> {
    let op = op.clone();
    tokio::spawn(async move { begin_detached(&op, wish).await }).await.map_err(|_panicked| Internal::Stopped)?
}

/// Begins again what ended: the same name, service and purpose.
///
/// # Errors
/// As [`begin`].
pub async fn retry(op: &Op, ended: &Login, origin: Origin, app_name: String) -> Result<LoginId, Internal> {
    let wish = Wish {
        purpose: ended.purpose.clone(),
        browser: ended.browser.clone(),
        origin,
        upstream: ended.upstream,
        identifier: ended.typed.clone(),
        app_name,
        remember: ended.remember,
    };
    begin(op, wish).await
}

async fn begin_detached(op: &Op, wish: Wish) -> Result<LoginId, Internal> {
    for open in own_open_logins(op, &wish).await? {
        if open.upstream == wish.upstream && open.typed == wish.identifier {
            return Ok(open.id);
        }
    }
    if limits::too_many_pending(op, &wish.browser, &wish.purpose).await? {
        let login = new_login(op, &wish, Subject::Decoy, false)?;
        return refuse(op, login, Reason::RateLimited).await;
    }
    let Some(identifier) = wish.identifier.clone() else { return begin_unnamed(op, &wish).await };
    match find_account(op, &identifier, wish.upstream).await? {
        Some((user, device)) if !user.locked => {
            let asked = Asked { user_id: user.id, device_id: device.id, upstream_user: device.upstream_user };
            begin_named(op, &wish, asked).await
        }
        Some((_locked, device)) => begin_decoy(op, &wish, &device.upstream_user).await,
        None => begin_decoy(op, &wish, &identifier).await,
    }
}

async fn find_account(op: &Op, identifier: &str, upstream: Upstream) -> Result<Option<(User, Device)>, Internal> {
    let found = devices::find_account(op.store.read(), identifier, upstream).await?;
    Ok(found.and_then(|(user, devices)| {
        let device = devices.into_iter().find(|device| device.upstream == upstream)?;
        Some((user, device))
    }))
}

/// A QR code for whoever scans it (decision 2.3). Not exclusive: no slot, no person to protect; the source limit counts.
async fn begin_unnamed(op: &Op, wish: &Wish) -> Result<LoginId, Internal> {
    let login = new_login(op, wish, Subject::Unnamed, false)?;
    if !op.settings.allow_unnamed {
        return refuse(op, login, Reason::TechnicalReason).await;
    }
    supersede(op, wish).await?;
    match insert(op, &login, "").await? {
        Inserted::Taken => create(op, wish, login).await,
        Inserted::Limited | Inserted::Busy(_) => refuse(op, login, Reason::RateLimited).await,
    }
}

/// Asks a known person's phone, if nothing speaks against it.
async fn begin_named(op: &Op, wish: &Wish, asked: Asked) -> Result<LoginId, Internal> {
    let now = op.env.now();
    let known_for = op.settings.lifetimes.remembered_browser;
    let remembered = remembered_browsers::is_remembered(op.store.read(), &wish.browser, &asked.user_id, now, known_for).await?;
    let target = asked.upstream_user.clone();
    let login = new_login(op, wish, Subject::Named(asked), remembered)?;
    supersede(op, wish).await?;
    match insert(op, &login, &target).await? {
        Inserted::Taken => create(op, wish, login).await,
        Inserted::Busy(holder) => begin_busy(op, wish, login, &holder).await,
        Inserted::Limited => refuse(op, login, Reason::RateLimited).await,
    }
}

/// Somebody's request for this person is open. A browser that the person used before may end it, this browser's own may be
/// replaced; a stranger's may not (decision 2.7).
async fn begin_busy(op: &Op, wish: &Wish, login: Login, holder: &LoginId) -> Result<LoginId, Internal> {
    let target = match &login.subject {
        Subject::Named(asked) => asked.upstream_user.clone(),
        _nobody => String::new(),
    };
    let held_by = logins::find(op.store.read(), holder).await?;
    let own = held_by.as_ref().is_some_and(|held| held.browser == wish.browser);
    if !login.remembered && !own {
        return begin_decoy(op, wish, &target).await;
    }
    if let Some(held) = &held_by
        && own
        && held.purpose == wish.purpose
        && held.stage.is_open()
    {
        // The same form came twice at the same moment: one request, shown by both answers.
        return Ok(held.id.clone());
    }
    let freed = match &held_by {
        Some(held) => end::withdraw(op, held, own.then_some(Reason::Replaced)).await?,
        None => false,
    };
    if freed && matches!(insert(op, &login, &target).await?, Inserted::Taken) {
        return create(op, wish, login).await;
    }
    // Nobody knows whether a request is open at the service: none may be made until it has surely expired.
    refuse(op, login, Reason::UpstreamDown).await
}

/// Replaces what this browser has under way for the same purpose: one login at a time (experience L15). Another tab's login
/// of the same person is met as a busy slot.
async fn supersede(op: &Op, wish: &Wish) -> Result<(), Internal> {
    for open in own_open_logins(op, wish).await? {
        end::withdraw(op, &open, Some(Reason::Replaced)).await?;
    }
    Ok(())
}

/// What this browser has under way for the same purpose.
async fn own_open_logins(op: &Op, wish: &Wish) -> Result<Vec<Login>, Internal> {
    let open = logins::list_open_for_browser(op.store.read(), &wish.browser, op.env.now()).await?;
    Ok(open.into_iter().filter(|login| login.purpose == wish.purpose).collect())
}

/// A login that asks nobody and takes as long as one that does. `target` is the name under which it counts: the person's
/// where there is one, so that all spellings share one limit (security bar 138).
async fn begin_decoy(op: &Op, wish: &Wish, target: &str) -> Result<LoginId, Internal> {
    let login = new_login(op, wish, Subject::Decoy, false)?;
    supersede(op, wish).await?;
    let down = op.pace.is_down(wish.upstream, login.created_at);
    tokio::time::sleep(op.pace.typical(wish.upstream)).await;
    if down {
        return refuse(op, login, Reason::UpstreamDown).await;
    }
    let login = disguised(op, wish, login).await?;
    match insert(op, &login, target).await? {
        Inserted::Taken => Ok(login.id),
        Inserted::Limited | Inserted::Busy(_) => refuse(op, login, Reason::RateLimited).await,
    }
}

/// The login as a pending one that shows what the service would show.
async fn disguised(op: &Op, wish: &Wish, login: Login) -> Result<Login, Internal> {
    let name = wish.identifier.clone().unwrap_or_default();
    let challenge = decoy::challenge(op, wish.upstream, &wish.browser, &name).await?;
    Ok(Login {
        subject: Subject::Decoy,
        challenge: Some(challenge),
        deadline: login.created_at.plus(decoy_lifetime(op, wish.upstream)),
        stage: LoginStage::Pending(UpstreamHandle(Secret::new(String::new()))),
        ..login
    })
}

/// ThumbSignIn gives its transactions 90 s (protocol §2.2), so that is what a stranger sees count down.
fn decoy_lifetime(op: &Op, upstream: Upstream) -> Duration {
    match upstream {
        Upstream::SecSign => op.settings.lifetimes.login,
        Upstream::ThumbSignIn => op.settings.lifetimes.login.min(Duration::from_secs(90)),
    }
}

fn new_login(op: &Op, wish: &Wish, subject: Subject, remembered: bool) -> Result<Login, Internal> {
    let now = op.env.now();
    Ok(Login {
        id: LoginId::generate(&op.env)?,
        purpose: wish.purpose.clone(),
        browser: wish.browser.clone(),
        origin: wish.origin.clone(),
        upstream: wish.upstream,
        subject,
        remembered,
        typed: wish.identifier.clone(),
        remember: wish.remember,
        challenge: None,
        stage: LoginStage::Creating,
        created_at: now,
        deadline: now.plus(op.settings.lifetimes.login),
        consumed_at: None,
    })
}

/// What became of a login that was to begin.
enum Inserted {
    /// Written, the person's slot taken where there is one to take, and the attempt counted.
    Taken,
    /// Another login has the person's slot.
    Busy(LoginId),
    /// A limit is reached.
    Limited,
}

/// Writes the row, takes the slot, and counts the attempt under `target`. One commit.
async fn insert(op: &Op, login: &Login, target: &str) -> Result<Inserted, Internal> {
    let exclusive = op.upstreams.get(login.upstream).is_some_and(|service| service.capabilities().exclusive);
    let slot = (exclusive && matches!(login.subject, Subject::Named(_))).then_some(login.deadline);
    let mut event = AuditEvent::new(AuditKind::LoginStarted);
    event.subject = Some(login.id.to_string());
    event.origin = login.origin.clone();
    if let Subject::Named(asked) = &login.subject {
        event.user = Some(asked.user_id.to_string());
    }
    let push = Push {
        login_id: login.id.clone(),
        upstream: login.upstream,
        target: target.to_owned(),
        address: login.origin.address.clone(),
        browser: login.browser.clone(),
        remembered: login.remembered,
        at: login.created_at,
    };
    let limits = op.settings.limits.clone();
    let input = (login.clone(), push, Entry::new(&op.env, event)?, limits);
    Ok(op
        .store
        .write(input, move |tx, (login, push, event, limits)| {
            Box::pin(async move {
                if limits::exceeded(tx, limits, push, login.created_at).await? {
                    return Ok(Inserted::Limited);
                }
                if let LoginInserted::Busy { login_id } = logins::insert(tx, login, slot).await? {
                    return Ok(Inserted::Busy(login_id));
                }
                pushes::insert(tx, push).await?;
                event.write(tx, login.created_at).await?;
                Ok(Inserted::Taken)
            })
        })
        .await?)
}

/// Writes a login that ends before anybody was asked, so that its page can say why.
async fn refuse(op: &Op, login: Login, reason: Reason) -> Result<LoginId, Internal> {
    let login = Login { stage: LoginStage::Ended(End::Failed(reason)), ..login };
    let id = login.id.clone();
    op.store.write(login, |tx, login| Box::pin(async move { logins::insert(tx, login, None).await })).await?;
    Ok(id)
}

/// The one create call, and what came of it.
async fn create(op: &Op, wish: &Wish, login: Login) -> Result<LoginId, Internal> {
    let Some(service) = op.upstreams.get(wish.upstream) else {
        end::end(op, &login, End::Failed(Reason::UpstreamDown), UpstreamSession::Dead).await?;
        return Ok(login.id);
    };
    let upstream_user = match &login.subject {
        Subject::Named(asked) => Some(asked.upstream_user.clone()),
        _unnamed => None,
    };
    let request = BeginRequest {
        upstream_user,
        service_name: wish.app_name.clone(),
        service_address: issuer_host(&op.settings.issuer),
        user_agent: wish.origin.user_agent.clone(),
    };
    let started = op.env.now();
    let answer = service.begin(request).await;
    let now = op.env.now();
    let unreachable = matches!(answer, Err(BeginError::Unreachable(_) | BeginError::InDoubt(_)));
    op.pace.observe(wish.upstream, now.since(started), unreachable, now);
    match answer {
        Ok(begun) => waiting(op, login, begun).await,
        Err(error) => not_begun(op, wish, login, error).await,
    }
}

/// The phone was asked: from here on the broker polls.
async fn waiting(op: &Op, login: Login, begun: Begun) -> Result<LoginId, Internal> {
    let now = op.env.now();
    let sealed = UpstreamHandle(op.keys.seal_login_handle(&op.env, login.id.as_str(), begun.handle.0.expose())?);
    let by_service = begun.expires_in.map(|lifetime| now.plus(lifetime));
    let deadline = by_service.map_or(login.deadline, |end| end.min(login.deadline));
    let input = (login.id.clone(), sealed, begun.challenge.clone(), deadline);
    let waiting = op
        .store
        .write(input, move |tx, (id, sealed, challenge, deadline)| {
            Box::pin(async move {
                match challenge {
                    Challenge::AccessPass(Some(image)) => {
                        access_passes::insert(tx, image, now).await?;
                    }
                    Challenge::AccessPass(None) => {}
                    Challenge::QrCode { deep_link, .. } => {
                        instance::insert_once(tx, instance::THUMBSIGNIN_DEEP_LINK, deep_link).await?;
                    }
                }
                logins::begun(tx, id, sealed, challenge, *deadline).await
            })
        })
        .await?;
    if waiting {
        op.signals.login_begun();
    } else {
        // Withdrawn while the call was under way: take it back at the service as well.
        end::release_after_cancel(op, &login, &begun.handle).await?;
    }
    Ok(login.id)
}

async fn not_begun(op: &Op, wish: &Wish, login: Login, error: BeginError) -> Result<LoginId, Internal> {
    tracing::warn!(login = %login.id, upstream = %login.upstream, %error, "the phone was not asked");
    let (reason, session) = match &error {
        BeginError::NotRegistered => (Reason::NotRegistered, UpstreamSession::Dead),
        BeginError::Frozen => (Reason::Frozen, UpstreamSession::Dead),
        BeginError::Unreachable(_) => (Reason::UpstreamDown, UpstreamSession::Dead),
        BeginError::InDoubt(_) => (Reason::UpstreamDown, UpstreamSession::MayLive),
        BeginError::Unusable { in_doubt: true, .. } => (Reason::TechnicalReason, UpstreamSession::MayLive),
        BeginError::Unusable { in_doubt: false, .. } => (Reason::TechnicalReason, UpstreamSession::Dead),
    };
    end::end(op, &login, End::Failed(reason), session).await?;
    if let BeginError::Unusable { handle: Some(handle), .. } = &error {
        end::release_after_cancel(op, &login, handle).await?;
    }
    // Whether somebody is unknown or frozen at the service is told in a browser that they used before, and nowhere else.
    let tells = matches!(reason, Reason::NotRegistered | Reason::Frozen) && !login.remembered;
    if tells && matches!(login.subject, Subject::Named(_)) {
        let decoy = disguised(op, wish, Login { id: LoginId::generate(&op.env)?, ..login }).await?;
        let id = decoy.id.clone();
        op.store.write(decoy, |tx, decoy| Box::pin(async move { logins::insert(tx, decoy, None).await })).await?;
        return Ok(id);
    }
    Ok(login.id)
}

/// The issuer's host, for the phone to show.
fn issuer_host(issuer: &str) -> String {
    url::Url::parse(issuer).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

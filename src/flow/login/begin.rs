//! Beginning a login: who is meant, may they be asked, and what is in the way.
//!
//! The row and the slot are written ([`attempt`]) *before* the one create call ([`create`]), so that a crash in the middle
//! leaves a `creating` row that keeps the person's slot closed until its deadline, and nothing is ever created twice
//! (decision 2.7).

use tokio::time::Instant;
use tracing::Instrument as _;

use crate::domain::browser::{BrowserKey, Origin};
use crate::domain::clock::Timestamp;
use crate::domain::id::{ClientId, LoginId, UserId};
use crate::domain::login::{Asked, Concern, Login, Purpose, Reason, Subject};
use crate::domain::user::Upstream;
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::store::{devices, logins, remembered_browsers};

use super::attempt::{self, Meant, Written};
use super::create::{answered, create};
use super::{end, pace};

/// How often an attempt is made whose way was cleared: of the browser's other logins, then of the person's slot.
const ATTEMPTS: usize = 4;

/// What stands before the target of a name that nobody has. No service has such a person: names have no blanks.
const NOBODY: &str = "? ";

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
    /// The client.
    pub client: ClientId,
    /// The name of the app that asks, as configured.
    pub app_name: String,
    /// Whether the person asked for the name to be filled in next time.
    pub remember: bool,
    /// When an approval comes to nothing any more, because what it is for has run out.
    pub until: Timestamp,
}

/// Begins a login, or returns the one that this browser has under way for the same wish (a reload, a double click). Either
/// way the phone service has answered by then, or has had its time: the page that follows can show everything.
///
/// Runs to its end even when the browser goes away: the create call must not be cut in the middle.
///
/// # Errors
/// When something of ours fails.
pub async fn begin(op: &Op, wish: Wish) -> Result<LoginId, Internal> {
    let op = op.clone();
    let work = async move {
        let begun = begin_detached(&op, wish).await;
        pace::blur(&op.env).await?;
        begun
    };
    tokio::spawn(work.in_current_span()).await.map_err(|_panicked| Internal::Stopped)?
}

/// Begins again what ended: the same name, service and purpose.
///
/// # Errors
/// As [`begin`].
pub async fn retry(
    op: &Op,
    ended: &Login,
    origin: Origin,
    (client, app_name): (ClientId, String),
    until: Timestamp,
) -> Result<LoginId, Internal> {
    let wish = Wish {
        purpose: ended.purpose.clone(),
        browser: ended.browser.clone(),
        origin,
        upstream: ended.upstream,
        identifier: ended.typed.clone(),
        client,
        app_name,
        remember: ended.remember,
        until,
    };
    begin(op, wish).await
}

/// The login that this browser has under way for a purpose, once its phone service answered; or the one that was approved, and with
/// which it may go on.
///
/// # Errors
/// When the database fails.
pub async fn under_way(op: &Op, browser: &BrowserKey, purpose: &Purpose) -> Result<Option<Login>, Internal> {
    let (db, now) = (op.store.read(), op.env.now());
    let open = logins::list_open_for_browser(db, browser, now).await?;
    match open.into_iter().find(|login| login.purpose == *purpose) {
        Some(login) => answered(op, login).await.map(Some),
        None => Ok(logins::find_approved(db, browser, purpose, now).await?),
    }
}

async fn begin_detached(op: &Op, wish: Wish) -> Result<LoginId, Internal> {
    let started = Instant::now();
    let meant = meant(op, &wish).await?;
    let found = started.elapsed();
    let mut login = attempt::login(op, &wish, &meant)?;
    if meant.subject == Subject::Unnamed && !op.settings.allow_unnamed {
        return attempt::refuse(op, login, Reason::TechnicalReason).await;
    }
    for _attempt in 0..ATTEMPTS {
        let started = Instant::now() - found;
        match attempt::write(op, &login).await? {
            Written::Begun(login) => return create(op, &wish, *login, started).await,
            Written::Refused => return Ok(login.id),
            Written::Same(running) => return Ok(answered(op, *running).await?.id),
            Written::Replaces(running) => {
                // One login at a time (experience L15). Whether its session is dead the person's slot tells.
                for login in running {
                    replace(op, login, true).await?;
                }
            }
            Written::Busy(held) => {
                let Some(held) = held else { break };
                let own = held.browser == wish.browser;
                if !replace(op, *held, own).await? {
                    break;
                }
            }
        }
        login = attempt::restarted(op, &wish, login);
    }
    // Nobody knows whether a request is open at the service: none may be made until it has surely expired.
    attempt::refuse(op, login, Reason::UpstreamDown).await
}

/// Whom a wish means. A stranger's unknown name and a locked person are decoys: the same steps are taken for them, so that
/// they take as long (security bar 139).
async fn meant(op: &Op, wish: &Wish) -> Result<Meant, Internal> {
    let Some(name) = &wish.identifier else {
        return Ok(Meant { subject: Subject::Unnamed, remembered: false, concern: Concern::default() });
    };
    let db = op.store.read();
    let account = devices::find_account(db, name, wish.upstream).await?.and_then(|(user, devices)| {
        let device = devices.into_iter().find(|device| device.upstream == wish.upstream)?;
        Some((user, device))
    });
    let nobody = UserId::new("");
    let user_id = account.as_ref().map_or(&nobody, |(user, _)| &user.id);
    let known_for = op.settings.lifetimes.remembered_browser;
    let remembered = remembered_browsers::is_remembered(db, &wish.browser, user_id, op.env.now(), known_for).await?;
    Ok(match account {
        Some((user, device)) => {
            // All spellings of a person are one target (security bar 138).
            let target = Some(device.upstream_user.clone());
            let concern = Concern { target, user: Some(user.id.clone()), client: None };
            let asked = Asked { user_id: user.id, device_id: device.id, upstream_user: device.upstream_user };
            let locked = user.locked;
            let subject = if locked { Subject::Decoy } else { Subject::Named(asked) };
            Meant { subject, remembered: remembered && !locked, concern }
        }
        None => {
            let concern = Concern { target: Some(format!("{NOBODY}{name}")), ..Concern::default() };
            Meant { subject: Subject::Decoy, remembered: false, concern }
        }
    })
}

/// Withdraws what is in the way, once the service has answered its create: before, there is nothing that could be cancelled.
/// Returns whether nothing of it can be alive any more.
async fn replace(op: &Op, login: Login, own: bool) -> Result<bool, Internal> {
    let login = answered(op, login).await?;
    if own || login.remembered || !login.stage.is_open() {
        return end::withdraw(op, &login, own.then_some(Reason::Replaced)).await;
    }
    end::preempt(op, &login).await
}

//! Beginning a login. The row and the slot are written ([`attempt`]) *before* the one create call ([`create`]), so that a crash in
//! the middle leaves a `creating` row that keeps the user's slot closed until its deadline, and nothing is ever created twice
//! (decision 2.7).

use tokio::time::Instant;
use tracing::Instrument as _;

use super::attempt::{self, AttemptOutcome};
use super::create::{answered, create};
use super::outcome::LoginTarget;
use super::{LoginRequest, end};
use crate::domain::assurance::Acr;
use crate::domain::browser::BrowserKey;
use crate::domain::hex::hex;
use crate::domain::id::{DeviceId, LoginId, UserId};
use crate::domain::login::{Asked, Concern, Confirmation, Purpose};
use crate::flow::node::latency::random_delay;
use crate::flow::prelude::*;
use crate::store::{devices, remembered_browsers, users};

/// How often an attempt is made whose way was cleared: of the browser's other logins, then of the user's slot.
const ATTEMPTS: usize = 4;
/// What stands before the target of a name that nobody has. No service has such a user: names have no blanks.
const NOBODY: &str = "? ";

/// Begins a login, or returns the one that this browser has under way for the same request (a reload, a double click). Either
/// way the upstream has answered by then, or has had its time: the page that follows can show everything. Runs to its end even
/// when the browser goes away: the create call must not be cut in the middle.
pub(crate) async fn begin(op: &Op, request: LoginRequest) -> Result<LoginId, Internal> {
    let op = op.clone();
    let work = async move {
        let begun = begin_detached(&op, request).await;
        random_delay(&op.env).await?;
        begun
    };
    tokio::spawn(work.in_current_span()).await.map_err(|_panicked| Internal::Stopped)?
}

pub(crate) async fn retry(op: &Op, ended: &Login, origin: RequestSource, target: &LoginTarget) -> Result<LoginId, Internal> {
    let request = LoginRequest {
        purpose: ended.purpose.clone(),
        browser: ended.browser.clone(),
        origin,
        upstream: ended.upstream,
        identifier: ended.typed.clone(),
        client: target.client().cloned(),
        app_name: target.app(op).name,
        remember: ended.remember,
        wanted: target.wanted(),
        until: target.until(op),
    };
    begin(op, request).await
}

/// Once its upstream answered; or the one that was approved, and with which the browser may go on.
pub(crate) async fn under_way(op: &Op, browser: &BrowserKey, purpose: &Purpose) -> Result<Option<Login>, Internal> {
    let (db, now) = (op.store.read(), op.env.now());
    let open = logins::list_open_for_browser(db, browser, now).await?;
    match open.into_iter().find(|login| login.purpose == *purpose) {
        Some(login) => answered(op, login).await.map(Some),
        None => Ok(logins::find_approved(db, browser, purpose, now).await?),
    }
}

async fn begin_detached(op: &Op, request: LoginRequest) -> Result<LoginId, Internal> {
    let started = Instant::now();
    let Some((mut login, confirmation)) = meant(op, &request).await? else {
        return attempt::refuse(op, request.login(op)?, Reason::Technical).await;
    };
    let found = started.elapsed();
    if login.subject == Subject::Unnamed && !op.settings.allow_unnamed {
        return attempt::refuse(op, login, Reason::Technical).await;
    }
    for _attempt in 0..ATTEMPTS {
        let started = Instant::now() - found;
        match attempt::write(op, &login).await? {
            AttemptOutcome::Begun(login) => return create(op, &request, *login, confirmation, started).await,
            AttemptOutcome::Refused(_) => return Ok(login.id),
            AttemptOutcome::Same(running) => return Ok(answered(op, *running).await?.id),
            AttemptOutcome::Replaces(running) => {
                // One login at a time (L15). Whether its session is dead the user's slot tells.
                for login in running {
                    replace(op, login, true).await?;
                }
            }
            AttemptOutcome::Busy(held) => {
                let Some(held) = held else { break };
                let own = held.shares_browser(&login);
                if !replace(op, *held, own).await? {
                    break;
                }
            }
        }
        // What was in its way may have taken seconds.
        let now = op.env.now();
        login = Login { created_at: now, deadline: request.deadline(op, now), ..login };
    }
    // Nobody knows whether a request is open at the upstream: none may be made until it has surely expired.
    attempt::refuse(op, login, Reason::UpstreamDown).await
}

/// Who is meant, and how they confirm. Decided once: the page shows what was asked for, and the login counts by what it showed.
async fn meant(op: &Op, request: &LoginRequest) -> Result<Option<(Login, Confirmation)>, Internal> {
    match &request.purpose {
        Purpose::Enrolment(user) => Ok(enrolling(op, request, user).await?.map(|login| (login, Confirmation::Symbol))),
        _login => resolve(op, request).await.map(Some),
    }
}

/// Who registers a phone is known: their own page asks for it. Another phone of theirs goes by the same name at the service; the
/// first one gets a name that says nothing of them (ThumbSignIn notes §1.3). `None`: they are gone.
async fn enrolling(op: &Op, request: &LoginRequest, user: &UserId) -> Result<Option<Login>, Internal> {
    let db = op.store.read();
    let Some(user) = users::find(db, user).await?.filter(|user| !user.locked) else { return Ok(None) };
    let phones = devices::list_for_user(db, &user.id).await?;
    let (device_id, upstream_user, target) = match phones.into_iter().find(|phone| phone.upstream == request.upstream) {
        Some(phone) => (phone.id, phone.upstream_user.clone(), phone.upstream_user),
        // The name is another at each attempt: what is counted is not.
        None => (DeviceId::generate(&op.env)?, hex(&op.env.random_bytes::<16>()?), format!("{NOBODY}{}", user.id)),
    };
    let login = request.login(op)?;
    let concern = Concern { target: Some(target), user: Some(user.id.clone()), ..login.concern };
    let subject = Subject::Named(Asked { user_id: user.id, device_id, upstream_user });
    Ok(Some(Login { subject, remembered: true, concern, ..login }))
}

/// Unknown names, and locked users, are decoys: the same steps are taken for them, so that they take as long (check 139).
async fn resolve(op: &Op, request: &LoginRequest) -> Result<(Login, Confirmation), Internal> {
    let Some(name) = &request.identifier else { return Ok((request.login(op)?, Confirmation::Symbol)) };
    let db = op.store.read();
    let account = devices::find_account(db, name, request.upstream).await?.and_then(|(user, devices)| {
        let device = devices.into_iter().find(|device| device.upstream == request.upstream)?;
        Some((user, device))
    });
    let nobody = UserId::new("");
    let user_id = account.as_ref().map_or(&nobody, |(user, _)| &user.id);
    let known_for = op.settings.lifetimes.remembered_browser;
    let remembered = match &request.browser {
        Some(browser) => remembered_browsers::is_remembered(db, browser, user_id, op.env.now(), known_for).await?,
        None => false,
    };
    let login = request.login(op)?;
    let Some((user, device)) = account else {
        let concern = Concern { target: Some(format!("{NOBODY}{name}")), ..login.concern };
        return Ok((Login { subject: Subject::Decoy, concern, ..login }, Confirmation::Symbol));
    };
    let remembered = remembered && !user.locked;
    let confirmation = confirmation(&user, remembered, request.wanted);
    // All spellings of a user are one target (check 138).
    let concern = Concern { target: Some(device.upstream_user.clone()), user: Some(user.id.clone()), ..login.concern };
    let asked = Asked { user_id: user.id, device_id: device.id, upstream_user: device.upstream_user };
    // They said of a request that it was not theirs: as where too many were sent, nobody is asked, and nothing tells.
    let paused = !remembered && user.strangers_until.is_some_and(|until| login.created_at < until);
    let subject = if user.locked || paused { Subject::Decoy } else { Subject::Named(asked) };
    Ok((Login { subject, remembered, concern, ..login }, confirmation))
}

/// A plain yes is asked for where the operator allows it for this user, where no more is wanted, and in a browser that is
/// remembered: a stranger could send it to anybody's phone, and the missing symbol would tell a user from a decoy (check 133,
/// decision 2.1).
const fn confirmation(user: &User, remembered: bool, wanted: Acr) -> Confirmation {
    if user.confirm_without_symbol && remembered && matches!(wanted, Acr::Approved) {
        Confirmation::Plain
    } else {
        Confirmation::Symbol
    }
}

/// Withdraws what is in the way, once the upstream has answered its create: before, there is nothing that could be cancelled.
/// Returns whether nothing of it can be alive any more.
async fn replace(op: &Op, login: Login, own: bool) -> Result<bool, Internal> {
    let login = answered(op, login).await?;
    if own || login.remembered || !login.stage.is_open() {
        return end::withdraw(op, &login, own.then_some(Reason::Replaced)).await;
    }
    end::preempt(op, &login).await
}

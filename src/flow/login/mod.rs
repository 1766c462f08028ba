//! Logins: [`begin`] finds out who is meant; [`attempt`] asks the limits, writes the row and takes the slots; [`create`] makes the
//! one create call; `jobs::login_poller` polls, and [`progress`] decides what an answer means; [`finish`] consumes the approval in
//! the browser that began it. What a login is for is known to [`outcome`] alone; what follows where the user says that it was not
//! theirs, to [`disown`]. Browsers that nobody used before and that name
//! unknown or frozen users get a decoy; while a login for a name is open, real or decoy, other browsers are told that it is
//! (decision 2.7).

mod attempt;
pub(crate) mod begin;
mod code;
mod create;
pub(crate) mod disown;
pub(crate) mod end;
pub(crate) mod finish;
pub(crate) mod outcome;
pub(crate) mod progress;
mod qr;
mod symbol;
#[cfg(test)]
pub(crate) mod tests;

use crate::domain::assurance::Acr;
use crate::domain::browser::BrowserKey;
use crate::domain::id::{ClientId, LoginId};
use crate::domain::login::{Concern, LoginStage, Purpose};
use crate::domain::user::Upstream;
use crate::flow::prelude::*;

#[derive(Clone, Debug)]
pub(crate) struct LoginRequest {
    pub(crate) purpose: Purpose,
    pub(crate) browser: Option<BrowserKey>,
    pub(crate) origin: RequestSource,
    pub(crate) upstream: Upstream,
    /// The canonical name that was typed; `None` asks for a QR code without a name.
    pub(crate) identifier: Option<String>,
    pub(crate) client: Option<ClientId>,
    pub(crate) app_name: String,
    /// Whether the user asked for the name to be filled in next time.
    pub(crate) remember: bool,
    /// The least that it must reach.
    pub(crate) wanted: Acr,
    /// When an approval comes to nothing any more, because what it is for has run out.
    pub(crate) until: Timestamp,
}

impl LoginRequest {
    /// Without a name, so far: [`begin`] finds out who is meant.
    fn login(&self, op: &Op) -> Result<Login, Internal> {
        let now = op.env.now();
        Ok(Login {
            id: LoginId::generate(&op.env)?,
            purpose: self.purpose.clone(),
            browser: self.browser.clone(),
            origin: self.origin.clone(),
            upstream: self.upstream,
            subject: Subject::Unnamed,
            remembered: false,
            typed: self.identifier.clone(),
            remember: self.remember,
            challenge: None,
            stage: LoginStage::Creating,
            created_at: now,
            deadline: self.deadline(op, now),
            consumed_at: None,
            concern: Concern { client: self.client.clone(), ..Concern::default() },
        })
    }

    /// No phone is asked for longer than its answer is of use.
    fn deadline(&self, op: &Op, begins: Timestamp) -> Timestamp {
        begins.plus(op.settings.lifetimes.login).min(self.until)
    }
}

/// A login of this browser. Another browser's does not exist for it, whatever it knows (decision 2.2).
pub(crate) async fn find_own(op: &Op, id: &LoginId, browser: &BrowserKey) -> Result<Option<Login>, Internal> {
    let login = logins::find(op.store.read(), id).await?;
    Ok(login.filter(|login| login.browser.as_ref() == Some(browser)))
}

/// A link that opens the phone service's app with the open request, on the phone whose browser shows the page at `return_url`.
/// It names the session at the service, so only a browser that the user signed in from before gets one (decision 2.2).
pub(crate) fn app_link(op: &Op, login: &Login, return_url: &str) -> Result<Option<String>, Internal> {
    if !login.remembered {
        return Ok(None);
    }
    let Some(handle) = end::open_handle(op, login)? else { return Ok(None) };
    Ok(op.upstreams.get(&login.upstream).and_then(|service| service.app_link(&handle, return_url)))
}

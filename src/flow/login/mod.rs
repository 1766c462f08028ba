//! Logins: ask one phone once, wait, and hand what came of it to whoever it was for (the [`Purpose`](crate::domain::login::Purpose); nothing beyond it is
//! known here).
//!
//! [`begin`] finds out who is meant; [`attempt`] writes the row and takes the person's slot at the service; [`create`] makes the
//! one create call; `jobs::login_poller` polls, and [`progress`] decides what an answer means;
//! [`finish`] consumes the approval in the browser that began it; [`withdraw`](end::withdraw) and [`retry`](begin::retry) are
//! the person's other ways out. Strangers who ask for unknown or frozen people get a [`decoy`]; while a login for a name is open, real or
//! decoy, other browsers are told that it is (decision 2.7).

mod attempt;
pub mod begin;
mod code;
mod create;
mod decoy;
pub mod end;
pub mod finish;
pub mod limits;
pub mod pace;
pub(crate) mod progress;
mod qr;
pub mod signals;
mod symbol;
#[cfg(test)]
pub(crate) mod tests;
pub mod watch;

use crate::domain::browser::BrowserKey;
use crate::domain::id::LoginId;
use crate::domain::login::Login;
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::store::logins;

/// A login of this browser. Another browser's does not exist for it, whatever it knows (decision 2.2).
///
/// # Errors
/// When the database fails.
pub async fn find_own(op: &Op, id: &LoginId, browser: &BrowserKey) -> Result<Option<Login>, Internal> {
    let login = logins::find(op.store.read(), id).await?;
    Ok(login.filter(|login| login.browser == *browser))
}

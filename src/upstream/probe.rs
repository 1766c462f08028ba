//! What a harmless call to a phone service tells: whether it is there, speaks its protocol and accepts our credentials. No
//! call of this kind ever creates anything or makes a phone ring.

use super::answer::is_passing;
use crate::domain::error_chain::chain;
use crate::outbound::{PhoneAnswer, SendError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Working,
    /// It does not accept who we are; the text says what to look at.
    Refused(String),
    /// Something answers there, and not as this service does.
    Unusable(String),
    /// It cannot be reached, or says that it cannot work at present.
    Unavailable(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Probed {
    pub found: Found,
    /// The `Date` of its answer, as it stands there.
    pub date: Option<String>,
}

impl Probed {
    pub(super) fn of(answer: Result<PhoneAnswer, SendError>, judge: impl FnOnce(&PhoneAnswer) -> Found) -> Self {
        let found = match &answer {
            Ok(answer) if is_passing(answer.status) => Found::Unavailable(format!("HTTP {}", answer.status)),
            Ok(answer) => judge(answer),
            Err(failure) => Found::Unavailable(chain(failure)),
        };
        Self { found, date: answer.ok().and_then(|answer| answer.date) }
    }
}

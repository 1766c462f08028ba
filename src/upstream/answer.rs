//! What both clients do with what a phone service says.

use super::Progress;
use crate::domain::error_chain::chain;
use crate::domain::user::canonical_identifier;
use crate::outbound::{PhoneAnswer, SendError};

/// The longest piece of a service's own text that is kept for the log. Shorter than what the log itself cuts (`telemetry`):
/// a service may repeat in it what was sent to it.
const LOGGED_CHARS: usize = 200;

/// Whether a status call answered so says nothing about the session and is asked again (decision 2.6).
pub(super) const fn is_passing(status: u16) -> bool {
    status == 429 || status >= 500
}

/// Whether a create call answered so may have created something all the same. A 4xx is the service's word that it did
/// not (RFC 9110 §15.5), but for 408, which it may send while it works.
pub(super) const fn may_have_acted(status: u16) -> bool {
    status == 408 || !matches!(status, 400..=499)
}

/// Who approved, from the name in the service's answer (decision 2.3, check 132). The name must already be in the
/// canonical spelling: a service that suddenly spells somebody differently may mean somebody else.
pub(super) fn approved_by(named: &str, asked: Option<&str>) -> Progress {
    let canonical = canonical_identifier(named).filter(|canonical| canonical == named);
    match (canonical, asked.map(canonical_identifier)) {
        (Some(upstream_user), None) => Progress::Approved { upstream_user },
        (Some(upstream_user), Some(Some(asked))) if upstream_user == asked => Progress::Approved { upstream_user },
        (None, None) => nonsense("the approver's name is not in canonical spelling"),
        (_, Some(_)) => another_person(),
    }
}

pub(super) fn another_person() -> Progress {
    Progress::Nonsense { detail: "the answer names another person than was asked".to_owned(), wrong_person: true }
}

/// An answer that cannot be used. `detail` must not quote the answer: it can hold bearer secrets.
pub(super) fn nonsense(detail: impl Into<String>) -> Progress {
    Progress::Nonsense { detail: detail.into(), wrong_person: false }
}

/// Untrusted text for a log line.
pub(super) fn for_log(text: &str) -> String {
    printable(text, LOGGED_CHARS)
}

/// Untrusted text: printable ASCII, cut.
pub(super) fn printable(text: &str, most: usize) -> String {
    text.chars().take(most).map(|char| if char.is_ascii_graphic() || char == ' ' { char } else { '?' }).collect()
}

/// What a harmless call tells: whether a service is there, speaks its protocol and accepts our credentials. No call of this
/// kind ever creates anything or makes a phone ring.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_asked_person_in_the_canonical_spelling_has_approved() {
        let alice = Progress::Approved { upstream_user: "alice".to_owned() };
        assert_eq!(approved_by("alice", Some("alice")), alice);
        assert_eq!(approved_by("alice", Some(" Alice")), alice, "what we asked is canonical in our own eyes");
        assert_eq!(approved_by("alice", None), alice);
        for other in ["bob", "Alice", " alice", "alice ", "", "al\u{456}ce", "alice\n"] {
            assert_eq!(approved_by(other, Some("alice")), another_person(), "{other:?}");
        }
        for unusable in ["Alice", "", " ", "al ice"] {
            assert!(matches!(approved_by(unusable, None), Progress::Nonsense { wrong_person: false, .. }), "{unusable:?}");
        }
        assert_eq!(approved_by("alice", Some("")), another_person());
    }

    #[test]
    fn untrusted_text_is_cut_and_cannot_forge_a_log_line() {
        assert_eq!(for_log("frozen\r\nlevel=ERROR é"), "frozen??level=ERROR ?");
        assert_eq!(for_log(&"x".repeat(1000)).len(), LOGGED_CHARS);
    }

    #[test]
    fn a_status_is_passing_a_refusal_or_in_doubt() {
        let table = [(200, false, true), (302, false, true), (400, false, false), (401, false, false), (408, false, true)];
        let later = [(409, false, false), (418, false, false), (429, true, false), (500, true, true), (503, true, true)];
        for (status, passing, acted) in table.into_iter().chain(later) {
            assert_eq!((is_passing(status), may_have_acted(status)), (passing, acted), "{status}");
        }
    }
}

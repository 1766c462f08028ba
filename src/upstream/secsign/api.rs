//! What the server's two HTTP protocols have in common: how a request is written and an answer read. What an answer means is
//! decided in `reply`.

use url::Url;

use super::reply::Refusal;
use super::session::{SecSignId, Session};
use super::wire::Pairs;
use crate::domain::login::Confirmation;
use crate::outbound::{PhoneAnswer, PhoneRequest};
use crate::upstream::{BeginRequest, Found};

/// `apimethod`: which client speaks (SecSign notes §1.3).
pub(super) const API_METHOD: &str = "Signbridge";
pub(super) const PLUGIN_NAME: &str = concat!("Signbridge ", env!("CARGO_PKG_VERSION"));
/// The longest service name or address that is sent. The vendor's own script cuts at 255.
const MAX_SHOWN: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    State,
    Cancel,
}

pub(super) trait Api: Send + Sync {
    /// `base` is the address of a server and ends in `/`.
    fn create(&self, base: &Url, asked: &SecSignId, request: &BeginRequest) -> PhoneRequest;

    fn ask(&self, base: &Url, question: Question, session: &Session) -> PhoneRequest;

    /// A call that creates nothing and makes no phone ring.
    fn probe(&self, base: &Url) -> Option<PhoneRequest>;

    fn judge(&self, answer: &PhoneAnswer) -> Found;

    /// The members of a success, or what the answer is instead.
    fn read<'a>(&self, status: u16, body: &'a [u8]) -> Result<Pairs<'a>, Refusal>;

    /// Whether a session is named by a request id, too, and every answer names session and person.
    fn has_request_ids(&self) -> bool;
}

/// Whether the phone shows symbols, in the words of both APIs (check 133; SecSign notes §2.1, §2.2).
pub(super) const fn with_symbols(request: &BeginRequest) -> &'static str {
    match request.confirmation {
        Confirmation::Symbol => "true",
        Confirmation::Plain => "false",
    }
}

/// A text for the phone. The form API echoes it unescaped into answers that know no escaping, so nothing goes there that
/// could open a new pair (SecSign notes §3.1). It must not be empty (§2.1).
pub(super) fn shown(text: &str) -> String {
    let is_safe = |char: char| (char.is_ascii_graphic() || char == ' ') && !matches!(char, '&' | '=');
    let safe: String = text.chars().take(MAX_SHOWN).map(|char| if is_safe(char) { char } else { '-' }).collect();
    let trimmed = safe.trim();
    if trimmed.is_empty() { API_METHOD.to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_the_phone_shows_can_never_open_a_pair(text in "\\PC{0,300}") {
            let shown = shown(&text);
            prop_assert!(!shown.is_empty() && shown.len() <= MAX_SHOWN);
            prop_assert!(shown.bytes().all(|byte| (byte.is_ascii_graphic() || byte == b' ') && byte != b'&' && byte != b'='));
        }
    }

    #[test]
    fn a_plain_name_is_shown_as_it_is() {
        assert_eq!(shown("Demo app (staging)"), "Demo app (staging)");
        assert_eq!(shown("Müller & Söhne=\r\n"), "M-ller - S-hne---");
        assert_eq!(shown("  "), "Signbridge");
    }
}

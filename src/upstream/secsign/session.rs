//! What names an authentication session at the SecSign server: SecSign ID, session id, request id (form API only) and the host
//! that made it (SecSign notes §2.1, §2.2, §3.2). Nothing of it leaves for a browser (decision 2.2).

use serde::{Deserialize, Serialize};

use crate::domain::login::UpstreamHandle;
use crate::domain::named::parsed_enum;
use crate::domain::secret::Secret;
use crate::domain::user::canonical_identifier;

/// A SecSign ID in the server's own spelling: lower case, `[a-z0-9_@.-]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SecSignId(String);

impl SecSignId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_of_an_id = |byte: u8| byte.is_ascii_alphanumeric() || b"_@.-".contains(&byte);
        canonical_identifier(text).filter(|id| id.bytes().all(is_of_an_id)).map(Self)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which of the configured hosts. A name rather than an address, so that nothing stored can make us call anywhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Host {
    /// `[secsign] url`
    Primary,
    /// `[secsign] fallback_url`
    Fallback,
}

/// Made by [`Session::new`], so that what is in it goes well into a form.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) secsignid: SecSignId,
    /// A signed 64-bit number, kept as the text that came (S17). It can be guessed and proves nothing.
    pub(super) authsessionid: String,
    /// 64 hex digits in every published answer; 16 to 128 are accepted. Sessions of the REST API have none.
    pub(super) requestid: Option<Secret>,
    pub(super) host: Host,
}

/// The stored form of a [`Session`]. What a newer program keeps beside it is left alone.
#[derive(Deserialize)]
struct Stored {
    secsignid: String,
    authsessionid: String,
    requestid: Option<String>,
    host: Host,
}

/// 0 and -1 mean "none" to the server.
fn is_session_id(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|number| number.to_string() == text && !matches!(number, 0 | -1))
}

fn is_request_id(text: &str) -> bool {
    (16..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Session {
    pub(super) fn new(secsignid: SecSignId, authsessionid: &str, requestid: Option<&str>, host: Host) -> Option<Self> {
        let fits = is_session_id(authsessionid) && requestid.is_none_or(is_request_id);
        let requestid = requestid.map(Secret::new);
        fits.then(|| Self { secsignid, authsessionid: authsessionid.to_owned(), requestid, host })
    }

    /// A session that no server has: to ask whether the server is one.
    pub(super) fn of_nobody() -> Option<Self> {
        Self::new(SecSignId::parse("signbridge-doctor")?, "1", Some(&"0".repeat(64)), Host::Primary)
    }

    pub(super) fn to_handle(&self) -> UpstreamHandle {
        let stored = serde_json::json!({
            "secsignid": self.secsignid.as_str(),
            "authsessionid": self.authsessionid,
            "requestid": self.requestid.as_ref().map(Secret::expose),
            "host": self.host,
        });
        UpstreamHandle(Secret::new(stored.to_string()))
    }

    pub(super) fn from_handle(handle: &UpstreamHandle) -> Option<Self> {
        let stored: Stored = serde_json::from_str(handle.0.expose()).ok()?;
        Self::new(SecSignId::parse(&stored.secsignid)?, &stored.authsessionid, stored.requestid.as_deref(), stored.host)
    }
}

parsed_enum! {
    /// The state of a session (SecSign notes §4), by the server's numbers. The vendor's own constants are not trusted: one of
    /// its libraries gives CANCELED the number of PENDING (S15).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) enum SessionState {
        NoState = "0",
        Pending = "1",
        Expired = "2",
        Authenticated = "3",
        /// Declined, or the wrong symbol.
        Denied = "4",
        /// Another request for the same ID came.
        Suspended = "5",
        /// Withdrawn by us.
        Cancelled = "6",
        Fetched = "7",
        Invalid = "8",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_session_id_is_a_canonical_64_bit_number_other_than_0_and_minus_1() {
        for good in ["-8337412603900330717", "1", "-2", "9223372036854775807", "-9223372036854775808"] {
            assert!(is_session_id(good), "{good:?}");
        }
        for bad in ["0", "-1", "", "-0", "+1", "01", " 1", "1 ", "1.0", "9223372036854775808", "-9223372036854775809", "%31"] {
            assert!(!is_session_id(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_request_id_is_16_to_128_hex_digits() {
        for good in ["0123456789abcdefABCDEF", &"A".repeat(16), &"f".repeat(128)] {
            assert!(is_request_id(good), "{good:?}");
        }
        for bad in ["", &"A".repeat(15), &"A".repeat(129), "0123456789abcdeg", "0123456789abcdef ", "%30%31%32%33%34%35"] {
            assert!(!is_request_id(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_secsign_id_is_folded_and_free_of_anything_that_an_encoding_touches() {
        assert_eq!(SecSignId::parse(" Zoidberg_9@x.y-z ").unwrap().as_str(), "zoidberg_9@x.y-z");
        for bad in ["", "a b", "a&b", "a=b", "a%b", "a+b", "a\nb", "é"] {
            assert_eq!(SecSignId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_handle_gives_its_session_back_and_hides_it() {
        let alice = SecSignId::parse("alice").unwrap();
        let session = Session::new(alice, "-5", Some("00112233445566778899AABBCCDDEEFF"), Host::Fallback).unwrap();
        let handle = session.to_handle();
        let again = Session::from_handle(&handle).unwrap();
        assert_eq!(
            (&again.secsignid, &again.authsessionid, again.host),
            (&session.secsignid, &session.authsessionid, session.host)
        );
        assert_eq!(again.requestid.unwrap().expose(), "00112233445566778899AABBCCDDEEFF");
        assert!(!format!("{handle:?} {session:?}").contains("00112233"));
    }

    #[test]
    fn a_session_of_the_rest_api_has_no_request_id() {
        let session = Session::new(SecSignId::parse("alice").unwrap(), "-5", None, Host::Primary).unwrap();
        assert!(Session::from_handle(&session.to_handle()).unwrap().requestid.is_none());
    }

    #[test]
    fn a_damaged_handle_is_no_session() {
        let handle = |text: &str| UpstreamHandle(Secret::new(text));
        let whole = r#"{"secsignid":"a","authsessionid":"5","requestid":"00112233445566778899","host":"primary"}"#;
        assert!(Session::from_handle(&handle(whole)).is_some());
        for (from, to) in [("\"5\"", "\"0\""), ("primary", "http://evil"), ("00112233445566778899", "x"), ("{", "")] {
            assert!(Session::from_handle(&handle(&whole.replace(from, to))).is_none(), "{to}");
        }
    }

    #[test]
    fn only_the_nine_numbers_are_states() {
        let states: Vec<_> = (0..=8).map(|number: u8| SessionState::parse(&number.to_string()).unwrap()).collect();
        assert_eq!(
            (states[1], states[3], states[6], states[7]),
            (SessionState::Pending, SessionState::Authenticated, SessionState::Cancelled, SessionState::Fetched)
        );
        for junk in ["9", "-1", "3 ", " 3", "03", "+3", "3.0", "", "null", "[]", "%33", "３", "3;authsessionstate=3", "33"] {
            assert_eq!(SessionState::parse(junk), None, "{junk:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_one_digit_is_a_state(text in "\\PC{0,6}") {
            prop_assert_eq!(SessionState::parse(&text).is_some(), text.len() == 1 && ("0"..="8").contains(&text.as_str()));
        }
    }
}

//! People and the phones that they registered.

use serde::{Deserialize, Serialize};

use super::client::Source;
use super::clock::Timestamp;
use super::id::{DeviceId, UserId};
use super::named::parsed_enum;
use crate::protocol::jws;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub id: UserId,
    /// Canonical and unique (see [`canonical_identifier`]), as is the e-mail address.
    pub username: String,
    pub email: Option<String>,
    pub email_verified: bool,
    /// Empty when unknown.
    pub name: String,
    pub groups: Vec<String>,
    /// Whether a browser that they signed in from before may ask their phone for a plain yes, where the lowest `acr` is enough.
    pub confirm_without_symbol: bool,
    /// A locked person cannot sign in, and nothing is refreshed for them.
    pub locked: bool,
    /// When a request to sign in was declined last that the user was not asked about since.
    pub declined_at: Option<Timestamp>,
    /// Until when browsers that are not remembered ask nobody: the user said of a request that it was not theirs.
    pub strangers_until: Option<Timestamp>,
    pub source: Source,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

parsed_enum! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Upstream {
        /// SecSign ID: a push, then the symbol that the page shows.
        SecSign = "secsign",
        /// ThumbSignIn: a QR code or a deep link, then a fingerprint.
        ThumbSignIn = "thumbsignin",
    }
}

impl Upstream {
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::SecSign => "SecSign ID",
            Self::ThumbSignIn => "ThumbSignIn",
        }
    }
}

/// (upstream, upstream user) is unique: two services may know two different people by the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    pub id: DeviceId,
    pub user_id: UserId,
    pub upstream: Upstream,
    pub upstream_user: String,
    pub label: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

impl Device {
    /// One that is registered now, called as its service is.
    pub(crate) fn new(id: DeviceId, user_id: UserId, (upstream, name): (Upstream, String), now: Timestamp) -> Self {
        let label = upstream.display_name().to_owned();
        Self { id, user_id, upstream, upstream_user: name, label, created_at: now, last_used_at: None }
    }
}

/// The one spelling of a name that somebody typed: trimmed, folded to lower case, printable ASCII only (check 138).
/// `None` when the text cannot be a name; full-width and look-alike letters are refused rather than mapped.
pub(crate) fn canonical_identifier(typed: &str) -> Option<String> {
    let trimmed = typed.trim();
    let fits = (1..=254).contains(&trimmed.len()) && trimmed.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| trimmed.to_ascii_lowercase())
}

/// Bytes of an ID token beside the groups, at most for people with ordinary names: claims, header and signature.
const TOKEN_WITHOUT_GROUPS: usize = 1400;
/// A longer address is cut by many proxies, and an ID token may travel in one as a hint.
const LONGEST_IN_ADDRESSES: usize = 7 * 1024;

/// Apps show ID tokens to us again as hints (`id_token_hint`): groups can make them too long.
pub(crate) fn warning_of_groups(username: &str, groups: &[String]) -> Option<String> {
    let listed: usize = groups.iter().map(|group| group.len() + 3).sum();
    // Base64 makes four characters of three bytes.
    let token = TOKEN_WITHOUT_GROUPS + listed.div_ceil(3) * 4;
    if token <= LONGEST_IN_ADDRESSES {
        return None;
    }
    let trouble = if token <= jws::LONGEST {
        "many proxies cut addresses of 8 KiB, and then apps that send it as a hint can neither sign out nor renew"
    } else {
        "that is more than this server takes as a hint: apps can neither sign out nor renew with it"
    };
    Some(format!("{username} is in {} groups: an ID token that names them has about {token} bytes; {trouble}", groups.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn groups_that_make_long_tokens_are_warned_of() {
        let groups = |count: usize| vec!["g".repeat(32); count];
        assert_eq!(warning_of_groups("alice", &groups(90)), None, "5,281 bytes");
        let long = warning_of_groups("alice", &groups(200)).unwrap();
        assert!(long.contains("alice is in 200 groups") && long.contains("many proxies"), "{long}");
        assert!(warning_of_groups("alice", &groups(400)).unwrap().contains("more than this server takes"));
    }

    #[test]
    fn every_spelling_of_a_name_is_one_identifier() {
        for typed in ["Alice", " alice ", "ALICE\t", "alice"] {
            assert_eq!(canonical_identifier(typed).as_deref(), Some("alice"), "{typed:?}");
        }
        for junk in ["", "   ", "al ice", "ａlice", "ali\u{0}ce", &"x".repeat(255)] {
            assert_eq!(canonical_identifier(junk), None, "{junk:?}");
        }
    }

    proptest! {
        #[test]
        fn an_identifier_is_printable_and_stays_what_it_is(typed in "\\PC{0,12}|[ -~\t\n]{0,20}") {
            if let Some(identifier) = canonical_identifier(&typed) {
                prop_assert!(identifier.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()));
                prop_assert!(identifier.eq_ignore_ascii_case(typed.trim()));
                prop_assert_eq!(canonical_identifier(&identifier), Some(identifier));
            } else {
                let trimmed = typed.trim();
                prop_assert!(trimmed.is_empty() || trimmed.chars().any(|c| !c.is_ascii_graphic()));
            }
        }
    }
}

//! Scopes (RFC 6749 §3.3, OIDC Core §5.4).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::named::from_text;

/// OIDC Core §3.1.2.1.
pub(crate) const OPENID: &str = "openid";
/// OIDC Core §11.
pub(crate) const OFFLINE_ACCESS: &str = "offline_access";
/// Every scope that this provider knows; others are dropped and the granted `scope` is returned (RFC 6749 §3.3).
pub(crate) const KNOWN: &[&str] = &[OPENID, "profile", "email", "groups", OFFLINE_ACCESS];

/// A set of scope tokens, each within the grammar of RFC 6749 §3.3; written in alphabetical order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(BTreeSet<String>);

impl Scope {
    /// Parses a space-delimited list; repeated tokens count once (dex asks for `openid` twice).
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.bytes().all(|byte| matches!(byte, b' ' | 0x21 | 0x23..=0x5B | 0x5D..=0x7E)) {
            return Err("scope has a character that RFC 6749 section 3.3 does not allow");
        }
        Ok(Self(text.split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect()))
    }

    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The tokens in the order in which people are told of them: who they are first, that the app may come back last.
    pub fn for_people(&self) -> Vec<&str> {
        let place = |token: &str| match KNOWN.iter().position(|known| *known == token) {
            Some(last) if token == OFFLINE_ACCESS => (2, last),
            Some(known) => (0, known),
            None => (1, 0),
        };
        let mut tokens: Vec<&str> = self.iter().collect();
        tokens.sort_by_key(|token| place(token));
        tokens
    }

    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|token| keep(token)).cloned().collect())
    }

    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join(" "))
    }
}

from_text!(Scope);

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repeated_tokens_count_once_and_order_does_not_matter() {
        assert_eq!(Scope::parse("openid  email openid").unwrap(), Scope::parse("email openid").unwrap());
        assert_eq!(Scope::parse("openid email").unwrap().to_string(), "email openid");
    }

    #[test]
    fn people_read_who_they_are_first_and_that_the_app_may_come_back_last() {
        let scope = Scope::parse("zoo offline_access groups api email profile openid").unwrap();
        assert_eq!(scope.for_people(), ["openid", "profile", "email", "groups", "api", "zoo", "offline_access"]);
        assert_eq!(scope.iter().next(), Some("api"), "the set itself is alphabetical");
    }

    #[test]
    fn quotes_backslashes_and_control_characters_are_refused() {
        for bad in ["open\"id", "a\\b", "a\tb", "ä"] {
            assert!(Scope::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sets_are_compared_whole() {
        let scope = |text| Scope::parse(text).unwrap();
        assert!(scope("email").is_subset_of(&scope("openid email")) && Scope::default().is_subset_of(&scope("openid")));
        assert!(!scope("openid email").is_subset_of(&scope("email")) && !scope("mail").is_subset_of(&scope("email")));
        assert_eq!(scope("a b").union(&scope("b c")), scope("a b c"));
        assert_eq!(scope("a b c").filtered(|token| token != "b"), scope("a c"));
        assert!(
            scope("openid").contains("openid") && !scope("openid").contains("OpenID") && !scope("openidx").contains("openid")
        );
        assert!(scope("  ").is_empty());
    }

    proptest! {
        #[test]
        fn a_scope_is_made_of_the_characters_of_rfc_6749(text in "\\PC{0,30}|[ !#-~\"\\\\\t\x7f]{0,30}") {
            // Section 3.3, by exclusion: printable ASCII but the quote and the backslash.
            let harmless = |c: char| c == ' ' || c.is_ascii_graphic() && c != '"' && c != '\\';
            let parsed = Scope::parse(&text);
            prop_assert_eq!(parsed.is_ok(), text.chars().all(harmless));
            if let Ok(scope) = parsed {
                prop_assert!(text.split(' ').filter(|token| !token.is_empty()).all(|token| scope.contains(token)));
                prop_assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
            }
        }
    }
}

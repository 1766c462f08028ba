//! Request parameters as they came, duplicates visible (RFC 6749 §3.1: a parameter must not be included more than once).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The most bytes of one value, and of all names and values together (security bar 14).
const LONGEST_VALUE: usize = 4096;
const LONGEST_TOTAL: usize = 16 * 1024;

/// The parameters of one request, each once. A parameter without a value counts as absent (RFC 6749 §3.1).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Parameters(BTreeMap<String, String>);

/// Why a set of parameters is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParameters {
    /// A parameter came twice (RFC 6749 §3.1, §3.2).
    #[error("the parameter {0} was sent more than once")]
    Duplicate(String),
    /// Longer than anything that a relying party has a reason to send.
    #[error("the parameters are too long")]
    TooLong,
}

impl Parameters {
    /// Collects `application/x-www-form-urlencoded` text: a query or a form body.
    ///
    /// # Errors
    /// When a parameter comes twice or is too long. `resource` and `audience` may repeat (RFC 8707 §2); the first counts.
    pub fn parse(encoded: &[u8]) -> Result<Self, InvalidParameters> {
        Self::collect(url::form_urlencoded::parse(encoded).map(|(name, value)| (name.into_owned(), value.into_owned())))
    }

    /// Collects decoded pairs; see [`Parameters::parse`].
    ///
    /// # Errors
    /// As [`Parameters::parse`].
    pub fn collect(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, InvalidParameters> {
        let mut found = BTreeMap::new();
        let mut total = 0;
        for (name, value) in pairs {
            total += name.len() + value.len();
            if value.len() > LONGEST_VALUE || total > LONGEST_TOTAL {
                return Err(InvalidParameters::TooLong);
            }
            let repeatable = matches!(name.as_str(), "resource" | "audience");
            if found.contains_key(&name) {
                if repeatable {
                    continue;
                }
                let shown: String = name.chars().filter(|c| c.is_ascii_graphic()).take(40).collect();
                return Err(InvalidParameters::Duplicate(shown));
            }
            found.insert(name, value);
        }
        found.retain(|_, value| !value.is_empty());
        Ok(Self(found))
    }

    /// The value of `name`, unless absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The pairs, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl std::fmt::Debug for Parameters {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_is_refused_even_with_the_same_value() {
        assert_eq!(Parameters::parse(b"a=1&a=1"), Err(InvalidParameters::Duplicate("a".into())));
        assert_eq!(Parameters::parse(b"a=&a=1"), Err(InvalidParameters::Duplicate("a".into())));
        assert_eq!(Parameters::parse(b"resource=x&resource=y").unwrap().get("resource"), Some("x"));
    }

    #[test]
    fn an_empty_value_counts_as_absent() {
        assert_eq!(Parameters::parse(b"state=&nonce=n").unwrap().get("state"), None);
    }

    #[test]
    fn sizes_are_bounded_and_a_long_state_fits() {
        assert!(Parameters::parse(format!("state={}", "x".repeat(2048)).as_bytes()).is_ok());
        assert_eq!(Parameters::parse(format!("state={}", "x".repeat(4097)).as_bytes()), Err(InvalidParameters::TooLong));
    }
}

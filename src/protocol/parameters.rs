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
    use proptest::prelude::*;

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

    #[test]
    fn a_name_is_the_same_in_every_spelling_and_never_shown_as_it_came() {
        assert_eq!(Parameters::parse(b"state=1&st%61te=2"), Err(InvalidParameters::Duplicate("state".into())));
        assert_eq!(Parameters::parse(b"State=1&state=2").unwrap().iter().count(), 2, "names have one case");
        let long = format!("%0A{0}=1&%0A{0}=2", "n".repeat(60));
        assert_eq!(Parameters::parse(long.as_bytes()), Err(InvalidParameters::Duplicate("n".repeat(40))));
    }

    #[test]
    fn all_of_them_together_are_bounded_too() {
        // Four values of the greatest length, and four names of one letter.
        let full: String = "abcd".chars().map(|name| format!("{name}={}&", "x".repeat(LONGEST_VALUE - 1))).collect();
        assert!(Parameters::parse(full.as_bytes()).is_ok());
        assert_eq!(Parameters::parse(format!("{full}e=").as_bytes()), Err(InvalidParameters::TooLong));
        assert!(Parameters::parse(format!("a={}", "x".repeat(LONGEST_VALUE)).as_bytes()).is_ok());
    }

    #[test]
    fn debug_output_has_no_values() {
        let shown = format!("{:?}", Parameters::parse(b"client_secret=hunter2&state=s3").unwrap());
        assert_eq!(shown, r#"{"client_secret", "state"}"#);
    }

    proptest! {
        #[test]
        fn what_a_form_says_is_what_is_read(pairs in prop::collection::btree_map("\\PC{0,8}", "\\PC{0,40}", 0..6)) {
            let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let parameters = Parameters::parse(form.as_bytes()).unwrap();
            for (name, value) in &pairs {
                prop_assert_eq!(parameters.get(name), Some(value.as_str()).filter(|value| !value.is_empty()));
            }
            prop_assert_eq!(parameters.iter().count(), pairs.values().filter(|value| !value.is_empty()).count());
        }

        #[test]
        fn one_name_twice_is_refused_wherever_it_stands(names in prop::collection::btree_set("[a-z_]{1,12}", 1..6), twice: prop::sample::Index, at: prop::sample::Index) {
            let mut pairs: Vec<(String, String)> = names.into_iter().map(|name| (name, "1".to_owned())).collect();
            prop_assert!(Parameters::collect(pairs.clone()).is_ok());
            let (name, _) = pairs[twice.index(pairs.len())].clone();
            prop_assume!(name != "resource" && name != "audience");
            pairs.insert(at.index(pairs.len() + 1), (name.clone(), "2".to_owned()));
            prop_assert_eq!(Parameters::collect(pairs), Err(InvalidParameters::Duplicate(name)));
        }

        #[test]
        fn no_bytes_are_more_than_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(parameters) = Parameters::parse(&body) {
                prop_assert!(parameters.iter().all(|(_, value)| !value.is_empty()));
            }
        }
    }
}

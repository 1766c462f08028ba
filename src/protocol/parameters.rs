//! Request parameters as they came, duplicates visible (RFC 6749 §3.1: a parameter must not be included more than once). The
//! endpoint decides whether one that is [`Spoiled`] matters: names that it does not read are ignored (RFC 6749 §3.1, §3.2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::jws;

/// The most bytes of one value, and of all names and values together (check 14), beside one signed token.
const LONGEST_VALUE: usize = 4096;
const LONGEST_TOTAL: usize = 16 * 1024 + jws::LONGEST;
/// Parameters whose values are signed tokens: what we issue we accept, so they may be as long as ours can get.
const TOKENS: &[&str] = &["id_token_hint", "request"];
/// Parameters that may repeat; the first counts (RFC 8707 §2).
const REPEATABLE: &[&str] = &["resource", "audience"];

/// The parameters of one request. A parameter without a value counts as absent (RFC 6749 §3.1), and so does one that is spoiled.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Parameters(BTreeMap<String, Found>);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Found {
    Value(String),
    Spoiled(Spoiled),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum Spoiled {
    /// RFC 6749 §3.1, §3.2.
    #[error("was sent more than once")]
    Repeated,
    /// Longer than anything that a relying party has a reason to send.
    #[error("is too long")]
    TooLong,
}

/// The name as it can be shown, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {0} {1}")]
pub(crate) struct InvalidParameter(String, Spoiled);

impl Parameters {
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        Self::collect(url::form_urlencoded::parse(encoded).map(|(name, value)| (name.into_owned(), value.into_owned())))
    }

    /// Collects decoded pairs. What has no more room, in its own value or among all of them, is spoiled.
    pub(crate) fn collect(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut found: BTreeMap<String, Found> = BTreeMap::new();
        let mut total = 0;
        for (name, value) in pairs {
            let longest = if TOKENS.contains(&name.as_str()) { jws::LONGEST } else { LONGEST_VALUE };
            // A name that is too long is nobody's.
            if name.len() > LONGEST_VALUE {
                continue;
            }
            if let Some(before) = found.get_mut(&name) {
                if !REPEATABLE.contains(&name.as_str()) {
                    *before = Found::Spoiled(Spoiled::Repeated);
                }
                continue;
            }
            let size = name.len() + value.len();
            let fits = value.len() <= longest && total + size <= LONGEST_TOTAL;
            let kept = if fits { Found::Value(value) } else { Found::Spoiled(Spoiled::TooLong) };
            total += if fits { size } else { 0 };
            found.insert(name, kept);
        }
        found.retain(|_, found| !matches!(found, Found::Value(value) if value.is_empty()));
        Self(found)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Found::Value(value) => Some(value),
            Found::Spoiled(_) => None,
        }
    }

    /// Whether `name` was sent with a value, spoiled or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn sound(&self, name: &str) -> Result<(), InvalidParameter> {
        let Some(Found::Spoiled(spoiled)) = self.0.get(name) else { return Ok(()) };
        let shown = name.chars().filter(|c| c.is_ascii_graphic()).take(40).collect();
        Err(InvalidParameter(shown, *spoiled))
    }

    pub(crate) fn all_sound(&self, names: &[&str]) -> Result<(), InvalidParameter> {
        names.iter().try_for_each(|name| self.sound(name))
    }

    /// The same parameters, for an endpoint that has use for every one.
    pub(crate) fn strict(self) -> Result<Self, InvalidParameter> {
        self.0.keys().try_for_each(|name| self.sound(name))?;
        Ok(self)
    }

    /// The sound pairs, by name.
    #[cfg(test)]
    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.keys().filter_map(|name| Some((name.as_str(), self.get(name)?)))
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

    fn strict(form: &str) -> Result<Parameters, InvalidParameter> {
        Parameters::parse(form.as_bytes()).strict()
    }

    fn duplicate(name: &str) -> Result<Parameters, InvalidParameter> {
        Err(InvalidParameter(name.into(), Spoiled::Repeated))
    }

    #[test]
    fn a_repeated_parameter_is_refused_even_with_the_same_value() {
        assert_eq!(strict("a=1&a=1"), duplicate("a"));
        assert_eq!(strict("a=&a=1"), duplicate("a"));
        assert_eq!(strict("resource=x&resource=y").unwrap().get("resource"), Some("x"));
    }

    #[test]
    fn what_is_spoiled_has_no_value_and_spoils_nothing_else() {
        let long = "x".repeat(LONGEST_VALUE + 1);
        let parameters = Parameters::parse(format!("utm=1&state=s&utm=2&junk={long}").as_bytes());
        assert_eq!((parameters.get("utm"), parameters.get("junk"), parameters.get("state")), (None, None, Some("s")));
        assert!(parameters.has("utm") && parameters.has("junk") && !parameters.has("nonce"));
        assert_eq!(parameters.all_sound(&["state", "nonce"]), Ok(()));
        assert_eq!(parameters.all_sound(&["state", "utm"]), Err(InvalidParameter("utm".into(), Spoiled::Repeated)));
        assert_eq!(parameters.sound("junk"), Err(InvalidParameter("junk".into(), Spoiled::TooLong)));
        assert_eq!(parameters.iter().collect::<Vec<_>>(), [("state", "s")]);
    }

    #[test]
    fn an_empty_value_counts_as_absent() {
        let parameters = Parameters::parse(b"state=&nonce=n");
        assert!(parameters.get("state").is_none() && !parameters.has("state"));
    }

    #[test]
    fn sizes_are_bounded_and_a_long_state_fits() {
        assert!(strict(&format!("state={}", "x".repeat(LONGEST_VALUE))).is_ok());
        let longer = format!("state={}", "x".repeat(LONGEST_VALUE + 1));
        assert_eq!(strict(&longer), Err(InvalidParameter("state".into(), Spoiled::TooLong)));
    }

    #[test]
    fn a_hint_may_be_as_long_as_a_token_of_ours() {
        for name in TOKENS {
            assert!(strict(&format!("{name}={}", "x".repeat(jws::LONGEST))).is_ok());
            assert!(strict(&format!("{name}={}", "x".repeat(jws::LONGEST + 1))).is_err());
        }
    }

    #[test]
    fn a_name_is_the_same_in_every_spelling_and_never_shown_as_it_came() {
        assert_eq!(strict("state=1&st%61te=2"), duplicate("state"));
        assert_eq!(strict("State=1&state=2").unwrap().iter().count(), 2, "names have one case");
        assert_eq!(strict(&format!("%0A{0}=1&%0A{0}=2", "n".repeat(60))), duplicate(&"n".repeat(40)));
    }

    #[test]
    fn all_of_them_together_are_bounded_too() {
        // Values of the greatest length, with names of one letter.
        let full: String = "abcdefgh".chars().map(|name| format!("{name}={}&", "x".repeat(LONGEST_VALUE - 1))).collect();
        assert!(strict(&full).is_ok());
        assert_eq!(strict(&format!("{full}i=1")), Err(InvalidParameter("i".into(), Spoiled::TooLong)));
    }

    #[test]
    fn debug_output_has_no_values() {
        let shown = format!("{:?}", Parameters::parse(b"client_secret=hunter2&state=s3"));
        assert_eq!(shown, r#"{"client_secret", "state"}"#);
    }

    proptest! {
        #[test]
        fn what_a_form_says_is_what_is_read(pairs in prop::collection::btree_map("\\PC{0,8}", "\\PC{0,40}", 0..6)) {
            let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let parameters = Parameters::parse(form.as_bytes());
            for (name, value) in &pairs {
                prop_assert_eq!(parameters.get(name), Some(value.as_str()).filter(|value| !value.is_empty()));
            }
            prop_assert_eq!(parameters.iter().count(), pairs.values().filter(|value| !value.is_empty()).count());
        }

        #[test]
        fn one_name_twice_is_refused_wherever_it_stands(names in prop::collection::btree_set("[a-z_]{1,12}", 1..6), twice: prop::sample::Index, at: prop::sample::Index) {
            let mut pairs: Vec<(String, String)> = names.into_iter().map(|name| (name, "1".to_owned())).collect();
            prop_assert!(Parameters::collect(pairs.clone()).strict().is_ok());
            let (name, _) = pairs[twice.index(pairs.len())].clone();
            prop_assume!(name != "resource" && name != "audience");
            pairs.insert(at.index(pairs.len() + 1), (name.clone(), "2".to_owned()));
            prop_assert_eq!(Parameters::collect(pairs).strict(), Err(InvalidParameter(name, Spoiled::Repeated)));
        }

        #[test]
        fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Parameters::parse(&body).iter().all(|(_, value)| !value.is_empty()));
        }
    }
}

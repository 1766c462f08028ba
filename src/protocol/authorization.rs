//! What an authorization request asks for, where that has a type of its own: `prompt`, `response_mode`, `code_challenge`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::named::parsed_enum;

parsed_enum! {
    /// How the answer travels (OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post Response Mode §2).
    /// The only response type is `code` (decision 2.11), whose default mode is `query`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub(crate) enum ResponseMode {
        #[default]
        Query = "query",
        Fragment = "fragment",
        /// A form that the browser posts by itself.
        FormPost = "form_post",
    }
}

/// `prompt` (OIDC Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prompt {
    /// `none`: no page, no push; answer with a code or an error.
    pub none: bool,
    /// `login`: a fresh approval even where a session exists.
    pub login: bool,
    /// `consent`: ask for consent even where it was given.
    pub consent: bool,
    /// `select_account`: let the person choose the account, hence a fresh login.
    pub select_account: bool,
}

impl Prompt {
    /// Parses a space-delimited list; values we do not know are ignored (`create` of Initiating User Registration). `None` is
    /// for `none` together with another value, an error.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let values: Vec<&str> = text.split(' ').filter(|value| !value.is_empty()).collect();
        let has = |value| values.contains(&value);
        let (none, select_account) = (has("none"), has("select_account"));
        let prompt = Self { none, login: has("login"), consent: has("consent"), select_account };
        (!none || values.iter().all(|value| *value == "none")).then_some(prompt)
    }

    pub(crate) const fn wants_fresh_login(self) -> bool {
        self.login || self.select_account
    }
}

/// The challenge of Proof Key for Code Exchange: S256 only (RFC 9700 §2.1.1), 43 characters of base64url (RFC 7636 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct CodeChallenge(String);

impl CodeChallenge {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The error says what is wrong.
    pub(crate) fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Self>, &'static str> {
        let Some(challenge) = challenge else {
            return if method.is_some() { Err("a method without a challenge") } else { Ok(None) };
        };
        // `plain`, nothing (whose default is `plain`, RFC 7636 §4.3), or an unknown method.
        if method != Some("S256") {
            return Err("another method than S256");
        }
        // 32 bytes decode exactly; this also refuses a wrong length, a wrong alphabet and stray trailing bits.
        match URL_SAFE_NO_PAD.decode(challenge) {
            Ok(bytes) if bytes.len() == 32 => Ok(Some(Self(challenge.to_owned()))),
            _other => Err("not the base64url of 32 bytes"),
        }
    }

    /// Whether `verifier` is the one behind this challenge (RFC 7636 §4.6), compared in constant time.
    pub(crate) fn is_answered_by(&self, verifier: &str) -> bool {
        let well_formed = (43..=128).contains(&verifier.len())
            && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        well_formed && bool::from(hash.as_bytes().ct_eq(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc_verifies() {
        let challenge = CodeChallenge::parse(Some(CHALLENGE), Some("S256")).unwrap().unwrap();
        assert!(challenge.is_answered_by(VERIFIER));
        assert!(!challenge.is_answered_by(&VERIFIER[..42]));
        assert!(!challenge.is_answered_by(&format!("{VERIFIER}x")));
        assert!(!challenge.is_answered_by(""));
    }

    #[test]
    fn plain_short_challenges_and_a_method_without_a_challenge_are_refused() {
        assert_eq!(CodeChallenge::parse(Some(CHALLENGE), Some("plain")), Err("another method than S256"));
        assert_eq!(CodeChallenge::parse(Some(CHALLENGE), None), Err("another method than S256"));
        assert_eq!(CodeChallenge::parse(Some(&CHALLENGE[1..]), Some("S256")), Err("not the base64url of 32 bytes"));
        assert_eq!(CodeChallenge::parse(None, Some("S256")), Err("a method without a challenge"));
        assert_eq!(CodeChallenge::parse(None, None), Ok(None));
    }

    #[test]
    fn a_verifier_has_the_length_and_the_characters_of_the_rfc() {
        // RFC 7636 section 4.1. The challenge is the right one each time, so only the form can be what is wrong.
        let verifies = |verifier: &str| {
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
            CodeChallenge::parse(Some(&challenge), Some("S256")).unwrap().unwrap().is_answered_by(verifier)
        };
        for (length, fits) in [(0, false), (42, false), (43, true), (128, true), (129, false)] {
            assert_eq!(verifies(&"a".repeat(length)), fits, "{length}");
        }
        let ended = |end: char| verifies(&format!("{}{end}", "a".repeat(60)));
        for character in ['A', 'z', '0', '-', '.', '_', '~'] {
            assert!(ended(character), "{character:?}");
        }
        for character in [' ', '+', '/', '=', '%', '\n', '\0', 'é'] {
            assert!(!ended(character), "{character:?}");
        }
    }

    #[test]
    fn a_challenge_is_32_bytes_in_one_spelling() {
        let with_end = |end: &str| CodeChallenge::parse(Some(&format!("{}{end}", &CHALLENGE[..42])), Some("S256"));
        assert!(with_end("M").is_ok());
        // Stray bits behind the last byte, padding, a longer text, another alphabet, white space, nothing.
        for end in ["N", "M=", "MA", "+", " ", ""] {
            assert_eq!(with_end(end), Err("not the base64url of 32 bytes"), "{end:?}");
        }
        for method in ["s256", "S256 ", "", "S512"] {
            assert_eq!(CodeChallenge::parse(Some(CHALLENGE), Some(method)), Err("another method than S256"), "{method:?}");
        }
    }

    #[test]
    fn prompt_none_excludes_other_values() {
        assert!(Prompt::parse("none").unwrap().none);
        assert_eq!(Prompt::parse("none login"), None);
        assert_eq!(Prompt::parse("create none"), None);
    }

    #[test]
    fn login_and_consent_combine() {
        let prompt = Prompt::parse("login consent").unwrap();
        assert!(prompt.login && prompt.consent && prompt.wants_fresh_login() && !prompt.none);
    }

    #[test]
    fn each_value_means_itself_and_nothing_else() {
        let only = |none, login, consent, select_account| Some(Prompt { none, login, consent, select_account });
        for (text, expected) in [
            ("", only(false, false, false, false)),
            ("  ", only(false, false, false, false)),
            ("none", only(true, false, false, false)),
            (" none none ", only(true, false, false, false)),
            ("login", only(false, true, false, false)),
            ("consent", only(false, false, true, false)),
            ("select_account", only(false, false, false, true)),
            ("consent  login select_account", only(false, true, true, true)),
            ("create", only(false, false, false, false)),
            ("None", only(false, false, false, false)),
            ("none\tlogin", only(false, false, false, false)),
            ("None none", None),
        ] {
            assert_eq!(Prompt::parse(text), expected, "{text:?}");
        }
        let fresh = |text| Prompt::parse(text).unwrap().wants_fresh_login();
        assert!(fresh("select_account") && fresh("login") && !fresh("consent") && !fresh("none"));
    }
}

//! Proof Key for Code Exchange (RFC 7636), S256 only (RFC 9700 §2.1.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// An S256 code challenge: 43 characters of base64url (RFC 7636 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct CodeChallenge(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidChallenge {
    /// `plain`, nothing (whose default is `plain`, RFC 7636 §4.3), or an unknown method.
    #[error("code_challenge_method must be S256")]
    Method,
    #[error("code_challenge must be 43 characters of base64url")]
    Challenge,
    #[error("code_challenge_method was sent without code_challenge")]
    MethodAlone,
}

impl CodeChallenge {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Self>, InvalidChallenge> {
        let Some(challenge) = challenge else {
            return if method.is_some() { Err(InvalidChallenge::MethodAlone) } else { Ok(None) };
        };
        if method != Some("S256") {
            return Err(InvalidChallenge::Method);
        }
        // 32 bytes decode exactly; this also refuses a wrong length, a wrong alphabet and stray trailing bits.
        match URL_SAFE_NO_PAD.decode(challenge) {
            Ok(bytes) if bytes.len() == 32 => Ok(Some(Self(challenge.to_owned()))),
            _other => Err(InvalidChallenge::Challenge),
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
        assert_eq!(CodeChallenge::parse(Some(CHALLENGE), Some("plain")), Err(InvalidChallenge::Method));
        assert_eq!(CodeChallenge::parse(Some(CHALLENGE), None), Err(InvalidChallenge::Method));
        assert_eq!(CodeChallenge::parse(Some(&CHALLENGE[1..]), Some("S256")), Err(InvalidChallenge::Challenge));
        assert_eq!(CodeChallenge::parse(None, Some("S256")), Err(InvalidChallenge::MethodAlone));
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
            assert_eq!(with_end(end), Err(InvalidChallenge::Challenge), "{end:?}");
        }
        for method in ["s256", "S256 ", "", "S512"] {
            assert_eq!(CodeChallenge::parse(Some(CHALLENGE), Some(method)), Err(InvalidChallenge::Method), "{method:?}");
        }
    }
}

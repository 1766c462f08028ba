//! JSON Web Signatures in their compact form (RFC 7515 §7.1): written, and taken apart strictly. `keys` signs and verifies.
//!
//! A key is chosen by its holder's own records and never by the message: `jku`, `x5u`, `jwk` and `x5c` are ignored like any
//! header that we do not know (RFC 7515 §4, RFC 8725 §3.10).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

use super::client_metadata::SigningAlgorithm;
use super::json;
use super::named::named_enum;

/// The most bytes of a compact JWS that are looked at; an ID token with hundreds of groups stays below.
pub(crate) const LONGEST: usize = 16 * 1024;
/// The most bytes of a `kid`; ours have 43.
const LONGEST_KID: usize = 256;

named_enum! {
    /// What kind of token a JWS is (`typ`, RFC 8725 §3.11): what keeps one kind from standing in for another.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub(crate) enum TokenType {
        /// OIDC Core §2 defines no other.
        Id = "JWT",
        /// RFC 9068 §2.1.
        Access = "at+jwt",
        /// OIDC Back-Channel Logout §2.4.
        Logout = "logout+jwt",
    }
}

impl TokenType {
    /// Whether `typ` names this kind: media type names compare without regard to case (RFC 7515 §4.1.9).
    pub(crate) fn is_named_by(self, typ: Option<&str>) -> bool {
        typ.is_some_and(|typ| typ.eq_ignore_ascii_case(self.as_str()))
    }
}

/// The header parameters that we write and read (RFC 7515 §4.1.1, §4.1.4, §4.1.9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Header {
    pub alg: SigningAlgorithm,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
}

/// Nobody is told which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidJws {
    TooLong,
    /// Not three parts of unpadded base64url (RFC 7515 §7.1); an encrypted token has five (RFC 7516 §7.1).
    Shape,
    /// No JSON object whose members each occur once (RFC 7515 §4, §10.12).
    Header,
    /// The header demands an extension (`crit`, RFC 7515 §4.1.11; `b64`, RFC 7797 §3; `zip`); none is implemented.
    Extension,
    /// No algorithm of ours (RFC 8725 §3.1): `none`, a symmetric one, an unknown one.
    Algorithm,
    /// A token inside a token (`cty`, RFC 7519 §5.2).
    Nested,
    /// No JSON object whose members each occur once (RFC 7519 §4, §7.2).
    Claims,
}

/// A compact JWS taken apart. Nothing about it is true before its signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnverifiedJws<'a> {
    pub header: Header,
    /// What the signature is over (RFC 7515 §5.2).
    pub signing_input: &'a str,
    pub signature: Vec<u8>,
    payload: Vec<u8>,
}

impl<'a> UnverifiedJws<'a> {
    /// Takes a compact JWS apart (RFC 7515 §5.2, steps 1 to 7).
    pub(crate) fn parse(compact: &'a str) -> Result<Self, InvalidJws> {
        if compact.len() > LONGEST {
            return Err(InvalidJws::TooLong);
        }
        let (signing_input, signature) = compact.rsplit_once('.').ok_or(InvalidJws::Shape)?;
        let (header, payload) = signing_input.split_once('.').ok_or(InvalidJws::Shape)?;
        if signature.is_empty() {
            // An unsecured JWS (RFC 7515 appendix A.5) or a detached mistake.
            return Err(InvalidJws::Shape);
        }
        // A further dot, padding, white space and stray trailing bits are outside this alphabet (RFC 7515 §2).
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_not_base64url| InvalidJws::Shape);
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        let header = read_header(&decode(header)?)?;
        Ok(Self { header, signing_input, signature, payload })
    }

    /// The claims (RFC 7519 §7.2, step 10). The caller has verified the signature.
    pub(crate) fn claims(&self) -> Result<Map<String, Value>, InvalidJws> {
        json::parse_object(&self.payload).ok_or(InvalidJws::Claims)
    }
}

/// The claims that a token seems to make: only good for telling its sender why it was refused.
pub(crate) fn unchecked_claims(compact: &str) -> Option<Map<String, Value>> {
    let (_header, rest) = compact.split_once('.')?;
    let (payload, _signature) = rest.split_once('.')?;
    json::parse_object(&URL_SAFE_NO_PAD.decode(payload).ok()?)
}

fn read_header(json: &[u8]) -> Result<Header, InvalidJws> {
    let members = json::parse_object(json).ok_or(InvalidJws::Header)?;
    if ["crit", "b64", "zip"].iter().any(|name| members.contains_key(*name)) {
        return Err(InvalidJws::Extension);
    }
    let text = |name: &str| match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_other) => Err(InvalidJws::Header),
    };
    if text("cty")?.is_some_and(|cty| cty.eq_ignore_ascii_case("JWT")) {
        return Err(InvalidJws::Nested);
    }
    let alg = text("alg")?.and_then(|alg| SigningAlgorithm::parse(&alg)).ok_or(InvalidJws::Algorithm)?;
    let kid = text("kid")?;
    if kid.as_ref().is_some_and(|kid| kid.len() > LONGEST_KID) {
        return Err(InvalidJws::Header);
    }
    Ok(Header { alg, kid, typ: text("typ")? })
}

/// The text that is signed: header and claims in base64url (RFC 7515 §5.1, steps 1 to 5).
pub(crate) fn signing_input(header: &Header, claims: &impl Serialize) -> Result<String, serde_json::Error> {
    let (header, claims) = (serde_json::to_vec(header)?, serde_json::to_vec(claims)?);
    Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)))
}

/// The compact JWS made of what was signed and its signature (RFC 7515 §7.1).
pub(crate) fn compact(signing_input: &str, signature: &[u8]) -> String {
    format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(header: &str, claims: &str) -> String {
        compact(&format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)), b"signature")
    }

    fn refusal(header: &str) -> Option<InvalidJws> {
        UnverifiedJws::parse(&token(header, "{}")).err()
    }

    #[test]
    fn the_example_of_rfc_7515_is_taken_apart() {
        // Appendix A.3.
        let text = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ij\
                    p0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let jws = UnverifiedJws::parse(text).unwrap();
        assert_eq!(jws.header, Header { alg: SigningAlgorithm::ES256, kid: None, typ: None });
        assert_eq!(jws.signature.len(), 64);
        assert_eq!(jws.claims().unwrap()["exp"], 1_300_819_380);
    }

    #[test]
    fn only_algorithms_of_ours_are_accepted() {
        for alg in SigningAlgorithm::ALL {
            assert_eq!(refusal(&format!(r#"{{"alg":"{}"}}"#, alg.as_str())), None);
        }
        for alg in ["none", "None", "nOnE", "NONE", "HS256", "HS512", "rs256", "RS256 ", "RS1", "ES256K", "RSA1_5", ""] {
            assert_eq!(refusal(&format!(r#"{{"alg":"{alg}"}}"#)), Some(InvalidJws::Algorithm), "{alg}");
        }
        assert_eq!(refusal("{}"), Some(InvalidJws::Algorithm));
        assert_eq!(refusal(r#"{"alg":["RS256"]}"#), Some(InvalidJws::Header));
    }

    #[test]
    fn extensions_nesting_and_repeated_members_are_refused_and_unknown_members_ignored() {
        let cases = [
            (r#"{"alg":"RS256","crit":["exp"],"exp":1}"#, Some(InvalidJws::Extension)),
            (r#"{"alg":"RS256","crit":[]}"#, Some(InvalidJws::Extension)),
            (r#"{"alg":"RS256","b64":false}"#, Some(InvalidJws::Extension)),
            (r#"{"alg":"RS256","zip":"DEF"}"#, Some(InvalidJws::Extension)),
            (r#"{"alg":"RS256","cty":"jwt"}"#, Some(InvalidJws::Nested)),
            (r#"{"alg":"RS256","alg":"RS256"}"#, Some(InvalidJws::Header)),
            (r#"{"alg":"RS256","kid":7}"#, Some(InvalidJws::Header)),
            (r#"{"alg":"RS256"} {}"#, Some(InvalidJws::Header)),
            (r#"["RS256"]"#, Some(InvalidJws::Header)),
            (r#"{"alg":"RS256","jku":"https://evil.example/","jwk":{},"x5c":[],"future":1}"#, None),
        ];
        for (header, expected) in cases {
            assert_eq!(refusal(header), expected, "{header}");
        }
        let kid = |length| format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(length));
        assert_eq!((refusal(&kid(256)), refusal(&kid(257))), (None, Some(InvalidJws::Header)));
    }

    #[test]
    fn anything_but_three_parts_of_plain_base64url_is_refused() {
        let good = token(r#"{"alg":"RS256"}"#, "{}");
        assert!(UnverifiedJws::parse(&good).is_ok());
        let (input, _signature) = good.rsplit_once('.').unwrap();
        let bad = [
            String::new(),
            ".".into(),
            "..".into(),
            input.to_owned(),
            format!("{input}."),
            format!("{good}.{good}"),
            format!("{good}."),
            format!("{good}="),
            format!("{good}\n"),
            format!(" {good}"),
            good.replace('.', " ."),
            // One stray bit behind the last whole byte.
            format!("{input}.AB"),
            format!("{input}.+/8"),
        ];
        for text in bad {
            assert_eq!(UnverifiedJws::parse(&text), Err(InvalidJws::Shape), "{text}");
        }
        assert_eq!(UnverifiedJws::parse(&"a".repeat(LONGEST + 1)), Err(InvalidJws::TooLong));
    }

    #[test]
    fn claims_with_a_repeated_member_are_refused() {
        let claims = |text: &str| UnverifiedJws::parse(&token(r#"{"alg":"ES256"}"#, text)).unwrap().claims();
        assert_eq!(claims(r#"{"sub":"a","sub":"b"}"#), Err(InvalidJws::Claims));
        assert_eq!(claims(r#""text""#), Err(InvalidJws::Claims));
        assert_eq!(claims(r#"{"sub":"a"}"#).unwrap()["sub"], "a");
    }

    #[test]
    fn a_kind_of_token_is_named_by_its_own_type_only() {
        assert!(TokenType::Access.is_named_by(Some("AT+JWT")));
        assert!(!TokenType::Access.is_named_by(Some("JWT")));
        assert!(!TokenType::Id.is_named_by(Some("at+jwt")));
        assert!(!TokenType::Id.is_named_by(None));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(kid in "[ -~]{0,64}", claims in prop::collection::btree_map("\\PC{0,12}", any::<i64>(), 0..8), signature in prop::collection::vec(any::<u8>(), 1..300)) {
            let header = Header { alg: SigningAlgorithm::PS256, kid: Some(kid), typ: Some("JWT".into()) };
            let input = signing_input(&header, &claims).unwrap();
            let text = compact(&input, &signature);
            let jws = UnverifiedJws::parse(&text).unwrap();
            prop_assert_eq!(&jws.header, &header);
            prop_assert_eq!(jws.signing_input, input.as_str());
            prop_assert_eq!(&jws.signature, &signature);
            prop_assert_eq!(Value::Object(jws.claims().unwrap()), serde_json::to_value(&claims).unwrap());
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
            let _refused = UnverifiedJws::parse(&text);
        }

        #[test]
        fn no_header_or_claims_are_more_than_refused(header in prop::collection::vec(any::<u8>(), 0..100), claims in prop::collection::vec(any::<u8>(), 0..100)) {
            let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
            if let Ok(jws) = UnverifiedJws::parse(&compact(&input, b"s")) {
                let _refused = jws.claims();
            }
        }
    }
}

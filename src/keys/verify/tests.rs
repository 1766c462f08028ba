//! Tokens that are ours and tokens that are not, each refusal beside an acceptance.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::env::Env;
use crate::domain::secret::Secret;
use crate::keys::ring::tests::{DAY, ISSUER, MADE, MemoryRows, access_token, id_token, kid_of, purposes, signed, started};
use crate::keys::rotation::KeySettings;
use crate::protocol::client_metadata::SigningAlgorithm;

#[tokio::test]
async fn one_kind_of_token_does_not_stand_in_for_another() {
    let (_rows, node) = started().await;
    let ring = &node.ring;
    let id = signed(ring, SigningAlgorithm::RS256);
    let access = ring.sign(SigningAlgorithm::RS256, TokenType::Access, &access_token()).unwrap();
    assert!(ring.verify_signature(id.expose(), TokenType::Id).is_ok());
    assert_eq!(ring.verify_signature(id.expose(), TokenType::Access).unwrap_err(), VerifyError::Type);
    assert_eq!(ring.verify_access_token(id.expose(), ISSUER).unwrap_err(), VerifyError::Type);
    assert_eq!(ring.verify_hint(access.expose(), ISSUER, None).unwrap_err(), VerifyError::Type);
}

#[tokio::test]
async fn a_hint_may_have_expired_but_not_belong_to_others() {
    let (_rows, node) = started().await;
    let hint = signed(&node.ring, SigningAlgorithm::RS256);
    node.clock.advance(DAY * 30);
    assert_eq!(node.ring.verify_hint(hint.expose(), ISSUER, Some("app")).unwrap().sid.as_deref(), Some("session"));
    assert!(node.ring.verify_hint(hint.expose(), ISSUER, None).is_ok());
    assert_eq!(node.ring.verify_hint(hint.expose(), ISSUER, Some("other")).unwrap_err(), VerifyError::Audience);
    assert_eq!(node.ring.verify_hint(hint.expose(), "https://id.example/", None).unwrap_err(), VerifyError::Issuer);
}

#[tokio::test]
async fn an_access_token_ends_at_its_last_second() {
    let (_rows, node) = started().await;
    let token = node.ring.sign(SigningAlgorithm::ES256, TokenType::Access, &access_token()).unwrap();
    node.clock.advance(Duration::from_millis(299_999));
    assert!(node.ring.verify_access_token(token.expose(), ISSUER).is_ok());
    assert_eq!(node.ring.verify_access_token(token.expose(), "https://evil.example").unwrap_err(), VerifyError::Issuer);
    node.clock.advance(Duration::from_millis(1));
    assert_eq!(node.ring.verify_access_token(token.expose(), ISSUER).unwrap_err(), VerifyError::Expired);
}

#[tokio::test]
async fn claims_of_the_wrong_type_are_refused() {
    let (_rows, node) = started().await;
    for exp in [json!("1"), json!(1.5), json!(u64::MAX), json!(null), json!({})] {
        let mut claims = serde_json::to_value(access_token()).unwrap();
        claims["exp"] = exp.clone();
        let token = node.ring.sign(SigningAlgorithm::ES256, TokenType::Access, &claims).unwrap();
        assert_eq!(node.ring.verify_access_token(token.expose(), ISSUER).unwrap_err(), VerifyError::Claims, "{exp}");
    }
}

/// The token with another header, under the old signature or the given one.
fn with_header(token: &Secret, header: &Value, signature: Option<&[u8]>) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let parts: Vec<&str> = token.expose().split('.').collect();
    let signature = signature.map_or_else(|| parts[2].to_owned(), |bytes| URL_SAFE_NO_PAD.encode(bytes));
    format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()), parts[1])
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let (_rows, node) = started().await;
    let ring = &node.ring;
    let token = signed(ring, SigningAlgorithm::RS256);
    let es256 = signed(ring, SigningAlgorithm::ES256);
    let (kid, es_kid) = (kid_of(&token), kid_of(&es256));
    let refusal = |text: &str| ring.verify_signature(text, TokenType::Id).unwrap_err();
    let forged = |header: Value| refusal(&with_header(&token, &header, None));
    assert!(ring.verify_signature(token.expose(), TokenType::Id).is_ok(), "the control");

    for alg in ["none", "None", "nOnE", "HS256"] {
        assert_eq!(forged(json!({"alg": alg, "kid": kid})), VerifyError::Malformed(InvalidJws::Algorithm));
    }
    // The public key as an HMAC secret.
    let jwks = ring.jwks();
    let mac = aws_lc_rs::hmac::sign(&aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &jwks), b"x");
    let hs256 = with_header(&token, &json!({"alg": "HS256", "kid": kid}), Some(mac.as_ref()));
    assert_eq!(refusal(&hs256), VerifyError::Malformed(InvalidJws::Algorithm));
    for alg in ["PS256", "ES256", "EdDSA"] {
        assert_eq!(forged(json!({"alg": alg, "kid": kid, "typ": "JWT"})), VerifyError::Algorithm);
    }
    assert_eq!(forged(json!({"alg": "ES256", "kid": es_kid, "typ": "JWT"})), VerifyError::Signature);
    let zeros = with_header(&es256, &json!({"alg": "ES256", "kid": es_kid, "typ": "JWT"}), Some(&[0; 64]));
    assert_eq!(refusal(&zeros), VerifyError::Signature);
    for unknown in ["", "../../dev/null", "' OR 1=1 --", "unknown", &"k".repeat(256), &kid[1..], &kid.to_lowercase()] {
        assert_eq!(forged(json!({"alg": "RS256", "kid": unknown, "typ": "JWT"})), VerifyError::UnknownKey, "{unknown}");
    }
    assert_eq!(forged(json!({"alg": "RS256", "typ": "JWT"})), VerifyError::UnknownKey);
    let own_key = json!({"alg": "RS256", "kid": kid, "typ": "JWT", "jwk": {"kty": "RSA"}, "jku": "https://evil.example"});
    assert_eq!(forged(own_key), VerifyError::Signature);
    for trailing in [".", "=", " ", ".e30"] {
        assert_eq!(refusal(&format!("{}{trailing}", token.expose())), VerifyError::Malformed(InvalidJws::Shape));
    }
    assert_eq!(refusal(&"a.".repeat(10_000)), VerifyError::Malformed(InvalidJws::TooLong));
}

#[tokio::test]
async fn no_altered_token_verifies() {
    let (_rows, node) = started().await;
    let tokens: Vec<Secret> = SigningAlgorithm::ALL.into_iter().map(|alg| signed(&node.ring, alg)).collect();
    proptest!(|(which in 0..4_usize, at in 0..2000_usize, with in "[A-Za-z0-9_.=-]")| {
        let token = tokens[which].expose();
        let at = at % token.len();
        let altered = format!("{}{with}{}", &token[..at], &token[at + 1..]);
        let accepted = node.ring.verify_hint(&altered, ISSUER, None).is_ok();
        prop_assert_eq!(accepted, altered == token);
    });
}

#[cfg(feature = "demo")]
mod by_another_implementation {
    use super::*;
    use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
    use openidconnect::{ClientId, IssuerUrl, JsonWebKey, Nonce};
    use std::str::FromStr as _;

    fn theirs(alg: SigningAlgorithm) -> CoreJwsSigningAlgorithm {
        serde_json::from_value(alg.as_str().into()).unwrap()
    }

    #[tokio::test]
    async fn signatures_of_every_algorithm_verify_with_the_published_keys() {
        let (_rows, node) = started().await;
        let set: Value = serde_json::from_slice(&node.ring.jwks()).unwrap();
        for alg in SigningAlgorithm::ALL {
            let token = signed(&node.ring, alg);
            let jws = UnverifiedJws::parse(token.expose()).unwrap();
            let found = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == jws.header.kid.as_deref().unwrap());
            let key: CoreJsonWebKey = serde_json::from_value(found.unwrap().clone()).unwrap();
            let verify = |input: &[u8]| key.verify_signature(&theirs(alg), input, &jws.signature);
            verify(jws.signing_input.as_bytes()).unwrap();
            assert!(verify(b"something else").is_err(), "{alg:?}");
        }
    }

    #[tokio::test]
    async fn id_tokens_verify_as_a_relying_party_does_it() {
        let rows = MemoryRows::holding(MADE.clone());
        let env = Env::system();
        let ring = KeyRing::start(rows, purposes(1), env.clone(), KeySettings::default()).await.unwrap();
        let now = env.now().as_seconds();
        let claims = IdTokenClaims { iat: now, exp: now + 60, auth_time: now, ..id_token() };
        let keys: CoreJsonWebKeySet = serde_json::from_slice(&ring.jwks()).unwrap();
        let issuer = IssuerUrl::new(ISSUER.into()).unwrap();
        for alg in SigningAlgorithm::ALL {
            let verifier = |client: &str| {
                CoreIdTokenVerifier::new_public_client(ClientId::new(client.into()), issuer.clone(), keys.clone())
                    .set_allowed_algs([theirs(alg)])
            };
            let token = ring.sign(alg, TokenType::Id, &claims).unwrap();
            let token = CoreIdToken::from_str(token.expose()).unwrap();
            let read = token.claims(&verifier("app"), &Nonce::new("n".into())).unwrap();
            assert_eq!(read.subject().as_str(), "alice");
            assert!(token.claims(&verifier("other"), &Nonce::new("n".into())).is_err());
            assert!(token.claims(&verifier("app"), &Nonce::new("m".into())).is_err());
        }
    }
}

//! One key pair of one algorithm: made, stored as PKCS#8 (RFC 5958), signing, verifying. `aws-lc-rs` does all of it, with its own
//! randomness (decision 2.12, `docs/decisions/0003-aws-lc-generates-rsa.md`): the process ends where that fails.
//!
//! Costs on an ordinary core: making an RSA key some 100 ms (up to a second), an elliptic one less than 1 ms; an RSA
//! signature about 1 ms, an elliptic one a few hundredths; verifying less than 0.1 ms for all.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::KeysError;
use crate::protocol::client_metadata::SigningAlgorithm;
use crate::protocol::jwk::{EcCurve, Jwk, OkpCurve, PublicNumbers};

#[derive(Debug)]
pub(crate) struct SigningKey {
    pub(super) public: Jwk,
    private: Private,
}

/// The library's own types keep private parts out of their debug output and wipe them when dropped.
#[derive(Debug)]
enum Private {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Makes a key pair: RSA with 2048 bits, which is what every relying party verifies fast (decision 2.9). May take a
    /// second, so not on a thread that serves requests.
    pub(crate) fn generate(alg: SigningAlgorithm) -> Result<Self, KeysError> {
        let private = match alg {
            SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => RsaKeyPair::generate(KeySize::Rsa2048).map(Private::Rsa),
            SigningAlgorithm::ES256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Private::P256),
            SigningAlgorithm::EdDSA => Ed25519KeyPair::generate().map(Private::Ed25519),
        };
        Self::new(alg, private.map_err(|_unspecified| KeysError::Generate)?)
    }

    pub(crate) fn from_pkcs8(alg: SigningAlgorithm, pkcs8: &[u8]) -> Result<Self, KeysError> {
        let private = match alg {
            SigningAlgorithm::RS256 | SigningAlgorithm::PS256 => RsaKeyPair::from_pkcs8(pkcs8).map(Private::Rsa),
            SigningAlgorithm::ES256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map(Private::P256),
            SigningAlgorithm::EdDSA => Ed25519KeyPair::from_pkcs8(pkcs8).map(Private::Ed25519),
        };
        Self::new(alg, private.map_err(|_rejected| KeysError::Private)?)
    }

    fn new(alg: SigningAlgorithm, private: Private) -> Result<Self, KeysError> {
        let public = Jwk::new(alg, private.public_numbers().ok_or(KeysError::Private)?);
        Ok(Self { public, private })
    }

    /// The key pair as PKCS#8, to be sealed and stored.
    pub(crate) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeysError> {
        let copied = |der: &[u8]| Zeroizing::new(der.to_vec());
        let stored = match &self.private {
            Private::Rsa(key) => AsDer::<Pkcs8V1Der<'_>>::as_der(key).map(|der| copied(der.as_ref())),
            Private::P256(key) => key.to_pkcs8v1().map(|der| copied(der.as_ref())),
            Private::Ed25519(key) => AsDer::<Pkcs8V1Der<'_>>::as_der(key).map(|der| copied(der.as_ref())),
        };
        stored.map_err(|_unspecified| KeysError::Private)
    }

    /// The signature over `input` (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1).
    pub(crate) fn sign(&self, input: &[u8]) -> Result<Vec<u8>, KeysError> {
        let random = SystemRandom::new();
        let made = match &self.private {
            Private::Rsa(key) => {
                let padding = if self.public.alg == SigningAlgorithm::PS256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(padding, &random, input, &mut signature).map(|()| signature)
            }
            Private::P256(key) => key.sign(&random, input).map(|made| made.as_ref().to_vec()),
            Private::Ed25519(key) => key.try_sign(input).map(|made| made.as_ref().to_vec()),
        };
        made.map_err(|_unspecified| KeysError::Sign)
    }
}

impl Private {
    fn public_numbers(&self) -> Option<PublicNumbers> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(key) => {
                let numbers = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
                Some(PublicNumbers::Rsa { n: text(&numbers.n), e: text(&numbers.e) })
            }
            Self::P256(key) => {
                // An uncompressed point: 4, then both coordinates (SEC 1 §2.3.3).
                let [4, coordinates @ ..] = key.public_key().as_ref() else { return None };
                let (x, y) = coordinates.split_at_checked(32).filter(|(_x, y)| y.len() == 32)?;
                Some(PublicNumbers::Ec { crv: EcCurve::P256, x: text(x), y: text(y) })
            }
            Self::Ed25519(key) => Some(PublicNumbers::Okp { crv: OkpCurve::Ed25519, x: text(key.public_key().as_ref()) }),
        }
    }
}

#[derive(Debug)]
pub(crate) struct VerifyingKey(ParsedPublicKey);

impl VerifyingKey {
    /// The key that `jwk` describes, for the JWK's own `alg` and no other (RFC 8725 §3.1).
    pub(crate) fn from_jwk(jwk: &Jwk) -> Result<Self, KeysError> {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_malformed| KeysError::Public);
        let parsed = match (jwk.alg, &jwk.numbers) {
            (SigningAlgorithm::RS256, PublicNumbers::Rsa { n, e }) => {
                rsa(decode(n)?, decode(e)?)?.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            }
            (SigningAlgorithm::PS256, PublicNumbers::Rsa { n, e }) => {
                rsa(decode(n)?, decode(e)?)?.to_parsed_public_key(&RSA_PSS_2048_8192_SHA256)
            }
            (SigningAlgorithm::ES256, PublicNumbers::Ec { x, y, .. }) => {
                let (x, y) = (decode(x)?, decode(y)?);
                if x.len() != 32 || y.len() != 32 {
                    // Coordinates have the full length (RFC 7518 §6.2.1.2).
                    return Err(KeysError::Public);
                }
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], x.as_slice(), &y].concat())
            }
            (SigningAlgorithm::EdDSA, PublicNumbers::Okp { x, .. }) => ParsedPublicKey::new(&ED25519, decode(x)?),
            _mismatch => return Err(KeysError::Public),
        };
        parsed.map(Self).map_err(|_rejected| KeysError::Public)
    }

    /// Whether `signature` is this key's over `input` (RFC 7515 §5.2, step 8).
    pub(crate) fn verifies(&self, input: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(input, signature).is_ok()
    }
}

fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<RsaPublicKeyComponents<Vec<u8>>, KeysError> {
    // The library checks the length of the modulus when it verifies only; a weak key is refused at once (RFC 7518 §3.3).
    let long_enough = n.len() >= 256 && n.first().is_some_and(|first| n.len() > 256 || *first >= 0x80);
    // An even or a tiny exponent is no RSA key; 3 is legal, one byte more than four is not in use anywhere.
    let sound = n.last().is_some_and(|last| last % 2 == 1) && e.last().is_some_and(|last| last % 2 == 1) && e.as_slice() != [1];
    if long_enough && sound && e.len() <= 4 { Ok(RsaPublicKeyComponents { n, e }) } else { Err(KeysError::Public) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::jws::UnverifiedJws;
    use std::sync::LazyLock;

    static KEYS: LazyLock<[SigningKey; 4]> =
        LazyLock::new(|| SigningAlgorithm::ALL.map(|alg| SigningKey::generate(alg).unwrap()));

    // RFC 7515 appendix A.2 and A.3, RFC 8037 appendix A.4.
    const RFC_RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd\
                             2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7\
                             WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkML\
                             s91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const RFC_RSA_JWS: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290\
                               Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5ju\
                               jGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRm\
                               B_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5A\
                               XLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const RFC_EC_JWS: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290I\
                              jp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const RFC_ED_JWS: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhij\
                              cNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    fn ec_numbers(x: &str, y: &str) -> PublicNumbers {
        PublicNumbers::Ec { crv: EcCurve::P256, x: x.into(), y: y.into() }
    }

    fn rsa_numbers(n: &[u8], e: &[u8]) -> PublicNumbers {
        PublicNumbers::Rsa { n: URL_SAFE_NO_PAD.encode(n), e: URL_SAFE_NO_PAD.encode(e) }
    }

    #[test]
    fn the_signatures_of_the_rfcs_verify_and_altered_ones_do_not() {
        let ec = ec_numbers("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
        let ed = PublicNumbers::Okp { crv: OkpCurve::Ed25519, x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into() };
        let cases = [
            (SigningAlgorithm::RS256, PublicNumbers::Rsa { n: RFC_RSA_N.into(), e: "AQAB".into() }, RFC_RSA_JWS),
            (SigningAlgorithm::ES256, ec, RFC_EC_JWS),
            (SigningAlgorithm::EdDSA, ed, RFC_ED_JWS),
        ];
        for (alg, numbers, text) in cases {
            let jws = UnverifiedJws::parse(text).unwrap();
            assert_eq!(jws.header.alg, alg);
            let key = VerifyingKey::from_jwk(&Jwk::new(alg, numbers)).unwrap();
            assert!(key.verifies(jws.signing_input.as_bytes(), &jws.signature), "{alg:?}");
            assert!(!key.verifies(&jws.signing_input.as_bytes()[1..], &jws.signature), "{alg:?}");
        }
    }

    #[test]
    fn every_algorithm_signs_what_its_own_public_half_verifies_also_after_storage() {
        for key in KEYS.iter() {
            let alg = key.public.alg;
            let stored = key.to_pkcs8().unwrap();
            let loaded = SigningKey::from_pkcs8(alg, &stored).unwrap();
            assert_eq!(&loaded.public, &key.public);
            let signature = loaded.sign(b"input").unwrap();
            for other in KEYS.iter() {
                let verifying = VerifyingKey::from_jwk(&other.public).unwrap();
                assert_eq!(verifying.verifies(b"input", &signature), other.public.alg == alg, "{alg:?}");
                assert!(!verifying.verifies(b"inpux", &signature));
                assert!(!verifying.verifies(b"input", &signature[1..]));
                assert!(!verifying.verifies(b"input", &[]));
            }
            assert!(SigningKey::from_pkcs8(alg, &stored[1..]).is_err());
        }
    }

    #[test]
    fn a_private_key_of_another_kind_is_refused() {
        for key in KEYS.iter() {
            for alg in SigningAlgorithm::ALL {
                let rsa = |alg| matches!(alg, SigningAlgorithm::RS256 | SigningAlgorithm::PS256);
                let fits = alg == key.public.alg || (rsa(alg) && rsa(key.public.alg));
                assert_eq!(SigningKey::from_pkcs8(alg, &key.to_pkcs8().unwrap()).is_ok(), fits);
            }
        }
    }

    #[test]
    fn a_key_serves_its_one_algorithm_only() {
        let [rs256, ps256, ..] = &*KEYS;
        let as_ps256 = Jwk { alg: SigningAlgorithm::PS256, ..rs256.public.clone() };
        let signature = rs256.sign(b"input").unwrap();
        assert!(VerifyingKey::from_jwk(&rs256.public).unwrap().verifies(b"input", &signature));
        assert!(!VerifyingKey::from_jwk(&as_ps256).unwrap().verifies(b"input", &signature));
        let as_es256 = Jwk { alg: SigningAlgorithm::ES256, ..ps256.public.clone() };
        assert!(matches!(VerifyingKey::from_jwk(&as_es256), Err(KeysError::Public)));
    }

    #[test]
    fn an_ecdsa_signature_of_zeros_never_verifies() {
        let [.., es256, _eddsa] = &*KEYS;
        let verifying = VerifyingKey::from_jwk(&es256.public).unwrap();
        let mut signature = es256.sign(b"input").unwrap();
        assert!(verifying.verifies(b"input", &signature));
        assert!(!verifying.verifies(b"input", &[0; 64]));
        signature[..32].fill(0);
        assert!(!verifying.verifies(b"input", &signature), "r = 0");
        let mut signature = es256.sign(b"input").unwrap();
        signature[32..].fill(0);
        assert!(!verifying.verifies(b"input", &signature), "s = 0");
    }

    #[test]
    fn weak_and_malformed_public_keys_are_refused() {
        let refused = |alg, numbers| matches!(VerifyingKey::from_jwk(&Jwk::new(alg, numbers)), Err(KeysError::Public));
        let PublicNumbers::Rsa { n, .. } = &KEYS[0].public.numbers else { panic!("an RSA key") };
        let n = URL_SAFE_NO_PAD.decode(n).unwrap();
        for alg in [SigningAlgorithm::RS256, SigningAlgorithm::PS256] {
            assert!(!refused(alg, rsa_numbers(&n, &[1, 0, 1])), "the control");
            assert!(refused(alg, rsa_numbers(&n[128..], &[1, 0, 1])), "1024 bits");
            assert!(refused(alg, rsa_numbers(&[&[0][..], &n[1..]].concat(), &[1, 0, 1])), "leading zero");
            let mut even = n.clone();
            even[255] &= 0xFE;
            assert!(refused(alg, rsa_numbers(&even, &[1, 0, 1])), "even modulus");
            for e in [&[1][..], &[2], &[0], &[], &[1, 0, 0], &[1, 1, 1, 1, 1]] {
                assert!(refused(alg, rsa_numbers(&n, e)), "exponent {e:?}");
            }
        }
        let (zeros, ones) = (URL_SAFE_NO_PAD.encode([0; 32]), URL_SAFE_NO_PAD.encode([1; 32]));
        assert!(refused(SigningAlgorithm::ES256, ec_numbers(&zeros, &zeros)));
        assert!(refused(SigningAlgorithm::ES256, ec_numbers(&ones, &ones)), "off the curve");
        assert!(refused(SigningAlgorithm::ES256, ec_numbers("AQ", "AQ")));
        assert!(refused(SigningAlgorithm::EdDSA, PublicNumbers::Okp { crv: OkpCurve::Ed25519, x: "AQ".into() }));
        assert!(refused(SigningAlgorithm::EdDSA, PublicNumbers::Okp { crv: OkpCurve::Ed25519, x: "+/".into() }));
    }

    #[test]
    fn debug_output_shows_no_private_part() {
        for key in KEYS.iter() {
            let shown = format!("{key:?}");
            let private = key.to_pkcs8().unwrap();
            let hex = crate::domain::hex::hex(&private);
            // The last bytes of a PKCS#8 document are private for every kind but P-256, whose scalar stands at 36.
            let secret = if key.public.alg == SigningAlgorithm::ES256 { &hex[72..136] } else { &hex[hex.len() - 64..] };
            assert!(!shown.to_lowercase().contains(secret), "{:?}", key.public.alg);
        }
    }
}

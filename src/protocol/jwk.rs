//! Public JSON Web Keys (RFC 7517) of the kinds that we sign with: RSA, P-256 (RFC 7518 §6) and Ed25519 (RFC 8037 §2).
//! There is no member for private material here, so none can be published by mistake (RFC 7517 §9.2). Whether the numbers
//! make a sound key is checked where it is used (`keys::signing`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::client_metadata::SigningAlgorithm;

/// The public numbers of a key, in base64url without padding (RFC 7518 §6, RFC 8037 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub(crate) enum PublicNumbers {
    /// RFC 7518 §6.3.1: big-endian, without leading zeros.
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    /// RFC 7518 §6.2.1; coordinates of 32 bytes.
    #[serde(rename = "EC")]
    Ec { crv: EcCurve, x: String, y: String },
    /// RFC 8037 §2.
    #[serde(rename = "OKP")]
    Okp { crv: OkpCurve, x: String },
}

/// RFC 7518 §6.2.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EcCurve {
    #[serde(rename = "P-256")]
    P256,
}

/// RFC 8037 §3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OkpCurve {
    Ed25519,
}

/// What a published key is for (`use`, RFC 7517 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyUse {
    #[serde(rename = "sig")]
    Signature,
}

/// A public key for signatures, with everything that relying parties ask for: `kid`, `alg` and `use` (RFC 7517 §4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Jwk {
    pub kid: String,
    /// The one algorithm that it serves (RFC 8725 §3.1: a key is used with one algorithm).
    pub alg: SigningAlgorithm,
    #[serde(rename = "use")]
    pub usage: KeyUse,
    #[serde(flatten)]
    pub numbers: PublicNumbers,
}

impl PublicNumbers {
    /// The thumbprint: SHA-256 over the required members in alphabetical order (RFC 7638 §3; RFC 8037 §2 for Ed25519).
    pub(crate) fn thumbprint(&self) -> String {
        // Written by hand, for the hash is over these bytes exactly (RFC 7638 §3.3). Base64url needs no escape.
        let members = match self {
            Self::Rsa { n, e } => format!(r#""e":"{e}","kty":"RSA","n":"{n}""#),
            Self::Ec { crv: EcCurve::P256, x, y } => format!(r#""crv":"P-256","kty":"EC","x":"{x}","y":"{y}""#),
            Self::Okp { crv: OkpCurve::Ed25519, x } => format!(r#""crv":"Ed25519","kty":"OKP","x":"{x}""#),
        };
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{{{members}}}")))
    }
}

impl Jwk {
    /// The JWK of a key that serves `alg`, with its thumbprint as `kid` (RFC 7638 §1).
    pub(crate) fn new(alg: SigningAlgorithm, numbers: PublicNumbers) -> Self {
        Self { kid: numbers.thumbprint(), alg, usage: KeyUse::Signature, numbers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7638 §3.1.
    const RFC7638_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZ\
                             CiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgn\
                             Yb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0\
                             Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    #[test]
    fn the_thumbprint_examples_of_the_rfcs_come_out() {
        let rsa = PublicNumbers::Rsa { n: RFC7638_N.into(), e: "AQAB".into() };
        assert_eq!(rsa.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // RFC 8037 appendix A.3.
        let okp = PublicNumbers::Okp { crv: OkpCurve::Ed25519, x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into() };
        assert_eq!(okp.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    fn text(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    #[test]
    fn a_jwk_has_every_public_member_and_no_other() {
        let ec = PublicNumbers::Ec { crv: EcCurve::P256, x: text(&[1; 32]), y: text(&[2; 32]) };
        let ec = serde_json::to_value(Jwk::new(SigningAlgorithm::ES256, ec)).unwrap();
        let members: Vec<&str> = ec.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members.len(), 7);
        for name in ["kid", "alg", "use", "kty", "crv", "x", "y"] {
            assert!(members.contains(&name), "{name}");
        }
        assert_eq!(
            (&ec["kty"], &ec["crv"], &ec["alg"], &ec["use"]),
            (&"EC".into(), &"P-256".into(), &"ES256".into(), &"sig".into())
        );
        let rsa = PublicNumbers::Rsa { n: text(&[1; 256]), e: text(&[1, 0, 1]) };
        let rsa = serde_json::to_value(Jwk::new(SigningAlgorithm::PS256, rsa)).unwrap();
        assert_eq!((&rsa["kty"], &rsa["e"], &rsa["alg"]), (&"RSA".into(), &"AQAB".into(), &"PS256".into()));
    }

    #[test]
    fn a_stored_jwk_reads_back_and_a_foreign_curve_does_not() {
        let jwk = Jwk::new(SigningAlgorithm::EdDSA, PublicNumbers::Okp { crv: OkpCurve::Ed25519, x: text(&[7; 32]) });
        let text = serde_json::to_string(&jwk).unwrap();
        assert_eq!(serde_json::from_str::<Jwk>(&text).unwrap(), jwk);
        assert!(serde_json::from_str::<Jwk>(&text.replace("Ed25519", "Ed448")).is_err());
        assert!(serde_json::from_str::<Jwk>(&text.replace("sig", "enc")).is_err());
    }
}

//! The verifier against signatures of the vendor's own signers.

use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;

use super::*;

#[derive(Clone, Deserialize)]
struct Vector {
    id: String,
    method: String,
    url: String,
    signed_header_values: HashMap<String, String>,
    body: String,
    x_ts_date: String,
    key_date: String,
    app_id: String,
    secret: String,
    canonical: String,
    authorization: String,
}

/// Produced by the vendor's own signers; `key_date` is the signer's date where that is not the stamp's.
fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../tests/thumbsignin-vectors.json")).unwrap()
}

impl Vector {
    fn named(id: &str) -> Self {
        vectors().into_iter().find(|vector| vector.id == id).unwrap()
    }

    /// When the signer looked at its clock: the stamp, or the first second of the day that keyed the signature.
    fn signed_at(&self) -> i64 {
        let stamp = clock::parse_stamp(&self.x_ts_date).unwrap();
        let day = clock::parse_stamp(&format!("{}T000000Z", self.key_date)).unwrap();
        stamp.max(day)
    }

    fn verify_at(&self, now: i64, max_age_ms: Option<i64>) -> Result<String, Refusal> {
        let rest = self.url.strip_prefix("https://api.thumbsignin.com").unwrap();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let header = |name: &str| match name {
            "authorization" => Some(self.authorization.clone()),
            name => {
                self.signed_header_values.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
            }
        };
        let received = Received { method: &self.method, path, query, body: self.body.as_bytes(), header: &header };
        let rules = Rules {
            secret_of: &|id| (id == self.app_id).then(|| self.secret.clone()),
            max_age: max_age_ms.map(|age| Duration::from_millis(age.unsigned_abs())),
        };
        verify(&rules, &received, now)
    }

    fn verify(&self) -> Result<(), Refusal> {
        self.verify_at(self.signed_at(), Some(300_000)).map(|app| assert_eq!(app, self.app_id))
    }
}

#[test]
fn every_vector_is_accepted() {
    let vectors = vectors();
    assert!(vectors.len() >= 16, "{}", vectors.len());
    for vector in vectors {
        assert_eq!(vector.verify(), Ok(()), "{}: {}", vector.id, vector.canonical);
    }
}

/// What the Gluu integration has the browser send: exactly these three headers. Not of an official signer: computed by a
/// Python script that was written from the text of ThumbSignIn notes §1.3–1.4 alone, and that reproduces V07, which has the
/// same headers.
#[test]
fn the_three_headers_of_gluu_are_accepted_for_the_life_of_a_page() {
    let authorization = "HmacSHA256 Credential=0123456789abcdef0123456789abcdef, SignedHeaders=accept;content-type;x-ts-date, \
                         Signature=c43052cd7dd842b7775e5378e789d545a079b5c009aa0c1578d82a04666f7140";
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let vector = Vector {
        url: "https://api.thumbsignin.com/ts/secure/txn-status/7e8eeb82d86c549c6d3c56e6d5046f07ea7b98df88aed424".to_owned(),
        signed_header_values: HashMap::from([
            header("Accept", "application/json"),
            header("Content-Type", "application/json"),
            header("X-Ts-Date", "20181105T093000Z"),
        ]),
        x_ts_date: "20181105T093000Z".to_owned(),
        key_date: "20181105".to_owned(),
        authorization: authorization.to_owned(),
        ..Vector::named("V07")
    };
    for later in [0, 1_500, 90_000, 240_000, 300_000] {
        assert!(vector.verify_at(vector.signed_at() + later, Some(300_000)).is_ok(), "after {later} ms");
    }
    assert!(vector.verify_at(vector.signed_at() + 301_000, Some(300_000)).is_err());
}

#[test]
fn a_signature_over_midnight_is_accepted_by_either_day() {
    let vector = Vector::named("V14");
    assert_ne!(vector.key_date, vector.x_ts_date[..8]);
    assert_eq!(vector.verify(), Ok(()));
    let two_days_later = vector.signed_at() + 2 * 86_400_000;
    assert_eq!(vector.verify_at(two_days_later, None), Err(FAILED), "neither the stamp's day nor today");
}

#[test]
fn whatever_was_signed_cannot_be_changed() {
    type Change = (&'static str, fn(&mut Vector));
    let changes: [Change; 7] = [
        ("method", |vector| vector.method = "delete".to_owned()),
        ("path", |vector| vector.url = vector.url.replace("register", "authenticate")),
        ("query", |vector| vector.url = vector.url.replace("alice", "mallory")),
        ("header", |vector| {
            vector.signed_header_values.insert("Accept".to_owned(), "text/html".to_owned());
        }),
        ("body", |vector| vector.body = "x".to_owned()),
        ("secret", |vector| vector.secret = "00".repeat(32)),
        ("application", |vector| vector.app_id = "00".repeat(16)),
    ];
    assert_eq!(Vector::named("V04").verify(), Ok(()));
    for (what, change) in changes {
        let mut vector = Vector::named("V04");
        change(&mut vector);
        assert_eq!(vector.verify(), Err(FAILED), "{what}");
    }
}

#[test]
fn an_algorithm_that_the_caller_chose_is_refused_though_its_signature_is_right() {
    let with = |key: &[u8], message: &[u8]| {
        let mac = Hmac::<sha2::Sha512>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes();
        (mac.to_vec(), format!("{mac:x}"))
    };
    let mut vector = Vector::named("V02");
    let (key, _) = with(vector.secret.as_bytes(), vector.key_date.as_bytes());
    let text = format!("HmacSHA512\n{}\n{:x}", vector.x_ts_date, Sha256::digest(&vector.canonical));
    let (_, signature) = with(&key, text.as_bytes());
    let (head, _) = vector.authorization.split_once("Signature=").unwrap();
    vector.authorization = format!("{}Signature={signature}", head.replace("HmacSHA256", "HmacSHA512"));
    assert_eq!(vector.verify(), Err(INVALID));
}

#[test]
fn the_body_is_covered() {
    let mut vector = Vector::named("V16");
    assert_eq!(vector.verify(), Ok(()));
    vector.body = vector.body.replace('b', "c");
    assert_eq!(vector.verify(), Err(FAILED));
}

#[test]
fn stamps_far_from_now_are_refused() {
    let vector = Vector::named("V02");
    let at = vector.signed_at();
    assert!(vector.verify_at(at + 300_000, Some(300_000)).is_ok());
    assert!(vector.verify_at(at + 301_000, Some(300_000)).is_err());
    assert!(vector.verify_at(at + 301_000, None).is_ok(), "without a bound, as the vendor does it");
    assert!(vector.verify_at(at - 30_000, Some(300_000)).is_ok());
    assert!(vector.verify_at(at - 31_000, None).is_err());
}

#[test]
fn headers_of_another_shape_are_refused() {
    let good = Vector::named("V02");
    let lenient = Vector { authorization: good.authorization.replace(", ", ","), ..good.clone() };
    assert_eq!(lenient.verify(), Ok(()));
    let dated = Vector { authorization: good.authorization.replace(", Signed", "/20180502, Signed"), ..good.clone() };
    assert_eq!(dated.verify(), Ok(()));
    for authorization in [
        String::new(),
        "Bearer abc".to_owned(),
        good.authorization.replace("HmacSHA256", "HmacMD5"),
        good.authorization.replace("Signature=", "Sig="),
        good.authorization.replace(";x-ts-date", ""),
        good.authorization.replace("accept;", "accept;accept-language;"),
    ] {
        assert!(Vector { authorization: authorization.clone(), ..good.clone() }.verify().is_err(), "{authorization}");
    }
}

//! Request signing (ThumbSignIn notes §1): canonical request, string to sign, derived key, `Authorization` header. Pure.
//!
//! Two official signers canonicalise differently. We sign as the Java one does, which is the service's own, over headers for
//! which both agree: the tests have the form of the Node signer, too. Of a path the bytes that are sent are signed (§1.6).

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use url::form_urlencoded;

use crate::domain::clock::Timestamp;
use crate::domain::hex::hex;
use crate::domain::secret::Secret;

/// The algorithm's name, in the header and in the string to sign. Never taken from a request (S19).
const ALGORITHM: &str = "HmacSHA256";
const STAMP: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]");

/// The moment of a signed request as `X-Ts-Date` writes it (ThumbSignIn notes §1.2), and the day that keys its signature.
/// Both come from one reading of the clock: signers that read it twice disagree with themselves at midnight (§1.4).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// `yyyyMMdd'T'HHmmss'Z'`
    pub(super) text: String,
    /// `yyyyMMdd`
    pub(super) day: String,
}

impl Stamp {
    /// `None` outside of the years 0 to 9999.
    pub(super) fn of(moment: Timestamp) -> Option<Self> {
        let utc = OffsetDateTime::from_unix_timestamp(moment.as_seconds()).ok().filter(|utc| utc.year() >= 0)?;
        Some(Self { text: utc.format(STAMP).ok()?, day: utc.format(DAY).ok()? })
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Signable<'a> {
    pub method: &'a str,
    /// As it is sent.
    pub path: &'a str,
    /// Decoded.
    pub query: &'a [(&'a str, &'a str)],
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
}

impl Signable<'_> {
    /// The canonical request (ThumbSignIn notes §1.3).
    pub(crate) fn canonical(&self) -> String {
        let lines: String = self.canonical_headers().iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let path = if self.path.is_empty() { "/" } else { self.path };
        self.joined(path, &canonical_query(self.query), &lines)
    }

    fn joined(&self, path: &str, query: &str, header_lines: &str) -> String {
        let (method, headers, body) =
            (self.method.to_ascii_lowercase(), self.signed_headers(), hex(&Sha256::digest(self.body)));
        [method.as_str(), path, query, header_lines, &headers, &body].join("\n")
    }

    pub(crate) fn signed_headers(&self) -> String {
        self.canonical_headers().into_keys().collect::<Vec<_>>().join(";")
    }

    fn canonical_headers(&self) -> BTreeMap<String, &str> {
        self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), *value)).collect()
    }
}

/// The canonical query string, which is also what goes onto the wire, byte for byte (ThumbSignIn notes §1.6). Of a name that comes
/// twice, the first value counts. Java's `URLEncoder` is the WHATWG's form encoding.
pub(crate) fn canonical_query(query: &[(&str, &str)]) -> String {
    let mut values = BTreeMap::new();
    for (name, value) in query {
        values.entry(name).or_insert(value);
    }
    let pair = |(name, value): (&&str, &&str)| {
        format!("{name}={}", form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>())
    };
    values.into_iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The string to sign (ThumbSignIn notes §1.4). `stamp` is the value of `X-Ts-Date`.
pub(crate) fn string_to_sign(stamp: &str, canonical: &str) -> String {
    format!("{ALGORITHM}\n{stamp}\n{}", hex(&Sha256::digest(canonical)))
}

/// The signature (ThumbSignIn notes §1.4): the secret is used as the text that it is, never decoded from hex.
pub(crate) fn signature(secret: &Secret, key_date: &str, string_to_sign: &str) -> String {
    let day_key = hmac_sha256(secret.expose().as_bytes(), key_date);
    hex(hmac_sha256(day_key.as_ref(), string_to_sign).as_ref())
}

/// The `Authorization` header (ThumbSignIn notes §1.2). The blank after each comma is required.
pub(crate) fn authorization(app_id: &str, signed_headers: &str, signature: &str) -> String {
    format!("{ALGORITHM} Credential={app_id}, SignedHeaders={signed_headers}, Signature={signature}")
}

fn hmac_sha256(key: &[u8], message: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes())
}

#[cfg(test)]
mod tests {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    /// What JavaScript's `encodeURIComponent` encodes.
    const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'!')
        .remove(b'~')
        .remove(b'*')
        .remove(b'\'')
        .remove(b'(')
        .remove(b')');

    fn component(text: &str) -> String {
        utf8_percent_encode(text, COMPONENT).to_string()
    }

    /// The canonical query string of the Node signer, which joins the values of a name that comes twice.
    fn node_query(query: &[(&str, &str)]) -> String {
        let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in query {
            values.entry(name).or_default().push(value);
        }
        let pair = |(name, values): (&str, Vec<&str>)| format!("{}={}", component(name), component(&values.join(",")));
        values.into_iter().map(pair).collect::<Vec<_>>().join("&")
    }

    /// The canonical request of the Node signer.
    fn node_canonical(request: &Signable<'_>) -> String {
        let words = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ");
        let headers = request.canonical_headers();
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", words(value))).collect();
        let path = request.path.split('/').map(component).collect::<Vec<_>>().join("/");
        request.joined(&path, &node_query(request.query), &lines)
    }

    #[derive(Deserialize)]
    struct Vector {
        id: String,
        profile: String,
        method: String,
        path_input: String,
        query_decoded: Vec<(String, String)>,
        signed_header_values: BTreeMap<String, String>,
        body: String,
        x_ts_date: String,
        key_date: String,
        app_id: String,
        secret: String,
        canonical: String,
        string_to_sign: String,
        signature: String,
        authorization: String,
    }

    fn borrowed<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<(&'a str, &'a str)> {
        pairs.into_iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn every_published_vector_is_reproduced() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
        assert_eq!(vectors.len(), 17);
        for vector in vectors {
            let request = Signable {
                method: &vector.method,
                path: &vector.path_input,
                query: &borrowed(vector.query_decoded.iter().map(|(name, value)| (name, value))),
                headers: &borrowed(&vector.signed_header_values),
                body: vector.body.as_bytes(),
            };
            let canonical = if vector.profile == "java" { request.canonical() } else { node_canonical(&request) };
            assert_eq!(canonical, vector.canonical, "{}", vector.id);
            let to_sign = string_to_sign(&vector.x_ts_date, &canonical);
            assert_eq!(to_sign, vector.string_to_sign, "{}", vector.id);
            let signature = signature(&Secret::new(vector.secret), &vector.key_date, &to_sign);
            assert_eq!(signature, vector.signature, "{}", vector.id);
            let header = authorization(&vector.app_id, &request.signed_headers(), &signature);
            assert_eq!(header, vector.authorization, "{}", vector.id);
        }
    }

    #[test]
    fn a_bare_get_is_signed_with_its_method_in_lower_case_and_the_root_path() {
        let bare = Signable { method: "GET", path: "", query: &[], headers: &[], body: b"" };
        assert!(bare.canonical().starts_with("get\n/\n\n\n\n"));
    }

    #[test]
    fn the_path_is_signed_as_it_is_sent() {
        let path = "/ts/secure/devices/a%2Fb@c";
        let request = Signable { method: "get", path, query: &[], headers: &[], body: b"" };
        assert!(request.canonical().starts_with("get\n/ts/secure/devices/a%2Fb@c\n\n"));
    }

    #[test]
    fn a_name_that_comes_twice_is_joined_by_node_only() {
        let query = [("a", "1"), ("b", "2"), ("a", "3")];
        assert_eq!(node_query(&query), "a=1%2C3&b=2");
        assert_eq!(canonical_query(&query), "a=1&b=2");
    }

    proptest! {
        #[test]
        fn an_encoded_value_is_one_value_and_decodes_to_itself(value: String) {
            let encoded = canonical_query(&[("userId", &value)]);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"=.-_*+%".contains(&byte)));
            let decoded: Vec<_> = form_urlencoded::parse(encoded.as_bytes()).collect();
            prop_assert_eq!(decoded, vec![("userId".into(), value.as_str().into())]);
        }

        #[test]
        fn both_profiles_agree_on_what_we_send(user in "[A-Za-z0-9._-]{1,64}", agent in "[!-~]{1,20}( [!-~]{1,9}){0,3}") {
            let request = Signable {
                method: "get",
                path: "/ts/secure/authenticate",
                query: &[("userId", &user)],
                headers: &[("Accept", "application/json"), ("User-Agent", &agent)],
                body: b"",
            };
            prop_assert_eq!(request.canonical(), node_canonical(&request));
        }
    }

    fn stamp(seconds: i64) -> String {
        Stamp::of(Timestamp::from_seconds(seconds)).unwrap().text
    }

    #[test]
    fn known_moments_are_written_in_utc() {
        assert_eq!(stamp(0), "19700101T000000Z");
        assert_eq!(stamp(1_525_255_872), "20180502T101112Z");
        assert_eq!(stamp(1_525_305_599), "20180502T235959Z");
        assert_eq!(stamp(1_709_164_800), "20240229T000000Z");
    }

    #[test]
    fn the_day_is_the_stamps_own_until_the_last_millisecond() {
        let last = Stamp::of(Timestamp::from_millis(1_525_305_599_999)).unwrap();
        assert_eq!((last.text.as_str(), last.day.as_str()), ("20180502T235959Z", "20180502"));
        assert_eq!(Stamp::of(Timestamp::from_millis(1_525_305_600_000)).unwrap().day, "20180503");
    }

    #[test]
    fn a_clock_beyond_the_format_is_an_error() {
        for millis in [i64::MIN, i64::MAX, -62_167_219_200_001] {
            assert_eq!(Stamp::of(Timestamp::from_millis(millis)), None, "{millis}");
        }
    }

    proptest! {
        #[test]
        fn every_stamp_has_its_shape_and_begins_with_its_day(seconds in 0i64..253_402_300_800) {
            let stamp = Stamp::of(Timestamp::from_seconds(seconds)).unwrap();
            prop_assert_eq!(stamp.text.len(), 16);
            prop_assert_eq!(&stamp.text[..8], &stamp.day);
            let digits = stamp.text.bytes().enumerate().all(|(at, byte)| match at { 8 => byte == b'T', 15 => byte == b'Z', _ => byte.is_ascii_digit() });
            prop_assert!(digits);
        }
    }
}

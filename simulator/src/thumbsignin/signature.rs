//! Checks the signatures of ThumbSignIn requests: HMAC-SHA256 over a canonical form, keyed by secret and day.
//!
//! The vendor's two signers differ in how they write paths, queries and header values, and in which day keys the
//! signature around midnight. A request is accepted if any combination of their habits gives its signature.

use std::collections::BTreeMap;
use std::time::Duration;

use hmac::digest::Output;
use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{call, clock};

/// What the header names is not looked up.
const ALGORITHM: &str = "HmacSHA256";
/// How far ahead of our clock a stamp may be, in milliseconds.
const AHEAD_MS: i64 = 30_000;
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

/// A request as it was received: path and query not decoded.
pub(crate) struct Received<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
    /// Looks a header up by its lower-case name.
    pub(crate) header: &'a dyn Fn(&str) -> Option<String>,
}

/// By what a signature is judged.
pub(crate) struct Rules<'a> {
    /// The secret of an application, by its id.
    pub(crate) secret_of: &'a dyn Fn(&str) -> Option<String>,
    /// How old a stamp may be; `None` is the vendor's own rule, which has no bound.
    pub(crate) max_age: Option<Duration>,
}

pub(crate) type Refusal = &'static str;

const INVALID: Refusal = "Authorization header is missing or invalid";
const FAILED: Refusal = "Signature verification failed";

/// Answers the id of the application that signed. Nothing is remembered: a signature may be used again until it is too old, as
/// the Gluu integration does.
pub(crate) fn verify(rules: &Rules<'_>, received: &Received<'_>, now_ms: i64) -> Result<String, Refusal> {
    let header = (received.header)("authorization").ok_or(INVALID)?;
    let (credential, signed_headers, signature) = authorization(&header).ok_or(INVALID)?;
    let secret = (rules.secret_of)(credential).ok_or(FAILED)?;
    let stamp = (received.header)("x-ts-date").ok_or("X-Ts-Date header is missing")?;
    if !signed_headers.contains(&"x-ts-date") {
        return Err("X-Ts-Date is not signed");
    }
    let stamped = clock::parse_stamp(&stamp).ok_or("X-Ts-Date is not a timestamp")?;
    let too_old = rules.max_age.is_some_and(|most| now_ms.saturating_sub(stamped) > clock::ms(most));
    if too_old || stamped.saturating_sub(now_ms) > AHEAD_MS {
        return Err("X-Ts-Date is too far from the current time");
    }
    let days = [clock::compact_date(stamped), clock::compact_date(now_ms)];
    let fits = canonical_forms(received, &signed_headers).ok_or(FAILED)?.into_iter().any(|canonical| {
        let text = format!("{ALGORITHM}\n{stamp}\n{:x}", Sha256::digest(canonical));
        days.iter().any(|day| {
            let expected = hmac(&hmac(secret.as_bytes(), day.as_bytes()), text.as_bytes());
            format!("{expected:x}").as_bytes().ct_eq(signature.as_bytes()).into()
        })
    });
    if fits { Ok(credential.to_owned()) } else { Err(FAILED) }
}

/// The three parts of `HmacSHA256 Credential=…, SignedHeaders=…, Signature=…`; the blanks after the commas may be missing, and
/// the credential may carry a date, as in an unused method of an official SDK.
fn authorization(header: &str) -> Option<(&str, Vec<&str>, &str)> {
    let mut parts = header.strip_prefix(ALGORITHM)?.strip_prefix(' ')?.split(',').map(str::trim);
    let credential = parts.next()?.strip_prefix("Credential=")?.split('/').next()?;
    let signed_headers = parts.next()?.strip_prefix("SignedHeaders=")?.split(';').collect();
    let signature = parts.next()?.strip_prefix("Signature=")?;
    parts.next().is_none().then_some((credential, signed_headers, signature))
}

/// Every way in which an official signer could have written this request; `None` if it signed a header that is not there.
fn canonical_forms(received: &Received<'_>, signed: &[&str]) -> Option<Vec<String>> {
    let mut names = signed.to_vec();
    names.sort_unstable();
    let values: Vec<String> = names.iter().map(|name| (received.header)(name)).collect::<Option<_>>()?;
    let lines = |value: fn(&str) -> String| {
        names.iter().zip(&values).map(|(name, text)| format!("{name}:{}\n", value(text))).collect::<String>()
    };
    let body = Sha256::digest(received.body);
    let mut forms = Vec::new();
    for method in &[received.method.to_lowercase(), received.method.to_owned()] {
        for path in &[node_path(received.path), received.path.to_owned(), call::decode(received.path)] {
            for query in &[node_query(received.query), java_query(received.query)] {
                for headers in &[lines(str::to_owned), lines(collapsed)] {
                    forms.push(format!("{method}\n{path}\n{query}\n{headers}\n{}\n{body:x}", names.join(";")));
                }
            }
        }
    }
    // Mostly the habits agree.
    forms.sort_unstable();
    forms.dedup();
    Some(forms)
}

/// The Node signer's path: every piece of the path as written in the URL, encoded once more.
fn node_path(path: &str) -> String {
    path.split('/').map(|piece| utf8_percent_encode(piece, COMPONENT).to_string()).collect::<Vec<_>>().join("/")
}

/// The Node signer's query: names ascending, both sides as `encodeURIComponent` writes them, repeated values joined.
fn node_query(query: &str) -> String {
    let mut names: BTreeMap<Vec<u16>, (String, Vec<String>)> = BTreeMap::new();
    for (name, value) in call::form_pairs(query) {
        names.entry(name.encode_utf16().collect()).or_insert_with(|| (name, Vec::new())).1.push(value);
    }
    let encode = |text: &str| utf8_percent_encode(text, COMPONENT).to_string();
    let pair = |(name, values): &(String, Vec<String>)| format!("{}={}", encode(name), encode(&values.join(",")));
    names.values().map(pair).collect::<Vec<_>>().join("&")
}

/// The Java signer's query: names ascending and as they are, values as a form writes them, the first of repeated ones.
fn java_query(query: &str) -> String {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in call::form_pairs(query) {
        names.entry(name).or_insert(value);
    }
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    names.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// A header value as the Node signer writes it: trimmed, runs of blanks as one.
fn collapsed(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// HMAC takes keys of any length, so that the empty answer cannot happen.
fn hmac(key: &[u8], message: &[u8]) -> Output<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(message).finalize().into_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests;

//! What a call of an upstream is, and its answer, whichever protocol it speaks; and how the text of calls is read.

use actix_web::HttpRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Provider {
    SecSign,
    ThumbSignIn,
}

#[derive(Clone, Serialize)]
pub(crate) struct Call {
    pub(crate) provider: Provider,
    pub(crate) operation: &'static str,
    pub(crate) user: Option<String>,
    /// Method, path and query as they came.
    pub(crate) target: String,
    /// True for a ThumbSignIn status call that cancels.
    pub(crate) cancelled: bool,
}

impl Call {
    pub(crate) fn new(provider: Provider, operation: &'static str, target: String) -> Self {
        Self { provider, operation, user: None, target, cancelled: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `key=value&key=value`, nothing percent-encoded (SecSign form API).
    Form,
    Json,
}

#[derive(Clone, Debug)]
pub(crate) enum Created {
    Session { secsignid: String, id: i64 },
    Transaction { user: Option<String>, id: String },
}

/// An answer before it is written: faults change members, not text.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) format: Format,
    /// In the order in which they are written.
    pub(crate) members: Vec<(&'static str, Value)>,
    pub(crate) created: Option<Created>,
}

impl Answer {
    pub(crate) fn new(status: u16, format: Format, members: Vec<(&'static str, Value)>) -> Self {
        Self { status, format, members, created: None }
    }

    pub(crate) fn body(&self) -> String {
        let pair = |(key, value): &(&str, Value)| match self.format {
            Format::Form => format!("{key}={}", plain(value)),
            Format::Json => format!("{}:{value}", Value::from(*key)),
        };
        let pairs: Vec<_> = self.members.iter().map(pair).collect();
        match self.format {
            Format::Form => pairs.join("&"),
            Format::Json => format!("{{{}}}", pairs.join(",")),
        }
    }
}

/// A value as the form format writes it: text without quotes.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(crate) fn target(request: &HttpRequest) -> String {
    format!("{} {}", request.method(), request.uri())
}

/// Bytes as text: UTF-8, or Latin-1 where they are not UTF-8 (an official connector sends that).
pub(crate) fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect(), str::to_owned)
}

/// A header by its lower-case name.
pub(crate) fn header(request: &HttpRequest, name: &str) -> Option<String> {
    request.headers().get(name).map(|value| text(value.as_bytes()))
}

pub(crate) fn decode(piece: &str) -> String {
    text(&percent_encoding::percent_decode_str(piece).collect::<Vec<_>>())
}

/// Names and values of a query or a form-encoded body, in their order.
pub(crate) fn form_pairs(encoded: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded.as_bytes()).into_owned().collect()
}

pub(crate) fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The pieces of a raw path, decoded one by one, so that no id changes the call.
pub(crate) fn pieces(path: &str) -> Vec<String> {
    path.split('/').map(decode).collect()
}

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

/// One upstream call, as the log and the faults see it.
#[derive(Clone, Serialize)]
pub(crate) struct Call {
    pub(crate) provider: Provider,
    pub(crate) operation: &'static str,
    /// Whom it is about, as far as that can be told.
    pub(crate) user: Option<String>,
    /// Method, path and query as they came.
    pub(crate) target: String,
    /// True for a ThumbSignIn status call that cancels.
    pub(crate) cancelled: bool,
}

impl Call {
    /// A call about nobody in particular.
    pub(crate) fn new(provider: Provider, operation: &'static str, target: String) -> Self {
        Self { provider, operation, user: None, target, cancelled: false }
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `key=value&key=value`, nothing percent-encoded (SecSign form API).
    Form,
    Json,
}

/// What a create call created.
#[derive(Clone, Debug)]
pub(crate) enum Created {
    Session { secsignid: String, id: i64 },
    Transaction { user: Option<String>, id: String },
}

impl Created {
    pub(crate) fn provider(&self) -> Provider {
        match self {
            Self::Session { .. } => Provider::SecSign,
            Self::Transaction { .. } => Provider::ThumbSignIn,
        }
    }

    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::Session { secsignid, .. } => Some(secsignid),
            Self::Transaction { user, .. } => user.as_deref(),
        }
    }
}

/// An answer before it is written: faults change members, not text.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) format: Format,
    /// Keys and values in the order in which they are written.
    pub(crate) members: Vec<(String, Value)>,
    pub(crate) created: Option<Created>,
}

impl Answer {
    pub(crate) fn new(status: u16, format: Format, members: Vec<(&str, Value)>) -> Self {
        let members = members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { status, format, members, created: None }
    }

    pub(crate) fn creating(self, created: Created) -> Self {
        Self { created: Some(created), ..self }
    }

    /// The body as it goes over the wire.
    pub(crate) fn body(&self) -> String {
        match self.format {
            Format::Form => {
                let pairs: Vec<_> = self.members.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
                pairs.join("&")
            }
            Format::Json => {
                let pairs: Vec<_> =
                    self.members.iter().map(|(key, value)| format!("{}:{value}", Value::from(key.as_str()))).collect();
                format!("{{{}}}", pairs.join(","))
            }
        }
    }
}

/// A value as the form format writes it: text without quotes.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Method, path and query of a request, as they came.
pub(crate) fn target(request: &HttpRequest) -> String {
    format!("{} {}", request.method(), request.uri())
}

/// Bytes as text: UTF-8, or Latin-1 where they are not UTF-8 (an official connector sends that).
pub(crate) fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|byte| char::from(*byte)).collect(), str::to_owned)
}

/// A percent-encoded piece of a path as text.
pub(crate) fn decode(piece: &str) -> String {
    text(&percent_encoding::percent_decode_str(piece).collect::<Vec<_>>())
}

/// Names and values of a query or a form-encoded body, in their order.
pub(crate) fn form_pairs(encoded: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded.as_bytes()).into_owned().collect()
}

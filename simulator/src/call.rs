//! What a call of an upstream is, and its answer, whichever protocol it speaks; the log of calls, which is what tests count;
//! and how the text of calls is read.

use std::collections::VecDeque;

use actix_web::HttpRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock;

/// Entries of the log; older ones are forgotten.
const KEPT: usize = 100_000;

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

#[derive(Clone, Serialize)]
pub(crate) struct Entry {
    /// Counts all calls since the start; never restarts.
    seq: u64,
    /// When it arrived, in milliseconds since the Unix epoch on the wall clock.
    at: i64,
    #[serde(flatten)]
    call: Call,
    /// HTTP status of the answer; null while there is none, and for good where the connection was cut instead.
    status: Option<u16>,
}

#[derive(Default)]
pub(crate) struct RequestLog {
    last: u64,
    entries: VecDeque<Entry>,
}

impl RequestLog {
    pub(crate) fn begin(&mut self, call: &Call) -> u64 {
        self.last += 1;
        if self.entries.len() >= KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { seq: self.last, at: clock::wall_ms(), call: call.clone(), status: None });
        self.last
    }

    pub(crate) fn finish(&mut self, seq: u64, status: u16) {
        let index = self.entries.binary_search_by_key(&seq, |entry| entry.seq);
        if let Some(entry) = index.ok().and_then(|index| self.entries.get_mut(index)) {
            entry.status = Some(status);
        }
    }

    /// The calls after the one with number `seq`, in order.
    pub(crate) fn after(&self, seq: u64) -> Vec<&Entry> {
        self.entries.range(self.entries.partition_point(|entry| entry.seq <= seq)..).collect()
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
    /// The one member of a JSON object that the members are written into, where they are not the answer themselves.
    pub(crate) within: Option<String>,
    pub(crate) created: Option<Created>,
}

impl Answer {
    pub(crate) fn new(status: u16, format: Format, members: Vec<(&'static str, Value)>) -> Self {
        Self { status, format, members, within: None, created: None }
    }

    pub(crate) fn body(&self) -> String {
        let pair = |(key, value): &(&str, Value)| match self.format {
            Format::Form => format!("{key}={}", plain(value)),
            Format::Json => format!("{}:{value}", Value::from(*key)),
        };
        let pairs: Vec<_> = self.members.iter().map(pair).collect();
        match (self.format, &self.within) {
            (Format::Form, _) => pairs.join("&"),
            (Format::Json, None) => format!("{{{}}}", pairs.join(",")),
            (Format::Json, Some(name)) => format!("{{{}:{{{}}}}}", Value::from(name.as_str()), pairs.join(",")),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        Call::new(Provider::SecSign, "state", "POST /".to_owned())
    }

    #[test]
    fn entries_after_a_number_are_the_newer_ones() {
        let mut log = RequestLog::default();
        for _ in 0..5 {
            log.begin(&call());
        }
        assert_eq!(log.after(3).iter().map(|entry| entry.seq).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(log.after(0).len(), 5);
        assert!(log.after(9).is_empty());
    }

    #[test]
    fn the_status_goes_to_the_right_entry_even_after_old_ones_were_dropped() {
        let mut log = RequestLog::default();
        for _ in 0..KEPT + 10 {
            log.begin(&call());
        }
        let last = log.last;
        log.finish(last - 1, 200);
        log.finish(1, 500);
        assert_eq!(log.after(last - 3).iter().map(|entry| entry.status).collect::<Vec<_>>(), [None, Some(200), None]);
        assert_eq!(log.entries.iter().filter(|entry| entry.status.is_some()).count(), 1);
    }
}

//! What every upstream call passes through, whichever protocol it speaks: the log, the faults, the work itself, the
//! automatic answers, the wire.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auto;
use crate::faults::{Kind, Strike, tamper, wire};
use crate::simulation::{Simulation, World};

/// A phone service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Provider {
    /// SecSign ID.
    SecSign,
    /// ThumbSignIn.
    ThumbSignIn,
}

/// One upstream call, as the log and the faults see it.
pub(crate) struct Call {
    /// Which service was called.
    pub(crate) provider: Provider,
    /// What was asked of it.
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
    /// One JSON object.
    Json,
}

/// What a create call created.
#[derive(Clone, Debug)]
pub(crate) enum Created {
    /// A SecSign session.
    Session {
        /// Whose it is.
        secsignid: String,
        /// Its id.
        id: i64,
    },
    /// A ThumbSignIn transaction.
    Transaction {
        /// Whose it is, if anybody's.
        user: Option<String>,
        /// Its id.
        id: String,
    },
}

impl Created {
    /// The service that created it.
    pub(crate) fn provider(&self) -> Provider {
        match self {
            Self::Session { .. } => Provider::SecSign,
            Self::Transaction { .. } => Provider::ThumbSignIn,
        }
    }

    /// The person who is asked.
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
    /// HTTP status.
    pub(crate) status: u16,
    /// How it is written.
    pub(crate) format: Format,
    /// Keys and values in the order in which they are written.
    pub(crate) members: Vec<(String, Value)>,
    /// What the call created.
    pub(crate) created: Option<Created>,
}

impl Answer {
    /// An answer with the given members.
    pub(crate) fn new(status: u16, format: Format, members: Vec<(&str, Value)>) -> Self {
        let members = members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { status, format, members, created: None }
    }

    /// Says what the call created.
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

/// Answers one call: notes it, lets the faults strike, does the work, and lets the phones answer that do so by themselves.
pub(crate) async fn answer(
    simulation: &Arc<Simulation>,
    request: &HttpRequest,
    call: Call,
    work: impl FnOnce(&mut World) -> Answer,
) -> HttpResponse {
    let (seq, epoch, strike) = {
        let mut world = simulation.world();
        let strike = world.faults.strike(&call);
        (world.log.begin(&call), world.epoch, strike)
    };
    if !strike.delay.is_zero() {
        tokio::time::sleep(strike.delay).await;
        if simulation.world().epoch != epoch {
            return wire::cut(request);
        }
    }
    let response = respond(simulation, request, &strike, work);
    if !matches!(strike.kind, Some(Kind::Refuse | Kind::Reset | Kind::DropBefore | Kind::DropAfter)) {
        simulation.world().log.finish(seq, response.status().as_u16());
    }
    response
}

fn respond(
    simulation: &Arc<Simulation>,
    request: &HttpRequest,
    strike: &Strike,
    work: impl FnOnce(&mut World) -> Answer,
) -> HttpResponse {
    match strike.kind {
        Some(Kind::Refuse | Kind::DropBefore) => return wire::cut(request),
        Some(Kind::Reset) => return wire::reset(request),
        Some(Kind::Redirect) => return wire::redirect(&simulation.settings, strike.value.as_deref()),
        Some(Kind::Status) => return wire::status(strike),
        _ => {}
    }
    let mut answer = work(&mut simulation.world());
    if strike.kind == Some(Kind::ApprovedAtOnce) {
        tamper::approve_at_once(&mut simulation.world(), &mut answer);
    } else if let Some(created) = &answer.created {
        auto::answer(simulation, created);
    }
    match strike.kind {
        Some(Kind::DropAfter) => wire::cut(request),
        Some(kind) => {
            let value = strike.value.as_deref();
            wire::send(kind, value, &tamper::change(kind, value, answer))
        }
        None => wire::whole(&answer),
    }
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

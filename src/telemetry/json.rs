//! A record as one flat JSON object, in an order that does not change: when, how bad, what, its own fields, the request that it
//! belongs to, and the module. Long values are cut, so that nobody floods the log with one request (CWE-779).

use std::fmt;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::cut;

/// The field of a request's span that each of its records repeats.
const REQUEST_ID: &str = "request_id";

/// Fields of spans must be formatted as JSON too.
pub(super) struct Flat;

impl<S, N> FormatEvent<S, N> for Flat
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut own = Own::default();
        event.record(&mut own);
        let request_id = context.event_scope().into_iter().flatten().find_map(|span| {
            let extensions = span.extensions();
            let fields: Value = serde_json::from_str(&extensions.get::<FormattedFields<N>>()?.fields).ok()?;
            fields.get(REQUEST_ID).cloned()
        });
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let metadata = event.metadata();
        let (level, message) = (metadata.level().as_str().into(), own.message.unwrap_or_else(|| "".into()));
        let mut members = vec![("timestamp", timestamp.into()), ("level", level), ("message", message)];
        members.extend(own.fields);
        members.extend(request_id.map(|id| (REQUEST_ID, id)));
        members.push(("target", own.target.unwrap_or_else(|| metadata.target().into())));
        writeln!(writer, "{}", record(&members))
    }
}

/// The members as one object, in their order.
pub(super) fn record(members: &[(&str, Value)]) -> String {
    let written: Vec<String> = members.iter().map(|(name, value)| format!("{}:{value}", Value::from(*name))).collect();
    format!("{{{}}}", written.join(","))
}

#[derive(Default)]
struct Own {
    message: Option<Value>,
    target: Option<Value>,
    fields: Vec<(&'static str, Value)>,
}

impl Own {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        match field.name() {
            "message" => self.message = Some(value.into()),
            // Records of libraries that use `log`: the module stands in a field, and where in its source is nobody's business.
            "log.target" => self.target = Some(value.into()),
            name if name.starts_with("log.") => {}
            name => self.fields.push((name, value.into())),
        }
    }
}

impl Visit for Own {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, cut(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, cut(&format!("{value:?}")));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}

//! A record as one flat JSON object, in an order that does not change: when, how bad, what, its own fields, the request that it
//! belongs to, and the module. Long values are cut, so that nobody floods the log with one request (CWE-779).

use std::fmt::{self, Write as _};

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
        let mut own = Own { message: String::new(), target: None, fields: Vec::new() };
        event.record(&mut own);
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let metadata = event.metadata();
        let mut record = String::from("{");
        member(&mut record, "timestamp", &Value::from(timestamp))?;
        member(&mut record, "level", &Value::from(metadata.level().as_str()))?;
        member(&mut record, "message", &Value::from(own.message))?;
        own.fields.iter().try_for_each(|(name, value)| member(&mut record, name, value))?;
        if let Some(id) = request_id(context) {
            member(&mut record, REQUEST_ID, &id)?;
        }
        member(&mut record, "target", &Value::from(own.target.as_deref().unwrap_or(metadata.target())))?;
        writeln!(writer, "{record}}}")
    }
}

fn member(record: &mut String, name: &str, value: &Value) -> fmt::Result {
    let comma = if record.len() > 1 { "," } else { "" };
    write!(record, "{comma}{}:{value}", Value::from(name))
}

fn request_id<S, N>(context: &FmtContext<'_, S, N>) -> Option<Value>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
{
    context.event_scope()?.find_map(|span| {
        let extensions = span.extensions();
        let fields = extensions.get::<FormattedFields<N>>()?;
        let fields: Value = serde_json::from_str(&fields.fields).ok()?;
        fields.get(REQUEST_ID).cloned()
    })
}

struct Own {
    message: String,
    target: Option<String>,
    fields: Vec<(&'static str, Value)>,
}

impl Own {
    fn text(&mut self, field: &Field, text: &str) {
        match field.name() {
            "message" => self.message = cut(text).into_owned(),
            // Records of libraries that use `log`: the module stands in a field, and where in its source is nobody's business.
            "log.target" => self.target = Some(text.to_owned()),
            name if name.starts_with("log.") => {}
            name => self.fields.push((name, Value::from(cut(text).into_owned()))),
        }
    }

    fn value(&mut self, field: &Field, value: impl Into<Value>) {
        if !field.name().starts_with("log.") {
            self.fields.push((field.name(), value.into()));
        }
    }
}

impl Visit for Own {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.value(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.value(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field, value);
    }
}

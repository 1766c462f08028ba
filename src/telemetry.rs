//! The log: to standard error, never to standard output, which belongs to what commands promise to print there.
//!
//! One record is one line, and no character of a record can move a terminal's cursor or begin a line of its own (CWE-117).
//! Logging never waits for standard error nor fails with it: a full disk, or a pipe that nobody reads, costs records only.

mod json;
mod queue;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};
use std::panic::PanicHookInfo;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use crate::config::LogFormat;
pub(crate) use queue::print;
use queue::{Queue, Sink};

/// What is logged by servers where `SIGNBRIDGE_LOG` says nothing.
pub(crate) const SERVER_FILTER: &str = "info,sqlx=warn,actix_server=warn,actix_http=warn";
/// What is logged by other commands: their errors are sentences of their own.
pub(crate) const COMMAND_FILTER: &str = "warn";

#[derive(Debug, thiserror::Error)]
pub(crate) enum TelemetryError {
    #[error("SIGNBRIDGE_LOG is not a filter ({0}): write it as \"info\" or \"signbridge=debug,warn\"")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("the log was set up twice")]
    Twice,
    #[error("the log cannot be written: {0}")]
    Thread(#[from] io::Error),
}

/// The queue of everything that goes to standard error, from the first use on. Only one that a thread writes is kept here.
static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();
static MAKING: Mutex<()> = Mutex::new(());
/// How long a panic of the main thread waits for its record: the process may be over when the thread is.
const LAST_WORDS: Duration = Duration::from_secs(1);
static JSON: OnceLock<bool> = OnceLock::new();

/// Begins to log. `filter` is the value of `SIGNBRIDGE_LOG`, or one of the defaults.
pub(crate) fn start(format: LogFormat, filter: &str) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(filter)?;
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    let queue = queue()?;
    let _first = JSON.set(json);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(move || Line(queue));
    // What could not be logged would be printed to the same standard error, by a call that panics when that fails.
    let builder = builder.log_internal_errors(false);
    let started =
        if json { builder.fmt_fields(JsonFields::new()).event_format(json::Flat).try_init() } else { builder.try_init() };
    started.map_err(|_there_is_one| TelemetryError::Twice)?;
    std::panic::set_hook(Box::new(note_panic));
    Ok(())
}

/// Writes a line for people to standard error, after what was logged: a command's last words.
pub(crate) fn say(line: &str) {
    match queue() {
        Ok(queue) => queue.push(format!("{line}\n").into_bytes()),
        Err(_no_thread) => drop(writeln!(io::stderr(), "{line}")),
    }
}

pub(crate) fn flush(patience: Duration) {
    if let Some(queue) = QUEUE.get() {
        queue.flush(patience);
    }
}

fn queue() -> io::Result<&'static Queue> {
    let _made_once = MAKING.lock();
    if let Some(queue) = QUEUE.get() {
        return Ok(queue);
    }
    let sink = Sink::new(queue::own(&io::stderr())?);
    let queue = Arc::new(Queue::default());
    let written = Arc::clone(&queue);
    let write = move || {
        written.write_to(sink, |lost| plainly(Level::WARN, "records of the log were lost", "lost", Value::from(lost)));
    };
    std::thread::Builder::new().name("log".to_owned()).spawn(write)?;
    Ok(QUEUE.get_or_init(|| queue))
}

/// A panic is a record, made without the subscriber: whatever panicked, a panic in here would end the process.
fn note_panic(panic: &PanicHookInfo<'_>) {
    // What it said may quote a request; where it happened is enough to find it.
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    if let Some(queue) = QUEUE.get() {
        queue.push(plainly(Level::ERROR, "a task panicked", "place", Value::from(place)));
        if std::thread::current().name() == Some("main") {
            queue.flush(LAST_WORDS);
        }
    }
}

fn plainly(level: Level, message: &'static str, name: &'static str, value: Value) -> Vec<u8> {
    let mut timestamp = String::new();
    let _infallible = SystemTime.format_time(&mut Writer::new(&mut timestamp)).is_ok();
    let target = module_path!();
    let record = if JSON.get().copied().unwrap_or_default() {
        let (level, message, target) = (level.as_str().into(), message.into(), target.into());
        json::record(&[
            ("timestamp", timestamp.into()),
            ("level", level),
            ("message", message),
            (name, value),
            ("target", target),
        ])
    } else {
        format!("{timestamp} {level:>5} {target}: {message} {name}={value}")
    };
    escaped(&record).into_bytes()
}

/// The longest text of a record, in characters: longer ones come from outside and say nothing more.
const LONGEST: usize = 2048;
const LONGEST_LINE: usize = 4 * LONGEST;

fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// Makes each record one harmless line, and queues it.
struct Line(&'static Queue);

impl Write for Line {
    /// Takes a whole record: that is how the subscriber writes.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.0.push(escaped(&String::from_utf8_lossy(record)).into_bytes());
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The record without control characters and line separators but for the newline at its end. The escape is JSON's, so that a
/// JSON record stays one.
fn escaped(record: &str) -> String {
    let record = record.strip_suffix('\n').unwrap_or(record);
    let mut line = String::with_capacity(record.len() + 1);
    // A JSON record is made of texts that are cut already; cut as a whole it would be JSON no more.
    let most = if record.starts_with('{') { usize::MAX } else { LONGEST_LINE };
    for character in record.chars().take(most) {
        if character.is_control() || is_layout(character) {
            // Every such character is in the basic plane, so four digits are enough. Writing to a string cannot fail.
            let _ = write!(line, "\\u{:04x}", u32::from(character));
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line
}

/// Line and paragraph separators, and what turns the direction of writing: they would show a record as something else.
fn is_layout(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_whatever_is_in_it() {
        let text = escaped("signed in as \"a\nINFO forged\" \u{1b}[2J\u{9b}\u{202e}ü\n");
        assert_eq!(text, "signed in as \"a\\u000aINFO forged\" \\u001b[2J\\u009b\\u202eü\n");
        assert_eq!(escaped("no newline"), "no newline\n");
    }

    #[test]
    fn a_json_record_stays_json() {
        let record = format!("{}\n", serde_json::json!({ "message": "a\u{85}b\u{7f}\u{2028}c\n" }));
        let read: serde_json::Value = serde_json::from_str(&escaped(&record)).unwrap();
        assert_eq!(read["message"], "a\u{85}b\u{7f}\u{2028}c\n");
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        let longest = "ü".repeat(LONGEST);
        assert_eq!(cut(&longest), longest);
        assert_eq!(cut(&format!("{longest}xy")), format!("{longest}…"));
    }

    #[test]
    fn a_long_record_is_cut_as_text_and_not_as_json() {
        let long = "ü".repeat(2 * LONGEST_LINE);
        assert_eq!(escaped(&format!("{long}\n")).chars().count(), LONGEST_LINE + 1);
        let record = format!("{{\"message\":\"{long}\"}}\n");
        assert_eq!(escaped(&record), record);
    }

    #[test]
    fn a_record_without_the_subscriber_looks_like_the_others() {
        let text = String::from_utf8(plainly(Level::WARN, "a \"b\"", "lost", Value::from(3))).unwrap();
        assert!(text.ends_with("Z  WARN signbridge::telemetry: a \"b\" lost=3\n"), "{text}");
    }
}

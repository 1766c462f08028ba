//! `audit list|tail|export`: the audit trail (docs/logging.md), as a table for people and as a JSON object a line for programs.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use time::{Date, Month};

use super::args::Format;
use super::output::{plain, rfc3339, table, utc};
use super::{CliError, Context};
use crate::config::parse_duration;
use crate::domain::audit::AuditKind;
use crate::domain::clock::Timestamp;
use crate::domain::env::Env;
use crate::manage::audit::{Event, Place, Trail, Wanted};
use crate::telemetry;

/// How many events are read at a time.
const PAGE: u64 = 1000;
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long the commit of an event may come after its moment: `tail` looks back so far.
const LATE: Duration = Duration::from_secs(10);

pub(super) const EXAMPLES: &str = "Examples:
  signbridge audit list --user ada --since 7d
  signbridge audit list --client grafana --kind login --format json
  signbridge audit tail --kind login.failed
  signbridge audit export --since 2026-11-01 > november.jsonl";

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// List the latest events
    #[command(after_help = EXAMPLES)]
    List {
        #[command(flatten)]
        flags: AuditFlags,
        /// How many events, at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        last: u64,
    },
    /// Print the latest events, and new ones as they come, until you stop it
    #[command(after_help = EXAMPLES)]
    Tail {
        #[command(flatten)]
        flags: AuditFlags,
        /// How many earlier events to begin with
        #[arg(long, value_name = "N", default_value_t = 10)]
        last: u64,
    },
    /// Print every event, the earliest first, as a JSON object a line
    #[command(after_help = EXAMPLES)]
    Export {
        #[command(flatten)]
        flags: AuditFlags,
    },
}

#[derive(Debug, Args)]
pub(super) struct AuditFlags {
    /// Events of this user only: the username, e-mail address or sub; of somebody who was deleted, the sub
    #[arg(long, alias = "username", value_name = "NAME")]
    user: Option<String>,
    /// Events of this client only
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Events of this kind only: its name, or the part before the dot for all of these
    #[arg(long, value_name = "KIND", value_parser = kinds)]
    kind: Option<Kinds>,
    /// Events since then: a duration (30m, 12h, 7d), a day (2026-11-30) or a moment (2026-11-30T08:00:00Z), in UTC
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Since>,
}

#[derive(Clone, Debug)]
struct Kinds(Vec<AuditKind>);

fn kinds(text: &str) -> Result<Kinds, String> {
    let begins = |kind: &AuditKind| kind.as_str().split('.').next() == Some(text);
    let mut found: Vec<AuditKind> = AuditKind::ALL.into_iter().filter(begins).collect();
    if found.is_empty() {
        found.extend(AuditKind::parse(text));
    }
    if found.is_empty() {
        Err(format!("there are {}", AuditKind::ALL.map(AuditKind::as_str).join(", ")))
    } else {
        Ok(Kinds(found))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Ago(Duration),
    At(Timestamp),
}

fn since(text: &str) -> Result<Since, &'static str> {
    let ago = parse_duration(text).ok().map(Since::Ago);
    ago.or_else(|| moment(text).map(Since::At)).ok_or("expected 30m, 12h, 7d, 2026-11-30 or 2026-11-30T08:00:00Z")
}

fn moment(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (day, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let [year, month, day] = numbers(day, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let byte = |number: u16| u8::try_from(number).ok();
    let day = Date::from_calendar_date(i32::from(year), Month::try_from(byte(month)?).ok()?, byte(day)?).ok()?;
    let at = day.with_hms(byte(hour)?, byte(minute)?, byte(second)?).ok()?.assume_utc();
    Some(Timestamp::from_seconds(at.unix_timestamp()))
}

fn numbers(text: &str, separator: char) -> Option<[u16; 3]> {
    let numbers: Option<Vec<u16>> = text.split(separator).map(|part| part.parse().ok()).collect();
    numbers?.try_into().ok()
}

impl AuditFlags {
    fn wanted(self, env: &Env) -> Wanted {
        let since = self.since.map(|since| match since {
            Since::Ago(span) => env.now().minus(span),
            Since::At(at) => at,
        });
        Wanted { person: self.user, client: self.client, kinds: self.kind.map(|kinds| kinds.0).unwrap_or_default(), since }
    }
}

pub(super) async fn run(context: &Context, command: AuditCommand) -> Result<(), CliError> {
    let opened = context.open().await?;
    let (manage, env) = (opened.manage(), &opened.env);
    match command {
        AuditCommand::List { flags, last } => {
            let events = Trail::open(&manage, flags.wanted(env)).await?.latest(last).await?;
            if context.format == Format::Json {
                return print_lines(Format::Json, &events);
            }
            let rows: Vec<Vec<String>> = events.iter().map(row).collect();
            let head = ["time", "event", "user", "client", "address", "detail", "count"];
            Ok(telemetry::print(&table(&head, &rows, "there is no such event"))?)
        }
        AuditCommand::Tail { flags, last } => {
            let mut trail = Trail::open(&manage, flags.wanted(env)).await?;
            tail(context.format, &mut trail, last, env).await
        }
        AuditCommand::Export { flags } => {
            let mut trail = Trail::open(&manage, flags.wanted(env)).await?;
            let mut place = (Timestamp::from_millis(0), String::new());
            loop {
                let events = trail.after(&place, PAGE).await?;
                let Some(last) = events.last() else { return Ok(()) };
                place = place_of(last);
                print_lines(Format::Json, &events)?;
            }
        }
    }
}

fn place_of(event: &Event) -> Place {
    (event.record.at, event.record.id.clone())
}

async fn tail(format: Format, trail: &mut Trail<'_>, last: u64, env: &Env) -> Result<(), CliError> {
    let ids = |events: &[Event]| -> BTreeSet<String> { events.iter().map(|event| event.record.id.clone()).collect() };
    let mut looked = env.now();
    let mut seen = ids(&window(trail, looked).await?);
    let latest = trail.latest(last).await?;
    print_lines(format, &latest)?;
    seen.extend(ids(&latest));
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        let before = std::mem::replace(&mut looked, env.now());
        let events = window(trail, before).await?;
        print_lines(format, events.iter().filter(|event| !seen.contains(&event.record.id)))?;
        seen = ids(&events);
    }
}

/// Every event from a little before `moment` on: one is seen when its transaction is through, maybe after later ones.
async fn window(trail: &mut Trail<'_>, moment: Timestamp) -> Result<Vec<Event>, CliError> {
    let mut place = (moment.minus(LATE), String::new());
    let mut found = Vec::new();
    loop {
        let events = trail.after(&place, PAGE).await?;
        let Some(last) = events.last() else { return Ok(found) };
        place = place_of(last);
        found.extend(events);
    }
}

fn print_lines<'e>(format: Format, events: impl IntoIterator<Item = &'e Event>) -> Result<(), CliError> {
    let line = |event: &Event| match format {
        Format::Json => format!("{}\n", json(event)),
        Format::Text => format!("{}\n", row(event).iter().map(|cell| plain(cell)).collect::<Vec<_>>().join("  ").trim_end()),
    };
    let lines: String = events.into_iter().map(line).collect();
    Ok(telemetry::print(&lines)?)
}

fn json(event: &Event) -> Json {
    let Event { record, username } = event;
    json!({
        "id": record.id,
        "at": rfc3339(record.at),
        "kind": record.kind,
        "sub": record.user,
        "username": username,
        "client_id": record.client,
        "subject": record.subject,
        "address": record.address,
        "user_agent": record.user_agent,
        "detail": record.detail,
        "count": record.count,
        "last_at": rfc3339(record.last_at),
    })
}

fn row(event: &Event) -> Vec<String> {
    let Event { record, username } = event;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let user = username.as_ref().or(record.user.as_ref()).cloned().unwrap_or_default();
    let count = if record.count > 1 { record.count.to_string() } else { String::new() };
    let (client, detail) = (text(&record.client), text(&record.detail));
    vec![utc(record.at), record.kind.clone(), user, client, record.address.clone(), detail, count]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_a_name_or_what_stands_before_the_dot() {
        let names = |text: &str| kinds(text).map(|kinds| kinds.0.iter().map(|kind| kind.as_str()).collect::<Vec<_>>());
        assert_eq!(names("login.failed").unwrap(), ["login.failed"]);
        assert_eq!(names("logout").unwrap(), ["logout", "logout.delivered", "logout.undelivered"]);
        assert_eq!(names("consent").unwrap(), ["consent.granted", "consent.revoked"]);
        for unknown in ["", "login.", "failed", "log"] {
            assert!(names(unknown).unwrap_err().contains("login.failed"), "{unknown}");
        }
    }

    #[test]
    fn since_is_a_while_a_day_or_a_moment() {
        assert_eq!(since("12h"), Ok(Since::Ago(Duration::from_hours(12))));
        let at = |seconds| Ok(Since::At(Timestamp::from_seconds(seconds)));
        assert_eq!(since("2026-11-30"), at(1_795_996_800));
        for moment in ["2026-11-30T08:00:01Z", "2026-11-30 08:00:01", "2026-11-30T08:00:01"] {
            assert_eq!(since(moment), at(1_795_996_800 + 8 * 3600 + 1), "{moment}");
        }
        for wrong in ["", "yesterday", "2026-13-01", "2026-02-30", "2026-11", "2026-11-30T25:00:00Z", "12", "2026-11-30T08:00Z"]
        {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}

//! `user import|export`: many people at once, as CSV or as JSON.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Deserializer, Map, Value as Json, json};

use super::args::Format;
use super::csv;
use super::user::look_at;
use super::{CliError, Context, Opened};
use crate::domain::user::Upstream;
use crate::domain::written::WrittenUser;
use crate::manage::import::{self, Entry, ImportError, Mistake};
use crate::manage::users::{self, Person};
use crate::telemetry;

/// Mistakes that people are shown; programs get all.
const SHOWN: usize = 20;
/// The columns of an export, in order.
const COLUMNS: [&str; 9] = [
    "username",
    "email",
    "email_verified",
    "name",
    "groups",
    "confirm_without_symbol",
    "secsignid",
    "thumbsignin_user_id",
    "locked",
];
const SWITCHES: [&str; 3] = ["email_verified", "confirm_without_symbol", "locked"];

pub(super) const IMPORT_EXAMPLES: &str = "Examples:
  signbridge user import people.csv --dry-run
  signbridge user export | ssh other signbridge user import - --skip-existing";

#[derive(Debug, Args)]
pub(super) struct ImportFlags {
    /// The file, CSV or JSON; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Leave out whoever has a username that is taken already
    #[arg(long)]
    skip_existing: bool,
}

impl ImportFlags {
    /// Whether anybody is to be added.
    pub(super) const fn adds(&self) -> bool {
        !self.dry_run
    }
}

pub(super) async fn import(context: &Context, opened: &Opened, flags: &ImportFlags) -> Result<(), CliError> {
    let manage = opened.manage();
    let listed = entries(&text_of(&flags.file)?);
    let planned = match listed {
        Ok(entries) => import::plan(&manage, entries, flags.skip_existing).await,
        Err(mistakes) => Err(ImportError::Wrong(mistakes)),
    };
    let plan = match planned {
        Ok(plan) => plan,
        Err(ImportError::Wrong(mistakes)) => return wrong(context, flags.dry_run, &mistakes),
        Err(error) => return Err(error.into()),
    };
    let added = if flags.dry_run { plan.people.len() } else { import::carry_out(&manage, &plan).await? };
    if !flags.dry_run {
        plan.people.iter().for_each(look_at);
    }
    let skipped = plan.skipped;
    let json = json!({ "added": added, "skipped": skipped, "dry_run": flags.dry_run, "mistakes": [] });
    let verb = if flags.dry_run { "would be" } else { "were" };
    let left_out = if skipped > 0 { format!(", {skipped} left out") } else { String::new() };
    Ok(context.format.print(&json, || format!("{added} people {verb} added{left_out}"))?)
}

fn text_of(file: &Path) -> Result<String, CliError> {
    let read = || {
        if file == Path::new("-") {
            let mut text = String::new();
            return std::io::stdin().read_to_string(&mut text).map(|_bytes| text);
        }
        std::fs::read_to_string(file)
    };
    read().map_err(|error| CliError::Refused(format!("{} cannot be read: {error}", file.display())))
}

fn wrong(context: &Context, dry_run: bool, mistakes: &[Mistake]) -> Result<(), CliError> {
    let listed: Vec<Json> =
        mistakes.iter().map(|Mistake { line, message }| json!({ "line": line, "message": message })).collect();
    context.format.print_for_programs(&json!({ "added": 0, "skipped": 0, "dry_run": dry_run, "mistakes": listed }))?;
    let lines = mistakes.iter().take(SHOWN).map(|Mistake { line, message }| format!("\n  line {line}: {message}"));
    let more = mistakes.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    Err(CliError::Refused(format!("nobody was added:{}{more}", lines.collect::<String>())))
}

/// The people of a file, each with its line.
fn entries(text: &str) -> Result<Vec<Entry>, Vec<Mistake>> {
    let listed = if text.trim_start().starts_with(['[', '{']) { of_json(text) } else { of_csv(text) };
    let listed = listed.map_err(|mistake| vec![mistake])?;
    let known: Vec<String> = match serde_json::to_value(WrittenUser::default()) {
        Ok(Json::Object(members)) => members.into_iter().map(|(name, _)| name).chain(["locked".to_owned()]).collect(),
        _never => Vec::new(),
    };
    let (mut entries, mut mistakes) = (Vec::new(), Vec::new());
    for (line, members) in listed {
        match entry(line, members, &known) {
            Ok(entry) => entries.push(entry),
            Err(message) => mistakes.push(Mistake { line, message }),
        }
    }
    if mistakes.is_empty() { Ok(entries) } else { Err(mistakes) }
}

fn entry(line: usize, mut members: Map<String, Json>, known: &[String]) -> Result<Entry, String> {
    if let Some(name) = members.keys().find(|name| !known.contains(name)) {
        return Err(format!("`{name}` is unknown; there are {}", known.join(", ")));
    }
    let locked = match members.remove("locked") {
        None | Some(Json::Null) => false,
        Some(Json::Bool(locked)) => locked,
        Some(_) => return Err("locked: expected true or false".to_owned()),
    };
    let written = serde_json::from_value(Json::Object(members)).map_err(|error| error.to_string())?;
    Ok(Entry { line, written, locked })
}

type Listed = Vec<(usize, Map<String, Json>)>;

fn of_csv(text: &str) -> Result<Listed, Mistake> {
    let broken = |(line, message): csv::Broken| Mistake { line, message: message.to_owned() };
    let mut records = csv::read(text).map_err(broken)?.into_iter();
    let head = records.next().map(|record| record.cells).unwrap_or_default();
    let head: Vec<String> = head.iter().map(|name| name.trim().to_owned()).collect();
    if !head.iter().any(|name| name == "username") {
        let message = format!("the first line names the columns ({}), and username is needed", COLUMNS.join(", "));
        return Err(Mistake { line: 1, message });
    }
    let mut listed = Vec::new();
    for csv::Record { line, cells } in records {
        if cells.len() != head.len() {
            let message = format!("there are {} cells, and the first line has {}", cells.len(), head.len());
            return Err(Mistake { line, message });
        }
        let written = head.iter().zip(cells).filter(|(_, cell)| !cell.trim().is_empty());
        listed.push((line, written.map(|(name, cell)| (name.clone(), value(name, &cell))).collect()));
    }
    Ok(listed)
}

fn value(name: &str, cell: &str) -> Json {
    match name {
        "groups" => cell.split(',').map(str::trim).filter(|group| !group.is_empty()).collect(),
        _switch if SWITCHES.contains(&name) => {
            cell.trim().to_ascii_lowercase().parse::<bool>().map_or_else(|_text| cell.into(), Json::Bool)
        }
        _text => cell.into(),
    }
}

fn of_json(text: &str) -> Result<Listed, Mistake> {
    let mistake = |error: &serde_json::Error, before: usize| {
        let text = error.to_string();
        // The library counts from where it began.
        let message = text.split(" at line ").next().unwrap_or_default().to_owned();
        Mistake { line: before + error.line(), message }
    };
    if text.trim_start().starts_with('[') {
        // All of it, once: what follows passes over brackets and commas.
        serde_json::from_str::<Vec<Map<String, Json>>>(text).map_err(|error| mistake(&error, 0))?;
    }
    let (mut listed, mut rest, mut line) = (Vec::new(), text, 1);
    loop {
        let next = rest.trim_start_matches(|next: char| next.is_whitespace() || matches!(next, '[' | ',' | ']'));
        line += lines(rest, next);
        if next.is_empty() {
            return Ok(listed);
        }
        let mut people = Deserializer::from_str(next).into_iter::<Map<String, Json>>();
        match people.next() {
            Some(Ok(members)) => listed.push((line, members)),
            Some(Err(error)) => return Err(mistake(&error, line - 1)),
            None => return Ok(listed),
        }
        rest = next.get(people.byte_offset()..).unwrap_or_default();
        line += lines(next, rest);
    }
}

/// How many lines end in `text` before its end `rest`.
fn lines(text: &str, rest: &str) -> usize {
    text.get(..text.len() - rest.len()).map_or(0, |passed| passed.matches('\n').count())
}

/// As CSV; with `--format json` an object a line.
pub(super) async fn export(context: &Context, opened: &Opened) -> Result<(), CliError> {
    let people = users::list(&opened.manage()).await?;
    let lines: String = match context.format {
        Format::Json => people.iter().map(|person| format!("{}\n", Json::Object(exported(person)))).collect(),
        Format::Text => {
            let cells = |person: &Person| {
                let members = exported(person);
                csv::write(&COLUMNS.map(|column| members.get(column).map(cell).unwrap_or_default()))
            };
            std::iter::once(csv::write(&COLUMNS.map(str::to_owned))).chain(people.iter().map(cells)).collect()
        }
    };
    Ok(telemetry::print(&lines)?)
}

fn cell(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// What an import reads: the first device of each service, and nothing that is empty.
fn exported(person: &Person) -> Map<String, Json> {
    let user = &person.user;
    let phone = |upstream: Upstream| person.devices.iter().find(|device| device.upstream == upstream);
    let known_as = |upstream| phone(upstream).map(|device| Json::from(device.upstream_user.as_str()));
    let text = |text: &str| (!text.is_empty()).then(|| Json::from(text));
    let members = [
        Some(Json::from(user.username.as_str())),
        user.email.as_deref().and_then(text),
        user.email.as_ref().map(|_| Json::from(user.email_verified)),
        text(&user.name),
        (!user.groups.is_empty()).then(|| Json::from(user.groups.clone())),
        user.confirm_without_symbol.then_some(Json::Bool(true)),
        known_as(Upstream::SecSign),
        known_as(Upstream::ThumbSignIn),
        user.locked.then_some(Json::Bool(true)),
    ];
    COLUMNS.iter().zip(members).filter_map(|(name, value)| Some(((*name).to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = Result<Vec<(usize, String, bool)>, Vec<(usize, String)>>;

    fn read(text: &str) -> Read {
        let of = |entry: Entry| (entry.line, entry.written.username.unwrap_or_default(), entry.locked);
        let listed = entries(text).map(|entries| entries.into_iter().map(of).collect());
        listed.map_err(|mistakes| mistakes.into_iter().map(|mistake| (mistake.line, mistake.message)).collect())
    }

    #[test]
    fn people_are_read_from_csv_and_json_with_their_lines() {
        let two = Ok(vec![(2, "ada".to_owned(), false), (3, "bob".to_owned(), true)]);
        assert_eq!(read("username,locked,groups\nada,,\"a,b\"\nbob,TRUE,\n"), two);
        assert_eq!(read("[\n{\"username\":\"ada\"},\n{\"username\":\"bob\",\"locked\":true}\n]"), two);
        assert_eq!(read("\n{\"username\":\"ada\"}\n{\"username\":\"bob\",\"locked\":true}"), two);
        let groups = entries("username,groups\nada,\"b, a\"\n").unwrap().remove(0).written.profile.groups;
        assert_eq!(groups, Some(vec!["b".to_owned(), "a".to_owned()]));
        let without = entries("username,confirm_without_symbol\nada,True\n").unwrap().remove(0).written.profile;
        assert_eq!(without.confirm_without_symbol, Some(true));
    }

    #[test]
    fn mistakes_say_their_line() {
        let lines = |text: &str| read(text).unwrap_err().iter().map(|(line, _)| *line).collect::<Vec<_>>();
        assert_eq!(lines("name\nAda"), [1], "no username");
        assert_eq!(lines("username,mail\nada,a@b\nbob,b@b"), [2, 3], "an unknown column");
        assert_eq!(lines("username,name\nada"), [2], "a cell too few");
        assert_eq!(lines("username,locked\nada,perhaps"), [2]);
        assert_eq!(lines("[{\"username\":\"ada\"},\n{\"username\":\"bob\"}"), [2], "cut off");
        assert_eq!(lines("{\"username\":\"ada\"}\n{\"username\":7}"), [2]);
        assert_eq!(lines("{\"username\":\"ada\"}\n{\"username\":"), [2]);
        assert_eq!(lines("[1]"), [1]);
    }
}

//! `backup` and `restore`: the database in one file, and back. The master key is in neither.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value as Json, json};

use super::output::{fields, rfc3339, utc};
use super::{CliError, Context};
use crate::app::parts;
use crate::config::{Config, DatabaseUrl};
use crate::domain::env::Env;
use crate::manage::{Manage, restored};
use crate::store::Store;
use crate::store::backup::{self, Contents, Restore, Server, Unused};
use crate::telemetry::COMMAND_FILTER;

#[derive(Debug, Args)]
pub(super) struct BackupFlags {
    /// The file to make
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Read all of it afterwards, and see whether it belongs to the same master key and issuer
    #[arg(long)]
    verify: bool,
}

#[derive(Debug, Args)]
pub(super) struct RestoreFlags {
    /// What `backup` made
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where there is a database: keep it beside, under a name with the time
    #[arg(long)]
    replace: bool,
}

pub(super) async fn backup(context: &Context, flags: BackupFlags) -> Result<(), CliError> {
    let config = context.config()?;
    context.log(config.log.format, COMMAND_FILTER)?;
    let database = sqlite(&config, |at| {
        let options = options(at);
        format!("pg_dump --format=custom --file={} {options} {}", quoted(&flags.file.to_string_lossy()), quoted(&at.database))
    })?;
    let file = std::path::absolute(&flags.file)?;
    let contents = backup::take(database, &file, flags.verify).await?;
    let bytes = file.metadata()?.len();
    let mut json = described(&contents);
    add(&mut json, "file", json!(file.display().to_string()));
    add(&mut json, "bytes", json!(bytes));
    add(&mut json, "verified", json!(flags.verify));
    let text = || {
        let verified = if flags.verify { "all of it was read, and holds together" } else { "" };
        let key = match &contents.master_key {
            Some(fingerprint) => format!("not in the file: keep it elsewhere; fingerprint {fingerprint}"),
            None => "the database belongs to none yet".to_owned(),
        };
        let mut rows = vec![("file", format!("{} ({bytes} bytes)", file.display()))];
        rows.extend(lines(&contents));
        rows.extend([("verified", verified.to_owned()), ("master key", key)]);
        fields(&rows)
    };
    Ok(context.format.print(&json, text)?)
}

pub(super) async fn restore(context: &Context, flags: RestoreFlags) -> Result<(), CliError> {
    let config = context.config()?;
    context.log(config.log.format, COMMAND_FILTER)?;
    let database = sqlite(&config, |at| {
        let (options, file) = (options(at), quoted(&flags.file.to_string_lossy()));
        format!("pg_restore --clean --if-exists --single-transaction {options} --dbname={} {file}", quoted(&at.database))
    })?;
    let env = Env::system();
    let prepared = Restore::prepare(&flags.file, database, flags.replace).await?;
    let contents = prepared.contents.clone();
    parts::check_belongs(&config, contents.issuer.as_deref(), contents.master_key.as_deref(), &env)?;
    let unused = settle(&config, &env, &prepared).await?;
    let kept = prepared.finish(env.now()).await?;
    let kept = kept.map(|kept| kept.display().to_string());
    let mut json = described(&contents);
    add(&mut json, "database", json!(database.display().to_string()));
    add(&mut json, "former_database", json!(kept));
    let Unused { codes, logins, authorizations, families } = unused;
    let ended = json!({ "codes": codes, "logins": logins, "authorizations": authorizations, "token_families": families });
    add(&mut json, "ended", ended);
    let text = || {
        let mut rows = vec![("database", database.display().to_string())];
        rows.extend(lines(&contents));
        let families = format!("{families} token families of apps without a secret");
        let ended = format!("{codes} codes, {logins} logins, {authorizations} authorizations, {families}");
        rows.extend([("ended", ended), ("former database", kept.clone().unwrap_or_default())]);
        rows.push(("mind", "what was ended, locked, revoked or rotated after the backup is as it was before".to_owned()));
        fields(&rows)
    };
    Ok(context.format.print(&json, text)?)
}

/// Writes into the copy what has to be different from the backup.
async fn settle(config: &Config, env: &Env, prepared: &Restore) -> Result<Unused, CliError> {
    let url = format!("sqlite:{}", prepared.copy().display());
    let store = Store::open_sized(&url, parts::sizes(config), env.clone()).await?;
    let settled = async {
        store.migrate().await?;
        Ok::<_, CliError>(restored::settle(&Manage::command(&store, env), prepared.contents.latest_event).await?)
    };
    let settled = settled.await;
    store.close().await;
    settled
}

/// The file of the database; for PostgreSQL, a refusal with the command that does it there.
fn sqlite(config: &Config, tool: impl FnOnce(&Server) -> String) -> Result<&Path, CliError> {
    let url = match &config.database.url {
        DatabaseUrl::Sqlite(path) => return Ok(path),
        DatabaseUrl::Postgres(url) => url,
    };
    let command = Server::of(url.expose())?.map(|at| tool(&at)).unwrap_or_default();
    Err(CliError::Refused(format!(
        "PostgreSQL does this by a tool of its own, which asks for the password or finds it in ~/.pgpass:\n  {command}\n\
         docs/guides/operations.md has what else is to be kept, and what to stop before a restore"
    )))
}

fn options(at: &Server) -> String {
    format!("--host={} --port={} --username={}", quoted(&at.host), at.port, quoted(&at.user))
}

/// As a word of a shell.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@%+=".contains(character);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn described(contents: &Contents) -> Json {
    let rows: serde_json::Map<String, Json> =
        contents.rows.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect();
    json!({
        "migration": contents.migration,
        "issuer": contents.issuer,
        "latest_event_at": contents.latest_event.map(rfc3339),
        "rows": rows,
        "master_key": { "fingerprint": contents.master_key, "included": false },
    })
}

fn add(json: &mut Json, name: &str, value: Json) {
    if let Some(object) = json.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn lines(contents: &Contents) -> Vec<(&'static str, String)> {
    let rows: Vec<String> = contents.rows.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
    vec![
        ("issuer", contents.issuer.clone().unwrap_or_default()),
        ("migration", contents.migration.clone()),
        ("latest event", contents.latest_event.map(utc).unwrap_or_default()),
        ("rows", rows.join(", ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_told_where_and_never_the_password() {
        let at = Server::of("postgres://signbridge:hunter2@db.example:5433/sign%20bridge").unwrap().unwrap();
        let command = format!("{} {}", options(&at), quoted(&at.database));
        assert_eq!(command, "--host=db.example --port=5433 --username=signbridge 'sign bridge'");
        assert_eq!(Server::of("sqlite:signbridge.db").unwrap(), None);
        assert_eq!([quoted("it's"), quoted("")], [r"'it'\''s'".to_owned(), "''".to_owned()]);
    }
}

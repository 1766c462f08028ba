//! `config check|show|reference` and `migrate`.

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::{CliError, Context};
use crate::app::parts::sizes;
use crate::config::{self, Config, ConfigError, Location, Problem};
use crate::domain::env::Env;
use crate::store::Store;
use crate::telemetry::COMMAND_FILTER;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Say whether the configuration can be used, and everything that is wrong with it
    Check,
    /// Every value that is in force and where it was written, without secrets
    Show,
    /// Every key with its meaning, as a configuration file to begin with
    Reference,
}

pub(super) fn run(context: &Context, command: &ConfigCommand) -> Result<(), CliError> {
    match command {
        ConfigCommand::Check => check(context),
        ConfigCommand::Show => {
            let (_config, shown) = Config::load_shown(context.file.as_deref(), context.variables.clone())?;
            Ok(context.format.print(&Json::Object(shown.json), || shown.toml.trim_start().to_owned())?)
        }
        ConfigCommand::Reference => Ok(context.format.print(&json!(config::reference_entries()), config::reference)?),
    }
}

fn check(context: &Context) -> Result<(), CliError> {
    match context.config() {
        Ok(config) => {
            let warnings = config.warnings();
            let json = json!({ "ok": true, "problems": [], "warnings": warnings });
            let text = || {
                let warnings = warnings.iter().map(|warning| format!("warning: {warning}\n"));
                std::iter::once("the configuration can be used\n".to_owned()).chain(warnings).collect()
            };
            Ok(context.format.print(&json, text)?)
        }
        Err(error) => {
            let json = json!({ "ok": false, "problems": problems(&error), "warnings": [] });
            context.format.print_for_programs(&json)?;
            Err(error.into())
        }
    }
}

pub(super) fn problems(error: &ConfigError) -> Vec<Json> {
    let problem = |problem: &Problem| {
        let (line, variable) = match &problem.location {
            Some(Location::Line(line)) => (Some(*line), None),
            Some(Location::Variable(variable)) => (None, Some(variable.clone())),
            Some(Location::Default) | None => (None, None),
        };
        json!({ "key": problem.key, "line": line, "variable": variable, "message": problem.message })
    };
    error.problems.iter().map(problem).collect()
}

pub(super) async fn migrate(context: &Context) -> Result<(), CliError> {
    let config = context.config()?;
    context.log(config.log.format, COMMAND_FILTER)?;
    Store::open_sized(config.database.url().expose(), sizes(&config), Env::system()).await?.migrate().await?;
    Ok(context.format.print(&json!({ "up_to_date": true }), || "the database is up to date".to_owned())?)
}

/// Says what `migrate` would do, and does none of it: fails where this program cannot run on the database as it is.
pub(super) async fn check_migrations(context: &Context) -> Result<(), CliError> {
    let config = context.config()?;
    context.log(config.log.format, COMMAND_FILTER)?;
    let schema = Store::inspect(config.database.url().expose()).await?;
    let fits = schema.clone().check();
    let json = json!({
        "up_to_date": fits.is_ok(),
        "pending": schema.pending,
        "newer": schema.newer,
        "unknown": schema.unknown,
    });
    let text = || {
        let line = |what: &str, names: &[String]| names.iter().map(|name| format!("{what} {name}\n")).collect::<String>();
        let lines = [
            line("pending", &schema.pending),
            line("newer, and of no harm to this program:", &schema.newer),
            line("unknown", &schema.unknown),
        ];
        let last = if fits.is_ok() { "the database is up to date" } else { "" };
        format!("{}{last}", lines.concat())
    };
    context.format.print(&json, text)?;
    Ok(fits?)
}

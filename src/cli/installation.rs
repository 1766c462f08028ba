//! The installation as a whole: `config`, `migrate`, `doctor` and `healthcheck`.

use std::error::Error;
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value as Json, json};
use url::Url;

use super::output::plain;
use super::{CliError, Context};
use crate::app::parts::sizes;
use crate::config::{self, ConfigError, Location, LogFormat, Problem};
use crate::doctor::{self, Check, Outcome};
use crate::domain::env::Env;
use crate::outbound::Probe;
use crate::store::Store;
use crate::telemetry::COMMAND_FILTER;

/// How long `healthcheck` waits for the server's answer.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check the configuration, and say everything that is wrong with it
    #[command(after_help = "Examples:\n  signbridge config check\n  signbridge config check --config new.toml")]
    Check,
    /// Show the configuration that is in force: every value and where it was written, without secrets
    #[command(after_help = "Example:\n  signbridge config show")]
    Show,
    /// Print a configuration file to begin with: every key with its meaning
    #[command(after_help = "Example:\n  signbridge config reference > signbridge.toml")]
    Reference,
}

pub(super) fn config(context: &Context, command: &ConfigCommand) -> Result<(), CliError> {
    match command {
        ConfigCommand::Check => check(context),
        ConfigCommand::Show => {
            let shown = context.config()?.shown;
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

fn problems(error: &ConfigError) -> Vec<Json> {
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

pub(super) async fn doctor(context: &Context) -> Result<(), CliError> {
    let config = context.config();
    let format = config.as_ref().map_or(LogFormat::Auto, |config| config.log.format);
    context.log(format, COMMAND_FILTER)?;
    let checks = doctor::examine(config, &Env::system()).await;
    let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count();
    let failed = count(Outcome::Failed);
    let json = json!({
        "ok": failed == 0,
        "failed": failed,
        "warnings": count(Outcome::Warning),
        "skipped": count(Outcome::Skipped),
        "checks": checks.iter().map(to_json).collect::<Vec<_>>(),
    });
    context.format.print(&json, || checks.iter().map(line).collect())?;
    if failed == 0 { Ok(()) } else { Err(CliError::Refused(format!("{failed} of these checks failed"))) }
}

fn to_json(check: &Check) -> Json {
    json!({ "name": check.name, "outcome": check.outcome.as_str(), "found": check.found, "advice": check.advice })
}

fn line(check: &Check) -> String {
    let advice = if check.advice.is_empty() { String::new() } else { format!(" → {}", check.advice) };
    let text = format!("{:8} {:16} {}{advice}", check.outcome.as_str(), check.name, check.found);
    format!("{}\n", plain(&text))
}

pub(super) async fn healthcheck(context: &Context) -> Result<(), CliError> {
    let config = match context.config() {
        Ok(config) => config,
        Err(error) => {
            let problems = problems(&error);
            let detail = "the configuration cannot be used";
            context.format.print_for_programs(&json!({ "ready": false, "detail": detail, "problems": problems }))?;
            return Err(error.into());
        }
    };
    context.log(config.log.format, COMMAND_FILTER)?;
    let address = doctor::own(config.listen.management);
    let answer = ask(&format!("http://{address}/readyz")).await.map_err(|detail| format!("not ready: {detail}"));
    let json = json!({ "ready": answer.is_ok(), "detail": answer.as_ref().err(), "problems": [] });
    match answer {
        Ok(()) => Ok(context.format.print(&json, || "ready".to_owned())?),
        Err(detail) => {
            context.format.print_for_programs(&json)?;
            Err(CliError::Refused(detail))
        }
    }
}

async fn ask(url: &str) -> Result<(), Box<dyn Error>> {
    let answer = Probe::new(None)?.get(Url::parse(url)?, &[], PATIENCE).await?;
    if answer.status == 200 { Ok(()) } else { Err(plain(&answer.gist()).into()) }
}

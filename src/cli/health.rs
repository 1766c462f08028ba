//! `doctor` and `healthcheck`.

use std::time::Duration;

use serde_json::{Value as Json, json};
use url::Url;

use super::{CliError, Context, configuration};
use crate::config::LogFormat;
use crate::doctor::{self, Check, Outcome};
use crate::domain::env::Env;
use crate::outbound::Probe;
use crate::telemetry::COMMAND_FILTER;

const PATIENCE: Duration = Duration::from_secs(3);

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
    if failed == 0 { Ok(()) } else { Err(CliError::Unwell(failed)) }
}

fn to_json(check: &Check) -> Json {
    json!({ "name": check.name, "outcome": check.outcome.as_str(), "found": check.found, "advice": check.advice })
}

fn line(check: &Check) -> String {
    let advice = if check.advice.is_empty() { String::new() } else { format!(" → {}", check.advice) };
    let text = format!("{:8} {:16} {}{advice}", check.outcome.as_str(), check.name, check.found);
    format!("{}\n", super::output::plain(&text))
}

pub(super) async fn healthcheck(context: &Context) -> Result<(), CliError> {
    let config = match context.config() {
        Ok(config) => config,
        Err(error) => {
            let problems = configuration::problems(&error);
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

async fn ask(url: &str) -> Result<(), String> {
    let url = Url::parse(url).map_err(|error| error.to_string())?;
    let probe = Probe::new(None).map_err(|error| error.to_string())?;
    let answer = probe.get(url, &[], PATIENCE).await.map_err(|error| error.to_string())?;
    if answer.status == 200 {
        return Ok(());
    }
    Err(super::output::plain(&answer.gist()))
}

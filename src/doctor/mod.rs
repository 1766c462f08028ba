//! `signbridge doctor`: looks at everything that a working provider needs, from the file to the phone services, and says in a
//! sentence each what it found and what to do. It changes nothing: it leaves no file, migrates nothing, asks no phone.
//! Wherever `serve` would refuse to start, a check fails.

mod database;
mod outside;
mod services;

pub(crate) use outside::own;

use crate::config::{Config, ConfigError};
use crate::domain::env::Env;
use crate::domain::named::named_enum;

named_enum! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Outcome {
        Ok = "ok",
        /// It works; look at it all the same.
        Warning = "warning",
        Failed = "failed",
        Skipped = "skipped",
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    pub name: &'static str,
    pub outcome: Outcome,
    pub found: String,
    /// What to do about it; empty where there is nothing to do.
    pub advice: String,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Ok, found: found.into(), advice: String::new() }
    }

    fn warning(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Warning, found: found.into(), advice: advice.into() }
    }

    fn failed(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Failed, found: found.into(), advice: advice.into() }
    }

    fn skipped(name: &'static str, why: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Skipped, found: why.into(), advice: String::new() }
    }
}

pub(crate) async fn examine(config: Result<Config, ConfigError>, env: &Env) -> Vec<Check> {
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            let advice = match &error.file {
                Some(_) => "correct it; `signbridge config reference` explains every key",
                None => "no file was read: run this where signbridge.toml is, or name the file with --config",
            };
            let problems = error.problems.iter().map(|problem| Check::failed("configuration", problem.to_string(), advice));
            return problems.chain([Check::skipped("everything else", "there is no configuration")]).collect();
        }
    };
    let mut checks = vec![Check::ok("configuration", "it can be read and used")];
    let advice = "see docs/configuration.md";
    checks.extend(config.warnings().into_iter().map(|warning| Check::warning("configuration", warning, advice)));
    let purposes = database::examine(&config, env, &mut checks).await;
    services::examine(&config, env, &mut checks).await;
    outside::examine(&config, env, purposes.as_deref(), &mut checks).await;
    checks
}

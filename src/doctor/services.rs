//! The phone services, asked something harmless, and the clock beside theirs.

use std::time::{Duration, UNIX_EPOCH};

use super::Check;
use crate::app::parts;
use crate::config::Config;
use crate::domain::clock::Timestamp;
use crate::domain::env::Env;
use crate::domain::error_chain::chain;
use crate::upstream::{Found, PhoneApproval as _, Probed};

const SECSIGN: &str = "secsign";
const SECSIGN_FALLBACK: &str = "secsign fallback";
const THUMBSIGNIN: &str = "thumbsignin";
const CLOCK: &str = "clock";
/// A difference that the whole seconds of `Date` and the way there do not explain.
const NOTABLE: Duration = Duration::from_secs(5);
/// A difference at which signed requests and tokens are refused.
const HARMFUL: Duration = Duration::from_secs(60);

pub(super) async fn examine(config: &Config, env: &Env, checks: &mut Vec<Check>) {
    let mut dates = Vec::new();
    match parts::secsign(config) {
        Ok(Some(service)) => {
            for (name, probed) in [SECSIGN, SECSIGN_FALLBACK].into_iter().zip(service.probe().await) {
                checks.push(judged(name, &probed, "[secsign]"));
                dates.push((name, probed.date, env.now()));
            }
        }
        Ok(None) => {}
        Err(error) => checks.push(Check::failed(SECSIGN, chain(&error), "correct secsign.ca_file")),
    }
    match parts::thumbsignin(config, env) {
        Ok(Some(service)) => {
            for probed in service.probe().await {
                checks.push(judged(THUMBSIGNIN, &probed, "[thumbsignin]"));
                dates.push((THUMBSIGNIN, probed.date, env.now()));
            }
        }
        Ok(None) => {}
        Err(error) => checks.push(Check::failed(THUMBSIGNIN, chain(&error), "correct thumbsignin.ca_file")),
    }
    clock(dates, checks);
}

fn judged(name: &'static str, probed: &Probed, section: &str) -> Check {
    match &probed.found {
        Found::Working => Check::ok(name, "reachable, and its replies are valid"),
        Found::Refused(text) => Check::failed(name, text, format!("correct the credentials in {section}")),
        Found::Unusable(text) => {
            Check::failed(name, text, format!("check the url in {section}: something else answers at that address"))
        }
        Found::Unavailable(text) => {
            Check::failed(name, text, format!("check the url and ca_file in {section}, the firewall, and the service itself"))
        }
    }
}

fn clock(dates: Vec<(&'static str, Option<String>, Timestamp)>, checks: &mut Vec<Check>) {
    let before = checks.len();
    let mut compared = Vec::new();
    for (name, date, here) in dates {
        let Some(there) = date.as_deref().and_then(read_date) else { continue };
        let apart = here.since(there).max(there.since(here));
        compared.push(name);
        if apart < NOTABLE {
            continue;
        }
        let found = format!("it is {} s apart from that of {name}", apart.as_secs());
        let advice = "let this machine follow a time server (chrony, systemd-timesyncd)";
        let check = if apart < HARMFUL { Check::warning } else { Check::failed };
        checks.push(check(CLOCK, found.as_str(), advice));
    }
    if compared.is_empty() {
        checks.push(Check::skipped(CLOCK, "no phone service said what time it is"));
    } else if checks.len() == before {
        checks.push(Check::ok(CLOCK, format!("it agrees with that of {}", compared.join(" and "))));
    }
}

/// A `Date` header (RFC 9110 §5.6.7).
fn read_date(text: &str) -> Option<Timestamp> {
    let moment = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_seconds(i64::try_from(moment.as_secs()).ok()?))
}

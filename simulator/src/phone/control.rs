//! The part of the phone's API that controls the simulator itself: automatic answers, faults, log, clock, reset.

use serde::Deserialize;
use serde_json::json;

use super::api::{Error, Outcome, parse};
use crate::auto::Rule;
use crate::faults::Order;
use crate::simulation::World;

/// Answers a control call; `None` where there is none at this address.
pub(super) fn route(world: &mut World, method: &str, pieces: &[&str], after: Option<&str>, body: &[u8]) -> Option<Outcome> {
    let outcome = match (method, pieces) {
        ("POST", ["auto"]) => parse(body).map(|rule: Rule| {
            world.auto.add(rule.clone());
            Some(json!(rule))
        }),
        ("GET", ["auto"]) => Ok(Some(json!(world.auto.rules()))),
        ("DELETE", ["auto"]) => {
            world.auto.clear();
            Ok(None)
        }
        ("POST", ["faults"]) => arm(world, body),
        ("GET", ["faults"]) => Ok(Some(json!(world.faults.armed()))),
        ("DELETE", ["faults"]) => {
            world.faults.clear();
            Ok(None)
        }
        ("GET", ["requests"]) => requests(world, after),
        ("POST", ["clock"]) => advance(world, body),
        ("POST", ["reset"]) => {
            world.reset();
            Ok(None)
        }
        _ => return None,
    };
    Some(outcome)
}

fn arm(world: &mut World, body: &[u8]) -> Outcome {
    let order: Order = parse(body)?;
    match order.mistake() {
        Some(mistake) => Err(Error::bad_request(mistake)),
        None => Ok(Some(json!(world.faults.arm(order)))),
    }
}

fn requests(world: &World, after: Option<&str>) -> Outcome {
    let after = after.unwrap_or("0").parse().map_err(|_| Error::bad_request("after is a number from an entry's seq"))?;
    Ok(Some(json!(world.log.after(after))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_ms: i64,
}

fn advance(world: &mut World, body: &[u8]) -> Outcome {
    let Advance { advance_ms } = parse(body)?;
    let ahead = world.clock.advance(advance_ms);
    Ok(Some(json!({"ahead_ms": ahead, "now_ms": world.clock.now_ms()})))
}

//! The phone's API for scripts: what phones do, and what controls the simulator itself.

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Mistake, apps, guard};
use crate::faults::Order;
use crate::secsign::{self, Session, normalise};
use crate::simulation::{Simulation, World};
use crate::thumbsignin::{self, Transaction};
use crate::{call, clock};

/// Of one SecSign ID.
const MOST_PHONES: u32 = 100;

/// Something to say, or nothing (204), or what was wrong.
pub(super) type Outcome = Result<Option<Value>, Mistake>;

/// Answers everything below `/phone/api/`; `pieces` is what follows.
pub(super) fn handle(simulation: &Simulation, request: &HttpRequest, pieces: &[&str], body: &[u8]) -> HttpResponse {
    let outcome = match guard::script(request) {
        Ok(()) => route(simulation, request, pieces, body),
        Err(refusal) => Err(Mistake(StatusCode::FORBIDDEN, "forbidden", refusal.to_owned())),
    };
    match outcome {
        Ok(Some(value)) => HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(value),
        Ok(None) => HttpResponse::NoContent().finish(),
        Err(Mistake(status, error, message)) => HttpResponse::build(status).json(json!({"error": error, "message": message})),
    }
}

fn route(simulation: &Simulation, request: &HttpRequest, pieces: &[&str], body: &[u8]) -> Outcome {
    let query = call::form_pairs(request.uri().query().unwrap_or_default());
    let asked = |name: &str| call::find(&query, name).filter(|value| !value.is_empty());
    let world = &mut *simulation.world();
    match (request.method().as_str(), pieces) {
        ("GET", ["secsign"]) => Ok(Some(json!(world.secsign.ids.keys().collect::<Vec<_>>()))),
        ("GET", ["secsign", id]) => show_identity(world, id),
        ("POST", ["secsign", id]) => change_identity(world, id, parse(body)?),
        ("POST", ["secsign", id, "sessions", session]) => act_on_session(world, id, session, &parse(body)?),
        ("GET", ["apps"]) => Ok(Some(apps::list(world))),
        ("POST", ["apps"]) => {
            let id = apps::create(world, parse(body)?)?;
            Ok(world.thumbsignin.app(&id).map(apps::app_json))
        }
        ("GET", ["thumbsignin"]) => Ok(Some(json!(world.thumbsignin.users()))),
        ("GET", ["thumbsignin", "devices"]) => Ok(Some(apps::devices(world, asked("userId")))),
        ("GET", ["thumbsignin", "transactions"]) => Ok(Some(transactions(world, asked("userId"), asked("state")))),
        ("POST", ["thumbsignin", "transactions", id]) => act_on_transaction(world, id, &parse(body)?),
        ("POST", ["thumbsignin", "scan"]) => {
            let Scan { content } = parse(body)?;
            let id =
                transaction_in(&content).ok_or_else(|| Mistake::bad_request("the content is not a link to a transaction"))?;
            act_on_transaction(world, id, &thumbsignin::PhoneAction::Scan)
        }
        ("POST", ["auto"]) => Ok(Some(json!(world.auto.add(parse(body)?)))),
        ("GET", ["auto"]) => Ok(Some(json!(world.auto.rules))),
        ("DELETE", ["auto"]) => {
            world.auto.rules.clear();
            Ok(None)
        }
        ("POST", ["faults"]) => {
            let order: Order = parse(body)?;
            match order.mistake() {
                Some(mistake) => Err(Mistake::bad_request(mistake)),
                None => Ok(Some(json!(world.faults.arm(order)))),
            }
        }
        ("GET", ["faults"]) => Ok(Some(json!(world.faults.armed))),
        ("DELETE", ["faults"]) => {
            world.faults.armed.clear();
            Ok(None)
        }
        ("GET", ["requests"]) => {
            let after = asked("after").unwrap_or("0").parse();
            Ok(Some(json!(world.log.after(after.map_err(|_| Mistake::bad_request("after is a number from an entry's seq"))?))))
        }
        ("POST", ["clock"]) => {
            let ahead = world.clock.advance(parse::<Advance>(body)?.advance_ms);
            Ok(Some(json!({"ahead_ms": ahead, "now_ms": world.clock.now_ms()})))
        }
        ("POST", ["reset"]) => {
            world.reset();
            Ok(None)
        }
        (method, _) => Err(Mistake::not_found(format!("there is no {method} at this address"))),
    }
}

/// Reads a body as JSON, whatever its content type.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Mistake> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Mistake::bad_request(error.to_string()))
}

fn show_identity(world: &mut World, id: &str) -> Outcome {
    let now = world.clock.now_ms();
    let identity = world.secsign.identity(now, id).ok_or_else(|| Mistake::not_found("there is no SecSign ID of that name"))?;
    let sessions: Vec<Value> = identity.sessions.iter().map(session_json).collect();
    Ok(Some(json!({
        "secsignid": normalise(id),
        "frozen": identity.frozen,
        "devices": identity.devices,
        "sessions": sessions,
    })))
}

/// The session's id is written as text: numbers of its size do not survive JavaScript.
pub(super) fn session_json(session: &Session) -> Value {
    let symbols = session.pass.iter().flat_map(|pass| pass.symbols());
    let symbols: Vec<&str> = symbols.map(|(_, symbol)| symbol.png_base64.as_str()).collect();
    let (title, description) = session.asked.transaction.clone().unzip();
    json!({
        "authsessionid": session.id.to_string(),
        "servicename": session.asked.service_name,
        "serviceaddress": session.asked.service_address,
        "transactiontitle": title,
        "transactiondescr": description,
        "state": session.state,
        "symbols": symbols,
    })
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(super) enum IdentityAction {
    Create,
    Unfreeze,
    /// On how many phones the ID is.
    Devices {
        count: u32,
    },
}

pub(super) fn change_identity(world: &mut World, id: &str, action: IdentityAction) -> Outcome {
    match action {
        IdentityAction::Create if normalise(id).is_empty() => return Err(Mistake::bad_request("a SecSign ID has a name")),
        IdentityAction::Create => world.secsign.create_id(id),
        IdentityAction::Unfreeze => drop(world.secsign.unfreeze(id)),
        IdentityAction::Devices { count } if count > MOST_PHONES => {
            return Err(Mistake::bad_request(format!("an ID is on at most {MOST_PHONES} phones")));
        }
        IdentityAction::Devices { count } => {
            if let Some(identity) = world.secsign.identity(world.clock.now_ms(), id) {
                identity.devices = count;
            }
        }
    }
    show_identity(world, id)
}

pub(super) fn act_on_session(world: &mut World, id: &str, session: &str, action: &secsign::PhoneAction) -> Outcome {
    let number = session.parse().map_err(|_| Mistake::not_found("a session's id is a number"))?;
    let state = world.secsign.act(world.clock.now_ms(), (id, number), action)?;
    Ok(Some(json!({"authsessionid": session, "state": state})))
}

fn transactions(world: &mut World, user: Option<&str>, state: Option<&str>) -> Value {
    let now = world.clock.now_ms();
    let wanted = world.thumbsignin.transactions(now).filter(|transaction| {
        user.is_none_or(|user| transaction.user.as_deref() == Some(user))
            && state.is_none_or(|state| transaction.status.name().eq_ignore_ascii_case(state))
    });
    wanted.map(|transaction| transaction_json(transaction, now)).collect()
}

pub(super) fn transaction_json(transaction: &Transaction, now: i64) -> Value {
    json!({
        "transactionId": transaction.id,
        "appId": transaction.app,
        "kind": transaction.kind,
        "userId": transaction.user,
        "status": transaction.status.name(),
        "failureReason": transaction.status.failure_reason(),
        "expireInSeconds": clock::seconds_left(now, transaction.expires_ms),
    })
}

pub(super) fn act_on_transaction(world: &mut World, id: &str, action: &thumbsignin::PhoneAction) -> Outcome {
    let now = world.clock.now_ms();
    Ok(Some(transaction_json(&world.thumbsignin.act(now, id, action)?, now)))
}

#[derive(Deserialize)]
struct Scan {
    content: String,
}

/// The transaction that a QR code or a deep link leads to. Sites add parameters to deep links; they are ignored.
pub(super) fn transaction_in(content: &str) -> Option<&str> {
    let (_, rest) = content.trim().split_once("/phone/t/")?;
    let id = rest.split(['?', '#', '/', '&']).next()?;
    (!id.is_empty()).then_some(id)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_with_and_without_what_sites_add() {
        assert_eq!(transaction_in("http://127.0.0.1:8081/phone/t/7e8e"), Some("7e8e"));
        assert_eq!(transaction_in(" https://x/phone/t/7e8e?transactionId=1&browser=chrome#top\n"), Some("7e8e"));
        assert_eq!(transaction_in("http://127.0.0.1:8081/phone/t/"), None);
        assert_eq!(transaction_in("7e8e"), None);
    }
}

//! The ThumbSignIn API below `/ts/secure/`: signed calls, answers as one flat JSON object, errors with it too.

use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::call::{self, Answer, Call, Created, Format, Provider};
use crate::simulation::{Settings, Simulation, World};
use crate::thumbsignin::signature::{self, Received};
use crate::thumbsignin::{Device, Kind, Status, Transaction};
use crate::{clock, qr};

/// What a call asks for, by the name that the log gives it, and whom and what path and query name.
struct Operation {
    name: &'static str,
    user: Option<String>,
    /// Of a transaction or a device.
    id: String,
    cancelled: bool,
}

impl Operation {
    fn of(method: &Method, path: &str, query: &[(String, String)]) -> Self {
        let pieces = call::pieces(path);
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let asked = call::find(query, "userId");
        let (name, user, id) = match (method.as_str(), pieces.as_slice()) {
            ("GET", ["", "ts", "secure", "authenticate"]) => ("authenticate", asked, ""),
            ("GET", ["", "ts", "secure", "register"]) => ("register", asked, ""),
            ("GET", ["", "ts", "secure", "txn-status", id]) => ("status", None, *id),
            ("GET", ["", "ts", "secure", "getUser", id]) => ("get_user", None, *id),
            ("GET", ["", "ts", "secure", "devices", user]) => ("devices", Some(*user), ""),
            ("GET" | "DELETE", ["", "ts", "secure", "deregister", user, "devices", device]) => {
                ("deregister", Some(*user), *device)
            }
            _ => ("unknown", None, ""),
        };
        let cancelled = name == "status" && query.iter().any(|(name, value)| name == "cancelled" && value == "true");
        Self { name, user: user.map(str::to_owned), id: id.to_owned(), cancelled }
    }

    /// Whom the call is about; of a transaction, who was asked.
    fn about(&self, world: &mut World) -> Option<String> {
        match self.name {
            "status" | "get_user" => world.thumbsignin.transaction(world.clock.now_ms(), &self.id)?.user.clone(),
            _ => self.user.clone(),
        }
    }
}

pub(crate) async fn handle(simulation: Data<Simulation>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let query = call::form_pairs(request.uri().query().unwrap_or_default());
    let operation = Operation::of(request.method(), request.uri().path(), &query);
    let call = Call {
        user: operation.about(&mut simulation.world()),
        cancelled: operation.cancelled,
        ..Call::new(Provider::ThumbSignIn, operation.name, call::target(&request))
    };
    let settings = &simulation.settings;
    let twice = query.iter().filter(|(name, _)| name == "userId").count() > 1;
    let admitted = admitted(settings, &request, &body);
    let work = |world: &mut World| {
        let answered = match admitted {
            Err(refusal) => Err(Error(401, refusal)),
            Ok(()) if twice => Err(Error(400, "Parameter userId is there more than once")),
            Ok(()) => respond(world, settings, operation, call::header(&request, "user-agent")),
        };
        answered.unwrap_or_else(|error| error.answer(request.uri().path()))
    };
    super::answer(&simulation, &request, call, work).await
}

/// Checks the signature by the wall clock: the caller's clock does not follow the simulator's.
fn admitted(settings: &Settings, request: &HttpRequest, body: &[u8]) -> Result<(), signature::Refusal> {
    let received = Received {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        body,
        header: &|name| call::header(request, name),
    };
    signature::verify(&settings.options, &received, clock::wall_ms())
}

fn respond(world: &mut World, settings: &Settings, operation: Operation, browser: Option<String>) -> Result<Answer, Error> {
    let now = world.clock.now_ms();
    let Operation { name, user, id, cancelled } = operation;
    let kind = if name == "register" { Kind::Register } else { Kind::Authenticate };
    let asked = user.as_deref().unwrap_or_default();
    let members = match name {
        "authenticate" | "register" if asked.trim().is_empty() && (user.is_some() || kind == Kind::Register) => {
            return Err(Error(400, "Parameter userId is missing or blank"));
        }
        "authenticate" | "register" => return Ok(begun(settings, &world.thumbsignin.begin(now, kind, user, browser), now)),
        "status" => {
            if cancelled {
                world.thumbsignin.cancel(now, &id);
            }
            standing(world.thumbsignin.transaction(now, &id).ok_or(UNKNOWN)?, now)
        }
        "get_user" => match &world.thumbsignin.transaction(now, &id).ok_or(UNKNOWN)?.status {
            Status::Successful(user) => vec![("userId", user.as_str().into())],
            _ => return Err(Error(400, "The transaction was not completed")),
        },
        "devices" => {
            let devices: Vec<Value> = world.thumbsignin.devices(asked).iter().map(device).collect();
            vec![("userId", asked.into()), ("devices", devices.into())]
        }
        "deregister" if world.thumbsignin.remove_device(asked, &id) => {
            vec![("status", "SUCCESS".into()), ("userId", asked.into()), ("deviceId", id.into())]
        }
        "deregister" => return Err(Error(404, "There is no such device")),
        _ => return Err(Error(404, "There is nothing at this address")),
    };
    Ok(Answer::new(200, Format::Json, members))
}

/// The answer to a call that began a transaction: QR code and link both lead to its page on the virtual phone.
fn begun(settings: &Settings, transaction: &Transaction, now: i64) -> Answer {
    let link = format!("{}/phone/t/{}", settings.phone_url, transaction.id);
    let mut members = standing(transaction, now);
    members.push(("qrImage", qr::png_base64(&link).into()));
    members.push(("deepLinkUrl", link.into()));
    let created = Some(Created::Transaction { user: transaction.user.clone(), id: transaction.id.clone() });
    Answer { created, ..Answer::new(200, Format::Json, members) }
}

fn standing(transaction: &Transaction, now: i64) -> Vec<(&'static str, Value)> {
    vec![
        ("transactionId", transaction.id.as_str().into()),
        ("status", transaction.status.name().into()),
        ("failureReason", transaction.status.failure_reason().into()),
        ("expireInSeconds", clock::seconds_left(now, transaction.expires_ms).into()),
    ]
}

fn device(device: &Device) -> Value {
    json!({
        "deviceId": device.id,
        "deviceName": device.name,
        "model": "Virtual phone",
        "os": "Android",
        "osVersion": "15",
        "status": "ACTIVE",
        "registeredOn": clock::iso(device.registered_ms),
        "lastUsedOn": device.used_ms.map(clock::iso),
    })
}

/// HTTP status and message.
struct Error(u16, &'static str);

const UNKNOWN: Error = Error(404, "There is no such transaction");

impl Error {
    fn answer(&self, path: &str) -> Answer {
        let name = StatusCode::from_u16(self.0).ok().and_then(|status| status.canonical_reason());
        let members = vec![
            ("timestamp", clock::wall_ms().into()),
            ("status", self.0.into()),
            ("error", name.into()),
            ("message", self.1.into()),
            ("path", path.into()),
        ];
        Answer::new(self.0, Format::Json, members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_piece_by_piece_so_that_no_id_changes_the_call() {
        let of = |path: &str| Operation::of(&Method::GET, path, &[]).name;
        assert_eq!(of("/ts/secure/txn-status/7e8e"), "status");
        assert_eq!(of("/ts/secure/devices/alice%40example.com"), "devices");
        assert_eq!(of("/ts/secure/deregister/u1/devices/d1"), "deregister");
        assert_eq!(of("/ts/secure/txn-status/..%2Fdevices%2Falice"), "status");
        assert_eq!(of("/ts/secure/txn-status/../devices/alice"), "unknown");
        assert_eq!(Operation::of(&Method::POST, "/ts/secure/authenticate", &[]).name, "unknown");
    }
}

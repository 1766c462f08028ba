//! The ThumbSignIn API below `/ts/secure/`: signed calls, answers as one flat JSON object, errors with it too.

use actix_web::http::Method;
use actix_web::http::header::{HeaderName, USER_AGENT};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::call::{self, Answer, Call, Created, Format, Provider};
use crate::clock;
use crate::simulation::{Settings, Simulation, World};
use crate::thumbsignin::signature::{self, Credentials, Received};
use crate::thumbsignin::{Device, Kind, Status, Transaction};
use crate::{qr, upstream};

/// What a call asks for, by the name that the log gives it.
struct Operation {
    name: &'static str,
    /// The user whom path or query name.
    user: Option<String>,
    /// The transaction or the device that the path names.
    id: String,
    cancelled: bool,
}

impl Operation {
    /// Reads the raw path, piece by piece.
    fn of(method: &Method, path: &str, query: &[(String, String)]) -> Self {
        let pieces: Vec<String> = path.split('/').map(call::decode).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let asked = query.iter().find(|(name, _)| name == "userId").map(|(_, value)| value.as_str());
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
    fn about(&self, simulation: &Simulation) -> Option<String> {
        if !matches!(self.name, "status" | "get_user") {
            return self.user.clone();
        }
        let mut world = simulation.world();
        let now = world.clock.now_ms();
        world.thumbsignin.transaction(now, &self.id).and_then(|transaction| transaction.user.clone())
    }
}

pub(crate) async fn handle(simulation: Data<Simulation>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let query = call::form_pairs(request.uri().query().unwrap_or_default());
    let operation = Operation::of(request.method(), request.uri().path(), &query);
    let call = Call {
        user: operation.about(&simulation),
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
            Ok(()) => respond(world, settings, operation, header(&request, USER_AGENT.as_str())),
        };
        answered.unwrap_or_else(|error| error.answer(request.uri().path()))
    };
    upstream::answer(&simulation, &request, call, work).await
}

/// Checks the signature by the wall clock: the caller's clock does not follow the simulator's.
fn admitted(settings: &Settings, request: &HttpRequest, body: &[u8]) -> Result<(), signature::Refusal> {
    let options = &settings.options;
    let max_age_ms = options.signature_max_age.map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    let credentials = Credentials { app_id: &options.app_id, secret: &options.secret, max_age_ms };
    let received = Received {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        body,
        header: &|name| header(request, name),
    };
    signature::verify(&credentials, &received, clock::wall_ms())
}

fn header(request: &HttpRequest, name: &str) -> Option<String> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    request.headers().get(name).map(|value| call::text(value.as_bytes()))
}

fn respond(world: &mut World, settings: &Settings, operation: Operation, browser: Option<String>) -> Result<Answer, Error> {
    let now = world.clock.now_ms();
    let Operation { name, user, id, cancelled } = operation;
    let kind = if name == "register" { Kind::Register } else { Kind::Authenticate };
    let is_blank = user.as_deref().is_some_and(|user| user.trim().is_empty());
    match name {
        "authenticate" | "register" if is_blank || kind == Kind::Register && user.is_none() => {
            Err(Error(400, "Parameter userId is missing or blank"))
        }
        "authenticate" | "register" => Ok(begun(settings, &world.thumbsignin.begin(now, kind, user, browser), now)),
        "status" => {
            if cancelled {
                world.thumbsignin.cancel(now, &id);
            }
            let transaction = world.thumbsignin.transaction(now, &id).ok_or(UNKNOWN)?;
            Ok(Answer::new(200, Format::Json, standing(transaction, now)))
        }
        "get_user" => match &world.thumbsignin.transaction(now, &id).ok_or(UNKNOWN)?.status {
            Status::Successful(user) => Ok(Answer::new(200, Format::Json, vec![("userId", user.as_str().into())])),
            _ => Err(Error(400, "The transaction was not completed")),
        },
        "devices" => {
            let devices: Vec<Value> =
                world.thumbsignin.devices(user.as_deref().unwrap_or_default()).iter().map(device).collect();
            Ok(Answer::new(200, Format::Json, vec![("userId", user.into()), ("devices", devices.into())]))
        }
        "deregister" => {
            if !world.thumbsignin.remove_device(user.as_deref().unwrap_or_default(), &id) {
                return Err(Error(404, "There is no such device"));
            }
            let members = vec![("status", "SUCCESS".into()), ("userId", user.into()), ("deviceId", id.into())];
            Ok(Answer::new(200, Format::Json, members))
        }
        _ => Err(Error(404, "There is nothing at this address")),
    }
}

/// The answer to a call that began a transaction: QR code and link both lead to its page on the virtual phone.
fn begun(settings: &Settings, transaction: &Transaction, now: i64) -> Answer {
    let link = format!("{}/phone/t/{}", settings.phone_url, transaction.id);
    let mut members = standing(transaction, now);
    members.push(("qrImage", qr::png_base64(&link).into()));
    members.push(("deepLinkUrl", link.into()));
    let created = Created::Transaction { user: transaction.user.clone(), id: transaction.id.clone() };
    Answer::new(200, Format::Json, members).creating(created)
}

fn standing(transaction: &Transaction, now: i64) -> Vec<(&'static str, Value)> {
    vec![
        ("transactionId", transaction.id.as_str().into()),
        ("status", transaction.status.name().into()),
        ("failureReason", transaction.status.failure_reason().into()),
        ("expireInSeconds", transaction.expires_in(now).into()),
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

/// HTTP status and message of an error.
struct Error(u16, &'static str);

const UNKNOWN: Error = Error(404, "There is no such transaction");

impl Error {
    fn answer(&self, path: &str) -> Answer {
        let name = match self.0 {
            400 => "Bad Request",
            401 => "Unauthorized",
            _ => "Not Found",
        };
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

//! The ThumbSignIn API below `/ts/secure/`: signed calls, answers as one flat JSON object, errors with it too. Pages of any
//! site may call it with a signature that their server made (ThumbSignIn notes §1.5).

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::call::{self, Answer, Call, Created, Format, Provider};
use crate::simulation::{Settings, Simulation, World};
use crate::thumbsignin::apps::{App, Device};
use crate::thumbsignin::signature::{self, Received, Rules};
use crate::thumbsignin::{Kind, NewTransaction, Status, Transaction};
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
    if request.method() == Method::OPTIONS && call::header(&request, "access-control-request-method").is_some() {
        return preflight();
    }
    let query = call::form_pairs(request.uri().query().unwrap_or_default());
    let operation = Operation::of(request.method(), request.uri().path(), &query);
    let call = Call {
        user: operation.about(&mut simulation.world()),
        cancelled: operation.cancelled,
        ..Call::new(Provider::ThumbSignIn, operation.name, call::target(&request))
    };
    let settings = &simulation.settings;
    let twice = query.iter().filter(|(name, _)| name == "userId").count() > 1;
    let admitted = admitted(&simulation, &request, &body);
    let work = |world: &mut World| {
        let answered = match admitted {
            Err(refusal) => Err(Error(401, refusal)),
            Ok(_app) if twice => Err(Error(400, "Parameter userId is there more than once")),
            Ok(app) => respond(world, settings, &app, operation, call::header(&request, "user-agent")),
        };
        answered.unwrap_or_else(|error| error.answer(request.uri().path()))
    };
    let mut response = super::answer(&simulation, &request, call, work).await;
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// What a browser asks before a page of another site may send the headers of a signature. It is no call: the log leaves it out.
fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, X-Ts-Date"))
        .finish()
}

/// Answers the id of the application that signed. The wall clock judges: the caller's clock does not follow the simulator's.
fn admitted(simulation: &Simulation, request: &HttpRequest, body: &[u8]) -> Result<String, signature::Refusal> {
    let received = Received {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        body,
        header: &|name| call::header(request, name),
    };
    let rules = Rules {
        secret_of: &|id| simulation.world().thumbsignin.app(id).map(|app| app.secret.clone()),
        max_age: simulation.settings.options.signature_max_age,
    };
    signature::verify(&rules, &received, clock::wall_ms())
}

fn respond(
    world: &mut World,
    settings: &Settings,
    app: &str,
    operation: Operation,
    browser: Option<String>,
) -> Result<Answer, Error> {
    let now = world.clock.now_ms();
    let Operation { name, user, id, cancelled } = operation;
    let asked = user.as_deref().unwrap_or_default();
    let members: Vec<(&'static str, Value)> = match name {
        "register" if asked.trim().is_empty() => return Err(BLANK),
        "authenticate" if user.is_some() && asked.trim().is_empty() => return Err(BLANK),
        "authenticate" | "register" => {
            let kind = if name == "register" { Kind::Register } else { Kind::Authenticate };
            let new = NewTransaction { app: app.to_owned(), kind, user, browser };
            return Ok(begun(settings, &world.thumbsignin.begin(now, new), now));
        }
        "status" => {
            own(world, now, app, &id)?;
            if cancelled {
                world.thumbsignin.cancel(now, &id);
            }
            standing(&own(world, now, app, &id)?, now)
        }
        "get_user" => match own(world, now, app, &id)?.status {
            Status::Successful(user) => vec![("userId", user.into())],
            _ => return Err(Error(400, "The transaction was not completed")),
        },
        "devices" => {
            let devices = world.thumbsignin.app(app).map(|app| app.devices(asked)).unwrap_or_default();
            vec![("userId", asked.into()), ("devices", devices.iter().map(device).collect())]
        }
        "deregister" if removed(world.thumbsignin.app_mut(app), asked, &id) => {
            vec![("status", "SUCCESS".into()), ("userId", asked.into()), ("deviceId", id.into())]
        }
        "deregister" => return Err(Error(404, "There is no such device")),
        _ => return Err(Error(404, "There is nothing at this address")),
    };
    Ok(Answer::new(200, Format::Json, members))
}

/// A transaction that this application began, as it stands now.
fn own(world: &mut World, now: i64, app: &str, id: &str) -> Result<Transaction, Error> {
    let found = world.thumbsignin.transaction(now, id).filter(|transaction| transaction.app == app);
    found.cloned().ok_or(UNKNOWN)
}

fn removed(app: Option<&mut App>, user: &str, device: &str) -> bool {
    app.is_some_and(|app| app.remove_device(user, device))
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

/// A success says whose it is, and a NOT_ME whose word it is.
fn standing(transaction: &Transaction, now: i64) -> Vec<(&'static str, Value)> {
    let mut members = vec![
        ("transactionId", transaction.id.as_str().into()),
        ("status", transaction.status.name().into()),
        ("failureReason", transaction.status.failure_reason().into()),
        ("expireInSeconds", clock::seconds_left(now, transaction.expires_ms).into()),
    ];
    if let Some(user) = transaction.status.user() {
        members.push(("userId", user.into()));
    }
    members
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
const BLANK: Error = Error(400, "Parameter userId is missing or blank");

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

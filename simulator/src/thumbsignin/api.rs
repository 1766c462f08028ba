//! The ThumbSignIn API below `/ts/secure/`: signed calls, answers as one flat JSON object, errors with it too.

use actix_web::http::Method;
use actix_web::http::header::{HeaderName, USER_AGENT};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::clock::{self, Utc};
use crate::qr;
use crate::simulation::{Settings, Simulation, World};
use crate::thumbsignin::signature::{self, Credentials, Received};
use crate::thumbsignin::{Device, Kind, Status, Transaction};
use crate::upstream::{self, Answer, Call, Created, Format, Provider};

/// What a call asks for.
enum Operation {
    Authenticate(Option<String>),
    Register(Option<String>),
    Status { id: String, cancelled: bool },
    GetUser(String),
    Devices(String),
    Deregister { user: String, device: String },
    Unknown,
}

impl Operation {
    /// Reads the raw path, piece by piece.
    fn of(method: &Method, path: &str, query: &[(String, String)]) -> Self {
        let pieces: Vec<String> = path.split('/').map(upstream::decode).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let text = |piece: &&str| (*piece).to_owned();
        let user = query.iter().find(|(name, _)| name == "userId").map(|(_, value)| value.clone());
        match (method.as_str(), pieces.as_slice()) {
            ("GET", ["", "ts", "secure", "authenticate"]) => Self::Authenticate(user),
            ("GET", ["", "ts", "secure", "register"]) => Self::Register(user),
            ("GET", ["", "ts", "secure", "txn-status", id]) => {
                let cancelled = query.iter().any(|(name, value)| name == "cancelled" && value == "true");
                Self::Status { id: text(id), cancelled }
            }
            ("GET", ["", "ts", "secure", "getUser", id]) => Self::GetUser(text(id)),
            ("GET", ["", "ts", "secure", "devices", user]) => Self::Devices(text(user)),
            ("GET" | "DELETE", ["", "ts", "secure", "deregister", user, "devices", device]) => {
                Self::Deregister { user: text(user), device: text(device) }
            }
            _ => Self::Unknown,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Authenticate(_) => "authenticate",
            Self::Register(_) => "register",
            Self::Status { .. } => "status",
            Self::GetUser(_) => "get_user",
            Self::Devices(_) => "devices",
            Self::Deregister { .. } => "deregister",
            Self::Unknown => "unknown",
        }
    }

    /// Whom the call is about; of a transaction, who was asked.
    fn user(&self, simulation: &Simulation) -> Option<String> {
        match self {
            Self::Authenticate(user) | Self::Register(user) => user.clone(),
            Self::Devices(user) | Self::Deregister { user, .. } => Some(user.clone()),
            Self::Status { id, .. } | Self::GetUser(id) => {
                let mut world = simulation.world();
                let now = world.clock.now_ms();
                world.thumbsignin.transaction(now, id).and_then(|transaction| transaction.user.clone())
            }
            Self::Unknown => None,
        }
    }
}

/// Answers everything below `/ts/secure/`.
pub(crate) async fn handle(simulation: Data<Simulation>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let query = upstream::form_pairs(request.uri().query().unwrap_or_default());
    let operation = Operation::of(request.method(), request.uri().path(), &query);
    let call = Call {
        user: operation.user(&simulation),
        cancelled: matches!(operation, Operation::Status { cancelled: true, .. }),
        ..Call::new(Provider::ThumbSignIn, operation.name(), upstream::target(&request))
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
    request.headers().get(name).map(|value| upstream::text(value.as_bytes()))
}

fn respond(world: &mut World, settings: &Settings, operation: Operation, browser: Option<String>) -> Result<Answer, Error> {
    let now = world.clock.now_ms();
    let blank = |user: &Option<String>| user.as_deref().is_some_and(|user| user.trim().is_empty());
    match operation {
        Operation::Authenticate(user) if !blank(&user) => {
            let transaction = world.thumbsignin.begin(now, Kind::Authenticate, user, browser);
            Ok(begun(settings, &transaction, now))
        }
        Operation::Register(user) if user.is_some() && !blank(&user) => {
            let transaction = world.thumbsignin.begin(now, Kind::Register, user, browser);
            Ok(begun(settings, &transaction, now))
        }
        Operation::Authenticate(_) | Operation::Register(_) => Err(Error(400, "Parameter userId is missing or blank")),
        Operation::Status { id, cancelled } => {
            if cancelled {
                world.thumbsignin.cancel(now, &id);
            }
            let transaction = world.thumbsignin.transaction(now, &id).ok_or(UNKNOWN)?;
            Ok(Answer::new(200, Format::Json, standing(transaction, now)))
        }
        Operation::GetUser(id) => match &world.thumbsignin.transaction(now, &id).ok_or(UNKNOWN)?.status {
            Status::Successful(user) => Ok(Answer::new(200, Format::Json, vec![("userId", user.as_str().into())])),
            _ => Err(Error(400, "The transaction was not completed")),
        },
        Operation::Devices(user) => {
            let devices: Vec<Value> = world.thumbsignin.devices(&user).iter().map(device).collect();
            Ok(Answer::new(200, Format::Json, vec![("userId", user.into()), ("devices", devices.into())]))
        }
        Operation::Deregister { user, device } => {
            if !world.thumbsignin.remove_device(&user, &device) {
                return Err(Error(404, "There is no such device"));
            }
            let members = vec![("status", "SUCCESS".into()), ("userId", user.into()), ("deviceId", device.into())];
            Ok(Answer::new(200, Format::Json, members))
        }
        Operation::Unknown => Err(Error(404, "There is nothing at this address")),
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
        "registeredOn": Utc::from_ms(device.registered_ms).iso(),
        "lastUsedOn": device.used_ms.map(|ms| Utc::from_ms(ms).iso()),
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
        let of = |path: &str| Operation::of(&Method::GET, path, &[]).name();
        assert_eq!(of("/ts/secure/txn-status/7e8e"), "status");
        assert_eq!(of("/ts/secure/devices/alice%40example.com"), "devices");
        assert_eq!(of("/ts/secure/deregister/u1/devices/d1"), "deregister");
        assert_eq!(of("/ts/secure/txn-status/..%2Fdevices%2Falice"), "status");
        assert_eq!(of("/ts/secure/txn-status/../devices/alice"), "unknown");
        assert_eq!(Operation::of(&Method::POST, "/ts/secure/authenticate", &[]).name(), "unknown");
    }
}

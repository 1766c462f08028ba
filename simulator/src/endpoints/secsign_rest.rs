//! The SecSign REST API, as far as it concerns sign-in and enrolment: JSON answers, errors by HTTP status, HTTP Basic
//! where a "PinAccount" is configured: with that one, or with one that was given out since. Its state answer names no
//! user; the session id alone names a session. A second factor never needs an access token here.

use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use subtle::{Choice, ConstantTimeEq as _};

use crate::call::{self, Answer, Call, Created, Format, Provider};
use crate::options::{PinAccount, Version};
use crate::secsign::{NewSession, Refusal, normalise};
use crate::simulation::{Settings, Simulation, World};
use crate::{qr, random};

/// From this version on a server tells its version and counts phones; older ones list them.
const SWITCH: Version = Version(10, 7, 5);

/// What a call asks for, by the name that the log gives it, and the SecSign ID or the session that its path names, as written.
fn operation(method: &Method, path: &str, query: &[(String, String)]) -> (&'static str, String) {
    let pieces = call::pieces(path);
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).filter(|piece| !piece.is_empty()).collect();
    let asks = |name: &str| call::find(query, name).is_some();
    let is_number = |id: &str| id.parse::<i64>().is_ok();
    let (name, id) = match (method.as_str(), pieces.as_slice()) {
        ("GET", ["rest", "v2", "AuthSession"]) => ("create", ""),
        ("GET", ["rest", "v2", "AuthSession", id]) if is_number(id) => ("state", *id),
        ("DELETE", ["rest", "v2", "AuthSession", id]) if is_number(id) => ("cancel", *id),
        ("GET", ["rest", "v2", "SecSignId", id]) if asks("exist") => ("exist", *id),
        ("GET", ["rest", "v2", "SecSignId", id]) if asks("createqrcode") => ("create_qr_code", *id),
        ("GET", ["rest", "v2", "SecSignId", id]) if asks("devices") => ("devices", *id),
        ("POST", ["rest", "v2", "SecSignId"]) => ("restore", ""),
        ("GET", ["rest", "v1", "SecSignId", id]) if asks("restoration") => ("restoration", *id),
        ("POST", ["rest", "v1", "SecSignId", id]) => ("update", *id),
        ("GET", ["rest", "v1", "Device", id, "Count"]) => ("device_count", *id),
        ("GET", ["rest", "v2", "PluginRegistration", "ServerInfo"]) => ("server_info", ""),
        ("POST", ["rest", "v2", "PluginRegistration"]) => ("plugin_registration", ""),
        ("POST", ["rest", "v2", "AccessToken", "Info"]) => ("access_token_info", ""),
        ("POST", ["rest", "v2", "AccessToken"]) => ("access_token", ""),
        _ => ("unknown", ""),
    };
    (name, id.to_owned())
}

pub(crate) async fn handle(simulation: Data<Simulation>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let query = call::form_pairs(request.uri().query().unwrap_or_default());
    let (name, named) = operation(request.method(), request.uri().path(), &query);
    let sent = if name == "create" { query } else { sent(&body) };
    let user = match (name, named.as_str()) {
        (_, "") => call::find(&sent, "secsignid").map(normalise),
        ("state" | "cancel", session) => {
            session.parse().ok().and_then(|id| Some(simulation.world().secsign.by_id(id).ok()?.secsignid))
        }
        (_, id) => Some(normalise(id)),
    };
    let call = Call { user, ..Call::new(Provider::SecSign, name, call::target(&request)) };
    let settings = &simulation.settings;
    let work = |world: &mut World| match admitted(world, settings, &request) {
        true => respond(world, settings, (name, &named), &sent).unwrap_or_else(Error::answer),
        false => Error(401, "The account is unknown or its password is wrong.").answer(),
    };
    super::answer(&simulation, &request, call, work).await
}

fn respond(
    world: &mut World,
    settings: &Settings,
    (operation, named): (&str, &str),
    sent: &[(String, String)],
) -> Result<Answer, Error> {
    let now = world.clock.now_ms();
    let id: &str = &normalise(named);
    let session = |world: &World| world.secsign.by_id(id.parse().unwrap_or_default());
    let version = settings.options.secsign_version;
    let members: Vec<(&'static str, Value)> = match operation {
        "device_count" | "server_info" | "access_token_info" | "access_token" if version < SWITCH => return Err(NOT_THERE),
        "devices" if version >= SWITCH => return Err(NOT_THERE),
        "create" => return create(world, sent),
        "state" => {
            let session = session(world)?;
            vec![("authsessionstate", world.secsign.state(now, &session)?.into())]
        }
        "cancel" => {
            let session = session(world)?;
            world.secsign.cancel(now, &session).map(|_cancelled| vec![])?
        }
        "exist" => vec![("exist", world.secsign.identity(now, id).is_some().into())],
        "create_qr_code" => link(settings, id, "createurl"),
        "restore" => link(settings, &enabled(world, sent)?, "restoreurl"),
        "restoration" => {
            phones(world, id)?;
            let links = link(settings, id, "restoreurl").into_iter().map(|(key, value)| (key.to_owned(), value));
            return Ok(within(named, ("restoration", Value::Object(links.collect()))));
        }
        "update" if call::find(sent, "update") == Some("restoration") => {
            phones(world, id)?;
            link(settings, id, "restoreurl")
        }
        "device_count" => vec![("count", phones(world, id)?.into())],
        "devices" => {
            let listed = (1..=phones(world, id)?).map(|number| (number.to_string(), json!({"name": "Virtual phone"})));
            return Ok(within(id, ("devices", Value::Object(listed.collect()))));
        }
        "server_info" => {
            vec![("majorVersion", version.0.into()), ("minorVersion", version.1.into()), ("patchVersion", version.2.into())]
        }
        "plugin_registration" => {
            let PinAccount(name, password) = world.secsign.create_account();
            vec![("accountName", name.into()), ("password", password.into())]
        }
        "access_token_info" => {
            phones(world, &normalise(required(sent, "secsignid")?))?;
            vec![("authmethods", json!(["SecSignID"])), ("accessAllowedWithoutToken", true.into())]
        }
        "access_token" => {
            phones(world, &normalise(required(sent, "secsignid")?))?;
            vec![("tokenid", random::hex(2).into())]
        }
        _ => return Err(NOT_THERE),
    };
    Ok(Answer::new(200, Format::Json, members))
}

/// An answer whose one member stands in an object of its own, which is named as an ID.
fn within(id: &str, member: (&'static str, Value)) -> Answer {
    Answer { within: Some(id.to_owned()), ..Answer::new(200, Format::Json, vec![member]) }
}

/// The SecSign ID of a body. Where that has `enable`, the ID exists from then on, though on no phone.
fn enabled(world: &mut World, sent: &[(String, String)]) -> Result<String, Error> {
    let secsignid = normalise(required(sent, "secsignid")?);
    if call::find(sent, "enable") == Some("true") {
        world.secsign.insert_id(&secsignid);
    }
    Ok(secsignid)
}

/// On how many phones a SecSign ID is.
fn phones(world: &mut World, id: &str) -> Result<u32, Error> {
    let identity = world.secsign.identity(world.clock.now_ms(), id).ok_or(Refusal::UnknownId)?;
    Ok(identity.devices)
}

fn create(world: &mut World, query: &[(String, String)]) -> Result<Answer, Error> {
    let given = |key| call::find(query, key).filter(|text| !text.is_empty());
    let transaction = match (given("transactiontitle"), given("transactiondescr")) {
        (Some(title), Some(text)) => Some((title.to_owned(), text.to_owned())),
        (None, None) => None,
        _ => return Err(Error(400, "A transaction needs both a title and a description.")),
    };
    let secsignid = normalise(required(query, "secsignid")?);
    let new = NewSession {
        secsignid: secsignid.clone(),
        service_name: required(query, "servicename")?.to_owned(),
        service_address: required(query, "serviceaddress")?.to_owned(),
        with_pass: transaction.is_none() && call::find(query, "showaccesspassicons") != Some("false"),
        transaction,
    };
    let session = world.secsign.create(world.clock.now_ms(), new)?;
    let mut members = vec![("authsessionid", session.id.into()), ("secsignid", secsignid.as_str().into())];
    if let Some(pass) = &session.pass {
        members.push(("authsessionicondata", pass.image().into()));
    }
    let created = Some(Created::Session { secsignid, id: session.id });
    Ok(Answer { created, ..Answer::new(200, Format::Json, members) })
}

/// A link to the phone page of an ID, percent-encoded as the original's app links are, and its QR code. Nothing is put on a
/// phone by asking for it: the phone does that.
fn link(settings: &Settings, secsignid: &str, key: &'static str) -> Vec<(&'static str, Value)> {
    let page = format!("{}/phone/secsign/{}", settings.phone_url, utf8_percent_encode(secsignid, NON_ALPHANUMERIC));
    let encoded = utf8_percent_encode(&page, NON_ALPHANUMERIC).to_string();
    vec![(key, encoded.into()), ("qrcodebase64", qr::png_base64(&page).into())]
}

/// What a body says, whether JSON or form-encoded: the official clients send both.
fn sent(body: &[u8]) -> Vec<(String, String)> {
    let text = call::text(body);
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(members)) => members.into_iter().map(|(key, value)| (key, call::plain(&value))).collect(),
        _ => call::form_pairs(&text),
    }
}

fn required<'a>(pairs: &'a [(String, String)], key: &str) -> Result<&'a str, Error> {
    call::find(pairs, key).filter(|text| !text.trim().is_empty()).ok_or(Error(400, "A required parameter is missing."))
}

/// Every account is compared, so that the time tells none of them.
fn admitted(world: &World, settings: &Settings, request: &HttpRequest) -> bool {
    let Some(configured) = &settings.options.pin_account else { return true };
    let given = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_given = |PinAccount(user, password): &PinAccount| {
        let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        given.ct_eq(expected.as_bytes())
    };
    let accounts = world.secsign.accounts.iter().chain([configured]);
    accounts.fold(Choice::from(0), |found, account| found | is_given(account)).into()
}

/// HTTP status and message.
struct Error(u16, &'static str);

const NOT_THERE: Error = Error(404, "There is nothing at this address.");

impl Error {
    fn answer(self) -> Answer {
        Answer::new(self.0, Format::Json, vec![("error", self.0.into()), ("errormsg", self.1.into())])
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownId => Self(404, "A SecSign ID does not exist with that name."),
            Refusal::Frozen => Self(409, "The SecSign ID is frozen due to concurrent login requests."),
            Refusal::UnknownSession => Self(404, "The authentication session is unknown or no longer valid."),
            Refusal::Unsupported => Self(400, "The server does not support this method any longer."),
        }
    }
}

//! The SecSign form API: `POST /`, parameters form-encoded, answers as `key=value&key=value` in which **nothing** is
//! percent-encoded, errors with HTTP status 200.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use percent_encoding::percent_decode;
use serde_json::Value;

use crate::call::{self, Answer, Call, Created, Format, Provider};
use crate::options::Options;
use crate::secsign::{NewSession, PENDING, Refusal, Triple, normalise};
use crate::simulation::{Simulation, World};

/// Every parameter that an official client sends.
const KNOWN: &str = "request apimethod secsignid servicename serviceaddress pluginname showaccesspass timezone \
     authsessionid requestid";

pub(crate) async fn handle(simulation: Data<Simulation>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let parameters = Parameters::parse(&body);
    let operation = match parameters.get("request") {
        Some("ReqRequestAuthSession") => "create",
        Some("ReqGetAuthSessionState") => "state",
        Some("ReqCancelAuthSession") => "cancel",
        Some("ReqReleaseAuthSession") => "release",
        _ => "unknown",
    };
    let user = parameters.get("secsignid").map(normalise);
    let call = Call { user, ..Call::new(Provider::SecSign, operation, call::target(&request)) };
    let options = &simulation.settings.options;
    let work = |world: &mut World| respond(world, options, operation, &parameters).unwrap_or_else(Error::answer);
    super::answer(&simulation, &request, call, work).await
}

fn respond(world: &mut World, options: &Options, operation: &str, parameters: &Parameters) -> Result<Answer, Error> {
    if options.strict_parameters {
        parameters.check()?;
    }
    let now = world.clock.now_ms();
    match operation {
        "create" => create(world, options, parameters),
        "state" | "cancel" | "release" => {
            let triple = parameters.triple()?;
            let mut members = vec![("authsessionid", triple.id.into())];
            let state = match operation {
                "cancel" => world.secsign.cancel(now, &triple)?,
                "release" => world.secsign.release(now, &triple)?,
                _ => {
                    members.push(("secsignid", triple.secsignid.as_str().into()));
                    world.secsign.state(now, &triple)?
                }
            };
            members.push(("authsessionstate", state.into()));
            Ok(Answer::new(200, Format::Form, members))
        }
        _ => Err(Error::general("unknown request")),
    }
}

fn create(world: &mut World, options: &Options, parameters: &Parameters) -> Result<Answer, Error> {
    let text = |key: &'static str| {
        let value = parameters.required(key)?;
        Ok::<_, Error>(if options.strip_echo { value.replace('&', "") } else { value.to_owned() })
    };
    let new = NewSession {
        secsignid: parameters.secsignid()?,
        service_name: text("servicename")?,
        service_address: text("serviceaddress")?,
        with_pass: parameters.get("showaccesspass") != Some("false"),
        transaction: None,
    };
    let secsignid = new.secsignid.clone();
    let session = world.secsign.create(world.clock.now_ms(), new)?;
    let mut members = vec![
        ("authsessionid", session.id.into()),
        ("servicename", session.asked.service_name.into()),
        ("secsignid", secsignid.as_str().into()),
        ("authsessionstate", PENDING.into()),
        ("serviceaddress", session.asked.service_address.into()),
        ("requestid", session.request_id.into()),
    ];
    if let Some(pass) = &session.pass {
        members.push(("authsessionicondata", Value::from(pass.image())));
    }
    let created = Some(Created::Session { secsignid, id: session.id });
    Ok(Answer { created, ..Answer::new(200, Format::Form, members) })
}

struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a body as tolerantly as the clients write it: `+` or `%20` or a bare space, a trailing `&`, raw UTF-8.
    fn parse(body: &[u8]) -> Self {
        let text = |bytes: &[u8]| {
            let spaced: Vec<u8> = bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
            call::text(&percent_decode(&spaced).collect::<Vec<_>>())
        };
        let pair = |pair: &[u8]| {
            let (name, value) = pair.split_at(pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len()));
            (text(name), text(value.get(1..).unwrap_or_default()))
        };
        Self(body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(pair).collect())
    }

    fn get(&self, key: &str) -> Option<&str> {
        call::find(&self.0, key)
    }

    fn required(&self, key: &'static str) -> Result<&str, Error> {
        let value = self.get(key).filter(|value| !value.trim().is_empty());
        value.ok_or_else(|| Error::general(&format!("no value for parameter {key}")))
    }

    /// As the vendor's web application firewall does.
    fn check(&self) -> Result<(), Error> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !KNOWN.split(' ').any(|known| known == name) {
                return Err(Error::general("the request has an unknown parameter"));
            }
            if self.0.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(Error::general("the request has the same parameter twice"));
            }
        }
        self.required("apimethod").map(|_| ())
    }

    fn secsignid(&self) -> Result<String, Error> {
        let id = normalise(self.required("secsignid")?);
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '@' | '.' | '-');
        if id.chars().all(allowed) { Ok(id) } else { Err(Error::general("the SecSign ID has characters that are not allowed")) }
    }

    fn triple(&self) -> Result<Triple, Error> {
        let id = self.required("authsessionid")?.parse().map_err(|_| Error::general("the session id is not a number"))?;
        Ok(Triple { secsignid: self.secsignid()?, id, request_id: self.required("requestid")?.to_owned() })
    }
}

/// An error as the form API writes it: `error`, `errormsg` and `errorcode`.
struct Error(i64, String, i64);

impl Error {
    fn general(message: &str) -> Self {
        Self(500, message.to_owned(), 500)
    }

    fn answer(self) -> Answer {
        let members = vec![("error", self.0.into()), ("errormsg", self.1.into()), ("errorcode", self.2.into())];
        Answer::new(200, Format::Form, members)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let (error, message, code) = match refusal {
            Refusal::UnknownId => (500, "A SecSign ID does not exist with that name.", 20000),
            Refusal::Frozen => (
                500,
                "The SecSign ID is frozen due to concurrent login requests. Please reactivate it by tapping the ID in the app.",
                20006,
            ),
            Refusal::UnknownSession => (400, "The authentication session is unknown or no longer valid.", 400),
            Refusal::Unsupported => (500, "The server does not support this method any longer.", 500),
        };
        Self(error, message.to_owned(), code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(body: &str) -> Vec<(String, String)> {
        Parameters::parse(body.as_bytes()).0
    }

    #[test]
    fn the_ways_in_which_clients_encode_are_all_read() {
        let expected = [("a".to_owned(), "x y é & co".to_owned()), ("b".to_owned(), "=1".to_owned())];
        assert_eq!(pairs("a=x%20y%20%C3%A9%20%26%20co&b=%3D1"), expected);
        assert_eq!(pairs("a=x+y+%C3%A9+%26+co&b==1&"), expected);
        assert_eq!(pairs("&a=x y é %26 co&&b==1"), expected);
        assert_eq!(Parameters::parse(b"a=\xDF").0, [("a".to_owned(), "ß".to_owned())], "Latin-1 where it is not UTF-8");
    }

    #[test]
    fn unknown_and_repeated_parameters_are_refused_and_known_ones_are_not() {
        assert!(Parameters::parse(b"request=x&apimethod=y&secsignid=z").check().is_ok());
        assert!(Parameters::parse(b"request=x&apimethod=y&admin=1").check().is_err());
        assert!(Parameters::parse(b"request=x&apimethod=y&request=z").check().is_err());
        assert!(Parameters::parse(b"request=x").check().is_err(), "apimethod is required");
    }

    #[test]
    fn ids_are_normalised_and_their_characters_checked() {
        assert_eq!(Parameters::parse(b"secsignid=%20Zoidberg%20").secsignid().ok().as_deref(), Some("zoidberg"));
        assert!(Parameters::parse(b"secsignid=zoid/berg").secsignid().is_err());
        assert!(Parameters::parse(b"secsignid=").secsignid().is_err());
    }
}

//! Registering phones with ThumbSignIn, and the phones that it has of somebody (ThumbSignIn notes §2.1, §2.5).

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::flat_json::FlatObject;
use super::transaction::Kind;
use super::{NO_USER_AGENT, ThumbSignIn, refusal};
use crate::outbound::{Delivery, PhoneAnswer};
use crate::protocol::json::parse_value;
use crate::upstream::answer::printable;
use crate::upstream::registry::heard;
use crate::upstream::{BeginError, Enrolment, PhoneRegistry, Phones, RegisteredPhone, RegistryError};

/// More phones than anybody has.
const MAX_PHONES: usize = 100;
const MAX_ID: usize = 128;
const MAX_TEXT: usize = 100;

/// What no segment of a path holds as it is. `@` may stand there (RFC 3986 §3.3), and the official signers write it so.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

#[async_trait]
impl PhoneRegistry for ThumbSignIn {
    async fn enrol(&self, user: &str, user_agent: &str) -> Result<Enrolment, BeginError> {
        self.begin_transaction(Kind::Registration, Some(user), user_agent).await.map(Enrolment::Transaction)
    }

    async fn phones(&self, user: &str) -> Result<Phones, RegistryError> {
        let Some(person) = segment(user) else { return Ok(Phones::Nobody) };
        let answer = self.look(&format!("devices/{person}")).await?;
        match answer.status {
            200 => phones(&answer.body, user).map(Phones::Listed).map_err(RegistryError::Unusable),
            404 => Ok(Phones::Nobody),
            status => Err(RegistryError::Unusable(refusal(status))),
        }
    }

    async fn remove(&self, user: &str, phone: &str) -> Result<(), RegistryError> {
        let (Some(person), Some(device)) = (segment(user), segment(phone)) else { return Err(RegistryError::NoSuchPhone) };
        let answer = self.look(&format!("deregister/{person}/devices/{device}")).await?;
        match answer.status {
            200 => removed(&answer.body, user, phone).map_err(RegistryError::Unusable),
            404 => Err(RegistryError::NoSuchPhone),
            status => Err(RegistryError::Unusable(refusal(status))),
        }
    }
}

impl ThumbSignIn {
    async fn look(&self, path: &str) -> Result<PhoneAnswer, RegistryError> {
        let request = self.signed(path, &[], NO_USER_AGENT);
        let request = request.map_err(|unsigned| RegistryError::Unavailable(unsigned.to_owned()))?;
        heard(self.client.send(request, Delivery::Repeatable, self.limits.ask).await)
    }
}

/// An id as one segment of a path, out of which nothing leads; `None` for what no segment can say: nothing, and the two that
/// mean a place (RFC 3986 §5.2.4), however they are written.
fn segment(id: &str) -> Option<String> {
    (!matches!(id, "" | "." | "..")).then(|| utf8_percent_encode(id, ENCODED).to_string())
}

/// Reads a list of phones: an array, or an object that has one and is about `user`.
fn phones(body: &[u8], user: &str) -> Result<Vec<RegisteredPhone>, String> {
    let listed = match parse_value(body) {
        Some(Value::Object(mut answer)) => {
            if answer.get("userId").is_some_and(|named| !named.is_null() && named.as_str() != Some(user)) {
                return Err("the answer is about another person".to_owned());
            }
            answer.remove("devices")
        }
        other => other,
    };
    let Some(Value::Array(listed)) = listed else { return Err("the answer lists no phones".to_owned()) };
    if listed.len() > MAX_PHONES {
        return Err(format!("the answer lists more than {MAX_PHONES} phones"));
    }
    let read = |listed: &Value| listed.as_object().and_then(phone);
    listed.iter().map(read).collect::<Option<_>>().ok_or_else(|| "a phone has no usable id".to_owned())
}

fn phone(members: &Map<String, Value>) -> Option<RegisteredPhone> {
    // It is said again to remove the phone: exactly so, or not at all.
    let is_id = |id: &&str| (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    let id = members.get("deviceId").and_then(Value::as_str).filter(is_id)?.to_owned();
    let text = |name: &str| match members.get(name)? {
        Value::String(text) => Some(printable(text.trim(), MAX_TEXT)).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _unknown => None,
    };
    Some(RegisteredPhone {
        id,
        name: text("deviceName"),
        model: text("model"),
        registered_on: text("registeredOn"),
        last_used_on: text("lastUsedOn"),
    })
}

/// Whether the answer to a removal says that it was one, and belies nothing.
fn removed(body: &[u8], user: &str, phone: &str) -> Result<(), String> {
    let answer = FlatObject::parse(body)?;
    for (name, asked) in [("userId", user), ("deviceId", phone)] {
        if answer.text(name)?.is_some_and(|named| named != asked) {
            return Err("the answer is about another phone".to_owned());
        }
    }
    let is_success = matches!(answer.text("status")?, None | Some("SUCCESS" | "COMPLETED_SUCCESSFUL"));
    let has_reason = answer.text("failureReason")?.is_some_and(|reason| !reason.is_empty());
    if is_success && !has_reason { Ok(()) } else { Err("the answer says that the phone is still there".to_owned()) }
}

#[cfg(test)]
mod tests;

//! Faults in what an answer says.

use serde_json::Value;

use crate::call::{Answer, plain};
use crate::faults::Kind;
use crate::{random, secsign, thumbsignin};

/// Keys that carry the person's name, the id of a session, transaction or device, an image, a state.
const USERS: [&str; 2] = ["secsignid", "userId"];
const SESSIONS: [&str; 3] = ["authsessionid", "transactionId", "deviceId"];
const IMAGES: [&str; 3] = ["authsessionicondata", "qrImage", "qrcodebase64"];
const STATES: [&str; 2] = ["authsessionstate", "status"];
/// Keys on which a login depends, most decisive first.
const DECISIVE: [&str; 4] = ["authsessionstate", "status", "userId", "authsessionid"];
const GIF: &str = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/// The answer as the fault leaves it. A fault that is not about members leaves it alone.
pub(crate) fn change(kind: Kind, value: Option<&str>, mut answer: Answer) -> Answer {
    match kind {
        Kind::DuplicateKey => duplicate(value, &mut answer),
        Kind::PercentEncoded => answer.members.iter_mut().for_each(|(_, member)| encode(member)),
        Kind::NonPngIcon => replace(&mut answer, &IMAGES, |_| value.unwrap_or(GIF).into()),
        Kind::WrongUser => replace(&mut answer, &USERS, |_| value.unwrap_or("somebody-else").into()),
        Kind::WrongSession => replace(&mut answer, &SESSIONS, |old| match value {
            Some(new) => like(old, new),
            None => old.as_i64().map_or_else(|| random::hex(3).into(), |id| id.wrapping_add(1).into()),
        }),
        Kind::UnknownState => replace(&mut answer, &STATES, |old| match value {
            Some(new) => like(old, new),
            None if old.is_number() => 9.into(),
            None => "SOMETHING".into(),
        }),
        _ => {}
    }
    answer
}

pub(crate) fn say_approved(answer: &mut Answer) {
    replace(answer, &STATES, |old| if old.is_number() { secsign::AUTHENTICATED.into() } else { thumbsignin::SUCCESS.into() });
}

fn replace(answer: &mut Answer, keys: &[&str], new: impl Fn(&Value) -> Value) {
    for (_, member) in answer.members.iter_mut().filter(|(key, _)| keys.contains(key)) {
        *member = new(member);
    }
}

/// The new value as a number where the old one was a number and the new one can be.
fn like(old: &Value, new: &str) -> Value {
    if old.is_number() { new.parse::<i64>().map_or_else(|_| new.into(), Value::from) } else { new.into() }
}

/// Says the decisive key a second time, with the value that would change the outcome.
fn duplicate(value: Option<&str>, answer: &mut Answer) {
    let decisive = DECISIVE.iter().find_map(|key| answer.members.iter().find(|(name, _)| name == key));
    let Some((key, old)) = decisive.or(answer.members.first()).cloned() else { return };
    let other = match (value, key) {
        (Some(value), _) => like(&old, value),
        (None, "authsessionstate") if old == secsign::AUTHENTICATED => secsign::PENDING.into(),
        (None, "authsessionstate") => secsign::AUTHENTICATED.into(),
        (None, "status") if old == thumbsignin::SUCCESS => "PENDING".into(),
        (None, "status") => thumbsignin::SUCCESS.into(),
        (None, _) => otherwise(&old),
    };
    answer.members.push((key, other));
}

fn otherwise(value: &Value) -> Value {
    match value {
        Value::Bool(said) => (!said).into(),
        Value::Number(said) => said.as_i64().unwrap_or_default().wrapping_add(1).into(),
        _ => "somebody-else".into(),
    }
}

fn encode(member: &mut Value) {
    match member {
        Value::Array(items) => items.iter_mut().for_each(encode),
        Value::Object(members) => members.values_mut().for_each(encode),
        Value::Null => {}
        other => *other = plain(other).bytes().map(|byte| format!("%{byte:02X}")).collect::<String>().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Format;

    fn session() -> Answer {
        let members = vec![("authsessionid", (-7).into()), ("secsignid", "alice".into()), ("authsessionstate", 1.into())];
        Answer::new(200, Format::Form, members)
    }

    fn transaction() -> Answer {
        Answer::new(200, Format::Json, vec![("transactionId", "7e".into()), ("status", "PENDING".into())])
    }

    fn changed(kind: Kind, value: Option<&str>, answer: Answer) -> String {
        change(kind, value, answer).body()
    }

    #[test]
    fn an_answer_without_a_fault_is_left_alone() {
        assert_eq!(changed(Kind::SlowBody, None, session()), "authsessionid=-7&secsignid=alice&authsessionstate=1");
        assert_eq!(changed(Kind::SlowBody, None, transaction()), r#"{"transactionId":"7e","status":"PENDING"}"#);
    }

    #[test]
    fn a_duplicate_says_what_would_change_the_outcome() {
        assert!(changed(Kind::DuplicateKey, None, session()).ends_with("&authsessionstate=1&authsessionstate=3"));
        assert!(changed(Kind::DuplicateKey, Some("4"), session()).ends_with("&authsessionstate=1&authsessionstate=4"));
        assert_eq!(
            changed(Kind::DuplicateKey, None, transaction()),
            r#"{"transactionId":"7e","status":"PENDING","status":"COMPLETED_SUCCESSFUL"}"#
        );
    }

    #[test]
    fn a_duplicate_says_the_opposite_where_nothing_is_more_decisive() {
        let answer = |key, value| Answer::new(200, Format::Json, vec![(key, value)]);
        assert_eq!(changed(Kind::DuplicateKey, None, answer("exist", true.into())), r#"{"exist":true,"exist":false}"#);
        assert_eq!(changed(Kind::DuplicateKey, None, answer("count", 0.into())), r#"{"count":0,"count":1}"#);
        let within = Answer { within: Some("alice".to_owned()), ..answer("devices", Value::Null) };
        assert_eq!(changed(Kind::DuplicateKey, None, within), r#"{"alice":{"devices":null,"devices":"somebody-else"}}"#);
    }

    #[test]
    fn other_users_sessions_and_states_take_the_place_of_the_right_ones() {
        assert!(changed(Kind::WrongUser, None, session()).contains("secsignid=somebody-else"));
        assert!(changed(Kind::WrongUser, Some("bob"), session()).contains("secsignid=bob"));
        assert!(changed(Kind::WrongSession, None, session()).contains("authsessionid=-6"));
        assert!(!changed(Kind::WrongSession, None, transaction()).contains("\"7e\""));
        let removed = Answer::new(200, Format::Json, vec![("deviceId", "d1".into())]);
        assert!(!changed(Kind::WrongSession, None, removed).contains("\"d1\""));
        assert!(changed(Kind::UnknownState, None, session()).contains("authsessionstate=9"));
        assert!(changed(Kind::UnknownState, Some("03"), session()).contains("authsessionstate=3"));
        assert!(changed(Kind::UnknownState, None, transaction()).contains(r#""status":"SOMETHING""#));
    }

    #[test]
    fn every_byte_of_every_value_is_encoded() {
        assert_eq!(
            changed(Kind::PercentEncoded, None, session()),
            "authsessionid=%2D%37&secsignid=%61%6C%69%63%65&authsessionstate=%31"
        );
    }

    #[test]
    fn the_icon_is_no_png() {
        let answer = Answer::new(200, Format::Form, vec![("authsessionicondata", "iVBORw0KGgo=".into())]);
        assert!(changed(Kind::NonPngIcon, None, answer).starts_with("authsessionicondata=R0lGOD"));
    }
}

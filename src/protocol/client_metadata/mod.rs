//! What a relying party registers (RFC 7591 §2, OIDC Registration §2) and the switches of our own beside it.

mod members;
mod values;

use serde::Deserialize;
use serde_json::{Map, Value};

pub(crate) use members::{ClientMetadata, Kind, MEMBERS, Member};
pub(crate) use values::{
    AccessTokenFormat, ApplicationType, AuthMethod, ConsentPolicy, GrantType, IdTokenClaimsPolicy, SigningAlgorithm,
};

impl Member {
    /// What is wrong with `value` as this member; of a list, each item that is wrong by itself.
    pub(crate) fn problems(&self, value: &Value) -> Vec<String> {
        let problem = |value: Value, text: Option<&str>| {
            let error = understood(self.name, value).err()?;
            Some(match (text, self.kind) {
                (Some(text), Kind::Words | Kind::Texts | Kind::Url) => format!("`{text}`: {error}"),
                _other => error.to_string(),
            })
        };
        match value {
            Value::Array(items) => {
                items.iter().filter_map(|item| problem(Value::Array(vec![item.clone()]), item.as_str())).collect()
            }
            one => problem(one.clone(), one.as_str()).into_iter().collect(),
        }
    }
}

fn understood(name: &str, value: Value) -> Result<(), serde_json::Error> {
    ClientMetadata::deserialize(Value::Object(Map::from_iter([(name.to_owned(), value)]))).map(drop)
}

/// A stored member as this program can have it: of a list what it understands; of a choice whose word it does not know, the one
/// that gives away least; none of a member that it does not know.
fn cautiously(name: &str, value: Value) -> Option<Value> {
    let is_known = |value: &Value| understood(name, value.clone()).is_ok();
    let cautious = match value {
        known if is_known(&known) => known,
        Value::Array(items) => items.into_iter().filter(|item| is_known(&Value::Array(vec![item.clone()]))).collect(),
        _other => MEMBERS.iter().find(|member| member.name == name)?.cautious?.into(),
    };
    is_known(&cautious).then_some(cautious)
}

impl ClientMetadata {
    pub(crate) fn to_map(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            _never => Map::new(),
        }
    }

    /// What stands in the database, whichever program wrote it: members that this one does not know are passed over, words that
    /// it does not know are read in the most cautious way. Fails where the text is no JSON object.
    pub(crate) fn of_any_program(stored: &str) -> Result<Self, serde_json::Error> {
        if let Ok(known) = serde_json::from_str(stored) {
            return Ok(known);
        }
        let members: Map<String, Value> = serde_json::from_str(stored)?;
        let understood = members.into_iter().filter_map(|(name, value)| cautiously(&name, value).map(|value| (name, value)));
        serde_json::from_value(Value::Object(understood.collect()))
    }

    /// These metadata as they are written in place of what is `stored`: what this program does not understand stays as it is,
    /// unless the member was changed. Of a text that is no JSON object nothing stays.
    pub(crate) fn written_over(&self, stored: &str) -> Result<String, serde_json::Error> {
        let Ok(before) = serde_json::from_str::<Map<String, Value>>(stored) else { return serde_json::to_string(self) };
        let mut written = self.to_map();
        let unchanged = Self::of_any_program(stored)?.to_map();
        for (name, value) in before {
            if written.get(&name) == unchanged.get(&name) && understood(&name, value.clone()).is_err() {
                written.insert(name, value);
            }
        }
        serde_json::to_string(&written)
    }

    /// Whether the client cannot keep a secret (RFC 6749 §2.1).
    pub(crate) fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == AuthMethod::None
    }

    /// Whether its authorization requests must carry a code challenge (RFC 9700 §2.1.1).
    pub(crate) fn demands_pkce(&self) -> bool {
        self.is_public() || self.require_pkce
    }
}

//! Relying parties as they are registered here, and what is written about one, in the configuration file, in a command or in a
//! recipe.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client_rules::{self, Violation};
use super::clock::Timestamp;
use super::id::ClientId;
use super::named::parsed_enum;
use super::picture::Picture;
use super::secret::{Secret, SecretDigest};
use super::user::User;
use crate::protocol::client_metadata::{ApplicationType, ClientMetadata, Kind, MEMBERS, Member};

parsed_enum! {
    /// Who wrote a client or a person down: what the configuration file declares is read-only elsewhere.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Source {
        File = "file",
        Command = "command",
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub id: ClientId,
    pub metadata: ClientMetadata,
    pub secret: Option<SecretDigest>,
    pub source: Source,
    /// Whether it was switched off: nothing is issued to it, and what it has is dead.
    pub disabled: bool,
    pub created_at: Timestamp,
    /// The name of the file of its logo, where a command stored one.
    pub logo: Option<String>,
}

impl Client {
    /// The file of its logo in the database; one that the configuration file declares has its logo there.
    pub(crate) fn stored_logo(&self) -> Option<&str> {
        self.logo.as_deref().filter(|_name| self.source == Source::Command)
    }

    pub(crate) fn display_name(&self) -> &str {
        if self.metadata.client_name.is_empty() { self.id.as_str() } else { &self.metadata.client_name }
    }

    /// Whether this person may sign in to it.
    pub(crate) fn admits(&self, user: &User) -> bool {
        let allowed = &self.metadata.allowed_groups;
        allowed.is_empty() || user.groups.iter().any(|group| allowed.contains(group))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct DeclaredClient {
    pub id: ClientId,
    pub metadata: ClientMetadata,
    pub secret: Option<Secret>,
    pub logo: Option<Picture>,
}

/// Members of [`ClientMetadata`] by their names in RFC 7591 §2; `null` takes one away (RFC 7396).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientPatch(Map<String, Value>);

impl ClientPatch {
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// From what an operator wrote for each member, if anything, as they write it ([`Kind`]).
    pub(crate) fn of(written: impl Fn(&'static Member) -> Option<Value>) -> Self {
        let value_of = |member: &'static Member| match (member.kind, written(member)?) {
            (Kind::Scope, Value::Array(words)) => {
                Some(words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ").into())
            }
            (Kind::Url, Value::String(text)) if text.is_empty() => Some(Value::Null),
            (_, value) => Some(value),
        };
        Self(MEMBERS.iter().filter_map(|member| Some((member.name.to_owned(), value_of(member)?))).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    #[must_use]
    pub(crate) fn or(self, mut other: Self) -> Self {
        other.0.extend(self.0);
        other
    }

    /// `before` with what is written here; else every mistake and every rule that the result would break (RFC 7591 §2).
    pub(crate) fn apply(&self, before: &ClientMetadata, allow_private: bool) -> Result<ClientMetadata, Vec<Violation>> {
        let mut wrong = Vec::new();
        let mut after = before.to_map();
        for member in MEMBERS {
            match self.0.get(member.name) {
                None => {}
                Some(Value::Null) => drop(after.remove(member.name)),
                Some(value) => {
                    let problems = member.problems(value);
                    if problems.is_empty() {
                        after.insert(member.name.to_owned(), value.clone());
                    }
                    // With a mistake the old value stands, so that no rule is broken because of it.
                    wrong.extend(problems.into_iter().map(|message| Violation { member: member.name, message }));
                }
            }
        }
        let mut metadata = match serde_json::from_value::<ClientMetadata>(Value::Object(after)) {
            Ok(metadata) => metadata,
            Err(error) => {
                wrong.push(Violation { member: "client_metadata", message: error.to_string() });
                return Err(wrong);
            }
        };
        if before.redirect_uris.is_empty() && !self.0.contains_key("application_type") {
            metadata.application_type = presumed_type(&metadata);
        }
        let mut broken = client_rules::violations(&metadata, allow_private);
        // Of a member that has a mistake nothing else is said: "none is left" would only follow from it.
        broken.retain(|violation| wrong.iter().all(|mistake| mistake.member != violation.member));
        wrong.extend(broken);
        if wrong.is_empty() { Ok(metadata) } else { Err(wrong) }
    }
}

/// What a new client is that does not say so: native, when it is public and every redirect URI stays on the user's machine
/// (plain http is for loopback only) or belongs to an app (RFC 8252 §7).
fn presumed_type(metadata: &ClientMetadata) -> ApplicationType {
    let on_machine = metadata.redirect_uris.iter().all(|uri| !uri.as_str().starts_with("https:"));
    if metadata.is_public() && on_machine { ApplicationType::Native } else { ApplicationType::Web }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written() -> ClientPatch {
        ClientPatch::default().with("redirect_uris", json!(["https://app.example/cb"]))
    }

    fn created(patch: &ClientPatch) -> Result<ClientMetadata, Vec<Violation>> {
        patch.apply(&ClientMetadata::default(), false)
    }

    fn members(wrong: &[Violation]) -> Vec<&'static str> {
        wrong.iter().map(|violation| violation.member).collect()
    }

    #[test]
    fn what_is_not_written_stays_as_it_was() {
        let first = created(&written()).unwrap();
        let second =
            ClientPatch::default().with("client_name", "App").with("require_pkce", false).apply(&first, false).unwrap();
        assert_eq!(second, ClientMetadata { client_name: "App".into(), require_pkce: false, ..first });
    }

    #[test]
    fn a_logout_uri_and_origins_are_checked_kept_and_taken_away() {
        let uri = |text: &str| ClientPatch::of(|member| (member.name == "backchannel_logout_uri").then(|| text.into()));
        let first = created(&written()).unwrap();
        let second = uri("https://app.example/out").apply(&first, false).unwrap();
        assert_eq!(second.backchannel_logout_uri.as_ref().unwrap().as_str(), "https://app.example/out");
        assert_eq!(written().apply(&second, false).unwrap(), second);
        let wrong = uri("https://app.example/out#x").apply(&second, false).unwrap_err();
        assert_eq!(members(&wrong), ["backchannel_logout_uri"]);
        assert_eq!(uri("").apply(&second, false).unwrap(), first);
        let origins = |list: &[&str]| ClientPatch::default().with("cors_origins", json!(list)).apply(&first, false);
        assert_eq!(origins(&["https://spa.example", "http://localhost:3000"]).unwrap().cors_origins.len(), 2);
        let wrong = origins(&["*", "https://spa.example/"]).unwrap_err();
        assert_eq!(members(&wrong), ["cors_origins", "cors_origins"]);
    }

    #[test]
    fn a_new_public_client_on_the_machine_is_native() {
        let kind = |uri: &str, auth_method: &str| {
            let client = written().with("redirect_uris", json!([uri])).with("token_endpoint_auth_method", auth_method);
            created(&client).unwrap().application_type
        };
        assert_eq!(kind("http://127.0.0.1/cb", "none"), ApplicationType::Native);
        assert_eq!(kind("example.app:/cb", "none"), ApplicationType::Native);
        assert_eq!(kind("https://app.example/cb", "none"), ApplicationType::Web);
        assert_eq!(kind("http://127.0.0.1/cb", "client_secret_basic"), ApplicationType::Web);
    }

    #[test]
    fn a_mistake_is_told_once() {
        let bad = ClientPatch::default().with("redirect_uris", json!(["http://app.example/cb"]));
        assert_eq!(members(&created(&bad).unwrap_err()), ["redirect_uris"], "not that none is left as well");
    }

    #[test]
    fn every_mistake_is_reported() {
        let bad = ClientPatch::default()
            .with("redirect_uris", json!(["http://app.example/cb", "/cb", "https://app.example/cb"]))
            .with("grant_types", json!(["password"]))
            .with("scope", "openid telepathy");
        let wrong = bad.apply(&created(&written()).unwrap(), false).unwrap_err();
        assert_eq!(members(&wrong), ["redirect_uris", "redirect_uris", "grant_types", "scope"]);
    }
}

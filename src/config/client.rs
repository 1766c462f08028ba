//! `[[client]]`: relying parties that the file declares, with the members of `protocol::client_metadata`.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;
use toml::Table;

use super::key::{Key, Kind, Section, Shape};
use super::problem::Reader;
use crate::domain::client_patch::{ClientPatch, DeclaredClient};
use crate::domain::client_rules;
use crate::domain::id::ClientId;
use crate::domain::secret::Secret;
use crate::protocol::client_metadata::{self, ClientMetadata, MEMBERS, Member};

pub(super) const SECTION: Section = Section {
    name: "client",
    shape: Shape::List("id"),
    about: "A relying party, once for each. Declared ones are applied at each start and cannot be changed by commands.",
    keys: &keys(),
};

const ID: Key = Key::new("id", Kind::Text, "Its client id.").alias("client_id");
const SECRET: Key = Key::new(
    "secret",
    Kind::Secret,
    "Its secret: 32 random characters or more (`openssl rand -base64 32`). None for `auth_method` none.",
)
.alias("client_secret");

const fn keys() -> [Key; MEMBERS.len() + 2] {
    let mut keys = [ID; MEMBERS.len() + 2];
    let [_id, secret, places @ ..] = &mut keys;
    *secret = SECRET;
    let (mut places, mut members) = (places as &mut [Key], MEMBERS);
    while let ([place, next_places @ ..], [member, next_members @ ..]) = (places, members) {
        *place = key(member);
        (places, members) = (next_places, next_members);
    }
    keys
}

const fn key(member: &'static Member) -> Key {
    let kind = match &member.kind {
        client_metadata::Kind::Text | client_metadata::Kind::Url => Kind::Text,
        client_metadata::Kind::Words | client_metadata::Kind::Scope => Kind::Words,
        client_metadata::Kind::Switch => Kind::Switch,
        client_metadata::Kind::Choice(words) => Kind::Choice(words),
        client_metadata::Kind::Policy(words) => Kind::Choice(words),
    };
    Key { default: member.default, ..Key::new(member.key, kind, member.about).alias(member.name) }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Raw {
    id: Option<String>,
    secret: Option<String>,
    #[serde(flatten)]
    members: Table,
}

impl Raw {
    fn patch(&self) -> ClientPatch {
        let mut patch = ClientPatch::default();
        for member in MEMBERS {
            if let Some(Ok(written)) = self.members.get(member.key).map(serde_json::to_value) {
                patch.write(member, written);
            }
        }
        patch
    }
}

pub(super) fn read(raw: Vec<Raw>, allow_private: bool, reader: &mut Reader) -> Vec<DeclaredClient> {
    let mut ids = BTreeSet::new();
    let mut clients = Vec::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let id = raw.id.clone();
        if id.is_some_and(|id| !ids.insert(id)) {
            reader.report(&SECTION.path(index, "id"), "there is another client with this id");
        }
        clients.extend(read_one(raw, index, allow_private, reader));
    }
    clients
}

fn read_one(raw: Raw, index: usize, allow_private: bool, reader: &mut Reader) -> Option<DeclaredClient> {
    let path = |member: &str| SECTION.path(index, SECTION.key(member).map_or(member, |key| key.name));
    let patch = raw.patch();
    let id = reader.required(&path("id"), raw.id, "the client's id");
    let id = id.and_then(|id| reader.check(&path("id"), client_rules::check_id(&id).map(|()| ClientId::new(id))));
    let is_public = patch.get("token_endpoint_auth_method") == Some(&json!("none"));
    check_secret(raw.secret.as_deref(), is_public, &path("secret"), reader);
    let metadata = patch.apply(&ClientMetadata::default()).map_err(|wrong| {
        for violation in wrong {
            reader.report(&path(violation.member), violation.message);
        }
    });
    let metadata = metadata.ok()?;
    if let Err(violation) = client_rules::check_transport(&metadata, allow_private) {
        reader.report(&path(violation.member), violation.message);
        return None;
    }
    Some(DeclaredClient { id: id?, metadata, secret: raw.secret.map(Secret::new) })
}

/// A confidential client has a secret, a public one has none (RFC 6749 §2.1).
fn check_secret(secret: Option<&str>, is_public: bool, path: &str, reader: &mut Reader) {
    match secret {
        Some(_) if is_public => reader.report(path, "a public client (auth_method none) cannot keep a secret: leave it out"),
        Some(secret) if secret.len() < 8 || !secret.bytes().all(|byte| byte.is_ascii_graphic()) => {
            reader.report(path, "must have at least 8 characters (better 32), all of them printable ASCII without blanks");
        }
        None if !is_public => {
            reader.required::<()>(path, None, "the client's secret, or secret_file with the path of a file that holds it");
        }
        _fine => {}
    }
}

//! What the file declares: `[[client]]`, relying parties with the members of `protocol::client_metadata`, and `[[user]]`, people.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::json;
use toml::Table;

use super::brand::read_logo;
use super::document::Document;
use super::key::{Key, Kind, Section, Shape};
use crate::domain::brand::LARGEST_CLIENT_LOGO;
use crate::domain::client::{ClientPatch, DeclaredClient};
use crate::domain::client_rules::check_id;
use crate::domain::secret::Secret;
use crate::domain::written::{NewUser, WrittenUser};
use crate::protocol::client_metadata::{self, ClientMetadata, MEMBERS, Member};

pub(super) const CLIENTS: Section = Section {
    name: "client",
    shape: Shape::List("id"),
    about: "An app, once for each. Declared ones are applied at each start and cannot be changed by commands.",
    keys: &keys(),
};

const ID: Key = Key { alias: Some("client_id"), ..Key::new("id", Kind::Text, "Its client id.") };
const ABOUT_SECRET: &str = "Its secret: 32 random characters or more (`openssl rand -base64 32`). None for `auth_method` none.";
const SECRET: Key = Key { alias: Some("client_secret"), ..Key::new("secret", Kind::Secret, ABOUT_SECRET) };

const ABOUT_LOGO: &str = "Its logo, an SVG or PNG file of at most 32 KiB: the pages of a login show it beside the name.";
const LOGO: Key = Key::new("logo", Kind::Path, ABOUT_LOGO);

const fn keys() -> [Key; MEMBERS.len() + 3] {
    let mut keys = [ID; MEMBERS.len() + 3];
    let [_id, secret, logo, places @ ..] = &mut keys;
    *secret = SECRET;
    *logo = LOGO;
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
        client_metadata::Kind::Texts => Kind::Texts,
        client_metadata::Kind::Switch => Kind::Switch,
        client_metadata::Kind::Choice(words) => Kind::Choice(words),
        client_metadata::Kind::Policy(words) => Kind::Choice(words),
    };
    Key { default: member.default, alias: Some(member.name), ..Key::new(member.key, kind, member.about) }
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Raw {
    id: Option<String>,
    secret: Option<String>,
    logo: Option<String>,
    #[serde(flatten)]
    members: Table,
}

pub(super) fn clients(document: &mut Document, allow_private: bool) -> Option<Vec<DeclaredClient>> {
    let mut ids = BTreeSet::new();
    let mut clients = Vec::new();
    for (index, raw) in document.list::<Raw>(&CLIENTS)?.into_iter().enumerate() {
        let id = raw.id.clone();
        if id.is_some_and(|id| !ids.insert(id)) {
            document.report(&CLIENTS.path(index, "id"), "there is another client with this id");
        }
        clients.extend(client(raw, index, allow_private, document));
    }
    Some(clients)
}

fn client(raw: Raw, index: usize, allow_private: bool, document: &mut Document) -> Option<DeclaredClient> {
    let path = |member: &str| CLIENTS.path(index, CLIENTS.key(member).map_or(member, |key| key.name));
    let patch = ClientPatch::of(|member| serde_json::to_value(raw.members.get(member.key)?).ok());
    let id = document.required(&path("id"), raw.id, "the client's id");
    let id = id.and_then(|id| document.check(&path("id"), check_id(&id)));
    let is_public = patch.get("token_endpoint_auth_method") == Some(&json!("none"));
    check_secret(raw.secret.as_deref(), is_public, &path("secret"), document);
    let logo = raw.logo.map(|file| read_logo(&document.path(file), LARGEST_CLIENT_LOGO));
    let logo = logo.and_then(|read| document.check(&path("logo"), read));
    let metadata = patch.apply(&ClientMetadata::default(), allow_private).map_err(|wrong| {
        for violation in wrong {
            document.report(&path(violation.member), violation.message);
        }
    });
    Some(DeclaredClient { id: id?, metadata: metadata.ok()?, secret: raw.secret.map(Secret::new), logo })
}

/// A confidential client has a secret, a public one has none (RFC 6749 §2.1).
fn check_secret(secret: Option<&str>, is_public: bool, path: &str, document: &mut Document) {
    match secret {
        Some(_) if is_public => document.report(path, "a public client (auth_method none) cannot keep a secret: leave it out"),
        Some(secret) if secret.len() < 8 || !secret.bytes().all(|byte| byte.is_ascii_graphic()) => {
            document.report(path, "must have at least 8 characters (better 32), all of them printable ASCII without blanks");
        }
        None if !is_public => {
            document.required::<()>(path, None, "the client's secret, or secret_file with the path of a file that holds it");
        }
        _fine => {}
    }
}

const WITHOUT_SYMBOL: &str = "Whether a yes on the phone is enough for SecSign, with no symbol to pick: in browsers that the \
     person signed in from before, and where the app wants no more than the lowest `acr`.";

pub(super) const USERS: Section = Section {
    name: "user",
    shape: Shape::List("username"),
    about: "A person, once for each. Declared ones are applied at each start and cannot be changed by commands.",
    keys: &[
        Key::new("username", Kind::Text, "The unique name that the person types; `preferred_username`."),
        Key::new("email", Kind::Text, "The e-mail address; also accepted where the username is asked."),
        Key {
            default: Some("true"),
            ..Key::new("email_verified", Kind::Switch, "Whether you vouch for the address (`email_verified`).")
        },
        Key::new("name", Kind::Text, "The full name."),
        Key { default: Some("[]"), ..Key::new("groups", Kind::Texts, "The groups that apps are told.") },
        Key { default: Some("false"), ..Key::new("confirm_without_symbol", Kind::Switch, WITHOUT_SYMBOL) },
        Key::new("secsignid", Kind::Text, "The person's SecSign ID."),
        Key::new("thumbsignin_user_id", Kind::Text, "The id by which ThumbSignIn knows the person."),
    ],
};

pub(super) fn users(document: &mut Document) -> Option<Vec<NewUser>> {
    let mut users = Vec::new();
    let mut taken: BTreeMap<(&'static str, String), usize> = BTreeMap::new();
    for (index, written) in document.list::<WrittenUser>(&USERS)?.into_iter().enumerate() {
        match written.check() {
            Ok(user) => {
                claim_names(&user, index, &mut taken, document);
                users.push(user);
            }
            Err(wrong) => {
                for violation in wrong {
                    document.report(&USERS.path(index, violation.member), violation.message);
                }
            }
        }
    }
    Some(users)
}

/// A username and somebody else's e-mail address must differ as well: people type either into the same field.
fn claim_names(user: &NewUser, index: usize, taken: &mut BTreeMap<(&'static str, String), usize>, document: &mut Document) {
    let typed = |name: &String| ("typed", name.clone());
    let mut names = vec![("username", typed(&user.username))];
    names.extend(user.email.iter().filter(|email| **email != user.username).map(|email| ("email", typed(email))));
    for (upstream, name) in &user.devices {
        let key = if upstream.as_str() == "secsign" { "secsignid" } else { "thumbsignin_user_id" };
        names.push((key, (upstream.as_str(), name.clone())));
    }
    for (key, name) in names {
        if let Some(other) = taken.insert(name, index) {
            let message = format!("is the name of another person already ({})", USERS.path(other, "username"));
            document.report(&USERS.path(index, key), message);
        }
    }
}

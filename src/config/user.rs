//! `[[user]]`: people that the file declares.

use std::collections::BTreeMap;

use super::key::{Key, Kind, Section, Shape};
use super::problem::Reader;
use crate::domain::written::{NewUser, WrittenUser};

pub(super) const SECTION: Section = Section {
    name: "user",
    shape: Shape::List("username"),
    about: "A person, once for each. Declared ones are applied at each start and cannot be changed by commands.",
    keys: &[
        Key::new("username", Kind::Text, "The unique name that the person types; `preferred_username`."),
        Key::new("email", Kind::Text, "The e-mail address; also accepted where the username is asked."),
        Key::new("email_verified", Kind::Switch, "Whether you vouch for the address (`email_verified`).").default("true"),
        Key::new("name", Kind::Text, "The full name."),
        Key::new("groups", Kind::Texts, "The groups that relying parties are told.").default("[]"),
        Key::new("secsignid", Kind::Text, "The person's SecSign ID."),
        Key::new("thumbsignin_user_id", Kind::Text, "The id by which ThumbSignIn knows the person."),
    ],
};

pub(super) fn read(raw: Vec<WrittenUser>, reader: &mut Reader) -> Vec<NewUser> {
    let mut users = Vec::new();
    let mut taken: BTreeMap<(&'static str, String), usize> = BTreeMap::new();
    for (index, written) in raw.into_iter().enumerate() {
        match written.check() {
            Ok(user) => {
                claim_names(&user, index, &mut taken, reader);
                users.push(user);
            }
            Err(wrong) => {
                for violation in wrong {
                    reader.report(&SECTION.path(index, violation.member), violation.message);
                }
            }
        }
    }
    users
}

/// A username and somebody else's e-mail address must differ as well: people type either into the same field.
fn claim_names(user: &NewUser, index: usize, taken: &mut BTreeMap<(&'static str, String), usize>, reader: &mut Reader) {
    let typed = |name: &String| ("typed", name.clone());
    let mut names = vec![("username", typed(&user.username))];
    names.extend(user.email.iter().filter(|email| **email != user.username).map(|email| ("email", typed(email))));
    for (upstream, name) in &user.devices {
        let key = if upstream.as_str() == "secsign" { "secsignid" } else { "thumbsignin_user_id" };
        names.push((key, (upstream.as_str(), name.clone())));
    }
    for (key, name) in names {
        if let Some(other) = taken.insert(name, index) {
            let message = format!("is the name of another person already ({})", SECTION.path(other, "username"));
            reader.report(&SECTION.path(index, key), message);
        }
    }
}

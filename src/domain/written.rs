//! Users as an operator writes them, in the configuration file or in a command: plain texts, every member optional. Checking
//! them gives the values that exist here, or every mistake at once.

use serde::{Deserialize, Serialize};

use super::client_rules::Violation;
use super::names;
use super::user::Upstream;

/// What is written about a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WrittenUser {
    pub username: Option<String>,
    pub email: Option<String>,
    pub email_verified: Option<bool>,
    pub name: Option<String>,
    pub groups: Option<Vec<String>>,
    pub secsignid: Option<String>,
    pub thumbsignin_user_id: Option<String>,
}

/// A person to be added, in canonical spelling, with the phones to register at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewUser {
    pub username: String,
    pub email: Option<String>,
    /// Whether the operator vouches for it.
    pub email_verified: bool,
    /// The full name; empty when unknown.
    pub name: String,
    pub groups: Vec<String>,
    /// The names by which phone services know the person.
    pub devices: Vec<(Upstream, String)>,
}

impl WrittenUser {
    /// The person that is meant, or every name that cannot be one.
    pub(crate) fn check(self) -> Result<NewUser, Vec<Violation>> {
        let mut wrong = Vec::new();
        let username = self.username.ok_or_else(|| "missing: write the person's username".to_owned());
        let username = username.and_then(|written| names::username(&written).map_err(|error| error.to_string()));
        let username = good("username", username, &mut wrong);
        let email = self.email.and_then(|written| name_of("email", names::email(&written), &mut wrong));
        let name = self.name.and_then(|written| name_of("name", names::full_name(&written), &mut wrong));
        let groups = self.groups.unwrap_or_default();
        let mut groups: Vec<String> =
            groups.iter().filter_map(|written| name_of("groups", names::group(written), &mut wrong)).collect();
        groups.sort();
        groups.dedup();
        let registered = [
            ("secsignid", Upstream::SecSign, self.secsignid),
            ("thumbsignin_user_id", Upstream::ThumbSignIn, self.thumbsignin_user_id),
        ];
        let mut devices = Vec::new();
        for (member, upstream, written) in registered {
            let name = written.and_then(|written| name_of(member, names::upstream_user(upstream, &written), &mut wrong));
            devices.extend(name.map(|name| (upstream, name)));
        }
        let email_verified = email.is_some() && self.email_verified.unwrap_or(true);
        match username {
            Some(username) if wrong.is_empty() => {
                Ok(NewUser { username, email, email_verified, name: name.unwrap_or_default(), groups, devices })
            }
            _wrong => Err(wrong),
        }
    }
}

fn name_of(member: &'static str, name: Result<String, names::InvalidName>, wrong: &mut Vec<Violation>) -> Option<String> {
    good(member, name.map_err(|error| error.to_string()), wrong)
}

fn good<T>(member: &'static str, parsed: Result<T, String>, wrong: &mut Vec<Violation>) -> Option<T> {
    parsed.map_err(|message| wrong.push(Violation { member, message })).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_canonical_and_vouched_for_unless_written_otherwise() {
        let alice = WrittenUser {
            username: Some("Alice".into()),
            email: Some("Alice@Example.org".into()),
            groups: Some(vec!["b".into(), "a".into(), "b".into()]),
            secsignid: Some("ALICE".into()),
            ..WrittenUser::default()
        };
        let user = alice.clone().check().unwrap();
        assert_eq!((user.username.as_str(), user.email.as_deref()), ("alice", Some("alice@example.org")));
        assert_eq!((user.email_verified, user.groups), (true, vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(user.devices, [(Upstream::SecSign, "alice".to_owned())]);
        assert!(!WrittenUser { email_verified: Some(false), ..alice }.check().unwrap().email_verified);
        let wrong = WrittenUser { email: Some("x".into()), ..WrittenUser::default() }.check().unwrap_err();
        assert_eq!(wrong.iter().map(|violation| violation.member).collect::<Vec<_>>(), ["username", "email"]);
    }
}

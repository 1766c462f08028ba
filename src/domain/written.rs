//! Users as an operator writes them, in the configuration file or in a command: plain texts, every member optional.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::client_rules::Violation;
use super::names;
use super::user::Upstream;

// The comments are the help of `user create`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WrittenUser {
    /// The unique name that the person types
    #[arg(long, required = true)]
    pub username: Option<String>,
    /// The e-mail address; also accepted where the username is asked
    #[arg(long)]
    pub email: Option<String>,
    /// Whether you vouch for the address [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub email_verified: Option<bool>,
    /// The full name
    #[arg(long)]
    pub name: Option<String>,
    /// A group that relying parties are told; one each time, for its name may hold blanks
    #[arg(long = "group", alias = "groups", value_name = "GROUP")]
    pub groups: Option<Vec<String>>,
    /// The person's SecSign ID
    #[arg(long, value_name = "ID")]
    pub secsignid: Option<String>,
    /// The id by which ThumbSignIn knows the person
    #[arg(long, value_name = "ID")]
    pub thumbsignin_user_id: Option<String>,
}

/// In canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewUser {
    pub username: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: String,
    pub groups: Vec<String>,
    pub devices: Vec<(Upstream, String)>,
}

impl WrittenUser {
    /// Every mistake at once.
    pub(crate) fn check(self) -> Result<NewUser, Vec<Violation>> {
        let mut wrong = Vec::new();
        let username = self.username.ok_or("missing: write the person's username");
        let username = good("username", username.and_then(|written| names::username(&written)), &mut wrong);
        let email = self.email.and_then(|written| good("email", names::email(&written), &mut wrong));
        let name = self.name.and_then(|written| good("name", names::full_name(&written), &mut wrong));
        let groups = self.groups.unwrap_or_default();
        let mut groups: Vec<String> =
            groups.iter().filter_map(|written| good("groups", names::group(written), &mut wrong)).collect();
        groups.sort();
        groups.dedup();
        let registered = [
            ("secsignid", Upstream::SecSign, self.secsignid),
            ("thumbsignin_user_id", Upstream::ThumbSignIn, self.thumbsignin_user_id),
        ];
        let mut devices = Vec::new();
        for (member, upstream, written) in registered {
            let name = written.and_then(|written| good(member, names::upstream_user(upstream, &written), &mut wrong));
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

fn good(member: &'static str, name: Result<String, &'static str>, wrong: &mut Vec<Violation>) -> Option<String> {
    name.map_err(|message| wrong.push(Violation { member, message: message.to_owned() })).ok()
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

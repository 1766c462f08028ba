//! Users as an operator writes them, in the configuration file or in a command: plain texts, every member optional. Each name
//! has one canonical spelling (check 138).

use clap::Args;
use serde::{Deserialize, Serialize};

use super::client_rules::Violation;
use super::user::{Upstream, canonical_identifier};

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
        let written = self.username.ok_or("missing: write the person's username");
        let username = good("username", written.and_then(|written| username(&written)), &mut wrong);
        let email = self.email.and_then(|written| good("email", email(&written), &mut wrong));
        let name = self.name.and_then(|written| good("name", full_name(&written), &mut wrong));
        let groups = self.groups.unwrap_or_default();
        let mut groups: Vec<String> = groups.iter().filter_map(|written| good("groups", group(written), &mut wrong)).collect();
        groups.sort();
        groups.dedup();
        let registered = [
            ("secsignid", Upstream::SecSign, self.secsignid),
            ("thumbsignin_user_id", Upstream::ThumbSignIn, self.thumbsignin_user_id),
        ];
        let mut devices = Vec::new();
        for (member, upstream, written) in registered {
            let name = written.and_then(|written| good(member, upstream_user(upstream, &written), &mut wrong));
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

// Why a name is refused: what is allowed.
const USERNAME: &str = "a username is 1 to 254 printable ASCII characters without blanks; capitals count as small letters";
const EMAIL: &str = "an e-mail address looks like name@host.example, in ASCII and without blanks";
const GROUP: &str = "a group name is 1 to 255 characters without control characters, commas or blanks at its ends";
const FULL_NAME: &str = "a full name is at most 255 characters without control characters";
const LABEL: &str = "the name of a device is 1 to 100 characters without control characters";
const SECSIGN_ID: &str =
    "a SecSign ID is 1 to 254 characters of a-z, 0-9, `_`, `@`, `.` and `-`; capitals count as small letters";
const THUMBSIGNIN_ID: &str =
    "a ThumbSignIn user id is 1 to 254 characters of a-z, 0-9, `.`, `_` and `-`; capitals count as small letters";

fn username(written: &str) -> Result<String, &'static str> {
    canonical_identifier(written).ok_or(USERNAME)
}

fn email(written: &str) -> Result<String, &'static str> {
    let address = canonical_identifier(written).ok_or(EMAIL)?;
    match address.split_once('@') {
        Some((local, host)) if !local.is_empty() && !host.is_empty() && !host.contains('@') => Ok(address),
        _other => Err(EMAIL),
    }
}

/// As it is written: groups are compared exactly by relying parties.
pub(super) fn group(written: &str) -> Result<String, &'static str> {
    let fits = (1..=255).contains(&written.len()) && written.trim() == written;
    let harmless = !written.chars().any(|character| character.is_control() || character == ',');
    if fits && harmless { Ok(written.to_owned()) } else { Err(GROUP) }
}

fn full_name(written: &str) -> Result<String, &'static str> {
    let trimmed = written.trim();
    let harmless = trimmed.len() <= 255 && !trimmed.chars().any(char::is_control);
    if harmless { Ok(trimmed.to_owned()) } else { Err(FULL_NAME) }
}

/// What a device is called here: any text on one line.
pub(crate) fn device_label(written: &str) -> Result<String, &'static str> {
    let trimmed = written.trim();
    let fits = (1..=100).contains(&trimmed.chars().count()) && !trimmed.chars().any(char::is_control);
    if fits { Ok(trimmed.to_owned()) } else { Err(LABEL) }
}

/// A service's name for a person. Beyond these characters the services' own clients disagree on the encoding.
pub(crate) fn upstream_user(upstream: Upstream, written: &str) -> Result<String, &'static str> {
    let (extra, error) = match upstream {
        Upstream::SecSign => (b"_@.-".as_slice(), SECSIGN_ID),
        Upstream::ThumbSignIn => (b"._-".as_slice(), THUMBSIGNIN_ID),
    };
    let name = canonical_identifier(written).ok_or(error)?;
    let fits = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || extra.contains(&byte));
    if fits { Ok(name) } else { Err(error) }
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

    #[test]
    fn names_have_one_spelling() {
        assert_eq!(username(" Alice "), Ok("alice".to_owned()));
        assert_eq!(email("Alice@Example.ORG"), Ok("alice@example.org".to_owned()));
        assert_eq!(upstream_user(Upstream::SecSign, "Alice@Acme"), Ok("alice@acme".to_owned()));
        assert_eq!(upstream_user(Upstream::ThumbSignIn, "Alice.1"), Ok("alice.1".to_owned()));
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        assert_eq!(username("al ice"), Err(USERNAME));
        for bad in ["alice", "@example.org", "alice@", "a@b@c", "älice@example.org"] {
            assert_eq!(email(bad), Err(EMAIL), "{bad}");
        }
        for bad in ["", " admins", "a,b", "a\nb"] {
            assert_eq!(group(bad), Err(GROUP), "{bad:?}");
        }
        assert_eq!(group("Domain Users"), Ok("Domain Users".to_owned()));
        assert_eq!(upstream_user(Upstream::SecSign, "a&b=c"), Err(SECSIGN_ID));
        assert_eq!(upstream_user(Upstream::ThumbSignIn, "alice@acme"), Err(THUMBSIGNIN_ID));
    }

    #[test]
    fn letters_beyond_ascii_are_refused_with_a_sentence_that_says_so() {
        for name in ["jürgen", "юрий", "ａlice", "alice\u{301}"] {
            let refused = username(name).unwrap_err();
            assert!(refused.contains("printable ASCII"), "{name}: {refused}");
            let refused = email(&format!("{name}@example.org")).unwrap_err();
            assert!(refused.contains("in ASCII"), "{name}: {refused}");
        }
        assert_eq!(email("alice@b\u{fc}ro.example"), Err(EMAIL));
        assert_eq!(email("alice@xn--bro-hoa.example").as_deref(), Ok("alice@xn--bro-hoa.example"), "as DNS has it");
        assert_eq!(group("Büro Süd").as_deref(), Ok("Büro Süd"), "a group is what an app calls it");
    }

    #[test]
    fn lengths_end_where_the_sentences_say() {
        let a = |length| "a".repeat(length);
        assert!(username(&a(254)).is_ok() && username(&a(255)).is_err());
        assert!(email(&format!("{}@b", a(252))).is_ok() && email(&format!("{}@b", a(253))).is_err());
        assert!(group(&a(255)).is_ok() && group(&a(256)).is_err());
        assert!(full_name(&a(255)).is_ok() && full_name(&a(256)).is_err());
        for upstream in Upstream::ALL {
            assert!(upstream_user(upstream, &a(254)).is_ok() && upstream_user(upstream, &a(255)).is_err());
        }
    }

    #[test]
    fn a_full_name_is_any_text_on_one_line() {
        assert_eq!(full_name("  Zoë O'Hara, 三世 "), Ok("Zoë O'Hara, 三世".to_owned()));
        assert_eq!(full_name(""), Ok(String::new()));
        for bad in ["a\nb", "a\u{0}b", "a\u{1b}[2J"] {
            assert_eq!(full_name(bad), Err(FULL_NAME), "{bad:?}");
        }
    }

    #[test]
    fn a_device_is_called_by_any_text_on_one_line() {
        assert_eq!(device_label(" Zoë’s phone "), Ok("Zoë’s phone".to_owned()));
        assert!(device_label(&"ä".repeat(100)).is_ok());
        for bad in ["", "  ", "a\nb", &"a".repeat(101)] {
            assert_eq!(device_label(bad), Err(LABEL), "{bad:?}");
        }
    }

    #[test]
    fn each_service_has_characters_of_its_own() {
        for (character, secsign, thumbsignin) in [
            ('_', true, true),
            ('.', true, true),
            ('-', true, true),
            ('@', true, false),
            ('&', false, false),
            ('=', false, false),
            ('%', false, false),
            ('/', false, false),
            ('+', false, false),
        ] {
            let name = format!("a{character}b");
            assert_eq!(upstream_user(Upstream::SecSign, &name).is_ok(), secsign, "{name}");
            assert_eq!(upstream_user(Upstream::ThumbSignIn, &name).is_ok(), thumbsignin, "{name}");
        }
    }
}

//! Users as an operator writes them, in the configuration file or in a command: plain texts, every member optional. Each name
//! has one canonical spelling (check 138).

use clap::Args;
use serde::{Deserialize, Serialize};

use super::client::Source;
use super::client_rules::Violation;
use super::clock::Timestamp;
use super::id::UserId;
use super::user::{Upstream, User, canonical_identifier};

// The comments are the help of `user create`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WrittenUser {
    /// The unique name that the user types
    #[arg(long, required = true)]
    pub username: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub profile: WrittenProfile,
    /// The user's SecSign ID
    #[arg(long, value_name = "ID")]
    pub secsignid: Option<String>,
    /// The id by which ThumbSignIn knows the user
    #[arg(long, value_name = "ID")]
    pub thumbsignin_user_id: Option<String>,
}

// The comments are the help of `user create` and `user update`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WrittenProfile {
    /// The e-mail address; also accepted where the username is asked
    #[arg(long)]
    pub email: Option<String>,
    /// Whether you vouch for the address [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub email_verified: Option<bool>,
    /// The full name
    #[arg(long)]
    pub name: Option<String>,
    /// A group that clients are told; repeat the flag for several (a name may contain spaces)
    #[arg(long = "group", alias = "groups", value_name = "GROUP")]
    pub groups: Option<Vec<String>>,
    /// Whether a yes on the phone is enough, with no symbol to pick: in browsers that the user signed in from before, and
    /// where the app wants no more
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub confirm_without_symbol: Option<bool>,
}

/// In canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewUser {
    pub username: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub name: String,
    pub groups: Vec<String>,
    pub confirm_without_symbol: bool,
    pub devices: Vec<(Upstream, String)>,
}

impl WrittenUser {
    /// Every mistake at once.
    pub(crate) fn check(self) -> Result<NewUser, Vec<Violation>> {
        let mut wrong = Vec::new();
        let written = self.username.ok_or("missing: write the person's username");
        let username = good("username", written.and_then(|written| username(&written)), &mut wrong);
        let profile = self.profile.check(&mut wrong);
        let registered = [
            ("secsignid", Upstream::SecSign, self.secsignid),
            ("thumbsignin_user_id", Upstream::ThumbSignIn, self.thumbsignin_user_id),
        ];
        let mut devices = Vec::new();
        for (member, upstream, written) in registered {
            let name = written.and_then(|written| good(member, upstream_user(upstream, &written), &mut wrong));
            devices.extend(name.map(|name| (upstream, name)));
        }
        match username {
            Some(username) if wrong.is_empty() => Ok(NewUser {
                username,
                email_verified: profile.email.is_some() && profile.email_verified.unwrap_or(true),
                email: profile.email,
                name: profile.name.unwrap_or_default(),
                groups: profile.groups.unwrap_or_default(),
                confirm_without_symbol: profile.confirm_without_symbol.unwrap_or(false),
                devices,
            }),
            _wrong => Err(wrong),
        }
    }
}

impl NewUser {
    /// Without their phones.
    pub(crate) fn user(self, id: UserId, source: Source, now: Timestamp) -> User {
        User {
            id,
            username: self.username,
            email: self.email,
            email_verified: self.email_verified,
            name: self.name,
            groups: self.groups,
            confirm_without_symbol: self.confirm_without_symbol,
            locked: false,
            declined_at: None,
            strangers_until: None,
            source,
            created_at: now,
            updated_at: now,
        }
    }
}

impl WrittenProfile {
    /// In canonical spelling, as far as it can be.
    fn check(self, wrong: &mut Vec<Violation>) -> Self {
        let email = self.email.and_then(|written| good("email", email(&written), wrong));
        let name = self.name.and_then(|written| good("name", full_name(&written), wrong));
        let groups = self.groups.map(|written| {
            let mut groups: Vec<String> = written.iter().filter_map(|written| good("groups", group(written), wrong)).collect();
            groups.sort();
            groups.dedup();
            groups
        });
        Self { email, name, groups, ..self }
    }
}

/// What a command changes of a user: what was written. An empty text takes the address or all groups away.
#[derive(Clone, Debug)]
pub(crate) struct ProfileChange(WrittenProfile);

impl ProfileChange {
    /// Every mistake at once.
    pub(crate) fn of(mut written: WrittenProfile) -> Result<Self, Vec<Violation>> {
        let no_address = written.email.take_if(|email| email.is_empty());
        if let Some(groups) = &mut written.groups {
            groups.retain(|group| !group.is_empty());
        }
        let mut wrong = Vec::new();
        let checked = written.check(&mut wrong);
        if wrong.is_empty() { Ok(Self(WrittenProfile { email: checked.email.or(no_address), ..checked })) } else { Err(wrong) }
    }

    /// You vouch for an address that is new, unless you say otherwise.
    pub(crate) fn apply(&self, before: &User) -> User {
        let Self(written) = self;
        let email = written.email.clone().or_else(|| before.email.clone()).filter(|email| !email.is_empty());
        let vouched = written.email_verified.unwrap_or(before.email_verified || email != before.email);
        User {
            email_verified: email.is_some() && vouched,
            email,
            name: written.name.clone().unwrap_or_else(|| before.name.clone()),
            groups: written.groups.clone().unwrap_or_else(|| before.groups.clone()),
            confirm_without_symbol: written.confirm_without_symbol.unwrap_or(before.confirm_without_symbol),
            ..before.clone()
        }
    }
}

fn good(member: &'static str, name: Result<String, &'static str>, wrong: &mut Vec<Violation>) -> Option<String> {
    name.map_err(|message| wrong.push(Violation { member, message: message.to_owned() })).ok()
}

// Why a name is refused: what is allowed.
const USERNAME: &str = "a username is 1 to 254 printable ASCII characters, no spaces; case is ignored";
const EMAIL: &str = "an e-mail address looks like name@host.example, in ASCII, no spaces";
const GROUP: &str = "a group name is 1 to 255 characters without control characters, commas or spaces at its ends";
const FULL_NAME: &str = "a full name is at most 255 characters without control characters";
const LABEL: &str = "the name of a device is 1 to 100 characters without control characters";
const SECSIGN_ID: &str = "a SecSign ID is 1 to 254 characters of a-z, 0-9, `_`, `@`, `.` and `-`; case is ignored";
const THUMBSIGNIN_ID: &str = "a ThumbSignIn user id is 1 to 254 characters of a-z, 0-9, `.`, `_` and `-`; case is ignored";

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
            profile: WrittenProfile {
                email: Some("Alice@Example.org".into()),
                groups: Some(vec!["b".into(), "a".into(), "b".into()]),
                ..WrittenProfile::default()
            },
            secsignid: Some("ALICE".into()),
            ..WrittenUser::default()
        };
        let user = alice.clone().check().unwrap();
        assert_eq!((user.username.as_str(), user.email.as_deref()), ("alice", Some("alice@example.org")));
        assert_eq!((user.email_verified, user.groups.as_slice()), (true, ["a".to_owned(), "b".to_owned()].as_slice()));
        assert_eq!(user.devices, [(Upstream::SecSign, "alice".to_owned())]);
        assert!(!user.confirm_without_symbol);
        let profile =
            WrittenProfile { email_verified: Some(false), confirm_without_symbol: Some(true), ..alice.profile.clone() };
        let user = WrittenUser { profile, ..alice }.check().unwrap();
        assert!(!user.email_verified && user.confirm_without_symbol);
        let profile = WrittenProfile { email: Some("x".into()), ..WrittenProfile::default() };
        let wrong = WrittenUser { profile, ..WrittenUser::default() }.check().unwrap_err();
        assert_eq!(wrong.iter().map(|violation| violation.member).collect::<Vec<_>>(), ["username", "email"]);
    }

    #[test]
    fn a_change_is_what_was_written_and_an_empty_text_takes_away() {
        let before = WrittenUser {
            username: Some("alice".into()),
            profile: WrittenProfile {
                email: Some("a@example.org".into()),
                email_verified: Some(false),
                name: Some("Alice".into()),
                groups: Some(vec!["staff".into()]),
                confirm_without_symbol: Some(true),
            },
            ..WrittenUser::default()
        };
        let before = before.check().unwrap().user(UserId::new("u"), Source::Command, Timestamp::from_seconds(1));
        let changed = |profile| ProfileChange::of(profile).unwrap().apply(&before);
        assert_eq!(changed(WrittenProfile::default()), before);
        let same = WrittenProfile { email: Some("A@example.org".into()), ..WrittenProfile::default() };
        assert_eq!(changed(same), before, "an address that is not new is vouched for as before");
        let moved = changed(WrittenProfile { email: Some("B@example.org".into()), ..WrittenProfile::default() });
        assert_eq!(moved, User { email: Some("b@example.org".into()), email_verified: true, ..before.clone() });
        let empty = WrittenProfile {
            email: Some(String::new()),
            email_verified: Some(true),
            name: Some(String::new()),
            groups: Some(vec![String::new()]),
            confirm_without_symbol: Some(false),
        };
        let nothing = changed(empty);
        assert_eq!((nothing.email, nothing.email_verified, nothing.name.as_str()), (None, false, ""));
        assert!(nothing.groups.is_empty() && !nothing.confirm_without_symbol && nothing.username == "alice");
        let wrong = WrittenProfile { email: Some("x".into()), groups: Some(vec!["a,b".into()]), ..WrittenProfile::default() };
        let wrong = ProfileChange::of(wrong).unwrap_err();
        assert_eq!(wrong.iter().map(|violation| violation.member).collect::<Vec<_>>(), ["email", "groups"]);
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
        assert!(USERNAME.ends_with("no spaces; case is ignored") && username("Alice") == username("alice"));
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

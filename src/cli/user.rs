//! People and their browsers: `user` and `session`.

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::args::{ByName, OfPerson};
use super::device::device_to_json;
use super::output::{Listed, fields, table, utc};
use super::people::{self, IMPORT_EXAMPLES, ImportFlags};
use super::{CliError, Context};
use crate::domain::browser::BrowserSession;
use crate::domain::clock::Timestamp;
use crate::domain::id::SessionId;
use crate::domain::user::{Device, Upstream, User, warning_of_groups};
use crate::domain::written::{WrittenProfile, WrittenUser};
use crate::manage::users::{self, Person};
use crate::manage::{deletion, sessions};

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a user
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Box<WrittenUser>),
    /// List all users
    #[command(after_help = "Examples:\n  signbridge user list\n  signbridge user list --format json")]
    List,
    /// Show a user with their phones and last login
    #[command(after_help = "Example:\n  signbridge user show ada")]
    Show(ByName),
    /// Add users from a file
    ///
    /// A CSV file begins with a line of column names: username, email, email_verified, name, groups (separated by commas),
    /// confirm_without_symbol, secsignid, thumbsignin_user_id, locked; only username is needed. A JSON file is an array of
    /// objects with these members, or has an object a line. With one mistake in the file nobody is added.
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportFlags),
    /// Print all users as CSV, or with `--format json` as a JSON object a line: what `import` reads
    #[command(after_help = "Example:\n  signbridge user export > users.csv")]
    Export,
    /// Invite a user (not available yet)
    #[command(after_help = "Example:\n  signbridge user invite ada")]
    Invite(ByName),
    /// Change a user: what is given; groups replace the old ones, and an empty address, name or group takes them away
    #[command(after_help = UPDATE_EXAMPLES, mut_group("WrittenProfile", |group| group.required(true)))]
    Update {
        #[command(flatten)]
        which: ByName,
        #[command(flatten)]
        profile: Box<WrittenProfile>,
    },
    /// Lock a user: their sessions end at once and they cannot sign in
    #[command(after_help = "Example:\n  signbridge user lock ada")]
    Lock(ByName),
    /// Unlock a user: they can sign in again
    #[command(after_help = "Example:\n  signbridge user unlock ada")]
    Unlock(ByName),
    /// Delete a user for good: sessions end at once, and phones, consents and tokens go with them
    #[command(after_help = "Example:\n  signbridge user delete ada")]
    Delete(ByName),
    /// Reset the limits of a user: forget how often they were asked for, what they declined, and that they said it was not
    /// them. New browsers may ask their phone again
    #[command(after_help = "Example:\n  signbridge user reset-limits ada")]
    ResetLimits(ByName),
}

const CREATE_EXAMPLES: &str = "Examples:
  signbridge user create --username ada --email ada@example.com --name 'Ada Lovelace' --group staff --secsignid ada
  signbridge user create --username bob --thumbsignin-user-id bob";

const UPDATE_EXAMPLES: &str = "Examples:
  signbridge user update ada --email ada@example.org
  signbridge user update ada --group staff --group 'Billing Admins'
  signbridge user update ada --group=";

pub(super) async fn user(context: &Context, command: UserCommand) -> Result<(), CliError> {
    if let UserCommand::Invite(_) = command {
        let detail = "invitations are not available yet: add the person with `signbridge user create`";
        return Err(CliError::Refused(detail.to_owned()));
    }
    let makes = match &command {
        UserCommand::Create(_) => true,
        UserCommand::Import(flags) => flags.adds(),
        _other => false,
    };
    let opened = if makes { context.open_or_make().await? } else { context.open().await? };
    let manage = opened.manage();
    let person = match command {
        UserCommand::Import(flags) => return people::import(context, &opened, &flags).await,
        UserCommand::Export => return people::export(context, &opened).await,
        UserCommand::Delete(which) => {
            let user = deletion::delete(&manage, &which.into_name()).await?.user;
            let json = json!({ "sub": user.id.as_str(), "username": user.username, "deleted": true });
            return Ok(context.format.print(&json, || format!("{} was deleted", user.username))?);
        }
        UserCommand::List => return Ok(context.format.print_list(&users::list(&manage).await?)?),
        UserCommand::Create(fields) => {
            let person = looked_at(users::create(&manage, *fields).await?);
            if person.devices.is_empty() {
                warn("there is no phone to sign in with; `signbridge device add` adds one");
            }
            person
        }
        UserCommand::Update { which, profile } => looked_at(users::update(&manage, &which.into_name(), *profile).await?),
        UserCommand::Show(which) | UserCommand::Invite(which) => users::find(&manage, &which.into_name()).await?,
        UserCommand::Lock(which) => users::set_locked(&manage, &which.into_name(), true).await?,
        UserCommand::Unlock(which) => users::set_locked(&manage, &which.into_name(), false).await?,
        UserCommand::ResetLimits(which) => users::reset_limits(&manage, &which.into_name()).await?,
    };
    Ok(context.format.print(&person.json(), || person_text(&person))?)
}

fn person_text(person: &Person) -> String {
    let user = &person.user;
    let about = fields(&[
        ("sub", user.id.as_str().to_owned()),
        ("username", user.username.clone()),
        ("email", user.email.clone().unwrap_or_default()),
        ("email_verified", user.email_verified.to_string()),
        ("name", user.name.clone()),
        ("groups", user.groups.join(", ")),
        ("confirm_without_symbol", user.confirm_without_symbol.to_string()),
        ("locked", user.locked.to_string()),
        ("strangers_until", user.strangers_until.map(utc).unwrap_or_default()),
        ("from", user.source.as_str().to_owned()),
        ("created", utc(user.created_at)),
        ("last login", when(person.last_login())),
    ]);
    let phone = |device: &Device| {
        let service = device.upstream.display_name().to_owned();
        let (known_as, called) = (device.upstream_user.clone(), device.label.clone());
        vec![device.id.to_string(), service, known_as, called, when(device.last_used_at)]
    };
    let phones: Vec<Vec<String>> = person.devices.iter().map(phone).collect();
    let head = ["device", "service", "known as", "called", "last used"];
    format!("{about}\n{}", table(&head, &phones, "no device: this person cannot sign in"))
}

fn when(moment: Option<Timestamp>) -> String {
    moment.map_or_else(|| "never".to_owned(), utc)
}

fn looked_at(person: Person) -> Person {
    look_at(&person);
    person
}

/// Warns of what was saved and may be trouble.
pub(super) fn look_at(person: &Person) {
    if let Some(warning) = warning_of_groups(&person.user.username, &person.user.groups) {
        warn(&warning);
    }
}

fn warn(warning: &str) {
    tracing::warn!(warning, "the person was saved, but look at it");
}

fn upstream_name(person: &Person, upstream: Upstream) -> Option<&str> {
    person.devices.iter().find(|device| device.upstream == upstream).map(|device| device.upstream_user.as_str())
}

impl Listed for Person {
    const HEAD: &'static [&'static str] = &["username", "email", "groups", "phones", "last login", "sub", "state"];
    const NOTHING: &'static str = "there is nobody; add a person with `signbridge user create`";

    fn json(&self) -> Json {
        let user = &self.user;
        json!({
            "sub": user.id.as_str(),
            "username": user.username,
            "email": user.email,
            "email_verified": user.email_verified,
            "name": user.name,
            "groups": user.groups,
            "confirm_without_symbol": user.confirm_without_symbol,
            "locked": user.locked,
            "strangers_until": user.strangers_until.map(Timestamp::as_seconds),
            "secsignid": upstream_name(self, Upstream::SecSign),
            "thumbsignin_user_id": upstream_name(self, Upstream::ThumbSignIn),
            "devices": self.devices.iter().map(device_to_json).collect::<Vec<_>>(),
            "source": user.source.as_str(),
            "created_at": user.created_at.as_seconds(),
            "updated_at": user.updated_at.as_seconds(),
            "last_login_at": self.last_login().map(Timestamp::as_seconds),
        })
    }

    fn row(&self) -> Vec<String> {
        let user = &self.user;
        let state = if user.locked { "locked" } else { "" };
        let phones: Vec<&str> = self.devices.iter().map(|device| device.upstream.display_name()).collect();
        let email = user.email.clone().unwrap_or_default();
        let (sub, seen, state) = (user.id.to_string(), when(self.last_login()), state.to_owned());
        vec![user.username.clone(), email, user.groups.join(", "), phones.join(", "), seen, sub, state]
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum SessionCommand {
    /// List all sessions, or those of one user
    #[command(after_help = "Examples:\n  signbridge session list\n  signbridge session list ada")]
    List(OfPerson),
    /// End a session, or all sessions of one user
    #[command(after_help = SESSION_END_EXAMPLES)]
    End {
        /// The session id (sid), as `list` prints it
        #[arg(value_name = "ID", required_unless_present_any = ["id", "username"], conflicts_with_all = ["id", "username"])]
        positional: Option<String>,
        /// The session id as a flag
        #[arg(long, value_name = "ID", conflicts_with = "username")]
        id: Option<String>,
        /// All sessions of this user: the username, e-mail address or sub
        #[arg(long, alias = "user", value_name = "NAME")]
        username: Option<String>,
    },
}

const SESSION_END_EXAMPLES: &str = "Examples:
  signbridge session end 0197f3f2-6f5d-7c54-a0a2-6f0a3a1d2b11
  signbridge session end --username ada";

pub(super) async fn session(context: &Context, command: SessionCommand) -> Result<(), CliError> {
    let opened = context.open().await?;
    let manage = opened.manage();
    match command {
        SessionCommand::List(person) => Ok(context.format.print_list(&sessions::list(&manage, person.name()).await?)?),
        SessionCommand::End { positional, id, username } => {
            let ended = match username {
                Some(person) => sessions::end_all(&manage, &person).await?,
                None => {
                    let id = SessionId::new(positional.or(id).unwrap_or_default());
                    sessions::end(&manage, &id).await.map(|()| 1)?
                }
            };
            Ok(context.format.print(&json!({ "ended": ended }), || format!("sessions ended: {ended}"))?)
        }
    }
}

impl Listed for (User, BrowserSession) {
    const HEAD: &'static [&'static str] = &["sid", "username", "last seen", "address", "browser"];
    const NOTHING: &'static str = "nobody is signed in";

    fn json(&self) -> Json {
        let (user, session) = self;
        let authentication = &session.authentication;
        json!({
            "sid": session.id.as_str(),
            "sub": user.id.as_str(),
            "username": user.username,
            "acr": authentication.acr.as_str(),
            "auth_time": authentication.auth_time.as_seconds(),
            "device_id": authentication.device_id,
            "address": session.origin.address,
            "user_agent": session.origin.user_agent,
            "created_at": session.created_at.as_seconds(),
            "last_seen_at": session.last_seen_at.as_seconds(),
            "expires_at": session.expires_at.as_seconds(),
        })
    }

    fn row(&self) -> Vec<String> {
        let (user, session) = self;
        let (seen, origin) = (utc(session.last_seen_at), &session.origin);
        vec![session.id.to_string(), user.username.clone(), seen, origin.address.clone(), origin.user_agent.clone()]
    }
}

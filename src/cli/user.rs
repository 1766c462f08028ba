//! `user create|list|show|invite|lock|unlock|reset-limits`.

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::args::ByName;
use super::output::{Listed, fields, utc};
use super::{CliError, Context};
use crate::domain::user::{Device, Upstream, warning_of_groups};
use crate::domain::written::WrittenUser;
use crate::manage::users::{self, Person};

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add one
    Create(Box<WrittenUser>),
    /// All of them
    List,
    /// One of them
    Show(ByName),
    /// Invite one (not available yet)
    Invite(ByName),
    /// Lock one: their sessions end at once and they cannot sign in
    Lock(ByName),
    /// Let one sign in again
    Unlock(ByName),
    /// Forget how often one was asked for, and what they declined: new browsers may ask their phone again
    ResetLimits(ByName),
}

pub(super) async fn run(context: &Context, command: UserCommand) -> Result<(), CliError> {
    if let UserCommand::Invite(_) = command {
        let detail = "invitations are not available yet: add the person with `signbridge user create`";
        return Err(CliError::Refused(detail.to_owned()));
    }
    let opened = context.open().await?;
    let manage = opened.manage();
    let person = match command {
        UserCommand::List => return Ok(context.format.print_list(&users::list(&manage).await?)?),
        UserCommand::Create(fields) => {
            let person = users::create(&manage, *fields).await?;
            if let Some(warning) = warning_of_groups(&person.user.username, &person.user.groups) {
                tracing::warn!(warning, "the person was added, but look at it");
            }
            person
        }
        UserCommand::Show(which) | UserCommand::Invite(which) => users::find(&manage, &which.into_name()).await?,
        UserCommand::Lock(which) => users::set_locked(&manage, &which.into_name(), true).await?,
        UserCommand::Unlock(which) => users::set_locked(&manage, &which.into_name(), false).await?,
        UserCommand::ResetLimits(which) => users::reset_limits(&manage, &which.into_name()).await?,
    };
    print(context, &person)
}

fn upstream_name(person: &Person, upstream: Upstream) -> Option<&str> {
    person.devices.iter().find(|device| device.upstream == upstream).map(|device| device.upstream_user.as_str())
}

fn to_json(person: &Person) -> Json {
    let user = &person.user;
    json!({
        "sub": user.id.as_str(),
        "username": user.username,
        "email": user.email,
        "email_verified": user.email_verified,
        "name": user.name,
        "groups": user.groups,
        "locked": user.locked,
        "secsignid": upstream_name(person, Upstream::SecSign),
        "thumbsignin_user_id": upstream_name(person, Upstream::ThumbSignIn),
        "devices": person.devices.iter().map(device_to_json).collect::<Vec<_>>(),
        "source": user.source.as_str(),
        "created_at": user.created_at.as_seconds(),
        "updated_at": user.updated_at.as_seconds(),
    })
}

pub(super) fn device_to_json(device: &Device) -> Json {
    json!({
        "id": device.id.as_str(),
        "upstream": device.upstream.as_str(),
        "upstream_user": device.upstream_user,
        "label": device.label,
        "created_at": device.created_at.as_seconds(),
        "last_used_at": device.last_used_at.map(|moment| moment.as_seconds()),
    })
}

fn print(context: &Context, person: &Person) -> Result<(), CliError> {
    let text = || {
        let user = &person.user;
        let of = |upstream| upstream_name(person, upstream).unwrap_or_default().to_owned();
        fields(&[
            ("sub", user.id.as_str().to_owned()),
            ("username", user.username.clone()),
            ("email", user.email.clone().unwrap_or_default()),
            ("email_verified", user.email_verified.to_string()),
            ("name", user.name.clone()),
            ("groups", user.groups.join(", ")),
            ("locked", user.locked.to_string()),
            ("secsignid", of(Upstream::SecSign)),
            ("thumbsignin_user_id", of(Upstream::ThumbSignIn)),
            ("from", user.source.as_str().to_owned()),
            ("created", utc(user.created_at)),
        ])
    };
    Ok(context.format.print(&to_json(person), text)?)
}

impl Listed for Person {
    const HEAD: &'static [&'static str] = &["username", "email", "phones", "sub", "state"];
    const NOTHING: &'static str = "there is nobody; add a person with `signbridge user create`";

    fn json(&self) -> Json {
        to_json(self)
    }

    fn row(&self) -> Vec<String> {
        let user = &self.user;
        let state = if user.locked { "locked" } else { "" };
        let phones: Vec<&str> = self.devices.iter().map(|device| device.upstream.display_name()).collect();
        let email = user.email.clone().unwrap_or_default();
        vec![user.username.clone(), email, phones.join(", "), user.id.to_string(), state.to_owned()]
    }
}

//! Phones that users registered: `device`, here and with `--at-service` at their phone services too.

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::args::{ById, ByName, OfPerson};
use super::output::{Listed, fields, utc};
use super::trial::{secsign_id, thumbsignin_user};
use super::{CliError, Context, phones};
use crate::app::parts;
use crate::domain::client::Source;
use crate::domain::id::DeviceId;
use crate::domain::user::{Device, Upstream, User};
use crate::domain::written::device_label;
use crate::manage::at_service::{self, AtServiceError, Removed};
use crate::manage::devices;
use crate::telemetry;
use crate::upstream::Phones;

#[derive(Debug, Subcommand)]
pub(super) enum DeviceCommand {
    /// List all devices, or those of one user
    #[command(after_help = "Examples:\n  signbridge device list\n  signbridge device list ada --at-service")]
    List {
        #[command(flatten)]
        person: OfPerson,
        /// Also ask the phone services what they know of each device
        #[arg(long)]
        at_service: bool,
    },
    /// Add a device for a user, by the name that the phone service knows them by
    #[command(after_help = ADD_EXAMPLES)]
    Add {
        #[command(flatten)]
        person: ByName,
        /// The user's SecSign ID
        #[arg(long, value_name = "ID", value_parser = secsign_id, required_unless_present = "thumbsignin_user_id")]
        secsignid: Option<String>,
        /// The id by which ThumbSignIn knows the user
        #[arg(long, value_name = "ID", value_parser = thumbsignin_user, conflicts_with = "secsignid")]
        thumbsignin_user_id: Option<String>,
        /// What the device is called here [default: the service's name]
        #[arg(long, value_name = "TEXT", value_parser = device_label)]
        label: Option<String>,
    },
    /// Rename a device: change what it is called here
    #[command(after_help = "Example:\n  signbridge device rename 0197f3f2-6f5d-7c54-a0a2-6f0a3a1d2b11 \"Ada's new phone\"")]
    Rename {
        /// The device's id, as `list` prints it
        #[arg(value_name = "ID")]
        id: String,
        /// The device's name from now on
        #[arg(value_name = "LABEL", value_parser = device_label)]
        label: String,
    },
    /// Remove a device; the sessions and tokens that it approved end at once
    #[command(after_help = REMOVE_EXAMPLES)]
    Remove {
        #[command(flatten)]
        which: ById,
        /// Also remove the user's phones at the phone service
        #[arg(long)]
        at_service: bool,
    },
}

const REMOVE_EXAMPLES: &str = "Examples:
  signbridge device remove 0197f3f2-6f5d-7c54-a0a2-6f0a3a1d2b11
  signbridge device remove 0197f3f2-6f5d-7c54-a0a2-6f0a3a1d2b11 --at-service";

const ADD_EXAMPLES: &str = "Examples:
  signbridge device add ada --secsignid ada
  signbridge device add ada --thumbsignin-user-id ada-1 --label \"Ada's tablet\"";

pub(super) async fn run(context: &Context, command: DeviceCommand) -> Result<(), CliError> {
    let opened = context.open().await?;
    let manage = opened.manage();
    let upstreams = || parts::upstreams(&opened.config, &opened.env);
    match command {
        DeviceCommand::List { person, at_service: false } => {
            Ok(context.format.print_list(&devices::list(&manage, person.name()).await?)?)
        }
        DeviceCommand::List { person, at_service: true } => {
            let upstreams = upstreams()?;
            let registered = devices::list(&manage, person.name()).await?;
            let said = at_service::list(&upstreams, &registered).await;
            let asked = registered.into_iter().zip(said).map(|(registered, said)| Asked { registered, said });
            Ok(context.format.print_list(&asked.collect::<Vec<_>>())?)
        }
        DeviceCommand::Add { person, secsignid, thumbsignin_user_id, label } => {
            let name = match secsignid {
                Some(id) => (Upstream::SecSign, id),
                None => (Upstream::ThumbSignIn, thumbsignin_user_id.unwrap_or_default()),
            };
            print_one(context, &devices::add(&manage, &person.into_name(), name, label).await?)
        }
        DeviceCommand::Rename { id, label } => print_one(context, &devices::rename(&manage, &DeviceId::new(id), label).await?),
        DeviceCommand::Remove { which, at_service: there_too } => {
            let upstreams = there_too.then(upstreams).transpose()?;
            let (user, device) = devices::remove(&manage, &DeviceId::new(which.into_id())).await?;
            if user.source == Source::File {
                let note = "the configuration file declares this person: unless the device is removed there as well, it comes back \
                            at the next start";
                telemetry::say(&format!("signbridge: {note}"));
            }
            let there = match &upstreams {
                Some(upstreams) => Some(at_service::remove(upstreams, &device).await),
                None => None,
            };
            say_removed(context, &user, &device, there.as_ref())
        }
    }
}

fn print_one(context: &Context, registered: &(User, Device)) -> Result<(), CliError> {
    let (user, device) = registered;
    let text = || {
        fields(&[
            ("id", device.id.to_string()),
            ("username", user.username.clone()),
            ("service", device.upstream.display_name().to_owned()),
            ("known as", device.upstream_user.clone()),
            ("called", device.label.clone()),
        ])
    };
    Ok(context.format.print(&registered.json(), text)?)
}

/// `there`: what came of removing it at its service as well.
fn say_removed(
    context: &Context,
    user: &User,
    device: &Device,
    there: Option<&Result<Removed, AtServiceError>>,
) -> Result<(), CliError> {
    let service = device.upstream.display_name();
    let mut json = json!({ "id": device.id.as_str(), "removed": true });
    if let (Some(object), Some(there)) = (json.as_object_mut(), there) {
        object.insert("at_service".to_owned(), removed_json(there));
    }
    let text = || {
        let here = format!("{service} of {} was removed\n", user.username);
        match there {
            Some(Ok(removed)) => format!("{here}removed at {service}: {}\n", phones::with_names(&removed.gone)),
            Some(Err(_)) | None => here,
        }
    };
    context.format.print(&json, text)?;
    let left = match there {
        Some(Err(error)) => error.to_string(),
        Some(Ok(removed)) if !removed.kept.is_empty() => {
            let kept = removed.kept.iter().map(|(phone, error)| format!("{}: {error}", phones::name(phone)));
            kept.collect::<Vec<_>>().join("; ")
        }
        Some(Ok(_)) | None => return Ok(()),
    };
    Err(CliError::Refused(format!("it was removed here, but not everything at {service}: {left}")))
}

fn removed_json(there: &Result<Removed, AtServiceError>) -> Json {
    match there {
        Ok(Removed { gone, kept }) => {
            let kept =
                kept.iter().map(|(phone, error)| json!({ "phone": phones::phone_json(phone), "error": error.to_string() }));
            json!({ "removed": gone.iter().map(phones::phone_json).collect::<Vec<_>>(), "kept": kept.collect::<Vec<_>>() })
        }
        Err(error) => json!({ "error": error.to_string() }),
    }
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

impl Listed for (User, Device) {
    const HEAD: &'static [&'static str] = &["id", "username", "service", "known as", "called", "last used"];
    const NOTHING: &'static str = "there are no devices";

    fn json(&self) -> Json {
        let (user, device) = self;
        let mut json = device_to_json(device);
        if let Some(object) = json.as_object_mut() {
            object.insert("sub".to_owned(), json!(user.id));
            object.insert("username".to_owned(), json!(user.username));
        }
        json
    }

    fn row(&self) -> Vec<String> {
        let (user, device) = self;
        let used = device.last_used_at.map_or_else(|| "never".to_owned(), utc);
        let service = device.upstream.display_name().to_owned();
        vec![device.id.to_string(), user.username.clone(), service, device.upstream_user.clone(), device.label.clone(), used]
    }
}

/// A registration, and what its service says of it.
struct Asked {
    registered: (User, Device),
    said: Result<Phones, AtServiceError>,
}

impl Listed for Asked {
    const HEAD: &'static [&'static str] = &["id", "username", "service", "known as", "called", "last used", "at the service"];
    const NOTHING: &'static str = <(User, Device)>::NOTHING;

    fn json(&self) -> Json {
        let mut json = self.registered.json();
        let said = match &self.said {
            Ok(known) => phones::json(known),
            Err(error) => json!({ "error": error.to_string() }),
        };
        if let Some(object) = json.as_object_mut() {
            object.insert("at_service".to_owned(), said);
        }
        json
    }

    fn row(&self) -> Vec<String> {
        let said = self.said.as_ref().map_or_else(|error| format!("not known: {error}"), phones::sentence);
        self.registered.row().into_iter().chain([said]).collect()
    }
}

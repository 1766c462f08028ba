//! `device list|remove`.

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::args::{ById, OfPerson};
use super::output::{Listed, utc};
use super::user::device_to_json;
use super::{CliError, Context};
use crate::domain::id::DeviceId;
use crate::domain::user::{Device, User};
use crate::manage::devices;
use crate::telemetry;

#[derive(Debug, Subcommand)]
pub(super) enum DeviceCommand {
    /// All of them, or those of one person
    List(OfPerson),
    /// Remove one; the sessions and tokens that it approved end at once
    Remove(ById),
}

pub(super) async fn run(context: &Context, command: DeviceCommand) -> Result<(), CliError> {
    let opened = context.open().await?;
    let manage = opened.manage();
    match command {
        DeviceCommand::List(person) => Ok(context.format.print_list(&devices::list(&manage, person.name()).await?)?),
        DeviceCommand::Remove(which) => {
            let removed = devices::remove(&manage, &DeviceId::new(which.into_id())).await?;
            let (device, user) = (&removed.device, &removed.user);
            if removed.comes_back() {
                let note = "the configuration file declares this person: unless the device is removed there as well, it comes back \
                            at the next start";
                telemetry::say(&format!("signbridge: {note}"));
            }
            let text = || format!("{} of {} was removed", device.upstream.display_name(), user.username);
            Ok(context.format.print(&json!({ "id": device.id.as_str(), "removed": true }), text)?)
        }
    }
}

impl Listed for (User, Device) {
    const HEAD: &'static [&'static str] = &["id", "username", "service", "known as", "last used"];
    const NOTHING: &'static str = "there are no devices";

    fn json(&self) -> Json {
        let (user, device) = self;
        let mut json = device_to_json(device);
        if let Some(object) = json.as_object_mut() {
            object.insert("sub".to_owned(), json!(user.id.as_str()));
            object.insert("username".to_owned(), json!(user.username));
        }
        json
    }

    fn row(&self) -> Vec<String> {
        let (user, device) = self;
        let used = device.last_used_at.map_or_else(|| "never".to_owned(), utc);
        let service = device.upstream.display_name().to_owned();
        vec![device.id.to_string(), user.username.clone(), service, device.upstream_user.clone(), used]
    }
}

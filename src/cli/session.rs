//! `session list|end`.

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::args::OfPerson;
use super::output::{Listed, utc};
use super::{CliError, Context};
use crate::domain::browser::BrowserSession;
use crate::domain::id::SessionId;
use crate::domain::user::User;
use crate::manage::sessions;

#[derive(Debug, Subcommand)]
pub(super) enum SessionCommand {
    /// All that are alive, or those of one person
    List(OfPerson),
    /// End one, or all of one person
    End {
        /// Which one (its sid)
        #[arg(value_name = "ID", required_unless_present_any = ["id", "username"], conflicts_with_all = ["id", "username"])]
        positional: Option<String>,
        /// The same as a flag
        #[arg(long, value_name = "ID", conflicts_with = "username")]
        id: Option<String>,
        /// All sessions of this person: the username, e-mail address or sub
        #[arg(long, alias = "user", value_name = "NAME")]
        username: Option<String>,
    },
}

pub(super) async fn run(context: &Context, command: SessionCommand) -> Result<(), CliError> {
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
            "device_id": authentication.device_id.as_ref().map(|device| device.as_str()),
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

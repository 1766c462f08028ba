//! `signbridge try`: one request to a phone service as a login makes it, without a database and without the server. It is shown
//! here, asked about and withdrawn, so that an operator sees service, account and phone work together before anybody signs in.

mod drawing;
mod picture;
mod request;
mod screen;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CliError, Context, phones};
use crate::app::parts;
use crate::domain::env::Env;
use crate::domain::user::Upstream;
use crate::domain::written::upstream_user;
use crate::manage::at_service::{self, AtServiceError};
use crate::telemetry::COMMAND_FILTER;
use request::Trial;
use screen::Screen;

pub(super) const EXAMPLES: &str = "Examples:
  signbridge try secsign ada
  signbridge try thumbsignin --cancel";

#[derive(Debug, Subcommand)]
pub(super) enum TryCommand {
    /// Ask the phone of a SecSign ID, show the access pass and wait for the answer
    #[command(after_help = SECSIGN_EXAMPLES)]
    Secsign {
        /// The SecSign ID
        #[arg(value_name = "ID", value_parser = secsign_id)]
        user: String,
        #[command(flatten)]
        flags: TryFlags,
        /// Show the code by which the app makes this ID on a phone, and wait until there is one
        #[arg(long, conflicts_with = "cancel")]
        enrol: bool,
        /// Only say what the service knows of this ID's phones
        #[arg(long, conflicts_with_all = ["picture", "cancel", "enrol"])]
        phones: bool,
    },
    /// Show a QR code of ThumbSignIn and wait for the phone
    #[command(after_help = THUMBSIGNIN_EXAMPLES)]
    Thumbsignin {
        /// Whose phone is asked, by ThumbSignIn's name for them [default: whoever scans the code]
        #[arg(value_name = "USER", value_parser = thumbsignin_user)]
        user: Option<String>,
        #[command(flatten)]
        flags: TryFlags,
        /// Register a phone for USER
        #[arg(long, requires = "user")]
        register: bool,
        /// Only say what the service knows of USER's phones
        #[arg(long, requires = "user", conflicts_with_all = ["picture", "cancel", "register"])]
        phones: bool,
    },
}

const SECSIGN_EXAMPLES: &str = "Examples:
  signbridge try secsign ada
  signbridge try secsign ada --enrol
  signbridge try secsign ada --phones";

const THUMBSIGNIN_EXAMPLES: &str = "Examples:
  signbridge try thumbsignin
  signbridge try thumbsignin ada --register
  signbridge try thumbsignin ada --picture code.png";

#[derive(Debug, Args)]
pub(super) struct TryFlags {
    /// Write the picture into this new file (mode 0600) [default: signbridge-try.png where it cannot be drawn here]
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Withdraw the request as soon as it was shown
    #[arg(long)]
    cancel: bool,
}

pub(super) fn secsign_id(text: &str) -> Result<String, &'static str> {
    upstream_user(Upstream::SecSign, text)
}

pub(super) fn thumbsignin_user(text: &str) -> Result<String, &'static str> {
    upstream_user(Upstream::ThumbSignIn, text)
}

pub(super) async fn run(context: &Context, command: TryCommand) -> Result<(), CliError> {
    let (upstream, user, flags, enrol, only_phones) = match command {
        TryCommand::Secsign { user, flags, enrol, phones } => (Upstream::SecSign, Some(user), flags, enrol, phones),
        TryCommand::Thumbsignin { user, flags, register, phones } => (Upstream::ThumbSignIn, user, flags, register, phones),
    };
    let config = context.config()?;
    context.log(config.log.format, COMMAND_FILTER)?;
    let service = parts::upstream(&config, &Env::system(), upstream)?.ok_or(AtServiceError::Unconfigured(upstream))?;
    let service = service.as_ref();
    if only_phones {
        let registry = at_service::registry(service, upstream)?;
        let known = registry.phones(user.as_deref().unwrap_or_default()).await.map_err(AtServiceError::from)?;
        return Ok(context.format.print(&phones::json(&known), || phones::table(&known))?);
    }
    let trial = Trial {
        service,
        registry: if enrol { Some(at_service::registry(service, upstream)?) } else { None },
        user,
        host: config.issuer.host().to_owned(),
        lifetime: config.lifetimes.login,
        cancel: flags.cancel,
    };
    // Its file is made before a phone is asked: without it that would be in vain.
    let mut screen = Screen::new(context.format, flags.picture)?;
    trial.run(&mut screen).await
}

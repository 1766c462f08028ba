//! `client create|list|show|check|update|delete|rotate-secret`.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::{Map, Value as Json, json};

use super::args::ById;
use super::client_check as check;
use super::output::{Listed, fields};
use super::recipe::{self, RecipeFlags};
use super::{CliError, Context, Opened};
use crate::config::read_logo;
use crate::domain::brand::LARGEST_CLIENT_LOGO;
use crate::domain::client::{Client, ClientPatch};
use crate::domain::client_rules::Violation;
use crate::domain::id::ClientId;
use crate::domain::picture::Picture;
use crate::manage::clients::{self, Change, Issued};
use crate::manage::{Manage, ManageError};
use crate::store::refusals;

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Add a client and print its secret, which cannot be read again
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// The client id [default: a new one; with a recipe, its name]
        #[arg(long, value_name = "ID")]
        id: Option<String>,
        #[command(flatten)]
        fields: Box<ClientPatch>,
        #[command(flatten)]
        logo: LogoFlag,
        #[command(flatten)]
        recipe: Box<RecipeFlags>,
    },
    /// List all clients
    #[command(after_help = "Examples:\n  signbridge client list\n  signbridge client list --format json")]
    List,
    /// Show a client
    #[command(after_help = "Example:\n  signbridge client show grafana")]
    Show(ById),
    /// Show what is registered for a client, and its latest refused requests: what came, and what was expected
    #[command(after_help = "Example:\n  signbridge client check grafana --last 3")]
    Check {
        #[command(flatten)]
        which: ById,
        /// How many requests: 1 to 20
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(i64).range(1..=refusals::MOST))]
        last: i64,
    },
    /// Change a client: what is given; a list replaces the old one
    #[command(after_help = UPDATE_EXAMPLES)]
    Update {
        #[command(flatten)]
        which: ById,
        #[command(flatten)]
        fields: Box<ClientPatch>,
        #[command(flatten)]
        logo: LogoFlag,
        /// Switch the client off: nothing is issued to it, and its tokens stop working immediately
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        disabled: Option<bool>,
    },
    /// Delete a client with everything that was issued to it
    #[command(after_help = "Example:\n  signbridge client delete grafana")]
    Delete(ById),
    /// Generate a new client secret; the old one stops working immediately
    #[command(after_help = "Example:\n  signbridge client rotate-secret grafana")]
    RotateSecret(ById),
}

const CREATE_EXAMPLES: &str = "Examples:
  signbridge client create --name Wiki --redirect-uri https://wiki.example.com/callback
  signbridge client create --id cli --auth-method none --redirect-uri http://127.0.0.1/callback
  signbridge client create --recipe grafana --url https://grafana.example.com";

const UPDATE_EXAMPLES: &str = "Examples:
  signbridge client update wiki --redirect-uri \"https://wiki.example.com/callback https://wiki.example.org/callback\"
  signbridge client update wiki --allowed-group staff
  signbridge client update wiki --disabled";

/// What `client create` is to make.
pub(super) struct NewClient {
    pub(super) id: Option<String>,
    pub(super) written: ClientPatch,
    pub(super) logo: Option<LogoChange>,
}

#[derive(Debug, Default, Args)]
pub(super) struct LogoFlag {
    /// The logo for the pages of a login, an SVG or PNG file of at most 32 KiB; an empty text takes it away
    #[arg(long, value_name = "FILE")]
    logo: Option<String>,
}

pub(super) enum LogoChange {
    To(Picture),
    Away,
}

impl LogoFlag {
    /// What was written, if anything. Read before anything is changed.
    fn read(&self) -> Result<Option<LogoChange>, ManageError> {
        let wrong = |message| ManageError::Invalid(vec![Violation { member: "logo", message }]);
        let read = |file: &str| read_logo(Path::new(file), LARGEST_CLIENT_LOGO).map(LogoChange::To).map_err(wrong);
        self.logo.as_deref().map(|file| if file.is_empty() { Ok(LogoChange::Away) } else { read(file) }).transpose()
    }
}

/// The client as it is with the logo that was written, if any.
pub(super) async fn with_logo(manage: &Manage<'_>, issued: Issued, logo: Option<LogoChange>) -> Result<Issued, ManageError> {
    let logo = match logo {
        None => return Ok(issued),
        Some(LogoChange::To(logo)) => Some(logo),
        Some(LogoChange::Away) => None,
    };
    let client = clients::set_logo(manage, &issued.client.id, logo).await?;
    Ok(Issued { client, ..issued })
}

pub(super) async fn run(context: &Context, command: ClientCommand) -> Result<(), CliError> {
    let makes = matches!(command, ClientCommand::Create { .. });
    let opened = if makes { context.open_or_make().await? } else { context.open().await? };
    let manage = opened.manage();
    let id = |which: ById| ClientId::new(which.into_id());
    match command {
        ClientCommand::Create { id, fields, logo, recipe } => {
            let new = NewClient { id, written: *fields, logo: logo.read()? };
            recipe::create(context, &opened, new, &recipe).await
        }
        ClientCommand::List => Ok(context.format.print_list(&clients::list(&manage).await?)?),
        ClientCommand::Show(which) => {
            let client = clients::find(&manage, &id(which)).await?;
            print(context, &opened, &Issued { client, secret: None })
        }
        ClientCommand::Check { which, last } => check::run(context, &manage, &id(which), last).await,
        ClientCommand::Update { which, fields, logo, disabled } => {
            let logo = logo.read()?;
            let issued = clients::change(&manage, &id(which), Change::Update(*fields, disabled)).await?;
            print(context, &opened, &with_logo(&manage, issued, logo).await?)
        }
        ClientCommand::Delete(which) => {
            let client = clients::change(&manage, &id(which), Change::Delete).await?.client;
            let json = json!({ "client_id": client.id.as_str(), "deleted": true });
            Ok(context.format.print(&json, || format!("client {} was deleted", client.id))?)
        }
        ClientCommand::RotateSecret(which) => {
            print(context, &opened, &clients::change(&manage, &id(which), Change::Rotate).await?)
        }
    }
}

/// The client as RFC 7591 §3.2.1 answers a registration, with the switches of our own beside it.
fn to_json(client: &Client) -> Map<String, Json> {
    let mut object = client.metadata.to_map();
    object.insert("client_id".to_owned(), json!(client.id.as_str()));
    object.insert("client_id_issued_at".to_owned(), json!(client.created_at.as_seconds()));
    object.insert("disabled".to_owned(), json!(client.disabled));
    object.insert("source".to_owned(), json!(client.source.as_str()));
    if let Some(logo) = client.stored_logo() {
        object.insert("logo".to_owned(), json!(logo));
    }
    object
}

pub(super) fn issued_json(issued: &Issued) -> Map<String, Json> {
    let mut object = to_json(&issued.client);
    if let Some(secret) = &issued.secret {
        object.insert("client_secret".to_owned(), json!(secret.expose()));
        // It does not expire (RFC 7591 §3.2.1).
        object.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    object
}

pub(super) fn issued_text(opened: &Opened, issued: &Issued) -> String {
    let Issued { client, secret } = issued;
    let mut rows = vec![
        ("issuer", opened.config.issuer.text().to_owned()),
        ("client_id", client.id.as_str().to_owned()),
        ("client_secret", secret.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default()),
    ];
    let rest = to_json(client);
    let rest =
        rest.iter().filter(|(name, _)| name.as_str() != "client_id").map(|(name, value)| (name.as_str(), written(value)));
    rows.extend(rest);
    let note = if secret.is_some() { "\nKeep the secret now: it cannot be read again.\n" } else { "" };
    format!("{}{note}", fields(&rows))
}

pub(super) fn print(context: &Context, opened: &Opened, issued: &Issued) -> Result<(), CliError> {
    Ok(context.format.print(&Json::Object(issued_json(issued)), || issued_text(opened, issued))?)
}

fn written(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(written).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

impl Listed for Client {
    const HEAD: &'static [&'static str] = &["id", "name", "auth method", "from", "state"];
    const NOTHING: &'static str = "there are no clients; add one with `signbridge client create`";

    fn json(&self) -> Json {
        Json::Object(to_json(self))
    }

    fn row(&self) -> Vec<String> {
        let method = written(&json!(self.metadata.token_endpoint_auth_method));
        let state = if self.disabled { "disabled" } else { "" };
        vec![self.id.to_string(), self.metadata.client_name.clone(), method, self.source.as_str().to_owned(), state.to_owned()]
    }
}

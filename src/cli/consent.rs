//! `consent list|revoke`.

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::args::OfPerson;
use super::output::{Listed, utc};
use super::{CliError, Context};
use crate::domain::id::ClientId;
use crate::manage::consents::{self, Allowed};

#[derive(Debug, Subcommand)]
pub(super) enum ConsentCommand {
    /// List all consents, or those of one user
    #[command(after_help = "Examples:\n  signbridge consent list ada\n  signbridge consent list --client grafana")]
    List {
        #[command(flatten)]
        person: OfPerson,
        /// For this client only
        #[arg(long, value_name = "ID")]
        client: Option<String>,
    },
    /// Revoke a consent: the client's tokens for this user stop working immediately, and it has to ask again
    #[command(after_help = "Example:\n  signbridge consent revoke ada grafana")]
    Revoke {
        /// The user: the username, e-mail address or sub
        #[arg(value_name = "NAME")]
        person: String,
        /// The id of the client
        #[arg(value_name = "CLIENT")]
        client: String,
    },
}

pub(super) async fn run(context: &Context, command: ConsentCommand) -> Result<(), CliError> {
    let opened = context.open().await?;
    let manage = opened.manage();
    match command {
        ConsentCommand::List { person, client } => {
            let client = client.map(ClientId::new);
            Ok(context.format.print_list(&consents::list(&manage, person.name(), client.as_ref()).await?)?)
        }
        ConsentCommand::Revoke { person, client } => {
            let client = ClientId::new(client);
            let user = consents::revoke(&manage, &person, &client).await?;
            let json = json!({ "sub": user.id.as_str(), "client_id": client.as_str(), "revoked": true });
            Ok(context.format.print(&json, || format!("the consent of {} for {client} was taken back", user.username))?)
        }
    }
}

impl Listed for Allowed {
    const HEAD: &'static [&'static str] = &["username", "client", "scope", "since"];
    const NOTHING: &'static str = "nobody allowed a client anything: only clients with `consent = \"ask\"` ask";

    fn json(&self) -> Json {
        let Self { user, client, consent } = self;
        json!({
            "sub": user.id.as_str(),
            "username": user.username,
            "client_id": client.as_str(),
            "scope": consent.scope.to_string(),
            "granted_at": consent.granted_at.as_seconds(),
        })
    }

    fn row(&self) -> Vec<String> {
        let Self { user, client, consent } = self;
        vec![user.username.clone(), client.to_string(), consent.scope.to_string(), utc(consent.granted_at)]
    }
}

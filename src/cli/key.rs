//! `key list|rotate`.

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::output::{Listed, utc};
use super::{CliError, Context};
use crate::app::parts;
use crate::domain::clock::Timestamp;
use crate::domain::signing_key::StoredKey;
use crate::protocol::client_metadata::SigningAlgorithm;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// List all signing keys, oldest first
    #[command(after_help = "Examples:\n  signbridge key list\n  signbridge key list --format json")]
    List,
    /// Rotate the signing keys: the next ones sign from now on, and new next ones are published
    #[command(after_help = ROTATE_EXAMPLES)]
    Rotate {
        /// Rotate only the key of this algorithm: RS256, PS256, ES256 or EdDSA
        #[arg(long, value_name = "ALG", value_parser = algorithm, conflicts_with = "revoke")]
        alg: Option<SigningAlgorithm>,
        /// In an emergency: remove this key at once, and everything that it signed is worthless
        // One in 64 begins with a hyphen.
        #[arg(long, value_name = "KID", allow_hyphen_values = true)]
        revoke: Option<String>,
    },
}

const ROTATE_EXAMPLES: &str = "Examples:
  signbridge key rotate
  signbridge key rotate --alg ES256";

fn algorithm(text: &str) -> Result<SigningAlgorithm, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

pub(super) async fn run(context: &Context, command: KeyCommand) -> Result<(), CliError> {
    let opened = context.open().await?;
    let keys = parts::open_keys(&opened.config, &opened.store, &opened.env).await?;
    match command {
        KeyCommand::List => {}
        KeyCommand::Rotate { revoke: Some(kid), .. } => drop(keys.revoke(&kid).await?),
        KeyCommand::Rotate { alg, revoke: None } => drop(keys.rotate(alg).await?),
    }
    Ok(context.format.print_list(&keys.list())?)
}

impl Listed for StoredKey {
    const HEAD: &'static [&'static str] = &["kid", "alg", "state", "created", "active since", "retired"];
    const NOTHING: &'static str = "there are no keys";

    fn json(&self) -> Json {
        json!({
            "kid": self.kid,
            "alg": self.alg.as_str(),
            "state": self.state.as_str(),
            "created_at": self.created_at.as_seconds(),
            "active_at": self.active_at.map(Timestamp::as_seconds),
            "retired_at": self.retired_at.map(Timestamp::as_seconds),
        })
    }

    fn row(&self) -> Vec<String> {
        let moment = |moment: Option<Timestamp>| moment.map(utc).unwrap_or_default();
        let (alg, state) = (self.alg.as_str().to_owned(), self.state.as_str().to_owned());
        vec![self.kid.clone(), alg, state, utc(self.created_at), moment(self.active_at), moment(self.retired_at)]
    }
}

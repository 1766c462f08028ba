//! `key list|rotate`.

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::args::wire_value;
use super::output::{table, utc};
use super::{CliError, Context};
use crate::app::parts;
use crate::domain::clock::Timestamp;
use crate::domain::signing_key::StoredKey;
use crate::keys::rotation::Rotate;
use crate::protocol::client_metadata::SigningAlgorithm;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// All of them, oldest first
    List,
    /// Let the next keys sign, and publish new next ones
    Rotate {
        /// Only the key of this algorithm: RS256, PS256, ES256 or EdDSA
        #[arg(long, value_name = "ALG", value_parser = wire_value::<SigningAlgorithm>, conflicts_with = "revoke")]
        alg: Option<SigningAlgorithm>,
        /// In an emergency: remove this key at once, and everything that it signed is worthless
        #[arg(long, value_name = "KID")]
        revoke: Option<String>,
    },
}

pub(super) async fn run(context: &Context, command: KeyCommand) -> Result<(), CliError> {
    let opened = context.open().await?;
    let keys = parts::open_keys(&opened.config, &opened.store, &opened.env).await?;
    match command {
        KeyCommand::List => {}
        KeyCommand::Rotate { revoke: Some(kid), .. } => drop(keys.ring.revoke(&kid).await?),
        KeyCommand::Rotate { alg, revoke: None } => drop(keys.ring.rotate(alg.map_or(Rotate::All, Rotate::One)).await?),
    }
    print_list(context, &keys.ring.list())
}

fn to_json(key: &StoredKey) -> Json {
    json!({
        "kid": key.kid,
        "alg": key.alg.as_str(),
        "state": key.state.as_str(),
        "created_at": key.created_at.as_seconds(),
        "active_at": key.active_at.map(Timestamp::as_seconds),
        "retired_at": key.retired_at.map(Timestamp::as_seconds),
    })
}

fn print_list(context: &Context, keys: &[StoredKey]) -> Result<(), CliError> {
    let json = keys.iter().map(to_json).collect();
    let row = |key: &StoredKey| {
        let moment = |moment: Option<Timestamp>| moment.map(utc).unwrap_or_default();
        let (alg, state) = (key.alg.as_str().to_owned(), key.state.as_str().to_owned());
        vec![key.kid.clone(), alg, state, utc(key.created_at), moment(key.active_at), moment(key.retired_at)]
    };
    let text = || {
        let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
        table(&["kid", "alg", "state", "created", "active since", "retired"], &rows, "there are no keys")
    };
    Ok(context.output.print(&json, text)?)
}

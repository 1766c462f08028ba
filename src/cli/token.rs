//! `token preview`.

use clap::Subcommand;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{CliError, Context};
use crate::domain::id::ClientId;
use crate::manage::preview::{self, Preview};
use crate::protocol::scope::Scope;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Preview the tokens that a client would get for a user, and the answer of userinfo; nothing is signed or stored
    #[command(after_help = EXAMPLES)]
    Preview {
        /// The id of the client
        #[arg(value_name = "CLIENT")]
        client: String,
        /// The user: the username, e-mail address or sub
        #[arg(value_name = "NAME")]
        person: String,
        /// The scopes that the client asks for, separated by spaces [default: everything that it may have]
        #[arg(long, value_name = "SCOPE", value_parser = Scope::parse)]
        scope: Option<Scope>,
    },
}

pub(super) const EXAMPLES: &str = "Examples:
  signbridge token preview grafana ada
  signbridge token preview grafana ada --scope 'openid email' --format json";

const LEFT_OUT: &str = "Left out is what each login and each token have of their own: sid, nonce, at_hash, jti.";

pub(super) async fn run(context: &Context, command: TokenCommand) -> Result<(), CliError> {
    let TokenCommand::Preview { client, person, scope } = command;
    let opened = context.open().await?;
    let (manage, config) = (opened.manage(), &opened.config);
    let supposed = (config.issuer.text(), &config.lifetimes);
    let preview = preview::preview(&manage, &ClientId::new(client.as_str()), &person, scope, supposed).await?;
    let Preview { user, claims, refused } = &preview;
    let mut access_token = json_of(&claims.access_token);
    if let Some(members) = access_token.as_object_mut() {
        members.remove("jti");
    }
    let json = json!({
        "client_id": client,
        "username": user.username,
        "scope": claims.scope.to_string(),
        "id_token": json_of(&claims.id_token),
        "access_token": access_token,
        "userinfo": json_of(&claims.userinfo),
        "refresh_token": claims.refresh_token,
        "expires_in": claims.expires_in,
        "refused": refused,
    });
    Ok(context.format.print(&json, || text(&json, refused))?)
}

fn json_of(claims: &impl Serialize) -> Json {
    serde_json::to_value(claims).unwrap_or_default()
}

fn text(json: &Json, refused: &[&str]) -> String {
    let section = |name: &str, title: &str| {
        let claims = json.get(name).filter(|claims| !claims.is_null())?;
        Some(format!("{title}\n{claims:#}\n"))
    };
    let sections = [
        section("id_token", "ID token"),
        section("access_token", "Access token"),
        section("userinfo", "Answer of userinfo"),
        section("scope", "Scope"),
    ];
    let refused = refused.iter().map(|reason| format!("This login would be refused: {reason}.\n"));
    let text: Vec<String> = sections.into_iter().flatten().chain(refused).chain([LEFT_OUT.to_owned()]).collect();
    text.join("\n")
}

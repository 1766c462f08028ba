//! `client check`: what a client's requests may ask for, and why the latest of them were refused.

use serde_json::{Value as Json, json};

use super::output::{fields, table, utc};
use super::{CliError, Context};
use crate::domain::client::Client;
use crate::domain::id::ClientId;
use crate::domain::refusal::RefusalTally;
use crate::manage::{Manage, ManageError, clients};

const HEAD: &[&str] = &["latest", "times", "endpoint", "error", "parameter", "why"];
const NOTHING: &str = "no request of this client was refused in the last 30 days";
/// How much two names have in common at least where one was meant to be the other.
const ALIKE: f64 = 0.6;

pub(super) async fn run(context: &Context, manage: &Manage<'_>, id: &ClientId, last: i64) -> Result<(), CliError> {
    let client = match clients::find(manage, id).await {
        Err(ManageError::NotFound(what)) => return Err(ManageError::NotFound(or_meant(manage, id, what).await?).into()),
        found => found?,
    };
    let refused = clients::refused(manage, id, last).await?;
    let json = json!({
        "client_id": client.id.as_str(),
        "disabled": client.disabled,
        "redirect_uris": client.metadata.redirect_uris,
        "scope": client.metadata.scope.to_string(),
        "require_pkce": client.metadata.demands_pkce(),
        "refused": refused.iter().map(to_json).collect::<Vec<_>>(),
    });
    Ok(context.format.print(&json, || to_text(&client, &refused))?)
}

/// What is not there, and the client that was probably meant.
async fn or_meant(manage: &Manage<'_>, id: &ClientId, what: String) -> Result<String, ManageError> {
    let known = clients::list(manage).await?;
    let scored = known.iter().map(|client| client.id.as_str());
    let scored = scored.map(|known| (strsim::normalized_damerau_levenshtein(id.as_str(), known), known));
    let near = scored.filter(|(score, _)| *score >= ALIKE).max_by(|(one, _), (other, _)| one.total_cmp(other));
    Ok(match near {
        Some((_, known)) => format!("{what}; did you mean `{known}`?"),
        None => what,
    })
}

fn to_json(tally: &RefusalTally) -> Json {
    let refusal = &tally.refusal;
    json!({
        "first_at": tally.first_at.as_seconds(),
        "last_at": tally.last_at.as_seconds(),
        "count": tally.count,
        "endpoint": refusal.endpoint,
        "error": refusal.error,
        "field": refusal.field,
        "reason": refusal.reason,
        "got": refusal.got,
        "registered": refusal.registered,
        "hint": refusal.hint(),
    })
}

fn to_text(client: &Client, refused: &[RefusalTally]) -> String {
    let metadata = &client.metadata;
    let uris: Vec<&str> = metadata.redirect_uris.iter().map(|uri| uri.as_str()).collect();
    let registered = fields(&[
        ("client_id", client.id.to_string()),
        ("state", if client.disabled { "disabled".to_owned() } else { String::new() }),
        ("redirect_uris", uris.join(" ")),
        ("scope", metadata.scope.to_string()),
        ("require_pkce", metadata.demands_pkce().to_string()),
    ]);
    let rows: Vec<Vec<String>> = refused.iter().map(row).collect();
    format!("{registered}\n{}", table(HEAD, &rows, NOTHING))
}

fn row(tally: &RefusalTally) -> Vec<String> {
    let refusal = &tally.refusal;
    let why = refusal.hint().unwrap_or_else(|| refusal.reason.clone());
    let (endpoint, error, field) = (refusal.endpoint.clone(), refusal.error.clone(), refusal.field.clone());
    vec![utc(tally.last_at), tally.count.to_string(), endpoint, error, field, why]
}

//! What a client would learn of a person, before anybody signs in.

use super::{Manage, ManageError, clients, users};
use crate::domain::assurance::Acr;
use crate::domain::id::ClientId;
use crate::domain::settings::Lifetimes;
use crate::domain::user::{Upstream, User};
use crate::flow::authorization::offer::weakest;
use crate::flow::token::preview::{self, Supposed};
use crate::protocol::scope::Scope;

#[derive(Clone, Debug)]
pub(crate) struct Preview {
    pub user: User,
    pub claims: preview::Preview,
    /// Why a login would come to nothing, if it would.
    pub refused: Vec<&'static str>,
}

/// As after a login by the best of their phones, in a browser that they signed in from before, asked for `scope`; without one, for
/// everything that the client may have.
pub(crate) async fn preview(
    manage: &Manage<'_>,
    client: &ClientId,
    person: &str,
    scope: Option<Scope>,
    (issuer, lifetimes): (&str, &Lifetimes),
) -> Result<Preview, ManageError> {
    let client = clients::find(manage, client).await?;
    let users::Person { user, devices } = users::find(manage, person).await?;
    let has = |upstream| devices.iter().any(|device| device.upstream == upstream);
    let demanded = weakest(&client.metadata.default_acr_values).unwrap_or(Acr::Approved);
    let shows_symbol = !user.confirm_without_symbol || demanded > Acr::Approved;
    let acr = match (has(Upstream::SecSign), has(Upstream::ThumbSignIn)) {
        (true, _) if shows_symbol => Acr::Matched,
        (_, true) => Acr::Named,
        _no_name_and_no_symbol => Acr::Approved,
    };
    let refused = [
        (client.disabled, "the client is disabled"),
        (user.locked, "the person is locked"),
        (devices.is_empty(), "the person has no device"),
        (!client.admits(&user), "the person is in none of the client's allowed_groups"),
    ];
    let refused = refused.into_iter().filter_map(|(holds, reason)| holds.then_some(reason)).collect();
    let scope = scope.unwrap_or_else(|| client.metadata.scope.clone());
    let supposed = Supposed { issuer, lifetimes, acr, now: manage.env.now() };
    Ok(Preview { claims: preview::preview(&client, &user, &scope, supposed), user, refused })
}

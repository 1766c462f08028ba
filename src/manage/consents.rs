//! What people allowed clients (OIDC Core §3.1.2.4): read and take back.

use std::collections::HashMap;

use super::{Manage, ManageError, users};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::grant::Consent;
use crate::domain::id::{ClientId, UserId};
use crate::domain::user::User;
use crate::store::{self, grants};

#[derive(Clone, Debug)]
pub(crate) struct Allowed {
    pub user: User,
    pub client: ClientId,
    pub consent: Consent,
}

/// What one person allowed, or everybody; one client only, where it is named.
pub(crate) async fn list(
    manage: &Manage<'_>,
    person: Option<&str>,
    client: Option<&ClientId>,
) -> Result<Vec<Allowed>, ManageError> {
    let db = manage.store.read();
    let users = match person {
        Some(name) => vec![users::find(manage, name).await?.user],
        None => store::users::list(db).await?,
    };
    let of = users.first().filter(|_| person.is_some()).map(|user| user.id.clone());
    let users: HashMap<UserId, User> = users.into_iter().map(|user| (user.id.clone(), user)).collect();
    let given = store::consents::list(db, of.as_ref()).await?.into_iter();
    let given = given.filter(|(_, of, _)| client.is_none_or(|client| client == of));
    let allowed = |(id, client, consent): (UserId, ClientId, Consent)| {
        let user = users.get(&id)?.clone();
        Some(Allowed { user, client, consent })
    };
    let mut found: Vec<Allowed> = given.filter_map(allowed).collect();
    found.sort_by(|one, other| (&one.user.username, &one.client).cmp(&(&other.user.username, &other.client)));
    Ok(found)
}

/// Takes back what a person allowed a client. What it got of them is dead at once, and it asks them again.
pub(crate) async fn revoke(manage: &Manage<'_>, person: &str, client: &ClientId) -> Result<User, ManageError> {
    let user = users::find(manage, person).await?.user;
    let event = AuditEvent {
        kind: AuditKind::ConsentRevoked,
        client: Some(client.as_str().to_owned()),
        ..users::event(&user.id, "by an operator")
    };
    let job = (user.id.clone(), client.clone(), manage.entry(event)?, manage.env.now());
    let revoked = manage.store.write(job, |tx, (user, client, entry, now)| {
        Box::pin(async move {
            let was_there = store::consents::delete(tx, user, client).await?;
            if was_there {
                grants::revoke_for_user_at(tx, user, client, *now).await?;
            }
            entry.write_if(was_there, tx, *now).await
        })
    });
    if revoked.await? {
        return Ok(user);
    }
    Err(ManageError::NotFound(format!("consent of `{}` for client `{client}`", user.username)))
}

//! Signed-in browsers: read and end.

use super::{Manage, ManageError, users};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::browser::BrowserSession;
use crate::domain::id::{SessionId, UserId};
use crate::domain::user::User;
use crate::store;

/// The sessions that are neither ended nor expired, of everybody or of one person, the latest used first.
pub(crate) async fn list(manage: &Manage<'_>, person: Option<&str>) -> Result<Vec<(User, BrowserSession)>, ManageError> {
    let (db, now) = (manage.store.read(), manage.env.now());
    let people = match person {
        Some(name) => vec![users::find(manage, name).await?.user],
        None => store::users::list(db).await?,
    };
    let mut found = Vec::new();
    for user in people {
        let sessions = store::sessions::list_for_user(db, &user.id, now).await?;
        found.extend(sessions.into_iter().map(|session| (user.clone(), session)));
    }
    found.sort_by_key(|(_, session)| std::cmp::Reverse(session.last_seen_at));
    Ok(found)
}

/// Ends a session and what does not outlive it (`offline_access` does: OIDC Core §11).
pub(crate) async fn end(manage: &Manage<'_>, id: &SessionId) -> Result<(), ManageError> {
    let missing = || ManageError::NotFound(format!("session `{id}` that has not ended"));
    let session = store::sessions::find(manage.store.read(), id).await?.ok_or_else(missing)?;
    let user = session.authentication.user_id;
    match end_listed(manage, user, vec![id.clone()]).await? {
        0 => Err(missing()),
        _ended => Ok(()),
    }
}

pub(crate) async fn end_all(manage: &Manage<'_>, person: &str) -> Result<usize, ManageError> {
    let user = users::find(manage, person).await?.user.id;
    let open = store::sessions::list_for_user(manage.store.read(), &user, manage.env.now()).await?;
    end_listed(manage, user, open.into_iter().map(|session| session.id).collect()).await
}

async fn end_listed(manage: &Manage<'_>, user: UserId, mut ids: Vec<SessionId>) -> Result<usize, ManageError> {
    let mut sessions = Vec::new();
    // In the order in which their turns are taken.
    ids.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    for id in ids {
        let of_person = users::event(&user, "ended by an operator");
        let event = AuditEvent { kind: AuditKind::Logout, subject: Some(id.as_str().to_owned()), ..of_person };
        sessions.push((id, manage.entry(event)?));
    }
    let ended = manage.store.write((sessions, manage.env.now()), |tx, (sessions, now)| {
        Box::pin(async move {
            let mut ended = 0;
            for (session, entry) in sessions {
                if store::sessions::end(tx, session, *now).await? {
                    entry.write(tx, *now).await?;
                    ended += 1;
                }
            }
            Ok(ended)
        })
    });
    Ok(ended.await?)
}

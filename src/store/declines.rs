//! Requests to sign in that were declined, kept for a day: their user is asked once whether they were theirs (check 136).

use super::prelude::*;
use super::users;

/// A row as it is. Its `address` and `user_agent` are those of the request.
pub(crate) use super::entity::decline::Model as Decline;

impl Decline {
    pub(crate) fn origin(&self) -> RequestSource {
        RequestSource { address: self.address.clone(), user_agent: self.user_agent.clone() }
    }
}

/// And notes that there is one on the user's row, which is read where somebody is signed in. The caller has locked that row.
pub(crate) async fn insert(tx: &Tx, decline: Decline) -> Result<(), StoreError> {
    users::note_decline(tx, &decline.user_id, decline.at).await?;
    tx.insert_new(decline).await.map(drop)
}

/// Those of a user after `since` that began in another browser than this one, in which they had signed in by then: whoever they let
/// in by mistake afterwards is not asked. The latest first, up to `most`.
pub(crate) async fn list(
    db: &Db,
    user: &UserId,
    browser: &BrowserKey,
    since: Timestamp,
    most: u64,
) -> Result<Vec<Decline>, StoreError> {
    let elsewhere = "WHERE user_id = $1 AND (browser IS NULL OR browser <> $2) AND at > $3 AND EXISTS \
                     (SELECT 1 FROM remembered_browsers AS known WHERE known.browser = $2 AND known.user_id = $1 \
                     AND COALESCE(known.first_used_at, known.last_used_at) <= declines.at) ORDER BY at DESC, login_id LIMIT $4";
    db.rows(decline::Entity, elsewhere, values![user, &browser.0, since, most]).await
}

/// False: it was answered before.
pub(crate) async fn delete(tx: &Tx, login: &LoginId) -> Result<bool, StoreError> {
    tx.changes("DELETE FROM declines WHERE login_id = $1", values![login]).await
}

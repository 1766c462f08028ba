//! Access passes that SecSign has sent: what decoys show (decision 2.7).

use sea_orm::{EntityTrait as _, PaginatorTrait as _, QueryOrder as _};

use super::entity::access_pass;
use super::{Db, StoreError, Tx};
use crate::domain::clock::Timestamp;
use crate::domain::secret::SecretDigest;

/// The most passes that are kept.
pub const MOST_PASSES: u64 = 32;

/// Every pass, a PNG in base64 each.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db) -> Result<Vec<String>, StoreError> {
    let rows = access_pass::Entity::find().order_by_asc(access_pass::Column::Digest).all(db).await?;
    Ok(rows.into_iter().map(|row| row.image).collect())
}

/// Keeps a pass, unless it is there or there are enough. Returns whether it was new.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &Tx, image: &str, now: Timestamp) -> Result<bool, StoreError> {
    if access_pass::Entity::find().count(tx.db()).await? >= MOST_PASSES {
        return Ok(false);
    }
    tx.insert_new(access_pass::Model {
        digest: SecretDigest::of(image.as_bytes()).as_str().to_owned(),
        image: image.to_owned(),
        seen_at: now.as_millis(),
    })
    .await
}

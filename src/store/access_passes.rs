//! Access passes that SecSign has sent: what decoys show (decision 2.7).

use super::prelude::*;

pub(crate) const MOST_PASSES: u64 = 256;

pub(crate) async fn list(db: &Db) -> Result<Vec<String>, StoreError> {
    let digests = access_pass::Entity::find().select_only().column(access_pass::Column::Digest);
    Ok(digests.order_by_asc(access_pass::Column::Digest).into_tuple().all(db).await?)
}

/// The pass with this digest, a PNG in base64.
pub(crate) async fn find(db: &Db, digest: &str) -> Result<Option<String>, StoreError> {
    Ok(access_pass::Entity::find_by_id(digest).one(db).await?.map(|row| row.image))
}

pub(crate) fn digest(image: &str) -> SecretDigest {
    SecretDigest::of(image.as_bytes())
}

/// Keeps a pass, unless it is there or there are enough. Returns whether it was new.
pub(crate) async fn insert(tx: &Tx, image: &str, now: Timestamp) -> Result<bool, StoreError> {
    if tx.count("SELECT COUNT(*) FROM access_passes", vec![]).await? >= MOST_PASSES {
        return Ok(false);
    }
    tx.insert_new(access_pass::Model { digest: digest(image).as_str().to_owned(), image: image.to_owned(), seen_at: now }).await
}

//! The parameters of a `POST /authorize`, kept until the GET that it redirects to (decision 2.2). They survive a reload within
//! their lifetime, hence they are found, not consumed.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::entity::posted;
use super::row::{Row, to_json};
use super::{Db, StoreError, Tx};
use crate::domain::clock::Timestamp;
use crate::domain::secret::SecretDigest;
use crate::protocol::parameters::Parameters;

/// Keeps `parameters` under the digest of a handle.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &Tx, handle: &SecretDigest, parameters: &Parameters, expires_at: Timestamp) -> Result<(), StoreError> {
    tx.insert(posted::Model {
        handle: handle.as_str().to_owned(),
        parameters: to_json(parameters)?,
        expires_at: expires_at.as_millis(),
    })
    .await
}

/// The parameters behind a handle, unless they have expired.
///
/// # Errors
/// When the database fails or the row is inconsistent.
pub async fn find(db: &Db, handle: &SecretDigest, now: Timestamp) -> Result<Option<Parameters>, StoreError> {
    let row = posted::Entity::find_by_id(handle.as_str()).filter(posted::Column::ExpiresAt.gt(now.as_millis())).one(db).await?;
    row.map(|model| Row { table: "posted_parameters", key: &model.handle }.json("parameters", &model.parameters)).transpose()
}

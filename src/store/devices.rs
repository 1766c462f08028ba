//! Registrations of people with phone services, and the account that a typed name means.

use super::prelude::*;
use super::users;

pub(crate) async fn find(db: &Db, id: &DeviceId) -> Result<Option<Device>, StoreError> {
    device::Entity::find_by_id(id.clone()).one(db).await?.map(read).transpose()
}

/// The registration by which `upstream` knows `upstream_user` (canonical).
pub(crate) async fn find_by_upstream_user(
    db: &Db,
    upstream: Upstream,
    upstream_user: &str,
) -> Result<Option<Device>, StoreError> {
    let values = values![upstream.as_str(), upstream_user];
    let rows = db.rows(device::Entity, "WHERE upstream = $1 AND upstream_user = $2", values).await?;
    rows.into_iter().next().map(read).transpose()
}

/// A person's registrations with the services that this program knows, oldest first.
pub(crate) async fn list_for_user(db: &Db, user: &UserId) -> Result<Vec<Device>, StoreError> {
    readable(db.rows(device::Entity, "WHERE user_id = $1 ORDER BY created_at, id", values![user]).await?, read)
}

/// Everybody's registrations with the services that this program knows, by person, oldest first.
pub(crate) async fn list(db: &Db) -> Result<Vec<Device>, StoreError> {
    readable(db.rows(device::Entity, "ORDER BY user_id, created_at, id", vec![]).await?, read)
}

/// The account that a typed name means, with its registrations at `upstream`: the username wins, then the e-mail address, then
/// (SecSign only) the SecSign ID (design 3, `identify`). `identifier` is canonical. Locked people are found as well.
pub(crate) async fn find_account(
    db: &Db,
    identifier: &str,
    upstream: Upstream,
) -> Result<Option<(User, Vec<Device>)>, StoreError> {
    let mut user = users::find_by_username(db, identifier).await?;
    if user.is_none() {
        user = users::find_by_email(db, identifier).await?;
    }
    if user.is_none()
        && upstream == Upstream::SecSign
        && let Some(device) = find_by_upstream_user(db, upstream, identifier).await?
    {
        user = users::find(db, &device.user_id).await?;
    }
    let Some(user) = user else { return Ok(None) };
    let mut devices = list_for_user(db, &user.id).await?;
    devices.retain(|device| device.upstream == upstream);
    Ok(Some((user, devices)))
}

/// Adds a registration. False: the service's user is registered here already, for whomever.
pub(crate) async fn insert(tx: &Tx, device: &Device) -> Result<bool, StoreError> {
    tx.insert_new(row(device)).await
}

/// Some hundred at once. False: one of them is registered here already, and the transaction has to be rolled back.
pub(crate) async fn insert_all(tx: &Tx, devices: &[Device]) -> Result<bool, StoreError> {
    tx.insert_all(devices.iter().map(row).collect()).await
}

fn row(device: &Device) -> device::Model {
    let Device { id, user_id, upstream, upstream_user, label, created_at, last_used_at } = device.clone();
    let upstream = upstream.as_str().to_owned();
    device::Model { id, user_id, upstream, upstream_user, label, created_at, last_used_at }
}

/// Changes what it is called here. False: there is none.
pub(crate) async fn rename(tx: &Tx, id: &DeviceId, label: &str) -> Result<bool, StoreError> {
    tx.changes("UPDATE devices SET label = $2 WHERE id = $1", values![id, label]).await
}

/// Removes a registration. False: there was none.
pub(crate) async fn delete(tx: &Tx, id: &DeviceId) -> Result<bool, StoreError> {
    Ok(device::Entity::delete_by_id(id.clone()).exec(tx.db()).await?.rows_affected > 0)
}

pub(crate) async fn touch_last_used(tx: &Tx, id: &DeviceId, now: Timestamp) -> Result<(), StoreError> {
    tx.changes("UPDATE devices SET last_used_at = $2 WHERE id = $1", values![id, now]).await.map(drop)
}

fn read(model: device::Model) -> Result<Device, StoreError> {
    let device::Model { id, user_id, upstream, upstream_user, label, created_at, last_used_at } = model;
    let upstream = Row { table: "devices", key: id.as_str() }.upstream(&upstream)?;
    Ok(Device { id, user_id, upstream, upstream_user, label, created_at, last_used_at })
}

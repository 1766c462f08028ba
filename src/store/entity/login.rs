//! Attempts to get an approval.

use sea_orm::entity::prelude::*;

/// A row of `logins`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "logins")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub purpose: String,
    pub authorization_id: Option<String>,
    pub browser: Option<String>,
    pub address: String,
    pub user_agent: String,
    pub upstream: String,
    pub subject: String,
    pub asked_user_id: Option<String>,
    pub asked_device_id: Option<String>,
    pub upstream_user: Option<String>,
    pub remembered: bool,
    pub typed: Option<String>,
    pub remember: bool,
    pub challenge: Option<String>,
    pub stage: String,
    pub reason: Option<String>,
    pub sealed_handle: Option<String>,
    pub approved_user_id: Option<String>,
    pub approved_device_id: Option<String>,
    pub created_at: i64,
    pub deadline: i64,
    pub ended_at: Option<i64>,
    pub consumed_at: Option<i64>,
    pub lease_owner: Option<String>,
    pub lease_until: Option<i64>,
    pub target: Option<String>,
    pub client_id: Option<String>,
    pub purpose_key: Option<String>,
}

/// The rows that this one points to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

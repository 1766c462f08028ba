//! Requests sent to phones.

use sea_orm::entity::prelude::*;

/// A row of `pushes`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pushes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub login_id: String,
    pub upstream: String,
    pub target: String,
    pub address: String,
    pub browser: String,
    pub remembered: bool,
    pub at: i64,
    pub denied_at: Option<i64>,
    pub typed: Option<String>,
    pub network: Option<String>,
    pub sent: Option<bool>,
}

/// The rows that this one points to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

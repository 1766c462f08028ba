//! Who has the one open session of a person at a phone service.

use sea_orm::entity::prelude::*;

/// A row of `slots`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "slots")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub upstream: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub upstream_user: String,
    pub login_id: String,
    pub held_until: i64,
}

/// The rows that this one points to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

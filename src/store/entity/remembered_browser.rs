//! Browsers that people signed in with.

use sea_orm::entity::prelude::*;

/// A row of `remembered_browsers`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "remembered_browsers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub browser: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: String,
    pub identifier: Option<String>,
    pub last_used_at: i64,
}

/// The rows that this one points to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

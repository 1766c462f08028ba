//! How a write ended, for those who did not hear it.

use sea_orm::entity::prelude::*;

/// A row of `commits`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "commits")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// True in the row of the write itself, false in that of whoever settled that it did not take effect.
    pub took: bool,
    pub at: i64,
}

/// The rows that this one points to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

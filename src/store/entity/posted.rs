//! Parameters on their way from a POST to a GET.

use sea_orm::entity::prelude::*;

/// A row of `posted_parameters`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "posted_parameters")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub handle: String,
    pub parameters: String,
    pub expires_at: i64,
}

/// The rows that this one points to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

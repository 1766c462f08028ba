//! Signing keys.

use sea_orm::entity::prelude::*;

/// A row of `signing_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kid: String,
    pub alg: String,
    pub state: String,
    #[sea_orm(unique)]
    pub seat: Option<String>,
    pub public_jwk: String,
    pub sealed_private: String,
    pub created_at: i64,
    pub active_at: Option<i64>,
    pub retired_at: Option<i64>,
}

/// The rows that this one points to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

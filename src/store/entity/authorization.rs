//! Requests of relying parties.

use sea_orm::entity::prelude::*;

/// A row of `authorizations`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorizations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub browser: String,
    pub client_id: String,
    pub request: String,
    pub stage: String,
    pub user_id: Option<String>,
    pub session_id: Option<String>,
    pub auth_time: Option<i64>,
    pub acr: Option<String>,
    pub device_id: Option<String>,
    pub unnamed: Option<bool>,
    pub consented: bool,
    pub error: Option<String>,
    pub created_at: i64,
    pub expires_at: i64,
    pub source: Option<String>,
}

/// The rows that this one points to.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "super::client::Entity", from = "Column::ClientId", to = "super::client::Column::Id")]
    Client,
}

impl Related<super::client::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Client.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

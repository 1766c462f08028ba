//! The rows, as the database has them: plain columns, private to the store. Moments are milliseconds since the Unix epoch. What a
//! row means is decided where it turns into a type of `domain`.

pub(super) mod login;
pub(super) mod push;
pub(super) mod slot;

/// A table: its entity and its row. After `belongs_to`, the tables that its joined reads use.
macro_rules! table {
    ($(#[doc = $doc:tt])* $name:ident $table:tt { $($columns:tt)* } $(belongs_to { $($relations:tt)* })?) => {
        $(#[doc = $doc])*
        pub(super) mod $name {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub(crate) struct Model { $($columns)* }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub(crate) enum Relation { $($($relations)*)? }

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

/// Lets reads of one table join another one by the relation of that name.
macro_rules! related {
    ($($from:ident $relation:ident $to:ident),+ $(,)?) => {
        $(impl sea_orm::Related<$to::Entity> for $from::Entity {
            fn to() -> sea_orm::RelationDef {
                sea_orm::RelationTrait::def(&$from::Relation::$relation)
            }
        })+
    };
}

table! {
    user "users" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub username: String,
        pub email: Option<String>,
        pub email_verified: bool,
        pub name: String,
        pub group_names: String,
        pub locked: bool,
        pub source: String,
        pub created_at: i64,
        pub updated_at: i64,
    }
}

table! {
    device "devices" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub user_id: String,
        pub upstream: String,
        pub upstream_user: String,
        pub label: String,
        pub created_at: i64,
        pub last_used_at: Option<i64>,
    }
}

table! {
    /// Browsers that people signed in with.
    remembered_browser "remembered_browsers" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub browser: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: String,
        pub identifier: Option<String>,
        pub last_used_at: i64,
    }
}

table! {
    session "sessions" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub cookie: String,
        pub user_id: String,
        pub auth_time: i64,
        pub acr: String,
        pub device_id: Option<String>,
        pub unnamed: bool,
        pub browser: String,
        pub address: String,
        pub user_agent: String,
        pub created_at: i64,
        pub last_seen_at: i64,
        pub expires_at: i64,
        pub ended_at: Option<i64>,
    } belongs_to {
        #[sea_orm(belongs_to = "super::user::Entity", from = "Column::UserId", to = "super::user::Column::Id")]
        User,
    }
}

table! {
    authorization "authorizations" {
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
    } belongs_to {
        #[sea_orm(belongs_to = "super::client::Entity", from = "Column::ClientId", to = "super::client::Column::Id")]
        Client,
    }
}

table! {
    code "codes" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub authorization_id: String,
        pub content: String,
        pub expires_at: i64,
        pub consumed_at: Option<i64>,
        pub grant_id: Option<String>,
    }
}

table! {
    consent "consents" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub client_id: String,
        pub scope: String,
        pub granted_at: i64,
    }
}

table! {
    grant "grants" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub client_id: String,
        pub user_id: Option<String>,
        pub session_id: Option<String>,
        pub auth_time: i64,
        pub acr: String,
        pub device_id: Option<String>,
        pub unnamed: bool,
        pub scope: String,
        pub offline: bool,
        pub nonce: Option<String>,
        pub created_at: i64,
        pub expires_at: i64,
        pub revoked_at: Option<i64>,
    } belongs_to {
        #[sea_orm(belongs_to = "super::client::Entity", from = "Column::ClientId", to = "super::client::Column::Id")]
        Client,
        #[sea_orm(belongs_to = "super::user::Entity", from = "Column::UserId", to = "super::user::Column::Id")]
        User,
        #[sea_orm(belongs_to = "super::session::Entity", from = "Column::SessionId", to = "super::session::Column::Id")]
        Session,
    }
}

table! {
    access_token "access_tokens" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub grant_id: String,
        pub scope: String,
        pub issued_at: i64,
        pub expires_at: i64,
    } belongs_to {
        #[sea_orm(belongs_to = "super::grant::Entity", from = "Column::GrantId", to = "super::grant::Column::Id")]
        Grant,
    }
}

table! {
    refresh_token "refresh_tokens" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub grant_id: String,
        pub predecessor: Option<String>,
        pub issued_at: i64,
        pub expires_at: i64,
        pub rotated_at: Option<i64>,
    } belongs_to {
        #[sea_orm(belongs_to = "super::grant::Entity", from = "Column::GrantId", to = "super::grant::Column::Id")]
        Grant,
    }
}

table! {
    client "clients" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub metadata: String,
        pub secret: Option<String>,
        pub source: String,
        pub disabled: bool,
        pub created_at: i64,
    }
}

table! {
    /// Logout tokens that are yet to be delivered.
    backchannel_logout "backchannel_logouts" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub client_id: String,
        pub session_id: String,
        pub user_id: String,
        pub held_by: Option<String>,
        pub due_at: i64,
        pub attempts: i64,
        pub lease_owner: Option<String>,
        pub lease_until: Option<i64>,
        pub created_at: i64,
    }
}

table! {
    /// Access passes that SecSign has sent.
    access_pass "access_passes" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub image: String,
        pub seen_at: i64,
    }
}

table! {
    /// Locks on what is counted of requests to phones.
    push_lock "push_turns" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub at: i64,
    }
}

table! {
    signing_key "signing_keys" {
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
}

table! {
    instance "instance" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub value: String,
    }
}

table! {
    /// How a write ended, for those who did not hear it.
    commit "commits" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// True in the row of the write itself, false in that of whoever settled that it did not take effect.
        pub took: bool,
        pub at: i64,
    }
}

table! {
    audit_event "audit_events" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub at: i64,
        pub kind: String,
        pub user_id: Option<String>,
        pub client_id: Option<String>,
        pub subject: Option<String>,
        pub address: String,
        pub user_agent: String,
        pub detail: Option<String>,
        pub sample: Option<String>,
        pub count: Option<i64>,
        pub last_at: Option<i64>,
    }
}

table! {
    /// How many rows a while of the audit trail has.
    audit_tally "audit_tallies" {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub rows: i64,
        pub at: i64,
    }
}

related! {
    session User user,
    authorization Client client,
    grant Client client,
    grant User user,
    grant Session session,
    access_token Grant grant,
    refresh_token Grant grant,
}

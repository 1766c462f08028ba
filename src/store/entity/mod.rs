//! The rows, as the database has them: plain columns, private to the store. Moments are milliseconds since the Unix epoch. What a
//! row means is decided where it turns into a type of `domain`.

/// Tables: entity, row (its key, and its other columns), in brackets the tables that reads join it with, by which column.
macro_rules! tables {
    ($(
        $(#[doc = $doc:tt])* $name:ident $table:tt ($($key:ident: $type:ident),+) { $($columns:tt)* }
        $([$($column:ident => $other:ident),+])?
    )+) => {
        $($(#[doc = $doc])*
        pub(super) mod $name {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, Default, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub(crate) struct Model {
                $(#[sea_orm(primary_key, auto_increment = false)]
                pub $key: $type,)+
                $($columns)*
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub(crate) enum Relation {}

            $($(impl Related<super::$other::Entity> for Entity {
                fn to() -> RelationDef {
                    Entity::belongs_to(super::$other::Entity).from(Column::$column).to(super::$other::Column::Id).into()
                }
            })+)?

            impl ActiveModelBehavior for ActiveModel {}
        })+
    };
}

tables! {
    user "users" (id: String) {
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
    device "devices" (id: String) {
        pub user_id: String,
        pub upstream: String,
        pub upstream_user: String,
        pub label: String,
        pub created_at: i64,
        pub last_used_at: Option<i64>,
    }
    /// Browsers that people signed in with.
    remembered_browser "remembered_browsers" (browser: String, user_id: String) {
        pub identifier: Option<String>,
        pub last_used_at: i64,
    }
    session "sessions" (id: String) {
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
    } [UserId => user]
    authorization "authorizations" (id: String) {
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
    } [ClientId => client]
    code "codes" (digest: String) {
        pub authorization_id: String,
        pub content: String,
        pub expires_at: i64,
        pub consumed_at: Option<i64>,
        pub grant_id: Option<String>,
    }
    consent "consents" (user_id: String, client_id: String) {
        pub scope: String,
        pub granted_at: i64,
    }
    grant "grants" (id: String) {
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
    } [ClientId => client, UserId => user, SessionId => session]
    access_token "access_tokens" (digest: String) {
        pub grant_id: String,
        pub scope: String,
        pub issued_at: i64,
        pub expires_at: i64,
    } [GrantId => grant]
    refresh_token "refresh_tokens" (digest: String) {
        pub grant_id: String,
        pub predecessor: Option<String>,
        pub issued_at: i64,
        pub expires_at: i64,
        pub rotated_at: Option<i64>,
    } [GrantId => grant]
    client "clients" (id: String) {
        pub metadata: String,
        pub secret: Option<String>,
        pub source: String,
        pub disabled: bool,
        pub created_at: i64,
    }
    /// Logout tokens that are yet to be delivered.
    backchannel_logout "backchannel_logouts" (id: String) {
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
    /// Access passes that SecSign has sent.
    access_pass "access_passes" (digest: String) {
        pub image: String,
        pub seen_at: i64,
    }
    /// Locks on what is counted of requests to phones.
    push_lock "push_turns" (key: String) {
        pub at: i64,
    }
    signing_key "signing_keys" (kid: String) {
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
    instance "instance" (key: String) {
        pub value: String,
    }
    /// How a write ended, for those who did not hear it.
    commit "commits" (id: String) {
        /// True in the row of the write itself, false in that of whoever settled that it did not take effect.
        pub took: bool,
        pub at: i64,
    }
    audit_event "audit_events" (id: String) {
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
    /// How many rows a while of the audit trail has.
    audit_tally "audit_tallies" (key: String) {
        pub rows: i64,
        pub at: i64,
    }
    login "logins" (id: String) {
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
    /// Requests sent to phones.
    push "pushes" (login_id: String) {
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
    /// Who has the one open session of a person at a phone service.
    slot "slots" (upstream: String, upstream_user: String) {
        pub login_id: String,
        pub held_until: i64,
    }
}

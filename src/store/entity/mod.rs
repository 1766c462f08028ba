//! The rows, as the database has them: ids, digests and moments are those of `domain` ([`super::row`]), all else is plain. What a
//! row means is decided where it turns into a type of `domain`; where there is nothing to decide, it is used as it is.

use sea_orm::entity::prelude::*;

use crate::domain::clock::Timestamp;
use crate::domain::id::{AuthorizationId, ClientId, DeviceId, GrantId, LoginId, SessionId, UserId};
use crate::domain::secret::SecretDigest;

/// Tables: entity, row (its key, and its other columns), in brackets the tables that reads join it with, by which column.
macro_rules! tables {
    ($(
        $(#[$meta:meta])* $name:ident $table:tt ($($key:ident: $type:ident),+) { $($columns:tt)* }
        $([$($column:ident => $other:ident),+])?
    )+) => {
        $($(#[$meta])*
        pub(super) mod $name {
            use super::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
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
    user "users" (id: UserId) {
        pub username: String,
        pub email: Option<String>,
        pub email_verified: bool,
        pub name: String,
        pub group_names: String,
        pub locked: bool,
        pub source: String,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        /// Empty is no.
        pub confirm_without_symbol: Option<bool>,
        pub declined_at: Option<Timestamp>,
        pub strangers_until: Option<Timestamp>,
    }
    device "devices" (id: DeviceId) {
        pub user_id: UserId,
        pub upstream: String,
        pub upstream_user: String,
        pub label: String,
        pub created_at: Timestamp,
        pub last_used_at: Option<Timestamp>,
    }
    /// Browsers that people signed in with.
    remembered_browser "remembered_browsers" (browser: SecretDigest, user_id: UserId) {
        pub identifier: Option<String>,
        pub upstream: Option<String>,
        pub last_used_at: Timestamp,
        pub first_used_at: Option<Timestamp>,
    }
    session "sessions" (id: SessionId) {
        pub cookie: SecretDigest,
        pub user_id: UserId,
        pub auth_time: Timestamp,
        pub acr: String,
        pub device_id: Option<DeviceId>,
        pub unnamed: bool,
        pub browser: SecretDigest,
        pub address: String,
        pub user_agent: String,
        pub created_at: Timestamp,
        pub last_seen_at: Timestamp,
        pub expires_at: Timestamp,
        pub ended_at: Option<Timestamp>,
    } [UserId => user]
    authorization "authorizations" (id: AuthorizationId) {
        pub browser: SecretDigest,
        pub client_id: ClientId,
        pub request: String,
        pub stage: String,
        pub user_id: Option<UserId>,
        pub session_id: Option<SessionId>,
        pub auth_time: Option<Timestamp>,
        pub acr: Option<String>,
        pub device_id: Option<DeviceId>,
        pub unnamed: Option<bool>,
        pub consented: bool,
        pub error: Option<String>,
        pub created_at: Timestamp,
        pub expires_at: Timestamp,
        pub source: Option<String>,
        pub passed_over: Option<bool>,
    } [ClientId => client]
    code "codes" (digest: SecretDigest) {
        pub authorization_id: AuthorizationId,
        pub content: String,
        pub expires_at: Timestamp,
        pub consumed_at: Option<Timestamp>,
        pub grant_id: Option<GrantId>,
    }
    consent "consents" (user_id: UserId, client_id: ClientId) {
        pub scope: String,
        pub granted_at: Timestamp,
    }
    grant "grants" (id: GrantId) {
        pub client_id: ClientId,
        pub user_id: Option<UserId>,
        pub session_id: Option<SessionId>,
        pub auth_time: Timestamp,
        pub acr: String,
        pub device_id: Option<DeviceId>,
        pub unnamed: bool,
        pub scope: String,
        pub offline: bool,
        pub nonce: Option<String>,
        pub created_at: Timestamp,
        pub expires_at: Timestamp,
        pub revoked_at: Option<Timestamp>,
    } [ClientId => client, UserId => user, SessionId => session]
    access_token "access_tokens" (digest: SecretDigest) {
        pub grant_id: GrantId,
        pub scope: String,
        pub issued_at: Timestamp,
        pub expires_at: Timestamp,
    } [GrantId => grant]
    refresh_token "refresh_tokens" (digest: SecretDigest) {
        pub grant_id: GrantId,
        pub predecessor: Option<SecretDigest>,
        pub issued_at: Timestamp,
        /// When it expires unless used before (sliding).
        pub expires_at: Timestamp,
        pub rotated_at: Option<Timestamp>,
    } [GrantId => grant]
    client "clients" (id: ClientId) {
        pub metadata: String,
        pub secret: Option<SecretDigest>,
        pub source: String,
        pub disabled: bool,
        pub created_at: Timestamp,
        pub logo: Option<String>,
    }
    client_logo "client_logos" (client_id: ClientId) {
        pub file_name: String,
        pub image: String,
    }
    /// Logout tokens that are yet to be delivered (OIDC Back-Channel Logout 1.0 §2.5). The id is the `jti` of every token that is
    /// sent: a receiver recognises a repetition (§2.6).
    backchannel_logout "backchannel_logouts" (id: String) {
        pub client_id: ClientId,
        pub session_id: SessionId,
        pub user_id: UserId,
        /// The authorization whose code must be redeemed first (decision 2.16); none: there is nothing to wait for.
        pub held_by: Option<AuthorizationId>,
        /// When it may be sent; while it is held, when it is sent in any case.
        pub due_at: Timestamp,
        pub attempts: i64,
        pub lease_owner: Option<String>,
        pub lease_until: Option<Timestamp>,
        pub created_at: Timestamp,
    }
    /// Requests of clients that were refused: each row stands for all that are alike.
    refused_request "refused_requests" (key: SecretDigest) {
        pub client_id: ClientId,
        pub endpoint: String,
        pub error: String,
        pub field: String,
        pub reason: String,
        pub got: Option<String>,
        pub registered: Option<String>,
        pub count: i64,
        pub first_at: Timestamp,
        pub last_at: Timestamp,
    }
    /// Access passes that SecSign has sent.
    access_pass "access_passes" (digest: String) {
        pub image: String,
        pub seen_at: Timestamp,
    }
    /// Locks on what is counted of requests to phones: only written, but for tests.
    #[cfg(test)]
    push_lock "push_turns" (key: String) {
        pub at: Timestamp,
    }
    signing_key "signing_keys" (kid: String) {
        pub alg: String,
        pub state: String,
        #[sea_orm(unique)]
        pub seat: Option<String>,
        pub public_jwk: String,
        pub sealed_private: String,
        pub created_at: Timestamp,
        pub active_at: Option<Timestamp>,
        pub retired_at: Option<Timestamp>,
    }
    instance "instance" (key: String) {
        pub value: String,
    }
    /// How a write ended, for those who did not hear it.
    commit "commits" (id: String) {
        /// True in the row of the write itself, false in that of whoever settled that it did not take effect.
        pub took: bool,
        pub at: Timestamp,
    }
    audit_event "audit_events" (id: String) {
        pub at: Timestamp,
        pub kind: String,
        pub user_id: Option<String>,
        pub client_id: Option<String>,
        pub subject: Option<String>,
        pub address: String,
        pub user_agent: String,
        pub detail: Option<String>,
        pub sample: Option<String>,
        pub count: Option<i64>,
        pub last_at: Option<Timestamp>,
    }
    /// How many rows a while of the audit trail has.
    audit_tally "audit_tallies" (key: String) {
        pub rows: i64,
        pub at: Timestamp,
    }
    login "logins" (id: LoginId) {
        pub purpose: String,
        pub authorization_id: Option<AuthorizationId>,
        pub browser: Option<SecretDigest>,
        pub address: String,
        pub user_agent: String,
        pub upstream: String,
        pub subject: String,
        pub asked_user_id: Option<UserId>,
        pub asked_device_id: Option<DeviceId>,
        pub upstream_user: Option<String>,
        pub remembered: bool,
        pub typed: Option<String>,
        pub remember: bool,
        pub challenge: Option<String>,
        pub stage: String,
        pub reason: Option<String>,
        pub sealed_handle: Option<String>,
        pub approved_user_id: Option<UserId>,
        pub approved_device_id: Option<DeviceId>,
        pub created_at: Timestamp,
        pub deadline: Timestamp,
        pub ended_at: Option<Timestamp>,
        pub consumed_at: Option<Timestamp>,
        pub lease_owner: Option<String>,
        pub lease_until: Option<Timestamp>,
        pub target: Option<String>,
        pub client_id: Option<ClientId>,
        pub purpose_key: Option<String>,
    }
    /// Requests sent to phones.
    push "pushes" (login_id: LoginId) {
        pub upstream: String,
        pub target: String,
        pub address: String,
        pub browser: String,
        pub remembered: bool,
        pub at: Timestamp,
        pub denied_at: Option<Timestamp>,
        pub typed: Option<String>,
        pub network: Option<String>,
        pub sent: Option<bool>,
    }
    /// Requests to sign in that were declined, until their user says whether they were theirs.
    decline "declines" (login_id: LoginId) {
        pub user_id: UserId,
        pub client_id: Option<ClientId>,
        pub browser: Option<SecretDigest>,
        pub address: String,
        pub user_agent: String,
        pub at: Timestamp,
    }
    /// Audit events that the operator's webhook is yet to hear of. The id is the event's, so that a receiver recognises a repetition.
    webhook_event "webhook_events" (id: String) {
        /// What is sent, as it is.
        pub body: String,
        pub due_at: Timestamp,
        pub attempts: i64,
        pub lease_owner: Option<String>,
        pub lease_until: Option<Timestamp>,
        pub created_at: Timestamp,
    }
    /// Who has the one open session of a person at a phone service.
    slot "slots" (upstream: String, upstream_user: String) {
        pub login_id: LoginId,
        pub held_until: Timestamp,
    }
}

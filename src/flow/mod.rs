//! The use cases: what each endpoint of the specifications *does*. No web framework, no SQL.

pub(crate) mod audit;
pub(crate) mod authorization;
pub(crate) mod backchannel_logout;
pub(crate) mod browser_origins;
pub(crate) mod client_authentication;
pub(crate) mod client_request;
pub(crate) mod discovery;
pub(crate) mod end_session;
pub(crate) mod error;
pub(crate) mod introspection;
pub(crate) mod login;
pub(crate) mod node;
pub(crate) mod refusals;
pub(crate) mod revocation;
pub(crate) mod site;
pub(crate) mod token;
pub(crate) mod userinfo;
pub(crate) mod webhook;
pub(crate) mod wrong_secrets;

/// What at least six files of the flows use.
mod prelude {
    pub(super) use std::sync::Arc;
    pub(super) use std::time::Duration;

    pub(super) use super::Op;
    pub(super) use super::audit::PendingEvent;
    pub(super) use super::error::{Internal, OAuthError};
    pub(super) use crate::domain::audit::{AuditEvent, AuditKind};
    pub(super) use crate::domain::browser::{Authentication, BrowserSession, RequestSource};
    pub(super) use crate::domain::client::Client;
    pub(super) use crate::domain::clock::Timestamp;
    pub(super) use crate::domain::env::RandomError;
    pub(super) use crate::domain::login::{Login, Reason, Subject};
    pub(super) use crate::domain::secret::{Secret, SecretDigest};
    pub(super) use crate::domain::user::User;
    pub(super) use crate::metrics;
    pub(super) use crate::protocol::error::ErrorCode;
    pub(super) use crate::protocol::parameters::Parameters;
    pub(super) use crate::protocol::scope::Scope;
    pub(super) use crate::store::{StoreError, Tx, logins};
}

use std::sync::Arc;
use std::time::Duration;

use crate::domain::env::Env;
use crate::domain::settings::{EmbeddingSite, Lifetimes, Limits, WebhookSettings};
use crate::keys::ring::KeyRing;
use crate::outbound::GuardedClient;
use crate::store::Store;
use crate::upstream::Upstreams;

/// What every flow needs, built once by `app`.
#[derive(Clone)]
pub(crate) struct Op {
    pub store: Store,
    pub keys: Arc<KeyRing>,
    pub upstreams: Upstreams,
    pub outbound: GuardedClient,
    pub env: Env,
    pub settings: Arc<Settings>,
    pub(crate) signals: node::Signals,
    pub(crate) latency: node::latency::LatencyModel,
    pub(crate) health: node::health::Health,
    /// Values that clients should make anew for every request and do not.
    pub repeats: authorization::repeats::Repeats,
    pub wrong_secrets: wrong_secrets::WrongSecrets,
    pub refusals: refusals::Refusals,
}

/// What the operator decided.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The issuer: an origin or URL without a trailing slash, frozen at first start (decision 2.9).
    pub issuer: String,
    pub lifetimes: Lifetimes,
    /// `None` in a member: no limit.
    pub limits: Limits,
    /// Whether a login may name nobody (decision 2.3).
    pub allow_unnamed: bool,
    /// The sites whose pages embed the widget.
    pub sites: Vec<EmbeddingSite>,
    pub audit_keep: Duration,
    /// The pause after the first attempt in vain to tell a client of a logout, or the webhook of an event; later ones are longer.
    pub retry: Duration,
    pub webhook: Option<WebhookSettings>,
}

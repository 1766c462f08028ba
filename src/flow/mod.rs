//! The use cases: what each endpoint of the specifications *does*. No web framework, no SQL.

pub(crate) mod audit;
pub(crate) mod authorization;
pub(crate) mod backchannel_logout;
pub(crate) mod browser_origins;
pub(crate) mod claims;
pub(crate) mod client_authentication;
pub(crate) mod client_request;
pub(crate) mod clients;
pub(crate) mod discovery;
pub(crate) mod end_session;
pub(crate) mod error;
pub(crate) mod introspection;
pub(crate) mod login;
pub(crate) mod node;
pub(crate) mod revocation;
pub(crate) mod settings;
pub(crate) mod token;
pub(crate) mod userinfo;
pub(crate) mod wrong_secrets;

use std::sync::Arc;

use crate::domain::env::Env;
use crate::keys::Keys;
use crate::outbound::GuardedClient;
use crate::store::Store;
use crate::upstream::Upstreams;
use settings::Settings;

/// What every flow needs, built once by `app`.
#[derive(Clone)]
pub(crate) struct Op {
    pub store: Store,
    pub keys: Arc<Keys>,
    pub upstreams: Upstreams,
    pub outbound: GuardedClient,
    pub env: Env,
    pub settings: Arc<Settings>,
    pub(crate) signals: node::Signals,
    pub(crate) latency: node::latency::LatencyModel,
    /// Values that clients should make anew for every request and do not.
    pub repeats: authorization::repeats::Repeats,
    pub wrong_secrets: wrong_secrets::WrongSecrets,
}

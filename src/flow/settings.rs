//! What the operator decided, as the flows need it. Built once by `app` from the configuration.

use std::time::Duration;

pub(crate) use crate::domain::settings::{Lifetimes, Limits};

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The issuer: an origin or URL without a trailing slash, frozen at first start (decision 2.9).
    pub issuer: String,
    pub lifetimes: Lifetimes,
    /// `None` in a member: no limit.
    pub limits: Limits,
    /// Whether a login may name nobody (decision 2.3).
    pub allow_unnamed: bool,
    pub audit_keep: Duration,
    /// The pause after the first attempt in vain to tell a client of a logout; later ones are longer.
    pub logout_retry: Duration,
}

//! The use cases of operators: clients, people, devices, sessions, consents. Every change is one write together with its audit
//! event. What the configuration file declares is applied by [`declared`] at each start, and refused to everybody else, with
//! two exceptions for emergencies: anybody can be locked, and any device can be removed. What the phone services know of devices
//! is asked of them each time ([`at_service`]).

pub(crate) mod at_service;
pub(crate) mod audit;
#[cfg(test)]
mod beside_tests;
pub(crate) mod clients;
pub(crate) mod consents;
pub(crate) mod declared;
pub(crate) mod deletion;
pub(crate) mod devices;
pub(crate) mod import;
#[cfg(test)]
mod people_tests;
pub(crate) mod preview;
pub(crate) mod restored;
pub(crate) mod sessions;
#[cfg(test)]
mod tests;
pub(crate) mod users;

use crate::domain::audit::AuditEvent;
use crate::domain::browser::RequestSource;
use crate::domain::client_rules::Violation;
use crate::domain::env::{Env, RandomError};
use crate::flow::audit::PendingEvent;
use crate::store::{JobError, Store, StoreError};

#[derive(Clone)]
pub(crate) struct Manage<'a> {
    pub store: &'a Store,
    pub env: &'a Env,
    /// Who asks, for the audit trail.
    pub origin: RequestSource,
    /// Whether clients may be told of logouts over plain http (`[outbound] allow_private`).
    pub allow_private: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ManageError {
    #[error("{0} already exists")]
    Exists(String),
    #[error("there is no {0}")]
    NotFound(String),
    #[error("{0} is declared in the configuration file: change it there")]
    Declared(String),
    #[error("{}", sentences(.0))]
    Invalid(Vec<Violation>),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl JobError for ManageError {
    fn of_database(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _refusal => None,
        }
    }
}

fn sentences(violations: &[Violation]) -> String {
    let sentences: Vec<String> = violations.iter().map(|violation| format!("{}: {violation}", violation.member)).collect();
    sentences.join("; ")
}

impl<'a> Manage<'a> {
    pub(crate) fn command(store: &'a Store, env: &'a Env) -> Self {
        let origin = RequestSource { address: String::new(), user_agent: "signbridge command".to_owned() };
        Self { store, env, origin, allow_private: false }
    }

    fn entry(&self, event: AuditEvent) -> Result<PendingEvent, RandomError> {
        PendingEvent::new(self.store, AuditEvent { origin: self.origin.clone(), ..event })
    }
}

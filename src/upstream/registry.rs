//! Which phones a service knows of somebody: registering one, reading them, taking one away.

use async_trait::async_trait;

use super::answer::is_passing;
use super::{BeginError, Begun};
use crate::domain::error_chain::chain;
use crate::domain::login::Challenge;
use crate::outbound::{PhoneAnswer, SendError};

/// How a phone comes to be registered for somebody.
#[derive(Clone, Debug)]
pub(crate) enum Enrolment {
    /// The phone completes a transaction, which [`super::PhoneApproval`] polls and cancels like a login's.
    Transaction(Begun),
    /// The app makes the registration by itself once it has read the code or opened the link; whether it has,
    /// [`PhoneRegistry::phones`] tells.
    Invitation(Challenge),
}

/// A phone, as its service describes it: untrusted text, printable ASCII, cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegisteredPhone {
    pub id: String,
    pub name: Option<String>,
    pub model: Option<String>,
    pub registered_on: Option<String>,
    pub last_used_on: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phones {
    /// The service knows nobody of that name.
    Nobody,
    Listed(Vec<RegisteredPhone>),
    /// The service tells how many, and nothing of them.
    Counted(u32),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryError {
    #[error("the phone service has no such phone")]
    NoSuchPhone,
    #[error("the phone service does not let us do that")]
    Unsupported,
    #[error("the phone service could not be asked: {0}")]
    Unavailable(String),
    #[error("the phone service answered something unusable: {0}")]
    Unusable(String),
}

#[async_trait]
pub(crate) trait PhoneRegistry: Send + Sync {
    /// Begins to register a phone for `user`, the service's name for them; `user_agent` is the browser's. What creates something
    /// is sent once. Ends within 5 s.
    async fn enrol(&self, user: &str, user_agent: &str) -> Result<Enrolment, BeginError>;

    /// May be repeated. Ends within 3 s.
    async fn phones(&self, user: &str) -> Result<Phones, RegistryError>;

    /// Takes a phone away from `user`: it can approve nothing for them any more. May be repeated. Ends within 3 s.
    async fn remove(&self, user: &str, phone: &str) -> Result<(), RegistryError>;
}

/// The answer to a call that may be repeated, whatever its status; an error where it says nothing, or too much.
pub(super) fn heard(sent: Result<PhoneAnswer, SendError>) -> Result<PhoneAnswer, RegistryError> {
    let failure = match sent {
        Ok(answer) if is_passing(answer.status) => return Err(RegistryError::Unavailable(format!("HTTP {}", answer.status))),
        Ok(answer) => return Ok(answer),
        Err(failure) => failure,
    };
    Err(match failure {
        SendError::TooLong { status } if !is_passing(status) => RegistryError::Unusable(chain(&failure)),
        failure => RegistryError::Unavailable(chain(&failure)),
    })
}

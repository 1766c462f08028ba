//! The request that `try` makes, from its begin to its end, in the rhythm of a login. Once the service took it, it is never
//! left alone: whatever ends it here, a signal, a terminal and a reader that are gone included, is told to the service first.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::screen::{Ended, Screen, in_words};
use super::{CliError, phones};
use crate::app::{hangups, until_told_to_stop};
use crate::domain::error_chain::chain;
use crate::domain::login::{Confirmation, End, Reason, UpstreamHandle};
use crate::telemetry;
use crate::upstream::{
    BeginError, BeginRequest, Begun, Enrolment, FAST, PhoneApproval, PhoneRegistry, Progress, RegistryError, SLOW, Unavailable,
};

const SERVICE_NAME: &str = "signbridge try";
const USER_AGENT: &str = concat!("signbridge/", env!("CARGO_PKG_VERSION"));
/// Between questions whether a phone was registered.
const REGISTERED: Duration = Duration::from_secs(3);

pub(super) struct Trial<'a> {
    pub(super) service: &'a dyn PhoneApproval,
    /// Where a phone is to be registered.
    pub(super) registry: Option<&'a dyn PhoneRegistry>,
    pub(super) user: Option<String>,
    /// The issuer's.
    pub(super) host: String,
    pub(super) lifetime: Duration,
    /// Whether it is only shown.
    pub(super) cancel: bool,
}

enum Outcome {
    /// By whom.
    Approved(String),
    /// The service says so.
    Ended(End),
    /// We say so, and why: the service's request may still live.
    GivenUp(End, String),
}

async fn until_signalled() {
    let closed = async {
        match hangups() {
            Some(mut signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = until_told_to_stop() => {}
        () = closed => {}
    }
}

impl Trial<'_> {
    pub(super) async fn run(&self, screen: &mut Screen) -> Result<(), CliError> {
        let told = until_signalled();
        tokio::pin!(told);
        let begin = self.begin();
        tokio::pin!(begin);
        // A request that is being made is waited for, whatever signal comes: nobody else could withdraw it.
        let (begun, told_already) = tokio::select! {
            biased;
            () = told.as_mut() => (begin.await, true),
            begun = begin.as_mut() => (begun, false),
        };
        let begun = match begun {
            Ok(begun) => begun,
            Err(error) => return self.not_begun(screen, &error).await,
        };
        let interrupted = || Ok(Outcome::GivenUp(End::Cancelled(None), "interrupted".to_owned()));
        let outcome = if told_already {
            interrupted()
        } else {
            tokio::select! {
                biased;
                () = told.as_mut() => interrupted(),
                outcome = self.follow(screen, &begun) => outcome,
            }
        };
        let handle = if let Enrolment::Transaction(begun) = &begun { Some(&begun.handle) } else { None };
        match outcome {
            Ok(Outcome::Approved(user)) => {
                if let Some(handle) = handle {
                    self.service.release(handle).await;
                }
                self.approved(screen, &user)
            }
            Ok(Outcome::Ended(how)) => refused(screen, how, "", None),
            Ok(Outcome::GivenUp(how, why)) => {
                let withdrawn = self.withdraw(handle).await;
                if self.cancel && why.is_empty() {
                    shown(screen, how, withdrawn)
                } else {
                    refused(screen, how, &why, withdrawn)
                }
            }
            Err(error) => {
                let _nobody_reads_it = self.withdraw(handle).await;
                Err(error)
            }
        }
    }

    async fn begin(&self) -> Result<Enrolment, BeginError> {
        if let Some(registry) = self.registry {
            return registry.enrol(self.user.as_deref().unwrap_or_default(), USER_AGENT).await;
        }
        let request = BeginRequest {
            upstream_user: self.user.clone(),
            service_name: SERVICE_NAME.to_owned(),
            service_address: self.host.clone(),
            user_agent: USER_AGENT.to_owned(),
            confirmation: Confirmation::Symbol,
        };
        self.service.begin(request).await.map(Enrolment::Transaction)
    }

    async fn not_begun(&self, screen: &Screen, error: &BeginError) -> Result<(), CliError> {
        let mut why = chain(error);
        let withdrawn = match error {
            BeginError::Unusable { handle, .. } => self.withdraw(handle.as_ref()).await,
            _no_request => None,
        };
        if matches!(error, BeginError::Unusable { in_doubt: true, handle: None, .. }) {
            why.push_str(": a request may be open on the phone until it expires");
        }
        let (_, reason, _) = error.verdict();
        refused(screen, End::Failed(reason), &why, withdrawn)
    }

    async fn follow(&self, screen: &mut Screen, begun: &Enrolment) -> Result<Outcome, CliError> {
        let (challenge, expires_in) = match begun {
            Enrolment::Transaction(Begun { challenge, expires_in, .. }) => (challenge, *expires_in),
            Enrolment::Invitation(challenge) => (challenge, None),
        };
        let lifetime = expires_in.map_or(self.lifetime, |theirs| theirs.min(self.lifetime));
        let deadline = Instant::now() + lifetime;
        screen.begun(challenge, lifetime)?;
        if self.cancel {
            return Ok(Outcome::GivenUp(End::Cancelled(None), String::new()));
        }
        screen.state("pending", None)?;
        match (begun, self.registry) {
            (Enrolment::Transaction(begun), _) => self.poll(screen, &begun.handle, deadline).await,
            (Enrolment::Invitation(_), Some(registry)) => Ok(self.until_registered(registry, deadline).await),
            // Nothing else makes invitations.
            (Enrolment::Invitation(_), None) => Ok(Outcome::Ended(End::Failed(Reason::Technical))),
        }
    }

    async fn poll(&self, screen: &Screen, handle: &UpstreamHandle, deadline: Instant) -> Result<Outcome, CliError> {
        let (mut pause, mut silence) = (SLOW, Silence::default());
        while in_time(pause, deadline).await {
            match silence.noted(self.service.poll(handle, self.user.as_deref()).await) {
                None | Some(Progress::Pending) => {}
                Some(Progress::Fetched) if pause == FAST => {}
                Some(Progress::Fetched) => {
                    pause = FAST;
                    screen.state("fetched", None)?;
                }
                Some(Progress::Approved { upstream_user }) => return Ok(Outcome::Approved(upstream_user)),
                Some(Progress::Ended(how)) => return Ok(Outcome::Ended(how)),
                Some(Progress::Disowned) => return Ok(Outcome::Ended(End::Denied)),
                Some(Progress::Nonsense { detail, .. }) => {
                    return Ok(Outcome::GivenUp(End::Failed(Reason::Technical), detail));
                }
            }
        }
        Ok(Outcome::GivenUp(End::Expired, String::new()))
    }

    async fn until_registered(&self, registry: &dyn PhoneRegistry, deadline: Instant) -> Outcome {
        let user = self.user.as_deref().unwrap_or_default();
        let mut silence = Silence::default();
        while in_time(REGISTERED, deadline).await {
            let answer = match registry.phones(user).await {
                Err(error) if !matches!(error, RegistryError::Unavailable(_)) => {
                    return Outcome::GivenUp(End::Failed(Reason::Technical), error.to_string());
                }
                answer => answer,
            };
            if silence.noted(answer).is_some_and(|known| phones::count(&known) > 0) {
                return Outcome::Approved(user.to_owned());
            }
        }
        Outcome::GivenUp(End::Expired, String::new())
    }

    fn approved(&self, screen: &Screen, user: &str) -> Result<(), CliError> {
        let what = if self.registry.is_some() { "has a registered phone" } else { "approved" };
        let words = format!("{user} {what}");
        Ok(screen.end(&Ended { state: "approved", user: Some(user), words: Some(&words), ..Ended::default() })?)
    }

    /// `None`: there is nothing to withdraw. An invitation is none.
    async fn withdraw(&self, handle: Option<&UpstreamHandle>) -> Option<Result<(), Unavailable>> {
        match handle {
            Some(handle) => Some(self.service.cancel(handle).await),
            None => None,
        }
    }
}

/// Waits for so long, or until there is no time left: false.
async fn in_time(pause: Duration, deadline: Instant) -> bool {
    sleep_until((Instant::now() + pause).min(deadline)).await;
    Instant::now() < deadline
}

/// What says once that a service cannot be asked, until it can again.
#[derive(Default)]
struct Silence {
    told: bool,
}

impl Silence {
    fn noted<T>(&mut self, answer: Result<T, impl Display>) -> Option<T> {
        let told = std::mem::replace(&mut self.told, answer.is_err());
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                if !told {
                    telemetry::say(&format!("signbridge: {error}; it is asked again"));
                }
                None
            }
        }
    }
}

/// The end of a request that was only to be shown.
fn shown(screen: &Screen, how: End, withdrawn: Option<Result<(), Unavailable>>) -> Result<(), CliError> {
    let confirmed = withdrawn.as_ref().map(Result::is_ok);
    if confirmed == Some(false) {
        return refused(screen, how, "", withdrawn);
    }
    let words = confirmed.map(|_yes| "the service confirmed that the request is withdrawn");
    Ok(screen.end(&Ended { state: how.state(), reason: how.reason(), user: None, confirmed, words })?)
}

fn refused(screen: &Screen, how: End, why: &str, withdrawn: Option<Result<(), Unavailable>>) -> Result<(), CliError> {
    let (state, reason) = (how.state(), how.reason());
    screen.end(&Ended { state, reason, confirmed: withdrawn.as_ref().map(Result::is_ok), ..Ended::default() })?;
    let mut words = format!("not approved: {}", in_words(state, reason));
    if !why.is_empty() {
        words = format!("{words}: {why}");
    }
    Err(CliError::Refused(match withdrawn {
        Some(Ok(())) => format!("{words}; the service confirmed that the request is withdrawn"),
        Some(Err(error)) => format!("{words}; the request may still be open on the phone: {error}"),
        None => words,
    }))
}

//! The two things that a decision needs and cannot derive: the time and random numbers.

use std::sync::Arc;

use super::clock::{Clock, SystemClock, Timestamp};

#[derive(Debug, thiserror::Error)]
#[error("the operating system's random number generator failed")]
pub struct RandomError;

#[derive(Clone)]
pub struct Env {
    clock: Arc<dyn Clock>,
}

impl Env {
    pub fn system() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A failure of the operating system's generator ends the request (or the start); there is never a weaker substitute.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may ask for random numbers")]
    pub fn random_bytes<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).map_err(|_unavailable| RandomError)?;
        Ok(bytes)
    }
}

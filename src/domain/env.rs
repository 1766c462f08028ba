//! The two things that a decision needs and cannot derive: the time and random numbers.

use std::sync::Arc;

use super::clock::{Clock, SystemClock, Timestamp};
use super::random::{Random, RandomError, SystemRandom};

/// Clock and random number generator, passed to whoever needs them.
#[derive(Clone)]
pub struct Env {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Env {
    /// The machine's clock and generator.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
    }

    /// The given clock with the machine's generator.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, random: Arc::new(SystemRandom) }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// `N` random bytes.
    pub fn random_bytes<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes)?;
        Ok(bytes)
    }
}

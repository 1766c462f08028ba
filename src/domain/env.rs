//! The two things that a decision needs and cannot derive: the time and random numbers.

use std::sync::Arc;

use super::clock::{Clock, SystemClock, Timestamp};
use super::random::{RandomError, fill};

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

    pub fn random_bytes<const N: usize>(&self) -> Result<[u8; N], RandomError> {
        let mut bytes = [0; N];
        fill(&mut bytes)?;
        Ok(bytes)
    }
}

//! The only source of random numbers. A failure of the operating system's generator ends the request (or the start);
//! there is never a weaker substitute.

/// The random number generator failed.
#[derive(Debug, thiserror::Error)]
#[error("the operating system's random number generator failed")]
pub struct RandomError;

/// Where random bytes come from.
pub(crate) trait Random: Send + Sync {
    /// Fills `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError>;
}

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may ask for random numbers")]
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(buffer).map_err(|_unavailable| RandomError)
    }
}

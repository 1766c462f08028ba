//! The only source of random numbers. A failure of the operating system's generator ends the request (or the start);
//! there is never a weaker substitute.

#[derive(Debug, thiserror::Error)]
#[error("the operating system's random number generator failed")]
pub struct RandomError;

#[expect(clippy::disallowed_methods, reason = "this is the one place that may ask for random numbers")]
pub(super) fn fill(buffer: &mut [u8]) -> Result<(), RandomError> {
    getrandom::fill(buffer).map_err(|_unavailable| RandomError)
}

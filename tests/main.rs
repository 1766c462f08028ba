//! The integration tests in Rust, in one binary. What drives the running program by HTTP alone is in `tests/clients`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checks;
mod citations;
mod craft;
#[cfg(feature = "demo")]
mod http;
mod logging;
mod pathways;
mod seeds;

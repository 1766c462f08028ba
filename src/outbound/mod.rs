//! The only HTTP client builders of the product (architecture: `reqwest` stays in here), so that no call leaves without a
//! time limit, a cap on the answer and verified TLS (checks 154–156, S21).
//!
//! [`guarded()`] builds the client for URLs that *clients register*. A phone client must never be used for such a URL: it trusts
//! its address.

use std::path::{Path, PathBuf};
use std::time::Duration;

mod guarded;
mod phone;
mod probe;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use guarded::{CallError, GuardedClient, guarded};
pub(crate) use phone::{Delivery, PhoneAnswer, PhoneClient, PhoneRequest, SendError};
pub(crate) use probe::{Probe, ProbeAnswer};

/// How long connecting may take (name, TCP and TLS together): less than any call's total, so that a failure to connect is
/// always recognised as one.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
const USER_AGENT: &str = concat!("signbridge/", env!("CARGO_PKG_VERSION"));

/// Why an HTTP client could not be built: all of them are mistakes of configuration or machine, found at start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutboundError {
    #[error("the CA file {} cannot be read", .path.display())]
    CaFileUnreadable { path: PathBuf, source: std::io::Error },
    #[error("the CA file {} holds no certificate in PEM form", .path.display())]
    CaFileEmpty { path: PathBuf },
    /// The client cannot be built: a broken certificate in the CA file, or a machine without trusted authorities.
    #[error("the HTTP client cannot be built (CA file, or the system's trusted certificates)")]
    Client(#[from] reqwest::Error),
}

/// `ca_file` is a PEM file of certification authorities that are trusted besides the system's (an on-premise server); there is no
/// switch that skips the verification (check 155).
pub(crate) fn phone_service(ca_file: Option<&Path>) -> Result<PhoneClient, OutboundError> {
    let authorities = extra_authorities(ca_file)?;
    // A kept connection can turn out to be dead after the request was written to it, and then nobody knows whether the
    // request arrived. What must happen at most once gets a connection of its own.
    let once = builder(authorities.clone()).pool_max_idle_per_host(0).build()?;
    let repeatable = builder(authorities).pool_max_idle_per_host(8).pool_idle_timeout(Duration::from_secs(15)).build()?;
    Ok(PhoneClient { once, repeatable })
}

fn extra_authorities(ca_file: Option<&Path>) -> Result<Vec<reqwest::Certificate>, OutboundError> {
    let Some(path) = ca_file else { return Ok(Vec::new()) };
    let pem = std::fs::read(path).map_err(|source| OutboundError::CaFileUnreadable { path: path.to_owned(), source })?;
    let authorities = reqwest::Certificate::from_pem_bundle(&pem)?;
    if authorities.is_empty() {
        return Err(OutboundError::CaFileEmpty { path: path.to_owned() });
    }
    Ok(authorities)
}

/// What every outgoing call has in common. No cookies and no decompression: those features are not compiled in.
#[expect(clippy::disallowed_methods, reason = "this is the place where HTTP clients are built")]
fn builder(authorities: Vec<reqwest::Certificate>) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirect would carry the request, and with it session secrets or a signature, to another host (S21, R19).
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // The environment of a server is not the place from which the way to a phone service is chosen (B7).
        .no_proxy()
        .retry(reqwest::retry::never())
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .tls_certs_merge(authorities)
}

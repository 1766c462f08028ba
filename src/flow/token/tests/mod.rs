//! A provider for the tests of the client-facing flows: a temporary SQLite database, a clock that is turned by hand, no
//! phone services. Signing keys are made once for all tests.

mod bench;
pub(crate) mod beside;
mod over;
mod requests;
mod signing_keys;

pub(crate) use bench::Bench;
pub(crate) use requests::{alg, claims, client_request, code_of, credentials, redemption};

use crate::domain::clock::Timestamp;

pub(crate) const T0: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub(crate) const ISSUER: &str = "https://id.example";
/// The secret of every confidential client.
pub(crate) const SECRET: &str = "s3cret";
/// The redirect URI of every client.
pub(crate) const REDIRECT: &str = "https://app.example/cb";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636 appendix B.
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

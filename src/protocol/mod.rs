//! The vocabulary of the specifications as types: OAuth 2.0 (RFC 6749), OpenID Connect Core and their relatives.
//!
//! Pure: no I/O, no clock, no other module of the product. A value of one of these types has been parsed and is therefore
//! well-formed; whether a client may use it is the flows' business.

pub(crate) mod authorization;
pub(crate) mod claims;
pub(crate) mod client_metadata;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod json;
pub(crate) mod jwk;
pub(crate) mod jws;
pub(crate) mod named;
pub(crate) mod nearest;
pub(crate) mod parameters;
pub(crate) mod redirect_uri;
pub(crate) mod scope;
pub(crate) mod uri;

#[cfg(test)]
pub(crate) mod slip_tests;
#[cfg(test)]
mod uri_tests;

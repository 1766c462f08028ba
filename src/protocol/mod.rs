//! The vocabulary of the specifications as types: OAuth 2.0 (RFC 6749), OpenID Connect Core and their relatives.
//!
//! Pure: no I/O, no clock, no other module of the product. A value of one of these types has been parsed and is therefore
//! well-formed; whether a client may use it is the flows' business.

pub mod client_metadata;
pub mod endpoint;
pub mod error;
pub mod id_token;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod logout_token;
pub mod logout_uri;
pub mod parameters;
pub mod pkce;
pub mod prompt;
pub mod redirect_uri;
pub mod response_mode;
pub mod scope;
pub mod uri;
pub mod web_origin;

#[cfg(test)]
pub(crate) mod slip_tests;
#[cfg(test)]
mod uri_tests;

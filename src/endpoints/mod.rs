//! The provider's HTTP face: adapters between requests and the flows, and the pages of a login. No decision of a protocol is
//! made here.

mod assets;
mod authorization;
mod consent;
mod cors;
mod form;
mod interaction;
mod introspection;
mod language;
mod login;
mod login_status;
mod logout;
mod metadata;
mod parameters;
mod program;
mod revocation;
pub mod routes;
mod token;
mod typed;
mod userinfo;

//! The provider's HTTP face: adapters between requests and the flows. No decision of a protocol is made here.

mod authorization;
mod declined;
mod interaction;
mod login;
mod logout;
mod oauth;
pub(crate) mod routes;
mod site;

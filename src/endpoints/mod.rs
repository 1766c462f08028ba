//! The provider's HTTP face: adapters between requests and the flows. No decision of a protocol is made here.

mod app;
mod authorization;
mod consent;
mod interaction;
mod login;
mod login_status;
mod logout;
mod oauth;
pub(crate) mod routes;
mod site;

//! Signbridge: an OpenID Connect provider whose login step is an approval on a phone.
//!
//! The map of the modules, who may use whom, and two requests followed through the code stand in `docs/architecture.md`.

mod app;
mod cli;
mod compat;
mod config;
#[cfg(feature = "demo")]
pub mod demo;
mod doctor;
mod domain;
mod endpoints;
mod flow;
mod jobs;
mod keys;
mod manage;
mod metrics;
mod outbound;
mod protocol;
mod recipes;
mod store;
mod telemetry;
mod upstream;
mod view;
mod web;

pub use cli::main;
// What benches need besides the demonstration.
pub use domain::{env::Env, secret::Secret, user::Upstream};

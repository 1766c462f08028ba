//! Signbridge: an OpenID Connect provider whose login step is an approval on a phone.
//!
//! The map of the modules, who may use whom, and two requests followed through the code stand in `docs/architecture.md`.

pub mod app;
pub mod cli;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod doctor;
pub mod domain;
pub mod endpoints;
pub mod flow;
pub mod jobs;
pub mod keys;
pub mod manage;
pub mod metrics;
pub mod outbound;
pub mod protocol;
pub mod recipes;
pub mod store;
pub mod telemetry;
pub mod upstream;
pub mod view;
pub mod web;

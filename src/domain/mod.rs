//! What exists: clients, people, devices, browser sessions, authorizations, logins and grants, as plain values.
//!
//! The *stage enums* ([`authorization::AuthorizationStage`], [`login::LoginStage`]) hold the data that a stage has and
//! nothing else, so that a later stage's data cannot be read too early. No I/O, no SQL, no web framework.

pub(crate) mod address;
pub(crate) mod assurance;
pub(crate) mod audit;
pub(crate) mod authorization;
pub(crate) mod brand;
pub(crate) mod browser;
pub(crate) mod certificate;
pub(crate) mod client;
pub(crate) mod client_rules;
pub(crate) mod clock;
pub(crate) mod colour;
pub(crate) mod env;
pub(crate) mod error_chain;
pub(crate) mod grant;
pub(crate) mod hex;
pub(crate) mod id;
pub(crate) mod login;
pub(crate) mod picture;
pub(crate) mod refusal;
pub(crate) mod secret;
pub(crate) mod setting;
pub(crate) mod settings;
pub(crate) mod signing_key;
pub(crate) mod user;
pub(crate) mod written;

pub(crate) use crate::protocol::named;

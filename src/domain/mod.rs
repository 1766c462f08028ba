//! What exists: clients, people, devices, browser sessions, authorizations, logins and grants, as plain values.
//!
//! The *stage enums* ([`authorization::AuthorizationStage`], [`login::LoginStage`]) hold the data that a stage has and
//! nothing else, so that a later stage's data cannot be read too early. No I/O, no SQL, no web framework: the store turns
//! rows into these types, the flows decide with them.

pub mod address;
pub mod assurance;
pub mod audit;
pub mod authorization;
pub mod backchannel_logout;
pub mod browser;
pub mod certificate;
pub mod client;
pub mod client_rules;
pub mod clock;
pub mod env;
pub mod error_chain;
pub mod grant;
pub mod hex;
pub mod id;
pub mod login;
pub mod names;
pub mod random;
pub mod secret;
pub mod setting;
pub mod settings;
pub mod signing_key;
pub mod user;
pub mod written;

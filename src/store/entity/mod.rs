//! The rows, as the database has them: one file per table, plain columns, private to the store. Moments are milliseconds
//! since the Unix epoch. What a row means is decided where it turns into a type of `domain`.

pub(super) mod access_pass;
pub(super) mod access_token;
pub(super) mod audit_event;
pub(super) mod audit_tally;
pub(super) mod authorization;
pub(super) mod backchannel_logout;
pub(super) mod client;
pub(super) mod code;
pub(super) mod commit;
pub(super) mod consent;
pub(super) mod device;
pub(super) mod grant;
pub(super) mod instance;
pub(super) mod login;
pub(super) mod push;
pub(super) mod push_lock;
pub(super) mod refresh_token;
pub(super) mod remembered_browser;
pub(super) mod session;
pub(super) mod signing_key;
pub(super) mod slot;
pub(super) mod user;

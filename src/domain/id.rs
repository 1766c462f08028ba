//! Identifiers: one type per kind of thing, so that a login's id can never be looked up as an authorization's. They are no
//! secrets: they may stand in a URL, a log or a token.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::env::{Env, RandomError};

macro_rules! identifiers {
    ($($(#[$doc:meta])+ $name:ident)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub(crate) struct $name(String);

        impl $name {
            /// As it was received or stored; looking it up is the check.
            pub(crate) fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// A new identifier: time-ordered (UUID version 7), so that indexes grow at their end.
            pub(crate) fn generate(env: &Env) -> Result<Self, RandomError> {
                Ok(Self(time_ordered(env)?))
            }

            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

identifiers! {
    /// A relying party (`client_id`, RFC 6749 §2.2).
    ClientId
    /// A person; also the `sub` of their tokens: stable, never reused (OIDC Core §2).
    UserId
    /// A phone that a person registered.
    DeviceId
    /// A browser session; also the `sid` of its tokens (OIDC Front-Channel Logout §3).
    SessionId
    /// One request of a relying party, from `/authorize` to the code.
    AuthorizationId
    /// One attempt to get one approval.
    LoginId
    /// A token family: everything that one authorization code led to.
    GrantId
}

/// One request of a device without a browser (RFC 8628).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct DeviceGrantId(pub(crate) String);

/// One request of a client without a browser (CIBA Core).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct BackchannelRequestId(pub(crate) String);

/// A new row id: a UUID of version 7, which sorts by time.
pub(crate) fn time_ordered(env: &Env) -> Result<String, RandomError> {
    let random: [u8; 10] = env.random_bytes()?;
    let millis = u64::try_from(env.now().as_millis()).unwrap_or(0);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().as_hyphenated().to_string())
}

/// Whether `text` looks like an identifier that we made (a hyphenated UUID): a cheap refusal of junk before the database.
pub(crate) fn is_well_formed(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_identifiers_differ_and_are_well_formed() {
        let env = Env::system();
        let (one, two) = (LoginId::generate(&env).unwrap(), LoginId::generate(&env).unwrap());
        assert_ne!(one, two);
        assert!(is_well_formed(one.as_str()));
        assert!(!is_well_formed("../../etc/passwd"));
    }
}

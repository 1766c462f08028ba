//! Relying parties as they are registered here.

use super::clock::Timestamp;
use super::id::ClientId;
use super::named::parsed_enum;
use super::secret::SecretDigest;
use crate::protocol::client_metadata::ClientMetadata;

parsed_enum! {
    /// Who wrote a client or a person down: what the configuration file declares is read-only elsewhere.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Source {
        File = "file",
        Command = "command",
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub id: ClientId,
    pub metadata: ClientMetadata,
    pub secret: Option<SecretDigest>,
    pub source: Source,
    /// Whether it was switched off: nothing is issued to it, and what it has is dead.
    pub disabled: bool,
    pub created_at: Timestamp,
}

impl Client {
    pub(crate) fn display_name(&self) -> &str {
        if self.metadata.client_name.is_empty() { self.id.as_str() } else { &self.metadata.client_name }
    }
}

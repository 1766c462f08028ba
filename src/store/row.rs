//! From columns to the types of `domain`: what cannot be read is an inconsistency that names its row, never a default.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as WordError, StrDeserializer};

use super::StoreError;
use crate::domain::assurance::Acr;
use crate::domain::browser::Authentication;
use crate::domain::clock::Timestamp;
use crate::domain::id::{DeviceId, SessionId, UserId};

/// The row that is being read, for the error that it may turn out to be.
#[derive(Clone, Copy)]
pub(super) struct Row<'r> {
    pub(super) table: &'static str,
    pub(super) key: &'r str,
}

impl Row<'_> {
    /// The error that this row is.
    pub(super) fn inconsistent(self, detail: impl Into<String>) -> StoreError {
        StoreError::Inconsistent { table: self.table, key: self.key.to_owned(), detail: detail.into() }
    }

    /// The value of a column that must not be NULL in this state of the row.
    pub(super) fn present<T>(self, column: &str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.inconsistent(format!("{column} is missing")))
    }

    /// What `text` means, by a `parse` function of `domain` or `protocol`.
    pub(super) fn known<T>(self, column: &str, text: &str, parsed: Option<T>) -> Result<T, StoreError> {
        parsed.ok_or_else(|| self.inconsistent(format!("{column} is `{text}`, which means nothing")))
    }

    /// What `text` means, by the serde name of a value.
    pub(super) fn word<T: DeserializeOwned>(self, column: &str, text: &str) -> Result<T, StoreError> {
        let word: StrDeserializer<'_, WordError> = text.into_deserializer();
        self.known(column, text, T::deserialize(word).ok())
    }

    /// A JSON document. The error tells where it breaks, not what stands there.
    pub(super) fn json<T: DeserializeOwned>(self, column: &str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| {
            self.inconsistent(format!("{column} cannot be read ({:?} error in column {})", error.classify(), error.column()))
        })
    }
}

/// The columns that say who signed in, when and how.
pub(super) struct AuthenticationColumns {
    pub(super) user_id: String,
    pub(super) session_id: String,
    pub(super) auth_time: i64,
    pub(super) acr: String,
    pub(super) device_id: Option<String>,
    pub(super) unnamed: bool,
}

impl AuthenticationColumns {
    /// Their meaning.
    pub(super) fn read(self, row: Row<'_>) -> Result<Authentication, StoreError> {
        Ok(Authentication {
            user_id: UserId::new(self.user_id),
            session_id: SessionId::new(self.session_id),
            auth_time: Timestamp::from_millis(self.auth_time),
            acr: row.known("acr", &self.acr, Acr::parse(&self.acr))?,
            device_id: self.device_id.map(DeviceId::new),
            unnamed: self.unnamed,
        })
    }
}

/// The JSON of a column.
pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Statement(format!("a value cannot be written as JSON: {error}")))
}

/// The moment of a nullable column.
pub(super) fn moment(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}

/// The nullable column of a moment.
pub(super) fn millis(moment: Option<Timestamp>) -> Option<i64> {
    moment.map(Timestamp::as_millis)
}

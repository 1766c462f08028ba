//! From columns to the types of `domain`. What is missing or broken is an inconsistency that names its row, never a default.
//! What is there and means nothing to this program is [`StoreError::Unknown`]: while two releases run side by side, the newer one
//! writes words that the older one does not know. Lists leave such rows out ([`readable`]), and where one must be served all the
//! same, the reading is the most cautious one.

use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as WordError, StrDeserializer};

use super::StoreError;
use crate::domain::assurance::Acr;
use crate::domain::client::Source;
use crate::domain::clock::Timestamp;
use crate::domain::id::{AuthorizationId, ClientId, DeviceId, GrantId, LoginId, SessionId, UserId};
use crate::domain::secret::SecretDigest;

/// The row that is being read, for the error that it may turn out to be.
#[derive(Clone, Copy)]
pub(super) struct Row<'r> {
    pub(super) table: &'static str,
    pub(super) key: &'r str,
}

impl Row<'_> {
    pub(super) fn inconsistent(self, detail: impl Into<String>) -> StoreError {
        StoreError::Inconsistent { table: self.table, key: self.key.to_owned(), detail: detail.into() }
    }

    fn unknown(self, detail: String) -> StoreError {
        StoreError::Unknown { table: self.table, key: self.key.to_owned(), detail }
    }

    /// The value of a column that must not be NULL in this state of the row.
    pub(super) fn present<T>(self, column: &str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.inconsistent(format!("{column} is missing")))
    }

    pub(super) fn known<T>(self, column: &str, text: &str, parsed: Option<T>) -> Result<T, StoreError> {
        parsed.ok_or_else(|| self.unknown(format!("{column} is `{text}`, which means nothing")))
    }

    pub(super) fn word<T: DeserializeOwned>(self, column: &str, text: &str) -> Result<T, StoreError> {
        let word: StrDeserializer<'_, WordError> = text.into_deserializer();
        self.known(column, text, T::deserialize(word).ok())
    }

    /// A JSON document. The error tells where it breaks, not what stands there.
    pub(super) fn json<T: DeserializeOwned>(self, column: &str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| self.unreadable(column, &error))
    }

    /// The error of a JSON document: one that is well-formed holds what this program does not know.
    pub(super) fn unreadable(self, column: &str, error: &serde_json::Error) -> StoreError {
        let detail = format!("{column} cannot be read ({:?} error in column {})", error.classify(), error.column());
        if error.is_data() { self.unknown(detail) } else { self.inconsistent(detail) }
    }
}

pub(super) fn readable<M, T>(rows: Vec<M>, read: fn(M) -> Result<T, StoreError>) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(read).filter(|row| !matches!(row, Err(StoreError::Unknown { .. }))).collect()
}

/// Who wrote a row down; a word of a newer program is not the file.
pub(super) fn source(text: &str) -> Source {
    Source::parse(text).unwrap_or(Source::Command)
}

/// The value of a column `source` that is written again: a word that this program does not know stays.
pub(super) fn source_again(column: impl ColumnTrait, source: Source) -> SimpleExpr {
    if source == Source::File {
        return Expr::value(source.as_str());
    }
    let known = column.is_in([Source::File, Source::Command].map(Source::as_str));
    Expr::case(known, source.as_str()).finally(Expr::col(column)).into()
}

macro_rules! values {
    ($($value:expr),* $(,)?) => { [$(sea_orm::Value::from($value)),*] };
}
pub(super) use values;

macro_rules! texts {
    ($($name:ident),+) => {
        $(impl From<&$name> for Value {
            fn from(text: &$name) -> Self {
                text.as_str().into()
            }
        })+
    };
}

texts!(AuthorizationId, ClientId, DeviceId, GrantId, LoginId, SecretDigest, SessionId, UserId);

impl From<Timestamp> for Value {
    fn from(moment: Timestamp) -> Self {
        moment.as_millis().into()
    }
}

/// What a newer program calls stronger is no more than the weakest here.
pub(super) fn acr(text: &str) -> Acr {
    Acr::parse(text).unwrap_or(Acr::Approved)
}

/// Nobody's lease, which lasts until the moment in this column, holds at `now`.
pub(super) fn unleased(until: impl ColumnTrait, now: Timestamp) -> Condition {
    Condition::any().add(until.is_null()).add(until.lte(now.as_millis()))
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Statement(format!("a value cannot be written as JSON: {error}")))
}

pub(super) fn moment(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}

pub(super) fn millis(moment: Option<Timestamp>) -> Option<i64> {
    moment.map(Timestamp::as_millis)
}

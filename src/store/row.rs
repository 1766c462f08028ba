//! From columns to the types of `domain`. What is missing or broken is an inconsistency that names its row, never a default.
//! What is there and means nothing to this program is [`StoreError::Unknown`]: while two releases run side by side, the newer one
//! writes words that the older one does not know. Lists leave such rows out ([`readable`]), and where one must be served all the
//! same, the reading is the most cautious one.

use sea_orm::sea_query::{ArrayType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, ColumnType, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::domain::assurance::Acr;
use crate::domain::client::Source;
use crate::domain::clock::Timestamp;
use crate::domain::id::{AuthorizationId, ClientId, DeviceId, GrantId, LoginId, SessionId, UserId};
use crate::domain::secret::SecretDigest;
use crate::domain::user::Upstream;
use crate::protocol::scope::Scope;

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

    pub(super) fn scope(self, text: &str) -> Result<Scope, StoreError> {
        self.known("scope", text, Scope::parse(text).ok())
    }

    pub(super) fn upstream(self, text: &str) -> Result<Upstream, StoreError> {
        self.known("upstream", text, Upstream::parse(text))
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
pub(super) fn read_source(text: &str) -> Source {
    Source::parse(text).unwrap_or(Source::Command)
}

macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$(sea_orm::Value::from($value)),*] };
}
pub(super) use values;

/// Types of `domain` that are columns as they are.
macro_rules! columns {
    ($plain:ident: $($name:ident($read:ident, $write:ident)),+ $(,)?) => {
        $(impl From<&$name> for Value {
            fn from(value: &$name) -> Self {
                value.$write().into()
            }
        }

        impl From<$name> for Value {
            fn from(value: $name) -> Self {
                value.$write().into()
            }
        }

        impl TryGetable for $name {
            fn try_get_by<I: ColIdx>(row: &QueryResult, column: I) -> Result<Self, TryGetError> {
                $plain::try_get_by(row, column).map($name::$read)
            }
        }

        impl ValueType for $name {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                <$plain as ValueType>::try_from(value).map($name::$read)
            }

            fn type_name() -> String {
                <$plain as ValueType>::type_name()
            }

            fn array_type() -> ArrayType {
                <$plain as ValueType>::array_type()
            }

            fn column_type() -> ColumnType {
                <$plain as ValueType>::column_type()
            }
        }

        impl Nullable for $name {
            fn null() -> Value {
                <$plain as Nullable>::null()
            }
        }

        /// Of keys that a database numbers: there are none.
        impl TryFromU64 for $name {
            fn try_from_u64(_number: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        })+
    };
}

columns!(i64: Timestamp(from_millis, as_millis));
columns!(String:
    AuthorizationId(new, as_str),
    ClientId(new, as_str),
    DeviceId(new, as_str),
    GrantId(new, as_str),
    LoginId(new, as_str),
    SecretDigest(from_stored, as_str),
    SessionId(new, as_str),
    UserId(new, as_str),
);

/// What a newer program calls stronger is no more than the weakest here.
pub(super) fn acr(text: &str) -> Acr {
    Acr::parse(text).unwrap_or(Acr::Approved)
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Statement(format!("a value cannot be written as JSON: {error}")))
}

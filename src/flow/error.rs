//! Errors of the flows. Rendering and logging happen in one place (`web`), but for authorization requests that are refused: those
//! leave their record where they are delivered (`refusals`).

use super::prelude::*;
use crate::keys::KeysError;

/// Something of ours failed: the request changed nothing, and the answer says no more than that.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Internal {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The random number generator: no service rather than a weak one (check 165).
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error("a stored value cannot be encoded or decoded")]
    Json(#[from] serde_json::Error),
    #[error("a QR code cannot be drawn")]
    Picture,
    #[error("the work was stopped")]
    Stopped,
}

/// The error of an endpoint that answers in JSON (RFC 6749 §5.2, RFC 6750 §3.1).
#[derive(Debug, thiserror::Error)]
pub(crate) enum OAuthError {
    #[error("{code}: {description}")]
    Refused {
        code: ErrorCode,
        /// For the relying party (`error_description`): printable ASCII without quotes or backslashes (RFC 6749 §5.2),
        /// the same for every reason that must not be told apart.
        description: &'static str,
        /// For the log: what whoever integrates the client should look at. Never holds a secret.
        hint: Option<String>,
    },
    /// Too much of the same from one source (RFC 6585 §4).
    #[error("too many failed attempts")]
    Limited { pause: Duration },
    #[error(transparent)]
    Internal(Internal),
}

impl OAuthError {
    pub(crate) const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self::Refused { code, description, hint: None }
    }

    #[must_use]
    pub(crate) fn hint(self, text: impl Into<String>) -> Self {
        match self {
            Self::Refused { code, description, .. } => Self::Refused { code, description, hint: Some(text.into()) },
            other @ (Self::Internal(_) | Self::Limited { .. }) => other,
        }
    }
}

impl<E: Into<Internal>> From<E> for OAuthError {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}

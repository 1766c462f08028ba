//! How an authorization response travels (OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post
//! Response Mode §2). The only response type is `code` (decision 2.11), whose default mode is `query`.

use serde::{Deserialize, Serialize};

/// The response mode of an authorization request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResponseMode {
    /// Parameters in the query of the redirect URI.
    #[default]
    Query,
    /// Parameters in the fragment of the redirect URI.
    Fragment,
    /// Parameters as a form that the browser posts by itself.
    FormPost,
}

impl ResponseMode {
    /// Every mode (`response_modes_supported`, OIDC Discovery §3).
    pub(crate) const ALL: [Self; 3] = [Self::Query, Self::Fragment, Self::FormPost];

    /// The value on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }

    /// The mode that `text` names.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

//! How an authorization response travels (OAuth 2.0 Multiple Response Type Encoding Practices §2.1, OAuth 2.0 Form Post
//! Response Mode §2). The only response type is `code` (decision 2.11), whose default mode is `query`.

use serde::{Deserialize, Serialize};

use super::named::parsed_enum;

parsed_enum! {
    /// `response_modes_supported`, OIDC Discovery §3.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub(crate) enum ResponseMode {
        #[default]
        Query = "query",
        Fragment = "fragment",
        /// A form that the browser posts by itself.
        FormPost = "form_post",
    }
}

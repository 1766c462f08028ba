//! "Sign out?": asked unless a valid hint already says who asks (decision 2.16; OIDC RP-Initiated Logout §2).

use serde::Serialize;

use crate::view::Page;

/// The page `logout`: `form#logout`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Logout {
    pub action: String,
    pub csrf: String,
    pub account: String,
    /// The app that asks, by name.
    pub app: Option<String>,
    /// The request's own parameters, to be sent along.
    pub hidden: Vec<(String, String)>,
    /// Where "stay signed in" goes, where that is offered.
    pub stay_action: Option<String>,
}

impl Page for Logout {
    const TEMPLATE: &'static str = "logout.html";
}

//! What went wrong, what to do about it, and a reference under which the log has the rest (C2).

use minijinja::context;
use minijinja::value::Value;
use serde::Serialize;

use super::is_web_link;
use crate::view::{Page, to_value};

/// What kind of failure it is: each has a headline and a next step of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorKind {
    /// The app's request cannot be answered, nor may the person be sent back with the error: unknown client, bad redirect
    /// URI, duplicate or missing parameters.
    BadRequest,
    /// The browser that began this sign-in is not this one: its cookie is missing (decision 2.2).
    OtherBrowser,
    /// The sign-in took too long or is unknown.
    Expired,
    /// The form's CSRF value or origin is wrong.
    Forged,
    /// Signed in, but not allowed: locked, or not for this app.
    Forbidden,
    NotFound,
    MethodNotAllowed,
    /// More was sent than is read.
    TooLarge,
    /// Something that we depend on does not answer.
    Unavailable,
    Internal,
}

/// A way back to the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ReturnLink {
    pub name: String,
    /// Where it starts a sign-in (`initiate_login_uri`, `client_uri`): http or https only.
    pub url: String,
}

/// The page `error`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorPage {
    pub kind: ErrorKind,
    pub status: u16,
    /// Safe technical words for whoever integrates the app (`redirect_uri is not registered`); never from an upstream or
    /// the database.
    pub detail: Option<String>,
    /// The id under which the log has the rest.
    pub reference_id: String,
    /// The way back, where there is one.
    pub return_to: Option<ReturnLink>,
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "error.html";

    fn data(&self) -> Value {
        let return_to = self.return_to.as_ref().filter(|link| is_web_link(&link.url)).map(to_value);
        let icon = match self.kind {
            ErrorKind::Expired => "clock",
            ErrorKind::Unavailable => "cloud-off",
            ErrorKind::Forbidden => "hand",
            _other => "warning",
        };
        context! { return_to, icon, ..to_value(self) }
    }
}

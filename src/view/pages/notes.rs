//! The pages that tell something: the end of a flow, or what went wrong.

use minijinja::context;
use minijinja::value::Value;
use serde::Serialize;

use super::is_web_link;
use crate::view::{Page, to_value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageKind {
    SignedOut,
    StillSignedIn,
    NotSignedIn,
    /// This sign-in was completed before: the back button, a second tab.
    AlreadyDone,
    Cancelled,
    /// The root of the issuer: what this place is.
    Home,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    pub kind: MessageKind,
    pub app: Option<String>,
    /// Where the link back to the app leads: http or https only, and only to what the app registered.
    pub return_url: Option<String>,
    /// The other apps that are being told about a sign-out, by name (C3).
    pub told_apps: Vec<String>,
}

impl Message {
    pub(crate) fn new(kind: MessageKind) -> Self {
        Self { kind, app: None, return_url: None, told_apps: Vec::new() }
    }
}

impl Page for Message {
    const TEMPLATE: &'static str = "message.html";

    fn data(&self) -> Value {
        let return_url = self.return_url.as_deref().filter(|url| is_web_link(url));
        let (icon, tone) = match self.kind {
            MessageKind::SignedOut => ("out", "good"),
            MessageKind::StillSignedIn => ("person", "good"),
            MessageKind::NotSignedIn => ("out", "calm"),
            MessageKind::AlreadyDone => ("check", "good"),
            MessageKind::Cancelled => ("cross", "calm"),
            MessageKind::Home => ("phone", "open"),
        };
        context! { return_url, icon, tone, ..to_value(self) }
    }
}

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
    Forged,
    /// Signed in, but not allowed: locked, or not for this app.
    Forbidden,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    /// Something that we depend on does not answer.
    Unavailable,
    Internal,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ReturnLink {
    pub name: String,
    /// Where it starts a sign-in (`initiate_login_uri`, `client_uri`): http or https only.
    pub url: String,
}

/// What went wrong, what to do about it, and a reference under which the log has the rest (C2).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorPage {
    pub kind: ErrorKind,
    pub status: u16,
    /// Safe technical words for whoever integrates the app (`redirect_uri is not registered`); never from an upstream or
    /// the database.
    pub detail: Option<String>,
    pub reference_id: String,
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

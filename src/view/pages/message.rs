//! Short notes at the end of something: signed out, nothing more to do.

use minijinja::context;
use minijinja::value::Value;
use serde::Serialize;

use super::is_web_link;
use crate::view::{Page, to_value};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageKind {
    /// The session here is over; apps were told where they can be.
    SignedOut,
    /// The person chose to stay signed in.
    StillSignedIn,
    /// Somebody asked to sign out who was not signed in.
    NotSignedIn,
    /// This sign-in was completed before: the back button, a second tab.
    AlreadyDone,
    Cancelled,
    /// The root of the issuer: what this place is.
    Home,
}

/// The page `message`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    pub kind: MessageKind,
    /// The app that it is about, by name.
    pub app: Option<String>,
    /// Where the link back to the app leads: http or https only, and only to what the app registered.
    pub return_url: Option<String>,
    /// The other apps that are being told about a sign-out, by name (C3).
    pub told_apps: Vec<String>,
}

impl Message {
    /// A message that is about no app.
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

//! The pages that ask something, and the one that carries an answer to the app.

use minijinja::context;
use minijinja::value::Value;
use serde::Serialize;

use super::{AppInfo, is_web_link};
use crate::domain::user::Upstream;
use crate::protocol::scope::KNOWN;
use crate::view::{Page, to_value};

/// "How would you like to sign in?": one form with a button `provider` per service. Skipped where there is only one.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Choose {
    pub app: AppInfo,
    pub action: String,
    pub cancel_action: String,
    pub providers: Vec<Upstream>,
    pub csrf: String,
}

impl Page for Choose {
    const TEMPLATE: &'static str = "choose.html";
}

/// "Who are you?": the question before a phone is asked (decision 2.3). A push starts only from this page's POST (2.7). Its
/// first button goes on with the input `identifier`; a button `unnamed` beside it, with a QR code and no name.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Identify {
    pub app: AppInfo,
    pub provider: Upstream,
    pub action: String,
    pub csrf: String,
    /// What the input holds at first: the remembered name, `login_hint`, or what was typed; else empty.
    pub identifier: String,
    pub remembered: bool,
    pub forget_action: String,
    /// Whether a QR code without a name is offered (`[thumbsignin] allow_unnamed`).
    pub allow_unnamed: bool,
    /// Where "use another method" goes, where there is another one.
    pub other_method_action: Option<String>,
    pub cancel_action: String,
    pub error: Option<IdentifyError>,
}

/// What can be said about an identifier without telling who exists here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdentifyError {
    Missing,
    /// No name can look like that (`domain::user::canonical_identifier`).
    Malformed,
}

impl Page for Identify {
    const TEMPLATE: &'static str = "identify.html";
}

/// "May this app know …?": what an app will be told, in plain words with the actual values (C1). `form#consent` with the buttons
/// `decision` = `allow` | `deny`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Consent {
    pub app: AppInfo,
    pub action: String,
    pub csrf: String,
    pub account: String,
    pub scopes: Vec<ScopeLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ScopeLine {
    /// The scope token; those of `protocol::scope::KNOWN` have words of their own.
    pub scope: String,
    /// What the app will read: the address, the group names. `None` where there is nothing to show.
    pub value: Option<String>,
    /// Whether an earlier consent did not cover it.
    pub new: bool,
}

impl Page for Consent {
    const TEMPLATE: &'static str = "consent.html";

    fn data(&self) -> Value {
        let client_uri = self.app.client_uri.as_deref().filter(|uri| is_web_link(uri));
        let is_first = self.scopes.iter().all(|line| line.new);
        let lines: Vec<_> = self
            .scopes
            .iter()
            .map(|line| {
                let words = if KNOWN.contains(&line.scope.as_str()) { line.scope.as_str() } else { "other" };
                // Where everything is new, saying so at each line tells nothing.
                context! { words, marked => line.new && !is_first, scope => &line.scope, value => line.value.as_deref() }
            })
            .collect();
        context! { client_uri, lines, ..to_value(self) }
    }
}

/// "Sign out?": `form#logout`, unless a valid hint already says who asks (decision 2.16; OIDC RP-Initiated Logout §2).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Logout {
    pub action: String,
    pub csrf: String,
    pub account: String,
    pub app: Option<String>,
    /// The request's own parameters, to be sent along.
    pub hidden: Vec<(String, String)>,
    /// Where "stay signed in" goes, where that is offered.
    pub stay_action: Option<String>,
}

impl Page for Logout {
    const TEMPLATE: &'static str = "logout.html";
}

/// The answer of an authorization (OAuth 2.0 Form Post Response Mode §2). Sent by a script that carries
/// the nonce, by a button where there is none.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FormPost {
    pub action: String,
    pub app: String,
    pub fields: Vec<(String, String)>,
}

impl Page for FormPost {
    const TEMPLATE: &'static str = "form_post.html";
    // The answer that it carries is given once.
    const SHOWN_AGAIN: bool = false;
}

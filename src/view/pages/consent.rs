//! "May this app know …?": what an app will be told, in plain words with the actual values (C1).

use minijinja::context;
use minijinja::value::Value;
use serde::Serialize;

use super::{AppInfo, is_web_link};
use crate::protocol::scope::KNOWN;
use crate::view::{Page, to_value};

/// The page `consent`: `form#consent` with the buttons `decision` = `allow` | `deny`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Consent {
    pub app: AppInfo,
    pub action: String,
    pub csrf: String,
    pub account: String,
    pub scopes: Vec<ScopeLine>,
}

/// One scope of the request.
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

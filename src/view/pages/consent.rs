//! "May this app know …?": what an app will be told, in plain words with the actual values (C1).

use minijinja::context;
use minijinja::value::Value;
use serde::Serialize;

use super::{AppInfo, hostile_app, is_web_link, sample_app};
use crate::protocol::scope::KNOWN;
use crate::view::{Page, Sample, to_value};

/// The page `consent`: `form#consent` with the buttons `decision` = `allow` | `deny`.
#[derive(Clone, Debug, Serialize)]
pub struct Consent {
    /// The app.
    pub app: AppInfo,
    /// Where the decision goes.
    pub action: String,
    /// The forms' CSRF value.
    pub csrf: String,
    /// Who is signed in.
    pub account: String,
    /// What is asked for.
    pub scopes: Vec<ScopeLine>,
    /// Where "use another account" goes, where that can be done.
    pub switch_action: Option<String>,
}

/// One scope of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScopeLine {
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

    fn samples() -> Vec<Sample<Self>> {
        let line =
            |scope: &str, value: Option<&str>, new| ScopeLine { scope: scope.to_owned(), value: value.map(str::to_owned), new };
        let first = Self {
            app: sample_app(),
            action: "/authorize/a1/consent".to_owned(),
            csrf: "csrf".to_owned(),
            account: "alice".to_owned(),
            scopes: vec![
                line("openid", None, true),
                line("profile", Some("Alice Example, alice"), true),
                line("email", Some("alice@example.com"), true),
                line("groups", Some("admins, staff"), true),
                line("offline_access", None, true),
            ],
            switch_action: Some("/authorize/a1/switch".to_owned()),
        };
        let mut more = Self { switch_action: None, ..first.clone() };
        more.scopes.truncate(3);
        for line in more.scopes.iter_mut().take(2) {
            line.new = false;
        }
        let hostile = Self {
            app: hostile_app(),
            account: "</main>".to_owned(),
            scopes: vec![line("https://api.example.com/<read>", None, true), line("email", Some("a\"b@example.com"), true)],
            ..first.clone()
        };
        vec![Sample::new("first", first), Sample::new("more", more), Sample::new("hostile", hostile)]
    }
}

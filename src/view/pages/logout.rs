//! "Sign out?": asked unless a valid hint already says who asks (decision 2.16; OIDC RP-Initiated Logout §2).

use serde::Serialize;

use super::{hostile_app, sample_app};
use crate::view::{Page, Sample};

/// The page `logout`: `form#logout`.
#[derive(Clone, Debug, Serialize)]
pub struct Logout {
    /// Where the form goes.
    pub action: String,
    /// The form's CSRF value.
    pub csrf: String,
    /// Who is signed in.
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

    fn samples() -> Vec<Sample<Self>> {
        let plain = Self {
            action: "/logout".to_owned(),
            csrf: "csrf".to_owned(),
            account: "alice".to_owned(),
            app: None,
            hidden: Vec::new(),
            stay_action: Some("/logout/stay".to_owned()),
        };
        let hidden = vec![
            ("post_logout_redirect_uri".to_owned(), "https://grafana.example.com/?a=1&b=\"2\"".to_owned()),
            ("state".to_owned(), "x y".to_owned()),
        ];
        vec![
            Sample::new("plain", plain.clone()),
            Sample::new("app", Self { app: Some(sample_app().name), hidden: hidden.clone(), ..plain.clone() }),
            Sample::new("hostile", Self { app: Some(hostile_app().name), hidden, stay_action: None, ..plain }),
        ]
    }
}

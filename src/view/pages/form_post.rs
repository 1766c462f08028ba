//! The answer of an authorization as a form that posts itself (OAuth 2.0 Form Post Response Mode §2).

use serde::Serialize;

use super::sample_app;
use crate::view::{Page, Sample};

/// `form#form-post`: sent by a script that carries the nonce, by a button where there is none.
#[derive(Clone, Debug, Serialize)]
pub struct FormPost {
    /// The redirect URI.
    pub action: String,
    /// The app's name.
    pub app: String,
    /// The response parameters, in order.
    pub fields: Vec<(String, String)>,
}

impl Page for FormPost {
    const TEMPLATE: &'static str = "form_post.html";
    // The answer that it carries is given once.
    const SHOWN_AGAIN: bool = false;

    fn samples() -> Vec<Sample<Self>> {
        let fields = [("code", "SplxlOBeZQQYbYS6WxSbIA"), ("state", "\"><script>"), ("iss", "https://id.example.com")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        vec![Sample::new(
            "code",
            Self { action: "https://grafana.example.com/cb?a=1&b=2".to_owned(), app: sample_app().name, fields },
        )]
    }
}

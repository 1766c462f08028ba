//! The answer of an authorization as a form that posts itself (OAuth 2.0 Form Post Response Mode §2).

use serde::Serialize;

use crate::view::Page;

/// `form#form-post`: sent by a script that carries the nonce, by a button where there is none.
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

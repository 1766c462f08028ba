//! Pages as answers: rendered, with a nonce of their own and the Content Security Policy that goes with it.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::browser::Visit;
use super::error::Failure;
use super::{Surface, headers};
use crate::flow::error::Internal;
use crate::protocol::redirect_uri::RedirectUri;
use crate::view::{self, Page, PageContext};

/// Where the forms of a page may lead, by redirect, besides ourselves (decision 2.15).
#[derive(Clone, Debug)]
pub enum FormTargets {
    /// Only here.
    Ourselves,
    /// Here, and to this origin or scheme.
    Origin(String),
    /// Anywhere: the client forwards browsers to places that we cannot know.
    Anywhere,
}

impl FormTargets {
    /// What a page needs whose forms end at this URI of a client.
    pub fn of(uri: &RedirectUri, forwards: bool) -> Self {
        if forwards { Self::Anywhere } else { Self::Origin(uri.csp_source()) }
    }
}

/// How a page is answered.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The status.
    pub status: StatusCode,
    /// The languages that the app asked for.
    pub ui_locales: &'a [String],
    /// Where its forms may lead.
    pub form_targets: FormTargets,
}

impl Default for Frame<'_> {
    fn default() -> Self {
        Self { status: StatusCode::OK, ui_locales: &[], form_targets: FormTargets::Ourselves }
    }
}

/// Renders a page for a visit.
///
/// # Errors
/// When the page cannot be rendered: a mistake of ours.
pub fn answer<P: Page>(surface: &Surface, visit: &Visit, page: &P, frame: &Frame<'_>) -> Result<HttpResponse, Failure> {
    let bytes: [u8; 18] = surface.op.env.random_bytes().map_err(Internal::from)?;
    let nonce = URL_SAFE_NO_PAD.encode(bytes);
    let languages = if P::SHOWN_AGAIN { visit.languages() } else { Vec::new() };
    let context = PageContext { languages, ..PageContext::new(visit.locale(frame.ui_locales), nonce.clone()) };
    let html = view::render(page, &context)?;
    let policy = match &frame.form_targets {
        FormTargets::Ourselves => headers::page_policy(&nonce, Some(&[])),
        FormTargets::Origin(source) => headers::page_policy(&nonce, Some(std::slice::from_ref(source))),
        FormTargets::Anywhere => headers::page_policy(&nonce, None),
    };
    let mut response = HttpResponse::build(frame.status);
    response.insert_header((header::CONTENT_SECURITY_POLICY, policy));
    response.insert_header((header::CONTENT_LANGUAGE, context.locale.as_str()));
    for cookie in visit.cookies(surface) {
        response.cookie(cookie);
    }
    Ok(response.content_type("text/html; charset=utf-8").body(html))
}

/// A redirect after a form or a decision: always 303 (RFC 9700 §4.12).
pub fn see_other(surface: &Surface, visit: &Visit, location: &str) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, location));
    for cookie in visit.cookies(surface) {
        response.cookie(cookie);
    }
    response.finish()
}

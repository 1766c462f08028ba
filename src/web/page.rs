//! Pages as answers: rendered, with a nonce of their own and the Content Security Policy that goes with it.

use actix_web::HttpResponse;
use actix_web::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::browser::Visit;
use super::error::Failure;
use crate::protocol::redirect_uri::RedirectUri;
use crate::view::{self, Page, PageContext};

/// Where the forms of a page may lead, by redirect, besides ourselves (decision 2.15).
#[derive(Default)]
pub(crate) enum FormTargets {
    #[default]
    Ourselves,
    /// Ourselves, and this origin or scheme.
    Origin(String),
    /// Anywhere: the client forwards browsers to places that we cannot know.
    Anywhere,
}

impl FormTargets {
    pub(crate) fn of(uri: &RedirectUri, forwards: bool) -> Self {
        if forwards { Self::Anywhere } else { Self::Origin(uri.csp_source()) }
    }
}

#[derive(Default)]
pub(crate) struct PageOptions<'a> {
    pub ui_locales: &'a [String],
    pub form_targets: FormTargets,
}

pub(crate) fn answer<P: Page>(visit: &Visit, page: &P, options: &PageOptions<'_>) -> Result<HttpResponse, Failure> {
    let bytes: [u8; 18] = visit.surface.op.env.random_bytes()?;
    let nonce = URL_SAFE_NO_PAD.encode(bytes);
    let (locale, languages) = (visit.reader.locale(options.ui_locales), visit.reader.languages());
    let context = PageContext { locale, brand: &visit.surface.branding.view, nonce: nonce.clone(), languages };
    let html = view::render(page, &context)?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_SECURITY_POLICY, policy(&nonce, &options.form_targets)));
    response.insert_header((header::CONTENT_LANGUAGE, context.locale.as_str()));
    visit.set_cookies(&mut response);
    Ok(response.content_type("text/html; charset=utf-8").body(html))
}

/// The Content Security Policy of a page: nothing but our own style, script, pictures and event stream (decision 2.15).
/// Chromium applies `form-action` to the whole chain of redirects, so it is left out where that leads anywhere.
fn policy(nonce: &str, form_targets: &FormTargets) -> String {
    let form_action = match form_targets {
        FormTargets::Ourselves => "; form-action 'self'".to_owned(),
        FormTargets::Origin(source) => format!("; form-action 'self' {source}"),
        FormTargets::Anywhere => String::new(),
    };
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; font-src 'self'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; frame-ancestors 'none'{form_action}"
    )
}

/// A redirect after a form or a decision: always 303 (RFC 9700 §4.12).
pub(crate) fn see_other(visit: &Visit, location: &str) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, location));
    visit.set_cookies(&mut response);
    response.finish()
}

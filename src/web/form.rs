//! What requests bring: the parameters of their query, or of a form in their body, never a mixture (RFC 6749 §3.1, §3.2). A POST
//! of one of our pages ([`PageForm`]), which has to prove that it is one, and a request of a client ([`ApiRequest`]) are read once
//! for all handlers.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::LocalBoxFuture;

use super::browser::Visit;
use super::error::Failure;
use super::{Site, Surface, request};
use crate::domain::browser::RequestSource;
use crate::domain::secret::Secret;
use crate::flow::client_request::{ClientRequest, Headers};
use crate::flow::error::OAuthError;
use crate::protocol::error::ErrorCode;
use crate::protocol::parameters::Parameters;
use crate::view::pages::ErrorKind;

/// What must never stand in a URL, where logs and histories keep it (RFC 6749 §2.3.1).
const SECRET: &[&str] = &["client_secret", "code", "code_verifier", "refresh_token", "token"];

/// What the endpoints that clients call read. Others are ignored, whatever is wrong with them (RFC 6749 §3.2).
const READ: &[&str] = &[
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "scope",
    "token",
    "token_type_hint",
];

pub(crate) fn of_query(request: &HttpRequest) -> Parameters {
    Parameters::parse(request.query_string().as_bytes())
}

/// The parameters of a form (`application/x-www-form-urlencoded`, UTF-8), or what else the body is.
pub(crate) fn of_form(request: &HttpRequest, body: &web::Bytes) -> Result<Parameters, String> {
    let kind = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if !kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        return Err("the body must be application/x-www-form-urlencoded".to_owned());
    }
    if std::str::from_utf8(body).is_err() {
        return Err("the body is not UTF-8".to_owned());
    }
    Ok(Parameters::parse(body))
}

/// The form of an endpoint that clients call (RFC 6749 §3.2). Client secrets in the query are refused (RFC 6749 §2.3.1).
fn of_client(request: &HttpRequest, body: &web::Bytes) -> Result<Parameters, Failure> {
    let refuse = |hint: String| {
        let refusal = OAuthError::new(ErrorCode::InvalidRequest, "the request is malformed");
        Failure::OAuth(refusal.hint(hint))
    };
    let query = of_query(request);
    if let Some(name) = SECRET.iter().find(|name| query.has(name)) {
        return Err(refuse(format!("{name} must be in the body, not in the query")));
    }
    let form = of_form(request, body).map_err(refuse)?;
    form.all_sound(READ).map_err(|invalid| refuse(invalid.to_string()))?;
    Ok(form)
}

/// A form that a browser sends on behalf of a relying party.
pub(crate) fn of_browser(request: &HttpRequest, body: &web::Bytes) -> Result<Parameters, Failure> {
    of_form(request, body).map_err(Failure::bad_request)
}

/// The form token of this browser for the one thing that the form acts on (`interaction/…`, `login/…`): a form of one request or
/// browser never works for another (check 16).
pub(crate) fn form_token(visit: &Visit, about: &str) -> String {
    let browser = visit.browser.key.0.as_str().as_bytes();
    URL_SAFE_NO_PAD.encode(visit.surface.op.keys.purposes.form_tokens.mac(&[browser, about.as_bytes()]))
}

pub(crate) fn is_form_token(visit: &Visit, about: &str, presented: Option<&str>) -> bool {
    presented.is_some_and(|presented| Secret::new(form_token(visit, about)).matches(presented))
}

/// Whether a POST may come from a page of ours: what the browser says of its origin must not contradict it. Clients that say
/// nothing are not browsers and still need the token.
/// `Origin: null` means that the browser does not tell (Fetch §3.2: under a `Referrer-Policy: no-referrer` that a proxy sets,
/// also for our own forms); then its `Sec-Fetch-Site` must say that the page is ours.
pub(crate) fn same_site(surface: &Surface, request: &HttpRequest) -> bool {
    let all = |name: &str| request.headers().get_all(name).map(|value| value.as_bytes()).collect::<Vec<_>>();
    fits(&surface.site, &all("origin"), &all("sec-fetch-site"))
}

fn fits(site: &Site, origins: &[&[u8]], fetched: &[&[u8]]) -> bool {
    let vouched = *fetched == [b"same-origin"];
    let origin_fits = |origin: &&[u8]| site.is_origin(origin) || vouched && *origin == b"null";
    let fetch_fits = |from: &&[u8]| matches!(*from, b"same-origin" | b"none");
    origins.iter().all(origin_fits) && fetched.iter().all(fetch_fits)
}

/// A form of ours, from a page of ours (check 16). What its token is bound to only the handler knows: until [`PageForm::demand`]
/// was called it may still be a forgery.
pub(crate) struct PageForm {
    pub visit: Visit,
    fields: Parameters,
}

impl PageForm {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// Demands the token that this browser got for this thing. A browser that sent no cookie is told so.
    pub(crate) fn demand(&self, about: &str) -> Result<(), Failure> {
        let fits = is_form_token(&self.visit, about, self.get("csrf"));
        match (fits, self.visit.is_new) {
            (true, _) => Ok(()),
            (false, false) => Err(Failure::forged()),
            (false, true) => Err(Failure::page(ErrorKind::OtherBrowser, StatusCode::FORBIDDEN)),
        }
    }
}

impl FromRequest for PageForm {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (surface, body) = (Surface::of(request), web::Bytes::from_request(request, payload));
        let request = request.clone();
        Box::pin(async move {
            let (surface, body) = (surface?, body.await.map_err(|error| Failure::of_framework(&error))?);
            // It has every field once.
            let fields = of_browser(&request, &body)?.strict();
            let fields = fields.map_err(|invalid| Failure::bad_request(invalid.to_string()))?;
            if !same_site(&surface, &request) {
                return Err(Failure::forged());
            }
            let visit = Visit::of(&surface, &request).await?;
            Ok(Self { visit, fields })
        })
    }
}

/// `invalid_request` where the body is no form, or the query holds a secret (RFC 6749 §2.3.1).
pub(crate) struct ApiRequest {
    pub surface: web::Data<Surface>,
    http: HttpRequest,
    url: String,
    parameters: Parameters,
    origin: RequestSource,
}

impl ApiRequest {
    pub(crate) fn client_request(&self) -> ClientRequest<'_> {
        ClientRequest {
            method: self.http.method().as_str(),
            url: &self.url,
            headers: self.http.headers(),
            // No listener of ours asks clients for one.
            peer_certificate: None,
            parameters: &self.parameters,
            origin: &self.origin,
        }
    }

    /// An error of the flow: `invalid_client` becomes 401, with a challenge where the client used the header (RFC 6749 §5.2).
    pub(crate) fn failure(&self, error: OAuthError) -> Failure {
        match error {
            OAuthError::Refused { code: ErrorCode::InvalidClient, hint, .. } => Failure::Unauthenticated {
                basic: self.http.headers().contains_key(header::AUTHORIZATION),
                hint: hint.unwrap_or_default(),
            },
            other => Failure::OAuth(other),
        }
    }
}

impl FromRequest for ApiRequest {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (surface, body) = (Surface::of(request), web::Bytes::from_request(request, payload));
        let http = request.clone();
        Box::pin(async move {
            let (surface, body) = (surface?, body.await.map_err(|error| Failure::of_framework(&error))?);
            let url = format!("{}{}", surface.op.settings.issuer, http.match_pattern().unwrap_or_default());
            let parameters = of_client(&http, &body)?;
            let origin = request::source(&surface, &http);
            Ok(Self { surface, http, url, parameters, origin })
        })
    }
}

impl Headers for HeaderMap {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        self.get_all(name).map(|value| value.as_bytes()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_ours_unless_the_browser_says_otherwise() {
        let site = Site::new("https://id.example.com", Vec::new(), None);
        let ours = |origins: &[&'static str], fetched: &[&'static str]| {
            let bytes = |texts: &[&'static str]| texts.iter().map(|text| text.as_bytes()).collect::<Vec<_>>();
            fits(&site, &bytes(origins), &bytes(fetched))
        };
        for (origins, fetched, expected) in [
            (&[][..], &[][..], true),
            (&["https://id.example.com"], &[], true),
            (&["https://id.example.com"], &["same-origin"], true),
            (&["https://id.example.com:443"], &["none"], true),
            (&["https://ID.example.com."], &["same-origin"], true),
            (&["null"], &["same-origin"], true),
            (&["null"], &[], false),
            (&["null"], &["none"], false),
            (&["null"], &["same-site"], false),
            (&["null"], &["cross-site"], false),
            (&["null"], &["same-origin", "cross-site"], false),
            (&["NULL"], &["same-origin"], false),
            (&["https://evil.example"], &["same-origin"], false),
            (&["null", "https://evil.example"], &["same-origin"], false),
            (&["http://id.example.com"], &["same-origin"], false),
            (&["https://id.example.com:8443"], &[], false),
            (&["https://id.example.com/"], &[], false),
            (&[""], &["same-origin"], false),
            (&["https://id.example.com\u{e9}"], &[], false),
            (&[], &["same-origin\u{e9}"], false),
            (&["https://id.example.com"], &["same-site"], false),
            (&["https://id.example.com"], &["cross-site"], false),
            (&[], &["cross-site"], false),
            (&[], &["same-origin"], true),
        ] {
            assert_eq!(ours(origins, fetched), expected, "{origins:?} {fetched:?}");
        }
    }
}

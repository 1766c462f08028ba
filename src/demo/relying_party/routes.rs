//! The web side of the example app: routes, the cookie, and what every answer carries.

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::{self, DefaultHeaders, Next};
use actix_web::web::{self, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use url::{Url, form_urlencoded};

use super::Settings;
use super::pages;
use super::sessions::{self, Sessions};
use super::sign_in::{Account, Answer, Provider, SignInError};
use crate::demo::{DemoError, http};

/// Nothing but our own style sheet and our own forms: no script, no frame, no third party.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) struct Example {
    settings: Settings,
    http: reqwest::Client,
    sessions: Sessions,
}

impl Example {
    pub(super) fn new(settings: Settings) -> Result<Self, DemoError> {
        Ok(Self { http: http::client()?, sessions: Sessions::default(), settings })
    }

    async fn provider(&self) -> Result<Provider<'_>, SignInError> {
        Provider::discover(&self.settings, &self.http).await
    }

    /// Cookies do not tell ports apart (RFC 6265 §8.5): two apps on one machine need two names.
    fn cookie_name(&self) -> String {
        let port = self.settings.app_url.rsplit(':').next().unwrap_or_default();
        format!("example-app-{port}")
    }

    fn cookie(&self, request: &HttpRequest) -> Option<String> {
        // By bytes: what other programs of this machine keep in the same browser need not be text (RFC 6265 §5.4).
        let name = self.cookie_name();
        let lines = request.headers().get_all(header::COOKIE).map(|line| line.as_bytes());
        let mut pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
        let value = pairs.find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        std::str::from_utf8(value).ok().map(str::to_owned)
    }

    fn account(&self, request: &HttpRequest) -> Option<Arc<Account>> {
        self.sessions.account(&self.cookie(request)?)
    }

    /// Onward with a cookie. `Lax`: the way back from the provider is a navigation from another site. An app on https adds
    /// `Secure` and the prefix `__Host-`.
    fn onward(&self, location: &str, cookie: String) -> HttpResponse {
        let cookie = Cookie::build(self.cookie_name(), cookie).path("/").http_only(true).same_site(SameSite::Lax).finish();
        see_other(location).cookie(cookie).finish()
    }
}

impl ResponseError for SignInError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Refused { code, .. } if code == "access_denied" => StatusCode::FORBIDDEN,
            Self::Discovery(_) | Self::Token(_) | Self::IdToken(_) | Self::UserInfo(_) => StatusCode::BAD_GATEWAY,
            _other => StatusCode::BAD_REQUEST,
        }
    }

    fn error_response(&self) -> HttpResponse {
        tracing::warn!(error = %self, "the example app could not sign somebody in");
        html(self.status_code(), pages::error(self))
    }
}

pub(super) fn configure(config: &mut ServiceConfig) {
    let app = web::scope("")
        .wrap(middleware::from_fn(at_home))
        .wrap(
            DefaultHeaders::new()
                .add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
                .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .add((header::REFERRER_POLICY, "same-origin"))
                .add((header::CACHE_CONTROL, "no-store")),
        )
        .route("/", web::get().to(start))
        .route(
            "/app.css",
            web::get().to(async || HttpResponse::Ok().content_type("text/css; charset=utf-8").body(pages::STYLE)),
        )
        .route("/login", web::get().to(login))
        .route("/callback", web::get().to(callback))
        .route("/callback", web::post().to(posted_callback))
        .route("/result", web::get().to(result))
        .route("/refresh", web::post().to(refresh))
        .route("/sign-out", web::get().to(sign_out))
        .route("/signed-out", web::get().to(signed_out))
        .default_service(web::to(not_found));
    config.service(app);
}

/// The app has one address. Under another name for the same machine (`localhost`) the cookie would be missing on the way
/// back, and a foreign name that points here (DNS rebinding) is none of ours.
async fn at_home(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let home = request.app_data::<Data<Example>>().map(|example| example.settings.app_url.clone()).unwrap_or_default();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if home.strip_prefix("http://") == Some(host) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let there = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let response = see_other(&format!("{home}{there}")).finish();
    Ok(request.into_response(response))
}

async fn start(example: Data<Example>, request: HttpRequest) -> HttpResponse {
    html(StatusCode::OK, pages::start(&example.settings, example.account(&request).as_deref()))
}

async fn login(example: Data<Example>, request: HttpRequest) -> Result<HttpResponse, SignInError> {
    let extra: Vec<(String, String)> = form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let (url, attempt) = example.provider().await?.begin(&extra);
    Ok(example.onward(url.as_str(), example.sessions.begin(example.cookie(&request), attempt)))
}

async fn callback(example: Data<Example>, request: HttpRequest) -> Result<HttpResponse, SignInError> {
    let answer = read_answer(&request).ok_or(SignInError::Malformed)?;
    let cookie = example.cookie(&request).ok_or(SignInError::UnknownState)?;
    let state = answer.state.as_deref().ok_or(SignInError::UnknownState)?;
    let attempt = example.sessions.take_attempt(&cookie, state).ok_or(SignInError::UnknownState)?;
    let account = example.provider().await?.finish(attempt, answer).await?;
    // Onward at once, so that the code does not stay in the address bar.
    Ok(example.onward("/result", example.sessions.sign_in(&cookie, account)))
}

/// Parameters of an answer. One that comes twice makes it malformed (RFC 6749 §3.1).
fn read_answer(request: &HttpRequest) -> Option<Answer> {
    Query::<Answer>::from_query(request.query_string()).ok().map(Query::into_inner)
}

/// An answer by POST (OAuth 2.0 Form Post Response Mode) comes without our cookie, because it comes from another site. The
/// GET that follows brings the cookie, and only then is anything in it believed.
async fn posted_callback(parameters: String) -> HttpResponse {
    let mut query = form_urlencoded::Serializer::new("/callback?".to_owned());
    query.extend_pairs(form_urlencoded::parse(parameters.as_bytes()));
    see_other(&query.finish()).finish()
}

async fn result(example: Data<Example>, request: HttpRequest) -> HttpResponse {
    match example.account(&request) {
        Some(account) => html(StatusCode::OK, pages::result(&account)),
        None => see_other("/").finish(),
    }
}

async fn refresh(example: Data<Example>, request: HttpRequest) -> Result<HttpResponse, SignInError> {
    if is_cross_origin(request.headers(), &example.settings.app_url) {
        let text = "This form was sent from another site.";
        return Ok(html(StatusCode::FORBIDDEN, pages::message("error", "Not refreshed", text, "Sign in")));
    }
    let (Some(cookie), Some(account)) = (example.cookie(&request), example.account(&request)) else {
        return Ok(see_other("/").finish());
    };
    example.sessions.refreshed(&cookie, example.provider().await?.refresh(&account).await?);
    Ok(see_other("/result").finish())
}

async fn sign_out(example: Data<Example>, request: HttpRequest) -> Result<HttpResponse, SignInError> {
    let Some(cookie) = example.cookie(&request) else { return Ok(see_other("/signed-out").finish()) };
    let (account, state) = (example.sessions.account(&cookie), sessions::random());
    let cookie = example.sessions.sign_out(&cookie, &state);
    let Some(account) = account else { return Ok(example.onward("/signed-out", cookie)) };
    let there = example.provider().await?.sign_out_url(&account, state);
    Ok(example.onward(there.as_ref().map_or("/signed-out", Url::as_str), cookie))
}

async fn signed_out(example: Data<Example>, request: HttpRequest) -> HttpResponse {
    let state = read_answer(&request).and_then(|answer| answer.state);
    let everywhere = match (example.cookie(&request), state) {
        (Some(cookie), Some(state)) => example.sessions.signed_out(&cookie, &state),
        _no_sign_out => false,
    };
    let text = if everywhere { "You’re signed out here and at the provider." } else { "You’re signed out here." };
    html(StatusCode::OK, pages::message("signed-out", "Signed out", text, "Sign in again"))
}

async fn not_found() -> HttpResponse {
    html(StatusCode::NOT_FOUND, pages::message("error", "Not found", "There is no such page here.", "Sign in"))
}

/// `Sec-Fetch-Site` says so in today's browsers, `Origin` in older ones. The `Lax` cookie already keeps other sites out;
/// this keeps out other ports of this machine.
fn is_cross_origin(headers: &HeaderMap, home: &str) -> bool {
    let said = |name| headers.get(name).map(header::HeaderValue::as_bytes);
    said("sec-fetch-site").is_some_and(|site| !matches!(site, b"same-origin" | b"none"))
        || said("origin").is_some_and(|origin| origin != home.as_bytes())
}

fn see_other(location: &str) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, location));
    response
}

fn html(status: StatusCode, page: Result<String, minijinja::Error>) -> HttpResponse {
    match page {
        Ok(page) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page),
        Err(error) => {
            tracing::error!(%error, "a page of the example app cannot be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

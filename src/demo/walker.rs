//! A browser without a screen: it walks the pages of a sign-in over HTTP, form by form, as a person without JavaScript would.
//! `demo --self-test`, the integration tests and the benchmark walk with it.
//!
//! It follows redirects across origins, keeps cookies ([`cookies`]), reads forms ([`html`]) and sends them with their inputs
//! as found. It knows nothing of the provider beyond the contract of its pages.

pub mod cookies;
pub mod html;

use openidconnect::http::{Method, Request, header};
use openidconnect::{HttpRequest, HttpResponse};
use url::Url;

use super::http::{HttpClient, HttpError};
use cookies::CookieJar;
use html::{Element, Form};

/// Redirects followed before a loop is assumed.
const MAX_HOPS: usize = 20;

/// Why a walk ended.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// A request without an answer.
    #[error("{url}: {error}")]
    Http {
        /// What was asked for.
        url: Box<Url>,
        /// What happened.
        error: HttpError,
    },
    /// A URL that is none.
    #[error("{0:?} is not a URL")]
    NotAUrl(String),
    /// A request that cannot be written.
    #[error("the request cannot be written: {0}")]
    Request(#[from] openidconnect::http::Error),
    /// Redirects without an end.
    #[error("{0} redirects for ever")]
    TooManyRedirects(Box<Url>),
    /// A page without the form that was expected.
    #[error("{url} (HTTP {status}) has no form {form:?}; it says: {text}")]
    NoForm {
        /// The page.
        url: Box<Url>,
        /// Its status.
        status: u16,
        /// What was looked for.
        form: String,
        /// The beginning of its text.
        text: String,
    },
}

/// Which form of a page to send.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// The one with this `id`.
    Id(&'a str),
    /// The first whose `action` ends so (query aside).
    Action(&'a str),
    /// The first that has a control (input or button) of this name.
    Control(&'a str),
    /// The first.
    First,
}

/// An answer, after redirects.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it stands. After [`Walker::stop_at`] a redirect that was not followed has its target here.
    pub url: Url,
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Every URL that was asked for on the way here, first to last.
    pub hops: Vec<Url>,
}

impl Page {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _value)| known == name).map(|(_name, value)| value.as_str())
    }

    /// An attribute of `<main>`: `data-page`, `data-login-state`, …
    pub fn main(&self, attribute: &str) -> Option<String> {
        html::elements(&self.body, "main").first()?.attribute(attribute).map(str::to_owned)
    }

    /// The element with this `id`.
    pub fn element(&self, id: &str) -> Option<Element> {
        html::element_by_id(&self.body, id)
    }

    /// A form.
    pub fn form(&self, which: Which<'_>) -> Option<Form> {
        html::forms(&self.body).into_iter().find(|form| match which {
            Which::Id(id) => form.id == id,
            Which::Action(end) => form.action.split('?').next().is_some_and(|path| path.ends_with(end)),
            Which::Control(name) => form.inputs.iter().chain(&form.buttons).any(|(known, _value)| known == name),
            Which::First => true,
        })
    }

    /// A query parameter of the page's URL.
    pub fn query(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(key, _value)| key == name).map(|(_key, value)| value.into_owned())
    }

    /// The beginning of the page's text, for messages.
    pub fn summary(&self) -> String {
        let main = html::elements(&self.body, "main");
        let text = main.first().map_or(self.body.as_str(), |main| main.text.as_str());
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
    }
}

/// The browser.
#[derive(Clone, Debug)]
pub struct Walker {
    http: HttpClient,
    /// Its cookies.
    pub cookies: CookieJar,
    headers: Vec<(String, String)>,
    stop_at: Option<String>,
}

impl Walker {
    /// A browser that has been nowhere.
    ///
    /// # Errors
    /// When TLS cannot be initialised.
    pub fn new() -> Result<Self, HttpError> {
        Ok(Self { http: HttpClient::new()?, cookies: CookieJar::default(), headers: Vec::new(), stop_at: None })
    }

    /// Another browser on the same machine: no cookies, the same connections.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { cookies: CookieJar::default(), ..self.clone() }
    }

    /// Sends this header with every request (`accept-language`, `user-agent`).
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Does not follow redirects to URLs that begin so, but hands them out as the page's URL: to see an authorization answer.
    #[must_use]
    pub fn stop_at(mut self, prefix: &str) -> Self {
        self.stop_at = Some(prefix.to_owned());
        self
    }

    /// Opens a URL and follows redirects.
    ///
    /// # Errors
    /// See [`WalkError`]. An error status is a page.
    pub async fn get(&mut self, url: &str) -> Result<Page, WalkError> {
        let url = Url::parse(url).map_err(|_not_a_url| WalkError::NotAUrl(url.to_owned()))?;
        self.walk(Method::GET, url, None).await
    }

    /// Posts form fields to a URL and follows redirects.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(&mut self, url: &str, fields: &[(String, String)]) -> Result<Page, WalkError> {
        let url = Url::parse(url).map_err(|_not_a_url| WalkError::NotAUrl(url.to_owned()))?;
        self.walk(Method::POST, url, Some(encode(fields))).await
    }

    /// Sends a form of `page` with its inputs as found. Each pair of `with` takes the place of the input of that name, or is
    /// added: a button that is pressed, a text that is typed.
    ///
    /// # Errors
    /// When the page has no such form, and as [`Self::get`].
    pub async fn submit(&mut self, page: &Page, which: Which<'_>, with: &[(&str, &str)]) -> Result<Page, WalkError> {
        let form = page.form(which).ok_or_else(|| WalkError::NoForm {
            url: Box::new(page.url.clone()),
            status: page.status,
            form: format!("{which:?}"),
            text: page.summary(),
        })?;
        let mut fields = form.inputs;
        for (name, value) in with {
            match fields.iter_mut().find(|(known, _value)| known == name) {
                Some((_name, known)) => (*value).clone_into(known),
                None => fields.push(((*name).to_owned(), (*value).to_owned())),
            }
        }
        let mut url = page.url.join(&form.action).map_err(|_not_a_url| WalkError::NotAUrl(form.action.clone()))?;
        if form.post {
            return self.walk(Method::POST, url, Some(encode(&fields))).await;
        }
        url.set_query(Some(&encode(&fields)));
        self.walk(Method::GET, url, None).await
    }

    async fn walk(&mut self, mut method: Method, mut url: Url, mut body: Option<String>) -> Result<Page, WalkError> {
        let origin = url.origin();
        let mut hops = Vec::new();
        while hops.len() < MAX_HOPS {
            hops.push(url.clone());
            let response = self.send(&method, &url, body.as_deref(), &origin).await?;
            let location = redirect_target(&response, &url);
            let Some(target) = location else { return Ok(page(url, &response, hops)) };
            if self.stop_at.as_deref().is_some_and(|prefix| target.as_str().starts_with(prefix)) {
                return Ok(page(target, &response, hops));
            }
            // 307 and 308 repeat the request; all others become a GET (RFC 9110 §15.4).
            if !matches!(response.status().as_u16(), 307 | 308) {
                (method, body) = (Method::GET, None);
            }
            url = target;
        }
        Err(WalkError::TooManyRedirects(Box::new(url)))
    }

    async fn send(
        &mut self,
        method: &Method,
        url: &Url,
        body: Option<&str>,
        origin: &url::Origin,
    ) -> Result<HttpResponse, WalkError> {
        let mut request = Request::builder().method(method).uri(url.as_str()).header(header::ACCEPT, "text/html,*/*;q=0.8");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(cookies) = self.cookies.header(url) {
            request = request.header(header::COOKIE, cookies);
        }
        if body.is_some() {
            // A page's own form: browsers name the page's origin (Fetch §3.1).
            let origin = if url.origin() == *origin { origin.ascii_serialization() } else { "null".to_owned() };
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").header(header::ORIGIN, origin);
        }
        let request: HttpRequest = request.body(body.unwrap_or_default().as_bytes().to_vec())?;
        let response = self.http.send(request).await.map_err(|error| WalkError::Http { url: Box::new(url.clone()), error })?;
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            if let Ok(cookie) = cookie.to_str() {
                self.cookies.take(url, cookie);
            }
        }
        Ok(response)
    }
}

fn encode(fields: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn redirect_target(response: &HttpResponse, url: &Url) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    url.join(response.headers().get(header::LOCATION)?.to_str().ok()?).ok()
}

fn page(url: Url, response: &HttpResponse, hops: Vec<Url>) -> Page {
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    Page { url, status: response.status().as_u16(), body: String::from_utf8_lossy(response.body()).into_owned(), headers, hops }
}

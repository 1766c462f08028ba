//! Requests of the ThumbSignIn widget in the pages of other sites (`[[site]]`): which site's, and of which browser. They come
//! through a reverse proxy of the site, by the site's host, or across origins to ours.
//!
//! The browser has cookies of its own for this, which are bound to the site: a site's servers see them, and are nobody with them at
//! the provider and at other sites.

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponseBuilder, web};

use super::cookies::{self, Name};
use super::error::Failure;
use super::{Surface, canonical, request};
use crate::domain::browser::BrowserKey;
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::settings::EmbeddingSite;
use crate::flow::authorization::Browser;
use crate::flow::site::Visitor;
use crate::store::sessions;

/// The beginnings of the paths that sites' hosts have too.
const PATHS: [&str; 5] = ["/tsAuth/", "/txnStatus/", "/ts/secure/", "/thumbsign_widget.", "/sendSMS"];

/// Whether a name that a request gives this server is that of a site, and the path is one that its pages ask for.
pub(super) fn is_host_of_site(surface: &Surface, path: &str, name: &[u8]) -> bool {
    is_asked_for(path) && surface.op.settings.sites.iter().any(|site| has_host(site, name))
}

fn has_host(site: &EmbeddingSite, written: &[u8]) -> bool {
    let (scheme, host) = site.origin.scheme_and_host();
    let https = scheme == "https";
    std::str::from_utf8(written).is_ok_and(|written| canonical(written, https) == canonical(host, https))
}

/// Whether the request came by the host of a site.
pub(super) fn is_by_host_of_site(surface: &Surface, headers: &HeaderMap) -> bool {
    surface.op.settings.sites.iter().any(|site| is_by_host(site, headers))
}

pub(crate) struct SiteVisit {
    pub(crate) surface: web::Data<Surface>,
    pub(crate) visitor: Visitor,
    cookie: Secret,
    is_new: bool,
    /// Whether the page asks across origins: then it goes on at ours.
    is_across: bool,
}

impl SiteVisit {
    /// One round trip where somebody signed in at the site before.
    pub(crate) async fn of(surface: &web::Data<Surface>, request: &HttpRequest) -> Result<Self, Failure> {
        match sites_of(&surface.op.settings.sites, request.headers()).as_slice() {
            [site] => Self::at(surface, request, site).await,
            _none_or_several => Err(Failure::not_found()),
        }
    }

    /// For a page that is opened and not asked for by a script: where it comes to our own host, nothing says which site leads there.
    /// Its transaction is known to one of them.
    pub(crate) async fn of_each(surface: &web::Data<Surface>, request: &HttpRequest) -> Result<Vec<Self>, Failure> {
        let mut visits = Vec::new();
        for site in sites_of(&surface.op.settings.sites, request.headers()) {
            visits.push(Self::at(surface, request, site).await?);
        }
        Ok(visits)
    }

    async fn at(surface: &web::Data<Surface>, request: &HttpRequest, site: &EmbeddingSite) -> Result<Self, Failure> {
        let says_origin = is_from(site, request.headers()).ok_or_else(Failure::forged)?;
        let https = surface.site.https;
        let known = cookies::read(request, Name::SiteBrowser, https);
        let is_new = known.is_none();
        let cookie = known.map_or_else(|| Secret::generate(&surface.op.env), Ok)?;
        let key = BrowserKey(SecretDigest::of(format!("{} {}", site.origin.as_str(), cookie.expose()).as_bytes()));
        let mut browser = Browser { key, session: None };
        if let Some(session) = cookies::read(request, Name::SiteSession, https).filter(|_| !is_new) {
            let (now, idle) = (surface.op.env.now(), surface.op.settings.lifetimes.session_idle);
            let found = sessions::find_by_cookie(surface.op.store.read(), &session.digest(), now, idle).await?;
            browser.session = found.filter(|(session, _)| session.browser == browser.key);
        }
        let visitor = Visitor { site: site.clone(), browser, origin: request::source(surface, request) };
        let is_across = says_origin && !is_by_host(site, request.headers());
        Ok(Self { surface: surface.clone(), visitor, cookie, is_new, is_across })
    }

    /// Where the browser goes on, as the page that asks has to write it.
    pub(crate) fn location(&self, path: &str) -> String {
        if self.is_across { format!("{}{path}", self.surface.op.settings.issuer) } else { path.to_owned() }
    }

    /// Sets the cookies of an answer to which they belong: one that fails takes none away from another that is on its way.
    /// `session` is that of a session that began.
    pub(crate) fn remember(&self, response: &mut HttpResponseBuilder, session: Option<&Secret>) {
        if self.is_new {
            response.cookie(cookies::set(&self.surface, Name::SiteBrowser, self.cookie.expose()));
        }
        if let Some(session) = session {
            response.cookie(cookies::set(&self.surface, Name::SiteSession, session.expose()));
        }
    }
}

/// What browsers are told of an answer to what pages of sites ask for, whoever made it: without it, a page that asks across origins
/// sees no status, but a network that failed.
pub(super) struct Readable {
    /// The origin of the site whose page asks across origins.
    by: Option<HeaderValue>,
}

impl Readable {
    pub(super) fn of(surface: &Surface, path: &str, headers: &HeaderMap) -> Option<Self> {
        let sites = &surface.op.settings.sites;
        (!sites.is_empty() && is_asked_for(path)).then(|| Self { by: reader(sites, headers).cloned() })
    }

    pub(super) fn complete(self, headers: &mut HeaderMap) {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.by {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

fn is_asked_for(path: &str) -> bool {
    PATHS.iter().any(|beginning| path.starts_with(beginning))
}

/// The origin of a request, where it is that of a site, and the request did not come by the host of one.
fn reader<'a>(sites: &[EmbeddingSite], headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let mut origins = headers.get_all(header::ORIGIN);
    let (origin, another) = (origins.next()?, origins.next());
    let is_of_site = sites.iter().any(|site| origin.as_bytes() == site.origin.as_str().as_bytes());
    let is_across = another.is_none() && !sites.iter().any(|site| is_by_host(site, headers));
    Some(origin).filter(|_| is_of_site && is_across)
}

/// Whether there is any site: else the widget is not served.
pub(crate) fn demand_sites(surface: &Surface) -> Result<(), Failure> {
    if surface.op.settings.sites.is_empty() { Err(Failure::not_found()) } else { Ok(()) }
}

/// The site whose host or whose page asks; where a proxy hides both, each may.
fn sites_of<'a>(sites: &'a [EmbeddingSite], headers: &HeaderMap) -> Vec<&'a EmbeddingSite> {
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    let by_host = sites.iter().find(|site| is_by_host(site, headers));
    let named = by_host.or_else(|| sites.iter().find(|site| Some(site.origin.as_str().as_bytes()) == origin));
    named.map_or_else(|| sites.iter().collect(), |site| vec![site])
}

fn is_by_host(site: &EmbeddingSite, headers: &HeaderMap) -> bool {
    headers.get(header::HOST).is_some_and(|host| has_host(site, host.as_bytes()))
}

/// Whether the browser says that a page of this site asks across origins. `None`: it says that the request comes from elsewhere.
/// These are the GETs that change something (check 115): what a browser says of where they come from must not contradict it.
fn is_from(site: &EmbeddingSite, headers: &HeaderMap) -> Option<bool> {
    let fetched = headers.get_all("sec-fetch-site").all(|from| matches!(from.as_bytes(), b"same-origin" | b"same-site"));
    let mut origins = headers.get_all(header::ORIGIN).map(HeaderValue::as_bytes).peekable();
    let says = origins.peek().is_some();
    (fetched && origins.all(|origin| origin == site.origin.as_str().as_bytes())).then_some(says)
}

#[cfg(test)]
mod tests;

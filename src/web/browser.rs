//! The browser behind a request: its cookie, its session, where it is, which language it reads.

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;

use super::{Surface, cookies, origin};
use crate::domain::browser::{BrowserKey, BrowserSession, Origin};
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::user::User;
use crate::flow::authorization::Browser;
use crate::flow::error::Internal;
use crate::store::sessions;
use crate::view::{Locale, locale};

/// A browser's visit.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The browser and its live session.
    pub browser: Browser,
    /// A cookie that the browser has yet to get, on its first visit.
    pub new_cookie: Option<Secret>,
    /// Where it is.
    pub origin: Origin,
    /// What it reads.
    pub accept_language: Option<String>,
}

impl Visit {
    /// Reads the cookies of a request. One round trip where there is a session, none otherwise; a write at most once a
    /// minute, to note that the session is in use.
    ///
    /// # Errors
    /// When the database or the random number generator fails.
    pub async fn of(surface: &Surface, request: &HttpRequest) -> Result<Self, Internal> {
        let mut visit = Self::without_session(surface, request)?;
        if visit.new_cookie.is_none()
            && let Some(session) = cookies::read(request, cookies::Name::Session, surface.site.https)
        {
            let live = live_session(surface, &session).await?;
            // A session lives in the browser that it began in: its cookie alone, carried elsewhere, is nothing.
            visit.browser.session = live.filter(|(session, _)| session.browser == visit.browser.key);
        }
        Ok(visit)
    }

    /// The browser alone, whoever is signed in. No round trip.
    ///
    /// # Errors
    /// When the random number generator fails.
    pub fn without_session(surface: &Surface, request: &HttpRequest) -> Result<Self, Internal> {
        let (cookie, new_cookie) = match cookies::read(request, cookies::Name::Browser, surface.site.https) {
            Some(known) => (known, None),
            None => {
                let fresh = Secret::generate(&surface.op.env)?;
                (fresh.clone(), Some(fresh))
            }
        };
        let browser = Browser { key: BrowserKey(cookie.digest()), session: None };
        Ok(Self { browser, new_cookie, ..Self::anonymous(surface, request) })
    }

    /// A visit of nobody in particular: for error pages.
    pub fn anonymous(surface: &Surface, request: &HttpRequest) -> Self {
        let accept_language = request.headers().get("accept-language").and_then(|value| value.to_str().ok());
        Self {
            browser: Browser { key: BrowserKey(SecretDigest::of(b"")), session: None },
            new_cookie: None,
            origin: origin::of(request, &surface.site.trusted_proxies),
            accept_language: accept_language.map(str::to_owned),
        }
    }

    /// The language of a page: the app's wish, then the browser's.
    pub fn locale(&self, ui_locales: &[String]) -> Locale {
        locale::choose(Some(&ui_locales.join(" ")), None, self.accept_language.as_deref())
    }

    /// The cookie that the answer must set, if any.
    pub fn cookie(&self, surface: &Surface) -> Option<Cookie<'static>> {
        self.new_cookie.as_ref().map(|value| cookies::set(cookies::Name::Browser, value, surface.site.https))
    }
}

async fn live_session(surface: &Surface, cookie: &Secret) -> Result<Option<(BrowserSession, User)>, Internal> {
    let op = &surface.op;
    let now = op.env.now();
    let idle = op.settings.lifetimes.session_idle;
    let found = sessions::find_by_cookie(op.store.read(), &cookie.digest(), now, idle).await?;
    if let Some((session, _)) = &found
        && sessions::needs_touch(session, now)
    {
        let id = session.id.clone();
        op.store.write(id, move |tx, id| Box::pin(async move { sessions::touch(tx, id, now).await })).await?;
    }
    Ok(found)
}

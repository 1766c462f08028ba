//! The browser behind a request: its cookie, its session, where it is, which language it reads.

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use actix_web::http::Method;

use super::{Surface, cookies, request_source};
use crate::domain::browser::{BrowserKey, BrowserSession, RequestSource};
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::user::User;
use crate::flow::authorization::Browser;
use crate::flow::error::Internal;
use crate::store::sessions;
use crate::view::{LanguageLink, Locale, locale};

#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub browser: Browser,
    /// A cookie that the browser has yet to get, on its first visit.
    pub new_cookie: Option<Secret>,
    /// The cookie that it is known by, on any later visit.
    pub known_cookie: Option<Secret>,
    /// Whether the answer sets that cookie, and that of the language, again: after a login, and while the session is in use.
    pub renews: bool,
    pub origin: RequestSource,
    pub accept_language: Option<String>,
    pub chosen_language: Option<Locale>,
    /// Where a GET shows again what this request gets: path and query. None for what was posted.
    pub here: Option<String>,
}

/// The path below which languages are chosen (`endpoints::language`).
pub(crate) const LANGUAGE_PATH: &str = "/language/";
/// A longer address is not repeated in the links of the switch.
const MAX_HERE: usize = 2048;

impl Visit {
    /// Reads the cookies of a request. One round trip where there is a session, none otherwise; a write at most once a
    /// minute, to note that the session is in use.
    pub(crate) async fn of(surface: &Surface, request: &HttpRequest) -> Result<Self, Internal> {
        let mut visit = Self::without_session(surface, request)?;
        if visit.new_cookie.is_none()
            && let Some(session) = cookies::read(request, cookies::Name::Session, surface.site.https)
        {
            let (live, noted) = live_session(surface, &session).await?;
            // A session lives in the browser that it began in: its cookie alone, carried elsewhere, is nothing.
            visit.browser.session = live.filter(|(session, _)| session.browser == visit.browser.key);
            visit.renews = noted && visit.browser.session.is_some();
        }
        Ok(visit)
    }

    /// The browser alone, whoever is signed in. No round trip.
    pub(crate) fn without_session(surface: &Surface, request: &HttpRequest) -> Result<Self, Internal> {
        let known_cookie = cookies::read(request, cookies::Name::Browser, surface.site.https);
        let (key, new_cookie) = match &known_cookie {
            Some(known) => (known.digest(), None),
            None => {
                let fresh = Secret::generate(&surface.op.env)?;
                (fresh.digest(), Some(fresh))
            }
        };
        let browser = Browser { key: BrowserKey(key), session: None };
        Ok(Self { browser, new_cookie, known_cookie, ..Self::anonymous(surface, request) })
    }

    /// A visit of nobody in particular: for error pages.
    pub(crate) fn anonymous(surface: &Surface, request: &HttpRequest) -> Self {
        let accept_language = request.headers().get("accept-language");
        Self {
            browser: Browser { key: BrowserKey(SecretDigest::of(b"")), session: None },
            new_cookie: None,
            known_cookie: None,
            renews: false,
            origin: request_source::of(surface, request),
            accept_language: accept_language.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            chosen_language: cookies::read_text(request, cookies::Name::Language, surface.site.https)
                .and_then(|tag| Locale::of_tag(&tag)),
            here: here(request),
        }
    }

    /// The language of a page: the person's choice, then the app's wish, then the browser's.
    pub(crate) fn locale(&self, ui_locales: &[String]) -> Locale {
        locale::choose(self.chosen_language, Some(&ui_locales.join(" ")), self.accept_language.as_deref())
    }

    /// The switch of a page: each language, and the link that leads back here in it.
    pub(crate) fn languages(&self) -> Vec<LanguageLink> {
        let Some(here) = &self.here else { return Vec::new() };
        let to: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
        Locale::ALL.map(|locale| LanguageLink { locale, href: format!("{LANGUAGE_PATH}{locale}?to={to}") }).to_vec()
    }

    pub(crate) fn cookies(&self, surface: &Surface) -> Vec<Cookie<'static>> {
        let renewed = |cookie: &Option<Secret>| cookie.clone().filter(|_| self.renews);
        let browser = self.new_cookie.clone().or_else(|| renewed(&self.known_cookie));
        let language = self.chosen_language.filter(|_| self.renews);
        let browser = browser.map(|value| cookies::set(surface, cookies::Name::Browser, value.expose()));
        let language = language.map(|locale| cookies::set(surface, cookies::Name::Language, locale.as_str()));
        browser.into_iter().chain(language).collect()
    }
}

fn here(request: &HttpRequest) -> Option<String> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let here = request.uri().path_and_query().map(ToString::to_string);
    here.filter(|here| is_read && here.len() <= MAX_HERE && !here.starts_with(LANGUAGE_PATH))
}

/// The session, and whether it was noted to be in use just now.
async fn live_session(surface: &Surface, cookie: &Secret) -> Result<(Option<(BrowserSession, User)>, bool), Internal> {
    let op = &surface.op;
    let now = op.env.now();
    let idle = op.settings.lifetimes.session_idle;
    let found = sessions::find_by_cookie(op.store.read(), &cookie.digest(), now, idle).await?;
    let mut noted = false;
    if let Some((session, _)) = &found
        && sessions::needs_touch(session, now)
    {
        let id = session.id.clone();
        noted = op.store.write(id, move |tx, id| Box::pin(async move { sessions::touch(tx, id, now).await })).await?;
    }
    Ok((found, noted))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn reading(request: TestRequest, chosen_language: Option<Locale>) -> Visit {
        Visit {
            browser: Browser { key: BrowserKey(SecretDigest::of(b"")), session: None },
            new_cookie: None,
            known_cookie: None,
            renews: false,
            origin: RequestSource::default(),
            accept_language: Some("en".to_owned()),
            chosen_language,
            here: here(&request.to_http_request()),
        }
    }

    fn links(request: TestRequest) -> Vec<String> {
        reading(request, None).languages().into_iter().map(|link| link.href).collect()
    }

    #[test]
    fn the_switch_leads_back_to_the_same_address() {
        let expected = ["en", "de"].map(|tag| format!("/language/{tag}?to=%2Flogin%2Fa%3Fx%3D1%26y%3D%253Cb%253E"));
        assert_eq!(links(TestRequest::get().uri("/login/a?x=1&y=%3Cb%3E")), expected);
        assert_eq!(links(TestRequest::with_uri("/login/a?x=1&y=%3Cb%3E").method(Method::HEAD)), expected);
    }

    #[test]
    fn what_was_posted_what_is_long_and_the_switch_itself_are_not_led_back_to() {
        assert!(links(TestRequest::post().uri("/login/a")).is_empty());
        assert!(links(TestRequest::get().uri(&format!("/{}", "a".repeat(MAX_HERE)))).is_empty());
        assert_eq!(links(TestRequest::get().uri(&format!("/{}", "a".repeat(MAX_HERE - 1)))).len(), 2);
        assert!(links(TestRequest::get().uri("/language/xx?to=%2F")).is_empty());
    }

    #[test]
    fn the_choice_of_the_person_comes_before_the_wish_of_the_app() {
        let wish = ["de".to_owned()];
        assert_eq!(reading(TestRequest::get(), None).locale(&wish), Locale::De);
        assert_eq!(reading(TestRequest::get(), Some(Locale::En)).locale(&wish), Locale::En);
        assert_eq!(reading(TestRequest::get(), Some(Locale::De)).locale(&[]), Locale::De);
    }
}

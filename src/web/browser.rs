//! The browser behind a request: its cookie, its session, where it is, which language it reads.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponseBuilder, web};

use super::{Surface, cookies, request};
use crate::domain::browser::{BrowserKey, RequestSource};
use crate::domain::secret::{Secret, SecretDigest};
use crate::flow::Op;
use crate::flow::authorization::Browser;
use crate::flow::error::Internal;
use crate::store::sessions;
use crate::view::{LanguageLink, Locale, locale};

/// Who asks for a page, and what answers.
#[derive(Clone)]
pub(crate) struct Visit {
    pub surface: web::Data<Surface>,
    pub browser: Browser,
    /// The cookie that the browser is known by.
    pub cookie: Option<Secret>,
    /// Whether it has yet to get that, on its first visit.
    pub is_new: bool,
    /// Whether the answer sets that cookie, and that of the language, again: after a login, and while the session is in use.
    pub renews: bool,
    pub origin: RequestSource,
    pub reader: Reader,
}

/// Which languages the person reads, and what they read.
#[derive(Clone)]
pub(crate) struct Reader {
    accept_language: Option<String>,
    chosen_language: Option<Locale>,
    /// Where a GET shows again what this request gets: path and query. None for what was posted.
    here: Option<String>,
}

/// The path below which languages are chosen (`endpoints::site::language`).
pub(crate) const LANGUAGE_PATH: &str = "/language/";
/// A longer address is not repeated in the links of the switch.
const MAX_HERE: usize = 2048;

impl Visit {
    /// Reads the cookies of a request. One round trip where there is a session, none otherwise; a write at most once a
    /// minute, to note that the session is in use.
    pub(crate) async fn of(surface: &web::Data<Surface>, request: &HttpRequest) -> Result<Self, Internal> {
        let mut visit = Self::without_session(surface, request)?;
        let cookie = cookies::read(request, cookies::Name::Session, surface.site.https);
        let Some(cookie) = cookie.filter(|_| !visit.is_new) else { return Ok(visit) };
        let op = &surface.op;
        let (now, idle) = (op.env.now(), op.settings.lifetimes.session_idle);
        let found = sessions::find_by_cookie(op.store.read(), &cookie.digest(), now, idle).await?;
        let Some((session, user)) = found else { return Ok(visit) };
        let noted = sessions::needs_touch(&session, now)
            && op.store.write(session.id.clone(), move |tx, id| Box::pin(sessions::touch(tx, id, now))).await?;
        // A session lives in the browser that it began in: its cookie alone, carried elsewhere, is nothing.
        if session.browser == visit.browser.key {
            visit.renews = noted;
            visit.browser.session = Some((session, user));
        }
        Ok(visit)
    }

    /// The browser alone, whoever is signed in. No round trip.
    pub(crate) fn without_session(surface: &web::Data<Surface>, request: &HttpRequest) -> Result<Self, Internal> {
        let known = cookies::read(request, cookies::Name::Browser, surface.site.https);
        let is_new = known.is_none();
        let cookie = known.map_or_else(|| Secret::generate(&surface.op.env), Ok)?;
        let browser = Browser { key: BrowserKey(cookie.digest()), session: None };
        Ok(Self { browser, cookie: Some(cookie), is_new, ..Self::anonymous(surface, request) })
    }

    /// A visit of nobody in particular: for error pages.
    pub(crate) fn anonymous(surface: &web::Data<Surface>, request: &HttpRequest) -> Self {
        let accept_language = request.headers().get("accept-language");
        let accept_language = accept_language.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let chosen = cookies::read_text(request, cookies::Name::Language, surface.site.https);
        let chosen_language = chosen.and_then(|tag| Locale::of_tag(&tag));
        Self {
            surface: surface.clone(),
            browser: Browser { key: BrowserKey(SecretDigest::of(b"")), session: None },
            cookie: None,
            is_new: false,
            renews: false,
            origin: request::source(surface, request),
            reader: Reader { accept_language, chosen_language, here: here(request) },
        }
    }

    pub(crate) fn op(&self) -> &Op {
        &self.surface.op
    }

    /// Sets the cookies of an answer, but for those that are its handler's.
    pub(crate) fn set_cookies(&self, response: &mut HttpResponseBuilder) {
        let surface = &self.surface;
        let browser = self.cookie.as_ref().filter(|_| self.is_new || self.renews);
        let language = self.reader.chosen_language.filter(|_| self.renews);
        let browser = browser.map(|value| cookies::set(surface, cookies::Name::Browser, value.expose()));
        let language = language.map(|locale| cookies::set(surface, cookies::Name::Language, locale.as_str()));
        for cookie in browser.into_iter().chain(language) {
            response.cookie(cookie);
        }
    }
}

impl Reader {
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
}

fn here(request: &HttpRequest) -> Option<String> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let here = request.uri().path_and_query().map(ToString::to_string);
    here.filter(|here| is_read && here.len() <= MAX_HERE && !here.starts_with(LANGUAGE_PATH))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn reading(request: TestRequest, chosen_language: Option<Locale>) -> Reader {
        let here = here(&request.to_http_request());
        Reader { accept_language: Some("en".to_owned()), chosen_language, here }
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

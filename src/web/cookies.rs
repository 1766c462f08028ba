//! The cookies (decision 2.2): `__Host-…; Secure; HttpOnly; SameSite=Lax; Path=/` on an https issuer, the same without
//! prefix and `Secure` on a loopback http one. Two cookies of one name count as none (B45).

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Surface;
use super::browser::Visit;
use super::error::Failure;
use super::form::{form_token, is_form_token};
use crate::domain::secret::Secret;
use crate::flow::error::Internal;

/// The longest name that is kept, in bytes: what the input of the page takes.
const LONGEST_TYPED: usize = 254;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// Names a browser from its first visit on: authorizations and logins are bound to it.
    Browser,
    /// A browser session: new at every login.
    Session,
    /// A name that was refused, until its page has shown it again. Carries a MAC of its own.
    Typed,
    /// The login whose phone had not approved when somebody wanted to go on; nothing depends on it but words.
    Early,
    /// The language that the person chose: no secret, and nothing depends on it but words.
    Language,
    /// As `Browser` and `Session`, of a page of another site that embeds the widget.
    SiteBrowser,
    SiteSession,
}

impl Name {
    fn text(self, https: bool) -> &'static str {
        let text = match self {
            Self::Browser => "__Host-signbridge_browser",
            Self::Session => "__Host-signbridge_session",
            Self::Typed => "__Host-signbridge_typed",
            Self::Early => "__Host-signbridge_early",
            Self::Language => "__Host-signbridge_language",
            Self::SiteBrowser => "__Host-signbridge_site_browser",
            Self::SiteSession => "__Host-signbridge_site_session",
        };
        if https { text } else { text.trim_start_matches("__Host-") }
    }

    /// The browser stays known for as long as the operator says, since its last login, and so does what it reads; a session
    /// ends with the browser, or before.
    fn max_age(self, remembered: std::time::Duration) -> Option<Duration> {
        match self {
            Self::Browser | Self::Language | Self::SiteBrowser => Some(Duration::try_from(remembered).unwrap_or(Duration::MAX)),
            Self::Typed => Some(Duration::minutes(2)),
            Self::Early => Some(Duration::seconds(10)),
            Self::Session | Self::SiteSession => None,
        }
    }
}

/// The secret in the cookie, if the request has exactly one of that name and it looks like ours.
pub(crate) fn read(request: &HttpRequest, name: Name, https: bool) -> Option<Secret> {
    let value = read_text(request, name, https)?;
    let ours = value.len() == 43 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    ours.then(|| Secret::new(value))
}

/// The value of the cookie as it came, if the request has exactly one of that name: whoever reads it judges it. What else the
/// browser keeps for this host, or a parent of it, are bytes of other programs (RFC 6265 §5.4): they are passed over.
pub(crate) fn read_text(request: &HttpRequest, name: Name, https: bool) -> Option<String> {
    let wanted = name.text(https).as_bytes();
    let lines = request.headers().get_all(header::COOKIE).map(|line| line.as_bytes());
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    let mut ours = pairs.filter_map(|pair| pair.strip_prefix(wanted)?.strip_prefix(b"="));
    match (ours.next(), ours.next()) {
        (Some(value), None) => std::str::from_utf8(value).ok().map(str::to_owned),
        _none_or_several => None,
    }
}

/// Sets the cookie; the value must be within the grammar of RFC 6265 §4.1.1.
pub(crate) fn set(surface: &Surface, name: Name, value: &str) -> Cookie<'static> {
    baked(name, value, surface.site.https, surface.op.settings.lifetimes.remembered_browser)
}

fn baked(name: Name, value: &str, https: bool, remembered: std::time::Duration) -> Cookie<'static> {
    let mut cookie = clear(name, https);
    cookie.set_value(value.to_owned());
    cookie.set_max_age(name.max_age(remembered));
    cookie
}

pub(crate) fn clear(name: Name, https: bool) -> Cookie<'static> {
    let cookie = Cookie::build(name.text(https), "").path("/").http_only(true).secure(https);
    cookie.same_site(SameSite::Lax).max_age(Duration::ZERO).finish()
}

/// Adds a cookie, where there is one to add, to an answer that is complete.
pub(crate) fn with(mut response: HttpResponse, cookie: Option<Cookie<'static>>) -> Result<HttpResponse, Failure> {
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie).map_err(|_never_malformed| Internal::Stopped)?;
    }
    Ok(response)
}

fn about_typed(interaction: &str, typed: &str) -> String {
    format!("typed/{interaction}/{typed}")
}

/// Keeps a name that was refused, so that nobody types it twice (L17, WCAG 3.3.7), from the POST that refused it to the page that
/// says why. It goes by a cookie and not by the address, which stands in histories and in the logs of proxies. A MAC binds it to
/// the browser and the authorization, so that nobody who can write cookies fills in the form.
pub(crate) fn of_typed(visit: &Visit, interaction: &str, typed: &str) -> Cookie<'static> {
    if !(1..=LONGEST_TYPED).contains(&typed.len()) {
        return clear(Name::Typed, visit.surface.site.https);
    }
    let mac = form_token(visit, &about_typed(interaction, typed));
    set(&visit.surface, Name::Typed, &format!("{}.{mac}", URL_SAFE_NO_PAD.encode(typed)))
}

/// What this browser typed for this authorization and was refused a moment ago.
pub(crate) fn read_typed(visit: &Visit, request: &HttpRequest, interaction: &str) -> Option<String> {
    let cookie = read_text(request, Name::Typed, visit.surface.site.https)?;
    let (encoded, mac) = cookie.split_once('.')?;
    let typed = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    is_form_token(visit, &about_typed(interaction, &typed), Some(mac)).then_some(typed)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    const YEAR: std::time::Duration = std::time::Duration::from_secs(365 * 86_400);

    fn request(cookies: impl AsRef<[u8]>) -> HttpRequest {
        let value = header::HeaderValue::from_bytes(cookies.as_ref()).unwrap();
        TestRequest::default().insert_header((header::COOKIE, value)).to_http_request()
    }

    /// What other programs keep in the same browser: any bytes that a header can hold.
    fn neighbour() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(
            (0x20_u8..=0xFF).prop_filter("a header can hold it", |byte| *byte != 0x7F && *byte != b';'),
            0..30,
        )
    }

    #[test]
    fn one_cookie_counts_and_two_of_a_name_are_none() {
        let value = "a".repeat(43);
        let one = request(format!("x=1; signbridge_session={value}"));
        assert_eq!(read(&one, Name::Session, false).unwrap().expose(), value);
        let two = request(format!("signbridge_session={value}; signbridge_session={value}"));
        assert!(read(&two, Name::Session, false).is_none());
        assert!(read(&one, Name::Session, true).is_none(), "the name without prefix means nothing on https");
    }

    #[test]
    fn the_letters_of_a_neighbour_do_not_hide_our_cookie() {
        let value = "a".repeat(43);
        for name in ["J\u{fc}rgen".as_bytes(), b"J\xfcrgen", b"\xff\xfe", b"\"quo;ted\""] {
            let line = [b"displayname=", name, b"; signbridge_session=", value.as_bytes(), b"; a=\x80"].concat();
            assert_eq!(read(&request(&line), Name::Session, false).unwrap().expose(), value);
        }
        assert!(read_text(&request(b"signbridge_language=d\xe9"), Name::Language, false).is_none(), "ours, and no text");
        assert!(read_text(&request(b"signbridge_language=d\xe9; signbridge_language=de"), Name::Language, false).is_none());
    }

    #[test]
    fn a_language_is_kept_for_scripts_and_other_hosts_to_leave_alone() {
        let text = baked(Name::Language, "de", true, YEAR).to_string();
        for part in ["__Host-signbridge_language=de", "HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=31536000"] {
            assert!(text.contains(part), "{text}");
        }
        let twice = request("signbridge_language=de; signbridge_language=en");
        assert_eq!(read_text(&twice, Name::Language, false), None);
        assert_eq!(read_text(&request("signbridge_language=de"), Name::Language, false).as_deref(), Some("de"));
    }

    #[test]
    fn an_https_cookie_is_bound_to_the_host() {
        let text = baked(Name::Browser, "v", true, YEAR).to_string();
        for part in ["__Host-signbridge_browser=v", "HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=31536000"] {
            assert!(text.contains(part), "{text}");
        }
        let session = baked(Name::Session, "v", false, YEAR).to_string();
        assert!(!session.contains("Secure") && !session.contains("Max-Age"), "{session}");
    }

    proptest! {
        #[test]
        fn whatever_else_stands_beside_it_our_cookie_is_read_once(
            before in prop::collection::vec(neighbour(), 0..4), value in "[A-Za-z0-9_-]{43}", after in prop::collection::vec(neighbour(), 0..4),
        ) {
            let ours = |pair: &Vec<u8>| pair.trim_ascii().starts_with(b"signbridge_session=");
            prop_assume!(!before.iter().chain(&after).any(ours));
            let own = format!("signbridge_session={value}").into_bytes();
            let all: Vec<Vec<u8>> = before.into_iter().chain([own.clone()]).chain(after).collect();
            let read_back = read(&request(all.join(&b"; "[..])), Name::Session, false).unwrap();
            prop_assert_eq!(read_back.expose(), value);
            let twice = [all.join(&b";"[..]), own].join(&b';');
            prop_assert!(read(&request(twice), Name::Session, false).is_none());
        }

        #[test]
        fn no_header_is_more_than_ignored(text in "[ -~]{0,200}") {
            if let Some(secret) = read(&request(&text), Name::Browser, false) {
                prop_assert_eq!(secret.expose().len(), 43);
            }
        }
    }
}

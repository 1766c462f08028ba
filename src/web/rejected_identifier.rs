//! An identifier that was refused, so that nobody types it twice (L17, WCAG 3.3.7): from the POST that refused it to the
//! page that says why. It goes by a cookie and not by the address, which stands in histories and in the logs of proxies.
//! A MAC binds it to the browser and the authorization, so that nobody who can write cookies fills in the form.

use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::cookies::{self, Name};
use super::error::Failure;
use super::{Surface, csrf};
use crate::domain::browser::BrowserKey;
use crate::flow::error::Internal;

/// The longest that the page's input takes, in bytes; more is not kept.
const MAX: usize = 254;

fn about(interaction: &str, typed: &str) -> String {
    format!("typed/{interaction}/{typed}")
}

/// Keeps what was typed for the page that `response` leads to; nothing where there is nothing to show again.
pub(crate) fn keep(
    surface: &Surface,
    response: &mut HttpResponse,
    browser: &BrowserKey,
    interaction: &str,
    typed: &str,
) -> Result<(), Failure> {
    let cookie = if (1..=MAX).contains(&typed.len()) {
        let mac = csrf::token(surface, browser, &about(interaction, typed));
        cookies::set(surface, Name::Typed, &format!("{}.{mac}", URL_SAFE_NO_PAD.encode(typed)))
    } else {
        cookies::clear(Name::Typed, surface.site.https)
    };
    response.add_cookie(&cookie).map_err(|_never_malformed| Internal::Stopped)?;
    Ok(())
}

/// What this browser typed for this authorization and was refused a moment ago.
pub(crate) fn find(surface: &Surface, request: &HttpRequest, browser: &BrowserKey, interaction: &str) -> Option<String> {
    let cookie = cookies::read_text(request, Name::Typed, surface.site.https)?;
    let (encoded, mac) = cookie.split_once('.')?;
    let typed = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    csrf::is_valid(surface, browser, &about(interaction, &typed), Some(mac)).then_some(typed)
}

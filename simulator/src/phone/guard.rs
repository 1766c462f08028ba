//! Who may use the virtual phone: scripts of this machine use the API; people, also on other machines, use the pages; web
//! pages of others use neither.

use actix_web::HttpRequest;
use url::{Host, Url};

use crate::call::header;
use crate::simulation::Settings;

/// Lets scripts of this machine pass.
pub(super) fn script(request: &HttpRequest) -> Result<(), &'static str> {
    if !is_local(request) {
        return Err("the phone's API answers callers of this machine only");
    }
    let host = host(request).ok_or("the Host header is missing or malformed")?;
    if !is_loopback(&host) {
        return Err("the Host header names another machine");
    }
    same_site(request)
}

/// Lets people pass: everybody may look, but only our own pages may send forms. A foreign name that resolves to this
/// machine (DNS rebinding) is refused, because to the browser it is another site.
pub(super) fn person(request: &HttpRequest, settings: &Settings) -> Result<(), &'static str> {
    let host = host(request).ok_or("the Host header is missing or malformed")?;
    let phone = Url::parse(&settings.phone_url).ok();
    let by_address = is_loopback(&host) || matches!(host.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
    if !by_address && phone.as_ref().and_then(Url::host) != host.host() {
        return Err("the Host header names another machine; set the phone's URL to use a name");
    }
    if request.method().is_safe() {
        return Ok(());
    }
    let origin = header(request, "origin");
    if origin.is_some() && origin == phone.map(|url| url.origin().ascii_serialization()) {
        return Ok(());
    }
    same_site(request)
}

pub(crate) fn is_local(request: &HttpRequest) -> bool {
    request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback())
}

/// Refuses what the page of another site sent. Programs that are no browsers send neither header.
fn same_site(request: &HttpRequest) -> Result<(), &'static str> {
    let own = host(request).map(|host| host.origin().ascii_serialization());
    let is_foreign = header(request, "origin").is_some_and(|origin| Some(origin) != own);
    if is_foreign || !matches!(header(request, "sec-fetch-site").as_deref(), None | Some("same-origin" | "none")) {
        return Err("the request comes from the page of another site");
    }
    Ok(())
}

/// What the `Host` header names, as the origin of a URL.
fn host(request: &HttpRequest) -> Option<Url> {
    let host = header(request, "host")?;
    let url = Url::parse(&format!("http://{host}/")).ok()?;
    (url.path() == "/" && url.username().is_empty() && url.password().is_none() && url.query().is_none()).then_some(url)
}

fn is_loopback(host: &Url) -> bool {
    match host.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

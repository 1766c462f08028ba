//! Which requests come from a page of a site.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::domain::id::ClientId;
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::uri::WebOrigin;

fn site(origin: &str) -> EmbeddingSite {
    EmbeddingSite {
        origin: WebOrigin::parse(origin).unwrap(),
        client_id: ClientId::new("shop"),
        redirect_uri: RedirectUri::parse("https://shop.example/signed-in").unwrap(),
        register: false,
        sms_url: None,
    }
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn a_page_of_elsewhere_is_refused_and_the_sites_own_is_not() {
    let site = site("https://shop.example");
    let from = |fields: &[(&'static str, &str)]| is_from(&site, &headers(fields));
    assert_eq!(from(&[]), Some(false), "no browser, or an old one");
    assert_eq!(from(&[("sec-fetch-site", "same-origin")]), Some(false));
    assert_eq!(from(&[("sec-fetch-site", "same-site")]), Some(false));
    assert_eq!(from(&[("origin", "https://shop.example"), ("sec-fetch-site", "same-site")]), Some(true));
    for elsewhere in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://shop.example.evil")],
        &[("origin", "http://shop.example")],
        &[("origin", "null"), ("sec-fetch-site", "same-origin")],
        &[("origin", "https://shop.example"), ("origin", "https://evil.example")],
        &[("origin", "https://shop.example"), ("sec-fetch-site", "cross-site")],
    ] {
        assert_eq!(from(elsewhere), None, "{elsewhere:?}");
    }
}

#[test]
fn a_site_is_known_by_its_host_then_by_its_origin_and_the_only_one_by_neither() {
    let sites = [site("https://shop.example"), site("https://club.example:8443")];
    let found = |fields: &[(&'static str, &str)]| match sites_of(&sites, &headers(fields)).as_slice() {
        [site] => Some(site.origin.as_str().to_owned()),
        _none_or_several => None,
    };
    assert_eq!(found(&[("host", "Shop.Example:443")]).as_deref(), Some("https://shop.example"));
    assert_eq!(found(&[("host", "club.example:8443")]).as_deref(), Some("https://club.example:8443"));
    assert_eq!(found(&[("host", "club.example")]), None);
    assert_eq!(found(&[("host", "id.example"), ("origin", "https://shop.example")]).as_deref(), Some("https://shop.example"));
    assert_eq!(
        found(&[("host", "shop.example"), ("origin", "https://club.example:8443")]).as_deref(),
        Some("https://shop.example"),
        "then the origin is refused as another's"
    );
    assert_eq!(found(&[("host", "id.example")]), None, "which of the two?");
    let count = |sites: &[EmbeddingSite]| sites_of(sites, &headers(&[("host", "id.example")])).len();
    assert_eq!((count(&sites), count(&sites[..1]), count(&[])), (2, 1, 0));
}

#[test]
fn a_page_of_a_site_that_asks_across_origins_may_read() {
    let sites = [site("https://shop.example"), site("https://club.example:8443")];
    let may = |fields: &[(&'static str, &str)]| reader(&sites, &headers(fields)).is_some();
    for host in ["id.example", "neither.example"] {
        assert!(may(&[("host", host), ("origin", "https://club.example:8443"), ("sec-fetch-site", "cross-site")]), "{host}");
    }
    for nobody in [
        &[("host", "id.example")][..],
        &[("host", "shop.example"), ("origin", "https://shop.example")],
        &[("host", "shop.example"), ("origin", "https://club.example:8443")],
        &[("host", "id.example"), ("origin", "https://evil.example")],
        &[("host", "id.example"), ("origin", "https://shop.example"), ("origin", "https://shop.example")],
        &[("host", "id.example"), ("origin", "null")],
    ] {
        assert!(!may(nobody), "{nobody:?}");
    }
    assert!(["/tsAuth/register", "/txnStatus/a~b", "/sendSMS"].into_iter().all(is_asked_for));
    assert!(!["/authorize", "/token", "/account/tsAuth/"].into_iter().any(is_asked_for));
}

//! `[[site]]`: web sites whose pages embed the ThumbSignIn widget (ThumbSignIn notes §3).

use std::collections::BTreeSet;

use serde::Deserialize;
use url::Url;

use super::Issuer;
use super::document::Document;
use super::key::{Key, Kind, Section, Shape};
use crate::domain::client_rules::check_id;
use crate::domain::secret::Secret;
use crate::domain::settings::{EmbeddingSite, ThumbSignInSettings};
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::uri::{WebOrigin, is_web};

const ABOUT_REGISTER: &str = "Whether its pages may register another phone for whoever signed in there within five minutes. The phone signs \
                              in everywhere: only for a site that you trust as you trust this server.";

const ABOUT_SMS: &str = "Where the links that visitors have sent to their phones are handed over as text messages: a POST with JSON, \
                         `{\"to\":\"+15551234567\",\"text\":\"…\"}`. Without it, none are sent.";

pub(super) const SITES: Section = Section {
    name: "site",
    shape: Shape::List("origin"),
    about: "A web site whose pages embed the ThumbSignIn widget, once for each (docs/guides/thumbsignin-site.md). Read at start.",
    keys: &[
        Key::new("origin", Kind::Text, "The site's origin, as browsers write it: `https://shop.example.com`."),
        Key::new("client_id", Kind::Text, "The client that its visitors sign in for. It must not ask for consent."),
        Key::new("redirect_uri", Kind::Text, "Where the site gets the code: one of that client's redirect URIs."),
        Key { default: Some("false"), ..Key::new("register", Kind::Switch, ABOUT_REGISTER) },
        Key::new("sms_url", Kind::Secret, ABOUT_SMS),
    ],
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Raw {
    origin: Option<String>,
    client_id: Option<String>,
    redirect_uri: Option<String>,
    register: Option<bool>,
    sms_url: Option<String>,
}

pub(super) fn sites(
    document: &mut Document,
    issuer: Option<&Issuer>,
    service: Option<&ThumbSignInSettings>,
) -> Option<Vec<EmbeddingSite>> {
    let mut origins = BTreeSet::new();
    let mut sites = Vec::new();
    for (index, raw) in document.list::<Raw>(&SITES)?.into_iter().enumerate() {
        let path = |key: &str| SITES.path(index, key);
        if service.is_none_or(|service| !service.allow_unnamed) {
            let message = "the widget's code names nobody: write [thumbsignin] with allow_unnamed = true";
            document.report(&path("origin"), message);
        }
        if raw.origin.clone().is_some_and(|origin| !origins.insert(origin)) {
            document.report(&path("origin"), "there is another site with this origin");
        }
        let origin = document.required(&path("origin"), raw.origin, "the origin of the site's pages");
        let origin = origin.and_then(|text| document.check(&path("origin"), origin_beside(&text, issuer)));
        let client_id = document.required(&path("client_id"), raw.client_id, "the client of the site");
        let client_id = client_id.and_then(|text| document.check(&path("client_id"), check_id(&text)));
        let redirect_uri = document.required(&path("redirect_uri"), raw.redirect_uri, "one of the client's redirect URIs");
        let redirect_uri = redirect_uri.and_then(|text| document.check(&path("redirect_uri"), RedirectUri::parse(&text)));
        let sms_url = raw.sms_url.and_then(|text| document.check(&path("sms_url"), messages_to(&text)));
        if let (Some(origin), Some(client_id), Some(redirect_uri)) = (origin, client_id, redirect_uri) {
            let register = raw.register.unwrap_or_default();
            sites.push(EmbeddingSite { origin, client_id, redirect_uri, register, sms_url });
        }
    }
    Some(sites)
}

/// Whether it may be called `outbound` decides.
fn messages_to(text: &str) -> Result<Secret, &'static str> {
    let url = Url::parse(text).ok().filter(is_web).ok_or("expected the URL of a service: https://sms.example.com/send")?;
    Ok(Secret::new(url.as_str()))
}

/// Cookies are `Secure` where the issuer is https, also those of the site (decision 2.2).
fn origin_beside(text: &str, issuer: Option<&Issuer>) -> Result<WebOrigin, &'static str> {
    let origin = WebOrigin::parse(text)?;
    let https = |text: &str| text.starts_with("https://");
    match issuer {
        Some(issuer) if issuer.text() == text => Err("this is the issuer's own origin: a site has one of its own"),
        Some(issuer) if https(issuer.text()) != https(text) => Err("site and issuer must both be https, or both plain http"),
        _beside => Ok(origin),
    }
}

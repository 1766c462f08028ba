//! The pages that belong to no login, the choice of a language, and the files that pages load.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use url::Url;

use crate::domain::brand::CLIENT_LOGO;
use crate::domain::client::Client;
use crate::domain::user::User;
use crate::flow::error::Internal;
use crate::store::clients;
use crate::view::Locale;
use crate::view::assets::{self, Asset};
use crate::view::pages::{AppLink, Home};
use crate::web::browser::Visit;
use crate::web::cookies::{self, Name};
use crate::web::error::Failure;
use crate::web::form::{of_query, same_site};
use crate::web::page::{self, PageOptions};
use crate::web::{HandlerResult, Surface};

/// An SVG is a document as well: opened by itself it has its own style, and no script (CSP 3 §6.3.2).
const SVG_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
                          frame-ancestors 'none'; sandbox";

pub(super) async fn home(surface: web::Data<Surface>, request: HttpRequest) -> HandlerResult {
    let visit = Visit::of(&surface, &request).await?;
    let user = visit.browser.session.as_ref().map(|(_session, user)| user);
    let apps = match user {
        Some(user) => apps(&surface, user).await?,
        None => Vec::new(),
    };
    let account = user.map(|user| user.username.clone());
    page::answer(&visit, &Home { account, apps }, &PageOptions::default())
}

/// Those that admit this person; told to nobody who is not signed in.
async fn apps(surface: &Surface, user: &User) -> Result<Vec<AppLink>, Internal> {
    let clients = clients::list(surface.op.store.read()).await?;
    let link = |client: Client| {
        let logo = surface.branding.logo_of(&client.id, client.stored_logo());
        let name = client.display_name().to_owned();
        let may_enter = !client.disabled && client.admits(user);
        client.metadata.client_uri.filter(|_url| may_enter).map(|url| AppLink { name, logo, url })
    };
    let mut apps: Vec<_> = clients.into_iter().filter_map(link).collect();
    apps.sort_by_key(|app| app.name.to_lowercase());
    Ok(apps)
}

pub(super) async fn not_found() -> HandlerResult {
    Err(Failure::not_found())
}

/// `GET /static/{file}`. A file's name carries a digest of it, so it may be kept for a year.
pub(super) async fn asset(surface: web::Data<Surface>, file: web::Path<String>) -> HandlerResult {
    if let Some(shipped) = assets::by_file_name(&file) {
        return Ok(served(shipped));
    }
    if let Some(branded) = surface.branding.by_file_name(&file) {
        return Ok(served(&branded));
    }
    let stored = stored_logo(&surface, &file).await?.ok_or_else(Failure::not_found)?;
    Ok(served(&stored))
}

/// The logo of a client that a command made.
async fn stored_logo(surface: &Surface, file: &str) -> Result<Option<Asset>, Internal> {
    let is_name = file.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    let rest = file.strip_prefix(CLIENT_LOGO).filter(|_rest| is_name);
    let Some((_digest, extension)) = rest.and_then(|rest| rest.rsplit_once('.')) else { return Ok(None) };
    let picture = clients::find_logo(surface.op.store.read(), file).await?;
    Ok(picture.and_then(|picture| Asset::new(format!("{CLIENT_LOGO}.{extension}"), picture.into())))
}

fn served(asset: &Asset) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if asset.content_type == "image/svg+xml" {
        response.insert_header((header::CONTENT_SECURITY_POLICY, SVG_POLICY));
    }
    response
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.bytes.to_vec())
}

/// `GET /language/{locale}?to={path}`: the switch in the footer of every page (L18). A link, so that it works without
/// scripts, on error pages too, and keeps the transaction, which is in the address that it leads back to.
/// It is safe as a GET: it sets a cookie of ours that decides about texts only, and goes nowhere but to a path of our own, which
/// the browser could have opened itself. Another site's link changes nothing all the same.
pub(super) async fn language(surface: web::Data<Surface>, request: HttpRequest, tag: web::Path<String>) -> HandlerResult {
    let locale = Locale::parse(&tag).ok_or_else(Failure::not_found)?;
    let parameters = of_query(&request);
    parameters.all_sound(&["to"]).map_err(|invalid| Failure::bad_request(invalid.to_string()))?;
    if !same_site(&surface, &request) {
        return Err(Failure::forged());
    }
    let to = own_path(&surface.op.settings.issuer, parameters.get("to").unwrap_or("/"));
    let to = to.ok_or_else(|| Failure::bad_request("to is not a path of this server".to_owned()))?;
    let response = page::see_other(&Visit::anonymous(&surface, &request), &to);
    cookies::with(response, Some(cookies::set(&surface, Name::Language, locale.as_str())))
}

/// The path and query of `to` as browsers understand it (WHATWG URL), if that leads to this server.
fn own_path(issuer: &str, to: &str) -> Option<String> {
    let issuer = Url::parse(issuer).ok()?;
    let resolved = issuer.join(to).ok().filter(|_| to.starts_with('/'))?;
    let path = &resolved[url::Position::BeforePath..url::Position::AfterQuery];
    // `/.//host` has the path `//host`, which alone would name a host.
    (resolved.origin() == issuer.origin() && !path.starts_with("//")).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_leads_back_to_paths_of_this_server_alone() {
        let own = |to| own_path("https://id.example.com", to);
        for good in ["/", "/login/abc", "/logout?state=a+b%26c&id_token_hint=x.y.z", "/?to=//evil.example"] {
            assert_eq!(own(good).as_deref(), Some(good));
        }
        for bad in [
            "",
            "x",
            "?a",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/.//evil.example",
            "/a/..//evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            " //evil.example",
            "//id.example.com@evil.example",
            "//id.example.com:444/",
        ] {
            assert_eq!(own(bad), None, "{bad:?}");
        }
        // What could end a header cannot get into it.
        assert_eq!(own("/a\r\nSet-Cookie: x").as_deref(), Some("/aSet-Cookie:%20x"));
    }
}

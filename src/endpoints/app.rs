//! The app that asks, as the pages of its authorization and of a login for it name it, and as their forms may lead there.

use actix_web::http::StatusCode;

use crate::flow::login::outcome::App;
use crate::view::pages::{AppInfo, ErrorKind, ReturnLink};
use crate::web::error::{DeferredError, Failure};
use crate::web::page::{FormTargets, PageOptions};

pub(super) fn app_info(app: &App<'_>) -> AppInfo {
    let host = app.redirect_uri.and_then(|uri| url::Url::parse(uri.as_str()).ok()?.host_str().map(str::to_owned));
    AppInfo { name: app.name.clone(), host: host.unwrap_or_default(), client_uri: app.home.map(str::to_owned) }
}

pub(super) fn page_options<'a>(app: &App<'a>) -> PageOptions<'a> {
    let form_targets = app.redirect_uri.map_or(FormTargets::Ourselves, |uri| FormTargets::of(uri, app.forwards));
    PageOptions { status: StatusCode::OK, ui_locales: app.ui_locales, form_targets }
}

pub(super) fn refuse(kind: ErrorKind, status: StatusCode, app: App<'_>) -> Failure {
    let return_to = app.home.map(str::to_owned).map(|url| ReturnLink { name: app.name, url });
    Failure::Page(DeferredError { kind, status, detail: None, return_to })
}

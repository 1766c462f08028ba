//! Every path of the provider, in one table. What is not in it is an error page; a method that a path does not take is 405 with
//! `Allow` (RFC 9110 §15.5.6).

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, Resource, Responder};

use super::{authorization, consent, interaction, login, login_status, logout, oauth, site};
use crate::protocol::endpoint::{CorsPolicy, Endpoint};
use crate::web::error::Audience;

fn page(path: &str) -> Resource {
    web::resource(path).app_data(Audience::Browser)
}

fn api(path: &str) -> Resource {
    web::resource(path).app_data(Audience::Api)
}

trait Row {
    /// GET, and HEAD, which is GET without the body (RFC 9110 §9.3.2).
    fn read<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static;
}

impl Row for Resource {
    fn read<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.get(handler.clone()).head(handler)
    }
}

fn resource(endpoint: Endpoint) -> Resource {
    let path = endpoint.as_str();
    let resource = if endpoint.answers_browsers() { page(path) } else { api(path) };
    let resource = match endpoint {
        Endpoint::OpenIdConfiguration | Endpoint::ServerMetadata => resource.read(oauth::discovery),
        Endpoint::Jwks => resource.read(oauth::jwks),
        Endpoint::Authorization => resource.read(authorization::get).post(authorization::post),
        Endpoint::Token => resource.post(oauth::token),
        Endpoint::UserInfo => resource.read(oauth::userinfo).post(oauth::post_userinfo),
        Endpoint::Introspection => resource.post(oauth::introspect),
        Endpoint::Revocation => resource.post(oauth::revoke),
        Endpoint::EndSession => resource.read(logout::get).post(logout::post),
    };
    match endpoint.cors() {
        CorsPolicy::None => resource,
        CorsPolicy::Public | CorsPolicy::Clients => resource.route(web::method(Method::OPTIONS).to(oauth::preflight)),
    }
}

pub(crate) fn mount(config: &mut ServiceConfig) {
    for endpoint in Endpoint::ALL {
        config.service(resource(endpoint));
    }
    config
        .service(page("/authorize/posted/{sealed}").read(authorization::get_posted))
        .service(page("/interaction/{id}").read(interaction::resume))
        .service(page("/interaction/{id}/choose").read(interaction::choose).post(interaction::chosen))
        .service(page("/interaction/{id}/identify/{provider}").read(interaction::identify).post(interaction::identified))
        .service(page("/interaction/{id}/forget").post(interaction::forget))
        .service(page("/interaction/{id}/cancel").post(interaction::cancel))
        .service(page("/interaction/{id}/consent").read(consent::get).post(consent::post))
        .service(page("/login/{id}").read(login::wait))
        .service(page("/login/{id}/continue").post(login::proceed))
        .service(page("/login/{id}/cancel").post(login::cancel))
        .service(page("/login/{id}/retry").post(login::retry))
        .service(page("/login/{id}/other").post(login::other))
        .service(api("/login/{id}/status").read(login_status::status))
        .service(api("/login/{id}/events").read(login_status::events))
        .service(page("/logout/posted/{sealed}").read(logout::get_posted))
        .service(page("/logout/done").read(logout::done))
        .service(page("/logout/stay").post(logout::stay))
        .service(page("/logout/stayed").read(logout::stayed))
        .service(page("/language/{locale}").read(site::choose_language))
        .service(page("/static/{file}").read(site::asset))
        .service(page("/").read(site::home))
        .default_service(web::to(site::not_found));
}

//! Every path of the provider, in one table, but for those of other sites (`compat`). A method that a path does not take is 405 with `Allow` (RFC 9110 §15.5.6).

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, Resource, Responder};

use super::{authorization, declined, interaction, login, logout, oauth, site};
use crate::protocol::endpoint::{CorsPolicy, Endpoint};
use crate::web::error::Audience;

fn page(path: &str) -> Resource {
    Audience::Browser.resource(path)
}

fn api(path: &str) -> Resource {
    Audience::Api.resource(path)
}

/// GET, and HEAD, which is GET without the body (RFC 9110 §9.3.2).
fn read<F, Args>(resource: Resource, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    resource.get(handler.clone()).head(handler)
}

fn resource(endpoint: Endpoint) -> Resource {
    let path = endpoint.as_str();
    let resource = if endpoint.answers_browsers() { page(path) } else { api(path) };
    let resource = match endpoint {
        Endpoint::OpenIdConfiguration | Endpoint::ServerMetadata => read(resource, oauth::discovery),
        Endpoint::Jwks => read(resource, oauth::jwks),
        Endpoint::Authorization => read(resource, authorization::get).post(authorization::post),
        Endpoint::Token => resource.post(oauth::token),
        Endpoint::UserInfo => read(resource, oauth::userinfo).post(oauth::post_userinfo),
        Endpoint::Introspection => resource.post(oauth::introspect),
        Endpoint::Revocation => resource.post(oauth::revoke),
        Endpoint::EndSession => read(resource, logout::get).post(logout::post),
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
        .service(read(page("/authorize/posted/{sealed}"), authorization::get_posted))
        .service(read(page("/interaction/{id}"), interaction::resume))
        .service(read(page("/interaction/{id}/choose"), interaction::choose).post(interaction::chosen))
        .service(read(page("/interaction/{id}/identify/{provider}"), interaction::identify).post(interaction::identified))
        .service(page("/interaction/{id}/forget").post(interaction::forget))
        .service(page("/interaction/{id}/cancel").post(interaction::cancel))
        .service(read(page("/interaction/{id}/declined"), declined::ask).post(declined::answered))
        .service(read(page("/interaction/{id}/consent"), interaction::consent).post(interaction::consented))
        .service(read(page("/login/{id}"), login::wait))
        .service(page("/login/{id}/continue").post(login::proceed))
        .service(page("/login/{id}/cancel").post(login::cancel))
        .service(page("/login/{id}/retry").post(login::retry))
        .service(page("/login/{id}/other").post(login::other))
        .service(page("/login/{id}/identify").post(login::other_name))
        .service(read(api("/login/{id}/status"), login::status))
        .service(read(api("/login/{id}/events"), login::events))
        .service(read(page("/logout/posted/{sealed}"), logout::get_posted))
        .service(read(page("/logout/done"), logout::done))
        .service(page("/logout/stay").post(logout::stay))
        .service(read(page("/logout/stayed"), logout::stayed))
        .service(read(page("/language/{locale}"), site::language))
        .service(read(page("/static/{file}"), site::asset))
        .service(read(page("/"), site::home))
        .default_service(web::to(site::not_found));
}

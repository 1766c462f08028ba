//! Every path of the provider, in one table.

use actix_web::http::Method;
use actix_web::web::{ServiceConfig, get, method, post, resource};

use super::{assets, authorization, consent, cors, interaction, introspection, login, login_status, logout, metadata};
use super::{revocation, token, userinfo};

/// Mounts the table. Anything else is an error page.
pub fn mount(config: &mut ServiceConfig) {
    config
        .service(resource("/.well-known/openid-configuration").route(get().to(metadata::discovery)))
        .service(resource("/.well-known/oauth-authorization-server").route(get().to(metadata::discovery)))
        .service(resource("/jwks").route(get().to(metadata::jwks)))
        .service(resource("/authorize").route(get().to(authorization::get)).route(post().to(authorization::post)))
        .service(resource("/authorize/posted/{handle}").route(get().to(authorization::get_posted)))
        .service(resource("/interaction/{id}").route(get().to(interaction::resume)))
        .service(
            resource("/interaction/{id}/choose").route(get().to(interaction::choose)).route(post().to(interaction::chosen)),
        )
        .service(
            resource("/interaction/{id}/identify/{provider}")
                .route(get().to(interaction::identify))
                .route(post().to(interaction::identified)),
        )
        .service(resource("/interaction/{id}/forget").route(post().to(interaction::forget)))
        .service(resource("/interaction/{id}/cancel").route(post().to(interaction::cancel)))
        .service(resource("/interaction/{id}/consent").route(get().to(consent::get)).route(post().to(consent::post)))
        .service(resource("/login/{id}").route(get().to(login::wait)))
        .service(resource("/login/{id}/continue").route(post().to(login::proceed)))
        .service(resource("/login/{id}/cancel").route(post().to(login::cancel)))
        .service(resource("/login/{id}/retry").route(post().to(login::retry)))
        .service(resource("/login/{id}/other").route(post().to(login::other)))
        .service(resource("/login/{id}/status").route(get().to(login_status::status)))
        .service(resource("/login/{id}/events").route(get().to(login_status::events)))
        .service(resource("/token").route(post().to(token::post)).route(method(Method::OPTIONS).to(cors::preflight)))
        .service(
            resource("/userinfo")
                .route(get().to(userinfo::get))
                .route(post().to(userinfo::post))
                .route(method(Method::OPTIONS).to(cors::preflight)),
        )
        .service(resource("/introspect").route(post().to(introspection::post)))
        .service(resource("/revoke").route(post().to(revocation::post)).route(method(Method::OPTIONS).to(cors::preflight)))
        .service(resource("/logout").route(get().to(logout::get)).route(post().to(logout::post)))
        .service(resource("/logout/done").route(get().to(logout::done)))
        .service(resource("/static/{file}").route(get().to(assets::get)))
        .service(resource("/").route(get().to(interaction::home)))
        .default_service(actix_web::web::route().to(interaction::not_found));
}

//! Every path of the provider, in one table. What is not in it is an error page; a method that a path does not take is 405 with
//! `Allow` (RFC 9110 §15.5.6).

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, Resource, Responder};

use super::{
    assets, authorization, consent, cors, interaction, introspection, language, login, login_status, logout, metadata,
};
use super::{revocation, token, userinfo};
use crate::web::error::Reader;

/// A path whose answers people read.
fn page(path: &str) -> Resource {
    web::resource(path)
}

/// A path whose answers programs read.
fn program(path: &str) -> Resource {
    web::resource(path).app_data(Reader::Program)
}

/// What a row of the table says.
trait Row {
    /// GET, and HEAD, which is GET without the body (RFC 9110 §9.3.2).
    fn read<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static;

    /// The question that a browser asks first, where scripts of other origins may read.
    fn preflight(self) -> Self;
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

    fn preflight(self) -> Self {
        self.route(web::method(Method::OPTIONS).to(cors::preflight))
    }
}

/// Mounts the table.
pub fn mount(config: &mut ServiceConfig) {
    config
        .service(program("/.well-known/openid-configuration").read(metadata::discovery).preflight())
        .service(program("/.well-known/oauth-authorization-server").read(metadata::discovery).preflight())
        .service(program("/jwks").read(metadata::jwks).preflight())
        .service(page("/authorize").read(authorization::get).post(authorization::post))
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
        .service(program("/login/{id}/status").read(login_status::status))
        .service(program("/login/{id}/events").read(login_status::events))
        .service(program("/token").post(token::post).preflight())
        .service(program("/userinfo").read(userinfo::get).post(userinfo::post).preflight())
        .service(program("/introspect").post(introspection::post))
        .service(program("/revoke").post(revocation::post).preflight())
        .service(page("/logout").read(logout::get).post(logout::post))
        .service(page("/logout/posted/{sealed}").read(logout::get_posted))
        .service(page("/logout/done").read(logout::done))
        .service(page("/logout/stay").post(logout::stay))
        .service(page("/logout/stayed").read(logout::stayed))
        .service(page("/language/{locale}").read(language::choose))
        .service(page("/static/{file}").read(assets::get))
        .service(page("/").read(interaction::home))
        .default_service(web::to(interaction::not_found));
}

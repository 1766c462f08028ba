//! The virtual phone: pages for people and an API for scripts, both behind [`guard`].

mod api;
mod apps;
mod guard;
mod multipart;
mod pages;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use crate::call;
use crate::simulation::Simulation;

pub(crate) use guard::is_local;
pub(crate) use pages::templates;

/// Why a phone, or a script in its place, gets nothing done: status, code, message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake(StatusCode, &'static str, String);

impl Mistake {
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, "bad_request", message.into())
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, "not_found", message.into())
    }

    /// What it is about is over, or there are no more of it.
    pub(crate) fn over(message: String) -> Self {
        Self(StatusCode::CONFLICT, "over", message)
    }
}

/// Answers everything at and below `/phone`.
pub(crate) async fn handle(simulation: Data<Simulation>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let path = call::pieces(request.uri().path());
    let pieces: Vec<&str> = path.iter().map(String::as_str).filter(|piece| !piece.is_empty()).skip(1).collect();
    match pieces.split_first() {
        Some((&"api", rest)) => api::handle(&simulation, &request, rest, &body),
        _ => pages::handle(&simulation, &request, &pieces, &body),
    }
}

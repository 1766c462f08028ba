//! The virtual phone: pages for people and an API for scripts, both behind [`guard`].

mod api;
mod guard;
mod pages;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use crate::call;
use crate::simulation::Simulation;

pub(crate) use guard::is_local;
pub(crate) use pages::Pages;

/// Answers everything at and below `/phone`.
pub(crate) async fn handle(
    simulation: Data<Simulation>,
    pages: Data<Pages>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let path = call::pieces(request.uri().path());
    let pieces: Vec<&str> = path.iter().map(String::as_str).filter(|piece| !piece.is_empty()).skip(1).collect();
    match pieces.split_first() {
        Some((&"api", rest)) => api::handle(&simulation, &request, rest, &body),
        _ => pages::handle(&simulation, &pages, &request, &pieces, &body),
    }
}

//! The files that pages load. Their names carry a digest, so they may be kept for a year.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::view::assets;
use crate::web::error::Failure;

/// `GET /static/{file}`.
pub(super) async fn get(file: web::Path<String>) -> Result<HttpResponse, Failure> {
    let asset = assets::by_file_name(&file).ok_or_else(Failure::not_found)?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.bytes.to_vec()))
}

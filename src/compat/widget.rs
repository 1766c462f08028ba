//! The widget: one file, for pages of any origin. It changes with a release, under the same name.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::web::embedding::demand_sites;
use crate::web::headers::RESOURCE_POLICY;
use crate::web::{HandlerResult, Surface};

const SCRIPT: &str = include_str!("../../templates/widget/thumbsign_widget.js");
const DECLARATIONS: &str = include_str!("../../templates/widget/thumbsign_widget.d.ts");

pub(super) async fn script(surface: web::Data<Surface>) -> HandlerResult {
    file(&surface, "text/javascript; charset=utf-8", SCRIPT)
}

/// For the compilers of those who write pages in TypeScript.
pub(super) async fn declarations(surface: web::Data<Surface>) -> HandlerResult {
    file(&surface, "text/plain; charset=utf-8", DECLARATIONS)
}

fn file(surface: &Surface, kind: &str, text: &'static str) -> HandlerResult {
    demand_sites(surface)?;
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .insert_header((RESOURCE_POLICY, "cross-origin"))
        .body(text))
}

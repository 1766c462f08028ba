//! For every request: an id that stands in its log records and, as the reference id, on its error page; and its figures.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, web};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::{Surface, proxy_probe};
use crate::domain::env::Env;
use crate::domain::hex::hex;
use crate::domain::random::RandomError;
use crate::metrics;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::error::ErrorCode;

/// The label of a request for a path without a route: bounds the number of labels.
const NO_ROUTE: &str = "none";

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The id of the request that is being answered; a new one outside of any.
pub(crate) fn id(env: &Env) -> Result<String, RandomError> {
    REQUEST_ID.try_with(String::clone).or_else(|_outside| new_id(env))
}

fn new_id(env: &Env) -> Result<String, RandomError> {
    Ok(hex(&env.random_bytes::<6>()?))
}

pub(crate) async fn observe(
    surface: web::Data<Surface>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = new_id(&surface.op.env).map_err(super::error::Failure::from)?;
    let started = Instant::now();
    let method = method_label(request.method());
    let span = tracing::error_span!("request", request_id = id.as_str());
    let mut answer = REQUEST_ID.scope(id, next.call(request)).instrument(span).await;
    if let Ok(response) = &mut answer {
        measure(method, response, started.elapsed().as_secs_f64());
        if let Some(seen) = proxy_probe::seen(&surface, response.request()) {
            response.headers_mut().insert(proxy_probe::HEADER, seen);
        }
    }
    answer
}

fn measure<B>(method: &'static str, response: &ServiceResponse<B>, seconds: f64) {
    let route = response.request().match_pattern();
    let status = response.status().as_u16().to_string();
    if let Some(code) = response.response().extensions().get::<ErrorCode>() {
        let endpoint = route.as_deref().and_then(Endpoint::parse).map_or(NO_ROUTE, Endpoint::as_str);
        metrics::OAUTH_ERRORS.add([endpoint, code.as_str()]);
    }
    let route = route.map_or(NO_ROUTE.into(), Into::into);
    metrics::HTTP_REQUEST_DURATION.observe([method.into(), route, status.into()], seconds);
}

/// A method that is none of these gets OpenTelemetry's word.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"];
    KNOWN.into_iter().find(|known| method == known).unwrap_or("_OTHER")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_cannot_make_labels() {
        assert_eq!(method_label(&Method::GET), "GET");
        let odd = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(method_label(&odd), "_OTHER");
    }

    #[tokio::test]
    async fn a_request_keeps_its_id() {
        let env = Env::system();
        let (first, second) = REQUEST_ID.scope("abc".to_owned(), async { (id(&env).unwrap(), id(&env).unwrap()) }).await;
        assert_eq!((first.as_str(), second.as_str()), ("abc", "abc"));
        assert_ne!(id(&env).unwrap(), id(&env).unwrap());
    }
}

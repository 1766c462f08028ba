//! Faults in how an answer is sent, and the sending of whole ones.

use std::any::Any;
use std::convert::Infallible;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::dev::Extensions;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::call::{Answer, Format};
use crate::faults::{Kind, Strike};

/// A second handle on a connection's socket, to cut it: the web server keeps the first to itself.
struct Socket(TcpStream);

pub(crate) fn keep_socket(connection: &dyn Any, data: &mut Extensions) {
    let stream = connection.downcast_ref::<tokio::net::TcpStream>();
    if let Some(handle) = stream.and_then(|stream| stream.as_fd().try_clone_to_owned().ok()) {
        data.insert(Socket(TcpStream::from(handle)));
    }
}

pub(crate) fn cut(request: &HttpRequest) -> HttpResponse {
    match request.conn_data::<Socket>() {
        Some(Socket(socket)) if socket.shutdown(Shutdown::Both).is_ok() => HttpResponse::Ok().finish(),
        _ => abort(),
    }
}

/// Resets the connection: without lingering, closing the socket sends RST in place of FIN.
pub(crate) fn reset(request: &HttpRequest) -> HttpResponse {
    let socket = request.conn_data::<Socket>().and_then(|Socket(socket)| socket.try_clone().ok());
    match socket.and_then(|socket| tokio::net::TcpStream::from_std(socket).ok()) {
        Some(socket) => {
            socket.set_zero_linger().ok();
            abort()
        }
        None => cut(request),
    }
}

/// An answer whose body fails before its head was sent: the web server drops the connection.
fn abort() -> HttpResponse {
    HttpResponse::Ok().streaming(stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionAborted)) }))
}

/// Sends the client elsewhere; by default to an address of our own that notes the visit.
pub(crate) fn redirect(upstream_url: &str, target: Option<&str>) -> HttpResponse {
    let own = format!("{upstream_url}/redirected");
    HttpResponse::Found().insert_header((LOCATION, target.unwrap_or(&own))).finish()
}

pub(crate) fn status(strike: &Strike) -> HttpResponse {
    let status = strike.status.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if let Some(value) = &strike.value {
        response.insert_header((RETRY_AFTER, value.as_str()));
    }
    let error = status.canonical_reason().unwrap_or("Unknown");
    response.json(serde_json::json!({"status": status.as_u16(), "error": error, "message": "simulated fault"}))
}

pub(crate) fn send(kind: Option<Kind>, value: Option<&str>, answer: &Answer) -> HttpResponse {
    let body = Bytes::from(answer.body());
    match kind {
        Some(Kind::Empty) => head(answer).body(()),
        Some(Kind::Html) => HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/html;charset=UTF-8")).body(PAGE),
        Some(Kind::Truncated) if value == Some("wire") => {
            let half = stream::iter([Ok(body.slice(..body.len() / 2)), Err(io::Error::from(io::ErrorKind::UnexpectedEof))]);
            // The pause lets the first half leave before the failure drops the connection.
            let paused = half.enumerate().then(|(index, part)| async move {
                tokio::time::sleep(Duration::from_millis(if index == 0 { 0 } else { 50 })).await;
                part
            });
            head(answer).body(SizedStream::new(body.len() as u64, paused.boxed_local()))
        }
        Some(Kind::Truncated) => head(answer).body(body.slice(..body.len() / 2)),
        Some(Kind::SlowBody) => {
            let length = body.len() as u64;
            let bytes = stream::iter(body).then(|byte| async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok::<_, Infallible>(Bytes::copy_from_slice(&[byte]))
            });
            head(answer).body(SizedStream::new(length, bytes.boxed_local()))
        }
        Some(Kind::HugeBody) => {
            let filler = Bytes::from(vec![b'A'; 64 * 1024]);
            // The answer's text, left open for more to come.
            let text = String::from_utf8_lossy(&body);
            let start = Bytes::from(match text.strip_suffix('}') {
                Some(open) => format!("{open},\"filler\":\""),
                None => format!("{text}&filler="),
            });
            let start = stream::once(async move { start });
            head(answer).streaming(start.chain(stream::repeat(filler)).map(Ok::<_, Infallible>))
        }
        _ => head(answer).body(body),
    }
}

fn head(answer: &Answer) -> actix_web::HttpResponseBuilder {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = match answer.format {
        Format::Form => "text/plain;charset=UTF-8",
        Format::Json => "application/json;charset=UTF-8",
    };
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, content_type));
    response
}

const PAGE: &str = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>Back soon</h1></body></html>\n";

//! What holds for every request to a listener: a time within which all of it must be here.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage as _, HttpResponse};
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::connections::Connection;

/// Answers 408 to a request that is not here in time, and keeps the connection's entry.
///
/// # Errors
/// Those of the service behind it.
pub(super) async fn in_time(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(connection) = request.conn_data::<Arc<Connection>>().cloned() else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let payload = request.take_payload();
    let body = !matches!(payload, Payload::None);
    let until = connection.begun(body);
    if body {
        let late = Box::pin(sleep_until(until));
        let body = Body { payload, late, connection: Arc::clone(&connection) };
        request.set_payload(Payload::Stream { payload: Box::pin(body) });
    }
    let answer = next.call(request).await;
    let mut answer = match answer {
        Ok(answer) => answer.map_into_boxed_body(),
        Err(error) => {
            connection.answered();
            return Err(error);
        }
    };
    if body && !connection.is_complete() && Instant::now() >= until {
        let (request, _what_the_handler_made_of_it) = answer.into_parts();
        answer = ServiceResponse::new(request, HttpResponse::RequestTimeout().finish());
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    connection.complete();
    Ok(answer.map_body(|_head, body| Answer { body, connection }).map_into_right_body())
}

/// The body of a request, until it is late.
struct Body {
    payload: Payload,
    late: Pin<Box<Sleep>>,
    connection: Arc<Connection>,
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.payload).poll_next(context);
        if matches!(polled, Poll::Ready(None)) {
            self.connection.complete();
        }
        if polled.is_pending() && self.late.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(PayloadError::Io(std::io::ErrorKind::TimedOut.into()))));
        }
        polled
    }
}

/// The body of an answer; when it is gone the answer is complete.
struct Answer<B> {
    body: B,
    connection: Arc<Connection>,
}

impl<B: MessageBody + Unpin> MessageBody for Answer<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

impl<B> Drop for Answer<B> {
    fn drop(&mut self) {
        self.connection.answered();
    }
}

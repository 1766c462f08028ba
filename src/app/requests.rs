//! What holds for every request to a listener: a time within which all of it must be here.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage as _, HttpResponse};
use futures_util::{Stream as _, stream};
use tokio::time::{Instant, sleep_until};

use super::connections::Connection;

/// Gives the body of a request its time, and keeps the connection's entry.
pub(super) async fn in_time(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(connection) = request.conn_data::<Arc<Connection>>().cloned() else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let payload = request.take_payload();
    let body = !matches!(payload, Payload::None);
    let payload = Rc::new(RefCell::new(payload));
    let until = connection.begun(body);
    if body {
        request.set_payload(timed(Rc::clone(&payload), until, Arc::clone(&connection)));
    }
    let answer = next.call(request).await.inspect_err(|_error| connection.answered())?;
    let mut answer = answer.map_into_boxed_body();
    let mut unread = None;
    if body && !connection.is_complete() && !is_here(&payload) {
        // Where the next request begins is not known: its head could not be checked.
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        unread = Some(payload);
    }
    connection.complete();
    Ok(answer.map_body(|_head, body| Answer { body, connection, _unread: unread }).map_into_right_body())
}

/// A body that must be here in time.
fn timed(payload: Rc<RefCell<Payload>>, until: Instant, connection: Arc<Connection>) -> Payload {
    let mut late = Box::pin(sleep_until(until));
    let timed = stream::poll_fn(move |context| {
        let polled = Pin::new(&mut *payload.borrow_mut()).poll_next(context);
        if matches!(polled, Poll::Ready(None)) {
            connection.complete();
        }
        if polled.is_pending() && late.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(PayloadError::Io(std::io::ErrorKind::TimedOut.into()))));
        }
        polled
    });
    Payload::Stream { payload: Box::pin(timed) }
}

/// Answers 408 for a body that came late, whatever its handler says. Stands within what puts errors into words.
pub(super) async fn or_late(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let connection = request.conn_data::<Arc<Connection>>().cloned();
    let answer = next.call(request).await?;
    if connection.is_some_and(|connection| connection.is_late()) {
        let (request, _what_the_handler_made_of_it) = answer.into_parts();
        return Ok(ServiceResponse::new(request, HttpResponse::RequestTimeout().finish()).map_into_right_body());
    }
    Ok(answer.map_into_left_body())
}

/// Whether all of a body that nobody read to its end is here: then the connection can go on.
fn is_here(payload: &RefCell<Payload>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match Pin::new(&mut *payload.borrow_mut()).poll_next(&mut context) {
            Poll::Ready(Some(Ok(_unread))) => {}
            Poll::Ready(None) => return true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => return false,
        }
    }
}

/// The body of an answer; when it is gone the answer is complete.
struct Answer<B> {
    body: B,
    connection: Arc<Connection>,
    /// What did not come of the request. actix would skip chunks that were dropped and go on with what follows, even where the
    /// connection is to be closed; what is held it does not skip.
    _unread: Option<Rc<RefCell<Payload>>>,
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

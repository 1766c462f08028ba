//! How the page of a login hears of changes (decision 2.8): server-sent events, and a small JSON document where those fail.
//! The streams of one login share what is read (`flow::node::watches`).

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::domain::browser::BrowserKey;
use crate::domain::id::{LoginId, is_well_formed};
use crate::domain::login::Login;
use crate::flow::login::find_own;
use crate::flow::login::watch::watch;
use crate::flow::node::watches::{News, Seen, Stream};
use crate::metrics;
use crate::web::cookies::{self, Name};
use crate::web::error::Failure;
use crate::web::{HandlerResult, Surface};

/// A comment this often keeps proxies from closing a quiet stream, and shows that its browser is gone.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// After how many milliseconds a browser asks again for a stream that ended, and for one that a newer page took over.
const RETRY: u32 = 2000;
const RETRY_REPLACED: u32 = 20_000;

async fn own(surface: &Surface, request: &HttpRequest, id: &str) -> Result<Login, Failure> {
    // Only the browser's cookie: watching a login is no use of a session (check 98).
    let cookie = cookies::read(request, Name::Browser, surface.site.https).filter(|_| is_well_formed(id));
    let browser = BrowserKey(cookie.ok_or_else(Failure::not_found)?.digest());
    let login = find_own(&surface.op, &LoginId::new(id), &browser).await?;
    login.ok_or_else(Failure::not_found)
}

fn document(seen: Seen) -> serde_json::Value {
    serde_json::json!({ "state": seen.state, "reason": seen.reason })
}

pub(super) async fn status(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let login = own(&surface, &request, &id).await?;
    Ok(HttpResponse::Ok().json(document(Seen::of(&login, surface.op.env.now()))))
}

struct Events {
    stop: CancellationToken,
    stream: Stream,
    /// What is to be told before anything happens.
    first: Option<Seen>,
    over: bool,
    _open: metrics::Held,
}

/// `GET /login/{id}/events`: an event `state` at once and at every change; the stream ends with the login, or the node. Where
/// this node holds as many streams as it may, 503: the page asks for the state instead.
pub(super) async fn events(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let login = own(&surface, &request, &id).await?;
    let Ok(mut stream) = watch(&surface.op, &login) else {
        let mut refused = HttpResponse::ServiceUnavailable();
        return Ok(refused.insert_header((header::RETRY_AFTER, "10")).json(serde_json::json!({ "error": "too_many_streams" })));
    };
    let first = Some(stream.seen());
    let events = Events { stop: surface.stop.clone(), stream, first, over: false, _open: metrics::SSE_CONNECTIONS.hold() };
    let body = stream::unfold(events, |mut events| async move {
        let chunk = events.next().await?;
        Some((Ok::<_, std::convert::Infallible>(web::Bytes::from(chunk)), events))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(Box::pin(body)))
}

impl Events {
    async fn next(&mut self) -> Option<String> {
        if let Some(first) = self.first.take() {
            return Some(self.event(first));
        }
        if self.over {
            return None;
        }
        let news = tokio::select! {
            () = self.stop.cancelled() => return None,
            news = timeout(HEARTBEAT, self.stream.next()) => news,
        };
        match news {
            Ok(News::Changed(seen)) => Some(self.event(seen)),
            Ok(News::Over) => None,
            Ok(News::Replaced) => {
                self.over = true;
                Some(format!("retry: {RETRY_REPLACED}\n\n"))
            }
            Err(_quiet) => Some(": still there\n\n".to_owned()),
        }
    }

    fn event(&mut self, seen: Seen) -> String {
        self.over = !seen.is_open;
        format!("retry: {RETRY}\nevent: state\ndata: {}\n\n", document(seen))
    }
}

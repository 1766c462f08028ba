//! How the page of a login hears of changes (decision 2.8): server-sent events, and a small JSON document where those fail.
//! Both re-read the row; a signal of this node only makes it sooner.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::domain::browser::BrowserKey;
use crate::domain::id::{LoginId, is_well_formed};
use crate::domain::login::{Login, LoginStage};
use crate::flow::login::find_own;
use crate::metrics;
use crate::web::Surface;
use crate::web::cookies::{self, Name};
use crate::web::error::Failure;

/// How soon another node's change is seen.
const REREAD: Duration = Duration::from_millis(500);
/// A comment this often keeps proxies from closing a quiet stream.
const HEARTBEAT: u32 = 20;

async fn own(surface: &Surface, request: &HttpRequest, id: &str) -> Result<Login, Failure> {
    // Only the browser's cookie: watching a login is no use of a session (security bar 98).
    let cookie = cookies::read(request, Name::Browser, surface.site.https).filter(|_| is_well_formed(id));
    let browser = BrowserKey(cookie.ok_or_else(Failure::not_found)?.digest());
    let login = find_own(&surface.op, &LoginId::new(id), &browser).await?;
    login.ok_or_else(Failure::not_found)
}

fn document(stage: &LoginStage) -> serde_json::Value {
    let reason = stage.reason().map(|reason| reason.as_str());
    serde_json::json!({ "state": stage.state(), "reason": reason })
}

/// `GET /login/{id}/status`.
pub(super) async fn status(
    surface: web::Data<Surface>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let login = own(&surface, &request, &id).await?;
    Ok(HttpResponse::Ok().json(document(&login.stage_at(surface.op.env.now()))))
}

/// What a stream remembers between two events.
struct Watch {
    surface: web::Data<Surface>,
    id: LoginId,
    browser: BrowserKey,
    changes: Receiver<LoginId>,
    told: Option<String>,
    over: bool,
    quiet: u32,
    /// Counts the stream as open.
    _open: metrics::Held,
}

/// `GET /login/{id}/events`: an event `state` at once and at every change; the stream ends with the login, or the node.
pub(super) async fn events(
    surface: web::Data<Surface>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let changes = surface.op.signals.subscribe();
    let login = own(&surface, &request, &id).await?;
    let _open = metrics::SSE_CONNECTIONS.hold();
    let watch = Watch { surface, id: login.id, browser: login.browser, changes, told: None, over: false, quiet: 0, _open };
    let body = stream::unfold(watch, |mut watch| async move {
        let chunk = watch.next().await?;
        Some((Ok::<_, std::convert::Infallible>(web::Bytes::from(chunk)), watch))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(Box::pin(body)))
}

impl Watch {
    /// The next chunk of the stream; `None` at its end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if self.over {
                return None;
            }
            let login = find_own(&self.surface.op, &self.id, &self.browser).await.ok()??;
            let stage = login.stage_at(self.surface.op.env.now());
            let document = document(&stage).to_string();
            if self.told.as_ref() != Some(&document) {
                self.over = !stage.is_open();
                self.told = Some(document.clone());
                self.quiet = 0;
                return Some(format!("retry: 2000\nevent: state\ndata: {document}\n\n"));
            }
            self.quiet += 1;
            if self.quiet.is_multiple_of(HEARTBEAT) {
                return Some(": still there\n\n".to_owned());
            }
            self.wait().await;
        }
    }

    /// Until this login changed here, or it is time to look again, or the node stops.
    async fn wait(&mut self) {
        let stop = self.surface.stop.clone();
        let again = tokio::time::sleep(REREAD);
        tokio::pin!(again);
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    self.over = true;
                    return;
                }
                () = &mut again => return,
                changed = self.changes.recv() => match changed {
                    Ok(id) if id != self.id => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => {
                        self.over = true;
                        return;
                    }
                },
            }
        }
    }
}

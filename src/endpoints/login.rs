//! The page of a login and its forms (design 3). A GET re-reads the row; what changes something is a POST with cookie and token.
//! How the page hears of changes (decision 2.8): server-sent events, and a small JSON document where those fail. The streams of
//! one login share what is read (`flow::node::watches`).

use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::interaction::{app_info, page_options, refuse};
use crate::domain::id::{LoginId, is_well_formed};
use crate::domain::login::{FINISH_GRACE, Login, LoginStage, Reason, Subject};
use crate::flow::error::Internal;
use crate::flow::login::finish::{Finished, finish};
use crate::flow::login::outcome::{LoginTarget, PhoneNeed};
use crate::flow::login::{app_link, begin, end, find_own};
use crate::flow::node::latency::random_delay;
use crate::flow::node::watches::{News, Seen, Stream, watch};
use crate::metrics;
use crate::store::users;
use crate::view::pages::{ErrorKind, Wait};
use crate::web::browser::Visit;
use crate::web::cookies::{self, Name};
use crate::web::error::Failure;
use crate::web::form::{PageForm, form_token};
use crate::web::{HandlerResult, Surface, page};

/// A comment this often keeps proxies from closing a quiet stream, and shows that its browser is gone.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// After how many milliseconds a browser asks again for a stream that ended, and for one that a newer page took over.
const RETRY: u32 = 2000;
const RETRY_REPLACED: u32 = 20_000;

fn about(login: &Login) -> String {
    format!("login/{}", login.id)
}

/// A login of this browser. Another browser's is as unknown as one that never was (B1, B3). Only the browser's cookie counts:
/// watching a login is no use of a session (check 98).
async fn own_login(visit: &Visit, id: &str) -> Result<Login, Failure> {
    if !is_well_formed(id) || visit.is_new {
        return Err(Failure::not_found());
    }
    find_own(visit.op(), &LoginId::new(id), &visit.browser.key).await?.ok_or_else(Failure::not_found)
}

/// A login of this browser and what it is for.
async fn own(visit: &Visit, id: &str) -> Result<(Login, LoginTarget), Failure> {
    let login = own_login(visit, id).await?;
    let target = LoginTarget::find(visit.op(), &login).await?.ok_or_else(Failure::not_found)?;
    Ok((login, target))
}

async fn posted(id: &str, form: &PageForm) -> Result<(Login, LoginTarget), Failure> {
    let (login, target) = own(&form.visit, id).await?;
    form.demand(&about(&login))?;
    Ok((login, target))
}

pub(super) async fn wait(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let visit = Visit::without_session(&surface, &request)?;
    let (login, target) = own(&visit, &id).await?;
    if login.consumed_at.is_some() || is_answered_elsewhere(&visit, &request, &login, &target).await? {
        return Ok(page::see_other(&visit, &target.onward));
    }
    let now = surface.op.env.now();
    let stage = login.stage_at(now);
    let ends = match &stage {
        LoginStage::Approved { .. } => login.deadline.plus(FINISH_GRACE),
        _open_or_over => login.deadline,
    };
    let left = if matches!(stage, LoginStage::Ended(_)) { Duration::ZERO } else { ends.since(now) };
    // Whom an approval without a name signs in: shown before anything happens (decision 2.3).
    let approved = match &stage {
        LoginStage::Approved { user_id, .. } if login.subject == Subject::Unnamed => {
            users::find(surface.op.store.read(), user_id).await?
        }
        _named_or_not_approved => None,
    };
    let own_url = format!("{}/login/{}", surface.op.settings.issuer, login.id);
    let app_link = if stage.is_open() { app_link(&surface.op, &login, &own_url)? } else { None };
    let is_early = cookies::read_text(&request, Name::Early, surface.site.https).as_deref() == Some(login.id.as_str());
    let app = target.app(&surface.op);
    let page = Wait {
        app: app_info(&surface, &app),
        login: login.id.clone(),
        provider: login.upstream,
        state: stage.state(),
        reason: stage.reason().map(Reason::as_str),
        account: login.typed.clone(),
        approved_account: approved.map(|user| user.username),
        challenge: login.challenge.clone().filter(|_shown| stage.is_open()),
        app_link,
        expires_in_seconds: left.as_secs(),
        has_other_method: target.has_other_method(&surface.op, login.upstream),
        csrf: form_token(&visit, &about(&login)),
        too_early: stage.is_open() && is_early,
        auto_continue: login.subject != Subject::Unnamed,
    };
    page::answer(&visit, &page, &page_options(&app))
}

/// Whether the browser's session answers by now what this login was for, which is over: another tab signed the user in. Only
/// then the session is looked at: the page of a login that waits watches, and opens itself again.
async fn is_answered_elsewhere(
    visit: &Visit,
    request: &HttpRequest,
    login: &Login,
    target: &LoginTarget,
) -> Result<bool, Internal> {
    let now = visit.op().env.now();
    if !matches!(login.stage_at(now), LoginStage::Ended(_)) || !target.is_waiting(now) {
        return Ok(false);
    }
    let visit = Visit::of(&visit.surface, request).await?;
    Ok(target.phone_need(visit.op(), &visit.browser, login.typed.as_deref()).await? == PhoneNeed::Answered)
}

fn document(seen: Seen) -> serde_json::Value {
    serde_json::json!({ "state": seen.state, "reason": seen.reason })
}

pub(super) async fn status(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let login = own_login(&Visit::without_session(&surface, &request)?, &id).await?;
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
    let login = own_login(&Visit::without_session(&surface, &request)?, &id).await?;
    let Some(mut stream) = watch(&surface.op, &login) else {
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
        let news = match self.first.take() {
            Some(first) => Ok(News::Changed(first)),
            None if self.over => return None,
            None => tokio::select! {
                () = self.stop.cancelled() => return None,
                news = timeout(HEARTBEAT, self.stream.next()) => news,
            },
        };
        match news {
            Ok(News::Changed(seen)) => {
                self.over = !seen.is_open;
                Some(format!("retry: {RETRY}\nevent: state\ndata: {}\n\n", document(seen)))
            }
            Ok(News::Over) => None,
            Ok(News::Replaced) => {
                self.over = true;
                Some(format!("retry: {RETRY_REPLACED}\n\n"))
            }
            Err(_quiet) => Some(": still there\n\n".to_owned()),
        }
    }
}

/// `POST /login/{id}/continue`: back here while nobody approved, onward once somebody did.
pub(super) async fn proceed(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let (login, target) = posted(&id, &form).await?;
    let waits = login.stage_at(form.visit.op().env.now()).is_open();
    let visit = form.visit;
    let session = visit.browser.session.as_ref().map(|(session, _)| session.id.clone());
    match finish(visit.op(), login, session, visit.origin.clone()).await? {
        Finished::SignedIn { cookie } => {
            // A login makes the browser known anew, for as long as the store remembers it.
            let visit = Visit { renews: true, ..visit };
            let cookie = cookie.map(|cookie| cookies::set(&visit.surface, Name::Session, cookie.expose()));
            cookies::with(page::see_other(&visit, &target.onward), cookie)
        }
        Finished::Before => Ok(page::see_other(&visit, &target.onward)),
        Finished::NotApproved => {
            let early = waits.then(|| cookies::set(&visit.surface, Name::Early, &id));
            cookies::with(page::see_other(&visit, &format!("/login/{id}")), early)
        }
        Finished::Refused => Err(refuse(ErrorKind::Forbidden, StatusCode::FORBIDDEN, target.app(visit.op()))),
    }
}

/// `POST /login/{id}/cancel`: the request is withdrawn from the phone, and the app hears `access_denied`.
pub(super) async fn cancel(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let (login, target) = posted(&id, &form).await?;
    // What the login is for ends first: from here on no approval leads to a code (B18).
    let location = target.on_abandoned(form.visit.op()).await?;
    if login.stage.is_open() {
        let op = form.visit.op().clone();
        let withdraw = async move {
            if let Err(error) = end::withdraw(&op, &login, None).await {
                tracing::warn!(login = %login.id, %error, "a withdrawn login could not be written down");
            }
        };
        // The user does not wait for the upstream.
        tokio::spawn(withdraw.in_current_span());
    }
    Ok(page::see_other(&form.visit, &location))
}

/// `POST /login/{id}/other`: withdraws the request and offers the choice of services again.
pub(super) async fn other(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let target = withdrawn(&id, &form).await?.1;
    Ok(page::see_other(&form.visit, &target.choice()))
}

/// `POST /login/{id}/identify`: withdraws the request and asks for the name again.
pub(super) async fn other_name(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let (login, target) = withdrawn(&id, &form).await?;
    Ok(page::see_other(&form.visit, &target.identification(login.upstream)))
}

async fn withdrawn(id: &str, form: &PageForm) -> Result<(Login, LoginTarget), Failure> {
    let (login, target) = posted(id, form).await?;
    let op = form.visit.op();
    if login.stage.is_open() {
        end::withdraw(op, &login, None).await?;
        random_delay(&op.env).await?;
    }
    Ok((login, target))
}

/// Demands that a phone must be asked, and may be, by what is stored now and not when the form was shown.
pub(super) async fn demand_phone(visit: &Visit, target: &LoginTarget, typed: Option<&str>) -> Result<(), Failure> {
    match target.phone_need(visit.op(), &visit.browser, typed).await? {
        PhoneNeed::Needed => Ok(()),
        PhoneNeed::Answered => Err(Failure::SeeOther(target.onward.clone())),
        PhoneNeed::TooLate => Err(refuse(ErrorKind::Expired, StatusCode::BAD_REQUEST, target.app(visit.op()))),
    }
}

/// `POST /login/{id}/retry`: asks again, after an end.
pub(super) async fn retry(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let (login, target) = posted(&id, &form).await?;
    let visit = &form.visit;
    let now = visit.op().env.now();
    let location = if !matches!(login.stage_at(now), LoginStage::Ended(_)) {
        format!("/login/{id}")
    } else if !target.is_waiting(now) {
        target.onward
    } else {
        demand_phone(visit, &target, login.typed.as_deref()).await?;
        end::settle(visit.op(), &login).await?;
        format!("/login/{}", begin::retry(visit.op(), &login, visit.origin.clone(), &target).await?)
    };
    Ok(page::see_other(visit, &location))
}

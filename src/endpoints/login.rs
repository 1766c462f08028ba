//! The page of a login and its forms (design 3). A GET re-reads the row; what changes something is a POST with cookie and token.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use tracing::Instrument as _;

use super::app::{app_info, page_options, refuse};
use crate::domain::id::{LoginId, is_well_formed};
use crate::domain::login::{FINISH_GRACE, Login, LoginStage, Subject};
use crate::flow::error::Internal;
use crate::flow::login::finish::{Finished, Finisher, finish};
use crate::flow::login::outcome::{App, LoginTarget, PhoneNeed};
use crate::flow::login::{begin, end, find_own};
use crate::flow::node::latency::random_delay;
use crate::store::users;
use crate::view::pages::{ErrorKind, Wait, WaitState};
use crate::web::browser::Visit;
use crate::web::cookies::{self, Name};
use crate::web::error::Failure;
use crate::web::form::PageForm;
use crate::web::{HandlerResult, Surface, csrf, page};

fn about(login: &Login) -> String {
    format!("login/{}", login.id)
}

/// A login of this browser and what it is for. Another browser's is as unknown as one that never was (B1, B3).
async fn own(surface: &Surface, visit: &Visit, id: &str) -> Result<(Login, LoginTarget), Failure> {
    if !is_well_formed(id) || visit.new_cookie.is_some() {
        return Err(Failure::not_found());
    }
    let login = find_own(&surface.op, &LoginId::new(id), &visit.browser.key).await?.ok_or_else(Failure::not_found)?;
    let target = LoginTarget::find(&surface.op, &login).await?.ok_or_else(Failure::not_found)?;
    Ok((login, target))
}

async fn posted(id: &str, form: &PageForm) -> Result<(Login, LoginTarget), Failure> {
    let (login, target) = own(&form.surface, &form.visit, id).await?;
    form.demand(&about(&login))?;
    Ok((login, target))
}

pub(super) async fn wait(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    // Only the browser's cookie: watching a login is no use of a session (check 98).
    let visit = Visit::without_session(&surface, &request)?;
    let (login, target) = own(&surface, &visit, &id).await?;
    if login.consumed_at.is_some() || is_answered_elsewhere(&surface, &request, &login, &target).await? {
        return Ok(page::see_other(&surface, &visit, &target.onward()));
    }
    let app = target.app(&surface.op);
    let page = wait_page(&surface, &visit, &login, &app).await?;
    page::answer(&surface, &visit, &page, &page_options(&app))
}

/// Whether the browser's session answers by now what this login was for, which is over: another tab signed the user in. Only
/// then the session is looked at: the page of a login that waits watches, and opens itself again.
async fn is_answered_elsewhere(
    surface: &Surface,
    request: &HttpRequest,
    login: &Login,
    target: &LoginTarget,
) -> Result<bool, Internal> {
    let now = surface.op.env.now();
    if !end::is_over(login, now) || !target.is_waiting(now) {
        return Ok(false);
    }
    let visit = Visit::of(surface, request).await?;
    Ok(target.phone_need(&surface.op, &visit.browser, login.typed.as_deref()).await? == PhoneNeed::Answered)
}

async fn wait_page(surface: &Surface, visit: &Visit, login: &Login, app: &App<'_>) -> Result<Wait, Internal> {
    let now = surface.op.env.now();
    let stage = login.stage_at(now);
    let ends = match &stage {
        LoginStage::Approved { .. } => login.deadline.plus(FINISH_GRACE),
        _open_or_over => login.deadline,
    };
    let left = if matches!(stage, LoginStage::Ended(_)) { Duration::ZERO } else { ends.since(now) };
    let id = &login.id;
    Ok(Wait {
        app: app_info(app),
        provider: login.upstream,
        state: WaitState::from(&stage),
        account: login.typed.clone(),
        approved_account: approved_account(surface, login, &stage).await?,
        challenge: login.challenge.clone().filter(|_shown| stage.is_open()),
        expires_in_seconds: left.as_secs(),
        status_url: format!("/login/{id}/status"),
        events_url: format!("/login/{id}/events"),
        continue_action: format!("/login/{id}/continue"),
        cancel_action: format!("/login/{id}/cancel"),
        retry_action: format!("/login/{id}/retry"),
        other_method_action: (surface.op.upstreams.configured().len() > 1).then(|| format!("/login/{id}/other")),
        csrf: csrf::token(surface, &visit.browser.key, &about(login)),
        auto_continue: login.subject != Subject::Unnamed,
    })
}

/// Whom an approval without a name signs in: shown before anything happens (decision 2.3).
async fn approved_account(surface: &Surface, login: &Login, stage: &LoginStage) -> Result<Option<String>, Internal> {
    let LoginStage::Approved { user_id, .. } = stage else { return Ok(None) };
    if login.subject != Subject::Unnamed {
        return Ok(None);
    }
    Ok(users::find(surface.op.store.read(), user_id).await?.map(|user| user.username))
}

/// `POST /login/{id}/continue`: back here while nobody approved, onward once somebody did.
pub(super) async fn proceed(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let (login, target) = posted(&id, &form).await?;
    let PageForm { surface, visit, .. } = form;
    let session = visit.browser.session.as_ref().map(|(session, _)| session.id.clone());
    match finish(&surface.op, login, Finisher { session, origin: visit.origin.clone() }).await? {
        Finished::SignedIn { cookie } => {
            // A login makes the browser known anew, for as long as the store remembers it.
            let visit = Visit { renews: true, ..visit };
            let mut response = page::see_other(&surface, &visit, &target.onward());
            if let Some(cookie) = cookie {
                let cookie = cookies::set(&surface, Name::Session, cookie.expose());
                response.add_cookie(&cookie).map_err(|_never_malformed| Internal::Stopped)?;
            }
            Ok(response)
        }
        Finished::Before => Ok(page::see_other(&surface, &visit, &target.onward())),
        Finished::NotApproved => Ok(page::see_other(&surface, &visit, &format!("/login/{id}"))),
        Finished::Refused => Err(refuse(ErrorKind::Forbidden, StatusCode::FORBIDDEN, target.app(&surface.op))),
    }
}

/// `POST /login/{id}/cancel`: the request is withdrawn from the phone, and the app hears `access_denied`.
pub(super) async fn cancel(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let (login, target) = posted(&id, &form).await?;
    // What the login is for ends first: from here on no approval leads to a code (B18).
    let location = target.on_abandoned(&form.surface.op).await?;
    if login.stage.is_open() {
        let op = form.surface.op.clone();
        let withdraw = async move {
            if let Err(error) = end::withdraw(&op, &login, None).await {
                tracing::warn!(login = %login.id, %error, "a withdrawn login could not be written down");
            }
        };
        // The user does not wait for the upstream.
        tokio::spawn(withdraw.in_current_span());
    }
    Ok(page::see_other(&form.surface, &form.visit, &location))
}

/// `POST /login/{id}/other`: withdraws the request and offers the choice of services again.
pub(super) async fn other(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let (login, target) = posted(&id, &form).await?;
    let op = &form.surface.op;
    if login.stage.is_open() {
        end::withdraw(op, &login, None).await?;
        random_delay(&op.env).await?;
    }
    Ok(page::see_other(&form.surface, &form.visit, &target.choice()))
}

/// Demands that a phone must be asked, and may be, by what is stored now and not when the form was shown.
pub(super) async fn demand_phone(
    surface: &Surface,
    visit: &Visit,
    target: &LoginTarget,
    typed: Option<&str>,
) -> Result<(), Failure> {
    match target.phone_need(&surface.op, &visit.browser, typed).await? {
        PhoneNeed::Needed => Ok(()),
        PhoneNeed::Answered => Err(Failure::SeeOther(target.onward())),
        PhoneNeed::TooLate => Err(refuse(ErrorKind::Expired, StatusCode::BAD_REQUEST, target.app(&surface.op))),
    }
}

/// `POST /login/{id}/retry`: asks again, after an end.
pub(super) async fn retry(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let (login, target) = posted(&id, &form).await?;
    let (surface, visit) = (&form.surface, &form.visit);
    let now = surface.op.env.now();
    let location = if !end::is_over(&login, now) {
        format!("/login/{id}")
    } else if !target.is_waiting(now) {
        target.onward()
    } else {
        demand_phone(surface, visit, &target, login.typed.as_deref()).await?;
        end::settle(&surface.op, &login).await?;
        format!("/login/{}", begin::retry(&surface.op, &login, visit.origin.clone(), &target).await?)
    };
    Ok(page::see_other(surface, visit, &location))
}

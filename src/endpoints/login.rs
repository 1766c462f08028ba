//! The page of a running login and its three forms (design 3). The page is a GET that re-reads the row; everything that
//! changes something is a POST with the browser's cookie and the form's token.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::interaction::{app_info, demand_phone, give_up, page_options, refuse};
use crate::domain::id::{LoginId, is_well_formed};
use crate::domain::login::{FINISH_GRACE, Login, LoginStage, Purpose, Subject};
use crate::flow::authorization::{self, Interaction};
use crate::flow::error::Internal;
use crate::flow::login::finish::{Finished, Finisher, finish};
use crate::flow::login::{begin, end, find_own, pace};
use crate::store::users;
use crate::view::pages::{ErrorKind, Wait, WaitState};
use crate::web::browser::Visit;
use crate::web::cookies::{self, Name};
use crate::web::error::Failure;
use crate::web::form::PageForm;
use crate::web::{Surface, csrf, page};

fn about(login: &Login) -> String {
    format!("login/{}", login.id)
}

/// A login of this browser and what it is for. Another browser's is as unknown as one that never was (security bar B1, B3).
async fn own(surface: &Surface, visit: &Visit, id: &str) -> Result<(Login, Interaction), Failure> {
    if !is_well_formed(id) || visit.new_cookie.is_some() {
        return Err(Failure::not_found());
    }
    let login = find_own(&surface.op, &LoginId::new(id), &visit.browser.key).await?.ok_or_else(Failure::not_found)?;
    let Purpose::Authorization(authorization) = &login.purpose;
    let interaction = authorization::find_own(&surface.op, authorization, &visit.browser.key).await?;
    Ok((login, interaction.ok_or_else(Failure::not_found)?))
}

/// What a form of the page of a login acts on.
async fn posted(surface: &Surface, id: &str, form: &PageForm) -> Result<(Login, Interaction), Failure> {
    let (login, interaction) = own(surface, &form.visit, id).await?;
    form.demand(&about(&login))?;
    Ok((login, interaction))
}

/// Where the flow goes on.
fn onward(purpose: &Purpose) -> String {
    let Purpose::Authorization(id) = purpose;
    format!("/interaction/{id}")
}

/// `GET /login/{id}`.
pub(super) async fn wait(
    surface: web::Data<Surface>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    // Only the browser's cookie: watching a login is no use of a session (security bar 98).
    let visit = Visit::without_session(&surface, &request)?;
    let (login, interaction) = own(&surface, &visit, &id).await?;
    if login.consumed_at.is_some() || is_answered_elsewhere(&surface, &request, &login, &interaction).await? {
        return Ok(page::see_other(&surface, &visit, &onward(&login.purpose)));
    }
    let page = wait_page(&surface, &visit, &login, &interaction).await?;
    page::answer(&surface, &visit, &page, &page_options(&interaction))
}

/// Whether the browser's session answers by now what this login was for, which is over: another tab signed the person in. Only
/// then the session is looked at: the page of a login that waits watches, and opens itself again.
async fn is_answered_elsewhere(
    surface: &Surface,
    request: &HttpRequest,
    login: &Login,
    interaction: &Interaction,
) -> Result<bool, Internal> {
    let now = surface.op.env.now();
    if !end::is_over(login, now) || !interaction.is_waiting(now) {
        return Ok(false);
    }
    let visit = Visit::of(surface, request).await?;
    authorization::goes_on_without_phone(&surface.op, interaction, &visit.browser, login.typed.as_deref()).await
}

async fn wait_page(surface: &Surface, visit: &Visit, login: &Login, interaction: &Interaction) -> Result<Wait, Internal> {
    let now = surface.op.env.now();
    let stage = login.stage_at(now);
    let ends = match &stage {
        LoginStage::Approved { .. } => login.deadline.plus(FINISH_GRACE),
        _open_or_over => login.deadline,
    };
    let left = if matches!(stage, LoginStage::Ended(_)) { Duration::ZERO } else { ends.since(now) };
    let id = &login.id;
    Ok(Wait {
        app: app_info(interaction),
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
pub(super) async fn proceed(
    surface: web::Data<Surface>,
    id: web::Path<String>,
    form: PageForm,
) -> Result<HttpResponse, Failure> {
    let (login, interaction) = posted(&surface, &id, &form).await?;
    let by = Finisher {
        browser: form.visit.browser.key.clone(),
        session: form.visit.browser.session.as_ref().map(|(session, _)| session.id.clone()),
        origin: form.visit.origin.clone(),
    };
    match finish(&surface.op, &login.id, by).await? {
        Finished::SignedIn { cookie, purpose } => {
            // A login makes the browser known anew, for as long as the store remembers it.
            let visit = Visit { renews: true, ..form.visit };
            let mut response = page::see_other(&surface, &visit, &onward(&purpose));
            let cookie = cookies::set(&surface, Name::Session, &cookie);
            response.add_cookie(&cookie).map_err(|_never_malformed| Internal::Stopped)?;
            Ok(response)
        }
        Finished::Before(purpose) => Ok(page::see_other(&surface, &form.visit, &onward(&purpose))),
        Finished::NotApproved => Ok(page::see_other(&surface, &form.visit, &format!("/login/{id}"))),
        Finished::Refused => Err(refuse(ErrorKind::Forbidden, StatusCode::FORBIDDEN, &interaction)),
        Finished::Unknown => Err(Failure::not_found()),
    }
}

/// `POST /login/{id}/cancel`: the request is withdrawn from the phone, and the app hears `access_denied`.
pub(super) async fn cancel(
    surface: web::Data<Surface>,
    id: web::Path<String>,
    form: PageForm,
) -> Result<HttpResponse, Failure> {
    let (login, interaction) = posted(&surface, &id, &form).await?;
    // The authorization ends first: from here on no approval leads to a code (security bar B18).
    let response = give_up(&surface, &form.visit, &interaction).await?;
    if login.stage.is_open() {
        let op = surface.op.clone();
        // The person does not wait for the phone service.
        tokio::spawn(async move {
            if let Err(error) = end::withdraw(&op, &login, None).await {
                tracing::warn!(login = %login.id, %error, "a withdrawn login could not be written down");
            }
        });
    }
    Ok(response)
}

/// `POST /login/{id}/other`: withdraws the request and offers the choice of services again.
pub(super) async fn other(surface: web::Data<Surface>, id: web::Path<String>, form: PageForm) -> Result<HttpResponse, Failure> {
    let (login, interaction) = posted(&surface, &id, &form).await?;
    if login.stage.is_open() {
        end::withdraw(&surface.op, &login, None).await?;
        pace::blur(&surface.op.env).await.map_err(Internal::from)?;
    }
    Ok(page::see_other(&surface, &form.visit, &format!("/interaction/{}/choose", interaction.authorization.id)))
}

/// `POST /login/{id}/retry`: asks again, after an end.
pub(super) async fn retry(surface: web::Data<Surface>, id: web::Path<String>, form: PageForm) -> Result<HttpResponse, Failure> {
    let (login, interaction) = posted(&surface, &id, &form).await?;
    let now = surface.op.env.now();
    if !end::is_over(&login, now) {
        return Ok(page::see_other(&surface, &form.visit, &format!("/login/{id}")));
    }
    if !interaction.is_waiting(now) {
        return Ok(page::see_other(&surface, &form.visit, &onward(&login.purpose)));
    }
    demand_phone(&surface, &form.visit, &interaction, login.typed.as_deref()).await?;
    end::settle(&surface.op, &login).await?;
    let client = (interaction.client.id.clone(), interaction.client.display_name().to_owned());
    let until = interaction.authorization.expires_at;
    let next = begin::retry(&surface.op, &login, form.visit.origin.clone(), client, until).await?;
    Ok(page::see_other(&surface, &form.visit, &format!("/login/{next}")))
}

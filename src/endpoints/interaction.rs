//! The pages before a login. Every step ends in `GET /interaction/{id}`, which asks the flow what comes next.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};

use super::app::{app_info, page_options, refuse};
use super::login::demand_phone;
use crate::domain::id::{AuthorizationId, is_well_formed};
use crate::domain::login::Purpose;
use crate::domain::user::{Upstream, canonical_identifier};
use crate::flow::authorization::offer::{may_be_unnamed, offered};
use crate::flow::authorization::request::UnverifiedRequest;
use crate::flow::authorization::response::{AuthorizationResponse, Delivery};
use crate::flow::authorization::{self, Interaction, Next, Over};
use crate::flow::login::LoginRequest;
use crate::flow::login::begin::{begin, under_way};
use crate::flow::login::outcome::{App, LoginTarget};
use crate::store::remembered_browsers;
use crate::view::pages::{Choose, ErrorKind, FormPost, Identify, IdentifyError, Message, MessageKind};
use crate::web::browser::Visit;
use crate::web::error::Failure;
use crate::web::form::PageForm;
use crate::web::page::{self, FormTargets, PageOptions};
use crate::web::parameters::of_query;
use crate::web::{HandlerResult, Surface, csrf, rejected_identifier};

fn about(id: &AuthorizationId) -> String {
    format!("interaction/{id}")
}

pub(super) async fn show(surface: &Surface, visit: &Visit, next: Next) -> HandlerResult {
    match next {
        Next::Login(interaction) => to_login(surface, visit, &interaction).await,
        Next::Consent(interaction, _) => {
            Ok(page::see_other(surface, visit, &format!("/interaction/{}/consent", interaction.authorization.id)))
        }
        Next::Respond(response) => deliver(surface, visit, &response),
        Next::Over(interaction, why) => over(surface, visit, &interaction, why),
        Next::Unknown => Err(Failure::not_found()),
    }
}

fn over(surface: &Surface, visit: &Visit, interaction: &Interaction, why: Over) -> HandlerResult {
    let kind = match why {
        Over::Answered => MessageKind::AlreadyDone,
        Over::Cancelled => MessageKind::Cancelled,
        Over::Expired => return Err(expired(interaction)),
        Over::ClientOff => return Err(Failure::bad_request(UnverifiedRequest::ClientUnknown.to_string())),
    };
    let app = Some(interaction.client.display_name().to_owned());
    let return_url = interaction.client.metadata.client_uri.clone();
    let message = Message { app, return_url, ..Message::new(kind) };
    let options = PageOptions { form_targets: FormTargets::Ourselves, ..page_options(&App::of(interaction)) };
    page::answer(surface, visit, &message, &options)
}

/// Also for one that lasts too short for a phone to be asked.
fn expired(interaction: &Interaction) -> Failure {
    refuse(ErrorKind::Expired, StatusCode::BAD_REQUEST, App::of(interaction))
}

pub(super) fn deliver(surface: &Surface, visit: &Visit, response: &AuthorizationResponse) -> HandlerResult {
    match response.delivery() {
        Delivery::Redirect(location) => Ok(page::see_other(surface, visit, &location)),
        Delivery::FormPost { action, fields } => {
            let form = FormPost { action, app: response.target.app_name.clone(), fields };
            let form_targets = FormTargets::of(response.target.redirect_uri(), response.target.forwards);
            page::answer(surface, visit, &form, &PageOptions { form_targets, ..PageOptions::default() })
        }
    }
}

/// To the login that is under way, else to the first page that has a choice.
async fn to_login(surface: &Surface, visit: &Visit, interaction: &Interaction) -> HandlerResult {
    let op = &surface.op;
    let id = &interaction.authorization.id;
    // A browser on its first visit has nothing under way.
    if visit.new_cookie.is_none() {
        let purpose = Purpose::Authorization(id.clone());
        if let Some(login) = under_way(op, &visit.browser.key, &purpose).await? {
            return Ok(page::see_other(surface, visit, &format!("/login/{}", login.id)));
        }
    }
    if !interaction.has_time_for_phone(op) {
        return Err(expired(interaction));
    }
    let location = match offered(&surface.op, interaction).as_slice() {
        [only] => format!("/interaction/{id}/identify/{only}"),
        _choice => format!("/interaction/{id}/choose"),
    };
    Ok(page::see_other(surface, visit, &location))
}

pub(super) async fn enter(surface: &Surface, request: &HttpRequest, id: &str) -> Result<(Visit, Next), Failure> {
    let visit = Visit::of(surface, request).await?;
    let next = next(surface, &visit, id).await?;
    Ok((visit, next))
}

pub(super) async fn next(surface: &Surface, visit: &Visit, id: &str) -> Result<Next, Failure> {
    if !is_well_formed(id) {
        return Err(Failure::not_found());
    }
    Ok(authorization::advance(&surface.op, &AuthorizationId::new(id), &visit.browser).await?)
}

/// The interaction that a form of its pages acts on, while it waits for the person; else the browser is led to where it stands.
async fn posted(id: &str, form: &PageForm) -> Result<Interaction, Failure> {
    let id = AuthorizationId::new(id);
    form.demand(&about(&id))?;
    let found = authorization::find_own(&form.surface.op, &id, &form.visit.browser.key).await?;
    let waiting = found.filter(|interaction| interaction.is_waiting(form.surface.op.env.now()));
    waiting.ok_or_else(|| Failure::SeeOther(format!("/interaction/{id}")))
}

pub(super) async fn resume(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let (visit, next) = enter(&surface, &request, &id).await?;
    show(&surface, &visit, next).await
}

pub(super) async fn choose(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let (visit, next) = enter(&surface, &request, &id).await?;
    let Next::Login(interaction) = next else { return show(&surface, &visit, next).await };
    let id = &interaction.authorization.id;
    let providers = offered(&surface.op, &interaction);
    if let [only] = providers.as_slice() {
        return Ok(page::see_other(&surface, &visit, &format!("/interaction/{id}/identify/{only}")));
    }
    let choose = Choose {
        app: app_info(&App::of(&interaction)),
        action: format!("/interaction/{id}/choose"),
        cancel_action: format!("/interaction/{id}/cancel"),
        providers,
        csrf: csrf::token(&surface, &visit.browser.key, &about(id)),
    };
    page::answer(&surface, &visit, &choose, &page_options(&App::of(&interaction)))
}

pub(super) async fn chosen(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let interaction = posted(&id, &form).await?;
    let chosen = form.get("provider").and_then(Upstream::parse);
    let location = match chosen.filter(|upstream| offered(&form.surface.op, &interaction).contains(upstream)) {
        Some(upstream) => format!("/interaction/{id}/identify/{upstream}"),
        None => format!("/interaction/{id}/choose"),
    };
    Ok(page::see_other(&form.surface, &form.visit, &location))
}

/// `GET /interaction/{id}/identify/{provider}`. Shows a form; no GET ever asks a phone (decision 2.7).
pub(super) async fn identify(
    surface: web::Data<Surface>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HandlerResult {
    let (id, provider) = path.into_inner();
    let (visit, next) = enter(&surface, &request, &id).await?;
    let Next::Login(interaction) = next else { return show(&surface, &visit, next).await };
    let providers = offered(&surface.op, &interaction);
    let upstream = Upstream::parse(&provider).filter(|upstream| providers.contains(upstream));
    let upstream = upstream.ok_or_else(Failure::not_found)?;
    let remembered = remembered_browsers::find_identifier(surface.op.store.read(), &visit.browser.key).await?;
    let problem = of_query(&request).get("problem").and_then(|text| match text {
        "missing" => Some(IdentifyError::Missing),
        "malformed" => Some(IdentifyError::Malformed),
        _other => None,
    });
    let refused = problem.filter(|problem| *problem == IdentifyError::Malformed);
    let refused = refused.and_then(|_| rejected_identifier::find(&surface, &request, &visit.browser.key, &id));
    let hint = interaction.authorization.request.login_hint.as_deref().and_then(canonical_identifier);
    let page = Identify {
        app: app_info(&App::of(&interaction)),
        provider: upstream,
        action: format!("/interaction/{id}/identify/{upstream}"),
        csrf: csrf::token(&surface, &visit.browser.key, &about(&interaction.authorization.id)),
        remembered: refused.is_none() && hint.is_none() && remembered.is_some(),
        identifier: refused.or(hint).or(remembered).unwrap_or_default(),
        forget_action: format!("/interaction/{id}/forget"),
        allow_unnamed: may_be_unnamed(&surface.op, &interaction, upstream),
        other_method_action: (providers.len() > 1).then(|| format!("/interaction/{id}/choose")),
        cancel_action: format!("/interaction/{id}/cancel"),
        error: problem,
    };
    page::answer(&surface, &visit, &page, &page_options(&App::of(&interaction)))
}

pub(super) async fn identified(path: web::Path<(String, String)>, form: PageForm) -> HandlerResult {
    let (id, provider) = path.into_inner();
    let interaction = posted(&id, &form).await?;
    let (surface, visit) = (&form.surface, &form.visit);
    let upstream = Upstream::parse(&provider).filter(|upstream| offered(&surface.op, &interaction).contains(upstream));
    let upstream = upstream.ok_or_else(Failure::not_found)?;
    let again = |problem: &str| format!("/interaction/{id}/identify/{upstream}?problem={problem}");
    let unnamed = form.get("unnamed").is_some() && may_be_unnamed(&surface.op, &interaction, upstream);
    let identifier = match form.get("identifier") {
        _ignored if unnamed => None,
        Some(typed) if !typed.trim().is_empty() => match canonical_identifier(typed) {
            None => {
                let mut response = page::see_other(surface, visit, &again("malformed"));
                rejected_identifier::keep(surface, &mut response, &visit.browser.key, &id, typed)?;
                return Ok(response);
            }
            known_or_not => known_or_not,
        },
        _nothing => return Ok(page::see_other(surface, visit, &again("missing"))),
    };
    let purpose = Purpose::Authorization(interaction.authorization.id.clone());
    let target = LoginTarget::Authorization(Box::new(interaction));
    demand_phone(surface, visit, &target, identifier.as_deref()).await?;
    let request = LoginRequest {
        purpose,
        browser: Some(visit.browser.key.clone()),
        origin: visit.origin.clone(),
        until: target.until(&surface.op),
        upstream,
        identifier,
        client: target.client().cloned(),
        app_name: target.app(&surface.op).name,
        remember: form.get("remember").is_some(),
    };
    let login = begin(&surface.op, request).await?;
    Ok(page::see_other(surface, visit, &format!("/login/{login}")))
}

/// `POST /interaction/{id}/forget`: the name is not filled in any more.
pub(super) async fn forget(id: web::Path<String>, form: PageForm) -> HandlerResult {
    posted(&id, &form).await?;
    let (op, browser) = (&form.surface.op, form.visit.browser.key.clone());
    op.store
        .write(browser, |tx, browser| Box::pin(async move { remembered_browsers::forget_identifier(tx, browser).await }))
        .await?;
    Ok(page::see_other(&form.surface, &form.visit, &format!("/interaction/{id}")))
}

/// `POST /interaction/{id}/cancel`: back to the app with `access_denied` (RFC 6749 §4.1.2.1).
pub(super) async fn cancel(id: web::Path<String>, form: PageForm) -> HandlerResult {
    give_up(&form.surface, &form.visit, &posted(&id, &form).await?).await
}

pub(super) async fn give_up(surface: &Surface, visit: &Visit, interaction: &Interaction) -> HandlerResult {
    let location = authorization::give_up(&surface.op, interaction).await?;
    Ok(page::see_other(surface, visit, &location))
}

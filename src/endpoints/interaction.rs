//! The pages before a login, and the consent page after it (OIDC Core §3.1.2.4). Every step ends in `GET /interaction/{id}`,
//! which asks the flow what comes next.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};

use super::login::demand_phone;
use crate::domain::browser::Authentication;
use crate::domain::id::{AuthorizationId, is_well_formed};
use crate::domain::login::Purpose;
use crate::domain::user::{Upstream, User, canonical_identifier};
use crate::flow::authorization::offer::{allowed, has_other, may_be_unnamed, offered};
use crate::flow::authorization::request::CLIENT_UNKNOWN;
use crate::flow::authorization::response::{AuthorizationResponse, Delivery};
use crate::flow::authorization::{self, Interaction, Next, Over};
use crate::flow::error::Internal;
use crate::flow::login::LoginRequest;
use crate::flow::login::begin::{begin, under_way};
use crate::flow::login::outcome::{App, LoginTarget};
use crate::protocol::scope::KNOWN;
use crate::store::{consents, remembered_browsers, users};
use crate::view::pages::{
    AppInfo, Choose, Consent, ErrorKind, ErrorPage, FormPost, Identify, IdentifyError, Message, MessageKind, ReturnLink,
    ScopeLine,
};
use crate::web::browser::Visit;
use crate::web::error::Failure;
use crate::web::form::{PageForm, form_token, of_query};
use crate::web::page::{self, FormTargets, PageOptions};
use crate::web::{HandlerResult, Surface, cookies};

fn about(id: &AuthorizationId) -> String {
    format!("interaction/{id}")
}

/// The app that asks, as the pages of its authorization and of a login for it name it.
pub(super) fn app_info(surface: &Surface, app: &App<'_>) -> AppInfo {
    let logo = app.client.and_then(|client| surface.branding.logo_of(client, app.logo));
    let host = app.redirect_uri.and_then(|uri| url::Url::parse(uri.as_str()).ok()?.host_str().map(str::to_owned));
    AppInfo { name: app.name.clone(), logo, host: host.unwrap_or_default(), client_uri: app.home.map(str::to_owned) }
}

/// The forms of these pages may lead to the app.
pub(super) fn page_options<'a>(app: &App<'a>) -> PageOptions<'a> {
    let form_targets = app.redirect_uri.map_or(FormTargets::Ourselves, |uri| FormTargets::of(uri, app.forwards));
    PageOptions { ui_locales: app.ui_locales, form_targets }
}

pub(super) fn refuse(kind: ErrorKind, status: StatusCode, app: App<'_>) -> Failure {
    let return_to = app.home.map(str::to_owned).map(|url| ReturnLink { name: app.name, url });
    Failure::Page(ErrorPage { return_to, ..ErrorPage::new(kind, status) })
}

pub(super) async fn show(visit: &Visit, next: Next) -> HandlerResult {
    match next {
        Next::Login(interaction) => to_login(visit, &interaction).await,
        Next::Declined(interaction) => Ok(page::see_other(visit, &format!("{}/declined", interaction.location()))),
        Next::Consent(interaction, _) => Ok(page::see_other(visit, &format!("{}/consent", interaction.location()))),
        Next::Respond(response) => deliver(visit, &response),
        Next::Over(interaction, why) => over(visit, &interaction, why),
        Next::Unknown => Err(Failure::not_found()),
    }
}

fn over(visit: &Visit, interaction: &Interaction, why: Over) -> HandlerResult {
    let kind = match why {
        Over::Answered => MessageKind::AlreadyDone,
        Over::Cancelled => MessageKind::Cancelled,
        Over::Expired => return Err(expired(interaction)),
        Over::ClientOff => return Err(Failure::bad_request(CLIENT_UNKNOWN)),
    };
    let app = Some(interaction.client.display_name().to_owned());
    let return_url = interaction.client.metadata.client_uri.clone();
    let message = Message { app, return_url, ..Message::new(kind) };
    let options = PageOptions { form_targets: FormTargets::Ourselves, ..page_options(&App::of(interaction)) };
    page::answer(visit, &message, &options)
}

/// Also for one that lasts too short for a phone to be asked.
fn expired(interaction: &Interaction) -> Failure {
    refuse(ErrorKind::Expired, StatusCode::BAD_REQUEST, App::of(interaction))
}

pub(super) fn deliver(visit: &Visit, response: &AuthorizationResponse) -> HandlerResult {
    match response.delivery() {
        Delivery::Redirect(location) => Ok(page::see_other(visit, &location)),
        Delivery::FormPost { action, fields } => {
            let form = FormPost { action, app: response.target.app_name.clone(), fields };
            let form_targets = FormTargets::of(response.target.redirect_uri(), response.target.forwards);
            page::answer(visit, &form, &PageOptions { form_targets, ..PageOptions::default() })
        }
    }
}

/// To the login that is under way, else to the first page that has a choice.
async fn to_login(visit: &Visit, interaction: &Interaction) -> HandlerResult {
    let op = visit.op();
    let id = &interaction.authorization.id;
    // A browser on its first visit has nothing under way.
    if !visit.is_new {
        let purpose = Purpose::Authorization(id.clone());
        if let Some(login) = under_way(op, &visit.browser.key, &purpose).await? {
            return Ok(page::see_other(visit, &format!("/login/{}", login.id)));
        }
    }
    if !interaction.has_time_for_phone(op) {
        return Err(expired(interaction));
    }
    let choice = offered(op, interaction);
    let chosen = match choice.as_slice() {
        [only] => Some(*only),
        several => remembered_method(visit, interaction).await?.filter(|method| several.contains(method)),
    };
    let location = match chosen {
        Some(method) => format!("/interaction/{id}/identify/{method}"),
        None => format!("/interaction/{id}/choose"),
    };
    Ok(page::see_other(visit, &location))
}

/// By which service this browser signed in the person whose name will be filled in; nothing where the app names somebody.
async fn remembered_method(visit: &Visit, interaction: &Interaction) -> Result<Option<Upstream>, Internal> {
    if visit.is_new || interaction.authorization.request.login_hint.is_some() {
        return Ok(None);
    }
    let fill_in = remembered_browsers::find_fill_in(visit.op().store.read(), &visit.browser.key).await?;
    Ok(fill_in.and_then(|wish| wish.upstream))
}

pub(super) async fn enter(surface: &web::Data<Surface>, request: &HttpRequest, id: &str) -> Result<(Visit, Next), Failure> {
    let visit = Visit::of(surface, request).await?;
    let next = next(&visit, id).await?;
    Ok((visit, next))
}

pub(super) async fn next(visit: &Visit, id: &str) -> Result<Next, Failure> {
    if !is_well_formed(id) {
        return Err(Failure::not_found());
    }
    Ok(authorization::advance(visit.op(), &AuthorizationId::new(id), &visit.browser, &visit.origin).await?)
}

/// The interaction that a form of its pages acts on, while it waits for the person; else the browser is led to where it stands.
async fn posted(id: &str, form: &PageForm) -> Result<Interaction, Failure> {
    let id = AuthorizationId::new(id);
    form.demand(&about(&id))?;
    let found = authorization::find_own(form.visit.op(), &id, &form.visit.browser.key).await?;
    let waiting = found.filter(|interaction| interaction.is_waiting(form.visit.op().env.now()));
    waiting.ok_or_else(|| Failure::SeeOther(format!("/interaction/{id}")))
}

pub(super) async fn resume(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let (visit, next) = enter(&surface, &request, &id).await?;
    show(&visit, next).await
}

pub(super) async fn choose(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let (visit, next) = enter(&surface, &request, &id).await?;
    let Next::Login(interaction) = next else { return show(&visit, next).await };
    let id = &interaction.authorization.id;
    let providers = offered(&surface.op, &interaction);
    if let [only] = providers.as_slice() {
        return Ok(page::see_other(&visit, &format!("/interaction/{id}/identify/{only}")));
    }
    let choose = Choose {
        app: app_info(&surface, &App::of(&interaction)),
        interaction: id.clone(),
        providers,
        csrf: form_token(&visit, &about(id)),
    };
    page::answer(&visit, &choose, &page_options(&App::of(&interaction)))
}

pub(super) async fn chosen(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let interaction = posted(&id, &form).await?;
    let chosen = form.get("provider").and_then(Upstream::parse);
    let location = match chosen.filter(|upstream| offered(form.visit.op(), &interaction).contains(upstream)) {
        Some(upstream) => format!("/interaction/{id}/identify/{upstream}"),
        None => format!("/interaction/{id}/choose"),
    };
    Ok(page::see_other(&form.visit, &location))
}

/// `GET /interaction/{id}/identify/{provider}`. Shows a form; no GET ever asks a phone (decision 2.7).
pub(super) async fn identify(
    surface: web::Data<Surface>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HandlerResult {
    let (id, provider) = path.into_inner();
    let (visit, next) = enter(&surface, &request, &id).await?;
    let Next::Login(interaction) = next else { return show(&visit, next).await };
    let upstream = Upstream::parse(&provider).filter(|upstream| allowed(&surface.op, &interaction).contains(upstream));
    let upstream = upstream.ok_or_else(Failure::not_found)?;
    let query = of_query(&request);
    let problem = query.get("problem").and_then(IdentifyError::parse);
    let is_other = query.get("account") == Some("other");
    let remembered = remembered_browsers::find_fill_in(surface.op.store.read(), &visit.browser.key).await?;
    let remembered = remembered.map(|wish| wish.identifier).filter(|_name| problem.is_none() && !is_other);
    let refused = problem.filter(|problem| *problem == IdentifyError::Malformed);
    let refused = refused.and_then(|_| cookies::read_typed(&visit, &request, &id));
    let hint = interaction.authorization.request.login_hint.as_deref().filter(|_name| !is_other).and_then(canonical_identifier);
    let page = Identify {
        app: app_info(&surface, &App::of(&interaction)),
        interaction: interaction.authorization.id.clone(),
        provider: upstream,
        csrf: form_token(&visit, &about(&interaction.authorization.id)),
        remembered: refused.is_none() && hint.is_none() && remembered.is_some(),
        identifier: refused.or(hint).or(remembered).unwrap_or_default(),
        allow_unnamed: may_be_unnamed(&surface.op, &interaction, upstream),
        has_other_method: has_other(&surface.op, &interaction, upstream),
        error: problem,
    };
    page::answer(&visit, &page, &page_options(&App::of(&interaction)))
}

pub(super) async fn identified(path: web::Path<(String, String)>, form: PageForm) -> HandlerResult {
    let (id, provider) = path.into_inner();
    let interaction = posted(&id, &form).await?;
    let visit = &form.visit;
    let upstream = Upstream::parse(&provider).filter(|upstream| allowed(visit.op(), &interaction).contains(upstream));
    let upstream = upstream.ok_or_else(Failure::not_found)?;
    let again = |problem: &str| format!("/interaction/{id}/identify/{upstream}?problem={problem}");
    let unnamed = form.get("unnamed").is_some() && may_be_unnamed(visit.op(), &interaction, upstream);
    let identifier = match form.get("identifier") {
        _ignored if unnamed => None,
        Some(typed) if !typed.trim().is_empty() => match canonical_identifier(typed) {
            None => {
                let refused = cookies::of_typed(visit, &id, typed);
                return cookies::with(page::see_other(visit, &again("malformed")), Some(refused));
            }
            known_or_not => known_or_not,
        },
        _nothing => return Ok(page::see_other(visit, &again("missing"))),
    };
    let purpose = Purpose::Authorization(interaction.authorization.id.clone());
    let target = LoginTarget::from(interaction);
    demand_phone(visit, &target, identifier.as_deref()).await?;
    let request = LoginRequest {
        purpose,
        browser: Some(visit.browser.key.clone()),
        origin: visit.origin.clone(),
        wanted: target.wanted(),
        until: target.until(visit.op()),
        upstream,
        identifier,
        client: target.client().cloned(),
        app_name: target.app(visit.op()).name,
        remember: form.get("remember").is_some(),
    };
    let login = begin(visit.op(), request).await?;
    Ok(page::see_other(visit, &format!("/login/{login}")))
}

/// `POST /interaction/{id}/forget`: the name is not filled in any more.
pub(super) async fn forget(id: web::Path<String>, form: PageForm) -> HandlerResult {
    posted(&id, &form).await?;
    let (op, browser) = (form.visit.op(), form.visit.browser.key.clone());
    op.store.write(browser, |tx, browser| Box::pin(remembered_browsers::forget_fill_in(tx, browser))).await?;
    Ok(page::see_other(&form.visit, &format!("/interaction/{id}")))
}

/// `POST /interaction/{id}/cancel`: back to the app with `access_denied` (RFC 6749 §4.1.2.1).
pub(super) async fn cancel(id: web::Path<String>, form: PageForm) -> HandlerResult {
    give_up(&form.visit, &posted(&id, &form).await?).await
}

async fn give_up(visit: &Visit, interaction: &Interaction) -> HandlerResult {
    let location = authorization::give_up(visit.op(), interaction).await?;
    Ok(page::see_other(visit, &location))
}

/// The token of a consent form names the person as well: it never allows anything for somebody else who signed in meanwhile.
fn about_consent(id: &AuthorizationId, authentication: &Authentication) -> String {
    format!("consent/{id}/{}", authentication.user_id)
}

pub(super) async fn consent(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let (visit, next) = enter(&surface, &request, &id).await?;
    let Next::Consent(interaction, authentication) = next else { return show(&visit, next).await };
    let db = surface.op.store.read();
    let user = users::find(db, &authentication.user_id).await?;
    let request = &interaction.authorization.request;
    let known = consents::find(db, &authentication.user_id, &request.client_id).await?;
    let is_new = |scope: &str| known.as_ref().is_none_or(|known| !known.scope.contains(scope));
    let id = &interaction.authorization.id;
    let line = |scope: &str| {
        let value = user.as_ref().and_then(|user| value_of(scope, user));
        ScopeLine { scope: scope.to_owned(), known: KNOWN.contains(&scope), value, new: is_new(scope) }
    };
    let page = Consent {
        app: app_info(&surface, &App::of(&interaction)),
        interaction: id.clone(),
        csrf: form_token(&visit, &about_consent(id, &authentication)),
        account: user.as_ref().map(|user| user.username.clone()).unwrap_or_default(),
        scopes: request.scope.for_people().into_iter().map(line).collect(),
    };
    page::answer(&visit, &page, &page_options(&App::of(&interaction)))
}

/// What a scope would tell the app about this person, so that they know what they allow (C1).
fn value_of(scope: &str, user: &User) -> Option<String> {
    let parts: Vec<&str> = match scope {
        "profile" => vec![user.name.as_str(), user.username.as_str()],
        "email" => vec![user.email.as_deref().unwrap_or_default()],
        "groups" => user.groups.iter().map(String::as_str).collect(),
        _nothing_about_the_person => Vec::new(),
    };
    let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    (!text.is_empty()).then_some(text)
}

pub(super) async fn consented(id: web::Path<String>, form: PageForm) -> HandlerResult {
    let visit = &form.visit;
    let next = next(visit, &id).await?;
    let Next::Consent(interaction, authentication) = next else { return show(visit, next).await };
    form.demand(&about_consent(&interaction.authorization.id, &authentication))?;
    match form.get("decision") {
        Some("allow") => {
            authorization::allow(visit.op(), &interaction.authorization, *authentication, visit.origin.clone()).await?;
            Ok(page::see_other(visit, &format!("/interaction/{id}")))
        }
        Some("deny") => give_up(visit, &interaction).await,
        _undecided => Ok(page::see_other(visit, &format!("/interaction/{id}/consent"))),
    }
}

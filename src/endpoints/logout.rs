//! RP-initiated logout (OIDC RP-Initiated Logout §2, decision 2.16): by GET, by POST from another site, and by the person's
//! own form.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::parameters::{bad_request, for_person, of_query};
use crate::flow::end_session::{Answer, Decision, decide, perform};
use crate::protocol::parameters::Parameters;
use crate::view::pages::{ErrorKind, Logout, Message, MessageKind};
use crate::web::browser::Visit;
use crate::web::cookies::{self, Name};
use crate::web::error::{Failure, PageFailure};
use crate::web::page::{self, FormTargets, Frame};
use crate::web::{Surface, csrf};

/// What the logout form is bound to: nothing but the browser.
const ABOUT: &str = "logout";

/// `GET /logout`.
pub(super) async fn get(surface: web::Data<Surface>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let parameters = of_query(&request).map_err(|invalid| bad_request(invalid.to_string()))?;
    respond(&surface, &request, &parameters, Answer::NotAsked).await
}

/// `POST /logout`: a relying party's request, or the person's yes, which carries our form token.
pub(super) async fn post(surface: web::Data<Surface>, request: HttpRequest, body: web::Bytes) -> Result<HttpResponse, Failure> {
    let parameters = for_person(&request, &body)?;
    let visit = Visit::of(&surface, &request).await?;
    let ours = csrf::is_valid(&surface, &visit.browser.key, ABOUT, parameters.get("csrf"));
    if ours && csrf::same_site(&surface, &request) {
        return respond(&surface, &request, &parameters, Answer::Yes).await;
    }
    // A POST from another site carries no `SameSite=Lax` cookie: a GET of ours finds the session.
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(name, _)| *name != "csrf"));
    let location = format!("/logout?{}", query.finish());
    Ok(HttpResponse::SeeOther().insert_header(("Location", location)).finish())
}

/// `GET /logout/done`: where a logout ends that leads to no app.
pub(super) async fn done(surface: web::Data<Surface>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let visit = Visit { new_cookie: None, ..Visit::of(&surface, &request).await? };
    let message = Message { kind: MessageKind::SignedOut, app: None, return_url: None, told_apps: Vec::new() };
    page::answer(&surface, &visit, &message, &Frame::default())
}

async fn respond(
    surface: &Surface,
    request: &HttpRequest,
    parameters: &Parameters,
    answer: Answer,
) -> Result<HttpResponse, Failure> {
    let visit = Visit::of(surface, request).await?;
    let current = visit.browser.session.as_ref().map(|(session, _)| session);
    match decide(&surface.op, parameters, current, answer).await? {
        Decision::EndNow { sid, redirect } => {
            let own = current.is_some_and(|session| session.id == sid);
            perform(&surface.op, &sid, &visit.origin).await?;
            signed_out(surface, &visit, redirect, own)
        }
        Decision::SignedOut { redirect } => signed_out(surface, &visit, redirect, false),
        Decision::Ask { fields, client_name } => ask(surface, &visit, fields, client_name),
        Decision::Refused { hint } => Err(Failure::Page(PageFailure {
            kind: ErrorKind::BadRequest,
            status: StatusCode::BAD_REQUEST,
            detail: Some(hint.to_owned()),
            return_to: None,
        })),
    }
}

fn signed_out(surface: &Surface, visit: &Visit, redirect: Option<String>, own_session: bool) -> Result<HttpResponse, Failure> {
    let mut response = page::see_other(surface, visit, redirect.as_deref().unwrap_or("/logout/done"));
    if own_session {
        let gone = cookies::clear(Name::Session, surface.site.https);
        response.add_cookie(&gone).map_err(|_never_malformed| crate::flow::error::Internal::Stopped)?;
    }
    Ok(response)
}

fn ask(
    surface: &Surface,
    visit: &Visit,
    fields: Vec<(&'static str, String)>,
    app: Option<String>,
) -> Result<HttpResponse, Failure> {
    let account = visit.browser.session.as_ref().map(|(_, user)| user.username.clone()).unwrap_or_default();
    // The yes leads to the app's page by a redirect, and the form's policy must allow that.
    let target = fields.iter().find(|(name, _)| *name == "post_logout_redirect_uri");
    let target = target.and_then(|(_, uri)| url::Url::parse(uri).ok()).map(|url| match url.scheme() {
        "http" | "https" => url.origin().ascii_serialization(),
        scheme => format!("{scheme}:"),
    });
    let logout = Logout {
        action: "/logout".to_owned(),
        csrf: csrf::token(surface, &visit.browser.key, ABOUT),
        account,
        app,
        stay_action: None,
        hidden: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    };
    let form_targets = target.map_or(FormTargets::Ourselves, FormTargets::Origin);
    page::answer(surface, visit, &logout, &Frame { form_targets, ..Frame::default() })
}

//! RP-initiated logout (OIDC RP-Initiated Logout §2, decision 2.16): by GET, by POST from another site, and by the person's
//! own form.

use actix_web::{HttpRequest, HttpResponse, web};

use super::form::PageForm;
use super::parameters::{for_person, of_query};
use crate::domain::id::{ClientId, SessionId};
use crate::flow::end_session::{Answer, Decision, decide, perform, told};
use crate::protocol::jws::UnverifiedJws;
use crate::protocol::parameters::Parameters;
use crate::protocol::redirect_uri::RedirectUri;
use crate::store::clients;
use crate::view::pages::{Logout, Message, MessageKind};
use crate::web::browser::Visit;
use crate::web::cookies::{self, Name};
use crate::web::error::Failure;
use crate::web::page::{self, FormTargets, Frame};
use crate::web::{Surface, csrf};

/// What the logout form is bound to: the browser, and the person whose name its page shows. It never signs out somebody else who
/// signed in meanwhile, in another tab.
fn about(visit: &Visit) -> String {
    format!("logout/{}", visit.browser.session.as_ref().map_or("", |(_, user)| user.id.as_str()))
}

/// `GET /logout`.
pub(super) async fn get(surface: web::Data<Surface>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let parameters = of_query(&request).map_err(|invalid| Failure::bad_request(invalid.to_string()))?;
    let visit = Visit::of(&surface, &request).await?;
    respond(&surface, &visit, &parameters, Answer::NotAsked).await
}

/// `POST /logout`: a relying party's request, or the person's yes, which carries our form token. A yes of somebody who is not
/// signed in any more is decided as a request: with nobody there, there is nothing to end, and another person is asked.
pub(super) async fn post(surface: web::Data<Surface>, request: HttpRequest, body: web::Bytes) -> Result<HttpResponse, Failure> {
    let parameters = for_person(&request, &body)?;
    let visit = Visit::of(&surface, &request).await?;
    let ours = csrf::is_valid(&surface, &visit.browser.key, &about(&visit), parameters.get("csrf"));
    if ours && csrf::same_site(&surface, &request) {
        return respond(&surface, &visit, &parameters, Answer::Yes).await;
    }
    // A POST from another site carries no `SameSite=Lax` cookie: a GET of ours finds the session.
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(name, _)| *name != "csrf"));
    let location = format!("/logout?{}", query.finish());
    Ok(HttpResponse::SeeOther().insert_header(("Location", location)).finish())
}

/// `GET /logout/done?session={sid}`: where a logout ends that leads to no app. Which apps are being told is read again from
/// what is stored, so that no address can put names on this page; the browser's cookie says for whom.
pub(super) async fn done(surface: web::Data<Surface>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let visit = Visit::without_session(&surface, &request)?;
    let session = of_query(&request).ok().and_then(|query| query.get("session").map(SessionId::new));
    let told_apps = match session {
        Some(sid) if visit.new_cookie.is_none() => told(&surface.op, &sid, &visit.browser.key).await?,
        _nobody => Vec::new(),
    };
    let message = Message { kind: MessageKind::SignedOut, app: None, return_url: None, told_apps };
    // A browser that is new here stays unknown: it came for nothing that it must be known again for.
    page::answer(&surface, &Visit { new_cookie: None, ..visit }, &message, &Frame::default())
}

/// `POST /logout/stay`: the person's no. Changes nothing, and leads to no app: whoever asked learns nothing of it.
pub(super) async fn stay(surface: web::Data<Surface>, form: PageForm) -> Result<HttpResponse, Failure> {
    form.demand(&about(&form.visit))?;
    Ok(page::see_other(&surface, &form.visit, "/logout/stayed"))
}

/// `GET /logout/stayed`: says what is true now, also when the page is shown again later.
pub(super) async fn stayed(surface: web::Data<Surface>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let visit = Visit::of(&surface, &request).await?;
    let kind = if visit.browser.session.is_some() { MessageKind::StillSignedIn } else { MessageKind::NotSignedIn };
    let message = Message { kind, app: None, return_url: None, told_apps: Vec::new() };
    page::answer(&surface, &visit, &message, &Frame::default())
}

async fn respond(surface: &Surface, visit: &Visit, parameters: &Parameters, answer: Answer) -> Result<HttpResponse, Failure> {
    let current = visit.browser.session.as_ref().map(|(session, _)| session);
    match decide(&surface.op, parameters, current, answer).await? {
        Decision::EndNow { sid, redirect } => {
            let own = current.is_some_and(|session| session.id == sid);
            perform(&surface.op, &sid, &visit.origin).await?;
            signed_out(surface, visit, redirect, own.then_some(&sid))
        }
        Decision::SignedOut { redirect } => signed_out(surface, visit, redirect, None),
        Decision::Ask { fields, client_name } => ask(surface, visit, fields, client_name).await,
        Decision::Refused { hint } => Err(Failure::bad_request(hint)),
    }
}

/// Leads on; `own` is the session that this browser was in.
fn signed_out(
    surface: &Surface,
    visit: &Visit,
    redirect: Option<String>,
    own: Option<&SessionId>,
) -> Result<HttpResponse, Failure> {
    let done = || own.map_or_else(|| "/logout/done".to_owned(), |sid| format!("/logout/done?session={sid}"));
    let mut response = page::see_other(surface, visit, &redirect.unwrap_or_else(done));
    if own.is_some() {
        let gone = cookies::clear(Name::Session, surface.site.https);
        response.add_cookie(&gone).map_err(|_never_malformed| crate::flow::error::Internal::Stopped)?;
    }
    Ok(response)
}

async fn ask(
    surface: &Surface,
    visit: &Visit,
    fields: Vec<(&'static str, String)>,
    app: Option<String>,
) -> Result<HttpResponse, Failure> {
    let account = visit.browser.session.as_ref().map(|(_, user)| user.username.clone()).unwrap_or_default();
    let form_targets = form_targets(surface, &fields).await?;
    let logout = Logout {
        action: "/logout".to_owned(),
        csrf: csrf::token(surface, &visit.browser.key, &about(visit)),
        account,
        app,
        stay_action: Some("/logout/stay".to_owned()),
        hidden: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    };
    page::answer(surface, visit, &logout, &Frame { form_targets, ..Frame::default() })
}

/// The yes leads to the app's page by a redirect, and the form's policy must allow that. The question repeats a URI only
/// where it is registered for the client that the request names, so an `id_token_hint` beside it was verified before.
async fn form_targets(surface: &Surface, fields: &[(&'static str, String)]) -> Result<FormTargets, Failure> {
    let field = |name: &str| fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    let uri = field("post_logout_redirect_uri").and_then(|uri| RedirectUri::parse(uri).ok());
    let Some(uri) = uri else { return Ok(FormTargets::Ourselves) };
    let named = field("client_id").map(str::to_owned).or_else(|| field("id_token_hint").and_then(unchecked_audience));
    let client = match named {
        Some(id) => clients::find(surface.op.store.read(), &ClientId::new(id)).await?,
        None => None,
    };
    Ok(FormTargets::of(&uri, client.is_some_and(|client| client.metadata.forwards)))
}

/// The first audience of an ID token that somebody else has verified.
fn unchecked_audience(id_token: &str) -> Option<String> {
    let claims = UnverifiedJws::parse(id_token).ok()?.claims().ok()?;
    match claims.get("aud")? {
        serde_json::Value::Array(several) => several.first()?.as_str().map(str::to_owned),
        single => single.as_str().map(str::to_owned),
    }
}

//! RP-initiated logout (OIDC RP-Initiated Logout §2, decision 2.16).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::domain::id::SessionId;
use crate::flow::end_session::{Answer, Decision, LogoutRequest, Target, decide, perform, told};
use crate::flow::error::Internal;
use crate::protocol::parameters::Parameters;
use crate::view::pages::{ErrorKind, Logout, Message, MessageKind};
use crate::web::browser::Visit;
use crate::web::cookies::{self, Name};
use crate::web::error::Failure;
use crate::web::form::{PageForm, form_token, is_form_token, of_browser, of_query, same_site};
use crate::web::page::{self, FormTargets, PageOptions};
use crate::web::{HandlerResult, Surface};

/// Names the person whom the page shows: the form never signs out somebody else who signed in meanwhile, in another tab.
fn about(visit: &Visit) -> String {
    format!("logout/{}", visit.browser.session.as_ref().map_or("", |(_, user)| user.id.as_str()))
}

/// What a sealed address holds.
const REQUEST: &str = "logout";
/// The longest sealed request that an address carries: less than what proxies take.
const LONGEST_ADDRESS: usize = 6 * 1024;

pub(super) async fn get(surface: web::Data<Surface>, request: HttpRequest) -> HandlerResult {
    let logout = read(&surface, &of_query(&request))?;
    let visit = Visit::of(&surface, &request).await?;
    respond(&visit, &logout, Answer::NotAsked).await
}

/// `POST /logout`: a relying party's request, or the person's yes, which carries our form token. A yes of somebody who is not
/// signed in any more is decided as a request: with nobody there, there is nothing to end, and another person is asked.
pub(super) async fn post(surface: web::Data<Surface>, request: HttpRequest, body: web::Bytes) -> HandlerResult {
    let parameters = of_browser(&request, &body)?;
    let visit = Visit::of(&surface, &request).await?;
    let ours = is_form_token(&visit, &about(&visit), parameters.get("csrf"));
    if ours && same_site(&surface, &request) {
        // A question that nobody answered for long leads to no app any more.
        let logout = parameters.get("request").and_then(|sealed| opened(&surface, sealed)).unwrap_or_default();
        return respond(&visit, &logout, Answer::Yes).await;
    }
    // A POST from another site carries no `SameSite=Lax` cookie: a GET of ours finds the session. The hint was judged and stays
    // behind: proxies cut long addresses.
    let sealed = sealed(&surface, &read(&surface, &parameters)?)?;
    if sealed.len() > LONGEST_ADDRESS {
        return Err(Failure::bad_request("the request is too long"));
    }
    Ok(HttpResponse::SeeOther().insert_header(("Location", format!("/logout/posted/{sealed}"))).finish())
}

/// `GET /logout/posted/{sealed}`: goes on with a posted request.
pub(super) async fn get_posted(surface: web::Data<Surface>, request: HttpRequest, sealed: web::Path<String>) -> HandlerResult {
    let Some(logout) = opened(&surface, &sealed) else {
        return Err(Failure::page(ErrorKind::Expired, StatusCode::BAD_REQUEST));
    };
    let visit = Visit::of(&surface, &request).await?;
    respond(&visit, &logout, Answer::NotAsked).await
}

fn read(surface: &Surface, parameters: &Parameters) -> Result<LogoutRequest, Failure> {
    LogoutRequest::read(&surface.op, parameters).map_err(|invalid| Failure::bad_request(invalid.to_string()))
}

fn sealed(surface: &Surface, logout: &LogoutRequest) -> Result<String, Internal> {
    let op = &surface.op;
    let until = op.env.now().plus(op.settings.lifetimes.authorization);
    Ok(op.keys.purposes.seal_address(&op.env, REQUEST, logout, until)?)
}

fn opened(surface: &Surface, sealed: &str) -> Option<LogoutRequest> {
    surface.op.keys.purposes.open_address(REQUEST, sealed, surface.op.env.now())
}

/// `GET /logout/done?session={sid}`: where a logout ends that leads to no app. Which apps are being told is read again from
/// what is stored, so that no address can put names on this page; the browser's cookie says for whom.
pub(super) async fn done(surface: web::Data<Surface>, request: HttpRequest) -> HandlerResult {
    let visit = Visit::without_session(&surface, &request)?;
    let session = of_query(&request).get("session").map(SessionId::new);
    let told_apps = match session {
        Some(sid) if !visit.is_new => told(&surface.op, &sid, &visit.browser.key).await?,
        _nobody => Vec::new(),
    };
    let message = Message { told_apps, ..Message::new(MessageKind::SignedOut) };
    // A browser that is new here stays unknown: it came for nothing that it must be known again for.
    page::answer(&Visit { is_new: false, ..visit }, &message, &PageOptions::default())
}

/// `POST /logout/stay`: the person's no. Changes nothing, and leads to no app: whoever asked learns nothing of it.
pub(super) async fn stay(form: PageForm) -> HandlerResult {
    form.demand(&about(&form.visit))?;
    Ok(page::see_other(&form.visit, "/logout/stayed"))
}

/// `GET /logout/stayed`: says what is true now, also when the page is shown again later.
pub(super) async fn stayed(surface: web::Data<Surface>, request: HttpRequest) -> HandlerResult {
    let visit = Visit::of(&surface, &request).await?;
    let kind = if visit.browser.session.is_some() { MessageKind::StillSignedIn } else { MessageKind::NotSignedIn };
    page::answer(&visit, &Message::new(kind), &PageOptions::default())
}

async fn respond(visit: &Visit, logout: &LogoutRequest, answer: Answer) -> HandlerResult {
    let current = visit.browser.session.as_ref().map(|(session, _)| session);
    match decide(visit.op(), logout, current, answer).await? {
        Decision::EndNow { sid, redirect } => {
            let own = current.is_some_and(|session| session.id == sid);
            perform(visit.op(), &sid, &visit.origin).await?;
            signed_out(visit, redirect, own.then_some(&sid))
        }
        Decision::SignedOut { redirect } => signed_out(visit, redirect, None),
        Decision::Ask { target, client_name } => ask(visit, logout, target, client_name),
        Decision::Refused { hint } => Err(Failure::bad_request(hint)),
    }
}

/// Leads on; `own` is the session that this browser was in.
fn signed_out(visit: &Visit, redirect: Option<String>, own: Option<&SessionId>) -> HandlerResult {
    let done = || own.map_or_else(|| "/logout/done".to_owned(), |sid| format!("/logout/done?session={sid}"));
    let ended = own.map(|_| cookies::clear(Name::Session, visit.surface.site.https));
    cookies::with(page::see_other(visit, &redirect.unwrap_or_else(done)), ended)
}

fn ask(visit: &Visit, logout: &LogoutRequest, target: Option<Target>, app: Option<String>) -> HandlerResult {
    // The yes leads to the app's page by a redirect, and the form's policy must allow that.
    let form_targets = target.map_or(FormTargets::Ourselves, |target| FormTargets::of(&target.redirect_uri, target.forwards));
    let account = visit.browser.session.as_ref().map(|(_, user)| user.username.clone()).unwrap_or_default();
    let csrf = form_token(visit, &about(visit));
    let page = Logout { csrf, account, app, hidden: vec![("request".to_owned(), sealed(&visit.surface, logout)?)] };
    page::answer(visit, &page, &PageOptions { form_targets, ..PageOptions::default() })
}

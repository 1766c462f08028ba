//! The phone's pages for people: plain forms that answer with a redirect, so that they work without JavaScript. What things
//! are called is said by the templates.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use minijinja::value::Serde;
use minijinja::{Environment, Error, Value, context};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::api::{self, Outcome};
use super::{Mistake, apps, guard};
use crate::logo::Logo;
use crate::secsign::{Session, normalise};
use crate::simulation::{Simulation, World};
use crate::thumbsignin::{Kind, Transaction};
use crate::{call, clock};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) fn templates() -> Result<Environment<'static>, Error> {
    let mut templates = Environment::new();
    templates.add_template("parts.html", include_str!("../../templates/parts.html"))?;
    templates.add_template("page.html", include_str!("../../templates/page.html"))?;
    Ok(templates)
}

enum Next {
    Show(Value),
    /// A form whose content was no good.
    ShowAgain(Value),
    Go(String),
    Fail(StatusCode, &'static str, String),
}

/// Answers everything below `/phone` but the API; `pieces` is what follows.
pub(super) fn handle(simulation: &Simulation, request: &HttpRequest, pieces: &[&str], body: &[u8]) -> HttpResponse {
    if let Err(refusal) = guard::person(request, &simulation.settings) {
        return send(simulation, refused(refusal));
    }
    let is_local = guard::is_local(request);
    let form = call::form_pairs(&call::text(body)).into_iter().filter(|(_, value)| !value.is_empty());
    let form: HashMap<String, String> = form.collect();
    let world = &mut *simulation.world();
    let next = match (request.method().as_str(), pieces) {
        ("GET", ["assets", name]) => return asset(name),
        ("GET", []) => phones(world, is_local),
        (_, ["apps", ..]) if !is_local => refused("applications are shown on the simulator's own machine only"),
        ("GET", ["apps"]) => applications(world, None),
        ("GET", ["apps", id]) => application(world, id),
        ("POST", ["apps"]) => match apps::create_by_form(world, request, body) {
            Ok(id) => Next::Go(format!("/phone/apps/{id}")),
            Err(mistake) => applications(world, Some(mistake)),
        },
        ("GET", ["secsign", id]) => secsign_phone(world, &normalise(id)),
        ("POST", ["secsign", id]) => {
            let done = said(&form).map(|action| api::change_identity(world, id, action));
            go_on(done, "secsign", &normalise(id))
        }
        ("POST", ["secsign", id, "sessions", session]) => {
            let done = said(&form).map(|action| api::act_on_session(world, id, session, &action));
            go_on(done, "secsign", &normalise(id))
        }
        ("GET", ["thumbsignin", user]) => thumbsignin_phone(world, user),
        ("GET", ["t", id]) => transaction(world, id),
        ("POST", ["t", id]) => {
            let done = said(&form).map(|action| api::act_on_transaction(world, id, &action));
            let (page, whose) = form.get("back").map_or(("t", *id), |user| ("thumbsignin", user.as_str()));
            go_on(done, page, whose)
        }
        ("POST", ["scan"]) => match api::transaction_in(form.get("content").map_or("", String::as_str)) {
            Some(id) => Next::Go(format!("/phone/t/{}", utf8_percent_encode(id, NON_ALPHANUMERIC))),
            None => failed("Not a code of ours", "This is not the link of a sign-in request."),
        },
        _ => failed("Nothing here", "There is no such page on this phone."),
    };
    send(simulation, next)
}

fn phones(world: &mut World, is_local: bool) -> Next {
    let now = world.clock.now_ms();
    let ids: Vec<String> = world.secsign.ids.keys().cloned().collect();
    let mut secsign = Vec::new();
    for name in ids {
        let Some(identity) = world.secsign.identity(now, &name) else { continue };
        let waiting = identity.sessions.iter().filter(|session| session.is_open()).count();
        secsign.push(context! { name, waiting, frozen => identity.frozen });
    }
    let open: Vec<Transaction> = world.thumbsignin.transactions(now).filter(|asked| asked.status.is_open()).cloned().collect();
    let phone = |name: &str| {
        let waiting = open.iter().filter(|asked| asked.user.as_deref() == Some(name)).count();
        context! { name, waiting }
    };
    let thumbsignin: Vec<Value> = world.thumbsignin.users().into_iter().map(phone).collect();
    let codes = open.iter().rev().filter(|asked| asked.user.is_none()).map(|asked| shown_transaction(world, asked, now));
    Next::Show(context! { page => "phones", secsign, thumbsignin, codes => codes.collect::<Vec<_>>(), is_local })
}

/// All applications, and the form for another one; with what was wrong with it and what it said.
fn applications(world: &World, mistake: Option<(Mistake, apps::Texts)>) -> Next {
    let apps = Serde(apps::list(world));
    match mistake {
        None => Next::Show(context! { page => "apps", apps }),
        Some((Mistake(_, _, problem), said)) => {
            Next::ShowAgain(context! { page => "apps", apps, problem, said => Serde(said) })
        }
    }
}

fn application(world: &World, id: &str) -> Next {
    let Some(app) = world.thumbsignin.app(id) else {
        return failed("Unknown application", "There is no application of that id: a restart forgets them.");
    };
    let devices = app.users.iter().flat_map(|(user, devices)| devices.iter().map(move |device| (user, device)));
    let phones: Vec<Value> = devices.map(|(user, device)| context! { user, device => &device.name }).collect();
    Next::Show(context! { page => "app", app => Serde(apps::app_json(app)), phones })
}

/// The phone of a SecSign ID; where the ID does not exist, a phone on which it could be created.
fn secsign_phone(world: &mut World, id: &str) -> Next {
    let now = world.clock.now_ms();
    let identity = world.secsign.identity(now, id);
    let show = |session: &Session| {
        let symbols = session.pass.iter().flat_map(|pass| pass.symbols());
        context! {
            open => session.is_open(),
            asked => clock::iso(session.created_ms),
            expires_in => clock::seconds_left(now, session.expires_ms),
            symbols => symbols.map(|(_, symbol)| context! { name => symbol.name, image => symbol.png_base64.as_str() }).collect::<Vec<_>>(),
            ..Serde(api::session_json(session))
        }
    };
    let requests: Vec<Value> = identity.iter().flat_map(|identity| identity.sessions.iter().map(show)).collect();
    let exists = identity.is_some();
    let (frozen, on_phones) = identity.map_or((false, 0), |identity| (identity.frozen, identity.devices));
    Next::Show(context! { page => "secsign", id, exists, frozen, on_phones, requests })
}

fn thumbsignin_phone(world: &mut World, user: &str) -> Next {
    let now = world.clock.now_ms();
    let all = world.thumbsignin.transactions(now).filter(|asked| asked.user.as_deref() == Some(user));
    let all: Vec<Transaction> = all.cloned().collect();
    let requests: Vec<Value> = all.iter().map(|asked| shown_transaction(world, asked, now)).collect();
    Next::Show(context! { page => "thumbsignin", user, devices => Serde(apps::devices(world, Some(user))), requests })
}

/// Where QR codes and deep links lead.
fn transaction(world: &mut World, id: &str) -> Next {
    let now = world.clock.now_ms();
    let Some(asked) = world.thumbsignin.transaction(now, id).cloned() else {
        let text = "The phone service does not know this request. It may have been made by another server.";
        return failed("Unknown code", text);
    };
    let holders: Vec<String> = world.thumbsignin.users().into_iter().map(str::to_owned).collect();
    Next::Show(context! { page => "transaction", holders, request => shown_transaction(world, &asked, now) })
}

/// With the phones that its user could take for a registration a second time.
fn shown_transaction(world: &World, asked: &Transaction, now: i64) -> Value {
    let app = world.thumbsignin.app(&asked.app);
    let registered = asked.user.as_deref().filter(|_| asked.kind == Kind::Register);
    let phones = registered.and_then(|user| Some(app?.devices(user))).unwrap_or_default();
    context! {
        app => app.map(|app| app.about.name.as_str()),
        logo => app.and_then(|app| app.about.logo.as_ref()).map(Logo::as_url),
        phones => phones.iter().map(|phone| context! { id => &phone.id, name => &phone.name }).collect::<Vec<_>>(),
        open => asked.status.is_open(),
        browser => asked.browser.as_deref().and_then(browser_name),
        asked => clock::iso(asked.created_ms),
        ..Serde(api::transaction_json(asked, now))
    }
}

/// What a form asks for, in the words of the API: its button is the action, and whoever taps a symbol approves.
fn said<T: DeserializeOwned>(form: &HashMap<String, String>) -> Option<T> {
    let button = form.get("decision").or_else(|| form.get("action"));
    let action = if form.contains_key("symbol") { "approve" } else { button?.as_str() };
    let mut said = json!(form);
    said["action"] = json!(action);
    serde_json::from_value(said).ok()
}

/// To a page that shows what became of it: a request that is over in the meantime needs no error.
fn go_on(done: Option<Outcome>, page: &str, whose: &str) -> Next {
    match done {
        Some(_outcome) => Next::Go(format!("/phone/{page}/{}", utf8_percent_encode(whose, NON_ALPHANUMERIC))),
        None => failed("Nothing to do", "The form did not say what to do."),
    }
}

/// What a browser calls itself, in a word that people know.
fn browser_name(user_agent: &str) -> Option<String> {
    let find = |marks: [&str; 6], names: [&'static str; 6]| {
        marks.into_iter().zip(names).find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| name)
    };
    let browser = find(
        ["Edg/", "OPR/", "Firefox/", "Chrome/", "Safari/", "curl/"],
        ["Edge", "Opera", "Firefox", "Chrome", "Safari", "curl"],
    )?;
    let system = find(
        ["Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux"],
        ["Android", "iPhone", "iPad", "Windows", "macOS", "Linux"],
    );
    Some(system.map_or_else(|| browser.to_owned(), |system| format!("{browser} on {system}")))
}

fn refused(why: &str) -> Next {
    Next::Fail(StatusCode::FORBIDDEN, "Not from here", format!("This was refused: {why}."))
}

fn failed(title: &'static str, text: &str) -> Next {
    Next::Fail(StatusCode::NOT_FOUND, title, text.to_owned())
}

fn send(simulation: &Simulation, next: Next) -> HttpResponse {
    let (status, page) = match next {
        Next::Go(location) => return guarded(StatusCode::SEE_OTHER).insert_header((LOCATION, location)).finish(),
        Next::Show(page) => (StatusCode::OK, page),
        Next::ShowAgain(page) => (StatusCode::BAD_REQUEST, page),
        Next::Fail(status, title, text) => (status, context! { page => "message", title, text }),
    };
    match simulation.pages.get_template("page.html").and_then(|template| template.render(page)) {
        Ok(html) => guarded(status).insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).body(html),
        Err(error) => {
            tracing::error!(%error, "a page of the virtual phone could not be rendered");
            guarded(StatusCode::INTERNAL_SERVER_ERROR).finish()
        }
    }
}

fn guarded(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    // Such referrers keep the `Origin` header on our own forms, which the guard checks.
    response.insert_header((REFERRER_POLICY, "same-origin")).insert_header((CONTENT_SECURITY_POLICY, POLICY));
    response
}

fn asset(name: &str) -> HttpResponse {
    let (kind, text) = match name {
        "phone.css" => ("text/css; charset=utf-8", include_str!("../../assets/phone.css")),
        "phone.js" => ("text/javascript; charset=utf-8", include_str!("../../assets/phone.js")),
        _ => return guarded(StatusCode::NOT_FOUND).finish(),
    };
    guarded(StatusCode::OK).insert_header((CONTENT_TYPE, kind)).body(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_called_by_the_names_that_people_know() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/66.0.3359.139 Safari/537.36";
        assert_eq!(browser_name(chrome).as_deref(), Some("Chrome on Linux"));
        assert_eq!(browser_name("curl/8.1").as_deref(), Some("curl"));
        assert_eq!(browser_name("something"), None);
    }

    #[test]
    fn text_from_services_cannot_become_markup() {
        let message = context! { page => "message", title => "Hello", text => "<script>alert(1)</script>" };
        let html = templates().unwrap().get_template("page.html").unwrap().render(message).unwrap();
        assert!(html.contains("&lt;script&gt;alert(1)"), "{html}");
        assert!(!html.contains("<script>alert"));
    }
}

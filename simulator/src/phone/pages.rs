//! The phone's pages for people: plain forms that answer with a redirect, so that they work without JavaScript.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::views::{Message, Pages, Phone, Phones, Request, SecSignPhone, ThumbSignInPhone, TransactionPage};
use super::{api, guard};
use crate::secsign::{self, Identity, normalise};
use crate::simulation::{Simulation, World};
use crate::thumbsignin;
use crate::upstream;

/// `same-origin` referrers keep the `Origin` header on our own forms, which the guard checks.
const HEADERS: [(HeaderName, &str); 4] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
];

/// Where a request leads: a page to show, or one to go to.
enum Next {
    Show(Result<String, minijinja::Error>),
    Go(String),
    Fail(StatusCode, Message),
}

/// Answers everything below `/phone` but the API; `pieces` is what follows.
pub(super) fn handle(
    simulation: &Arc<Simulation>,
    pages: &Pages,
    request: &HttpRequest,
    pieces: &[&str],
    body: &[u8],
) -> HttpResponse {
    if let Err(refusal) = guard::person(request, &simulation.settings) {
        let message = Message { title: "Not from here", text: format!("This was refused: {refusal}.") };
        return send(pages, Next::Fail(StatusCode::FORBIDDEN, message));
    }
    let form: HashMap<String, String> = upstream::form_pairs(&upstream::text(body)).into_iter().collect();
    let mut site = Site { simulation, pages, world: &mut simulation.world() };
    let next = match (request.method().as_str(), pieces) {
        ("GET", ["assets", name]) => return asset(name),
        ("GET", []) => site.phones(),
        ("GET", ["secsign", id]) => site.secsign(&normalise(id)),
        ("POST", ["secsign", id]) => site.change_identity(&normalise(id), &form),
        ("POST", ["secsign", id, "sessions", session]) => site.decide_session(&normalise(id), session, &form),
        ("GET", ["thumbsignin", user]) => site.thumbsignin(user),
        ("GET", ["t", id]) => site.transaction(id),
        ("POST", ["t", id]) => site.decide_transaction(id, &form),
        ("POST", ["scan"]) => match api::transaction_in(form.get("content").map_or("", String::as_str)) {
            Some(id) => Next::Go(format!("/phone/t/{}", encode(id))),
            None => failed("Not a code of ours", "This is not the link of a sign-in request."),
        },
        _ => failed("Nothing here", "There is no such page on this phone."),
    };
    send(pages, next)
}

/// What the pages are made of.
struct Site<'a> {
    simulation: &'a Simulation,
    pages: &'a Pages,
    world: &'a mut World,
}

impl Site<'_> {
    fn show(&self, name: &str, page: &impl Serialize) -> Next {
        Next::Show(self.pages.render(name, page))
    }

    /// The transactions that a page lists, newest first.
    fn requests(&mut self, wanted: impl Fn(Option<&str>) -> bool) -> Vec<Request> {
        let now = self.world.clock.now_ms();
        let app = &self.simulation.settings.options.app_name;
        let all = self.world.thumbsignin.transactions(now).filter(|transaction| wanted(transaction.user.as_deref()));
        let mut requests: Vec<_> = all.map(|transaction| Request::new(transaction, app, now)).collect();
        requests.reverse();
        requests
    }

    fn phones(&mut self) -> Next {
        let now = self.world.clock.now_ms();
        let ids: Vec<String> = self.world.secsign.names().map(str::to_owned).collect();
        let secsign: Vec<Phone> =
            ids.into_iter().map(|name| phone(name.clone(), self.world.secsign.identity(now, &name))).collect();
        let mut waiting: HashMap<String, usize> = HashMap::new();
        let (mut codes, mut version) = (Vec::new(), String::new());
        for request in self.requests(|_| true).into_iter().filter(Request::is_open) {
            match request.user() {
                Some(user) => *waiting.entry(user.to_owned()).or_default() += 1,
                None => codes.push(request),
            }
        }
        let users = self.world.thumbsignin.users();
        let thumbsignin: Vec<Phone> = users
            .map(|name| Phone { name: name.to_owned(), waiting: waiting.remove(name).unwrap_or_default(), frozen: false })
            .collect();
        for phone in secsign.iter().chain(&thumbsignin) {
            version.push_str(&format!("{}:{}{} ", phone.name, phone.waiting, phone.frozen));
        }
        version.extend(codes.iter().map(|code| code.version() + " "));
        self.show("phones.html", &Phones { version, secsign, thumbsignin, codes })
    }

    fn secsign(&mut self, id: &str) -> Next {
        let now = self.world.clock.now_ms();
        let lifetime = i64::try_from(self.simulation.settings.options.secsign_lifetime.as_millis()).unwrap_or(i64::MAX);
        let page = SecSignPhone::new(id, self.world.secsign.identity(now, id), now, lifetime);
        self.show("secsign.html", &page)
    }

    fn change_identity(&mut self, id: &str, form: &HashMap<String, String>) -> Next {
        match form.get("action").map(String::as_str) {
            Some("unfreeze") => {
                self.world.secsign.unfreeze(id);
            }
            Some("create") => self.world.secsign.create_id(id),
            _ => return failed("Nothing to do", "The form did not say what to do."),
        }
        Next::Go(format!("/phone/secsign/{}", encode(id)))
    }

    /// A request that is over in the meantime needs no error: the page shows what became of it.
    fn decide_session(&mut self, id: &str, session: &str, form: &HashMap<String, String>) -> Next {
        let action = match (form.get("symbol"), form.get("decision").map(String::as_str)) {
            (Some(symbol), _) => secsign::PhoneAction::Approve { symbol: Some(symbol.clone()) },
            (None, Some("approve")) => secsign::PhoneAction::Approve { symbol: None },
            (None, Some("fetch")) => secsign::PhoneAction::Fetch,
            (None, Some("deny")) => secsign::PhoneAction::Deny,
            _ => return failed("Nothing to do", "The form did not say what to do."),
        };
        if let Ok(number) = session.parse() {
            self.world.secsign.act(self.world.clock.now_ms(), (id, number), &action).ok();
        }
        Next::Go(format!("/phone/secsign/{}", encode(id)))
    }

    fn thumbsignin(&mut self, user: &str) -> Next {
        let (requests, recent): (Vec<_>, Vec<_>) =
            self.requests(|asked| asked == Some(user)).into_iter().partition(Request::is_open);
        let recent: Vec<_> = recent.into_iter().take(5).collect();
        let version: Vec<String> = requests.iter().chain(&recent).map(Request::version).collect();
        let page = ThumbSignInPhone {
            version: version.join(" "),
            user: user.to_owned(),
            devices: self.world.thumbsignin.devices(user).len(),
            requests,
            recent: recent.into_iter().map(Request::recent).collect(),
        };
        self.show("thumbsignin.html", &page)
    }

    fn transaction(&mut self, id: &str) -> Next {
        let now = self.world.clock.now_ms();
        let app = &self.simulation.settings.options.app_name;
        let Some(request) = self.world.thumbsignin.transaction(now, id).map(|transaction| Request::new(transaction, app, now))
        else {
            return failed(
                "Unknown code",
                "The phone service does not know this request. It may have been made by another server.",
            );
        };
        let holders: Vec<&str> = self.world.thumbsignin.users().collect();
        let page = TransactionPage { version: request.version(), holders, request };
        self.show("transaction.html", &page)
    }

    fn decide_transaction(&mut self, id: &str, form: &HashMap<String, String>) -> Next {
        let user = form.get("userId").filter(|user| !user.is_empty()).cloned();
        let action = match form.get("decision").map(String::as_str) {
            Some("approve") => thumbsignin::PhoneAction::Approve { user },
            Some("decline") => thumbsignin::PhoneAction::Decline,
            Some("scan") => thumbsignin::PhoneAction::Scan,
            _ => return failed("Nothing to do", "The form did not say what to do."),
        };
        self.world.thumbsignin.act(self.world.clock.now_ms(), id, &action).ok();
        Next::Go(match form.get("back") {
            Some(user) => format!("/phone/thumbsignin/{}", encode(user)),
            None => format!("/phone/t/{}", encode(id)),
        })
    }
}

fn phone(name: String, identity: Option<&Identity>) -> Phone {
    let waiting = identity.map_or(0, |identity| identity.sessions.iter().filter(|session| session.is_open()).count());
    Phone { name, waiting, frozen: identity.is_some_and(|identity| identity.frozen) }
}

fn encode(piece: &str) -> String {
    utf8_percent_encode(piece, NON_ALPHANUMERIC).to_string()
}

fn failed(title: &'static str, text: &str) -> Next {
    Next::Fail(StatusCode::NOT_FOUND, Message { title, text: text.to_owned() })
}

fn send(pages: &Pages, next: Next) -> HttpResponse {
    let (status, page) = match next {
        Next::Go(location) => return guarded(StatusCode::SEE_OTHER).insert_header((LOCATION, location)).finish(),
        Next::Show(page) => (StatusCode::OK, page),
        Next::Fail(status, message) => (status, pages.render("message.html", &message)),
    };
    match page {
        Ok(html) => guarded(status).insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).body(html),
        Err(error) => {
            tracing::error!(%error, "a page of the virtual phone could not be rendered");
            guarded(StatusCode::INTERNAL_SERVER_ERROR).finish()
        }
    }
}

fn guarded(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    for header in HEADERS {
        response.insert_header(header);
    }
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

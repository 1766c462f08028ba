//! What the pages show, and their templates.

use minijinja::Environment;
use serde::Serialize;

use crate::clock::Utc;
use crate::secsign::{self, Identity, Session};
use crate::thumbsignin::{Kind, Status, Transaction};

/// Decided requests that a page still lists.
const RECENT: usize = 5;

/// The templates.
pub(crate) struct Pages(Environment<'static>);

impl Pages {
    /// Reads all templates.
    pub(crate) fn load() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.add_template("base.html", include_str!("../../templates/base.html"))?;
        environment.add_template("phones.html", include_str!("../../templates/phones.html"))?;
        environment.add_template("secsign.html", include_str!("../../templates/secsign.html"))?;
        environment.add_template("thumbsignin.html", include_str!("../../templates/thumbsignin.html"))?;
        environment.add_template("transaction.html", include_str!("../../templates/transaction.html"))?;
        environment.add_template("recent.html", include_str!("../../templates/recent.html"))?;
        environment.add_template("request.html", include_str!("../../templates/request.html"))?;
        environment.add_template("thumb.svg", include_str!("../../templates/thumb.svg"))?;
        environment.add_template("message.html", include_str!("../../templates/message.html"))?;
        Ok(Self(environment))
    }

    /// Renders a page. Its version changes whenever something on it does that a person should see at once.
    pub(super) fn render(&self, name: &str, page: &impl Serialize) -> Result<String, minijinja::Error> {
        self.0.get_template(name)?.render(minijinja::value::Serde(page))
    }
}

/// A moment, for people and for programs.
#[derive(Serialize)]
pub(super) struct Moment {
    iso: String,
    time: String,
}

impl Moment {
    fn at(ms: i64) -> Self {
        let utc = Utc::from_ms(ms);
        Self { iso: utc.iso(), time: utc.time() }
    }
}

/// `/phone`: whose phone?
#[derive(Serialize)]
pub(super) struct Phones {
    pub(super) version: String,
    pub(super) secsign: Vec<Phone>,
    pub(super) thumbsignin: Vec<Phone>,
    pub(super) codes: Vec<Request>,
}

/// One phone in the list.
#[derive(Serialize)]
pub(super) struct Phone {
    pub(super) name: String,
    pub(super) waiting: usize,
    pub(super) frozen: bool,
}

/// `/phone/secsign/{id}`.
#[derive(Serialize)]
pub(super) struct SecSignPhone {
    version: String,
    id: String,
    exists: bool,
    frozen: bool,
    requests: Vec<SecSignRequest>,
    recent: Vec<Recent>,
}

#[derive(Serialize)]
struct SecSignRequest {
    id: String,
    service: String,
    address: String,
    asked: Moment,
    expires_in: i64,
    fetched: bool,
    symbols: Vec<Symbol>,
    transaction: Option<(String, String)>,
}

#[derive(Serialize)]
struct Symbol {
    name: &'static str,
    image: &'static str,
}

/// A request that was decided.
#[derive(Serialize)]
pub(super) struct Recent {
    what: String,
    outcome: &'static str,
    good: bool,
    asked: Moment,
}

impl SecSignPhone {
    /// The phone of an ID as it is now; without an identity, a phone on which the ID could be created.
    pub(super) fn new(id: &str, identity: Option<&Identity>, now: i64, lifetime_ms: i64) -> Self {
        let sessions = identity.map_or(&[][..], |identity| identity.sessions.as_slice());
        let frozen = identity.is_some_and(|identity| identity.frozen);
        let states: Vec<String> = sessions.iter().map(|session| format!("{}:{}", session.id, session.state)).collect();
        Self {
            version: format!("{}{frozen} {}", identity.is_some(), states.join(" ")),
            id: id.to_owned(),
            exists: identity.is_some(),
            frozen,
            requests: sessions
                .iter()
                .filter(|session| session.is_open())
                .map(|session| request(session, now, lifetime_ms))
                .collect(),
            recent: sessions.iter().rev().filter(|session| !session.is_open()).take(RECENT).map(decided).collect(),
        }
    }
}

fn request(session: &Session, now: i64, lifetime_ms: i64) -> SecSignRequest {
    let symbols = session.pass.iter().flat_map(|pass| pass.symbols());
    SecSignRequest {
        id: session.id.to_string(),
        service: session.service_name.clone(),
        address: session.service_address.clone(),
        asked: Moment::at(session.created_ms),
        expires_in: (session.created_ms.saturating_add(lifetime_ms).saturating_sub(now) / 1000).max(0),
        fetched: session.state == secsign::FETCHED,
        symbols: symbols.map(|(_, symbol)| Symbol { name: symbol.name, image: &symbol.png_base64 }).collect(),
        transaction: session.transaction.clone(),
    }
}

fn decided(session: &Session) -> Recent {
    let outcome = match session.state {
        secsign::AUTHENTICATED => "Approved",
        secsign::DENIED => "Denied",
        secsign::EXPIRED => "Expired",
        secsign::SUSPENDED => "Withdrawn: another request came in",
        secsign::CANCELED => "Withdrawn by the service",
        _ => "Invalid",
    };
    Recent {
        what: session.service_name.clone(),
        outcome,
        good: session.state == secsign::AUTHENTICATED,
        asked: Moment::at(session.created_ms),
    }
}

/// `/phone/thumbsignin/{user}`.
#[derive(Serialize)]
pub(super) struct ThumbSignInPhone {
    pub(super) version: String,
    pub(super) user: String,
    pub(super) devices: usize,
    pub(super) requests: Vec<Request>,
    pub(super) recent: Vec<Recent>,
}

/// A ThumbSignIn transaction as a phone shows it.
#[derive(Serialize)]
pub(super) struct Request {
    pub(super) id: String,
    app: String,
    registers: bool,
    user: Option<String>,
    status: &'static str,
    open: bool,
    outcome: String,
    good: bool,
    browser: Option<String>,
    asked: Moment,
    expires_in: i64,
}

impl Request {
    /// A transaction of the given application as it stands now.
    pub(super) fn new(transaction: &Transaction, app: &str, now: i64) -> Self {
        Self {
            id: transaction.id.clone(),
            app: app.to_owned(),
            registers: transaction.kind == Kind::Register,
            user: transaction.user.clone(),
            status: transaction.status.name(),
            open: transaction.status.is_open(),
            outcome: outcome(&transaction.status).to_owned(),
            good: matches!(transaction.status, Status::Successful(_)),
            browser: transaction.browser.as_deref().and_then(browser_name),
            asked: Moment::at(transaction.created_ms),
            expires_in: transaction.expires_in(now),
        }
    }

    /// True while a phone may still decide.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Who is asked, if anybody by name.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// What changes about it that a person should see at once.
    pub(super) fn version(&self) -> String {
        format!("{}:{}", self.id, self.status)
    }

    /// The same as a line in the list of past requests.
    pub(super) fn recent(self) -> Recent {
        let what = if self.registers { format!("{}: add this phone", self.app) } else { self.app };
        let outcome = if self.good { "Approved" } else { "Not approved" };
        Recent { what, outcome, good: self.good, asked: self.asked }
    }
}

fn outcome(status: &Status) -> &str {
    match status {
        Status::Pending | Status::Initiated => "",
        Status::Successful(_) => "Approved",
        Status::Failed(reason) => match reason.as_str() {
            "DECLINED" => "Declined",
            "CANCELLED" => "The site withdrew the request",
            "TIMEOUT" => "The request has expired",
            "NOT_REGISTERED" => "This phone is not registered",
            "ALREADY_REGISTERED" => "This phone is registered already",
            "NO_SUITABLE_AUTHENTICATOR" => "This phone has no fingerprint sensor",
            _ => "Something went wrong on the phone",
        },
    }
}

/// What a browser calls itself, in a word that people know.
fn browser_name(user_agent: &str) -> Option<String> {
    let find = |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    let browser = find(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ])?;
    let system = find(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    Some(system.map_or_else(|| browser.to_owned(), |system| format!("{browser} on {system}")))
}

/// `/phone/t/{transactionId}`: where QR codes and deep links lead.
#[derive(Serialize)]
pub(super) struct TransactionPage<'a> {
    pub(super) version: String,
    pub(super) holders: Vec<&'a str>,
    pub(super) request: Request,
}

/// A page that says one thing.
#[derive(Serialize)]
pub(super) struct Message {
    pub(super) title: &'static str,
    pub(super) text: String,
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
        let pages = Pages::load().unwrap();
        let message = Message { title: "Hello", text: "<script>alert(1)</script>".to_owned() };
        let html = pages.render("message.html", &message).unwrap();
        assert!(html.contains("&lt;script&gt;alert(1)"), "{html}");
        assert!(!html.contains("<script>alert"));
    }
}

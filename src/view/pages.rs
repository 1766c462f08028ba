//! The pages, one struct each. What a struct does not hold, its page cannot show: no secret has a field here, and an upstream
//! session id only within a link into its app (decision 2.2). How a page looks, and where its forms post to, its template says.
//!
//! Every `csrf` comes from the surface; every form is answered by 303 (design 3).

use serde::Serialize;

use super::Page;
use crate::domain::id::{AuthorizationId, LoginId};
use crate::domain::login::Challenge;
use crate::domain::user::Upstream;
use crate::protocol::named::parsed_enum;

/// Which template shows which page.
macro_rules! templates {
    ($($page:ident: $template:literal),+ $(,)?) => {
        $(impl Page for $page {
            const TEMPLATE: &'static str = $template;
        })+
    };
}

templates! {
    Choose: "choose.html",
    Identify: "identify.html",
    Wait: "wait.html",
    Declined: "declined.html",
    Consent: "consent.html",
    Logout: "logout.html",
    FormPost: "form_post.html",
    Message: "message.html",
    Home: "home.html",
    ErrorPage: "error.html",
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AppInfo {
    pub name: String,
    /// The path of its logo, which we serve.
    pub logo: Option<String>,
    /// The host of this authorization's redirect URI: the part of an app's word about itself that is checked.
    /// Empty for apps on this machine with a scheme of their own.
    pub host: String,
    /// Its home page (`client_uri`), shown where it is http or https.
    pub client_uri: Option<String>,
}

/// "How would you like to sign in?": one form with a button `provider` per service. Skipped where there is only one.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Choose {
    pub app: AppInfo,
    pub interaction: AuthorizationId,
    pub providers: Vec<Upstream>,
    pub csrf: String,
}

/// "Who are you?": the question before a phone is asked (decision 2.3). A push starts only from this page's POST (2.7). Its
/// first button goes on with the input `identifier`; a button `unnamed` beside it, with a QR code and no name.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Identify {
    pub app: AppInfo,
    pub interaction: AuthorizationId,
    pub provider: Upstream,
    pub csrf: String,
    /// What the input holds at first: the remembered name, `login_hint`, or what was typed; else empty.
    pub identifier: String,
    pub remembered: bool,
    /// Whether a QR code without a name is offered (`[thumbsignin] allow_unnamed`).
    pub allow_unnamed: bool,
    /// As that of [`Wait`].
    pub has_other_method: bool,
    pub error: Option<IdentifyError>,
}

parsed_enum! {
    /// What can be said about an identifier without telling who exists here.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub(crate) enum IdentifyError {
        Missing = "missing",
        /// No name can look like that (`domain::user::canonical_identifier`).
        Malformed = "malformed",
    }
}

/// A login. Every state and reason of the mapping in design 3 has words of its own.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wait {
    pub app: AppInfo,
    pub login: LoginId,
    pub provider: Upstream,
    /// How far it is (`LoginStage::state`), and why it failed or was withdrawn.
    pub state: &'static str,
    pub reason: Option<&'static str>,
    /// The name that was asked for, as it was typed; `None` for a QR code without a name.
    pub account: Option<String>,
    /// Who approved a login without a name; shown so that the person can say "not me" before going on (decision 2.3).
    pub approved_account: Option<String>,
    /// What the upstream sent to show; `None` while it is being created and once it is over. Its link goes out unchanged, unless
    /// it would run in our own origin.
    pub challenge: Option<Challenge>,
    /// A link of our own into the app on the same phone, beside an access pass (decision 2.2).
    pub app_link: Option<String>,
    /// Seconds until the login expires; 0 once it is over.
    pub expires_in_seconds: u64,
    /// Whether there is another service to choose (L14): one that may answer this request and is not known to be down.
    pub has_other_method: bool,
    pub csrf: String,
    /// Whether somebody wanted to go on just now, before the phone approved.
    pub too_early: bool,
    /// Whether the script goes on by itself after the approval; never for a login without a name.
    pub auto_continue: bool,
}

/// "You declined a request to sign in": after a login, whether what was declined elsewhere was theirs. `form#declined` with the
/// buttons `decision` = `mine` | `not_mine`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Declined {
    pub app: AppInfo,
    pub interaction: AuthorizationId,
    pub csrf: String,
    pub account: String,
    /// When the latest of them was declined, in milliseconds: a later one is another question.
    pub until: i64,
    pub requests: Vec<DeclinedRequest>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DeclinedRequest {
    /// As text, in UTC.
    pub at: String,
    /// `None`: of none that is still here.
    pub app: Option<String>,
    /// `None`: it said nothing of itself.
    pub browser: Option<String>,
    pub address: String,
}

/// "May this app know …?": what an app will be told, in plain words with the actual values (C1). `form#consent` with the buttons
/// `decision` = `allow` | `deny`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Consent {
    pub app: AppInfo,
    pub interaction: AuthorizationId,
    pub csrf: String,
    pub account: String,
    pub scopes: Vec<ScopeLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ScopeLine {
    pub scope: String,
    /// Whether it has words of its own: those of `protocol::scope::KNOWN` have.
    pub known: bool,
    /// What the app will read: the address, the group names. `None` where there is nothing to show.
    pub value: Option<String>,
    /// Whether an earlier consent did not cover it.
    pub new: bool,
}

/// "Sign out?": `form#logout`, unless a valid hint already says who asks (decision 2.16; OIDC RP-Initiated Logout §2).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Logout {
    pub csrf: String,
    pub account: String,
    pub app: Option<String>,
    /// The request's own parameters, to be sent along.
    pub hidden: Vec<(String, String)>,
}

/// The answer of an authorization (OAuth 2.0 Form Post Response Mode §2). Sent by a script that carries
/// the nonce, by a button where there is none.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FormPost {
    /// The app's own address.
    pub action: String,
    pub app: String,
    pub fields: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MessageKind {
    SignedOut,
    StillSignedIn,
    NotSignedIn,
    /// This sign-in was completed before: the back button, a second tab.
    AlreadyDone,
    Cancelled,
}

/// The end of a flow.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    pub kind: MessageKind,
    pub app: Option<String>,
    /// Where the link back to the app leads: http or https only, and only to what the app registered.
    pub return_url: Option<String>,
    /// The other apps that are being told about a sign-out, by name (C3).
    pub told_apps: Vec<String>,
}

impl Message {
    pub(crate) fn new(kind: MessageKind) -> Self {
        Self { kind, app: None, return_url: None, told_apps: Vec::new() }
    }
}

/// The root of the issuer: what this place is, and for whoever is signed in, who that is and where they can go from here.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Home {
    pub account: Option<String>,
    /// The apps that have a page to begin at (`client_uri`), shown where that is http or https.
    pub apps: Vec<AppLink>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AppLink {
    pub name: String,
    pub logo: Option<String>,
    pub url: String,
}

/// What kind of failure it is: each has a headline and a next step of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorKind {
    /// The app's request cannot be answered, nor may the person be sent back with the error: unknown client, bad redirect
    /// URI, duplicate or missing parameters.
    BadRequest,
    /// The browser that began this sign-in is not this one: its cookie is missing (decision 2.2).
    OtherBrowser,
    /// The sign-in took too long or is unknown.
    Expired,
    Forged,
    /// Signed in, but not allowed: locked, or not for this app.
    Forbidden,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    /// Something that we depend on does not answer.
    Unavailable,
    Internal,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ReturnLink {
    pub name: String,
    /// Where it starts a sign-in (`initiate_login_uri`, `client_uri`): http or https only.
    pub url: String,
}

/// What went wrong, what to do about it, and a reference under which the log has the rest (C2).
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorPage {
    pub kind: ErrorKind,
    pub status: u16,
    /// Safe technical words for whoever integrates the app (`redirect_uri is not registered`); never from an upstream or
    /// the database.
    pub detail: Option<String>,
    /// Empty until the page is made.
    pub reference_id: String,
    pub return_to: Option<ReturnLink>,
}

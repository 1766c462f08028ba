//! Examples of everything that each page can show; the tests render them all.

use super::wait_samples;
use crate::domain::id::AuthorizationId;
use crate::domain::user::Upstream;
use crate::protocol::scope::KNOWN;
use crate::view::Page;
use crate::view::pages::{
    AppInfo, AppLink, Choose, Consent, Declined, DeclinedRequest, ErrorKind, ErrorPage, FormPost, Home, Identify,
    IdentifyError, Logout, Message, MessageKind, ReturnLink, ScopeLine, Wait,
};

/// An example of a page.
pub(super) struct Sample<P> {
    /// What it is an example of: lower case, usable as a file name.
    pub(super) name: String,
    pub(super) page: P,
}

impl<P> Sample<P> {
    pub(super) fn new(name: impl Into<String>, page: P) -> Self {
        Self { name: name.into(), page }
    }
}

pub(super) trait Sampled: Page {
    fn samples() -> Vec<Sample<Self>>;
}

pub(super) fn sample_app() -> AppInfo {
    AppInfo {
        name: "Grafana".to_owned(),
        logo: Some("/static/app-logo.0123456789abcdef.svg".to_owned()),
        host: "grafana.example.com".to_owned(),
        client_uri: Some("https://grafana.example.com".to_owned()),
    }
}

/// An app whose name wants to be more than a name.
pub(super) fn hostile_app() -> AppInfo {
    AppInfo {
        name: "<script>alert(1)</script> \"Söhne & Co\" DonaudampfschifffahrtsgesellschaftskapitänWW".to_owned(),
        logo: None,
        host: "a-very-long-host-name-that-will-not-fit-in-one-line.on-a-small-phone.example.org".to_owned(),
        client_uri: Some("javascript:alert(1)".to_owned()),
    }
}

const ERRORS: [ErrorKind; 10] = [
    ErrorKind::BadRequest,
    ErrorKind::OtherBrowser,
    ErrorKind::Expired,
    ErrorKind::Forged,
    ErrorKind::Forbidden,
    ErrorKind::NotFound,
    ErrorKind::MethodNotAllowed,
    ErrorKind::TooLarge,
    ErrorKind::Unavailable,
    ErrorKind::Internal,
];

const MESSAGES: [MessageKind; 5] = [
    MessageKind::SignedOut,
    MessageKind::StillSignedIn,
    MessageKind::NotSignedIn,
    MessageKind::AlreadyDone,
    MessageKind::Cancelled,
];

impl Sampled for Choose {
    fn samples() -> Vec<Sample<Self>> {
        let choose = |app| Self {
            app,
            interaction: AuthorizationId::new("a1"),
            providers: Upstream::ALL.to_vec(),
            csrf: "csrf".to_owned(),
        };
        vec![Sample::new("both", choose(sample_app())), Sample::new("hostile", choose(hostile_app()))]
    }
}

impl Sampled for Consent {
    fn samples() -> Vec<Sample<Self>> {
        let line = |scope: &str, value: Option<&str>, new| ScopeLine {
            scope: scope.to_owned(),
            known: KNOWN.contains(&scope),
            value: value.map(str::to_owned),
            new,
        };
        let first = Self {
            app: sample_app(),
            interaction: AuthorizationId::new("a1"),
            csrf: "csrf".to_owned(),
            account: "alice".to_owned(),
            scopes: vec![
                line("openid", None, true),
                line("profile", Some("Alice Example, alice"), true),
                line("email", Some("alice@example.com"), true),
                line("groups", Some("admins, staff"), true),
                line("offline_access", None, true),
            ],
        };
        let mut more = first.clone();
        more.scopes.truncate(3);
        for line in more.scopes.iter_mut().take(2) {
            line.new = false;
        }
        let hostile = Self {
            app: hostile_app(),
            account: "</main>".to_owned(),
            scopes: vec![line("https://api.example.com/<read>", None, true), line("email", Some("a\"b@example.com"), true)],
            ..first.clone()
        };
        vec![Sample::new("first", first), Sample::new("more", more), Sample::new("hostile", hostile)]
    }
}

impl Sampled for Declined {
    fn samples() -> Vec<Sample<Self>> {
        let request = |app: Option<&str>, browser: Option<&str>, address: &str| DeclinedRequest {
            at: "2026-11-30 08:15:00Z".to_owned(),
            app: app.map(str::to_owned),
            browser: browser.map(str::to_owned),
            address: address.to_owned(),
        };
        let one = Self {
            app: sample_app(),
            interaction: AuthorizationId::new("a1"),
            csrf: "csrf".to_owned(),
            account: "alice".to_owned(),
            until: 1_796_026_500_000,
            requests: vec![request(Some("Grafana"), Some("Firefox (Windows)"), "203.0.113.6")],
        };
        let long = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff";
        let more = vec![request(None, None, long), request(Some("Nextcloud"), Some("Chrome (Android)"), "203.0.113.7")];
        let hostile = Self {
            app: hostile_app(),
            account: "</main>".to_owned(),
            requests: vec![request(Some(&hostile_app().name), Some("<script>alert(1)</script>"), "\"><img src=x>")],
            ..one.clone()
        };
        let more = Self { requests: more, ..one.clone() };
        vec![Sample::new("one", one), Sample::new("more", more), Sample::new("hostile", hostile)]
    }
}

impl Sampled for ErrorPage {
    fn samples() -> Vec<Sample<Self>> {
        let page = |kind| Self {
            kind,
            status: 400,
            detail: None,
            reference_id: "019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071".to_owned(),
            return_to: None,
        };
        let mut samples: Vec<_> =
            ERRORS.into_iter().map(|kind| Sample::new(format!("{kind:?}").to_lowercase(), page(kind))).collect();
        let detail = Some("redirect_uri <https://evil.example> is not registered".to_owned());
        let return_to = |url: &str| Some(ReturnLink { name: sample_app().name, url: url.to_owned() });
        samples.push(Sample::new(
            "badrequest-detail",
            Self { detail, return_to: return_to("https://grafana.example.com/login"), ..page(ErrorKind::BadRequest) },
        ));
        samples.push(Sample::new(
            "badrequest-badlink",
            Self { return_to: return_to("javascript:alert(1)"), ..page(ErrorKind::BadRequest) },
        ));
        samples
    }
}

impl Sampled for FormPost {
    fn samples() -> Vec<Sample<Self>> {
        let fields = [("code", "SplxlOBeZQQYbYS6WxSbIA"), ("state", "\"><script>"), ("iss", "https://id.example.com")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        vec![Sample::new(
            "code",
            Self { action: "https://grafana.example.com/cb?a=1&b=2".to_owned(), app: sample_app().name, fields },
        )]
    }
}

impl Sampled for Home {
    fn samples() -> Vec<Sample<Self>> {
        let app = |app: AppInfo, url: &str| AppLink { name: app.name, logo: app.logo, url: url.to_owned() };
        let account = Some("alice".to_owned());
        let apps = vec![app(sample_app(), "https://grafana.example.com"), app(hostile_app(), "javascript:alert(1)")];
        vec![
            Sample::new("nobody", Self { account: None, apps: Vec::new() }),
            Sample::new("no-apps", Self { account: account.clone(), apps: Vec::new() }),
            Sample::new("apps", Self { account, apps }),
        ]
    }
}

impl Sampled for Identify {
    fn samples() -> Vec<Sample<Self>> {
        let secsign = Self {
            app: sample_app(),
            interaction: AuthorizationId::new("a1"),
            provider: Upstream::SecSign,
            csrf: "csrf".to_owned(),
            identifier: String::new(),
            remembered: false,
            allow_unnamed: false,
            has_other_method: true,
            error: None,
        };
        let thumbsignin = Self { provider: Upstream::ThumbSignIn, has_other_method: false, ..secsign.clone() };
        let remembered = Self { identifier: "alice".to_owned(), remembered: true, ..secsign.clone() };
        let mut samples = vec![
            Sample::new("secsign", secsign.clone()),
            Sample::new("secsign-remembered", remembered.clone()),
            Sample::new("thumbsignin", thumbsignin.clone()),
            Sample::new("thumbsignin-unnamed", Self { allow_unnamed: true, ..thumbsignin.clone() }),
            Sample::new("thumbsignin-remembered", Self { provider: Upstream::ThumbSignIn, ..remembered }),
            Sample::new("hostile", Self { app: hostile_app(), identifier: "\"><img src=x>".to_owned(), ..thumbsignin }),
        ];
        samples.extend(IdentifyError::ALL.map(|error| {
            let page = Self { identifier: "al ice".to_owned(), error: Some(error), ..secsign.clone() };
            Sample::new(format!("error-{error:?}").to_lowercase(), page)
        }));
        samples
    }
}

impl Sampled for Logout {
    fn samples() -> Vec<Sample<Self>> {
        let plain = Self { csrf: "csrf".to_owned(), account: "alice".to_owned(), app: None, hidden: Vec::new() };
        let hidden = vec![
            ("post_logout_redirect_uri".to_owned(), "https://grafana.example.com/?a=1&b=\"2\"".to_owned()),
            ("state".to_owned(), "x y".to_owned()),
        ];
        vec![
            Sample::new("plain", plain.clone()),
            Sample::new("app", Self { app: Some(sample_app().name), hidden: hidden.clone(), ..plain.clone() }),
            Sample::new("hostile", Self { app: Some(hostile_app().name), hidden, ..plain }),
        ]
    }
}

impl Sampled for Message {
    fn samples() -> Vec<Sample<Self>> {
        let mut samples: Vec<_> =
            MESSAGES.into_iter().map(|kind| Sample::new(format!("{kind:?}").to_lowercase(), Self::new(kind))).collect();
        samples.extend(MESSAGES.map(|kind| {
            let page = Self {
                app: Some(sample_app().name),
                return_url: Some("https://grafana.example.com/?a=1&b=2".to_owned()),
                ..Self::new(kind)
            };
            Sample::new(format!("{kind:?}-app").to_lowercase(), page)
        }));
        let return_url = Some("javascript:alert(1)".to_owned());
        samples.push(Sample::new("signedout-badlink", Self { return_url, ..Self::new(MessageKind::SignedOut) }));
        let told_apps = vec!["Nextcloud".to_owned(), hostile_app().name];
        samples.push(Sample::new("signedout-told", Self { told_apps, ..Self::new(MessageKind::SignedOut) }));
        samples
    }
}

impl Sampled for Wait {
    fn samples() -> Vec<Sample<Self>> {
        wait_samples::all()
    }
}

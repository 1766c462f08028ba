//! The dispatcher's table, row by row: one situation, one change, one step.

use std::time::Duration;

use super::*;
use crate::domain::authorization::Authorization;
use crate::domain::browser::{BrowserKey, RequestSource};
use crate::domain::client::{Client, Source};
use crate::domain::id::{AuthorizationId, ClientId, SessionId, UserId};
use crate::domain::secret::SecretDigest;
use crate::protocol::authorization::{Prompt, ResponseMode};
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::scope::Scope;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const SIGNED_IN: Timestamp = Timestamp::from_seconds(1_800_000_000 - 100);

/// Alice's browser asks; she signed in 100 s ago with a symbol, and the client asks nobody for consent.
struct Case {
    authorization: Authorization,
    client: Client,
    session: Option<(BrowserSession, User)>,
    consent: Option<Consent>,
    declined: bool,
    admitted: bool,
}

fn authentication(user: &str) -> Authentication {
    Authentication {
        user_id: UserId::new(user),
        session_id: Some(SessionId::new("session")),
        auth_time: SIGNED_IN,
        acr: Acr::Matched,
        device_id: None,
        unnamed: false,
    }
}

fn alice() -> User {
    User {
        id: UserId::new("alice-id"),
        username: "alice".to_owned(),
        email: Some("alice@example.org".to_owned()),
        email_verified: true,
        name: String::new(),
        groups: Vec::new(),
        confirm_without_symbol: false,
        locked: false,
        declined_at: None,
        strangers_until: None,
        source: Source::Command,
        created_at: SIGNED_IN,
        updated_at: SIGNED_IN,
    }
}

impl Case {
    fn new() -> Self {
        let browser = BrowserKey(SecretDigest::of(b"cookie"));
        let expires_at = NOW.plus(Duration::from_secs(600));
        let request = AuthorizationRequest {
            client_id: ClientId::new("web"),
            redirect_uri: RedirectUri::parse("https://app.example/cb").unwrap(),
            response_mode: ResponseMode::Query,
            scope: Scope::parse("openid email").unwrap(),
            state: None,
            nonce: None,
            code_challenge: None,
            prompt: Prompt::default(),
            max_age: None,
            login_hint: None,
            expected_user: None,
            acr_values: Vec::new(),
            ui_locales: Vec::new(),
        };
        let session = BrowserSession {
            id: SessionId::new("session"),
            authentication: authentication("alice-id"),
            browser: browser.clone(),
            origin: RequestSource::default(),
            created_at: SIGNED_IN,
            last_seen_at: NOW,
            expires_at,
            ended_at: None,
        };
        let user = alice();
        Self {
            authorization: Authorization {
                id: AuthorizationId::new("authorization"),
                browser,
                request,
                stage: AuthorizationStage::Open,
                created_at: NOW,
                expires_at,
            },
            client: Client {
                id: ClientId::new("web"),
                metadata: ClientMetadata::default(),
                secret: None,
                source: Source::Command,
                disabled: false,
                created_at: SIGNED_IN,
                logo: None,
            },
            session: Some((session, user)),
            consent: None,
            declined: false,
            admitted: true,
        }
    }

    fn step(&self) -> Step {
        let interaction = Interaction { authorization: self.authorization.clone(), client: self.client.clone() };
        let known = Known { consent: self.consent.as_ref(), declined: self.declined, admitted: self.admitted };
        next_step(&interaction, self.session.as_ref(), known, NOW)
    }
}

/// The step's name, an error's code with it.
fn name(step: Step) -> String {
    match step {
        Step::Login => "login".to_owned(),
        Step::Declined(who) => format!("declined by {}", who.user_id),
        Step::Consent(who) => format!("consent of {}", who.user_id),
        Step::Issue(who) => format!("issue to {}", who.user_id),
        Step::Deny(who) => format!("deny {}", who.user_id),
        Step::Fail(code, _) => code.as_str().to_owned(),
        Step::Over => "over".to_owned(),
    }
}

type Change = fn(&mut Case);

/// What is changed, the step, and the step with `prompt=none` beside the change.
const TABLE: &[(&str, Change, &str, &str)] = &[
    ("nothing", |_| {}, "issue to alice-id", "issue to alice-id"),
    ("nobody is signed in", |case| case.session = None, "login", "login_required"),
    ("the code was issued", |case| case.authorization.stage = AuthorizationStage::Issued, "over", "over"),
    (
        "an error was answered",
        |case| case.authorization.stage = AuthorizationStage::Failed(ErrorCode::AccessDenied),
        "access_denied",
        "access_denied",
    ),
    ("prompt=login", |case| case.authorization.request.prompt.login = true, "login", "login_required"),
    ("prompt=select_account", |case| case.authorization.request.prompt.select_account = true, "login", "login_required"),
    ("max_age that is kept", |case| case.authorization.request.max_age = Some(100), "issue to alice-id", "issue to alice-id"),
    ("max_age that is over", |case| case.authorization.request.max_age = Some(99), "login", "login_required"),
    ("max_age=0", |case| case.authorization.request.max_age = Some(0), "login", "login_required"),
    ("a hint: her name", |case| hint(case, "Alice"), "issue to alice-id", "issue to alice-id"),
    ("a hint: her address", |case| hint(case, "alice@example.org"), "issue to alice-id", "issue to alice-id"),
    ("a hint: somebody else", |case| hint(case, "bob"), "login", "login_required"),
    ("a hint that is no name", |case| hint(case, "two words"), "issue to alice-id", "issue to alice-id"),
    ("id_token_hint: her", |case| expect(case, "alice-id"), "issue to alice-id", "issue to alice-id"),
    ("id_token_hint: somebody else", |case| expect(case, "bob-id"), "login", "login_required"),
    (
        "another person than id_token_hint names signed in",
        |case| {
            expect(case, "bob-id");
            signed_in(case, Acr::Matched, false);
        },
        "login_required",
        "login_required",
    ),
    ("the session is weaker than asked", |case| case.weak_session(&["matched"], &[]), "login", "login_required"),
    ("the session is weaker than the client demands", |case| case.weak_session(&[], &["matched"]), "login", "login_required"),
    (
        "the session reaches one of those asked",
        |case| case.weak_session(&["matched", "approved"], &[]),
        "issue to alice-id",
        "issue to alice-id",
    ),
    (
        "the login was weaker than asked: that is voluntary",
        |case| {
            case.weak_session(&["matched"], &[]);
            signed_in(case, Acr::Approved, false);
        },
        "issue to alice-id",
        "issue to alice-id",
    ),
    (
        "the login was weaker than the client demands",
        |case| {
            case.weak_session(&[], &["matched"]);
            signed_in(case, Acr::Approved, false);
        },
        "unmet_authentication_requirements",
        "unmet_authentication_requirements",
    ),
    ("she may not use the client", |case| case.admitted = false, "deny alice-id", "deny alice-id"),
    (
        "she may not use the client, and is to sign in anew",
        |case| {
            case.admitted = false;
            case.authorization.request.prompt.login = true;
        },
        "login",
        "login_required",
    ),
    (
        "she may not use the client, for which she signed in just now",
        |case| {
            case.admitted = false;
            allowed(case, None);
            signed_in(case, Acr::Matched, false);
        },
        "deny alice-id",
        "deny alice-id",
    ),
    (
        "she may not use the client, and declined a request",
        |case| {
            case.admitted = false;
            case.declined = true;
        },
        "deny alice-id",
        "deny alice-id",
    ),
    ("prompt=consent", |case| case.authorization.request.prompt.consent = true, "consent of alice-id", "consent_required"),
    ("the client asks", |case| allowed(case, None), "consent of alice-id", "consent_required"),
    ("the client asks for more than before", |case| allowed(case, Some("openid")), "consent of alice-id", "consent_required"),
    (
        "the client asks for no more than before",
        |case| allowed(case, Some("openid email profile")),
        "issue to alice-id",
        "issue to alice-id",
    ),
    ("she declined a request", |case| case.declined = true, "declined by alice-id", "issue to alice-id"),
    (
        "she declined a request, and the client asks",
        |case| {
            allowed(case, None);
            case.declined = true;
        },
        "declined by alice-id",
        "consent_required",
    ),
    (
        "she declined a request, and signed in just now",
        |case| {
            signed_in(case, Acr::Matched, false);
            case.declined = true;
        },
        "declined by alice-id",
        "issue to alice-id",
    ),
    (
        "somebody declined a request, and nobody is signed in",
        |case| {
            case.session = None;
            case.declined = true;
        },
        "login",
        "login_required",
    ),
    (
        "she allowed it just now",
        |case| {
            allowed(case, None);
            signed_in(case, Acr::Matched, true);
        },
        "issue to alice-id",
        "issue to alice-id",
    ),
];

fn hint(case: &mut Case, hint: &str) {
    case.authorization.request.login_hint = Some(hint.to_owned());
}

fn expect(case: &mut Case, user: &str) {
    case.authorization.request.expected_user = Some(UserId::new(user));
}

fn signed_in(case: &mut Case, acr: Acr, consented: bool) {
    let authentication = Authentication { acr, ..authentication("alice-id") };
    case.authorization.stage = AuthorizationStage::Authenticated { authentication, consented };
}

/// The client asks; she allowed this scope before.
fn allowed(case: &mut Case, scope: Option<&str>) {
    case.client.metadata.consent = ConsentPolicy::Ask;
    case.consent = scope.map(|scope| Consent { scope: Scope::parse(scope).unwrap(), granted_at: SIGNED_IN });
}

impl Case {
    /// A session by an approval that named nobody; what the request and what the client want.
    fn weak_session(&mut self, asked: &[&str], demanded: &[&str]) {
        let values = |names: &[&str]| names.iter().map(|name| format!("urn:signbridge:acr:{name}")).collect();
        self.authorization.request.acr_values = values(asked);
        self.client.metadata.default_acr_values = values(demanded);
        if let Some((session, _user)) = &mut self.session {
            session.authentication.acr = Acr::Approved;
        }
    }
}

#[test]
fn each_situation_has_its_step() {
    for (what, change, step, silently) in TABLE {
        let mut case = Case::new();
        change(&mut case);
        assert_eq!(name(case.step()), *step, "{what}");
        case.authorization.request.prompt.none = true;
        assert_eq!(name(case.step()), *silently, "{what}, prompt=none");
    }
}

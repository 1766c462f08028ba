//! Audit events: what happened, to whom, from where. Written in the same transaction as the change, so that neither exists
//! without the other.

use super::browser::Origin;

/// The kinds of events, by the stable names under which operators search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditKind {
    /// A login began; the detail says whether a phone was asked or a decoy shown.
    LoginStarted,
    /// A login was finished in its browser.
    LoginSucceeded,
    /// A login ended otherwise; the detail says how.
    LoginFailed,
    /// The person who approved is not the one who was asked (decision 2.3).
    LoginMismatch,
    /// Browsers that are not known asked for too many people, all together.
    LoginFlood,
    /// A browser session ended.
    Logout,
    /// A client was told that a session ended.
    LogoutDelivered,
    /// A client could not be told that a session ended: given up; the detail says why.
    LogoutUndelivered,
    /// A person allowed a client its scopes.
    ConsentGranted,
    /// A code was redeemed.
    TokenIssued,
    /// A code or a rotated refresh token came back: its family was revoked.
    TokenReuse,
    /// A family was revoked on request.
    TokenRevoked,
    /// A client was registered, changed or deleted.
    ClientChanged,
    /// A person was added, changed, locked or unlocked.
    UserChanged,
    /// A device was registered or removed.
    DeviceChanged,
    /// A signing key was made, activated or retired.
    KeyRotated,
}

impl AuditKind {
    /// Whether strangers can have it written again and again: then one row may stand for many. Never a success, a consent, a
    /// sign of misuse or a change by an operator.
    pub const fn repeats(self) -> bool {
        matches!(self, Self::LoginStarted | Self::LoginFailed)
    }

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoginStarted => "login.started",
            Self::LoginSucceeded => "login.succeeded",
            Self::LoginFailed => "login.failed",
            Self::LoginMismatch => "login.mismatch",
            Self::LoginFlood => "login.flood",
            Self::Logout => "logout",
            Self::LogoutDelivered => "logout.delivered",
            Self::LogoutUndelivered => "logout.undelivered",
            Self::ConsentGranted => "consent.granted",
            Self::TokenIssued => "token.issued",
            Self::TokenReuse => "token.reuse",
            Self::TokenRevoked => "token.revoked",
            Self::ClientChanged => "client.changed",
            Self::UserChanged => "user.changed",
            Self::DeviceChanged => "device.changed",
            Self::KeyRotated => "key.rotated",
        }
    }
}

/// One event. Names and ids only; never a secret, never an upstream session.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// What happened.
    pub kind: AuditKind,
    /// The person concerned (their id here).
    pub user: Option<String>,
    /// The client concerned.
    pub client: Option<String>,
    /// What it was about: a login, session, grant or key id.
    pub subject: Option<String>,
    /// Where the request came from.
    pub origin: Origin,
    /// A short machine-readable detail (`denied`, `failed/frozen`); where no person is known, with the name that was typed.
    pub detail: Option<String>,
}

impl AuditEvent {
    /// An event of `kind` that still says nothing else.
    pub fn new(kind: AuditKind) -> Self {
        Self { kind, user: None, client: None, subject: None, origin: Origin::default(), detail: None }
    }
}

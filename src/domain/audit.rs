//! Audit events: what happened, to whom, from where. Written in the same transaction as the change, so that neither exists
//! without the other.

use super::browser::Origin;
use super::named::named_enum;

named_enum! {
    /// The kinds of events, by the stable names under which operators search.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum AuditKind {
        /// A login began; the detail says whether a phone was asked or a decoy shown.
        LoginStarted = "login.started",
        /// A login was finished in its browser.
        LoginSucceeded = "login.succeeded",
        /// A login ended otherwise; the detail says how.
        LoginFailed = "login.failed",
        /// The person who approved is not the one who was asked (decision 2.3).
        LoginMismatch = "login.mismatch",
        /// Browsers that are not known asked for too many people, all together.
        LoginFlood = "login.flood",
        Logout = "logout",
        /// A client was told that a session ended.
        LogoutDelivered = "logout.delivered",
        /// A client could not be told that a session ended: given up; the detail says why.
        LogoutUndelivered = "logout.undelivered",
        /// A person allowed a client its scopes.
        ConsentGranted = "consent.granted",
        TokenIssued = "token.issued",
        /// A code or a rotated refresh token came back: its family was revoked.
        TokenReuse = "token.reuse",
        /// A family was revoked on request.
        TokenRevoked = "token.revoked",
        /// A client was registered, changed or deleted.
        ClientChanged = "client.changed",
        /// A person was added, changed, locked or unlocked.
        UserChanged = "user.changed",
        /// A device was registered or removed.
        DeviceChanged = "device.changed",
        /// A signing key was made, activated or retired.
        KeyRotated = "key.rotated",
    }
}

impl AuditKind {
    /// Whether strangers can have it written again and again: then one row may stand for many. Never a success, a consent, a
    /// sign of misuse or a change by an operator.
    pub(crate) const fn repeats(self) -> bool {
        matches!(self, Self::LoginStarted | Self::LoginFailed)
    }
}

/// One event. Names and ids only; never a secret, never an upstream session.
#[derive(Clone, Debug)]
pub(crate) struct AuditEvent {
    pub kind: AuditKind,
    /// The person concerned (their id here).
    pub user: Option<String>,
    pub client: Option<String>,
    /// What it was about: a login, session, grant or key id.
    pub subject: Option<String>,
    pub origin: Origin,
    /// A short machine-readable detail (`denied`, `failed/frozen`); where no person is known, with the name that was typed.
    pub detail: Option<String>,
}

impl AuditEvent {
    /// An event of `kind` that still says nothing else.
    pub(crate) fn new(kind: AuditKind) -> Self {
        Self { kind, user: None, client: None, subject: None, origin: Origin::default(), detail: None }
    }
}

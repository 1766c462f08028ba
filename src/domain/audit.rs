//! Audit events: written in the same transaction as the change, so that neither exists without the other.

use super::browser::RequestSource;
use super::named::parsed_enum;

parsed_enum! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum AuditKind {
        /// A login began; the detail says whether a phone was asked or a decoy shown.
        LoginStarted = "login.started",
        /// The person approved in time, whether or not a browser goes on with it.
        LoginApproved = "login.approved",
        LoginSucceeded = "login.succeeded",
        /// A login was finished in a browser that its user had not signed in with before.
        LoginNewBrowser = "login.new_browser",
        /// A login ended otherwise; the detail says how.
        LoginFailed = "login.failed",
        /// The person who approved is not the one who was asked (decision 2.3).
        LoginMismatch = "login.mismatch",
        /// Browsers that are not known asked for too many people, all together.
        LoginFlood = "login.flood",
        /// The user says of a request that it was not theirs: by the phone, or on a page of ours (check 136).
        LoginDisowned = "login.disowned",
        /// The user says of a request that they declined that it was theirs, on a page of ours.
        LoginDeclinedConfirmed = "login.declined_confirmed",
        /// Somebody signed in who may not use the client; the detail says why.
        AccessDenied = "access.denied",
        Logout = "logout",
        LogoutDelivered = "logout.delivered",
        /// Given up; the detail says why.
        LogoutUndelivered = "logout.undelivered",
        ConsentGranted = "consent.granted",
        ConsentRevoked = "consent.revoked",
        TokenIssued = "token.issued",
        /// A code or a rotated refresh token came back: its family was revoked.
        TokenReuse = "token.reuse",
        TokenRevoked = "token.revoked",
        ClientChanged = "client.changed",
        UserChanged = "user.changed",
        DeviceChanged = "device.changed",
        KeyRotated = "key.rotated",
        /// A backup was put in the place of the database; the detail says when the latest event in it happened.
        DatabaseRestored = "database.restored",
    }
}

impl AuditKind {
    /// What an operator should hear of at once.
    pub(crate) const ALARMS: &[Self] =
        &[Self::LoginDisowned, Self::LoginFlood, Self::LoginMismatch, Self::LoginNewBrowser, Self::TokenReuse];

    /// Whether people can have it written again and again: then one row may stand for many. Never a success, a consent, a sign
    /// of misuse or a change by an operator.
    pub(crate) const fn repeats(self) -> bool {
        matches!(self, Self::LoginStarted | Self::LoginFailed | Self::AccessDenied)
    }
}

/// One event. Names and ids only; never a secret, never an upstream session.
#[derive(Clone, Debug)]
pub(crate) struct AuditEvent {
    pub kind: AuditKind,
    pub user: Option<String>,
    pub client: Option<String>,
    /// What it was about: a login, session, grant or key id.
    pub subject: Option<String>,
    pub origin: RequestSource,
    /// A short machine-readable detail (`denied`, `failed/frozen`); where no person is known, with the name that was typed.
    pub detail: Option<String>,
}

impl AuditEvent {
    pub(crate) fn new(kind: AuditKind) -> Self {
        Self { kind, user: None, client: None, subject: None, origin: RequestSource::default(), detail: None }
    }
}

//! SecSign IDs and their sessions.

use crate::random;
use crate::symbols::Pass;

/// Waiting; the push was sent.
pub(crate) const PENDING: i64 = 1;
pub(crate) const EXPIRED: i64 = 2;
/// The person picked the right symbol.
pub(crate) const AUTHENTICATED: i64 = 3;
/// The person denied, or picked a wrong symbol.
pub(crate) const DENIED: i64 = 4;
/// The server withdrew it because another request came in.
pub(crate) const SUSPENDED: i64 = 5;
/// The service that asked withdrew it.
pub(crate) const CANCELED: i64 = 6;
/// The phone has loaded it.
pub(crate) const FETCHED: i64 = 7;

/// What a service asks a person to approve, in its own words.
#[derive(Clone)]
pub(crate) struct NewSession {
    /// Whom it asks: a SecSign ID, normalised.
    pub(crate) secsignid: String,
    pub(crate) service_name: String,
    pub(crate) service_address: String,
    /// Whether the page shows a symbol that the person has to find.
    pub(crate) with_pass: bool,
    /// Title and text of a transaction that is approved along with it.
    pub(crate) transaction: Option<(String, String)>,
}

#[derive(Clone)]
pub(crate) struct Session {
    /// Signed 64-bit number, never 0 or −1.
    pub(crate) id: i64,
    /// 64 upper-case hex digits.
    pub(crate) request_id: String,
    pub(crate) asked: NewSession,
    /// One of the states; a script may set others.
    pub(crate) state: i64,
    /// When it was asked for, by the simulator's clock.
    pub(crate) created_ms: i64,
    /// The symbols, unless the service asked for none.
    pub(crate) pass: Option<Pass>,
    /// True once the server has forgotten it; phones and scripts still see it.
    pub(crate) gone: bool,
}

/// An id for a session: any signed 64-bit number but 0 and −1.
fn session_id() -> i64 {
    loop {
        let id = i64::from_ne_bytes(random::number().to_ne_bytes());
        if id != 0 && id != -1 {
            return id;
        }
    }
}

impl Session {
    pub(super) fn new(now: i64, asked: NewSession) -> Self {
        Self {
            id: session_id(),
            request_id: random::hex(4).to_uppercase(),
            state: PENDING,
            created_ms: now,
            pass: asked.with_pass.then(Pass::random),
            asked,
            gone: false,
        }
    }

    /// True while the person may still decide.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, PENDING | FETCHED)
    }

    pub(super) fn cancel(&mut self) {
        self.state = CANCELED;
        self.gone = true;
    }

    /// Whether a symbol (its image in base64 or as a data URL, or its name) is the right one; `None` where it was not
    /// offered.
    pub(super) fn is_right(&self, symbol: &str) -> Option<bool> {
        let pass = self.pass.as_ref()?;
        let symbol = symbol.strip_prefix("data:image/png;base64,").unwrap_or(symbol);
        let mut offered = pass.symbols();
        offered
            .find(|(_, offered)| offered.png_base64 == symbol || offered.name == symbol)
            .map(|(index, _)| index == pass.shown)
    }
}

/// One SecSign ID. By default it is on a phone, not frozen, and nobody asks it for anything.
#[derive(Default)]
pub(crate) struct Identity {
    /// True after two requests at once, until the owner reactivates it.
    pub(crate) frozen: bool,
    pub(crate) sessions: Vec<Session>,
}

impl Identity {
    /// Ends the open sessions whose time is over.
    pub(super) fn expire(&mut self, now: i64, lifetime_ms: i64) {
        let over = |session: &&mut Session| session.is_open() && now.saturating_sub(session.created_ms) >= lifetime_ms;
        self.sessions.iter_mut().filter(over).for_each(|session| session.state = EXPIRED);
    }

    pub(super) fn session(&self, id: i64) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == id)
    }

    pub(super) fn session_mut(&mut self, id: i64) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }
}

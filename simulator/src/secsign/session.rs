//! SecSign IDs and their sessions.

use crate::random;
use crate::symbols::Pass;

/// Waiting; the push was sent.
pub(crate) const PENDING: i64 = 1;
pub(crate) const EXPIRED: i64 = 2;
pub(crate) const AUTHENTICATED: i64 = 3;
/// The person denied, or picked a wrong symbol.
pub(crate) const DENIED: i64 = 4;
/// The server withdrew it because another request came in.
pub(crate) const SUSPENDED: i64 = 5;
/// The service that asked withdrew it.
pub(crate) const CANCELED: i64 = 6;
/// The phone has loaded it.
pub(crate) const FETCHED: i64 = 7;

#[derive(Clone)]
pub(crate) struct NewSession {
    /// Whom it asks: a SecSign ID, normalised.
    pub(crate) secsignid: String,
    pub(crate) service_name: String,
    pub(crate) service_address: String,
    pub(crate) with_pass: bool,
    /// Title and text of what is approved along with it.
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
    pub(crate) created_ms: i64,
    lifetime_ms: i64,
    pub(crate) pass: Option<Pass>,
    /// The server has forgotten it; phones and scripts still see it.
    pub(crate) gone: bool,
}

impl Session {
    pub(super) fn new(now: i64, lifetime_ms: i64, asked: NewSession) -> Self {
        let mut ids = std::iter::repeat_with(|| random::number().cast_signed());
        Self {
            id: ids.find(|id| ![0, -1].contains(id)).unwrap_or(1),
            request_id: random::hex(4).to_uppercase(),
            state: PENDING,
            created_ms: now,
            lifetime_ms,
            pass: asked.with_pass.then(Pass::random),
            asked,
            gone: false,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, PENDING | FETCHED)
    }

    /// Whole seconds until it expires.
    pub(crate) fn expires_in(&self, now: i64) -> i64 {
        (self.created_ms.saturating_add(self.lifetime_ms).saturating_sub(now) / 1000).max(0)
    }

    /// By its name, or its image in base64 or as a data URL; `None` where the symbol was not offered.
    pub(super) fn is_right(&self, symbol: &str) -> Option<bool> {
        let pass = self.pass.as_ref()?;
        let symbol = symbol.strip_prefix("data:image/png;base64,").unwrap_or(symbol);
        let picked = pass.symbols().find(|(_, offered)| offered.png_base64 == symbol || offered.name == symbol);
        picked.map(|(index, _)| index == pass.shown)
    }
}

#[derive(Default)]
pub(crate) struct Identity {
    /// After two requests at once, until the owner reactivates it.
    pub(crate) frozen: bool,
    pub(crate) sessions: Vec<Session>,
}

impl Identity {
    pub(super) fn expire(&mut self, now: i64) {
        let over = |session: &&mut Session| session.is_open() && now.saturating_sub(session.created_ms) >= session.lifetime_ms;
        self.sessions.iter_mut().filter(over).for_each(|session| session.state = EXPIRED);
    }

    pub(super) fn session(&mut self, id: i64) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }
}

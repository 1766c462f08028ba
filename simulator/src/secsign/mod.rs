//! The SecSign ID server: who exists, which sessions are open, what a phone may do with them, whichever of its two
//! protocols asks.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;

use crate::options::{Options, PinAccount, SecondSession};
use crate::phone::Mistake;
use crate::symbols::Pass;
use crate::{clock, random};

/// Closed sessions kept per ID, for scripts that look back.
const KEPT: usize = 32;
/// Accounts that were given out; the oldest ones give way.
const MOST_ACCOUNTS: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownId,
    Frozen,
    UnknownSession,
    Unsupported,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(crate) enum PhoneAction {
    Fetch,
    /// Picks a symbol: the given one (its PNG in base64, or its name), else the right one.
    Approve {
        symbol: Option<String>,
    },
    WrongSymbol,
    Deny,
    /// Not a phone's deed: puts the session into any state, from any other.
    State {
        state: i64,
    },
}

/// What identifies a session in the form API: all three must fit.
pub(crate) struct Triple {
    pub(crate) secsignid: String,
    pub(crate) id: i64,
    /// The secret of whoever asked for the session.
    pub(crate) request_id: String,
}

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
    pub(crate) expires_ms: i64,
    pub(crate) pass: Option<Pass>,
    /// The server has forgotten it; phones and scripts still see it.
    pub(crate) gone: bool,
}

impl Session {
    fn new(now: i64, lifetime_ms: i64, (id, request_id): (i64, String), asked: NewSession) -> Self {
        Self {
            id,
            request_id,
            state: PENDING,
            created_ms: now,
            expires_ms: now.saturating_add(lifetime_ms),
            pass: asked.with_pass.then(Pass::random),
            asked,
            gone: false,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, PENDING | FETCHED)
    }

    /// By its name, or its image in base64 or as a data URL; `None` where the symbol was not offered.
    fn is_right(&self, symbol: &str) -> Option<bool> {
        let pass = self.pass.as_ref()?;
        let symbol = symbol.strip_prefix("data:image/png;base64,").unwrap_or(symbol);
        let picked = pass.symbols().find(|(_, offered)| offered.png_base64 == symbol || offered.name == symbol);
        picked.map(|(index, _)| index == pass.shown)
    }
}

/// An id of a session and its request id.
fn random_ids() -> (i64, String) {
    let mut ids = std::iter::repeat_with(|| random::number().cast_signed());
    (ids.find(|id| ![0, -1].contains(id)).unwrap_or(1), random::hex(4).to_uppercase())
}

pub(crate) struct Identity {
    /// After two requests at once, until the owner reactivates it.
    pub(crate) frozen: bool,
    /// On how many phones it is. On none it exists all the same, and is asked in vain.
    pub(crate) devices: u32,
    pub(crate) sessions: Vec<Session>,
}

impl Identity {
    fn on_a_phone() -> Self {
        Self { frozen: false, devices: 1, sessions: Vec::new() }
    }
}

pub(crate) struct SecSign {
    pub(crate) ids: BTreeMap<String, Identity>,
    /// What callers of the REST API were given, the oldest first.
    pub(crate) accounts: VecDeque<PinAccount>,
    /// Ids of the next sessions; later ones get random ones.
    next_ids: VecDeque<(i64, String)>,
    second: SecondSession,
    legacy_release: bool,
    lifetime_ms: i64,
}

/// The form in which the server knows an ID: trimmed and in lower case.
pub(crate) fn normalise(secsignid: &str) -> String {
    secsignid.trim().to_lowercase()
}

impl SecSign {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            ids: options.secsign_ids.iter().map(|id| (normalise(id), Identity::on_a_phone())).collect(),
            accounts: VecDeque::new(),
            next_ids: options.session_ids.clone().into(),
            second: options.second_session,
            legacy_release: options.legacy_release,
            lifetime_ms: clock::ms(options.secsign_lifetime),
        }
    }

    pub(crate) fn reset(&mut self) {
        for identity in self.ids.values_mut() {
            identity.frozen = false;
            identity.sessions.clear();
        }
    }

    pub(crate) fn create_account(&mut self) -> PinAccount {
        let account = PinAccount(random::hex(1), random::hex(2));
        if self.accounts.len() >= MOST_ACCOUNTS {
            self.accounts.pop_front();
        }
        self.accounts.push_back(account.clone());
        account
    }

    /// Puts an ID on a phone; where there is none of that name, it is created by that.
    pub(crate) fn create_id(&mut self, secsignid: &str) {
        let identity = self.ids.entry(normalise(secsignid)).or_insert_with(Identity::on_a_phone);
        identity.devices = identity.devices.max(1);
    }

    /// Makes an ID that is on no phone yet; one that exists stays as it is.
    pub(crate) fn insert_id(&mut self, secsignid: &str) {
        let on_no_phone = || Identity { devices: 0, ..Identity::on_a_phone() };
        self.ids.entry(normalise(secsignid)).or_insert_with(on_no_phone);
    }

    /// False where there is no such ID.
    pub(crate) fn unfreeze(&mut self, secsignid: &str) -> bool {
        self.ids.get_mut(&normalise(secsignid)).map(|identity| identity.frozen = false).is_some()
    }

    pub(crate) fn identity(&mut self, now: i64, secsignid: &str) -> Option<&mut Identity> {
        let identity = self.ids.get_mut(&normalise(secsignid))?;
        let over = |session: &&mut Session| session.is_open() && now >= session.expires_ms;
        identity.sessions.iter_mut().filter(over).for_each(|session| session.state = EXPIRED);
        Some(identity)
    }

    /// What identifies a session that is named by its id alone (REST API).
    pub(crate) fn by_id(&self, id: i64) -> Result<Triple, Refusal> {
        let find = |(secsignid, identity): (&String, &Identity)| {
            let session = identity.sessions.iter().find(|session| session.id == id)?;
            Some(Triple { secsignid: secsignid.clone(), id, request_id: session.request_id.clone() })
        };
        self.ids.iter().find_map(find).ok_or(Refusal::UnknownSession)
    }

    /// Asks for a session. While another one is open, that one is suspended and the ID is frozen.
    pub(crate) fn create(&mut self, now: i64, new: NewSession) -> Result<Session, Refusal> {
        let (second, lifetime, ids) = (self.second, self.lifetime_ms, self.next_ids.front().cloned());
        let identity = self.identity(now, &new.secsignid).ok_or(Refusal::UnknownId)?;
        if identity.frozen {
            return Err(Refusal::Frozen);
        }
        if let Some(open) = identity.sessions.iter_mut().find(|session| session.is_open()) {
            open.state = SUSPENDED;
            identity.frozen = true;
            if second == SecondSession::Refuse {
                return Err(Refusal::Frozen);
            }
        }
        let session = Session::new(now, lifetime, ids.unwrap_or_else(random_ids), new);
        identity.sessions.push(session.clone());
        let surplus = identity.sessions.len().saturating_sub(KEPT);
        identity.sessions.drain(..surplus);
        self.next_ids.pop_front();
        Ok(session)
    }

    pub(crate) fn state(&mut self, now: i64, triple: &Triple) -> Result<i64, Refusal> {
        self.find(now, triple).map(|session| session.state)
    }

    /// Withdraws a session. From then on the server does not know it.
    pub(crate) fn cancel(&mut self, now: i64, triple: &Triple) -> Result<i64, Refusal> {
        let session = self.find(now, triple)?;
        session.gone = true;
        session.state = CANCELED;
        Ok(CANCELED)
    }

    /// Gives an approved session back: a call that servers have refused since February 2019.
    pub(crate) fn release(&mut self, now: i64, triple: &Triple) -> Result<i64, Refusal> {
        if !self.legacy_release {
            return Err(Refusal::Unsupported);
        }
        let session = self.find(now, triple)?;
        if session.state == AUTHENTICATED {
            session.gone = true;
        }
        Ok(session.state)
    }

    /// Lets a phone act on a session; answers the state in which it is then.
    pub(crate) fn act(&mut self, now: i64, (secsignid, id): (&str, i64), action: &PhoneAction) -> Result<i64, Mistake> {
        let unknown = || Mistake::not_found("there is no such session of this SecSign ID");
        let is_on_a_phone = self.identity(now, secsignid).is_some_and(|identity| identity.devices > 0);
        let session = self.session(now, secsignid, id).ok_or_else(unknown)?;
        if let PhoneAction::State { state } = action {
            session.state = *state;
            return Ok(*state);
        }
        if !is_on_a_phone {
            return Err(Mistake::not_found("this SecSign ID is on no phone"));
        }
        if !session.is_open() {
            return Err(Mistake::over(format!("the session is over, its state is {}", session.state)));
        }
        session.state = match action {
            PhoneAction::Fetch => FETCHED,
            PhoneAction::Approve { symbol: None } => AUTHENTICATED,
            PhoneAction::Approve { symbol: Some(symbol) } => match session.is_right(symbol) {
                Some(true) => AUTHENTICATED,
                Some(false) => DENIED,
                None => return Err(Mistake::bad_request("symbol is not one of those that the phone offers")),
            },
            PhoneAction::WrongSymbol | PhoneAction::Deny | PhoneAction::State { .. } => DENIED,
        };
        Ok(session.state)
    }

    fn session(&mut self, now: i64, secsignid: &str, id: i64) -> Option<&mut Session> {
        self.identity(now, secsignid)?.sessions.iter_mut().find(|session| session.id == id)
    }

    fn find(&mut self, now: i64, triple: &Triple) -> Result<&mut Session, Refusal> {
        let session = self.session(now, &triple.secsignid, triple.id);
        let known = session.filter(|session| !session.gone && session.request_id == triple.request_id);
        known.ok_or(Refusal::UnknownSession)
    }
}

#[cfg(test)]
mod tests;

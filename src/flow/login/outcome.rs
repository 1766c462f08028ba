//! What a login is for, matched here and nowhere else: a new [`Purpose`] adds its arms here.

use super::create::issuer_host;
use super::end;
use crate::domain::assurance::Acr;
use crate::domain::authorization::Authorization;
use crate::domain::id::{ClientId, DeviceId, LoginId, UserId};
use crate::domain::login::{Asked, FINISH_GRACE, Purpose};
use crate::domain::user::{Device, Upstream};
use crate::flow::authorization::offer::{self, has_other, is_there_another};
use crate::flow::authorization::{self, Browser, Interaction};
use crate::flow::prelude::*;
use crate::protocol::redirect_uri::RedirectUri;
use crate::store::backchannel_logouts::Hold;
use crate::store::{authorizations, clients, devices, users};

/// Locks what a login is for until the commit. False: it is gone, having made room for another one, and no login begins for it.
pub(super) async fn on_begin(tx: &Tx, purpose: &Purpose) -> Result<bool, StoreError> {
    match purpose {
        Purpose::Authorization(id) => authorizations::lock_row(tx, id).await,
        Purpose::Portal { .. } | Purpose::Enrolment(_) | Purpose::DeviceGrant(_) | Purpose::Backchannel(_) => Ok(true),
    }
}

/// Where it is counted that one ended. To register a phone is no login.
pub(super) fn counter(purpose: &Purpose) -> &'static metrics::Counter<3> {
    match purpose {
        Purpose::Enrolment(_) => &metrics::DEVICE_REGISTRATIONS,
        Purpose::Authorization(_) | Purpose::Portal { .. } | Purpose::DeviceGrant(_) | Purpose::Backchannel(_) => {
            &metrics::LOGINS
        }
    }
}

/// The phone that an approval registers, and what the audit trail says of it.
pub(super) struct Registration {
    phone: Device,
    /// Whether no phone went by the same name at the service before.
    is_first: bool,
    event: PendingEvent,
}

impl Registration {
    /// `None`: the login is for something else.
    pub(super) fn of(op: &Op, login: &Login) -> Result<Option<Self>, Internal> {
        let (Purpose::Enrolment(_), Subject::Named(asked)) = (&login.purpose, &login.subject) else { return Ok(None) };
        let Asked { user_id, device_id, upstream_user } = asked.clone();
        let about = end::about(login, AuditKind::DeviceChanged, &format!("registered {}", login.upstream));
        let event = AuditEvent { subject: Some(device_id.to_string()), ..about };
        let is_first = login.concern.target.as_deref() != Some(upstream_user.as_str());
        let phone = Device::new(device_id, user_id, (login.upstream, upstream_user), op.env.now());
        Ok(Some(Self { phone, is_first, event: PendingEvent::new(&op.store, event)? }))
    }
}

/// Notes that this user approved on this phone, and what follows from it at once: a phone that was registered is theirs from then
/// on. False: too late, or nobody is asked any more, or they were locked or lost their phone meanwhile.
pub(super) async fn approve(
    tx: &Tx,
    login: &LoginId,
    (user, device): (&UserId, &DeviceId),
    registration: Option<&Registration>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(Registration { phone, is_first, event }) = registration else {
        return logins::approve(tx, login, user, Some(device), now).await;
    };
    if !users::lock_enabled_row(tx, user).await? {
        return Ok(false);
    }
    // Another phone of theirs went by the same name there. Where it was removed meanwhile, it does not come back with this one.
    let is_known = devices::find_by_upstream_user(tx, phone.upstream, &phone.upstream_user).await?.is_some();
    if !(*is_first || is_known) || !logins::approve(tx, login, user, Some(device), now).await? {
        return Ok(false);
    }
    if !is_known {
        devices::insert(tx, phone).await?;
    }
    event.write(tx, now).await?;
    Ok(true)
}

pub(super) enum Awaited {
    Authorization(Box<Authorization>),
    Login,
}

/// Read before the approval is used up. `None`: nothing is to be answered any more.
pub(super) async fn awaited(tx: &Tx, purpose: &Purpose) -> Result<Option<Awaited>, StoreError> {
    let id = match purpose {
        Purpose::Authorization(id) => id,
        Purpose::Portal { .. } | Purpose::Enrolment(_) | Purpose::DeviceGrant(_) | Purpose::Backchannel(_) => {
            return Ok(Some(Awaited::Login));
        }
    };
    let Some(authorization) = authorizations::find(tx, id).await? else { return Ok(None) };
    let client = clients::find(tx, &authorization.request.client_id).await?;
    let served = client.is_some_and(|client| !client.disabled);
    Ok(served.then(|| Awaited::Authorization(Box::new(authorization))))
}

impl Awaited {
    /// Answers. False: it was given up, or its client switched off, and nobody is signed in for it (check 137, B18).
    pub(super) async fn on_approved(&mut self, tx: &Tx, who: &Authentication, now: Timestamp) -> Result<bool, StoreError> {
        let Self::Authorization(authorization) = self else { return Ok(true) };
        // Who approved in time gets an answer, also when the authorization ran out while the browser came back for it.
        authorization.expires_at = authorization.expires_at.max(now.plus(FINISH_GRACE));
        authorizations::extend(tx, &authorization.id, authorization.expires_at).await?;
        authorizations::authenticate(tx, &authorization.id, who, now).await
    }

    /// Until when the clients of a session that this login replaces do not hear of its end: a broker among them would drop the
    /// login on its way (decision 2.16).
    pub(super) fn hold(&self, code_lifetime: Duration) -> Option<Hold> {
        let Self::Authorization(authorization) = self else { return None };
        Some(Hold { authorization: authorization.id.clone(), until: authorization.expires_at.plus(code_lifetime) })
    }
}

#[derive(Debug)]
pub(crate) struct LoginTarget {
    /// `None`: our own pages, or what lives elsewhere than in this browser.
    interaction: Option<Interaction>,
    /// Where the browser goes on once the login is through, or its page is of no use any more.
    pub(crate) onward: String,
}

impl From<Interaction> for LoginTarget {
    fn from(interaction: Interaction) -> Self {
        Self { onward: interaction.location(), interaction: Some(interaction) }
    }
}

#[derive(Default)]
pub(crate) struct App<'a> {
    pub(crate) client: Option<&'a ClientId>,
    /// The file of its logo in the database.
    pub(crate) logo: Option<&'a str>,
    pub(crate) name: String,
    pub(crate) redirect_uri: Option<&'a RedirectUri>,
    /// Whether it sends browsers on to places that we cannot know (decision 2.15).
    pub(crate) forwards: bool,
    pub(crate) home: Option<&'a str>,
    pub(crate) ui_locales: &'a [String],
}

impl<'a> App<'a> {
    pub(crate) fn of(interaction: &'a Interaction) -> Self {
        Self {
            client: Some(&interaction.client.id),
            logo: interaction.client.stored_logo(),
            name: interaction.client.display_name().to_owned(),
            redirect_uri: Some(&interaction.authorization.request.redirect_uri),
            forwards: interaction.client.metadata.forwards,
            home: interaction.client.metadata.client_uri.as_deref(),
            ui_locales: &interaction.authorization.request.ui_locales,
        }
    }
}

/// Whether a phone must be asked, and may be, by what is stored now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PhoneNeed {
    Needed,
    /// It goes on without: somebody signed in meanwhile in another tab.
    Answered,
    TooLate,
}

impl LoginTarget {
    /// What `login` of this browser is for; `None` when that is gone.
    pub(crate) async fn find(op: &Op, login: &Login) -> Result<Option<Self>, Internal> {
        let onward = match (&login.purpose, &login.browser) {
            (Purpose::Authorization(id), Some(browser)) => {
                return Ok(authorization::find_own(op, id, browser).await?.map(Self::from));
            }
            (Purpose::Authorization(_), None) => return Ok(None),
            (Purpose::Portal { return_to, .. }, _) => return_to.clone(),
            (Purpose::Enrolment(_) | Purpose::DeviceGrant(_) | Purpose::Backchannel(_), _) => "/".to_owned(),
        };
        Ok(Some(Self { interaction: None, onward }))
    }

    pub(crate) fn app(&self, op: &Op) -> App<'_> {
        let own = || App { name: issuer_host(&op.settings.issuer), ..App::default() };
        self.interaction.as_ref().map_or_else(own, App::of)
    }

    pub(crate) fn client(&self) -> Option<&ClientId> {
        self.interaction.as_ref().map(|interaction| &interaction.client.id)
    }

    /// What a login for it must at least reach; our own pages take nothing less than there is.
    pub(crate) fn wanted(&self) -> Acr {
        self.interaction.as_ref().map_or(Acr::Matched, offer::wanted)
    }

    pub(crate) fn until(&self, op: &Op) -> Timestamp {
        let own = || op.env.now().plus(op.settings.lifetimes.login);
        self.interaction.as_ref().map_or_else(own, |interaction| interaction.authorization.expires_at)
    }

    /// Whether another service than the login's may be chosen for it.
    pub(crate) fn has_other_method(&self, op: &Op, present: Upstream) -> bool {
        match &self.interaction {
            Some(interaction) => has_other(op, interaction, present),
            None => is_there_another(op.upstreams.keys().copied(), present, |upstream| op.health.is_down(upstream)),
        }
    }

    pub(crate) fn is_waiting(&self, now: Timestamp) -> bool {
        self.interaction.as_ref().is_none_or(|interaction| interaction.is_waiting(now))
    }

    pub(crate) async fn phone_need(&self, op: &Op, browser: &Browser, typed: Option<&str>) -> Result<PhoneNeed, Internal> {
        let Some(interaction) = &self.interaction else { return Ok(PhoneNeed::Needed) };
        if authorization::goes_on_without_phone(op, interaction, browser, typed).await? {
            return Ok(PhoneNeed::Answered);
        }
        Ok(if interaction.has_time_for_phone(op) { PhoneNeed::Needed } else { PhoneNeed::TooLate })
    }

    pub(crate) async fn on_abandoned(&self, op: &Op) -> Result<String, Internal> {
        match &self.interaction {
            Some(interaction) => authorization::give_up(op, interaction).await,
            None => Ok(self.onward.clone()),
        }
    }

    pub(crate) fn choice(&self) -> String {
        self.page("choose")
    }

    /// Where the name is asked for.
    pub(crate) fn identification(&self, upstream: Upstream) -> String {
        self.page(&format!("identify/{upstream}?account=other"))
    }

    fn page(&self, which: &str) -> String {
        if self.interaction.is_some() { format!("{}/{which}", self.onward) } else { self.onward.clone() }
    }
}

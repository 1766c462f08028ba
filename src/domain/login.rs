//! A login: one attempt to get one approval from one phone service.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::browser::{BrowserKey, RequestSource};
use super::clock::Timestamp;
use super::id::{AuthorizationId, BackchannelRequestId, ClientId, DeviceGrantId, DeviceId, LoginId, UserId};
use super::named::parsed_enum;
use super::secret::Secret;
use super::user::Upstream;

/// How long after its deadline an approval that came in time can still be finished by its browser. One answer for everybody: an
/// approval seen before the deadline counts until then, one seen later never does.
pub(crate) const FINISH_GRACE: Duration = Duration::from_secs(60);

/// What a login is for. `flow/login/outcome.rs` says what follows from it; production code begins the first and the third one today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "purpose", content = "key", rename_all = "snake_case")]
pub(crate) enum Purpose {
    Authorization(AuthorizationId),
    Portal {
        action: PortalAction,
        return_to: String,
    },
    Enrolment(UserId),
    /// RFC 8628 §3.3.
    DeviceGrant(DeviceGrantId),
    /// CIBA Core §7.
    Backchannel(BackchannelRequestId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PortalAction {
    SignIn,
    Confirm,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) user_id: UserId,
    pub(crate) device_id: DeviceId,
    pub(crate) upstream_user: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Named(Asked),
    Unnamed,
    /// Nobody: the page looks like a pending login, nothing was created and nothing will happen (decision 2.7).
    Decoy,
}

/// For whom and through which client a login was begun: for limits, pictures and the audit trail, never for a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Concern {
    /// Whom its picture concerns, and under what its requests are counted: the upstream's name for a user; a name of its
    /// own for nobody. `None`: a QR code without a name, or a row of an older release.
    pub(crate) target: Option<String>,
    pub(crate) user: Option<UserId>,
    pub(crate) client: Option<ClientId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Challenge {
    /// The symbol to pick: a PNG in base64, exactly as the upstream sent it. `None` where none was asked for
    /// ([`Confirmation::Plain`]).
    AccessPass(Option<String>),
    /// The QR code, a PNG in base64, and the link for the phone's own browser, both as the upstream sent them.
    QrCode { image: String, deep_link: String },
}

/// How the user answers an upstream that can show symbols (decision 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// By picking the symbol that the page shows.
    Symbol,
    /// By a yes: the page shows nothing to compare.
    Plain,
}

/// A session at the upstream: enough to poll and to cancel it. Holds what acts as a bearer secret there.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamHandle(pub Secret);

parsed_enum! {
    /// Why a login failed, in the words of `data-login-reason` (design 3).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub(crate) enum Reason {
        /// Another request for the same SecSign ID suspended this one.
        Suspended = "suspended",
        /// The SecSign ID is frozen until its owner taps it in the app.
        Frozen = "frozen",
        Invalid = "invalid",
        NotRegistered = "not_registered",
        AlreadyRegistered = "already_registered",
        /// The phone has no fingerprint or PIN.
        NoSuitableAuthenticator = "no_suitable_authenticator",
        /// Nonsense, another person or session, anything unknown: not logged in (decision 2.6).
        Technical = "technical_reason",
        UpstreamDown = "upstream_down",
        RateLimited = "rate_limited",
        Replaced = "replaced",
        /// Another browser's request for the same name is open (decision 2.7).
        Busy = "busy",
    }
}

impl Reason {
    /// Whether it tells something of the user at the upstream, and nothing of the upstream.
    pub(crate) const fn reveals_account(self) -> bool {
        matches!(self, Self::NotRegistered | Self::Frozen | Self::Suspended | Self::Invalid)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum End {
    Denied,
    Expired,
    /// Withdrawn: by the user, or by a newer login ([`Reason::Replaced`]).
    Cancelled(Option<Reason>),
    Failed(Reason),
}

impl End {
    /// Also the word by which it is stored.
    pub(crate) const fn state(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Cancelled(_) => "cancelled",
            Self::Failed(_) => "failed",
        }
    }

    pub(crate) const fn reason(self) -> Option<Reason> {
        match self {
            Self::Failed(reason) | Self::Cancelled(Some(reason)) => Some(reason),
            Self::Denied | Self::Expired | Self::Cancelled(None) => None,
        }
    }
}

/// How far a login got. The ends are final.
#[derive(Clone, Debug)]
pub(crate) enum LoginStage {
    /// Written before the call that creates the session upstream; after a crash nobody knows whether that call arrived.
    Creating,
    Pending(UpstreamHandle),
    Fetched(UpstreamHandle),
    Approved {
        at: Timestamp,
        user_id: UserId,
        device_id: Option<DeviceId>,
    },
    Ended(End),
}

impl LoginStage {
    /// The value of `data-login-state` (design 3). A login that is being created is pending for its page.
    pub(crate) const fn state(&self) -> &'static str {
        match self {
            Self::Creating | Self::Pending(_) => "pending",
            Self::Fetched(_) => "fetched",
            Self::Approved { .. } => "approved",
            Self::Ended(end) => end.state(),
        }
    }

    pub(crate) const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Ended(end) => end.reason(),
            _goes_on => None,
        }
    }

    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Self::Creating | Self::Pending(_) | Self::Fetched(_))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) id: LoginId,
    pub(crate) purpose: Purpose,
    /// The browser that began it, and that may finish it; a request without a browser has none.
    pub(crate) browser: Option<BrowserKey>,
    pub(crate) origin: RequestSource,
    pub(crate) upstream: Upstream,
    pub(crate) subject: Subject,
    /// Whether this browser had signed in as that person before (decision 2.7).
    pub(crate) remembered: bool,
    /// The canonical name that was typed, which the page shows, so that a known and an unknown name look alike.
    pub(crate) typed: Option<String>,
    /// Whether the user asked for the name to be filled in next time (decision 2.3).
    pub(crate) remember: bool,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) stage: LoginStage,
    pub(crate) created_at: Timestamp,
    pub(crate) deadline: Timestamp,
    pub(crate) consumed_at: Option<Timestamp>,
    pub(crate) concern: Concern,
}

impl Login {
    /// Whatever the clean-up did: an open login past its deadline has expired, as has an approval not finished in time.
    pub(crate) fn stage_at(&self, now: Timestamp) -> LoginStage {
        let late = match &self.stage {
            LoginStage::Approved { .. } => self.consumed_at.is_none() && now >= self.deadline.plus(FINISH_GRACE),
            _other => self.stage.is_open() && now >= self.deadline,
        };
        if late { LoginStage::Ended(End::Expired) } else { self.stage.clone() }
    }

    pub(crate) fn shares_browser(&self, other: &Self) -> bool {
        self.browser.is_some() && self.browser == other.browser
    }

    pub(crate) fn asks_the_same(&self, other: &Self) -> bool {
        self.upstream == other.upstream && self.typed == other.typed
    }

    /// The account and the name that requests are counted for; empty where there is none.
    pub(crate) fn counts_for(&self) -> (&str, &str) {
        (self.concern.target.as_deref().unwrap_or_default(), self.typed.as_deref().unwrap_or_default())
    }

    /// Whether this login's page must not say that its service ended it `how`: what a service does without the user's answer
    /// shows that there is a request, and is told in a browser that they used before only (decision 2.7).
    pub(crate) const fn must_be_masked(&self, how: End) -> bool {
        let about_person = match how {
            End::Failed(reason) => reason.reveals_account(),
            End::Cancelled(_) => true,
            End::Denied | End::Expired => false,
        };
        about_person && !self.remembered && matches!(self.subject, Subject::Named(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_parses_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        }
    }

    #[test]
    fn an_end_is_not_open_and_says_its_reason() {
        let replaced = LoginStage::Ended(End::Cancelled(Some(Reason::Replaced)));
        assert_eq!((replaced.state(), replaced.reason(), replaced.is_open()), ("cancelled", Some(Reason::Replaced), false));
        assert!(LoginStage::Creating.is_open());
    }
}

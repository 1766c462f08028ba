//! The page of a login. Every state and reason of the mapping in design 3 has words of its own.

use minijinja::context;
use minijinja::value::Value;
use serde::Serialize;

use super::{AppInfo, is_harmless_link};
use crate::domain::login::{Challenge, End, LoginStage, Reason};
use crate::domain::user::Upstream;
use crate::view::{Page, to_value};

/// How far the login is, as its page shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitState {
    Pending,
    Fetched,
    Approved,
    Ended(End),
}

impl From<&LoginStage> for WaitState {
    fn from(stage: &LoginStage) -> Self {
        match stage {
            LoginStage::Creating | LoginStage::Pending(_) => Self::Pending,
            LoginStage::Fetched(_) => Self::Fetched,
            LoginStage::Approved { .. } => Self::Approved,
            LoginStage::Ended(end) => Self::Ended(*end),
        }
    }
}

impl WaitState {
    /// The value of `data-login-state` (design 3), as [`LoginStage::state`].
    pub(crate) const fn state(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Fetched => "fetched",
            Self::Approved => "approved",
            Self::Ended(end) => end.state(),
        }
    }

    pub(crate) const fn reason(self) -> Option<Reason> {
        match self {
            Self::Ended(end) => end.reason(),
            _goes_on => None,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wait {
    pub app: AppInfo,
    pub provider: Upstream,
    #[serde(skip)]
    pub state: WaitState,
    /// The name that was asked for, as it was typed; `None` for a QR code without a name.
    pub account: Option<String>,
    /// Who approved a login without a name; shown so that the person can say "not me" before going on (decision 2.3).
    pub approved_account: Option<String>,
    /// What the upstream sent to show; `None` while it is being created and once it is over.
    pub challenge: Option<Challenge>,
    /// Seconds until the login expires; 0 once it is over.
    pub expires_in_seconds: u64,
    /// Where the script asks for the state (JSON `{"state","reason"}`).
    pub status_url: String,
    /// Where the script hears of the state (server-sent events named `state`, same JSON).
    pub events_url: String,
    pub continue_action: String,
    pub cancel_action: String,
    pub retry_action: String,
    /// Where "use another method" goes, where there is another one (L14).
    pub other_method_action: Option<String>,
    pub csrf: String,
    /// Whether the script goes on by itself after the approval; never for a login without a name.
    pub auto_continue: bool,
}

impl Wait {
    /// Where the words of this state are: `wait.<state>…`; each has a `headline`, a `text` and a `next` step.
    fn words(&self) -> String {
        let provider = self.provider.as_str();
        match self.state {
            WaitState::Pending | WaitState::Fetched => format!("wait.{}.{}", self.state.state(), self.kind_of_challenge()),
            WaitState::Approved => format!("wait.approved.{}", self.kind_of_approval()),
            WaitState::Ended(End::Denied | End::Expired) => format!("wait.{}.{provider}", self.state.state()),
            WaitState::Ended(End::Cancelled(Some(Reason::Replaced)) | End::Failed(Reason::Replaced)) => {
                "wait.cancelled.replaced".to_owned()
            }
            WaitState::Ended(End::Cancelled(_)) => "wait.cancelled.plain".to_owned(),
            WaitState::Ended(End::Failed(reason)) => format!("wait.failed.{}", reason.as_str()),
        }
    }

    const fn kind_of_challenge(&self) -> &'static str {
        match (&self.challenge, &self.account) {
            (None, _) => "nothing_yet",
            (Some(Challenge::AccessPass(Some(_))), _) => "symbol",
            (Some(Challenge::AccessPass(None)), _) => "no_symbol",
            (Some(Challenge::QrCode { .. }), Some(_)) => "code",
            (Some(Challenge::QrCode { .. }), None) => "unnamed",
        }
    }

    /// Whether the person who approved is the one who was asked, is still to say so, or is not to be shown.
    const fn kind_of_approval(&self) -> &'static str {
        match (&self.account, &self.approved_account) {
            (Some(_), _) => "named",
            (None, Some(_)) => "unnamed",
            (None, None) => "plain",
        }
    }

    const fn retry(&self) -> &'static str {
        match (self.state, self.provider) {
            (WaitState::Ended(End::Expired), Upstream::ThumbSignIn) => "new_code",
            (WaitState::Ended(End::Cancelled(Some(Reason::Replaced))), _) => "here",
            _other => "again",
        }
    }

    /// The icon of this state, so that it is not told by colour alone (WCAG 2.2, 1.4.1).
    const fn icon(&self) -> &'static str {
        match self.state {
            WaitState::Pending => "phone",
            WaitState::Fetched => "phone-check",
            WaitState::Approved => "check",
            WaitState::Ended(End::Denied) => "hand",
            WaitState::Ended(End::Expired) => "clock",
            WaitState::Ended(End::Cancelled(_)) => "cross",
            WaitState::Ended(End::Failed(Reason::Frozen)) => "frost",
            WaitState::Ended(End::Failed(Reason::RateLimited | Reason::Busy)) => "clock",
            WaitState::Ended(End::Failed(Reason::UpstreamDown)) => "cloud-off",
            WaitState::Ended(End::Failed(Reason::NoSuitableAuthenticator)) => "finger",
            WaitState::Ended(End::Failed(_)) => "warning",
        }
    }

    /// How grave it is: the colour, and whether screen readers interrupt (`role="alert"`).
    const fn tone(&self) -> &'static str {
        match self.state {
            WaitState::Pending | WaitState::Fetched => "open",
            WaitState::Approved => "good",
            WaitState::Ended(End::Expired | End::Cancelled(_)) => "calm",
            WaitState::Ended(End::Denied | End::Failed(_)) => "bad",
        }
    }
}

impl Page for Wait {
    const TEMPLATE: &'static str = "wait.html";

    fn data(&self) -> Value {
        let (access_pass, qr) = match &self.challenge {
            Some(Challenge::AccessPass(image)) => (image.as_deref(), None),
            Some(Challenge::QrCode { image, deep_link }) => {
                // The upstream's link goes out unchanged, unless it would run in our own origin.
                let link = Some(deep_link.as_str()).filter(|link| is_harmless_link(link));
                (None, Some(context! { image, link }))
            }
            None => (None, None),
        };
        context! {
            state => self.state.state(),
            words => self.words(),
            icon => self.icon(),
            tone => self.tone(),
            retry => self.retry(),
            shown_account => self.account.as_deref().or(self.approved_account.as_deref()).unwrap_or_default(),
            reason => self.state.reason().map(Reason::as_str),
            is_open => matches!(self.state, WaitState::Pending | WaitState::Fetched),
            is_over => matches!(self.state, WaitState::Ended(_)),
            minutes => self.expires_in_seconds / 60,
            seconds => format!("{:02}", self.expires_in_seconds % 60),
            access_pass,
            qr,
            ..to_value(self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_speaks_of_states_and_reasons_as_the_stages_do() {
        for stage in [
            LoginStage::Creating,
            LoginStage::Ended(End::Denied),
            LoginStage::Ended(End::Expired),
            LoginStage::Ended(End::Cancelled(None)),
            LoginStage::Ended(End::Cancelled(Some(Reason::Replaced))),
            LoginStage::Ended(End::Failed(Reason::UpstreamDown)),
        ] {
            let state = WaitState::from(&stage);
            assert_eq!((state.state(), state.reason()), (stage.state(), stage.reason()));
        }
    }
}

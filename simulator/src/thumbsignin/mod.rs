//! The ThumbSignIn service: its applications, and the transactions that phones complete for them.

pub(crate) mod apps;
pub(crate) mod signature;

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use self::apps::{About, App};
use crate::options::Options;
use crate::phone::Mistake;
use crate::{clock, random};

/// The one status that is success.
pub(crate) const SUCCESS: &str = "COMPLETED_SUCCESSFUL";
/// Why a sign-in fails that was not theirs.
const NOT_ME: &str = "NOT_ME";
/// Transactions kept; older ones are forgotten.
const KEPT: usize = 20_000;
/// Applications that there may be: each keeps a logo and a list of phones.
const MOST_APPS: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Register,
    Authenticate,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    /// A phone has picked it up.
    Initiated,
    /// A phone has completed it; by whom.
    Successful(String),
    Failed(String),
    /// Its user says that it was not theirs, on a phone of theirs.
    Disowned(String),
}

impl Status {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Initiated => "INITIATED",
            Self::Successful(_) => SUCCESS,
            Self::Failed(_) | Self::Disowned(_) => "COMPLETED_FAILURE",
        }
    }

    /// Why it failed; empty while it has not.
    pub(crate) fn failure_reason(&self) -> &str {
        match self {
            Self::Failed(reason) => reason,
            Self::Disowned(_) => NOT_ME,
            Self::Pending | Self::Initiated | Self::Successful(_) => "",
        }
    }

    /// Whose phone it was that had the last word, where that is proven.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::Successful(user) | Self::Disowned(user) => Some(user.as_str()),
            Self::Pending | Self::Initiated | Self::Failed(_) => None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Pending | Self::Initiated)
    }

    fn failed(reason: &str) -> Self {
        Self::Failed(reason.to_owned())
    }
}

/// What a call begins.
pub(crate) struct NewTransaction {
    /// Whose call it is.
    pub(crate) app: String,
    pub(crate) kind: Kind,
    pub(crate) user: Option<String>,
    pub(crate) browser: Option<String>,
}

#[derive(Clone)]
pub(crate) struct Transaction {
    /// Up to 48 hex digits, without leading zeros, as the vendor writes them.
    pub(crate) id: String,
    /// Id of the application that began it; to others it does not exist.
    pub(crate) app: String,
    pub(crate) kind: Kind,
    /// Who is asked; a sign-in may be open to whoever scans.
    pub(crate) user: Option<String>,
    pub(crate) status: Status,
    pub(crate) created_ms: i64,
    pub(crate) expires_ms: i64,
    /// The `User-Agent` that the caller passed on.
    pub(crate) browser: Option<String>,
}

impl Transaction {
    fn expire(&mut self, now: i64) {
        if self.status.is_open() && now >= self.expires_ms {
            self.status = Status::failed("TIMEOUT");
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(crate) enum PhoneAction {
    Scan,
    /// Completes it, as the person who is asked or as the one named here.
    Approve {
        #[serde(rename = "userId")]
        user: Option<String>,
        /// By which phone: else by the oldest one, and a registration by a new one.
        #[serde(rename = "deviceId")]
        device: Option<String>,
    },
    Decline,
    Fail {
        #[serde(rename = "failureReason")]
        reason: Option<String>,
        /// Whose phone says so; nobody is named where it is not registered.
        #[serde(rename = "userId")]
        user: Option<String>,
    },
}

pub(crate) struct ThumbSignIn {
    /// In the order in which they were created; the first is that of the options.
    pub(crate) apps: Vec<App>,
    pub(crate) transactions: VecDeque<Transaction>,
    lifetime_ms: i64,
}

impl ThumbSignIn {
    pub(crate) fn new(options: &Options) -> Self {
        let about = About {
            name: options.app_name.clone(),
            description: options.app_description.clone(),
            logo: options.app_logo.clone(),
        };
        let mut app = App::new(options.app_id.clone(), options.secret.clone(), about);
        options.thumbsignin_users.iter().for_each(|user| app.add_device(clock::wall_ms(), user, None));
        let lifetime_ms = clock::ms(options.thumbsignin_lifetime);
        Self { apps: vec![app], transactions: VecDeque::new(), lifetime_ms }
    }

    pub(crate) fn app(&self, id: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.id == id)
    }

    pub(crate) fn app_mut(&mut self, id: &str) -> Option<&mut App> {
        self.apps.iter_mut().find(|app| app.id == id)
    }

    /// Answers the new application's id.
    pub(crate) fn create_app(&mut self, about: About) -> Result<String, Mistake> {
        if self.apps.len() >= MOST_APPS {
            return Err(Mistake::over(format!("there are {MOST_APPS} applications, which is the most")));
        }
        let app = App::with_new_credentials(about);
        let id = app.id.clone();
        self.apps.push(app);
        Ok(id)
    }

    /// Everybody who ever registered a phone for any application.
    pub(crate) fn users(&self) -> BTreeSet<&str> {
        self.apps.iter().flat_map(|app| app.users.keys().map(String::as_str)).collect()
    }

    pub(crate) fn begin(&mut self, now: i64, new: NewTransaction) -> Transaction {
        let NewTransaction { app, kind, user, browser } = new;
        let id = random::hex(3).trim_start_matches('0').to_owned();
        let expires_ms = now.saturating_add(self.lifetime_ms);
        let transaction = Transaction { id, app, kind, user, status: Status::Pending, created_ms: now, expires_ms, browser };
        self.transactions.push_back(transaction.clone());
        if self.transactions.len() > KEPT {
            self.transactions.pop_front();
        }
        transaction
    }

    pub(crate) fn transaction(&mut self, now: i64, id: &str) -> Option<&mut Transaction> {
        let transaction = self.transactions.iter_mut().rev().find(|transaction| transaction.id == id)?;
        transaction.expire(now);
        Some(transaction)
    }

    /// All transactions as they stand now, oldest first.
    pub(crate) fn transactions(&mut self, now: i64) -> impl Iterator<Item = &Transaction> {
        self.transactions.iter_mut().for_each(|transaction| transaction.expire(now));
        self.transactions.iter()
    }

    /// Withdraws a transaction on behalf of the site that began it; one that is over stays as it is.
    pub(crate) fn cancel(&mut self, now: i64, id: &str) {
        if let Some(transaction) = self.transaction(now, id).filter(|transaction| transaction.status.is_open()) {
            transaction.status = Status::failed("CANCELLED");
        }
    }

    /// Lets a phone act on a transaction; answers it as it stands then.
    pub(crate) fn act(&mut self, now: i64, id: &str, action: &PhoneAction) -> Result<Transaction, Mistake> {
        let unknown = || Mistake::not_found("there is no such transaction");
        let transaction = self.transaction(now, id).ok_or_else(unknown)?.clone();
        if !transaction.status.is_open() {
            return Err(Mistake::over(format!("the transaction is over, its status is {}", transaction.status.name())));
        }
        let status = match action {
            PhoneAction::Scan => Status::Initiated,
            PhoneAction::Decline => Status::failed("DECLINED"),
            PhoneAction::Fail { reason, user } => {
                let reason = reason.as_deref().unwrap_or("TECHNICAL_REASON");
                let holder = user.clone().filter(|user| reason == NOT_ME && self.has_phone(&transaction.app, user));
                holder.map_or_else(|| Status::failed(reason), Status::Disowned)
            }
            PhoneAction::Approve { user, device } => {
                let nobody = || Mistake::bad_request("nobody was asked by name: say with userId whose phone this is");
                let holder = user.clone().or(transaction.user.clone()).ok_or_else(nobody)?;
                if device.as_deref().is_some_and(|id| !is_device_id(id)) {
                    return Err(Mistake::bad_request("deviceId has up to 64 letters, digits, dots, dashes, underscores"));
                }
                self.complete(now, &transaction, holder, device.as_deref())
            }
        };
        let transaction = self.transaction(now, id).ok_or_else(unknown)?;
        transaction.status = status;
        Ok(transaction.clone())
    }

    fn has_phone(&self, app: &str, user: &str) -> bool {
        self.app(app).is_some_and(|app| !app.devices(user).is_empty())
    }

    /// What comes of the approval by a phone of `holder`: an application knows the phones that were registered for it only.
    fn complete(&mut self, now: i64, transaction: &Transaction, holder: String, device: Option<&str>) -> Status {
        let Some(app) = self.app_mut(&transaction.app) else { return Status::failed("TECHNICAL_REASON") };
        match transaction.kind {
            Kind::Register if device.is_some() && app.device_mut(&holder, device).is_some() => {
                return Status::failed("ALREADY_REGISTERED");
            }
            Kind::Register => app.add_device(now, &holder, device),
            Kind::Authenticate => match app.device_mut(&holder, device) {
                Some(device) => device.used_ms = Some(now),
                None => return Status::failed("NOT_REGISTERED"),
            },
        }
        Status::Successful(holder)
    }
}

/// Characters that no signer writes in a way of its own: the id goes into paths.
fn is_device_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests;

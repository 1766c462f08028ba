//! The ThumbSignIn service: users, their devices, and the transactions that phones complete.

pub(crate) mod signature;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::options::Options;
use crate::phone::Mistake;
use crate::{clock, random};

/// The one status that is success.
pub(crate) const SUCCESS: &str = "COMPLETED_SUCCESSFUL";
/// Transactions kept; older ones are forgotten.
const KEPT: usize = 20_000;

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
}

impl Status {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Initiated => "INITIATED",
            Self::Successful(_) => SUCCESS,
            Self::Failed(_) => "COMPLETED_FAILURE",
        }
    }

    /// Why it failed; empty while it has not.
    pub(crate) fn failure_reason(&self) -> &str {
        if let Self::Failed(reason) = self { reason } else { "" }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Pending | Self::Initiated)
    }

    fn failed(reason: &str) -> Self {
        Self::Failed(reason.to_owned())
    }
}

#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) registered_ms: i64,
    /// `None` before its first sign-in.
    pub(crate) used_ms: Option<i64>,
}

#[derive(Clone)]
pub(crate) struct Transaction {
    /// Up to 48 hex digits, without leading zeros, as the vendor writes them.
    pub(crate) id: String,
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
    },
    Decline,
    Fail {
        #[serde(rename = "failureReason")]
        reason: Option<String>,
    },
}

pub(crate) struct ThumbSignIn {
    pub(crate) users: BTreeMap<String, Vec<Device>>,
    pub(crate) transactions: VecDeque<Transaction>,
    lifetime_ms: i64,
}

impl ThumbSignIn {
    pub(crate) fn new(options: &Options) -> Self {
        let lifetime_ms = clock::ms(options.thumbsignin_lifetime);
        let mut service = Self { users: BTreeMap::new(), transactions: VecDeque::new(), lifetime_ms };
        options.thumbsignin_users.iter().for_each(|user| service.add_device(clock::wall_ms(), user));
        service
    }

    /// Oldest first.
    pub(crate) fn devices(&self, user: &str) -> &[Device] {
        self.users.get(user).map_or(&[], Vec::as_slice)
    }

    /// False where the user has none of that id.
    pub(crate) fn remove_device(&mut self, user: &str, device: &str) -> bool {
        let Some(devices) = self.users.get_mut(user) else { return false };
        let before = devices.len();
        devices.retain(|known| known.id != device);
        devices.len() < before
    }

    pub(crate) fn begin(&mut self, now: i64, kind: Kind, user: Option<String>, browser: Option<String>) -> Transaction {
        let id = random::hex(3).trim_start_matches('0').to_owned();
        let expires_ms = now.saturating_add(self.lifetime_ms);
        let transaction = Transaction { id, kind, user, status: Status::Pending, created_ms: now, expires_ms, browser };
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
            PhoneAction::Fail { reason } => Status::failed(reason.as_deref().unwrap_or("TECHNICAL_REASON")),
            PhoneAction::Approve { user } => {
                let nobody = || Mistake::bad_request("nobody was asked by name: say with userId whose phone this is");
                let holder = user.clone().or(transaction.user.clone()).ok_or_else(nobody)?;
                self.complete(now, transaction.kind, holder)
            }
        };
        let transaction = self.transaction(now, id).ok_or_else(unknown)?;
        transaction.status = status;
        Ok(transaction.clone())
    }

    /// What comes of the approval by `holder`: only a registered device can sign in.
    fn complete(&mut self, now: i64, kind: Kind, holder: String) -> Status {
        if kind == Kind::Register {
            self.add_device(now, &holder);
            return Status::Successful(holder);
        }
        match self.users.get_mut(&holder).and_then(|devices| devices.first_mut()) {
            Some(device) => {
                device.used_ms = Some(now);
                Status::Successful(holder)
            }
            None => Status::failed("NOT_REGISTERED"),
        }
    }

    fn add_device(&mut self, now: i64, user: &str) {
        let devices = self.users.entry(user.to_owned()).or_default();
        let name = match devices.len() {
            0 => "Virtual phone".to_owned(),
            more => format!("Virtual phone {}", more + 1),
        };
        devices.push(Device { id: random::hex(2), name, registered_ms: now, used_ms: None });
    }
}

#[cfg(test)]
mod tests;

//! The row of a login and its stages.

use sea_orm::Value;
use serde::{Deserialize, Serialize};

use crate::domain::login::{Asked, Challenge, Concern, End, Login, LoginStage, Purpose, Reason, Subject, UpstreamHandle};
use crate::domain::secret::Secret;
use crate::store::entity::login::Model;
use crate::store::prelude::*;

/// The words of the column `stage`.
pub(super) const CREATING: &str = "creating";
pub(super) const PENDING: &str = "pending";
pub(super) const FETCHED: &str = "fetched";
pub(super) const APPROVED: &str = "approved";
pub(super) const DENIED: &str = "denied";
pub(super) const EXPIRED: &str = "expired";
pub(super) const CANCELLED: &str = "cancelled";
pub(super) const FAILED: &str = "failed";

/// The stages in which the phone may still answer.
pub(in crate::store) const OPEN_STAGES: [&str; 3] = [CREATING, PENDING, FETCHED];

/// The words of the column `subject`.
pub(super) const NAMED: &str = "named";
pub(super) const UNNAMED: &str = "unnamed";
pub(super) const DECOY: &str = "decoy";

/// The word of the column `purpose` whose login goes with its authorization, by the foreign key of `authorization_id`.
const AUTHORIZATION: &str = "authorization";
/// The word of the column `purpose` of what registers a phone, and signs nobody in.
pub(super) const ENROLMENT: &str = "enrolment";

/// A purpose as serde writes it: the word of the column `purpose`, and the JSON of `purpose_key`.
#[derive(Serialize, Deserialize)]
struct TaggedPurpose {
    purpose: String,
    key: serde_json::Value,
}

/// The columns `purpose`, `authorization_id` and `purpose_key`.
fn purpose_columns(purpose: &Purpose) -> Result<(String, Option<AuthorizationId>, Option<String>), StoreError> {
    if let Purpose::Authorization(id) = purpose {
        return Ok((AUTHORIZATION.to_owned(), Some(id.clone()), None));
    }
    let tagged: TaggedPurpose = Row { table: "logins", key: "" }.json("purpose", &to_json(purpose)?)?;
    Ok((tagged.purpose, None, Some(tagged.key.to_string())))
}

fn read_purpose(row: Row<'_>, model: &Model) -> Result<Purpose, StoreError> {
    if model.purpose == AUTHORIZATION {
        return row.present("authorization_id", model.authorization_id.clone()).map(Purpose::Authorization);
    }
    let key = row.json("purpose_key", model.purpose_key.as_deref().unwrap_or("null"))?;
    row.json("purpose", &to_json(&TaggedPurpose { purpose: model.purpose.clone(), key })?)
}

/// SQL: whether a login is for this purpose, and the values of `$1` and `$2` in it.
pub(super) fn is_for(purpose: &Purpose) -> Result<(&'static str, Vec<Value>), StoreError> {
    Ok(match purpose_columns(purpose)? {
        (word, Some(authorization), _) => ("purpose = $1 AND authorization_id = $2", values![word, authorization]),
        (word, None, key) => ("purpose = $1 AND purpose_key = $2", values![word, key]),
    })
}

pub(super) fn to_model(login: &Login) -> Result<Model, StoreError> {
    let Login { subject, stage, concern, .. } = login;
    let (purpose, authorization_id, purpose_key) = purpose_columns(&login.purpose)?;
    let (subject, asked) = match subject {
        Subject::Unnamed => (UNNAMED, None),
        Subject::Named(asked) => (NAMED, Some(asked)),
        Subject::Decoy => (DECOY, None),
    };
    let (stage, reason) = match stage {
        LoginStage::Creating => (CREATING, None),
        LoginStage::Pending(_) => (PENDING, None),
        LoginStage::Fetched(_) => (FETCHED, None),
        LoginStage::Approved { .. } => (APPROVED, None),
        LoginStage::Ended(end) => (end.state(), end.reason()),
    };
    let sealed_handle = match &login.stage {
        LoginStage::Pending(handle) | LoginStage::Fetched(handle) => Some(handle.0.expose().to_owned()),
        _other => None,
    };
    let (ended_at, approved_user_id, approved_device_id) = match &login.stage {
        LoginStage::Approved { at, user_id, device_id } => (Some(*at), Some(user_id.clone()), device_id.clone()),
        _other => (None, None, None),
    };
    Ok(Model {
        id: login.id.clone(),
        purpose,
        authorization_id,
        purpose_key,
        browser: login.browser.as_ref().map(|browser| browser.0.clone()),
        address: login.origin.address.clone(),
        user_agent: login.origin.user_agent.clone(),
        upstream: login.upstream.as_str().to_owned(),
        subject: subject.to_owned(),
        asked_user_id: asked.map(|asked| asked.user_id.clone()).or_else(|| concern.user.clone()),
        asked_device_id: asked.map(|asked| asked.device_id.clone()),
        upstream_user: asked.map(|asked| asked.upstream_user.clone()),
        remembered: login.remembered,
        typed: login.typed.clone(),
        remember: login.remember,
        challenge: login.challenge.as_ref().map(to_json).transpose()?,
        stage: stage.to_owned(),
        reason: reason.map(|reason| reason.as_str().to_owned()),
        sealed_handle,
        approved_user_id,
        approved_device_id,
        created_at: login.created_at,
        deadline: login.deadline,
        ended_at,
        consumed_at: login.consumed_at,
        lease_owner: None,
        lease_until: None,
        target: concern.target.clone(),
        client_id: concern.client.clone(),
    })
}

pub(super) fn read(model: Model) -> Result<Login, StoreError> {
    let row = Row { table: "logins", key: model.id.as_str() };
    Ok(Login {
        purpose: read_purpose(row, &model)?,
        upstream: row.upstream(&model.upstream)?,
        subject: read_subject(row, &model)?,
        stage: read_stage(row, &model)?,
        challenge: read_challenge(row, &model)?,
        browser: model.browser.map(BrowserKey),
        origin: RequestSource { address: model.address, user_agent: model.user_agent },
        remembered: model.remembered,
        typed: model.typed,
        remember: model.remember,
        created_at: model.created_at,
        deadline: model.deadline,
        consumed_at: model.consumed_at,
        concern: Concern { target: model.target, user: model.asked_user_id, client: model.client_id },
        id: model.id,
    })
}

/// One of a kind that this program does not know is none: its page shows no picture, and its login counts for less.
fn read_challenge(row: Row<'_>, model: &Model) -> Result<Option<Challenge>, StoreError> {
    match model.challenge.as_deref().map(|text| row.json("challenge", text)).transpose() {
        Err(StoreError::Unknown { .. }) => Ok(None),
        known => known,
    }
}

fn read_subject(row: Row<'_>, model: &Model) -> Result<Subject, StoreError> {
    match model.subject.as_str() {
        UNNAMED => Ok(Subject::Unnamed),
        DECOY => Ok(Subject::Decoy),
        NAMED => Ok(Subject::Named(Asked {
            user_id: row.present("asked_user_id", model.asked_user_id.clone())?,
            device_id: row.present("asked_device_id", model.asked_device_id.clone())?,
            upstream_user: row.present("upstream_user", model.upstream_user.clone())?,
        })),
        other => row.known("subject", other, None),
    }
}

fn read_stage(row: Row<'_>, model: &Model) -> Result<LoginStage, StoreError> {
    let handle = || row.present("sealed_handle", model.sealed_handle.clone()).map(|text| UpstreamHandle(Secret::new(text)));
    let reason = || model.reason.as_deref().map(Reason::parse);
    Ok(match model.stage.as_str() {
        CREATING => LoginStage::Creating,
        PENDING => LoginStage::Pending(handle()?),
        FETCHED => LoginStage::Fetched(handle()?),
        APPROVED => LoginStage::Approved {
            at: row.present("ended_at", model.ended_at)?,
            user_id: row.present("approved_user_id", model.approved_user_id.clone())?,
            device_id: model.approved_device_id.clone(),
        },
        DENIED => LoginStage::Ended(End::Denied),
        EXPIRED => LoginStage::Ended(End::Expired),
        CANCELLED => LoginStage::Ended(End::Cancelled(reason().flatten())),
        FAILED => LoginStage::Ended(End::Failed(row.present("reason", reason())?.unwrap_or(Reason::Technical))),
        // A newer program's: nothing is decided here, and the page waits until the deadline.
        _unknown => LoginStage::Creating,
    })
}

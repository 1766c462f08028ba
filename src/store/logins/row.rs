//! The row of a login and its stages.

use serde::{Deserialize, Serialize};

use crate::domain::login::{Asked, Challenge, Concern, End, Login, LoginStage, Purpose, Reason, Subject, UpstreamHandle};
use crate::domain::secret::Secret;
use crate::store::entity::login::{Column, Model};
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

/// A purpose as serde writes it: the word of the column `purpose`, and the JSON of `purpose_key`.
#[derive(Serialize, Deserialize)]
struct TaggedPurpose {
    purpose: String,
    key: serde_json::Value,
}

/// The columns `purpose`, `authorization_id` and `purpose_key`.
fn purpose_columns(purpose: &Purpose) -> Result<(String, Option<String>, Option<String>), StoreError> {
    if let Purpose::Authorization(id) = purpose {
        return Ok((AUTHORIZATION.to_owned(), Some(id.as_str().to_owned()), None));
    }
    let tagged: TaggedPurpose = Row { table: "logins", key: "" }.json("purpose", &to_json(purpose)?)?;
    Ok((tagged.purpose, None, Some(tagged.key.to_string())))
}

fn read_purpose(row: Row<'_>, model: &Model) -> Result<Purpose, StoreError> {
    if model.purpose == AUTHORIZATION {
        let id = row.present("authorization_id", model.authorization_id.clone())?;
        return Ok(Purpose::Authorization(AuthorizationId::new(id)));
    }
    let key = row.json("purpose_key", model.purpose_key.as_deref().unwrap_or("null"))?;
    row.json("purpose", &to_json(&TaggedPurpose { purpose: model.purpose.clone(), key })?)
}

pub(super) fn is_for(purpose: &Purpose) -> Result<Condition, StoreError> {
    let (word, authorization, key) = purpose_columns(purpose)?;
    let same = Condition::all().add(Column::Purpose.eq(word));
    Ok(match (authorization, key) {
        (Some(authorization), _) => same.add(Column::AuthorizationId.eq(authorization)),
        (None, key) => same.add(Column::PurposeKey.eq(key)),
    })
}

pub(super) const fn end_words(end: End) -> (&'static str, Option<&'static str>) {
    match end {
        End::Denied => (DENIED, None),
        End::Expired => (EXPIRED, None),
        End::Cancelled(None) => (CANCELLED, None),
        End::Cancelled(Some(reason)) => (CANCELLED, Some(reason.as_str())),
        End::Failed(reason) => (FAILED, Some(reason.as_str())),
    }
}

pub(super) fn to_model(login: &Login) -> Result<Model, StoreError> {
    let (purpose, authorization_id, purpose_key) = purpose_columns(&login.purpose)?;
    let mut model = Model {
        id: login.id.as_str().to_owned(),
        purpose,
        authorization_id,
        browser: login.browser.as_ref().map(|browser| browser.0.as_str().to_owned()),
        address: login.origin.address.clone(),
        user_agent: login.origin.user_agent.clone(),
        upstream: login.upstream.as_str().to_owned(),
        subject: UNNAMED.to_owned(),
        asked_user_id: login.concern.user.as_ref().map(|user| user.as_str().to_owned()),
        remembered: login.remembered,
        typed: login.typed.clone(),
        remember: login.remember,
        challenge: login.challenge.as_ref().map(to_json).transpose()?,
        created_at: login.created_at.as_millis(),
        deadline: login.deadline.as_millis(),
        consumed_at: millis(login.consumed_at),
        target: login.concern.target.clone(),
        client_id: login.concern.client.as_ref().map(|client| client.as_str().to_owned()),
        purpose_key,
        ..Model::default()
    };
    write_subject(&mut model, &login.subject);
    write_stage(&mut model, &login.stage);
    Ok(model)
}

fn write_subject(model: &mut Model, subject: &Subject) {
    match subject {
        Subject::Unnamed => {}
        Subject::Named(asked) => {
            model.subject = NAMED.to_owned();
            model.asked_user_id = Some(asked.user_id.as_str().to_owned());
            model.asked_device_id = Some(asked.device_id.as_str().to_owned());
            model.upstream_user = Some(asked.upstream_user.clone());
        }
        Subject::Decoy => model.subject = DECOY.to_owned(),
    }
}

fn write_stage(model: &mut Model, stage: &LoginStage) {
    let (word, reason) = match stage {
        LoginStage::Creating => (CREATING, None),
        LoginStage::Pending(handle) | LoginStage::Fetched(handle) => {
            model.sealed_handle = Some(handle.0.expose().to_owned());
            (if matches!(stage, LoginStage::Pending(_)) { PENDING } else { FETCHED }, None)
        }
        LoginStage::Approved { at, user_id, device_id } => {
            model.ended_at = Some(at.as_millis());
            model.approved_user_id = Some(user_id.as_str().to_owned());
            model.approved_device_id = device_id.as_ref().map(|device| device.as_str().to_owned());
            (APPROVED, None)
        }
        LoginStage::Ended(end) => end_words(*end),
    };
    model.stage = word.to_owned();
    model.reason = reason.map(str::to_owned);
}

pub(super) fn read(model: Model) -> Result<Login, StoreError> {
    let row = Row { table: "logins", key: &model.id };
    Ok(Login {
        purpose: read_purpose(row, &model)?,
        upstream: row.known("upstream", &model.upstream, Upstream::parse(&model.upstream))?,
        subject: read_subject(row, &model)?,
        stage: read_stage(row, &model)?,
        challenge: read_challenge(row, &model)?,
        browser: model.browser.map(|browser| BrowserKey(SecretDigest::from_stored(browser))),
        origin: RequestSource { address: model.address, user_agent: model.user_agent },
        remembered: model.remembered,
        typed: model.typed,
        remember: model.remember,
        created_at: Timestamp::from_millis(model.created_at),
        deadline: Timestamp::from_millis(model.deadline),
        consumed_at: moment(model.consumed_at),
        concern: Concern {
            target: model.target,
            user: model.asked_user_id.map(UserId::new),
            client: model.client_id.map(ClientId::new),
        },
        id: LoginId::new(model.id),
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
            user_id: UserId::new(row.present("asked_user_id", model.asked_user_id.clone())?),
            device_id: DeviceId::new(row.present("asked_device_id", model.asked_device_id.clone())?),
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
            at: Timestamp::from_millis(row.present("ended_at", model.ended_at)?),
            user_id: UserId::new(row.present("approved_user_id", model.approved_user_id.clone())?),
            device_id: model.approved_device_id.clone().map(DeviceId::new),
        },
        DENIED => LoginStage::Ended(End::Denied),
        EXPIRED => LoginStage::Ended(End::Expired),
        CANCELLED => LoginStage::Ended(End::Cancelled(reason().flatten())),
        FAILED => LoginStage::Ended(End::Failed(row.present("reason", reason())?.unwrap_or(Reason::Technical))),
        // A newer program's: nothing is decided here, and the page waits until the deadline.
        _unknown => LoginStage::Creating,
    })
}

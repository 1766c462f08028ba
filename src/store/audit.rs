//! The audit trail: written in the same transaction as the change that it tells of.
//!
//! What strangers can repeat without end ([`AuditKind::repeats`](crate::domain::audit::AuditKind::repeats)) has bounds for each
//! kind and hour. The first events have a row each, until one of these is reached; from then on one row stands for all that
//! reached it, with their number and the moment of the latest:
//!
//! | so many rows | of | the row that stands for the others says |
//! |---|---|---|
//! | 5 | equal ones: same detail, client, person and source | all of it |
//! | 20 | one source | the source; detail `many` |
//! | 20 | one person | the person; detail `many`, address `*` |
//! | 1000 | the kind, without a person | detail `many`, address `*` |
//!
//! On PostgreSQL two nodes at the same moment may write a row or two more; no event is lost.

use super::prelude::*;
use super::webhook_events;
use crate::domain::audit::{AuditEvent, AuditKind};

/// For how long one row stands for others, at most.
const HOUR: Duration = Duration::from_hours(1);

/// Writes an event under a new, time-ordered `id`, or counts it in the row that stands for its like. Returns whether it has a row of
/// its own.
pub(crate) async fn insert(tx: &Tx, event: &AuditEvent, id: &str, at: Timestamp) -> Result<bool, StoreError> {
    if !event.kind.repeats() {
        return write(tx, event, id, at, None).await.map(|()| true);
    }
    let bounds = bounds(event, at);
    let keys = bounds.iter().map(|bound| bound.key.as_str());
    let tallies = audit_tally::Entity::find().filter(audit_tally::Column::Key.is_in(keys)).all(tx.db()).await?;
    let reached = |bound: &&Bound| tallies.iter().any(|tally| tally.key == bound.key && tally.rows >= bound.most);
    if let Some(bound) = bounds.iter().find(reached) {
        return write(tx, &bound.told, id, at, Some(&bound.key)).await.map(|()| false);
    }
    write(tx, event, id, at, None).await?;
    let mut keys: Vec<&str> = bounds.iter().map(|bound| bound.key.as_str()).collect();
    // In one order, so that no two transactions wait for each other.
    keys.sort_unstable();
    for key in keys {
        let sql = "INSERT INTO audit_tallies (key, rows, at) VALUES ($1, 1, $2) \
                   ON CONFLICT (key) DO UPDATE SET rows = audit_tallies.rows + 1";
        tx.changes(sql, values![key, at]).await?;
    }
    Ok(true)
}

/// As [`insert`]; what has a row of its own and is one of the kinds `announced` is queued for the operator's webhook.
pub(crate) async fn insert_announced(
    tx: &Tx,
    announced: &[AuditKind],
    event: &AuditEvent,
    id: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    if insert(tx, event, id, at).await? && announced.contains(&event.kind) {
        webhook_events::insert(tx, event, id, at).await?;
    }
    Ok(())
}

/// Writes some hundred events, of kinds that no stranger can repeat, by one statement; by another those of the kinds `announced`
/// are queued for the operator's webhook.
pub(crate) async fn insert_all(
    tx: &Tx,
    announced: &[AuditKind],
    events: &[(&str, &AuditEvent)],
    at: Timestamp,
) -> Result<(), StoreError> {
    let row = |(id, event): &(&str, &AuditEvent)| {
        let AuditEvent { kind, user, client, subject, origin, detail } = (*event).clone();
        let (id, kind) = ((*id).to_owned(), kind.as_str().to_owned());
        let RequestSource { address, user_agent } = origin;
        let (user_id, client_id, sample, count, last_at) = (user, client, None, None, None);
        audit_event::Model { id, at, kind, user_id, client_id, subject, address, user_agent, detail, sample, count, last_at }
    };
    if !tx.insert_all(events.iter().map(row).collect()).await? {
        return Err(StoreError::conflict("two audit events have one id"));
    }
    let told: Vec<(&str, &AuditEvent)> =
        events.iter().filter(|(_id, event)| announced.contains(&event.kind)).copied().collect();
    if told.is_empty() { Ok(()) } else { webhook_events::insert_all(tx, &told, at).await }
}

/// Up to how many rows events of a kind have, and what the row says that stands for the others.
struct Bound {
    key: String,
    most: i64,
    told: AuditEvent,
}

/// The bounds that an event counts against, the narrowest first.
fn bounds(event: &AuditEvent, at: Timestamp) -> Vec<Bound> {
    let hour = at.as_millis().div_euclid(60 * 60 * 1000).to_string();
    let source = event.origin.source();
    let bound = |name: &str, parts: &[&str], most: i64, told: AuditEvent| {
        let parts = [&[name, hour.as_str(), event.kind.as_str()], parts].concat();
        // Each part is preceded by its length, so that no two lists share a key.
        let text: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
        Bound { key: SecretDigest::of(text.as_bytes()).as_str().to_owned(), most, told }
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (detail, client, user) = (text(&event.detail), text(&event.client), text(&event.user));
    let many = AuditEvent { detail: Some("many".to_owned()), ..AuditEvent::new(event.kind) };
    let mut anywhere = many.clone();
    anywhere.origin.address = "*".to_owned();
    let mut of_source = many;
    of_source.origin.address.clone_from(&event.origin.address);
    let mut bounds = vec![
        bound("equal", &[&detail, &client, &user, &source], 5, AuditEvent { subject: None, ..event.clone() }),
        bound("source", &[&source], 20, of_source),
    ];
    // There are no more people than the operator let in: what names one needs no bound of all, which strangers could use up.
    bounds.push(match &event.user {
        Some(_) => bound("person", &[&user], 20, AuditEvent { user: event.user.clone(), ..anywhere }),
        None => bound("all", &[], 1000, anywhere),
    });
    bounds
}

/// With `sample` it is a row that stands for others: where it is there already, one more is counted.
async fn write(tx: &Tx, event: &AuditEvent, id: &str, at: Timestamp, sample: Option<&str>) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit_events (id, at, kind, user_id, client_id, subject, address, user_agent, detail, sample, count, \
               last_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
               ON CONFLICT (sample) DO UPDATE SET count = audit_events.count + 1, last_at = excluded.last_at";
    let AuditEvent { kind, user, client, subject, origin: RequestSource { address, user_agent }, detail } = event;
    let (user, client, subject, detail) = (user.as_deref(), client.as_deref(), subject.as_deref(), detail.as_deref());
    let (count, last_at) = (sample.map(|_| 1_i64), sample.map(|_| at));
    let values = values![id, at, kind.as_str(), user, client, subject, address, user_agent, detail, sample, count, last_at];
    tx.changes(sql, values).await.map(drop)
}

/// An event as it was written. Its kind is the stable name, so that one which this program does not know can still be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditRecord {
    pub id: String,
    /// When it happened; the first time, where it stands for many.
    pub at: Timestamp,
    pub kind: String,
    pub user: Option<String>,
    pub client: Option<String>,
    pub subject: Option<String>,
    pub address: String,
    pub user_agent: String,
    pub detail: Option<String>,
    /// For how many events it stands.
    pub count: u64,
    /// When the latest of them happened.
    pub last_at: Timestamp,
}

/// Which events are wanted: those that fit every member that says something.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditFilter {
    pub user: Option<String>,
    pub client: Option<String>,
    /// One of these; empty: any.
    pub kinds: Vec<AuditKind>,
    /// Not before this moment; of a row that stands for many, the latest of them.
    pub since: Option<Timestamp>,
}

impl AuditFilter {
    fn condition(&self) -> Condition {
        let (at, last_at) = (audit_event::Column::At, audit_event::Column::LastAt);
        // A row stands for others of its hour: the index finds the hour before, too.
        let since = |since: Timestamp| {
            let itself = Condition::any().add(at.gte(since)).add(last_at.gte(since));
            Condition::all().add(at.gte(since.minus(HOUR))).add(itself)
        };
        let kinds = self.kinds.iter().map(|kind| kind.as_str());
        Condition::all()
            .add_option(self.user.as_deref().map(|user| audit_event::Column::UserId.eq(user)))
            .add_option(self.client.as_deref().map(|client| audit_event::Column::ClientId.eq(client)))
            .add_option((!self.kinds.is_empty()).then(|| audit_event::Column::Kind.is_in(kinds)))
            .add_option(self.since.map(since))
    }
}

/// The latest `limit` events, the latest first.
pub(crate) async fn latest(db: &Db, filter: &AuditFilter, limit: u64) -> Result<Vec<AuditRecord>, StoreError> {
    let rows = audit_event::Entity::find()
        .filter(filter.condition())
        .order_by_desc(audit_event::Column::At)
        .order_by_desc(audit_event::Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(AuditRecord::from).collect())
}

/// The next `limit` events behind the one of this moment and id, the earliest first.
pub(crate) async fn after(
    db: &Db,
    filter: &AuditFilter,
    (at, id): (Timestamp, &str),
    limit: u64,
) -> Result<Vec<AuditRecord>, StoreError> {
    let same = Condition::all().add(audit_event::Column::At.eq(at)).add(audit_event::Column::Id.gt(id));
    let rows = audit_event::Entity::find()
        .filter(filter.condition())
        .filter(audit_event::Column::At.gte(at))
        .filter(Condition::any().add(audit_event::Column::At.gt(at)).add(same))
        .order_by_asc(audit_event::Column::At)
        .order_by_asc(audit_event::Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(AuditRecord::from).collect())
}

impl From<audit_event::Model> for AuditRecord {
    fn from(model: audit_event::Model) -> Self {
        Self {
            id: model.id,
            at: model.at,
            kind: model.kind,
            user: model.user_id,
            client: model.client_id,
            subject: model.subject,
            address: model.address,
            user_agent: model.user_agent,
            detail: model.detail,
            count: model.count.and_then(|count| u64::try_from(count).ok()).unwrap_or(1),
            last_at: model.last_at.unwrap_or(model.at),
        }
    }
}

#[cfg(test)]
pub(crate) async fn list(db: &Db, limit: u64) -> Result<Vec<AuditRecord>, StoreError> {
    latest(db, &AuditFilter::default(), limit).await
}

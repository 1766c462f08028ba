//! What piles up.

use std::time::Duration;

use super::samples::{NOW, access_token, after, code_content, digest, login, populate, refresh_token, write};
use super::schema::execute;
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::browser::RequestSource;
use crate::domain::clock::Timestamp;
use crate::domain::id::{AuthorizationId, GrantId, LoginId, SessionId};
use crate::store::access_passes::{self, MOST_PASSES};
use crate::store::audit::{AuditFilter, AuditRecord};
use crate::store::{
    Store, StoreError, access_tokens, audit, authorizations, cleanup, codes, grants, logins, refresh_tokens, sessions,
};

const DAY: u64 = 86_400;

async fn clean(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    cleanup::delete_expired(store, now, Duration::from_secs(400 * DAY)).await
}

pub(super) async fn the_long_dead_are_deleted_and_the_living_stay(store: Store) {
    let alice = populate(&store).await;
    write!(store, code_content(&alice), |tx, c| codes::insert(tx, &digest("c"), &AuthorizationId::new("a"), c, after(60)));
    write!(store, login("l"), |tx, login| logins::insert(tx, login, Some(after(120))));
    write!(store, refresh_token("r"), |tx, token| refresh_tokens::insert(tx, token));
    // More than one batch.
    for hundred in 0..6 {
        write!(store, hundred, |tx, hundred| async {
            for number in 0..100 {
                access_tokens::insert(tx, &access_token(&format!("t{hundred}-{number}"))).await?;
            }
            Ok(())
        });
    }

    execute(&store, "UPDATE authorizations SET stage = 'issued'").await;

    assert_eq!(clean(&store, after(3600)).await.unwrap(), 0, "nothing has been dead for long");
    assert_eq!(clean(&store, after(DAY)).await.unwrap(), 1, "the slot");
    let db = store.read();
    // Code and login, then 600 access tokens, then the authorization.
    assert_eq!(clean(&store, after(DAY + 601)).await.unwrap(), 2 + 600);
    assert!(codes::find(db, &digest("c")).await.unwrap().is_none());
    assert!(logins::find(db, &LoginId::new("l")).await.unwrap().is_none());
    assert!(authorizations::find(db, &AuthorizationId::new("a")).await.unwrap().is_some());
    assert_eq!(clean(&store, after(DAY + 1801)).await.unwrap(), 1);
    assert!(authorizations::find(db, &AuthorizationId::new("a")).await.unwrap().is_none());
    assert!(refresh_tokens::find(db, &digest("r")).await.unwrap().is_some());
    assert!(sessions::find(db, &SessionId::new("s")).await.unwrap().is_some());
    // The session, the refresh token, the family.
    assert_eq!(clean(&store, after(100 * DAY)).await.unwrap(), 3);
    assert!(grants::find(db, &GrantId::new("g")).await.unwrap().is_none());
}

pub(super) async fn a_table_that_fails_keeps_no_other_from_being_cleaned(store: Store) {
    populate(&store).await;
    write!(store, access_token("t"), |tx, token| access_tokens::insert(tx, token));
    execute(&store, "ALTER TABLE codes RENAME TO away").await;
    let outcome = clean(&store, after(2 * DAY)).await;
    execute(&store, "ALTER TABLE away RENAME TO codes").await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, StoreError::Statement(_)), "{error}");
    assert!(access_tokens::find(store.read(), &digest("t")).await.unwrap().is_none(), "behind the table that failed");
}

pub(super) async fn the_audit_trail_is_read_latest_first(store: Store) {
    for (number, kind) in [AuditKind::LoginStarted, AuditKind::LoginSucceeded, AuditKind::TokenIssued].into_iter().enumerate() {
        let event = AuditEvent {
            user: Some("user-alice".into()),
            origin: RequestSource { address: "192.0.2.1".into(), user_agent: "Test/1".into() },
            detail: Some("secsign".into()),
            ..AuditEvent::new(kind)
        };
        let at = Timestamp::from_millis(NOW.as_millis() + i64::try_from(number).unwrap());
        write!(store, (event, format!("id{number}"), at), |tx, v| audit::insert(tx, &v.0, &v.1, v.2));
    }
    let listed = audit::list(store.read(), 2).await.unwrap();
    assert_eq!(listed.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["token.issued", "login.succeeded"]);
    assert_eq!((listed[0].user.as_deref(), listed[0].client.as_deref()), (Some("user-alice"), None));
    assert_eq!((listed[0].address.as_str(), listed[0].detail.as_deref()), ("192.0.2.1", Some("secsign")));
}

pub(super) async fn the_audit_trail_is_read_by_person_client_kind_and_time(store: Store) {
    let kinds = [AuditKind::LoginSucceeded, AuditKind::TokenIssued, AuditKind::UserChanged, AuditKind::TokenIssued];
    for (number, kind) in kinds.into_iter().enumerate() {
        let event = AuditEvent {
            user: Some(if number < 3 { "alice" } else { "bob" }.to_owned()),
            client: (kind == AuditKind::TokenIssued).then(|| "web".to_owned()),
            ..AuditEvent::new(kind)
        };
        let at = after(u64::try_from(number).unwrap() / 2 * 10);
        write!(store, (event, format!("id{number}"), at), |tx, v| audit::insert(tx, &v.0, &v.1, v.2));
    }
    let ids = |records: Vec<AuditRecord>| records.into_iter().map(|record| record.id).collect::<Vec<_>>().join(" ");
    let latest = async |filter: AuditFilter| ids(audit::latest(store.read(), &filter, 10).await.unwrap());
    let of = |user: &str| AuditFilter { user: Some(user.to_owned()), ..AuditFilter::default() };
    assert_eq!(latest(AuditFilter::default()).await, "id3 id2 id1 id0");
    assert_eq!(latest(of("alice")).await, "id2 id1 id0");
    assert_eq!(latest(AuditFilter { client: Some("web".to_owned()), ..of("bob") }).await, "id3");
    assert_eq!(latest(AuditFilter { kinds: vec![AuditKind::TokenIssued], ..of("alice") }).await, "id1");
    assert_eq!(latest(AuditFilter { since: Some(after(10)), ..AuditFilter::default() }).await, "id3 id2");
    let next = async |at, id: &str| ids(audit::after(store.read(), &AuditFilter::default(), (at, id), 2).await.unwrap());
    assert_eq!(next(NOW, "").await, "id0 id1");
    assert_eq!(next(NOW, "id1").await, "id2 id3");
    assert_eq!(next(after(10), "id3").await, "");
}

/// One row stands for failures of an hour: since when they are wanted is compared with the latest of them.
pub(super) async fn a_row_that_stands_for_many_is_as_young_as_the_latest(store: Store) {
    for number in 0..8 {
        let event = AuditEvent { detail: Some("denied".to_owned()), ..AuditEvent::new(AuditKind::LoginFailed) };
        write!(store, (event, format!("id{number}"), after(number * 60)), |tx, v| audit::insert(tx, &v.0, &v.1, v.2));
    }
    let since = async |at| {
        let filter = AuditFilter { since: Some(at), ..AuditFilter::default() };
        audit::latest(store.read(), &filter, 10).await.unwrap().iter().map(|record| record.count).collect::<Vec<_>>()
    };
    assert_eq!(since(after(420)).await, [3], "the first five have a row each");
    assert_eq!(since(after(421)).await, Vec::<u64>::new());
}

pub(super) async fn access_passes_are_capped(store: Store) {
    let add = async |image: String| write!(store, image, |tx, image| access_passes::insert(tx, image, NOW));
    assert!(add("pass 0".into()).await);
    assert!(!add("pass 0".into()).await);
    for number in 1..MOST_PASSES {
        assert!(add(format!("pass {number}")).await);
    }
    assert!(!add("one too many".into()).await);
    let listed = access_passes::list(store.read()).await.unwrap();
    assert_eq!(listed.len(), 256);
    let digest = access_passes::digest("pass 255").as_str().to_owned();
    assert!(listed.contains(&digest));
    assert_eq!(access_passes::find(store.read(), &digest).await.unwrap().as_deref(), Some("pass 255"));
    assert_eq!(access_passes::find(store.read(), "none").await.unwrap(), None);
}

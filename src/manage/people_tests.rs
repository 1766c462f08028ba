//! What operators do with people, their phones and their consents, on a SQLite file.

use super::tests::{Bench, alice, declared_user};
use super::{ManageError, deletion, users};
use crate::domain::written::WrittenUser;
use crate::store;

#[tokio::test]
async fn a_deleted_person_leaves_their_names_and_the_trail() {
    let bench = Bench::new().await;
    let person = users::create(&bench.manage(), alice()).await.unwrap();
    let session = bench.sign_in(&person.user.id, &person.devices[0].id).await;
    let deleted = deletion::delete(&bench.manage(), "alice@example.org").await.unwrap();
    assert_eq!(deleted.user.id, person.user.id);
    assert!(users::list(&bench.manage()).await.unwrap().is_empty());
    assert!(store::sessions::find(bench.store.read(), &session).await.unwrap().is_none());
    assert!(matches!(deletion::delete(&bench.manage(), "alice").await, Err(ManageError::NotFound(_))));
    let again = users::create(&bench.manage(), alice()).await.unwrap();
    assert_ne!(again.user.id, person.user.id, "a sub is never reused");
    let trail = bench.trail().await;
    for line in ["device.changed: removed secsign", "device.changed: removed thumbsignin", "user.changed: deleted"] {
        assert!(trail.contains(&line.to_owned()), "{line}: {trail:?}");
    }
}

#[tokio::test]
async fn nobody_is_deleted_whom_the_file_declares() {
    let bench = Bench::new().await;
    bench.apply(&[], &[declared_user("alice", "alice")]).await.unwrap();
    assert!(matches!(deletion::delete(&bench.manage(), "alice").await, Err(ManageError::Declared(_))));
    assert_eq!(users::find(&bench.manage(), "alice").await.unwrap().devices.len(), 1);
    bench.apply(&[], &[]).await.unwrap();
    deletion::delete(&bench.manage(), "alice").await.unwrap();
    let written = WrittenUser { username: Some("bob".into()), secsignid: Some("alice".into()), ..WrittenUser::default() };
    users::create(&bench.manage(), written).await.expect("her phone is free");
}

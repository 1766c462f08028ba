//! What operators do with people, their phones and their consents, on a SQLite file.

use super::import::{self, Entry, ImportError};
use super::tests::{Bench, alice, declared_user};
use super::{ManageError, deletion, devices, users};
use crate::domain::clock::Timestamp;
use crate::domain::id::DeviceId;
use crate::domain::user::Upstream;
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

#[tokio::test]
async fn a_person_gets_another_phone_and_it_gets_a_name() {
    let bench = Bench::new().await;
    let person = users::create(&bench.manage(), alice()).await.unwrap();
    let name = |name: &str| (Upstream::SecSign, name.to_owned());
    let (user, added) = devices::add(&bench.manage(), "alice", name("alice-2"), Some("Tablet".into())).await.unwrap();
    assert_eq!((user.id, added.label.as_str()), (person.user.id, "Tablet"));
    let taken = WrittenUser { username: Some("bob".into()), secsignid: Some("bob".into()), ..WrittenUser::default() };
    users::create(&bench.manage(), taken).await.unwrap();
    for taken in ["alice-2", "bob"] {
        let refused = devices::add(&bench.manage(), "alice", name(taken), None).await;
        assert!(matches!(refused, Err(ManageError::Exists(_))), "{taken}");
    }
    devices::rename(&bench.manage(), &added.id, "Old tablet".into()).await.unwrap();
    let listed = devices::list(&bench.manage(), Some("alice")).await.unwrap();
    assert_eq!(listed.iter().filter(|(_, device)| device.label == "Old tablet").count(), 1);
    assert_eq!(listed.len(), 3);
    let nobodys = devices::rename(&bench.manage(), &DeviceId::new("x"), "x".into()).await;
    assert!(matches!(nobodys, Err(ManageError::NotFound(_))));
    let trail = bench.trail().await;
    assert!(trail.contains(&"device.changed: added secsign".to_owned()) && trail.len() == 4, "{trail:?}");
    assert!(trail.contains(&"device.changed: renamed secsign".to_owned()), "{trail:?}");
}

#[tokio::test]
async fn a_declared_person_gets_no_phone_by_command_and_its_phones_get_names() {
    let bench = Bench::new().await;
    bench.apply(&[], &[declared_user("alice", "alice")]).await.unwrap();
    let refused = devices::add(&bench.manage(), "alice", (Upstream::SecSign, "alice-2".into()), None).await;
    assert!(matches!(refused, Err(ManageError::Declared(_))));
    let id = users::find(&bench.manage(), "alice").await.unwrap().devices[0].id.clone();
    devices::rename(&bench.manage(), &id, "Mine".into()).await.unwrap();
    bench.apply(&[], &[declared_user("alice", "alice")]).await.unwrap();
    assert_eq!(users::find(&bench.manage(), "alice").await.unwrap().devices[0].label, "Mine");
}

#[tokio::test]
async fn the_last_login_is_the_last_use_of_a_phone() {
    let bench = Bench::new().await;
    let person = users::create(&bench.manage(), alice()).await.unwrap();
    let bob = WrittenUser { username: Some("bob".into()), ..WrittenUser::default() };
    users::create(&bench.manage(), bob).await.unwrap();
    assert_eq!(person.last_login(), None);
    let moments = [(0, Timestamp::from_seconds(20)), (1, Timestamp::from_seconds(10))];
    for (phone, at) in moments {
        let id = person.devices[phone].id.clone();
        let touched = bench.store.write(id, move |tx, id| Box::pin(store::devices::touch_last_used(tx, id, at)));
        touched.await.unwrap();
    }
    let listed = users::list(&bench.manage()).await.unwrap();
    let seen: Vec<_> = listed.iter().map(|person| (person.devices.len(), person.last_login())).collect();
    assert_eq!(seen, [(2, Some(Timestamp::from_seconds(20))), (0, None)]);
    assert_eq!(users::find(&bench.manage(), "alice").await.unwrap().last_login(), Some(Timestamp::from_seconds(20)));
}

fn entry(line: usize, username: &str, secsignid: Option<&str>) -> Entry {
    let written =
        WrittenUser { username: Some(username.into()), secsignid: secsignid.map(str::to_owned), ..WrittenUser::default() };
    Entry { line, written, locked: false }
}

#[tokio::test]
async fn with_one_mistake_nobody_of_a_list_is_added() {
    let bench = Bench::new().await;
    users::create(&bench.manage(), alice()).await.unwrap();
    let mut address = entry(7, "frank", None);
    address.written.profile.email = Some("eve".into());
    let list = vec![
        entry(2, "bob", Some("bob")),
        entry(3, "BOB", None),
        entry(4, "carol", Some("bob")),
        entry(5, "alice@example.org", None),
        entry(6, "dave", Some("alice")),
        address,
        entry(8, "al ice", None),
    ];
    let Err(ImportError::Wrong(mistakes)) = import::plan(&bench.manage(), list, false).await else { panic!() };
    assert_eq!(mistakes.iter().map(|mistake| mistake.line).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8]);
    assert!(mistakes[0].message.contains("line 2") && mistakes[2].message.contains("already"), "{mistakes:?}");
    assert_eq!(users::list(&bench.manage()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_list_is_added_in_few_commits_and_a_second_time_only_what_is_new() {
    let bench = Bench::new().await;
    let list = |count: usize| -> Vec<Entry> {
        let person = |number: usize| (number + 2, format!("user{number}"));
        (0..count).map(person).map(|(line, name)| entry(line, &name, Some(&name))).collect()
    };
    let mut first = list(1200);
    first[1].locked = true;
    let plan = import::plan(&bench.manage(), first, false).await.unwrap();
    assert!(users::list(&bench.manage()).await.unwrap().is_empty(), "a plan writes nothing");
    let commits = bench.store.commits();
    assert_eq!(import::carry_out(&bench.manage(), &plan).await.unwrap(), 1200);
    assert_eq!(bench.store.commits() - commits, 3);
    let person = users::find(&bench.manage(), "user1").await.unwrap();
    assert_eq!((person.user.locked, person.devices.len()), (true, 1));
    assert!(bench.trail().await.iter().all(|line| line == "user.changed: imported"));

    assert!(
        matches!(import::plan(&bench.manage(), list(1201), false).await, Err(ImportError::Wrong(all)) if all.len() == 2400)
    );
    let plan = import::plan(&bench.manage(), list(1201), true).await.unwrap();
    assert_eq!((plan.people.len(), plan.skipped), (1, 1200));
    // Somebody else is faster.
    let other = WrittenUser { username: Some("user1200".into()), ..WrittenUser::default() };
    users::create(&bench.manage(), other).await.unwrap();
    let refused = import::carry_out(&bench.manage(), &plan).await;
    assert!(matches!(refused, Err(ImportError::Manage(ManageError::Exists(_)))), "{refused:?}");
}

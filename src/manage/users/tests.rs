//! Changing a user, on either engine.

use super::*;
use crate::flow::token::tests::Bench;
use crate::flow::token::tests::beside::on_both_engines;
use crate::store::audit;

fn manage(bench: &Bench) -> Manage<'_> {
    Manage::command(&bench.op.store, &bench.op.env)
}

async fn changed(bench: &Bench, name: &str, profile: WrittenProfile) -> Result<User, ManageError> {
    update(&manage(bench), name, profile).await.map(|person| person.user)
}

async fn details(bench: &Bench) -> Vec<String> {
    let records = audit::list(bench.op.store.read(), 100).await.unwrap();
    records.into_iter().filter_map(|record| record.detail).collect()
}

fn email(address: &str) -> WrittenProfile {
    WrittenProfile { email: Some(address.to_owned()), ..WrittenProfile::default() }
}

async fn a_user_is_changed_in_what_is_written_and_nothing_else(bench: Bench) {
    let before = bench.user("alice").await;
    bench.advance(5);
    let allowed = WrittenProfile { confirm_without_symbol: Some(true), ..WrittenProfile::default() };
    let after = changed(&bench, "alice@example.org", allowed.clone()).await.unwrap();
    let expected = User { confirm_without_symbol: true, updated_at: bench.op.env.now(), ..before };
    assert_eq!(after, expected);
    assert_eq!(users::find(bench.op.store.read(), &after.id).await.unwrap(), Some(expected));
    bench.advance(5);
    assert_eq!(changed(&bench, "alice", allowed).await.unwrap(), after, "twice is once");
    assert_eq!(details(&bench).await, ["updated"]);
}

async fn a_change_that_is_refused_changes_nothing(bench: Bench) {
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    bench.user("carol@example.org").await;
    for taken in ["Bob@example.org", "carol@example.org"] {
        let refused = changed(&bench, "alice", email(taken)).await;
        assert!(matches!(refused, Err(ManageError::Exists(_))), "{taken}: {refused:?}");
    }
    let refused = changed(&bench, "alice", email("nonsense")).await;
    assert!(matches!(refused, Err(ManageError::Invalid(_))), "{refused:?}");
    let refused = changed(&bench, "nobody", email("free@example.org")).await;
    assert!(matches!(refused, Err(ManageError::NotFound(_))), "{refused:?}");
    let declared = User { source: Source::File, ..bob };
    bench.op.store.write(declared.clone(), |tx, declared| Box::pin(users::update(tx, declared))).await.unwrap();
    let refused = changed(&bench, "bob", email("free@example.org")).await;
    assert!(matches!(refused, Err(ManageError::Declared(_))), "{refused:?}");
    for user in [alice, declared] {
        assert_eq!(users::find(bench.op.store.read(), &user.id).await.unwrap(), Some(user));
    }
    assert!(details(&bench).await.is_empty());
}

async fn of_two_changes_at_once_neither_is_lost(bench: Bench) {
    bench.user("alice").await;
    for number in 0..10 {
        let name = format!("Alice {number}");
        let groups = vec![format!("group{number}")];
        let named = WrittenProfile { name: Some(name.clone()), ..WrittenProfile::default() };
        let grouped = WrittenProfile { groups: Some(groups.clone()), ..WrittenProfile::default() };
        let (one, other) = tokio::join!(changed(&bench, "alice", named), changed(&bench, "alice", grouped));
        one.and(other).unwrap();
        let alice = find(&manage(&bench), "alice").await.unwrap().user;
        assert_eq!((alice.name, alice.groups), (name, groups));
    }
}

on_both_engines! {
    a_user_is_changed_in_what_is_written_and_nothing_else
    a_change_that_is_refused_changes_nothing
    of_two_changes_at_once_neither_is_lost
}

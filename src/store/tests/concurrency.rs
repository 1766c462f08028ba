//! Many at once: exactly one wins, and nobody spoils what others do.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::samples::{NOW, after, browser, client, code_content, digest, login, populate, refresh_token, write};
use crate::domain::clock::Timestamp;
use crate::domain::id::{AuthorizationId, ClientId, GrantId, LoginId, SessionId, UserId};
use crate::domain::login::{Concern, Login, LoginStage, UpstreamHandle};
use crate::domain::secret::Secret;
use crate::domain::user::Upstream;
use crate::store::{
    JobError, Store, StoreError, backchannel_logouts, clients, codes, instance, logins, pushes, refresh_tokens, sessions,
};

/// Starts fifty tasks and counts those that won.
async fn winners<F: Future<Output = bool> + Send + 'static>(contender: impl Fn(u32) -> F) -> usize {
    let tasks: Vec<_> = (0..50).map(|number| tokio::spawn(contender(number))).collect();
    join_all(tasks).await.into_iter().filter(|won| *won.as_ref().unwrap()).count()
}

/// What a job of an operator's may say.
#[derive(Debug)]
enum Refused {
    ByTheJob,
    Store,
}

impl From<StoreError> for Refused {
    fn from(_error: StoreError) -> Self {
        Self::Store
    }
}

impl JobError for Refused {
    fn of_database(&self) -> Option<&StoreError> {
        None
    }
}

pub(super) async fn a_job_that_refuses_leaves_nothing_and_runs_once(store: Store) {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let refused = store.try_write(client("refused"), move |tx, client| {
        counted.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            clients::insert(tx, client).await?;
            Err::<(), _>(Refused::ByTheJob)
        })
    });
    assert!(matches!(refused.await, Err(Refused::ByTheJob)));
    assert_eq!((runs.load(Ordering::Relaxed), clients::list(store.read()).await.unwrap().len()), (1, 0));
    assert!(write!(store, client("kept"), |tx, client| clients::insert(tx, client)));
}

pub(super) async fn fifty_redeem_a_code_and_one_succeeds(store: Store) {
    let content = code_content(&populate(&store).await);
    write!(store, content, |tx, content| codes::insert(tx, &digest("code"), &AuthorizationId::new("a"), content, after(60)));
    let redeem = |_number| {
        let store = store.clone();
        async move { write!(store, (), |tx, _none| codes::consume(tx, &digest("code"), &GrantId::new("g"), NOW)) }
    };
    assert_eq!(winners(redeem).await, 1);
}

pub(super) async fn fifty_rotate_a_token_and_one_succeeds(store: Store) {
    populate(&store).await;
    write!(store, refresh_token("r"), |tx, token| refresh_tokens::insert(tx, token));
    let rotate = |number: u32| {
        let store = store.clone();
        let successor = refresh_token(&format!("successor {number}"));
        async move { write!(store, successor, |tx, token| refresh_tokens::rotate(tx, &digest("r"), token, NOW)) }
    };
    assert_eq!(winners(rotate).await, 1);
    assert!(refresh_tokens::find_successor(store.read(), &digest("r")).await.unwrap().is_some());
}

pub(super) async fn fifty_want_a_slot_and_one_gets_it(store: Store) {
    populate(&store).await;
    let start = |number: u32| {
        let store = store.clone();
        async move {
            let login = login(&format!("l{number}"));
            let outcome = write!(store, login, |tx, login| logins::insert(tx, login, Some(after(60))));
            outcome.is_none()
        }
    };
    assert_eq!(winners(start).await, 1);
    assert_eq!(logins::list_open_for_browser(store.read(), &browser("b"), NOW).await.unwrap().len(), 1);
}

pub(super) async fn fifty_want_a_lease_and_one_gets_it(store: Store) {
    populate(&store).await;
    write!(store, login("l"), |tx, login| logins::insert(tx, login, None));
    let lease = |number: u32| {
        let store = store.clone();
        let owner = format!("node {number}");
        async move { write!(store, owner, |tx, owner| logins::lease(tx, &LoginId::new("l"), owner, after(5), NOW)) }
    };
    assert_eq!(winners(lease).await, 1);
}

pub(super) async fn fifty_want_to_send_a_logout_token_and_one_does(store: Store) {
    super::backchannel_logouts::listeners(&store).await;
    write!(store, SessionId::new("s"), |tx, id| sessions::end(tx, id, NOW));
    let due = backchannel_logouts::list_due(store.read(), &[].into(), NOW, 10).await.unwrap();
    let id = due[0].id.clone();
    let lease = |number: u32| {
        let (store, id) = (store.clone(), id.clone());
        async move {
            let input = (id, format!("n{number}"));
            write!(store, input, |tx, v| backchannel_logouts::lease(tx, &v.0, &v.1, after(15), NOW))
        }
    };
    assert_eq!(winners(lease).await, 1);
}

pub(super) async fn fifty_ask_one_phone_and_three_find_room(store: Store) {
    let ask = |number: u32| {
        let store = store.clone();
        async move {
            let concern = Concern { target: Some("alice".into()), ..Concern::default() };
            let asked = Login { concern, remembered: false, ..login(&format!("l{number}")) };
            write!(store, asked, |tx, asked| async {
                pushes::lock_counter(tx, "secsign/alice".into(), NOW).await?;
                let room = pushes::count_sent(tx, Upstream::SecSign, "alice", Timestamp::from_millis(0), false).await? < 3;
                if room {
                    pushes::insert(tx, asked).await?;
                }
                Ok(room)
            })
        }
    };
    assert_eq!(winners(ask).await, 3);
}

pub(super) async fn fifty_consume_an_approval_and_one_succeeds(store: Store) {
    populate(&store).await;
    let stage = LoginStage::Pending(UpstreamHandle(Secret::new("sealed")));
    let pending = crate::domain::login::Login { stage, ..login("l") };
    write!(store, pending, |tx, login| logins::insert(tx, login, None));
    let id = LoginId::new("l");
    assert!(write!(store, id, |tx, id| logins::approve(tx, id, &UserId::new("user-alice"), None, NOW)));
    let consume = |_number| {
        let store = store.clone();
        async move { write!(store, (), |tx, _none| logins::consume(tx, &LoginId::new("l"), Some(&browser("b")), NOW)) }
    };
    assert_eq!(winners(consume).await, 1);
}

pub(super) async fn fifty_name_the_issuer_and_all_read_the_same(store: Store) {
    let name = |number: u32| {
        let store = store.clone();
        async move {
            let mine = format!("https://{number}.example");
            let held = write!(store, mine.clone(), |tx, mine| instance::insert_once(tx, instance::ISSUER, mine));
            held == mine
        }
    };
    assert_eq!(winners(name).await, 1);
}

pub(super) async fn a_failing_job_does_not_spoil_its_neighbours(store: Store) {
    let writes = (0..20).map(|number: u32| {
        let store = store.clone();
        async move {
            store
                .write(format!("c{number:02}"), |tx, id| {
                    Box::pin(async move {
                        clients::insert(tx, &client(id)).await?;
                        // Every second job fails after it has written; one by the database's own refusal.
                        match id.as_str() {
                            "c09" => super::samples::session_of_nobody(tx).await,
                            id if id.ends_with(['1', '3', '5', '7']) => Err(StoreError::Setup("on purpose".into())),
                            _other => Ok(()),
                        }
                    })
                })
                .await
        }
    });
    let outcomes = join_all(writes).await;
    let written = clients::list(store.read()).await.unwrap();
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let id = format!("c{number:02}");
        let is_written = written.iter().any(|client| client.id.as_str() == id);
        assert_eq!(outcome.is_ok(), is_written, "{id}: what was acknowledged is there, what failed is not");
        assert_eq!(outcome.is_ok(), number != 9 && ![1, 3, 5, 7].contains(&(number % 10)), "{id}: {outcome:?}");
    }
}

pub(super) async fn a_job_that_lost_a_race_is_run_again(store: Store) {
    let runs = Arc::new(AtomicU32::new(0));
    let job = |fails: u32| {
        let (store, runs) = (store.clone(), Arc::clone(&runs));
        async move {
            store
                .write((runs, fails), |tx, (runs, fails)| {
                    Box::pin(async move {
                        let run = runs.fetch_add(1, Ordering::SeqCst);
                        let outcome = clients::insert(tx, &client("c")).await?;
                        if run < *fails {
                            return Err(StoreError::Unavailable { detail: "try again".into(), transient: true });
                        }
                        Ok(outcome)
                    })
                })
                .await
        }
    };
    // Inserted, not Exists: the first two runs left nothing behind.
    assert!(job(2).await.unwrap());
    assert_eq!(runs.swap(0, Ordering::SeqCst), 3);
    let error = job(u32::MAX).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert_eq!(runs.load(Ordering::SeqCst), 6, "bounded");
}

pub(super) async fn a_job_is_done_though_its_caller_went_away(store: Store) {
    let write = store.write((), |tx, ()| Box::pin(async move { clients::insert(tx, &client("c")).await }));
    assert!(write.now_or_never().is_none(), "polled once, then dropped: the browser closed the connection");
    let found = async || clients::find(store.read(), &ClientId::new("c")).await.unwrap().is_some();
    for _patience in 0..1000 {
        if found().await {
            return;
        }
        // A write of our own is done after those that were queued before it; on PostgreSQL merely later.
        write!(store, (), |tx, _none| clients::delete(tx, &ClientId::new("other")));
    }
    panic!("the job was not done");
}

pub(super) async fn a_panicking_job_ends_alone(store: Store) {
    let panicking = store.write((), |tx, ()| {
        Box::pin(async move {
            clients::insert(tx, &client("lost")).await?;
            if !clients::insert(tx, &client("lost")).await? {
                panic!("a mistake of ours");
            }
            Ok(())
        })
    });
    let fine = store.write((), |tx, ()| Box::pin(async move { clients::insert(tx, &client("kept")).await }));
    let (panicked, fine) = tokio::join!(panicking, fine);
    assert!(matches!(panicked, Err(StoreError::Statement(_))), "{panicked:?}");
    assert!(fine.unwrap());
    let written = clients::list(store.read()).await.unwrap();
    assert_eq!(written.iter().map(|client| client.id.as_str()).collect::<Vec<_>>(), ["kept"]);
}

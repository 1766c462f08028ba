//! PostgreSQL as many nodes use it (decision 2.13): a pool that heals, a limit for whatever a request waits for, and commits
//! whose outcome is looked up when their answer was lost (`docs/decisions/0004`).
//!
//! A connection is taken from the pool without a round trip. What keeps dead ones from being used again and again is
//! [`Health`]: a lost connection, or an answer that does not come in time, evicts every connection that is older than that
//! moment. While others are answered, lateness is no sign of a dead server: then the late connection alone is closed.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _};
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr, TransactionTrait as _};
use tokio::task_local;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::error::is_lost;
use super::retry::Attempts;
use super::writer::{Job, Outcome, Undone};
use super::{StoreError, Tx, commits};
use crate::domain::env::Env;
use crate::domain::id;

/// How long a caller waits for a connection, be it a free one or a new one.
const ACQUIRE: Duration = Duration::from_secs(3);
/// How long a statement that reads, or a COMMIT, may take before the server counts as hung. The server itself cancels a
/// statement a little earlier, which costs no connection.
const ANSWER: Duration = Duration::from_millis(3500);
/// The most that a read, or a write with everything that is run again for it, takes.
const WHOLE: Duration = Duration::from_millis(4500);
/// A connection that was idle for so long is asked whether it still works.
const QUIET: Duration = Duration::from_secs(10);
const PING: Duration = Duration::from_secs(1);
/// Between two attempts to learn the outcome of a commit.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// A server that said something to anybody so recently is not dead.
const RECENT: Duration = Duration::from_secs(1);
/// The age of a connection is asked for at two moments; where it was made in between is the same to within this.
const SAME: Duration = Duration::from_millis(5);
/// How many late connections are remembered until the pool has closed them.
const MOST_LATE: usize = 64;

task_local! {
    /// When the connection was made that the pool last gave to the running task: what the pool knows it by.
    static CONNECTION_MADE: Cell<Option<Instant>>;
}

/// What the server holds every session to, so that a stuck statement does not hold its locks for ever.
const SESSION: [(&str, &str); 4] = [
    ("statement_timeout", "3s"),
    ("lock_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("default_transaction_isolation", "read committed"),
];

#[derive(Clone)]
pub(super) struct Postgres {
    pub(super) pool: DatabaseConnection,
    health: Health,
    place: Arc<str>,
}

/// What is known of a server without asking it.
#[derive(Clone, Default)]
pub(super) struct Health(Arc<Mutex<Moments>>);

#[derive(Default)]
struct Moments {
    trouble: Option<Instant>,
    answer: Option<Instant>,
    heard: Option<Instant>,
    /// When the connections were made that were late while others were answered, and are to be closed.
    late: Vec<Instant>,
}

impl Health {
    /// Every connection that exists now is not used again.
    fn evict_all(&self) {
        self.0.lock().trouble = Some(Instant::now());
    }

    /// The server did not answer on the connection of the running task, if one was given yet. Where it answers others, only that
    /// one is not used again.
    fn evict_late(&self) {
        let made = CONNECTION_MADE.try_with(Cell::get).ok().flatten();
        let mut moments = self.0.lock();
        if moments.heard.is_none_or(|heard| heard.elapsed() >= RECENT) {
            moments.trouble = Some(Instant::now());
        } else if let Some(made) = made {
            if moments.late.len() >= MOST_LATE {
                moments.late.remove(0);
            }
            moments.late.push(made);
        }
    }

    /// Whether a connection of this age was made before the last trouble, or was late itself.
    fn is_evicted(&self, age: Duration) -> bool {
        let moments = self.0.lock();
        let made = made_at(age);
        let same = |late: &Instant| late.max(&made).duration_since(*late.min(&made)) < SAME;
        moments.trouble.is_some_and(|trouble| trouble.elapsed() < age) || moments.late.iter().any(same)
    }

    pub(super) fn observe<T>(&self, outcome: Result<T, DbErr>) -> Result<T, DbErr> {
        match &outcome {
            Ok(_) => {
                let now = Some(Instant::now());
                let mut moments = self.0.lock();
                (moments.answer, moments.heard) = (now, now);
            }
            Err(error) if is_lost(error) => self.evict_all(),
            Err(error) if is_refusal(error) => self.0.lock().heard = Some(Instant::now()),
            Err(_unasked) => {}
        }
        outcome
    }

    /// Waits for `work` until `deadline`; what is late is abandoned together with its connection.
    async fn within<T>(&self, deadline: Instant, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let mut work = pin!(work);
        match timeout_at(deadline, work.as_mut()).await {
            Ok(outcome) => self.observe(outcome),
            Err(_late) => {
                // Before `work` goes, so that the pool knows what to do with the connection that comes back.
                self.evict_late();
                Err(DbErr::Conn(RuntimeErr::Internal("the server did not answer in time".to_owned())))
            }
        }
    }
}

fn made_at(age: Duration) -> Instant {
    let now = Instant::now();
    now.checked_sub(age).unwrap_or(now)
}

fn note_connection(age: Duration) {
    let made = made_at(age);
    // Outside of a task the pool connects for itself.
    let _noted = CONNECTION_MADE.try_with(|made_at| made_at.set(Some(made)));
}

impl Postgres {
    pub(super) async fn open(options: PgConnectOptions, connections: u32) -> Result<Self, StoreError> {
        let options = options.application_name("signbridge").options(SESSION).disable_statement_logging();
        let health = Health::default();
        let place = place(&options);
        let (taken, given_back) = (health.clone(), health.clone());
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .after_connect(|_connection, about| {
                note_connection(about.age);
                async { Ok(()) }.boxed()
            })
            .before_acquire(move |connection, about| {
                note_connection(about.age);
                let evicted = taken.is_evicted(about.age);
                async move {
                    if evicted || about.idle_for < QUIET {
                        return Ok(!evicted);
                    }
                    let answer = timeout(PING, connection.ping()).await;
                    answer.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
                }
                .boxed()
            })
            .after_release(move |_connection, about| {
                let usable = !given_back.is_evicted(about.age);
                async move { Ok(usable) }.boxed()
            })
            .connect_with(options.clone())
            .await;
        match pool {
            Ok(pool) => Ok(Self { pool: DatabaseConnection::from(pool), health, place: place.into() }),
            Err(error) => Err(unreachable(&options, &place, error).await),
        }
    }

    /// An error that says no more than that the pool had no connection, with the server's place.
    fn named(&self, error: DbErr) -> DbErr {
        match error {
            DbErr::ConnectionAcquire(cause) => {
                DbErr::Conn(RuntimeErr::Internal(format!("no connection to {}: {cause}", self.place)))
            }
            other => other,
        }
    }

    /// Whether there was an answer in the last second. A question of its own would queue behind all others: a busy
    /// server is not to be taken for a dead one.
    pub(super) fn answers(&self) -> bool {
        self.health.0.lock().answer.is_some_and(|answer| answer.elapsed() < RECENT)
    }

    /// Asks a question that changes nothing; once more where the connection was lost over it.
    pub(super) async fn read<'p, T, F>(&'p self, ask: impl Fn(&'p DatabaseConnection) -> F) -> Result<T, DbErr>
    where
        F: Future<Output = Result<T, DbErr>> + Send,
    {
        let asking = async {
            let begun = Instant::now();
            let first = self.health.within(begun + ANSWER, ask(&self.pool)).await;
            if first.as_ref().is_err_and(is_lost) {
                return self.health.within(begun + WHOLE, ask(&self.pool)).await;
            }
            first
        };
        CONNECTION_MADE.scope(Cell::new(None), asking).await.map_err(|error| self.named(error))
    }

    pub(super) async fn write(&self, env: &Env, count: &AtomicU64, mut job: Box<dyn Job>) {
        let deadline = Instant::now() + WHOLE;
        let mut attempts = Attempts::new(env);
        let failure = loop {
            match CONNECTION_MADE.scope(Cell::new(None), self.attempt(env, job.as_mut(), deadline)).await {
                Ok(()) => {
                    count.fetch_add(1, Ordering::Relaxed);
                    break None;
                }
                Err(Undone::ForGood(failure)) => break failure,
                Err(Undone::Retry(failure)) => {
                    if Instant::now() >= deadline || !attempts.again().await {
                        break failure;
                    }
                }
            }
        };
        job.answer(failure);
    }

    async fn attempt(&self, env: &Env, job: &mut dyn Job, deadline: Instant) -> Outcome {
        let id = id::time_ordered(env).map_err(|error| Undone::ForGood(Some(StoreError::Statement(error.to_string()))))?;
        let transaction = self.health.within(deadline, self.pool.begin()).await;
        let transaction = transaction.map_err(|error| failed(self.named(error)))?;
        let tx = Tx::new(transaction, Some(self.health.clone()));
        match timeout_at(deadline, job.run(&tx)).await {
            Err(_late) => {
                self.health.evict_late();
                return Err(Undone::ForGood(Some(late())));
            }
            Ok(Err(error)) => {
                // Where this fails the connection is gone, and the transaction with it.
                let _rolled_back = self.health.within(deadline, tx.rollback()).await;
                return Err(if error.is_transient() { Undone::Retry(Some(error)) } else { Undone::ForGood(None) });
            }
            Ok(Ok(())) => {}
        }
        self.health.within(deadline, commits::insert(&tx, &id, env.now())).await.map_err(failed)?;
        match self.health.within(deadline.min(Instant::now() + ANSWER), tx.commit()).await {
            Ok(()) => Ok(()),
            Err(error) if is_refusal(&error) => Err(failed(error)),
            Err(_lost) => self.settle(&id, env, deadline).await,
        }
    }

    /// The outcome of a commit whose answer was lost: known as soon as the server answers.
    async fn settle(&self, id: &str, env: &Env, deadline: Instant) -> Outcome {
        while Instant::now() < deadline {
            match self.health.within(deadline, commits::settle(&self.pool, id, env.now())).await {
                Ok(true) => {
                    tracing::info!("a commit whose answer was lost took effect");
                    return Ok(());
                }
                Ok(false) => return Err(Undone::Retry(Some(late()))),
                Err(error) => tracing::debug!(%error, "the outcome of a commit is not known yet"),
            }
            sleep(LOOK_AGAIN).await;
        }
        tracing::warn!("the server did not come back in time to tell whether a commit took effect");
        Err(Undone::ForGood(Some(late())))
    }
}

/// Where a server is, for people: nothing of it is secret.
fn place(options: &PgConnectOptions) -> String {
    let host = options.get_socket().map_or_else(|| options.get_host().to_owned(), |socket| socket.display().to_string());
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    format!("PostgreSQL at {host}:{}, database {database}", options.get_port())
}

/// Why there was no first connection. Where a server refuses them the pool tries again until its time is over, and then says no
/// more than that: one more attempt tells the cause.
async fn unreachable(options: &PgConnectOptions, place: &str, error: sqlx::Error) -> StoreError {
    let cause = match error {
        sqlx::Error::PoolTimedOut => match timeout(PING, options.connect()).await {
            Ok(Err(cause)) => cause.to_string(),
            Ok(Ok(_connection)) => "it was too slow to take a connection".to_owned(),
            Err(_late) => "no answer".to_owned(),
        },
        other => other.to_string(),
    };
    StoreError::Unavailable { detail: format!("{place}: {cause}"), transient: false }
}

fn failed(error: DbErr) -> Undone {
    let lost = is_lost(&error);
    let error = StoreError::from(error);
    if lost || error.is_transient() { Undone::Retry(Some(error)) } else { Undone::ForGood(Some(error)) }
}

/// Whether a COMMIT was answered, with a refusal: the transaction was rolled back.
fn is_refusal(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) = error else { return false };
    matches!(&**cause, sqlx::Error::Database(_)) && !is_lost(error)
}

fn late() -> StoreError {
    StoreError::Unavailable { detail: "the server did not answer in time".into(), transient: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn trouble_evicts_older_connections_and_no_newer_ones() {
        let health = Health::default();
        assert!(!health.is_evicted(Duration::from_secs(3600)), "no trouble, however old");
        assert!(health.observe(Ok(())).is_ok() && health.0.lock().answer.is_some());
        health.evict_all();
        sleep(Duration::from_millis(20)).await;
        assert!(health.is_evicted(Duration::from_secs(3600)));
        assert!(!health.is_evicted(Duration::from_millis(10)), "made after the trouble");
    }

    #[tokio::test]
    async fn a_late_answer_is_given_up_and_evicts_connections() {
        let health = Health::default();
        let never = std::future::pending::<Result<(), DbErr>>();
        let error = health.within(Instant::now() + Duration::from_millis(5), never).await.unwrap_err();
        assert!(StoreError::from(error).is_unavailable());
        assert!(health.is_evicted(Duration::from_secs(1)));
    }

    #[tokio::test]
    async fn while_others_are_answered_only_what_is_late_is_closed() {
        let health = Health::default();
        assert!(health.observe(Ok(())).is_ok());
        let (made, begun) = (Duration::from_secs(60), Instant::now());
        let never = async {
            note_connection(made);
            std::future::pending::<Result<(), DbErr>>().await
        };
        let late = CONNECTION_MADE.scope(Cell::new(None), health.within(Instant::now() + Duration::from_millis(5), never));
        late.await.unwrap_err();
        assert!(health.is_evicted(made + begun.elapsed()), "the late one");
        assert!(!health.is_evicted(made * 2) && !health.is_evicted(made / 2), "older and younger ones");
        // Who is late before a connection was free says nothing of any.
        let never = std::future::pending::<Result<(), DbErr>>();
        CONNECTION_MADE.scope(Cell::new(None), health.within(Instant::now(), never)).await.unwrap_err();
        assert!(!health.is_evicted(made * 2));
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named_with_the_cause_and_without_the_password() {
        let options: PgConnectOptions = "postgres://ann:hunter2@127.0.0.1:1/people".parse().unwrap();
        let error = Postgres::open(options, 1).await.err().unwrap();
        assert!(error.is_unavailable());
        let text = error.to_string();
        assert!(text.contains("PostgreSQL at 127.0.0.1:1, database people: ") && text.contains("refused"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn only_an_answered_commit_counts_as_refused() {
        let lost = sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        let lost = DbErr::Exec(RuntimeErr::SqlxError(Arc::new(lost)));
        assert!(is_lost(&lost) && !is_refusal(&lost));
        assert!(!is_refusal(&DbErr::Conn(RuntimeErr::Internal("late".into()))), "an answer that did not come is none");
    }
}

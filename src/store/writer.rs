//! Writing: jobs that run in a transaction and are answered after its commit.
//!
//! On SQLite there is one writer. It takes whatever waits in the queue, up to `writes_per_commit`, and runs it as one `BEGIN
//! IMMEDIATE … COMMIT` with a savepoint per job: while one commit waits for the disk, the next jobs gather. A job that fails
//! rolls back its savepoint only. On PostgreSQL a job is a plain transaction in a task of its own (`postgres`).

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sea_orm::{DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions, TransactionTrait as _};
use tokio::sync::{mpsc, oneshot};

use super::retry::Attempts;
use super::{Engine, JobError, Store, StoreError, Tx, open};
use crate::domain::env::Env;

/// The length of the queue: callers wait when it is full.
const QUEUE: usize = 64;

pub(super) struct Queue(mpsc::Sender<Message>);

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// A job without its types.
pub(super) trait Job: Send {
    /// Keeps its outcome, and returns the error: a refusal of the job's own as one after which nothing is run again.
    fn run<'r>(&'r mut self, tx: &'r Tx) -> BoxFuture<'r, Result<(), StoreError>>;
    /// Answers the caller: with the job's own outcome, or, when it went well and could not be committed, with `failure`.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

struct TypedJob<I, T, E, F> {
    input: I,
    work: F,
    outcome: Option<Result<T, E>>,
    waiting: oneshot::Sender<Result<T, E>>,
}

impl<I, T, E, F> Job for TypedJob<I, T, E, F>
where
    I: Send + Sync,
    T: Send,
    E: JobError,
    F: for<'t> Fn(&'t Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
{
    fn run<'r>(&'r mut self, tx: &'r Tx) -> BoxFuture<'r, Result<(), StoreError>> {
        async move {
            // A panic must not take the writer along, on which every other request depends.
            let run = AssertUnwindSafe(async { (self.work)(tx, &self.input).await }).catch_unwind().await;
            let outcome = run.unwrap_or_else(|_panic| Err(StoreError::Statement("a job panicked".into()).into()));
            let refused = || StoreError::Statement("the job refused".into());
            let error = outcome.as_ref().err().map(|error| error.of_database().cloned().unwrap_or_else(refused));
            self.outcome = Some(outcome);
            error.map_or(Ok(()), Err)
        }
        .boxed()
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let answer = match (self.outcome, failure) {
            (Some(Err(own)), _) => Err(own),
            (_, Some(failure)) => Err(failure.into()),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(stopped().into()),
        };
        // The caller is gone; the job has been done all the same.
        let _gone = self.waiting.send(answer);
    }
}

impl Store {
    /// Runs `work` in a transaction and answers after its commit; an error rolls it back. `work` may run more than once (a busy
    /// database, a serialization failure), so it must do nothing but use `tx`. Once queued it runs to its end even when the
    /// caller's future is dropped.
    pub(crate) async fn write<I, T, F>(&self, input: I, work: F) -> Result<T, StoreError>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t> Fn(&'t Tx, &'t I) -> BoxFuture<'t, Result<T, StoreError>> + Send + Sync + 'static,
    {
        self.try_write(input, work).await
    }

    /// As [`Store::write`], for a job that may refuse with an error of its own, which rolls the transaction back as well.
    pub(crate) async fn try_write<I, T, E, F>(&self, input: I, work: F) -> Result<T, E>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        E: JobError,
        F: for<'t> Fn(&'t Tx, &'t I) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        let (waiting, answer) = oneshot::channel();
        let job: Box<dyn Job> = Box::new(TypedJob { input, work, outcome: None, waiting });
        match &self.inner.engine {
            // A queue that is closed drops the job, and with it whoever would answer.
            Engine::Sqlite { queue, .. } => drop(queue.0.send(Message::Job(job)).await),
            Engine::Postgres(server) => {
                let (server, inner) = (server.clone(), Arc::clone(&self.inner));
                tokio::spawn(async move { server.write(&inner.env, &inner.commits, job).await });
            }
        }
        let outcome = answer.await.unwrap_or_else(|_dropped| Err(stopped().into()));
        self.inner.writes.note(outcome.as_ref().map_err(JobError::of_database), self.inner.env.now());
        outcome
    }
}

impl Queue {
    /// Waits until what was queued before is done.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.0.send(Message::Close(done)).await.is_ok() {
            let _stopped = closed.await;
        }
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable { detail: "the store was closed".into(), transient: false }
}

pub(super) struct SqliteWriter {
    path: PathBuf,
    env: Env,
    commits: Arc<AtomicU64>,
    /// Gone after an error that left its transaction in an unknown state (disk full, I/O): the next attempt opens another.
    connection: Option<DatabaseConnection>,
}

impl SqliteWriter {
    /// It ends when the queue was closed, or is gone. `most`: jobs in one commit.
    pub(super) fn start(connection: DatabaseConnection, path: PathBuf, env: Env, commits: Arc<AtomicU64>, most: u32) -> Queue {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let writer = Self { path, env, commits, connection: Some(connection) };
        tokio::spawn(writer.run(receiver, usize::try_from(most).unwrap_or(QUEUE).max(1)));
        Queue(sender)
    }

    async fn run(mut self, mut receiver: mpsc::Receiver<Message>, most: usize) {
        let mut messages = Vec::with_capacity(most);
        let mut closing = Vec::new();
        while receiver.recv_many(&mut messages, most).await > 0 {
            let mut jobs = Vec::with_capacity(messages.len());
            for message in messages.drain(..) {
                match message {
                    Message::Job(job) => jobs.push(job),
                    Message::Close(done) => {
                        // What was queued before is still received and done.
                        receiver.close();
                        closing.push(done);
                    }
                }
            }
            self.commit(jobs).await;
        }
        self.disconnect().await;
        for done in closing {
            let _gone = done.send(());
        }
    }

    /// Runs jobs to their answers: those that may succeed when run again are, together, a few times.
    async fn commit(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let env = self.env.clone();
        let mut attempts = Attempts::new(&env);
        while !jobs.is_empty() {
            let failure = match self.attempt(&mut jobs).await {
                Ok(outcomes) => {
                    jobs = answer_settled(jobs, outcomes);
                    None
                }
                Err(failure) => Some(failure),
            };
            let hopeless = failure.as_ref().is_some_and(|failure| !failure.is_transient());
            if !jobs.is_empty() && (hopeless || !attempts.again().await) {
                return jobs.into_iter().for_each(|job| job.answer(failure.clone()));
            }
        }
    }

    /// One transaction around all jobs. Returns what became of each; an error has undone them all.
    async fn attempt(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<Vec<Outcome>, StoreError> {
        let outcome = async { run_together(&self.connect().await?, jobs).await }.await;
        match outcome {
            Ok(_) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
            }
            // After some errors SQLite has rolled back by itself and after others it has not: never assume either.
            Err(_) => self.disconnect().await,
        }
        outcome
    }

    async fn connect(&mut self) -> Result<DatabaseConnection, StoreError> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        let connection = open::sqlite_writer(&self.path).await?;
        Ok(self.connection.insert(connection).clone())
    }

    async fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _closed = connection.close().await;
        }
    }
}

async fn run_together(connection: &DatabaseConnection, jobs: &mut [Box<dyn Job>]) -> Result<Vec<Outcome>, StoreError> {
    let immediate =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    let transaction = connection.begin_with_options(immediate).await?;
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        outcomes.push(run_one(transaction.begin().await?, job.as_mut()).await?);
    }
    transaction.commit().await?;
    Ok(outcomes)
}

/// An error means that `transaction` could not be ended as it should.
async fn run_one(transaction: DatabaseTransaction, job: &mut dyn Job) -> Result<Outcome, StoreError> {
    let tx = Tx::new(transaction, None);
    match job.run(&tx).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(Ok(()))
        }
        Err(error) => {
            tx.rollback().await?;
            Ok(Err(if error.is_transient() { Undone::Retry(None) } else { Undone::ForGood(None) }))
        }
    }
}

/// What became of a job. Its writes hold; those of a savepoint as soon as the transaction around it commits.
pub(super) type Outcome = Result<(), Undone>;

/// It was rolled back.
pub(super) enum Undone {
    /// The caller hears so: with this error, or with the job's own.
    ForGood(Option<StoreError>),
    /// It may succeed when it is run again.
    Retry(Option<StoreError>),
}

/// Answers the jobs that are done; returns the others.
fn answer_settled(jobs: Vec<Box<dyn Job>>, outcomes: Vec<Outcome>) -> Vec<Box<dyn Job>> {
    let mut left = Vec::new();
    for (job, outcome) in jobs.into_iter().zip(outcomes) {
        if matches!(outcome, Err(Undone::Retry(_))) { left.push(job) } else { job.answer(None) }
    }
    left
}

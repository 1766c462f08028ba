//! The handles that functions of the store take: [`Db`] to read with, [`Tx`] to write with. What they wrap stays in here.

use std::ops::Deref;

use async_trait::async_trait;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait, ExecResult,
    IdenStatic as _, Insert, IntoActiveModel, Iterable as _, QueryResult, Statement, Value,
};

use super::postgres::{Health, Postgres};
use super::{Engine, StoreError};
use crate::metrics;

/// Reads: outside a transaction, or inside one by way of [`Tx`].
pub(crate) struct Db(Connection);

enum Connection {
    Sqlite(DatabaseConnection),
    Postgres(Postgres),
    /// With what the pool of PostgreSQL has to know about lost connections; nobody reads it elsewhere.
    Transaction(DatabaseTransaction, Health),
}

/// An open transaction. Everything that reads takes it as well, since it derefs to [`Db`].
pub(crate) struct Tx(Db);

impl Deref for Tx {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.0
    }
}

impl Db {
    pub(super) fn of(engine: &Engine) -> Self {
        Self(match engine {
            Engine::Sqlite { readers, .. } => Connection::Sqlite(readers.clone()),
            Engine::Postgres(server) => Connection::Postgres(server.clone()),
        })
    }

    pub(super) async fn count(&self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        let statement = Statement::from_sql_and_values(self.get_database_backend(), sql, values);
        let count = self.query_one_raw(statement).await?.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
    }

    /// The rows of a table, chosen by SQL from its WHERE on. The columns are named: a newer program may have added some.
    pub(super) async fn rows<E: EntityTrait>(
        &self,
        table: E,
        chosen: &str,
        values: Vec<Value>,
    ) -> Result<Vec<E::Model>, StoreError> {
        let columns: Vec<&str> = E::Column::iter().map(|column| column.as_str()).collect();
        let sql = format!("SELECT {} FROM {} {chosen}", columns.join(", "), table.table_name());
        let statement = Statement::from_sql_and_values(self.get_database_backend(), sql, values);
        Ok(E::find().from_raw_sql(statement).all(self).await?)
    }

    /// The rows of a statement that selects a word and a number.
    pub(super) async fn counts(&self, sql: &str, values: Vec<Value>) -> Result<Vec<(String, i64)>, StoreError> {
        let statement = Statement::from_sql_and_values(self.get_database_backend(), sql, values);
        let rows = self.query_all_raw(statement).await?;
        Ok(rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect::<Result<_, DbErr>>()?)
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.get_database_backend() == DbBackend::Postgres
    }

    fn count_statement(&self) {
        metrics::DB_STATEMENTS.add([match self.0 {
            Connection::Sqlite(_) | Connection::Postgres(_) => "no",
            Connection::Transaction(..) => "yes",
        }]);
    }

    /// Whether PostgreSQL would refuse the question itself: its texts hold no NUL, so a name with one is in no row. Names come
    /// from requests (`client_id=%00`), and looking one up must not look like a failure of the database.
    fn is_unaskable(&self, statement: &Statement) -> bool {
        let has_nul = |value: &Value| matches!(value, Value::String(Some(text)) if text.contains('\0'));
        self.is_postgres() && statement.values.as_ref().is_some_and(|values| values.0.iter().any(has_nul))
    }
}

impl Tx {
    pub(super) fn new(transaction: DatabaseTransaction, health: Option<Health>) -> Self {
        Self(Db(Connection::Transaction(transaction, health.unwrap_or_default())))
    }

    /// The same handle, where a generic parameter keeps the compiler from finding it.
    pub(super) const fn db(&self) -> &Db {
        &self.0
    }

    /// Makes its writes last; those of a savepoint together with the transaction around it.
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        let Connection::Transaction(transaction, _) = self.0.0 else { return Ok(()) };
        transaction.commit().await
    }

    pub(super) async fn rollback(self) -> Result<(), DbErr> {
        let Connection::Transaction(transaction, _) = self.0.0 else { return Ok(()) };
        transaction.rollback().await
    }

    /// Runs a statement that both engines read alike; returns how many rows it changed.
    pub(super) async fn changed_rows(&self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        let statement = Statement::from_sql_and_values(self.get_database_backend(), sql, values);
        Ok(self.execute_raw(statement).await?.rows_affected())
    }

    pub(super) async fn changes(&self, sql: &str, values: Vec<Value>) -> Result<bool, StoreError> {
        Ok(self.changed_rows(sql, values).await? > 0)
    }

    /// Inserts a row; one with the same key is an error.
    pub(super) async fn insert<A: ActiveModelTrait>(&self, row: impl IntoActiveModel<A>) -> Result<(), StoreError> {
        Ok(Insert::one(row).exec_without_returning(self.db()).await.map(drop)?)
    }

    /// Inserts a row unless it would violate a unique key; returns whether it did. Never an error inside the transaction,
    /// which would end it on PostgreSQL.
    pub(super) async fn insert_new<A: ActiveModelTrait>(&self, row: impl IntoActiveModel<A>) -> Result<bool, StoreError> {
        let insert = Insert::one(row).on_conflict(OnConflict::new().do_nothing().to_owned());
        match insert.exec_without_returning(self.db()).await {
            Ok(rows) => Ok(rows > 0),
            Err(DbErr::RecordNotInserted) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Inserts some hundred rows by one statement. False: one of them violates a unique key, and the transaction has to be
    /// rolled back.
    pub(super) async fn insert_all<A: ActiveModelTrait>(&self, rows: Vec<impl IntoActiveModel<A>>) -> Result<bool, StoreError> {
        let wanted = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let insert = Insert::<A>::many(rows).on_conflict(OnConflict::new().do_nothing().to_owned());
        match insert.exec_without_returning(self.db()).await {
            Ok(inserted) => Ok(inserted == wanted),
            Err(DbErr::RecordNotInserted) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[async_trait]
impl ConnectionTrait for Db {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Connection::Sqlite(pool) => pool.get_database_backend(),
            Connection::Postgres(server) => server.pool.get_database_backend(),
            Connection::Transaction(transaction, _) => transaction.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.count_statement();
        match &self.0 {
            Connection::Sqlite(pool) => pool.execute_raw(statement).await,
            // Nobody writes outside of a transaction.
            Connection::Postgres(server) => server.pool.execute_raw(statement).await,
            Connection::Transaction(transaction, health) => health.observe(transaction.execute_raw(statement).await),
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_raw(Statement::from_string(self.get_database_backend(), sql)).await
    }

    /// Every statement that is asked so has one row at most.
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(self.query_all_raw(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if self.is_unaskable(&statement) {
            return Ok(Vec::new());
        }
        self.count_statement();
        match &self.0 {
            Connection::Sqlite(pool) => pool.query_all_raw(statement).await,
            Connection::Postgres(server) => server.read(|pool| pool.query_all_raw(statement.clone())).await,
            Connection::Transaction(transaction, health) => health.observe(transaction.query_all_raw(statement).await),
        }
    }
}

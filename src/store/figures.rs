//! How many there are of what, for the metrics: a few counts over indexed columns, asked at most every few seconds.

use super::row::values;
use super::{Engine, Store, StoreError, logins};
use crate::domain::clock::Timestamp;
use crate::domain::user::Upstream;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Browser sessions that are neither ended, nor expired, nor idle.
    pub sessions: i64,
    pub devices: Vec<(Upstream, i64)>,
    pub pending: Vec<(Upstream, i64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolFigures {
    pub used: u32,
    pub idle: u32,
}

impl Store {
    /// Counts. Sessions last used before `idle_since` are idle. Three reads.
    pub(crate) async fn figures(&self, now: Timestamp, idle_since: Timestamp) -> Result<Figures, StoreError> {
        let db = self.read();
        let sql = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL AND expires_at > $1 AND last_seen_at > $2";
        let sessions = db.count(sql, values![now, idle_since]).await?;
        let devices = db.counts("SELECT upstream, COUNT(*) FROM devices GROUP BY upstream", vec![]).await?;
        let pending = logins::count_open(db, now).await?;
        let sessions = i64::try_from(sessions).unwrap_or(i64::MAX);
        Ok(Figures { sessions, devices: by_service(devices), pending: by_service(pending) })
    }

    /// The connections of the pool that reads; on PostgreSQL there is one pool for everything.
    pub(crate) fn pool(&self) -> PoolFigures {
        let (open, idle) = match &self.inner.engine {
            Engine::Sqlite { readers, .. } => {
                let pool = readers.get_sqlite_connection_pool();
                (pool.size(), pool.num_idle())
            }
            Engine::Postgres(server) => {
                let pool = server.pool.get_postgres_connection_pool();
                (pool.size(), pool.num_idle())
            }
        };
        let idle = u32::try_from(idle).unwrap_or(u32::MAX);
        PoolFigures { used: open.saturating_sub(idle), idle }
    }
}

/// A count for each service, zero where there is no row.
fn by_service(rows: Vec<(String, i64)>) -> Vec<(Upstream, i64)> {
    let count = |upstream: Upstream| rows.iter().find(|(name, _)| name == upstream.as_str()).map_or(0, |(_, count)| *count);
    Upstream::ALL.into_iter().map(|upstream| (upstream, count(upstream))).collect()
}

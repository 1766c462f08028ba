//! The descriptors of the process: as many as the system allows, shared out between the two listeners and everything else.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::{Database, DatabaseUrl};

/// Kept for calls to phone services and clients, files, and a database in a file.
const OTHERS: u64 = 192;
pub(super) const MANAGEMENT: usize = 64;
/// The most connections of the provider's listener, however many descriptors there are: each takes memory as well.
const MOST: u64 = 16_384;
const LEAST: u64 = 16;

/// Raises the limit on open files to the hardest one that is allowed, and answers it. It stays as it was where that fails.
pub(super) fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
    // None: no limit.
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

pub(super) fn public(descriptors: u64, database: &Database) -> usize {
    let of_database = match database.url {
        DatabaseUrl::Sqlite(_) => 0,
        DatabaseUrl::Postgres(_) => u64::from(database.connections),
    };
    let kept = (OTHERS + of_database + MANAGEMENT as u64).min(descriptors / 2);
    usize::try_from((descriptors - kept).clamp(LEAST, MOST)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    #[test]
    fn others_are_left_enough_of_any_number() {
        for (descriptors, connections) in [(64, 32), (256, 128), (1024, 768), (20_000, 16_384), (u64::MAX, 16_384)] {
            let file = DatabaseUrl::Sqlite("signbridge.db".into());
            let file = Database { url: file, connections: 100, writes_per_commit: 64 };
            assert_eq!(public(descriptors, &file), connections, "{descriptors}");
        }
        let server = DatabaseUrl::Postgres(Secret::new("postgres://x"));
        let server = Database { url: server, connections: 100, writes_per_commit: 64 };
        assert_eq!((public(1024, &server), public(256, &server)), (668, 128));
    }
}

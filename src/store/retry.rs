//! The one place that decides how often a transaction is run again (decision 2.13): after SQLSTATE 40001 and 40P01 and after
//! SQLITE_BUSY, which leave nothing behind; a few times, further apart each time, and not in step with other nodes.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::env::Env;
use crate::metrics;

const MOST_ATTEMPTS: u32 = 6;
/// The longest pause after the first attempt; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// When no further attempt is begun: each may itself have waited seconds for a lock, and somebody waits for the answer.
const RETRY_BUDGET: Duration = Duration::from_secs(3);

pub(super) struct Attempts<'e> {
    env: &'e Env,
    made: u32,
    since: Instant,
}

impl<'e> Attempts<'e> {
    pub(super) fn new(env: &'e Env) -> Self {
        Self { env, made: 0, since: Instant::now() }
    }

    /// After a failed attempt: waits and returns true, or returns false when there were enough.
    pub(super) async fn again(&mut self) -> bool {
        self.made += 1;
        metrics::DB_BUSY.add([]);
        if self.made >= MOST_ATTEMPTS || self.since.elapsed() >= RETRY_BUDGET {
            return false;
        }
        metrics::DB_RETRIES.add([]);
        tokio::time::sleep(self.pause()).await;
        true
    }

    /// Between half and all of the pause of this attempt.
    fn pause(&self) -> Duration {
        let longest = FIRST_PAUSE * 2_u32.pow(self.made - 1);
        let [random] = self.env.random_bytes::<1>().unwrap_or([u8::MAX]);
        longest / 2 + longest / 2 * u32::from(random) / 255
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_short() {
        let env = Env::system();
        let pause = |made| Attempts { env: &env, made, since: Instant::now() }.pause();
        for made in 1..MOST_ATTEMPTS - 1 {
            assert!(pause(made) <= pause(made + 1), "pause {made}");
        }
        assert!(pause(1) >= FIRST_PAUSE / 2 && pause(MOST_ATTEMPTS - 1) <= Duration::from_millis(160));
    }

    #[tokio::test]
    async fn attempts_are_bounded() {
        let env = Env::system();
        assert!(Attempts { env: &env, made: 0, since: Instant::now() }.again().await);
        assert!(!Attempts { env: &env, made: MOST_ATTEMPTS - 1, since: Instant::now() }.again().await);
    }
}

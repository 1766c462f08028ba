//! Time: one type for moments and the only place that reads the machine's clock. Deadlines are stored as absolute moments and
//! compared inside the statement that depends on them: a clean-up job that does not run can never revive anything.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::format_description;

/// A moment, in milliseconds since the Unix epoch (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Rounded down (`NumericDate`, RFC 7519 §2).
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Zero when this moment is not after `earlier`.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A moment for people: `2027-01-31 12:34:56Z`.
pub(crate) fn utc(moment: Timestamp) -> String {
    let at = OffsetDateTime::from_unix_timestamp(moment.as_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z")).unwrap_or_default()
}

/// A moment for programs (RFC 3339): `2027-01-31T12:34:56.789Z`.
pub(crate) fn rfc3339(moment: Timestamp) -> String {
    let nanos = i128::from(moment.as_millis()) * 1_000_000;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let written = at.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"));
    written.unwrap_or_default()
}

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may read the machine's clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// What the machine's clock may gain or lose between two looks, beside a steady one, before it was set (R24).
const STEP: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
pub(crate) struct StepWatch {
    wall: Timestamp,
    steady: Duration,
}

impl StepWatch {
    pub(crate) const fn new(wall: Timestamp, steady: Duration) -> Self {
        Self { wall, steady }
    }

    /// By how many milliseconds the clock was set since the last look, if it was: forwards, or back (negative).
    pub(crate) fn look(&mut self, wall: Timestamp, steady: Duration) -> Option<i64> {
        let before = std::mem::replace(self, Self { wall, steady });
        let expected = before.wall.plus(steady.saturating_sub(before.steady));
        let by = wall.0.saturating_sub(expected.0);
        (wall.since(expected) > STEP || expected.since(wall) > STEP).then_some(by)
    }
}

#[cfg(test)]
pub(crate) use manual::ManualClock;

#[cfg(test)]
mod manual {
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use super::{Clock, Timestamp};

    /// A clock that stands still until it is moved.
    #[derive(Debug)]
    pub(crate) struct ManualClock(AtomicI64);

    impl ManualClock {
        /// A clock that shows `start`.
        pub(crate) fn new(start: Timestamp) -> Self {
            Self(AtomicI64::new(start.0))
        }

        pub(crate) fn advance(&self, by: Duration) {
            self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }

        pub(crate) fn rewind(&self, by: Duration) {
            self.0.fetch_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.load(Ordering::SeqCst))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_399, "2000-02-28 23:59:59Z"),
            (951_782_400, "2000-02-29 00:00:00Z"),
            (1_709_251_199, "2024-02-29 23:59:59Z"),
            (4_107_542_400, "2100-03-01 00:00:00Z"),
            (-1, "1969-12-31 23:59:59Z"),
        ] {
            assert_eq!(utc(Timestamp::from_seconds(seconds)), text);
        }
    }

    #[test]
    fn moments_of_programs_have_milliseconds() {
        assert_eq!(rfc3339(Timestamp::from_millis(951_782_400_007)), "2000-02-29T00:00:00.007Z");
    }

    #[test]
    fn a_moment_before_the_epoch_rounds_down_to_its_second() {
        assert_eq!(Timestamp::from_millis(-1).as_seconds(), -1);
        assert_eq!(Timestamp::from_millis(1999).as_seconds(), 1);
    }

    #[test]
    fn a_clock_that_is_set_is_told_from_one_that_runs_or_drifts() {
        let seconds = Duration::from_secs;
        let start = Timestamp::from_seconds(1_800_000_000);
        let mut watch = StepWatch::new(start, seconds(7));
        // Ten seconds pass between two looks.
        let mut wall = start;
        let mut steady = seconds(7);
        for (moved, told) in [
            (10, None),
            (3610, Some(3_600_000)),
            (10, None),
            (-3590, Some(-3_600_000)),
            (70, None),
            (-51, Some(-61_000)),
            (86_410, Some(86_400_000)),
            (11, None),
        ] {
            wall = Timestamp::from_millis(wall.as_millis() + moved * 1000);
            steady += seconds(10);
            assert_eq!(watch.look(wall, steady), told, "{moved}");
        }
        assert!(watch.look(Timestamp::from_millis(i64::MIN), steady).is_some());
        assert!(watch.look(Timestamp::from_millis(i64::MAX), Duration::MAX).is_some());
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Duration::ZERO);
    }
}

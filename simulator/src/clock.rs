//! The wall clock, and the simulator's own clock, which a script may turn forward.
//!
//! Sessions and transactions expire by the own clock. Signature stamps and the request log follow the wall clock, because
//! the other side of those is the product, whose clock nobody turned. All moments are milliseconds since the Unix epoch.

use std::time::{SystemTime, UNIX_EPOCH};

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

const STAMP: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
const ISO: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

#[expect(clippy::disallowed_methods, reason = "the simulator shares no code with the product; this is its only clock")]
pub(crate) fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, ms)
}

pub(crate) fn ms(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Whole seconds from `now` until `end`; 0 when it is over.
pub(crate) fn seconds_left(now: i64, end: i64) -> i64 {
    (end.saturating_sub(now) / 1000).max(0)
}

#[derive(Default)]
pub(crate) struct Clock {
    ahead_ms: i64,
}

impl Clock {
    pub(crate) fn now_ms(&self) -> i64 {
        wall_ms().saturating_add(self.ahead_ms)
    }

    /// Tells how far ahead the clock is then.
    pub(crate) fn advance(&mut self, by_ms: i64) -> i64 {
        self.ahead_ms = self.ahead_ms.saturating_add(by_ms);
        self.ahead_ms
    }
}

fn utc(ms: i64, format: &[BorrowedFormatItem<'_>]) -> String {
    let moment = OffsetDateTime::UNIX_EPOCH.checked_add(Duration::milliseconds(ms));
    moment.and_then(|moment| moment.format(format).ok()).unwrap_or_default()
}

/// `2018-05-02T10:11:12Z`.
pub(crate) fn iso(ms: i64) -> String {
    utc(ms, ISO)
}

/// `20180502`, the date that keys a ThumbSignIn signature.
pub(crate) fn compact_date(ms: i64) -> String {
    utc(ms, STAMP).chars().take(8).collect()
}

/// Reads `yyyyMMdd'T'HHmmss'Z'`; nothing else is a stamp.
pub(crate) fn parse_stamp(text: &str) -> Option<i64> {
    Some(PrimitiveDateTime::parse(text, STAMP).ok()?.assume_utc().unix_timestamp() * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_and_printed_back() {
        let ms = parse_stamp("20180502T101112Z").unwrap();
        assert_eq!(ms, 1_525_255_872_000);
        assert_eq!(iso(ms), "2018-05-02T10:11:12Z");
        assert_eq!(compact_date(ms), "20180502");
    }

    #[test]
    fn leap_days_exist_only_in_leap_years() {
        assert_eq!(parse_stamp("20240229T000000Z"), Some(1_709_164_800_000));
        assert_eq!(parse_stamp("20230229T000000Z"), None);
    }

    #[test]
    fn other_shapes_are_not_stamps() {
        for text in
            ["2018-05-02T10:11:12Z", "20180502T101112.000Z", "20180502T101112", "2018050øT101112Z", "", "20181302T101112Z"]
        {
            assert_eq!(parse_stamp(text), None, "{text}");
        }
    }

    #[test]
    fn the_own_clock_runs_ahead_by_what_was_added() {
        let mut clock = Clock::default();
        assert_eq!(clock.advance(90_000), 90_000);
        let ahead = clock.now_ms() - wall_ms();
        assert!((89_900..=90_000).contains(&ahead), "{ahead}");
    }
}

//! Time: the wall clock, and the simulator's own clock, which a script may turn forward.
//!
//! Sessions and transactions expire by the own clock. Signature stamps and the request log follow the wall clock, because
//! the other side of those is the product, whose clock nobody turned.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch on the wall clock.
#[expect(clippy::disallowed_methods, reason = "the simulator shares no code with the product; this is its only clock")]
pub(crate) fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// A clock that runs with the wall clock, ahead of it by what scripts added.
#[derive(Default)]
pub(crate) struct Clock {
    ahead_ms: i64,
}

impl Clock {
    /// Milliseconds since the Unix epoch, as far as the simulated services are concerned.
    pub(crate) fn now_ms(&self) -> i64 {
        wall_ms().saturating_add(self.ahead_ms)
    }

    /// Turns the clock forward (or back, with a negative number) and tells how far ahead it is now.
    pub(crate) fn advance(&mut self, by_ms: i64) -> i64 {
        self.ahead_ms = self.ahead_ms.saturating_add(by_ms);
        self.ahead_ms
    }
}

/// A moment in UTC, taken apart for printing.
pub(crate) struct Utc {
    year: i64,
    month: i64,
    day: i64,
    second_of_day: i64,
}

impl Utc {
    /// The moment `ms` milliseconds after the Unix epoch.
    pub(crate) fn from_ms(ms: i64) -> Self {
        let seconds = ms.div_euclid(1000);
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
        Self { year, month, day, second_of_day: seconds.rem_euclid(86_400) }
    }

    /// `20180502`, the date that keys a ThumbSignIn signature.
    pub(crate) fn compact_date(&self) -> String {
        format!("{:04}{:02}{:02}", self.year, self.month, self.day)
    }

    /// `2018-05-02T10:11:12Z`.
    pub(crate) fn iso(&self) -> String {
        format!("{:04}-{:02}-{:02}T{}Z", self.year, self.month, self.day, self.time())
    }

    /// `10:11:12`.
    pub(crate) fn time(&self) -> String {
        let s = self.second_of_day;
        format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }
}

/// Reads `yyyyMMdd'T'HHmmss'Z'` into milliseconds since the Unix epoch; nothing else is a stamp.
pub(crate) fn parse_stamp(text: &str) -> Option<i64> {
    let date = text.get(0..8)?;
    let time = text.get(9..15)?;
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if text.len() != 16 || text.get(8..9) != Some("T") || text.get(15..16) != Some("Z") || !digits(date) || !digits(time) {
        return None;
    }
    let number = |part: Option<&str>| part.and_then(|digits| digits.parse::<i64>().ok());
    let (year, month, day) = (number(date.get(0..4))?, number(date.get(4..6))?, number(date.get(6..8))?);
    let (hour, minute, second) = (number(time.get(0..2))?, number(time.get(2..4))?, number(time.get(4..6))?);
    let days = days_from_civil(year, month, day);
    if civil_from_days(days) != (year, month, day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some((days * 86_400 + hour * 3600 + minute * 60 + second) * 1000)
}

/// Days since the Unix epoch of a date in the proleptic Gregorian calendar. Years are counted from March, so that the
/// leap day is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The date that is `days` after the Unix epoch: the reverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_and_printed_back() {
        let ms = parse_stamp("20180502T101112Z").unwrap();
        assert_eq!(ms, 1_525_255_872_000);
        assert_eq!(Utc::from_ms(ms).iso(), "2018-05-02T10:11:12Z");
        assert_eq!(Utc::from_ms(ms).compact_date(), "20180502");
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

//! The moment of a signed request as `X-Ts-Date` writes it (ThumbSignIn notes §1.2), and the day that keys its signature.
//! Both come from one reading of the clock: signers that read it twice disagree with themselves at midnight (§1.4).

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::domain::clock::Timestamp;

const STAMP: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]");

#[derive(Debug, thiserror::Error)]
#[error("the clock shows a moment outside of the years 0 to 9999")]
pub(super) struct StampError;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// `yyyyMMdd'T'HHmmss'Z'`
    pub(super) text: String,
    /// `yyyyMMdd`
    pub(super) day: String,
}

impl Stamp {
    pub(super) fn of(moment: Timestamp) -> Result<Self, StampError> {
        let utc = OffsetDateTime::from_unix_timestamp(moment.as_seconds()).map_err(|_out_of_range| StampError)?;
        if utc.year() < 0 {
            return Err(StampError);
        }
        let written = |format| utc.format(format).map_err(|_unwritable| StampError);
        Ok(Self { text: written(STAMP)?, day: written(DAY)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp(seconds: i64) -> String {
        Stamp::of(Timestamp::from_seconds(seconds)).unwrap().text
    }

    #[test]
    fn known_moments_are_written_in_utc() {
        assert_eq!(stamp(0), "19700101T000000Z");
        assert_eq!(stamp(1_525_255_872), "20180502T101112Z");
        assert_eq!(stamp(1_525_305_599), "20180502T235959Z");
        assert_eq!(stamp(1_709_164_800), "20240229T000000Z");
    }

    #[test]
    fn the_day_is_the_stamps_own_until_the_last_millisecond() {
        let last = Stamp::of(Timestamp::from_millis(1_525_305_599_999)).unwrap();
        assert_eq!((last.text.as_str(), last.day.as_str()), ("20180502T235959Z", "20180502"));
        assert_eq!(Stamp::of(Timestamp::from_millis(1_525_305_600_000)).unwrap().day, "20180503");
    }

    #[test]
    fn a_clock_beyond_the_format_is_an_error() {
        for millis in [i64::MIN, i64::MAX, -62_167_219_200_001] {
            assert!(Stamp::of(Timestamp::from_millis(millis)).is_err(), "{millis}");
        }
    }

    proptest! {
        #[test]
        fn every_stamp_has_its_shape_and_begins_with_its_day(seconds in 0i64..253_402_300_800) {
            let stamp = Stamp::of(Timestamp::from_seconds(seconds)).unwrap();
            prop_assert_eq!(stamp.text.len(), 16);
            prop_assert_eq!(&stamp.text[..8], &stamp.day);
            let digits = stamp.text.bytes().enumerate().all(|(at, byte)| match at { 8 => byte == b'T', 15 => byte == b'Z', _ => byte.is_ascii_digit() });
            prop_assert!(digits);
        }
    }
}

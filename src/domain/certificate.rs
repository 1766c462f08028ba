//! Until when a certificate is valid, for a warning in time: a walk over six elements of its DER form (RFC 5280 §4.1).

use time::{Date, Month};

use super::clock::Timestamp;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;

/// `notAfter`; `None` when this is no certificate.
pub(crate) fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _rest) = element(der, SEQUENCE)?;
    let (mut tbs, _signature) = element(certificate, SEQUENCE)?;
    if tbs.first() == Some(&VERSION) {
        tbs = element(tbs, VERSION)?.1;
    }
    // serialNumber, signature, issuer.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        tbs = element(tbs, tag)?.1;
    }
    let (validity, _rest) = element(tbs, SEQUENCE)?;
    let (_tag, _not_before, rest) = any(validity)?;
    let (tag, text, _rest) = any(rest)?;
    moment(tag, std::str::from_utf8(text).ok()?)
}

fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = any(der)?;
    (found == tag).then_some((content, rest))
}

/// The tag and the content of the first element, and what follows it.
fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short if short < 0x80 => (usize::from(short), rest),
        long => {
            let count = usize::from(long & 0x7f);
            if !(1..=4).contains(&count) {
                return None;
            }
            let (digits, rest) = rest.split_at_checked(count)?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280 §4.1.2.5).
fn moment(tag: u8, text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let century = match (tag, digits.len()) {
        (UTC_TIME, 12) if digits < "50" => "20",
        (UTC_TIME, 12) => "19",
        (GENERALIZED_TIME, 14) => "",
        _other => return None,
    };
    let digits = format!("{century}{digits}");
    let part = |at: usize| digits.get(at..at + 2)?.parse::<u8>().ok();
    let year = digits.get(..4)?.parse().ok()?;
    let date = Date::from_calendar_date(year, Month::try_from(part(4)?).ok()?, part(6)?).ok()?;
    let moment = date.with_hms(part(8)?, part(10)?, part(12)?).ok()?;
    Some(Timestamp::from_seconds(moment.assume_utc().unix_timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], length.as_slice(), content].concat()
    }

    fn certificate(version: bool, end: (u8, &str)) -> Vec<u8> {
        let validity = [wrap(UTC_TIME, b"200101000000Z"), wrap(end.0, end.1.as_bytes())].concat();
        let version = if version { wrap(VERSION, &wrap(INTEGER, &[2])) } else { Vec::new() };
        let fields =
            [version, wrap(INTEGER, &[7; 20]), wrap(SEQUENCE, &[]), wrap(SEQUENCE, &[1; 300]), wrap(SEQUENCE, &validity)];
        wrap(SEQUENCE, &[wrap(SEQUENCE, &fields.concat()), wrap(SEQUENCE, &[])].concat())
    }

    #[test]
    fn the_end_is_read_in_both_forms_and_without_a_version() {
        for (version, end, seconds) in [
            (true, (UTC_TIME, "301231235959Z"), 1_924_991_999),
            (false, (UTC_TIME, "301231235959Z"), 1_924_991_999),
            (true, (GENERALIZED_TIME, "20501231235959Z"), 2_556_143_999),
        ] {
            assert_eq!(not_after(&certificate(version, end)), Some(Timestamp::from_seconds(seconds)), "{end:?}");
        }
    }

    #[test]
    fn anything_else_is_no_certificate() {
        let whole = certificate(true, (UTC_TIME, "301231235959Z"));
        for length in 0..whole.len() - 10 {
            assert_eq!(not_after(&whole[..length]), None, "cut at {length}");
        }
        for end in [(UTC_TIME, "301331235959Z"), (UTC_TIME, "30123123595"), (INTEGER, "301231235959Z")] {
            assert_eq!(not_after(&certificate(true, end)), None, "{end:?}");
        }
    }

    #[test]
    fn a_moment_has_the_form_of_its_tag() {
        let seconds = |tag, text| moment(tag, text).map(Timestamp::as_seconds);
        assert_eq!(seconds(UTC_TIME, "491231235959Z"), Some(2_524_607_999), "RFC 5280: 00 to 49 are of this century");
        assert_eq!(seconds(UTC_TIME, "500101000000Z"), Some(-631_152_000), "and 50 to 99 of the last");
        assert_eq!(seconds(GENERALIZED_TIME, "20240229000000Z"), Some(1_709_164_800));
        for (tag, text) in [
            (UTC_TIME, "20301231235959Z"),
            (GENERALIZED_TIME, "301231235959Z"),
            (GENERALIZED_TIME, "20230229000000Z"),
            (UTC_TIME, "300000000000Z"),
            (UTC_TIME, "301231240000Z"),
            (UTC_TIME, "301231235959"),
            (UTC_TIME, "301231235959+0000"),
            (UTC_TIME, "+01231235959Z"),
            (UTC_TIME, "30123123595éZ"),
            (UTC_TIME, ""),
        ] {
            assert_eq!(seconds(tag, text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_on_arbitrary_bytes(at: prop::sample::Index, put: Vec<u8>, junk: Vec<u8>) {
            let mut spoiled = certificate(true, (UTC_TIME, "301231235959Z"));
            let at = at.index(spoiled.len());
            let end = (at + put.len()).min(spoiled.len());
            spoiled.splice(at..end, put);
            let _refused = (not_after(&spoiled), not_after(&junk));
        }
    }
}

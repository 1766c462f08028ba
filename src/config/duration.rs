//! Durations as operators write them: a whole number and a unit (`"90s"`, `"10m"`, `"24h"`, `"30d"`).

use std::time::Duration;

const UNITS: &[(&str, u64)] = &[("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

const EXPECTED: &str =
    "expected a duration: a whole number and a unit (s, m, h or d), as in \"90s\", \"10m\", \"24h\" or \"30d\"";

pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let parsed = || {
        let (number, unit) = text.split_at(text.find(|character: char| !character.is_ascii_digit())?);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        number.parse::<u64>().ok()?.checked_mul(*factor).map(Duration::from_secs)
    };
    parsed().ok_or_else(|| EXPECTED.to_owned())
}

/// The shortest way to write `duration`; fractions of a second are dropped.
pub(super) fn write(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let fits = |factor: u64| seconds >= factor && seconds.is_multiple_of(factor);
    match UNITS.iter().find(|(_, factor)| fits(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", seconds / factor),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_and_a_unit_is_a_duration_and_is_written_back() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("10m", 600), ("24h", 86_400), ("30d", 2_592_000)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for (seconds, text) in [(0, "0s"), (90, "90s"), (600, "10m"), (86_400, "1d"), (3_600, "1h")] {
            assert_eq!(write(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "90", "s", "1.5h", "-1s", "10 m", "1h30m", "10min", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(parse(text), Err(EXPECTED.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_duration_is_written_so_that_it_is_read(seconds: u64) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse(&write(duration)), Ok(duration));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[0-9]{0,22}\\PC{0,3}") {
            if let Ok(duration) = parse(&text) {
                prop_assert_eq!(parse(&write(duration)), Ok(duration));
            }
        }
    }
}

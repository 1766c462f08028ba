//! Slips of the pen, for property tests of parsers: texts that are nearly right.

use proptest::sample::Index;

/// A place, what happens there (0 takes away, 1 replaces, 2 cuts off, anything else inserts), and with what.
pub(crate) type Slip = (Index, u8, &'static str);

/// The text with these slips in it, made one after another.
pub(crate) fn slipped(text: &str, slips: &[Slip]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (place, kind, with) in slips {
        let at = place.index(text.len() + 1);
        match kind {
            0 if at < text.len() => drop(text.remove(at)),
            1 if at < text.len() => drop(text.splice(at..=at, with.chars())),
            2 => text.truncate(at),
            _insert => drop(text.splice(at..at, with.chars())),
        }
    }
    text.into_iter().collect()
}

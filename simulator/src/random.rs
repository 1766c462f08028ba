//! Chance: ids, secrets, the order of symbols, whether a fault strikes.

use std::hash::{BuildHasher, Hasher, RandomState};

/// The hasher's seed stands in where the operating system has no randomness: here ids need only be different.
pub(crate) fn number() -> u64 {
    getrandom::u64().unwrap_or_else(|_| RandomState::new().build_hasher().finish())
}

/// `words` × 16 lower-case hex digits.
pub(crate) fn hex(words: usize) -> String {
    (0..words).map(|_| format!("{:016x}", number())).collect()
}

/// A number below `bound`, or 0 when `bound` is 0. The bias of the remainder is far below what anybody could notice.
pub(crate) fn below(bound: usize) -> usize {
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    usize::try_from(number().checked_rem(bound).unwrap_or(0)).unwrap_or(0)
}

/// True with the given probability (0 never, 1 always).
pub(crate) fn chance(probability: f64) -> bool {
    (below(1_000_000) as f64) < probability * 1_000_000.0
}

pub(crate) fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(last + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_asked_length_and_differ() {
        assert_eq!(hex(3).len(), 48);
        assert_ne!(hex(2), hex(2));
    }

    #[test]
    fn never_and_always_mean_what_they_say() {
        assert!((0..1000).all(|_| !chance(0.0)));
        assert!((0..1000).all(|_| chance(1.0)));
        let half = (0..1000).filter(|_| chance(0.5)).count();
        assert!((350..650).contains(&half), "{half}");
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..50).collect();
        shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}

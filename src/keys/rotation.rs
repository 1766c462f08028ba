//! What a rotation changes: pure functions from the stored keys to the steps to take.
//!
//! The life of a key (OIDC Core §10.1.1): published as *next* for at least `key_ahead`, then *active*, then *retired* and
//! still published for `retired_keep`. After that it leaves the JWK set, and its public half is kept for `hint_keep`, since
//! a logout may name a session by an ID token that expired long ago (decision 2.16).

use std::time::Duration;

use crate::domain::clock::Timestamp;
use crate::domain::signing_key::{KeyState, KeyStep, StoredKey};
use crate::protocol::client_metadata::SigningAlgorithm;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeySettings {
    /// How long a key is published before it may sign; no less than relying parties cache a JWK set (decision 2.10).
    pub key_ahead: Duration,
    /// How long a retired key stays in the JWK set: longer than the longest token life (decision 2.10).
    pub retired_keep: Duration,
    /// How long a retired key verifies `id_token_hint`s; not less than `retired_keep`.
    pub hint_keep: Duration,
}

impl Default for KeySettings {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Self { key_ahead: HOUR, retired_keep: HOUR * 24, hint_keep: HOUR * 24 * 90 }
    }
}

impl KeySettings {
    /// When a retired key leaves the JWK set.
    pub(crate) fn unpublished_at(&self, key: &StoredKey) -> Option<Timestamp> {
        retired_at(key).map(|at| at.plus(self.retired_keep))
    }
}

fn retired_at(key: &StoredKey) -> Option<Timestamp> {
    (key.state == KeyState::Retired).then(|| key.retired_at.unwrap_or(key.created_at))
}

/// Why a rotation is refused. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RotationRefused {
    /// Relying parties with a cached JWK set would not know the next key.
    #[error(
        "the next {alg} key was published too recently for relying parties to know it; it may sign {} s from now",
        wait.as_secs() + 1
    )]
    TooSoon { alg: SigningAlgorithm, wait: Duration },
    #[error("there is no signing key with this id")]
    UnknownKey,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Planned {
    Make(SigningAlgorithm, KeyState),
    Take(KeyStep),
}

/// The steps after which every algorithm has an active and a next key. Nothing, where that is so already.
pub(crate) fn ensure(keys: &[StoredKey], now: Timestamp) -> Vec<Planned> {
    let mut steps = Vec::new();
    for alg in SigningAlgorithm::ALL {
        fill(&mut steps, alg, find(keys, alg, KeyState::Active), find(keys, alg, KeyState::Next), now);
    }
    steps
}

/// The steps for one algorithm; without one for all of them, or for none if one is not ready.
pub(crate) fn rotate(
    keys: &[StoredKey],
    only: Option<SigningAlgorithm>,
    now: Timestamp,
    settings: &KeySettings,
) -> Result<Vec<Planned>, RotationRefused> {
    let mut steps = Vec::new();
    for alg in SigningAlgorithm::ALL {
        if only.is_some_and(|only| only != alg) {
            continue;
        }
        let (active, next) = (find(keys, alg, KeyState::Active), find(keys, alg, KeyState::Next));
        let age = next.map_or(Duration::ZERO, |next| now.since(next.created_at));
        let wait = settings.key_ahead.saturating_sub(age);
        if !wait.is_zero() {
            return Err(RotationRefused::TooSoon { alg, wait });
        }
        if let Some(active) = active {
            steps.push(Planned::Take(KeyStep::Retire { kid: active.kid.clone(), at: now }));
        }
        fill(&mut steps, alg, None, next, now);
    }
    Ok(steps)
}

/// The steps by which a key that may be in wrong hands is gone at once, signatures included (check 71). If it signed,
/// the next one signs from now on, however recently it was published: relying parties fetch an unknown `kid` (OIDC Core
/// §10.1.1), and the alternative is worse.
pub(crate) fn revoke(keys: &[StoredKey], kid: &str, now: Timestamp) -> Result<Vec<Planned>, RotationRefused> {
    let key = keys.iter().find(|key| key.kid == kid).ok_or(RotationRefused::UnknownKey)?;
    let mut steps = vec![Planned::Take(KeyStep::Delete { kid: key.kid.clone() })];
    let other = |state| find(keys, key.alg, state).filter(|other| other.kid != kid);
    if key.state != KeyState::Retired {
        fill(&mut steps, key.alg, other(KeyState::Active), other(KeyState::Next), now);
    }
    Ok(steps)
}

pub(crate) fn tidy(keys: &[StoredKey], now: Timestamp, settings: &KeySettings) -> Vec<Planned> {
    let keep = settings.hint_keep.max(settings.retired_keep);
    let outlived = keys.iter().filter(|key| retired_at(key).is_some_and(|at| now >= at.plus(keep)));
    outlived.map(|key| Planned::Take(KeyStep::Delete { kid: key.kid.clone() })).collect()
}

fn fill(steps: &mut Vec<Planned>, alg: SigningAlgorithm, active: Option<&StoredKey>, next: Option<&StoredKey>, now: Timestamp) {
    if active.is_none() {
        steps.push(match next {
            Some(next) => Planned::Take(KeyStep::Activate { kid: next.kid.clone(), at: now }),
            None => Planned::Make(alg, KeyState::Active),
        });
    }
    if active.is_none() || next.is_none() {
        steps.push(Planned::Make(alg, KeyState::Next));
    }
}

fn find(keys: &[StoredKey], alg: SigningAlgorithm, state: KeyState) -> Option<&StoredKey> {
    keys.iter().find(|key| key.alg == alg && key.state == state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use SigningAlgorithm::{ES256, RS256};

    const T0: Timestamp = Timestamp::from_seconds(1_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn key(kid: &str, alg: SigningAlgorithm, state: KeyState) -> StoredKey {
        StoredKey {
            kid: kid.into(),
            alg,
            state,
            public_jwk: String::new(),
            sealed_private: String::new(),
            created_at: T0,
            active_at: (state != KeyState::Next).then_some(T0),
            retired_at: (state == KeyState::Retired).then_some(T0),
        }
    }

    fn full() -> Vec<StoredKey> {
        let pair = |alg: SigningAlgorithm| {
            let name = alg.as_str();
            [key(&format!("{name}-active"), alg, KeyState::Active), key(&format!("{name}-next"), alg, KeyState::Next)]
        };
        SigningAlgorithm::ALL.into_iter().flat_map(pair).collect()
    }

    fn retire(kid: &str, at: Timestamp) -> Planned {
        Planned::Take(KeyStep::Retire { kid: kid.into(), at })
    }

    fn activate(kid: &str, at: Timestamp) -> Planned {
        Planned::Take(KeyStep::Activate { kid: kid.into(), at })
    }

    fn delete(kid: &str) -> Planned {
        Planned::Take(KeyStep::Delete { kid: kid.into() })
    }

    #[test]
    fn an_empty_database_gets_an_active_and_a_next_key_of_every_algorithm() {
        let made = ensure(&[], T0);
        assert_eq!(made.len(), 8);
        for alg in SigningAlgorithm::ALL {
            for state in [KeyState::Active, KeyState::Next] {
                assert!(made.contains(&Planned::Make(alg, state)));
            }
        }
        assert_eq!(ensure(&full(), T0), []);
    }

    #[test]
    fn only_what_is_missing_is_made() {
        let mut keys = full();
        keys.retain(|key| key.kid != "ES256-next" && key.kid != "RS256-active");
        let expected = [activate("RS256-next", T0), Planned::Make(RS256, KeyState::Next), Planned::Make(ES256, KeyState::Next)];
        assert_eq!(ensure(&keys, T0), expected);
    }

    #[test]
    fn a_next_key_signs_only_after_it_was_published_for_long_enough() {
        let settings = KeySettings::default();
        let at = |after| rotate(&full(), Some(RS256), T0.plus(after), &settings);
        let early = HOUR - Duration::from_millis(1);
        assert_eq!(at(early), Err(RotationRefused::TooSoon { alg: RS256, wait: Duration::from_millis(1) }));
        let now = T0.plus(HOUR);
        assert_eq!(
            at(HOUR).unwrap(),
            [retire("RS256-active", now), activate("RS256-next", now), Planned::Make(RS256, KeyState::Next)]
        );
    }

    #[test]
    fn all_keys_are_rotated_or_none() {
        let settings = KeySettings::default();
        let now = T0.plus(HOUR);
        assert_eq!(rotate(&full(), None, now, &settings).unwrap().len(), 12);
        let mut keys = full();
        keys.last_mut().unwrap().created_at = now;
        assert!(matches!(rotate(&keys, None, now, &settings), Err(RotationRefused::TooSoon { .. })));
        keys.pop();
        assert!(rotate(&keys, None, now, &settings).is_err(), "no next key at all");
    }

    #[test]
    fn a_revoked_key_is_deleted_and_its_place_filled_at_once() {
        let steps = |kid| revoke(&full(), kid, T0);
        assert_eq!(
            steps("RS256-active").unwrap(),
            [delete("RS256-active"), activate("RS256-next", T0), Planned::Make(RS256, KeyState::Next)]
        );
        assert_eq!(steps("RS256-next").unwrap(), [delete("RS256-next"), Planned::Make(RS256, KeyState::Next)]);
        assert_eq!(revoke(&[key("old", RS256, KeyState::Retired)], "old", T0).unwrap(), [delete("old")]);
        assert_eq!(steps("nobody"), Err(RotationRefused::UnknownKey));
        let lonely = [key("only", RS256, KeyState::Active)];
        let expected = [delete("only"), Planned::Make(RS256, KeyState::Active), Planned::Make(RS256, KeyState::Next)];
        assert_eq!(revoke(&lonely, "only", T0).unwrap(), expected);
    }

    #[test]
    fn retired_keys_outlive_their_publication_and_are_then_deleted() {
        let settings = KeySettings::default();
        let mut keys = full();
        keys.push(key("old", RS256, KeyState::Retired));
        assert_eq!(settings.unpublished_at(&keys[8]), Some(T0.plus(HOUR * 24)));
        assert_eq!(settings.unpublished_at(&keys[0]), None);
        assert_eq!(tidy(&keys, T0.plus(HOUR * 24 * 89), &settings), []);
        assert_eq!(tidy(&keys, T0.plus(HOUR * 24 * 90), &settings), [delete("old")]);
        let short = KeySettings { hint_keep: Duration::ZERO, ..settings };
        assert_eq!(tidy(&keys, T0.plus(HOUR * 23), &short), [], "never before it leaves the JWK set");
    }
}

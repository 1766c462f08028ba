//! `[lifetimes]` against one another.

use std::time::Duration;

use super::duration;
use super::values::Values;
use crate::domain::settings::Lifetimes;

pub(super) fn read(values: &mut Values<'_>) -> Option<Lifetimes> {
    let lifetimes: Lifetimes = values.read()?;
    let mut at_most = |key: &str, value: Duration, other: &str, most: Duration| {
        if value > most {
            values.report(key, format!("is longer than {other} ({})", duration::write(most)));
        }
    };
    at_most("refresh_sliding", lifetimes.refresh_sliding, "refresh_absolute", lifetimes.refresh_absolute);
    at_most("session_idle", lifetimes.session_idle, "session", lifetimes.session);
    at_most("login", lifetimes.login, "authorization", lifetimes.authorization);
    // A signature must be checkable for as long as what it signs is valid (OIDC Core §10.1.1).
    at_most("id_token", lifetimes.id_token, "key_retired", lifetimes.key_retired);
    Some(lifetimes)
}

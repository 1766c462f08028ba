//! Phones that answer by themselves: "every later request of this user is approved after 500 ms".

use serde::{Deserialize, Serialize};

use crate::call::Provider;

/// What such a phone does. A service that lacks an action takes the one most like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Fetch,
    Scan,
    Approve,
    WrongSymbol,
    Deny,
    Decline,
    Fail,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    provider: Provider,
    /// SecSign ID or ThumbSignIn user id; `*` for everybody who is asked by name.
    user: String,
    pub(crate) action: Action,
    /// How long it waits, in real milliseconds.
    pub(crate) after_ms: Option<u64>,
}

#[derive(Default)]
pub(crate) struct Auto {
    pub(crate) rules: Vec<Rule>,
}

impl Auto {
    /// Adds an answer. It replaces an earlier one of the same phone; loading a request and deciding it count apart.
    pub(crate) fn add(&mut self, rule: Rule) -> Rule {
        let loads = |rule: &Rule| matches!(rule.action, Action::Fetch | Action::Scan);
        self.rules.retain(|old| {
            old.provider != rule.provider || !old.user.eq_ignore_ascii_case(&rule.user) || loads(old) != loads(&rule)
        });
        self.rules.push(rule.clone());
        rule
    }

    pub(crate) fn of(&self, provider: Provider, user: &str) -> Vec<Rule> {
        let fits = |rule: &&Rule| rule.provider == provider && (rule.user == "*" || rule.user.eq_ignore_ascii_case(user));
        self.rules.iter().filter(fits).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(user: &str, action: Action) -> Rule {
        Rule { provider: Provider::SecSign, user: user.to_owned(), action, after_ms: None }
    }

    #[test]
    fn a_later_decision_replaces_the_earlier_one_of_the_same_phone_only() {
        let mut auto = Auto::default();
        auto.add(rule("alice", Action::Fetch));
        auto.add(rule("alice", Action::Approve));
        auto.add(rule("bob", Action::Approve));
        auto.add(rule("Alice", Action::Deny));
        let actions: Vec<_> = auto.of(Provider::SecSign, "alice").iter().map(|rule| rule.action).collect();
        assert_eq!(actions, [Action::Fetch, Action::Deny]);
        assert_eq!(auto.of(Provider::SecSign, "bob").len(), 1);
        assert!(auto.of(Provider::ThumbSignIn, "alice").is_empty());
        auto.add(rule("*", Action::Fetch));
        assert_eq!(auto.of(Provider::SecSign, "carol").len(), 1);
    }
}

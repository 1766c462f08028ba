//! Phones that answer by themselves: "every later request of this user is approved after 500 ms".

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::secsign::PhoneAction as SecSignAction;
use crate::simulation::{Simulation, World};
use crate::thumbsignin::PhoneAction as ThumbSignInAction;
use crate::upstream::{Created, Provider};

/// What such a phone does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// SecSign: load the request. ThumbSignIn: the same as `scan`.
    Fetch,
    /// ThumbSignIn: pick up the transaction. SecSign: the same as `fetch`.
    Scan,
    /// Approve it.
    Approve,
    /// SecSign: pick a wrong symbol. ThumbSignIn: the same as `decline`.
    WrongSymbol,
    /// SecSign: deny it. ThumbSignIn: the same as `decline`.
    Deny,
    /// ThumbSignIn: decline it. SecSign: the same as `deny`.
    Decline,
    /// ThumbSignIn: fail for a technical reason. SecSign: the same as `deny`.
    Fail,
}

impl Action {
    fn decides(self) -> bool {
        !matches!(self, Self::Fetch | Self::Scan)
    }
}

/// One automatic answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The service whose requests are answered.
    pub(crate) provider: Provider,
    /// SecSign ID or ThumbSignIn user id; `*` for everybody who is asked by name.
    pub(crate) user: String,
    /// What the phone does.
    pub(crate) action: Action,
    /// How long it waits, in real milliseconds.
    #[serde(default)]
    pub(crate) after_ms: Option<u64>,
}

/// All automatic answers.
#[derive(Default)]
pub(crate) struct Auto {
    rules: Vec<Rule>,
}

impl Auto {
    /// Adds an answer. It replaces an earlier one of the same phone; loading a request and deciding it count apart.
    pub(crate) fn add(&mut self, rule: Rule) {
        self.rules.retain(|old| !(same_phone(old, &rule) && old.action.decides() == rule.action.decides()));
        self.rules.push(rule);
    }

    /// All answers, oldest first.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Forgets all answers.
    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    fn of(&self, provider: Provider, user: &str) -> Vec<Rule> {
        let fits = |rule: &&Rule| rule.provider == provider && (rule.user == "*" || rule.user.eq_ignore_ascii_case(user));
        self.rules.iter().filter(fits).cloned().collect()
    }
}

fn same_phone(one: &Rule, other: &Rule) -> bool {
    one.provider == other.provider && one.user.eq_ignore_ascii_case(&other.user)
}

/// Lets the user's phone answer a request that was just created: at once where no wait was asked for, so that the very
/// next status call sees it.
pub(crate) fn answer(simulation: &Arc<Simulation>, created: &Created) {
    let mut world = simulation.world();
    let Some(user) = created.user() else { return };
    for rule in world.auto.of(created.provider(), user) {
        match rule.after_ms.unwrap_or(0) {
            0 => apply(&mut world, created, rule.action),
            wait => later(Arc::clone(simulation), world.epoch, Duration::from_millis(wait), (created.clone(), rule.action)),
        }
    }
}

fn later(simulation: Arc<Simulation>, epoch: u64, wait: Duration, (created, action): (Created, Action)) {
    tokio::spawn(async move {
        tokio::time::sleep(wait).await;
        let mut world = simulation.world();
        if world.epoch == epoch {
            apply(&mut world, &created, action);
        }
    });
}

/// A phone that comes too late finds nothing to answer; that is no error.
fn apply(world: &mut World, created: &Created, action: Action) {
    let now = world.clock.now_ms();
    match created {
        Created::Session { secsignid, id } => {
            let action = match action {
                Action::Fetch | Action::Scan => SecSignAction::Fetch,
                Action::Approve => SecSignAction::Approve { symbol: None },
                Action::WrongSymbol => SecSignAction::WrongSymbol,
                Action::Deny | Action::Decline | Action::Fail => SecSignAction::Deny,
            };
            world.secsign.act(now, (secsignid, *id), &action).ok();
        }
        Created::Transaction { id, .. } => {
            let action = match action {
                Action::Fetch | Action::Scan => ThumbSignInAction::Scan,
                Action::Approve => ThumbSignInAction::Approve { user: None },
                Action::WrongSymbol | Action::Deny | Action::Decline => ThumbSignInAction::Decline,
                Action::Fail => ThumbSignInAction::Fail { reason: None },
            };
            world.thumbsignin.act(now, id, &action).ok();
        }
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

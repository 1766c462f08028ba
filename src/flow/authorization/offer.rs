//! Which upstreams are strong enough to answer a request (decision 2.1), and work.

use super::Interaction;
use crate::domain::assurance::Acr;
use crate::domain::user::Upstream;
use crate::flow::Op;
use crate::upstream::Capabilities;

/// What a person may choose from: nothing that is down, while anything else is left.
pub(crate) fn offered(op: &Op, interaction: &Interaction) -> Vec<Upstream> {
    without_those_down(allowed(op, interaction), |upstream| op.health.is_down(upstream))
}

/// Through which upstreams a login may go, down or not: the form of one that went down is still answered.
pub(crate) fn allowed(op: &Op, interaction: &Interaction) -> Vec<Upstream> {
    let configured: Vec<_> = op.upstreams.iter().map(|(upstream, service)| (*upstream, service.capabilities())).collect();
    strong_enough(&configured, wanted(interaction))
}

/// Whether somebody who is asked through `present` may choose another upstream: one that is not known to be down.
pub(crate) fn has_other(op: &Op, interaction: &Interaction, present: Upstream) -> bool {
    is_there_another(allowed(op, interaction), present, |upstream| op.health.is_down(upstream))
}

/// Whether a login through `upstream` may name nobody (decision 2.3).
pub(crate) fn may_be_unnamed(op: &Op, interaction: &Interaction, upstream: Upstream) -> bool {
    let can = op.upstreams.get(&upstream).is_some_and(|service| service.capabilities().unnamed);
    op.settings.allow_unnamed && can && wanted(interaction) == Acr::Approved
}

/// The weakest of these `acr` values that we know.
pub(crate) fn weakest(values: &[String]) -> Option<Acr> {
    values.iter().filter_map(|value| Acr::parse(value)).min()
}

/// What a login for it must at least reach.
pub(crate) fn wanted(interaction: &Interaction) -> Acr {
    least(&interaction.authorization.request.acr_values, &interaction.client.metadata.default_acr_values)
}

fn least(asked: &[String], demanded: &[String]) -> Acr {
    weakest(asked).max(weakest(demanded)).unwrap_or(Acr::Approved)
}

fn strong_enough(configured: &[(Upstream, Capabilities)], wanted: Acr) -> Vec<Upstream> {
    let reached = |can: &Capabilities| if can.matches_symbol { Acr::Matched } else { Acr::Named };
    let strong: Vec<Upstream> =
        configured.iter().filter(|(_, can)| wanted <= reached(can)).map(|(upstream, _)| *upstream).collect();
    // `acr_values` is voluntary (OIDC Core §5.5.1.1): when nothing reaches it, everything is offered.
    if strong.is_empty() { configured.iter().map(|(upstream, _)| *upstream).collect() } else { strong }
}

fn without_those_down(all: Vec<Upstream>, is_down: impl Fn(Upstream) -> bool) -> Vec<Upstream> {
    let up: Vec<Upstream> = all.iter().copied().filter(|upstream| !is_down(*upstream)).collect();
    if up.is_empty() { all } else { up }
}

pub(crate) fn is_there_another(
    all: impl IntoIterator<Item = Upstream>,
    present: Upstream,
    is_down: impl Fn(Upstream) -> bool,
) -> bool {
    all.into_iter().any(|upstream| upstream != present && !is_down(upstream))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECSIGN: (Upstream, Capabilities) =
        (Upstream::SecSign, Capabilities { unnamed: false, matches_symbol: true, exclusive: true });
    const THUMBSIGNIN: (Upstream, Capabilities) =
        (Upstream::ThumbSignIn, Capabilities { unnamed: true, matches_symbol: false, exclusive: false });

    #[test]
    fn an_upstream_is_offered_when_it_reaches_what_is_wanted_and_all_are_when_none_does() {
        use Upstream::{SecSign, ThumbSignIn};
        for (configured, wanted, offered) in [
            (vec![SECSIGN, THUMBSIGNIN], Acr::Approved, vec![SecSign, ThumbSignIn]),
            (vec![SECSIGN, THUMBSIGNIN], Acr::Named, vec![SecSign, ThumbSignIn]),
            (vec![SECSIGN, THUMBSIGNIN], Acr::Matched, vec![SecSign]),
            (vec![THUMBSIGNIN], Acr::Matched, vec![ThumbSignIn]),
            (vec![SECSIGN], Acr::Matched, vec![SecSign]),
            (vec![], Acr::Approved, vec![]),
        ] {
            assert_eq!(strong_enough(&configured, wanted), offered, "{wanted:?} of {configured:?}");
        }
    }

    #[test]
    fn an_upstream_that_is_down_is_left_out_while_another_one_reaches_what_is_wanted() {
        use Upstream::{SecSign, ThumbSignIn};
        for (wanted, down, offered) in [
            (Acr::Named, vec![SecSign], vec![ThumbSignIn]),
            (Acr::Named, vec![ThumbSignIn], vec![SecSign]),
            (Acr::Named, vec![SecSign, ThumbSignIn], vec![SecSign, ThumbSignIn]),
            (Acr::Matched, vec![SecSign], vec![SecSign]),
            (Acr::Matched, vec![ThumbSignIn], vec![SecSign]),
        ] {
            let allowed = strong_enough(&[SECSIGN, THUMBSIGNIN], wanted);
            let found = without_those_down(allowed, |upstream| down.contains(&upstream));
            assert_eq!(found, offered, "{wanted:?} while {down:?} is down");
        }
    }

    #[test]
    fn another_method_is_shown_when_it_reaches_what_is_wanted_and_is_not_down() {
        use Upstream::{SecSign, ThumbSignIn};
        for (wanted, present, down, shown) in [
            (Acr::Named, SecSign, vec![], true),
            (Acr::Named, ThumbSignIn, vec![], true),
            (Acr::Named, ThumbSignIn, vec![SecSign], false),
            (Acr::Named, SecSign, vec![SecSign], true),
            (Acr::Named, SecSign, vec![SecSign, ThumbSignIn], false),
            (Acr::Matched, SecSign, vec![], false),
        ] {
            let allowed = strong_enough(&[SECSIGN, THUMBSIGNIN], wanted);
            let found = is_there_another(allowed, present, |upstream| down.contains(&upstream));
            assert_eq!(found, shown, "{wanted:?} beside {present:?} while {down:?} is down");
        }
    }

    #[test]
    fn the_weakest_value_of_each_side_counts_and_the_stronger_of_the_two_sides() {
        let (approved, named, matched) = (Acr::Approved.as_str(), Acr::Named.as_str(), Acr::Matched.as_str());
        for (asked, demanded, least_wanted) in [
            (vec![], vec![], Acr::Approved),
            (vec![matched], vec![], Acr::Matched),
            (vec![matched, approved], vec![], Acr::Approved),
            (vec![approved], vec![named, matched], Acr::Named),
            (vec![matched], vec![named], Acr::Matched),
            (vec!["urn:unknown"], vec![], Acr::Approved),
            (vec!["urn:unknown", named], vec![approved], Acr::Named),
        ] {
            let strings = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
            assert_eq!(least(&strings(&asked), &strings(&demanded)), least_wanted, "{asked:?} {demanded:?}");
        }
    }
}

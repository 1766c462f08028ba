//! Languages and the choice among them (OIDC Core §3.1.2.1 `ui_locales`; RFC 9110 §12.5.4; RFC 4647 §3.4 "lookup").

use serde::{Deserialize, Serialize};

use crate::domain::named::parsed_enum;

parsed_enum! {
    /// By its language tag (BCP 47), for `<html lang>` and discovery's `ui_locales_supported`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub(crate) enum Locale {
        /// English: what everybody gets who asks for nothing that we have.
        #[default]
        En = "en",
        De = "de",
    }
}

impl Locale {
    /// The language of a tag by its primary subtag, in any case: `de-AT` is German (RFC 4647 §3.4).
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        Self::parse(&tag.split(['-', '_']).next()?.trim().to_ascii_lowercase())
    }
}

/// Chooses the language: what this person chose by the switch on a page of ours, then the app's `ui_locales`
/// (space-delimited, best first), then the browser's `Accept-Language`, then English. Unusable parts are skipped.
/// The switch comes before the app: `ui_locales` is what the app takes the person to read (OIDC Core §3.1.2.1), the switch is
/// their own word, and a page that ignored it would seem broken.
pub(crate) fn choose(chosen: Option<Locale>, ui_locales: Option<&str>, accept_language: Option<&str>) -> Locale {
    let asked = || ui_locales.and_then(|tags| tags.split_ascii_whitespace().find_map(Locale::of_tag));
    chosen.or_else(asked).or_else(|| accept_language.and_then(from_accept_language)).unwrap_or_default()
}

/// The best language of an `Accept-Language` header: highest weight first, earlier first among equals, weight 0 never
/// (RFC 9110 §12.4.2).
fn from_accept_language(header: &str) -> Option<Locale> {
    // A browser sends a handful; the cap keeps a hostile header from costing anything.
    let mut ranges: Vec<_> = header.split(',').take(64).filter_map(weighted).filter(|(weight, _)| *weight > 0.0).collect();
    ranges.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    ranges.first().map(|(_, locale)| *locale)
}

/// A language range and its weight; `None` for a language that we do not have and for a weight that is none.
fn weighted(range: &str) -> Option<(f32, Locale)> {
    let mut parts = range.split(';');
    let locale = Locale::of_tag(parts.next()?)?;
    let Some(quality) = parts.find_map(|part| part.trim().strip_prefix("q=")) else { return Some((1.0, locale)) };
    let quality: f32 = quality.trim().parse().ok()?;
    (0.0..=1.0).contains(&quality).then_some((quality, locale))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_switch_comes_first_then_the_app_then_the_browser() {
        assert_eq!(choose(Some(Locale::En), Some("fr de-CH"), Some("de")), Locale::En);
        assert_eq!(choose(None, Some("fr de-CH en"), Some("en")), Locale::De);
        assert_eq!(choose(None, Some("fr it"), Some("de")), Locale::De);
        assert_eq!(choose(None, None, Some("de-AT,de;q=0.9,en;q=0.8")), Locale::De);
        assert_eq!(choose(None, None, None), Locale::En);
    }

    #[test]
    fn the_highest_weight_wins_and_the_order_breaks_ties() {
        for (header, expected) in [
            ("en;q=0.5, de;q=0.7", Locale::De),
            ("de;q=0.7, en;q=0.7", Locale::De),
            ("fr, en;q=0.1, de;q=0", Locale::En),
            ("DE_de", Locale::De),
        ] {
            assert_eq!(choose(None, None, Some(header)), expected, "{header}");
        }
    }

    #[test]
    fn nonsense_falls_back_to_english() {
        for header in ["", "*", ";;;", "de;q=2", "de;q=x", "de;q=NaN", "de;q=-1", "den", ",,,"] {
            assert_eq!(choose(None, None, Some(header)), Locale::En, "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn the_heavier_language_wins_among_any_others(
            de in 1_u16..=1000, en in 1_u16..=1000, others in prop::collection::vec("(fr|it|\\*|x-[a-z]{1,8})(;q=0\\.[0-9]{1,3})?", 0..6), swap in any::<bool>(),
        ) {
            prop_assume!(de != en);
            let mut ours = [format!("de-AT;q={:.3}", f32::from(de) / 1000.0), format!("en-GB; q={:.3}", f32::from(en) / 1000.0)];
            if swap {
                ours.reverse();
            }
            let header = others.iter().chain(&ours).cloned().collect::<Vec<_>>().join(",");
            let expected = if de > en { Locale::De } else { Locale::En };
            prop_assert_eq!(choose(None, None, Some(&header)), expected, "{}", header);
        }

        #[test]
        fn no_header_is_more_than_ignored(text in "\\PC{0,200}") {
            let _chosen = choose(None, Some(&text), Some(&text));
        }
    }
}

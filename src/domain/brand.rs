//! The brand of whoever runs this server (`[brand]`): what pages show of it, and the tones that follow from its accent in
//! either theme, each with the contrast that WCAG 2.2 asks for.

use super::colour::{BLACK, Colour, WHITE};
use super::picture::Picture;
use super::setting::{Kind, settings};
use crate::protocol::uri::absolute;

/// A logo, and that of a client, in bytes.
pub(crate) const LARGEST_LOGO: usize = 64 * 1024;
pub(crate) const LARGEST_CLIENT_LOGO: usize = 32 * 1024;
/// What the name of a client's logo begins with among the files that pages load.
pub(crate) const CLIENT_LOGO: &str = "app-logo";

settings! {
    /// What the pages show of whoever runs this server.
    [brand]
    pub(crate) struct Brand {
        /// The name in the footer and in the titles of the pages.
        name: String = Kind::Text, default "Signbridge";
        /// The logo above each page: an SVG or PNG file of at most 64 KiB, shown 36 pixels high. Read at start.
        logo: Option<Picture> = Kind::Path;
        /// The same for the dark theme. Without it, both themes show `logo`.
        logo_dark: Option<Picture> = Kind::Path;
        /// The colour of buttons, links and the focus ring, as `#rrggbb`. It must stand out from the light page (3:1, WCAG
        /// 2.2); a darker tone for text and a lighter one for the dark theme follow from it.
        accent: Option<Accent> = Kind::Text;
        /// Where people find help, on error pages and where a login failed: `https://help.example.com` or
        /// `mailto:help@example.com`.
        support_url: Option<ContactLink> = Kind::Text;
        /// The words of that link; or, without one, how to find help: "Extension 4000, on working days".
        support_text: Option<String> = Kind::Text;
        /// The imprint, an https URL: a link in the footer.
        imprint_url: Option<PageLink> = Kind::Text;
        /// The privacy notice, an https URL: a link in the footer.
        privacy_url: Option<PageLink> = Kind::Text;
    }
}

/// A page of the operator: https.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageLink(String);

impl PageLink {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let is_page = absolute(text).is_some_and(|url| url.scheme() == "https");
        let message = "expected the https URL of a page: https://www.example.com/imprint";
        if is_page { Ok(Self(text.to_owned())) } else { Err(message) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A page of the operator, or an address for mail (RFC 6068).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContactLink(String);

impl ContactLink {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let is_contact = absolute(text).is_some_and(|url| match url.scheme() {
            "mailto" => is_address(url.path()),
            scheme => scheme == "https",
        });
        let message = "expected https://help.example.com or mailto:help@example.com";
        if is_contact { Ok(Self(text.to_owned())) } else { Err(message) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What a link to it says where nothing else is written: the address without scheme, query and final slash.
    pub(crate) fn words(&self) -> &str {
        let text = self.0.strip_prefix("mailto:").or_else(|| self.0.strip_prefix("https://")).unwrap_or(&self.0);
        text.split(['?', '#']).next().unwrap_or(text).trim_end_matches('/')
    }
}

fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

/// What text needs on its ground (WCAG 2.2, 1.4.3), and a control or the focus ring beside its surroundings (1.4.11).
const TEXT: f64 = 4.5;
const CONTROL: f64 = 3.0;

/// The grounds of a theme, as `templates/static/app.css` has them.
pub(crate) struct Theme {
    pub paper: Colour,
    pub card: Colour,
    /// How many hundredths of the accent the soft ground has.
    soft: u16,
}

pub(crate) const LIGHT: Theme = Theme { paper: Colour::of(0xF3, 0xF4, 0xF0), card: Colour::of(0xFF, 0xFF, 0xFF), soft: 12 };
pub(crate) const DARK: Theme = Theme { paper: Colour::of(0x0D, 0x14, 0x17), card: Colour::of(0x1A, 0x23, 0x27), soft: 20 };

impl Theme {
    /// The contrast with that of both grounds which is nearer.
    fn contrast(&self, colour: Colour) -> f64 {
        colour.contrast(self.paper).min(colour.contrast(self.card))
    }

    fn soft(&self, accent: Colour) -> Colour {
        self.card.mixed(accent, self.soft)
    }

    fn tones(&self, accent: Colour, text: Colour) -> Tones {
        let ink = if accent.contrast(WHITE) >= TEXT { WHITE } else { BLACK };
        let away_from_ink = if ink == WHITE { BLACK } else { WHITE };
        let (soft, glow) = (self.soft(accent), self.paper.mixed(accent, 10));
        Tones { accent, text, ink, hover: accent.mixed(away_from_ink, 12), soft, glow }
    }
}

/// What a theme paints with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tones {
    pub accent: Colour,
    /// Text in the accent's tone, on card, paper and `soft`.
    pub text: Colour,
    /// Text on the accent and on `hover`: white, or black where white cannot be read.
    pub ink: Colour,
    pub hover: Colour,
    pub soft: Colour,
    /// The upper edge of the paper.
    pub glow: Colour,
}

/// A colour that stands out from the light page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accent(Colour);

impl Accent {
    /// The error is a sentence that says what was measured, and what would be right.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let colour = Colour::parse(text).ok_or("expected a colour as \"#0a5c66\": a number sign and six digits of base 16")?;
        let measured = LIGHT.contrast(colour);
        if measured >= CONTROL {
            return Ok(Self(colour));
        }
        let nearest = colour.toward(BLACK, |tone| LIGHT.contrast(tone) >= CONTROL);
        // Rounded down: 2.996 is not 3.
        let measured = (measured * 100.0).floor() / 100.0;
        Err(format!(
            "{colour} has a contrast of {measured:.2}:1 with the light page, and buttons and the focus ring need 3:1 \
             (WCAG 2.2, 1.4.11): the nearest tone that passes is \"{nearest}\""
        ))
    }

    pub(crate) fn light(self) -> Tones {
        let soft = LIGHT.soft(self.0);
        let text = self.0.toward(BLACK, |tone| LIGHT.contrast(tone) >= TEXT && tone.contrast(soft) >= TEXT);
        LIGHT.tones(self.0, text)
    }

    /// The accent, lightened until text in it can be read: then it stands out as a control as well.
    pub(crate) fn dark(self) -> Tones {
        let reads = |tone: Colour| DARK.contrast(tone) >= TEXT && tone.contrast(DARK.soft(tone)) >= TEXT;
        let accent = self.0.toward(WHITE, reads);
        DARK.tones(accent, accent)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a visitor has to tell apart in a theme: two colours, and the contrast that it takes.
    fn pairs(theme: &Theme, tones: Tones) -> Vec<(Colour, Colour, f64)> {
        let Tones { accent, text, ink, hover, soft, glow: _no_ground } = tones;
        let grounds = [theme.paper, theme.card];
        let mut pairs = vec![(ink, accent, TEXT), (ink, hover, TEXT), (text, soft, TEXT)];
        pairs.extend(grounds.map(|ground| (text, ground, TEXT)));
        pairs.extend(grounds.map(|ground| (accent, ground, CONTROL)));
        pairs
    }

    #[test]
    fn an_accent_that_is_too_light_is_refused_with_what_was_measured_and_what_would_be_right() {
        let refused = Accent::parse("#ffcc00").unwrap_err();
        assert!(refused.contains("#ffcc00 has a contrast of 1.36:1") && refused.contains("\"#ab8900\""), "{refused}");
        assert!(Accent::parse("#ab8900").is_ok());
        assert!(Accent::parse("#00a651").unwrap_err().contains("2.89:1"));
        assert!(Accent::parse("teal").unwrap_err().contains("six digits"));
    }

    #[test]
    fn tones_follow_by_a_fixed_rule() {
        let orange = Accent::parse("#e8590c").unwrap();
        let shown = |tones: Tones| [tones.accent, tones.text, tones.ink, tones.soft].map(|tone| tone.to_string());
        assert_eq!(shown(orange.light()), ["#e8590c", "#ba470a", "#000000", "#fcebe2"]);
        assert_eq!(shown(orange.dark()), ["#ef8952", "#ef8952", "#000000", "#453730"]);
        let violet = Accent::parse("#7a1fa2").unwrap();
        assert_eq!(shown(violet.light()), ["#7a1fa2", "#7a1fa2", "#ffffff", "#efe4f4"]);
    }

    #[test]
    fn links_are_https_and_help_may_be_mail() {
        for good in ["https://www.example.com/imprint", "https://example.com"] {
            assert_eq!(PageLink::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "example.com", "http://example.com", "javascript:alert(1)", "mailto:a@example.com", "https://a b"] {
            assert!(PageLink::parse(bad).is_err(), "{bad}");
        }
        for (good, words) in [
            ("mailto:help@example.com?subject=Sign-in", "help@example.com"),
            ("https://help.example.com/", "help.example.com"),
            ("https://example.com/help?from=signin#top", "example.com/help"),
        ] {
            let link = ContactLink::parse(good).unwrap();
            assert_eq!((link.as_str(), link.words()), (good, words));
        }
        for bad in [
            "mailto:",
            "mailto:help",
            "mailto:@example.com",
            "mailto:a@@b.example",
            "tel:+15550100",
            "http://help.example.com",
            "help@example.com",
        ] {
            assert!(ContactLink::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_accent_that_passes_or_is_named_instead_can_be_read(red: u8, green: u8, blue: u8) {
            let written = Colour::of(red, green, blue).to_string();
            let accent = Accent::parse(&written).or_else(|refused| Accent::parse(refused.split('"').nth(1).unwrap())).unwrap();
            for (theme, tones) in [(LIGHT, accent.light()), (DARK, accent.dark())] {
                for (one, other, least) in pairs(&theme, tones) {
                    prop_assert!(one.contrast(other) >= least, "{}: {} on {}", written, one, other);
                }
            }
        }
    }
}

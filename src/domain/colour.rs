//! Colours of sRGB, and how well two of them can be told apart: WCAG 2.2, "relative luminance" and "contrast ratio".

use std::fmt;

pub(crate) const BLACK: Colour = Colour([0, 0, 0]);
pub(crate) const WHITE: Colour = Colour([0xFF, 0xFF, 0xFF]);

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour([u8; 3]);

impl Colour {
    pub(crate) const fn of(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }

    /// `#rrggbb`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let is_whole = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let [_none, red, green, blue] = u32::from_str_radix(digits, 16).ok().filter(|_value| is_whole)?.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let Self([red, green, blue]) = self;
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    /// From 1 (the same) to 21 (black and white).
    pub(crate) fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// With so many hundredths of `other` in it.
    pub(crate) fn mixed(self, other: Self, hundredths: u16) -> Self {
        let share = hundredths.min(100);
        let mix = |own: u8, foreign: u8| {
            let sum = u16::from(own) * (100 - share) + u16::from(foreign) * share;
            u8::try_from((sum + 50) / 100).unwrap_or(u8::MAX)
        };
        let (Self([red, green, blue]), Self([other_red, other_green, other_blue])) = (self, other);
        Self([mix(red, other_red), mix(green, other_green), mix(blue, other_blue)])
    }

    /// The first tone on the way to `end`, in steps of a hundredth, that is `good`; else the end.
    pub(crate) fn toward(self, end: Self, good: impl Fn(Self) -> bool) -> Self {
        (0..=100).map(|hundredths| self.mixed(end, hundredths)).find(|tone| good(*tone)).unwrap_or(end)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn colour(text: &str) -> Colour {
        Colour::parse(text).unwrap()
    }

    #[test]
    fn contrasts_are_those_that_wcag_gives() {
        for (one, other, ratio) in [
            ("#000000", "#ffffff", "21.000"),
            ("#ffffff", "#ffffff", "1.000"),
            // The two greys on either side of 4.5:1 and of 3:1 on white.
            ("#767676", "#ffffff", "4.542"),
            ("#777777", "#ffffff", "4.478"),
            ("#949494", "#ffffff", "3.033"),
            ("#959595", "#ffffff", "2.995"),
            ("#ff0000", "#ffffff", "3.998"),
            ("#00ff00", "#ffffff", "1.372"),
            ("#0000ff", "#ffffff", "8.592"),
            ("#ffff00", "#000000", "19.556"),
        ] {
            for contrast in [colour(one).contrast(colour(other)), colour(other).contrast(colour(one))] {
                assert_eq!(format!("{contrast:.3}"), ratio, "{one} {other}");
            }
        }
    }

    #[test]
    fn a_colour_is_a_number_sign_and_six_digits() {
        for (text, written) in [("#0a5C66", "#0a5c66"), ("#000000", "#000000")] {
            assert_eq!(colour(text).to_string(), written);
        }
        for bad in ["", "#", "0a5c66", "#0a5c6", "#0a5c666", "#0a5c6g", "#+a5c66", "#12345é", "teal", " #0a5c66", "#0a5c66;"] {
            assert_eq!(Colour::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_way_to_another_colour_ends_there() {
        let teal = colour("#0a5c66");
        assert_eq!((teal.mixed(WHITE, 0), teal.mixed(WHITE, 100), teal.mixed(WHITE, 200)), (teal, WHITE, WHITE));
        assert_eq!(BLACK.mixed(WHITE, 50).to_string(), "#808080");
        assert_eq!(teal.toward(WHITE, |_any| true), teal);
        assert_eq!(teal.toward(WHITE, |_none| false), WHITE);
    }

    proptest! {
        /// So text on any colour can be read: it is black or white.
        #[test]
        fn black_or_white_reaches_the_contrast_of_text_on_every_colour(red: u8, green: u8, blue: u8) {
            let ground = Colour::of(red, green, blue);
            prop_assert!(ground.contrast(WHITE).max(ground.contrast(BLACK)) >= 4.5);
            prop_assert_eq!(Colour::parse(&ground.to_string()), Some(ground));
        }
    }
}

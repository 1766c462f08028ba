//! What every page shows of whoever runs this server, and the files behind it: logos, and a style sheet with the tones of the
//! accent. They are served by us like all that pages load: no page calls anybody else (decision 2.15).

use serde::Serialize;

use super::assets::Asset;
use crate::domain::brand::{Brand, Tones};
use crate::domain::picture::Picture;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct BrandView {
    pub name: String,
    /// Paths of ours.
    pub logo: Option<String>,
    pub logo_dark: Option<String>,
    pub style: Option<String>,
    pub support: Option<Support>,
    pub imprint_url: Option<String>,
    pub privacy_url: Option<String>,
}

/// How to find help.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Support {
    /// https, or mail.
    pub url: Option<String>,
    pub text: String,
}

impl BrandView {
    /// With the files that it names.
    pub(crate) fn of(brand: &Brand) -> (Self, Vec<Asset>) {
        let logo = brand.logo.as_ref().and_then(|picture| asset_of("logo", picture));
        let logo_dark = brand.logo_dark.as_ref().and_then(|picture| asset_of("logo-dark", picture));
        let style = brand.accent.map(|accent| style(accent.light(), accent.dark()));
        let style = style.and_then(|style| Asset::new("brand.css".to_owned(), style.into_bytes().into()));
        let text = brand.support_text.as_deref().or(brand.support_url.as_ref().map(|url| url.words()));
        let url = brand.support_url.as_ref().map(|url| url.as_str().to_owned());
        let view = Self {
            name: brand.name.clone(),
            logo: logo.as_ref().map(Asset::path),
            logo_dark: logo_dark.as_ref().map(Asset::path),
            style: style.as_ref().map(Asset::path),
            support: text.map(|text| Support { url, text: text.to_owned() }),
            imprint_url: brand.imprint_url.as_ref().map(|url| url.as_str().to_owned()),
            privacy_url: brand.privacy_url.as_ref().map(|url| url.as_str().to_owned()),
        };
        (view, [logo, logo_dark, style].into_iter().flatten().collect())
    }
}

/// A picture as a file that pages can load.
pub(crate) fn asset_of(stem: &str, picture: &Picture) -> Option<Asset> {
    Asset::new(format!("{stem}.{}", picture.extension), picture.bytes.to_vec().into())
}

/// What stands in the place of the tones in `app.css`. The symbol's plate is white in either theme.
fn style(light: Tones, dark: Tones) -> String {
    let plate = format!("  --plate-ink: {};\n", light.text);
    format!(
        ":root {{\n{}{plate}}}\n@media (prefers-color-scheme: dark) {{\n  :root {{\n{}}}\n}}\n\
         .primary:hover, .deep-link:hover {{ background: var(--accent-hover); filter: none; }}\n",
        properties(light),
        properties(dark),
    )
}

fn properties(tones: Tones) -> String {
    let Tones { accent, text, ink, hover, soft, glow } = tones;
    let named = [("", accent), ("-text", text), ("-ink", ink), ("-hover", hover), ("-soft", soft)];
    let accents: String = named.iter().map(|(name, tone)| format!("  --accent{name}: {tone};\n")).collect();
    format!("{accents}  --glow: {glow};\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::brand::{Accent, DARK, LIGHT};
    use crate::view::assets;

    #[test]
    fn the_style_sheet_has_a_block_for_each_theme_and_nothing_but_colours() {
        let accent = Accent::parse("#e8590c").unwrap();
        let style = style(accent.light(), accent.dark());
        let (light, dark) = style.split_once("@media").unwrap();
        assert!(light.contains("--accent: #e8590c;") && light.contains("--plate-ink: #ba470a;"), "{style}");
        assert!(dark.contains("--accent: #ef8952;") && !dark.contains("--plate-ink"), "{style}");
        assert_eq!((style.matches('{').count(), style.matches("url(").count()), (style.matches('}').count(), 0));
    }

    /// What the tones are measured against is what the pages have.
    #[test]
    fn the_grounds_of_the_themes_are_those_of_the_style_sheet() {
        let css = String::from_utf8(assets::by_name("app.css").unwrap().bytes.to_vec()).unwrap();
        let (light, dark) = css.split_once("@media (prefers-color-scheme: dark)").unwrap();
        for (part, theme) in [(light, LIGHT), (dark, DARK)] {
            assert!(part.contains(&format!("--paper: {};", theme.paper)), "{}", theme.paper);
            assert!(part.contains(&format!("--card: {};", theme.card)), "{}", theme.card);
        }
        // What a brand replaces, the style sheet has; text is never in the accent itself.
        for name in ["--accent: ", "--accent-text: ", "--accent-ink: ", "--accent-soft: ", "--glow: ", "--plate-ink: "] {
            assert!(light.contains(name), "{name}");
        }
        assert!(!css.contains(" color: var(--accent);"));
    }
}

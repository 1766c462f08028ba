//! The logo of an application: a PNG or SVG image of at most 64 KiB. Pages show it as an image only, in which an SVG's
//! scripts do not run.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const MOST: usize = 64 * 1024;

/// An image, as a data URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo(String);

impl Logo {
    /// Reads a file; says what is wrong with it.
    pub fn new(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() > MOST {
            return Err("a logo has at most 64 KiB");
        }
        let kind = if png::Decoder::new(Cursor::new(bytes)).read_info().is_ok() {
            "png"
        } else if is_svg(bytes) {
            "svg+xml"
        } else {
            return Err("a logo is a PNG or SVG image");
        };
        Ok(Self(format!("data:image/{kind};base64,{}", STANDARD.encode(bytes))))
    }

    pub(crate) fn as_url(&self) -> &str {
        &self.0
    }
}

/// Whether it is markup with an `svg` element; browsers judge the rest.
fn is_svg(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<') && text.contains("<svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn png_and_svg_images_are_taken_and_nothing_else() {
        let png = include_bytes!("../assets/symbols/star.png");
        assert!(Logo::new(png).unwrap().as_url().starts_with("data:image/png;base64,iVBORw0KGgo"));
        for svg in ["<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "\u{feff}<?xml version=\"1.0\"?>\n<svg/>"] {
            assert!(Logo::new(svg.as_bytes()).unwrap().as_url().starts_with("data:image/svg+xml;base64,"), "{svg}");
        }
        for other in [&png[..20], b"GIF89a<svg", b"<html></html>", b"<svg \xFF", b""] {
            assert_eq!(Logo::new(other), Err("a logo is a PNG or SVG image"), "{other:?}");
        }
    }

    #[test]
    fn a_logo_has_an_end() {
        let svg = |length: usize| format!("<svg>{}", " ".repeat(length - 5));
        assert!(Logo::new(svg(MOST).as_bytes()).is_ok());
        assert_eq!(Logo::new(svg(MOST + 1).as_bytes()), Err("a logo has at most 64 KiB"));
    }
}

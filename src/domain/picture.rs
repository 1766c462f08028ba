//! Pictures that an operator gives us to show: PNG and SVG files, checked to be what their names say. Pages show them by
//! `<img>`, where no SVG runs a script; one that has any is refused all the same, since its address can be opened by itself.

use std::io::Cursor;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::hex::hex;

/// The longest side of a PNG in pixels, and what decoding one of that size may allocate.
const LONGEST_SIDE: u32 = 1024;
const DECODER_BYTES: usize = 16 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// `png` or `svg`.
    pub extension: &'static str,
    pub bytes: Arc<[u8]>,
}

impl Picture {
    /// The content of the file called `name`, of at most so many bytes. The error is the end of a sentence about that file.
    pub(crate) fn of(name: &str, bytes: &[u8], most: usize) -> Result<Self, String> {
        if bytes.len() > most {
            return Err(format!("is too large: a logo has at most {most} bytes"));
        }
        let extension = name.rsplit_once('.').map(|(_stem, extension)| extension.to_ascii_lowercase());
        let (extension, checked) = match extension.as_deref() {
            Some("png") => ("png", check_png(bytes)),
            Some("svg") => ("svg", check_svg(bytes)),
            _other => return Err("is neither a .svg nor a .png file".to_owned()),
        };
        checked.map_err(str::to_owned)?;
        Ok(Self { extension, bytes: bytes.into() })
    }

    /// Its name among the files that pages load.
    pub(crate) fn file_name(&self, stem: &str) -> String {
        file_name(stem, &self.bytes, self.extension)
    }
}

/// The name of a file that pages load: with sixteen digits of its SHA-256, so that it changes with its content.
pub(crate) fn file_name(stem: &str, bytes: &[u8], extension: &str) -> String {
    let digest: String = hex(&Sha256::digest(bytes)).chars().take(16).collect();
    format!("{stem}.{digest}.{extension}")
}

/// The header first (W3C PNG §11.2.1), so that nothing large is ever unpacked; then every pixel.
fn check_png(bytes: &[u8]) -> Result<(), &'static str> {
    let not_png = |_error| "is not a whole PNG";
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: DECODER_BYTES });
    let png::Info { width, height, .. } = *decoder.read_header_info().map_err(not_png)?;
    if width > LONGEST_SIDE || height > LONGEST_SIDE {
        return Err("has a side of more than 1024 pixels");
    }
    let mut reader = decoder.read_info().map_err(not_png)?;
    let size = reader.output_buffer_size().ok_or("is not a whole PNG")?;
    reader.next_frame(&mut vec![0; size]).map_err(not_png)?;
    reader.finish().map_err(not_png)
}

/// No parser of XML: whether it begins and ends as an SVG document (SVG 2 §5.1), and has nothing that could run or that would
/// have a parser read something else (XML 1.0 §4.2).
fn check_svg(bytes: &[u8]) -> Result<(), &'static str> {
    let not_svg = "is not an SVG document: it begins with <svg and ends with </svg>";
    let text = std::str::from_utf8(bytes).map_err(|_not_text| "is not UTF-8")?;
    let root = after_prolog(text).and_then(|rest| rest.strip_prefix("<svg")).ok_or(not_svg)?;
    let is_name = |character: char| character.is_alphanumeric() || "-._:".contains(character);
    if root.starts_with(is_name) || !text.trim_end().ends_with("</svg>") {
        return Err(not_svg);
    }
    let (opening, _content) = root.split_once('>').ok_or(not_svg)?;
    if !opening.contains("http://www.w3.org/2000/svg") {
        return Err("lacks xmlns=\"http://www.w3.org/2000/svg\", without which browsers show nothing");
    }
    let small = text.to_ascii_lowercase();
    let runs = ["<script", ":script", "javascript:", "<foreignobject", "<!entity", "<?xml-stylesheet"];
    if runs.iter().any(|word| small.contains(word)) || has_handler(&small) {
        return Err("has a script, an event handler, an entity or foreign content: export it without");
    }
    Ok(())
}

/// What follows the byte order mark, the XML declaration, comments and the document type.
fn after_prolog(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let (_before, after) = if rest.starts_with("<?") {
            rest.split_once("?>")?
        } else if rest.starts_with("<!--") {
            rest.split_once("-->")?
        } else if rest.starts_with("<!") {
            rest.split_once('>')?
        } else {
            return Some(rest);
        };
        rest = after.trim_start();
    }
}

/// Whether anything looks like an attribute `on…="`, in a text in small letters.
fn has_handler(small: &str) -> bool {
    small.match_indices("on").any(|(at, _on)| {
        let (before, after) = small.split_at(at);
        let begins = before.ends_with(|last: char| last.is_whitespace() || "\"'/".contains(last));
        let value = after.trim_start_matches(|character: char| character.is_ascii_alphabetic()).trim_start();
        begins && value.strip_prefix('=').is_some_and(|value| value.trim_start().starts_with(['"', '\'']))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const SVG: &str =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\"><circle cx=\"4\" cy=\"4\" r=\"4\" fill=\"#c33\"/></svg>";

    const MOST: usize = 32 * 1024;

    fn grey_png(side: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&vec![7; (side * side) as usize]).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn refusal(name: &str, bytes: impl AsRef<[u8]>) -> String {
        Picture::of(name, bytes.as_ref(), MOST).unwrap_err()
    }

    #[test]
    fn a_picture_that_is_what_its_name_says_is_taken_as_it_is() {
        let png = grey_png(64);
        for (name, bytes, extension) in [("logo.png", png.as_slice(), "png"), ("a.b/LOGO.SVG", SVG.as_bytes(), "svg")] {
            let picture = Picture::of(name, bytes, MOST).unwrap();
            assert_eq!((picture.extension, &*picture.bytes), (extension, bytes));
        }
        let drawn = format!("\u{feff}<?xml version=\"1.0\"?>\n<!-- Drawn by hand -->\n<!DOCTYPE svg>\n{SVG}\n");
        assert!(Picture::of("logo.svg", drawn.as_bytes(), MOST).is_ok());
    }

    #[test]
    fn anything_else_is_refused_and_why() {
        let png = grey_png(64);
        for (name, bytes, why) in [
            ("logo.gif", b"GIF89a".to_vec(), "neither"),
            ("logo", SVG.into(), "neither"),
            ("logo.png", SVG.into(), "not a whole PNG"),
            ("logo.png", png[..png.len() - 20].to_vec(), "not a whole PNG"),
            ("logo.png", grey_png(1025), "1024 pixels"),
            ("logo.svg", png, "not UTF-8"),
            ("logo.svg", Vec::new(), "not an SVG"),
            ("logo.svg", b"<html><svg></svg></html>".to_vec(), "not an SVG"),
            ("logo.svg", b"<svgx></svg>".to_vec(), "not an SVG"),
            ("logo.svg", SVG.as_bytes()[..SVG.len() - 3].to_vec(), "not an SVG"),
            ("logo.svg", b"<svg viewBox=\"0 0 9 9\"></svg>".to_vec(), "xmlns"),
            ("logo.svg", vec![b' '; MOST + 1], "at most 32768"),
        ] {
            assert!(refusal(name, &bytes).contains(why), "{name} {why}: {}", refusal(name, &bytes));
        }
    }

    #[test]
    fn an_svg_that_runs_is_refused() {
        for bad in [
            "<script>alert(1)</script>",
            "<SCRIPT/>",
            "<s:script/>",
            "<a href=\"JavaScript:alert(1)\"/>",
            "<rect onload=\"alert(1)\"/>",
            "<rect fill='red'ONCLICK = 'x'/>",
            "<rect\nonbegin=\"x\"/>",
            "<foreignObject/>",
        ] {
            assert!(refusal("logo.svg", SVG.replace("<circle", &format!("{bad}<circle"))).contains("script"), "{bad}");
        }
        let entity = format!("<!DOCTYPE svg [<!ENTITY a \"b\">]>{SVG}");
        assert!(!refusal("logo.svg", entity).is_empty());
        // Words are none: a title may say what it likes.
        let titled = SVG.replace("<circle", "<title>Sign on = easy, once only</title><circle");
        assert!(Picture::of("logo.svg", titled.as_bytes(), MOST).is_ok());
    }
}

//! Pictures on a terminal: two pixels in a cell, black on white whatever the terminal's own colours are. A QR code is drawn by
//! its modules and with its quiet zone, so that a phone reads it from the screen.

use std::io::{self, IsTerminal as _};

use crate::config;
use crate::upstream::Pixels;

/// Modules that stay white on every side (ISO/IEC 18004 §9.1).
const QUIET: usize = 4;
/// Around any other picture.
const MARGIN: usize = 2;
/// The widest drawing: a terminal has 80 columns.
const WIDEST: usize = 76;
/// By their numbers in the palette of 256 colours, which no theme changes.
const BLACK_ON_WHITE: &str = "\u{1b}[38;5;16;48;5;231m";
const AS_BEFORE: &str = "\u{1b}[0m";

/// Whether standard output shows drawings.
pub(super) fn is_possible() -> bool {
    io::stdout().is_terminal() && config::terminal().is_some_and(|name| name != "dumb")
}

/// `None`: there is nothing to see in it.
pub(super) fn draw(png: &[u8], is_code: bool) -> Option<String> {
    let pixels = Pixels::decode(png)?;
    if let Some(modules) = is_code.then(|| pixels.modules()).flatten() {
        return Some(cells((modules.width(), modules.height()), QUIET, |x, y| modules.is_dark(x, y)));
    }
    let drawn = pixels.trimmed()?;
    let scale = drawn.width().div_ceil(WIDEST).max(1);
    // Lines are thin: none may get lost.
    let any = |x: usize, y: usize| (0..scale * scale).any(|at| drawn.is_dark(x * scale + at % scale, y * scale + at / scale));
    Some(cells((drawn.width().div_ceil(scale), drawn.height().div_ceil(scale)), MARGIN, any))
}

fn cells((width, height): (usize, usize), margin: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
    let is_dark = |x: usize, y: usize| match (x.checked_sub(margin), y.checked_sub(margin)) {
        (Some(x), Some(y)) => x < width && y < height && is_dark(x, y),
        _margin => false,
    };
    let mut text = String::new();
    for row in 0..(height + 2 * margin).div_ceil(2) {
        text.push_str(BLACK_ON_WHITE);
        for x in 0..width + 2 * margin {
            text.push(match (is_dark(x, 2 * row), is_dark(x, 2 * row + 1)) {
                (false, false) => ' ',
                (true, false) => '▀',
                (false, true) => '▄',
                (true, true) => '█',
            });
        }
        text.push_str(AS_BEFORE);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use qrcode::{Color, EcLevel, QrCode};

    use super::*;

    /// What somebody sees: the halves of the cells, dark or not, row by row.
    fn seen(drawing: &str) -> Vec<Vec<bool>> {
        let line = |line: &str| {
            let cells = line.strip_prefix(BLACK_ON_WHITE).unwrap().strip_suffix(AS_BEFORE).unwrap().to_owned();
            ["▀█", "▄█"].map(|dark| cells.chars().map(|cell| dark.contains(cell)).collect::<Vec<bool>>())
        };
        drawing.lines().flat_map(line).collect()
    }

    /// A picture of one grey byte a pixel.
    fn png(width: usize, height: usize, is_dark: impl Fn(usize, usize) -> bool) -> Vec<u8> {
        let shade = |at: usize| if is_dark(at % width, at / width) { 0 } else { 255 };
        let pixels: Vec<u8> = (0..width * height).map(shade).collect();
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        bytes
    }

    #[test]
    fn a_code_is_drawn_by_its_modules_with_its_quiet_zone() {
        for (text, scale, margin) in
            [(b"https://app.link/AbCdEf".as_slice(), 6, 5), ([b'x'; 320].as_slice(), 4, 3), (b"A".as_slice(), 1, 0)]
        {
            let code = QrCode::with_error_correction_level(text, EcLevel::L).unwrap();
            let side = code.width();
            let is_dark = |x: usize, y: usize| x < side && y < side && code[(x, y)] == Color::Dark;
            let outside = |at: usize| at.checked_sub(margin).map_or(usize::MAX, |at| at / scale);
            let picture = png(side * scale + 2 * margin, side * scale + 2 * margin, |x, y| is_dark(outside(x), outside(y)));
            let seen = seen(&draw(&picture, true).unwrap());
            assert_eq!(seen.len(), (side + 2 * QUIET).next_multiple_of(2));
            for (y, row) in seen.iter().enumerate() {
                assert_eq!(row.len(), side + 2 * QUIET);
                for (x, dark) in row.iter().enumerate() {
                    let [column, line] = [x, y].map(|at| at.checked_sub(QUIET).unwrap_or(usize::MAX));
                    assert_eq!(*dark, is_dark(column, line), "{x}, {y} of {side} modules");
                }
            }
        }
    }

    #[test]
    fn a_pass_fits_a_terminal_and_loses_no_thin_line() {
        // A frame of one pixel in 88 × 88, with a line through it.
        let frame = |at: usize| at == 3 || at == 84;
        let inside = |at: usize| (3..=84).contains(&at);
        let picture = png(88, 88, |x, y| (frame(x) && inside(y)) || (frame(y) && inside(x)) || (y == 41 && inside(x)));
        let seen = seen(&draw(&picture, false).unwrap());
        assert_eq!((seen[0].len(), seen.len()), (41 + 2 * MARGIN, (41 + 2 * MARGIN).next_multiple_of(2)));
        let dark_rows: Vec<usize> = (0..seen.len()).filter(|y| seen[*y].iter().filter(|dark| **dark).count() == 41).collect();
        assert_eq!(dark_rows, [MARGIN, MARGIN + 19, MARGIN + 40]);
        assert!(draw(&png(8, 8, |_, _| false), false).is_none());
    }

    proptest! {
        #[test]
        fn no_picture_makes_it_panic(dark in prop::collection::vec(any::<bool>(), 1..400), width in 1..20_usize, bytes: Vec<u8>) {
            let height = dark.len().div_ceil(width);
            let picture = png(width, height, |x, y| dark.get(y * width + x) == Some(&true));
            for is_code in [false, true] {
                let _ = draw(&picture, is_code);
                let _ = draw(&bytes, is_code);
            }
        }
    }
}

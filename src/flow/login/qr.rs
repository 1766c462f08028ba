//! QR codes (ISO/IEC 18004), drawn and read. What the upstream draws is read and drawn again, by the same encoder and in the
//! same size as a decoy's: the picture alone does not tell which is which. Only pictures that a program drew are read: upright,
//! in whole modules, without a fault. No error correction.

use png::{BitDepth, ColorType, EncodingError};
use qrcode::bits::Bits;
use qrcode::canvas::{Canvas, MaskPattern, Module};
use qrcode::ec::construct_codewords;
use qrcode::types::Mode;
use qrcode::{Color, EcLevel, QrCode, Version};

use crate::flow::error::Internal;
use crate::upstream::Pixels;

/// The side of the picture in pixels: that of the upstream's.
const SIDE: usize = 250;
/// Modules that stay white on every side (§9.1).
const QUIET: usize = 4;
/// The alphanumeric mode's characters (§7.4.5).
const ALPHANUMERIC: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
/// By their numbers (§7.8.2).
const MASKS: [MaskPattern; 8] = {
    use MaskPattern::*;
    [Checkerboard, HorizontalLines, VerticalLines, DiagonalLines, LargeCheckerboard, Fields, Diamonds, Meadow]
};

/// The PNG of a QR code with this text: 250 × 250 pixels, one bit each, in as large modules as fit.
pub(super) fn png(text: &[u8], level: EcLevel) -> Result<Vec<u8>, Internal> {
    let code = QrCode::with_error_correction_level(text, level).map_err(|_too_long| Internal::Picture)?;
    let modules = code.width();
    let scale = (SIDE / (modules + 2 * QUIET)).max(1);
    let margin = SIDE.saturating_sub(scale * modules) / 2;
    let dark = |x: usize, y: usize| {
        let inside = |at: usize| at.checked_sub(margin).map(|at| at / scale).filter(|at| *at < modules);
        matches!((inside(x), inside(y)), (Some(x), Some(y)) if code[(x, y)] == Color::Dark)
    };
    let mut rows = Vec::with_capacity(SIDE * SIDE.div_ceil(8));
    for y in 0..SIDE {
        for byte in 0..SIDE.div_ceil(8) {
            // One bit a pixel, the leftmost highest; white is 1 (PNG §7.2).
            rows.push((0..8).fold(0_u8, |bits, bit| (bits << 1) | u8::from(!dark(byte * 8 + bit, y))));
        }
    }
    let side = u32::try_from(SIDE).unwrap_or(u32::MAX);
    encode(side, (ColorType::Grayscale, BitDepth::One), &rows).map_err(|_never_for_this_size| Internal::Picture)
}

pub(super) fn encode(side: u32, (color, depth): (ColorType, BitDepth), rows: &[u8]) -> Result<Vec<u8>, EncodingError> {
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, side, side);
    encoder.set_color(color);
    encoder.set_depth(depth);
    // Flat drawings get smaller without.
    encoder.set_filter(png::Filter::NoFilter);
    encoder.write_header()?.write_image_data(rows)?;
    Ok(png)
}

/// The text in a picture of a QR code and its error correction level; `None` for anything else.
pub(super) fn read(png: &[u8]) -> Option<(Vec<u8>, EcLevel)> {
    let matrix = Matrix::of(&Pixels::decode(png)?)?;
    let (level, mask) = matrix.format()?;
    let text = text(&in_order(&matrix.codewords(level, mask), matrix.version, level)?, matrix.version)?;
    Some((text, level))
}

struct Matrix {
    modules: Pixels,
    version: Version,
}

impl Matrix {
    fn of(pixels: &Pixels) -> Option<Self> {
        let modules = pixels.modules()?;
        let version = modules.width().checked_sub(17).filter(|rest| rest % 4 == 0).map(|rest| rest / 4)?;
        let version = i16::try_from(version).ok().filter(|version| (1..=40).contains(version))?;
        Some(Self { modules, version: Version::Normal(version) })
    }

    /// The level and the mask (§7.9): around the upper left finder pattern.
    fn format(&self) -> Option<(EcLevel, MaskPattern)> {
        let column = (0..6).chain([7, 8]).map(|y| (8, y));
        let places = column.chain([(7, 8)]).chain((0..6).rev().map(|x| (x, 8)));
        let read = places.enumerate().fold(0_u16, |bits, (at, (x, y))| bits | u16::from(self.modules.is_dark(x, y)) << at);
        let format = (read ^ 0x5412) >> 10;
        let level = match format >> 3 {
            0 => EcLevel::M,
            1 => EcLevel::L,
            2 => EcLevel::H,
            _three => EcLevel::Q,
        };
        MASKS.get(usize::from(format & 7)).map(|mask| (level, *mask))
    }

    /// The code words as they are placed (§7.7.3), the mask taken off.
    fn codewords(&self, level: EcLevel, mask: MaskPattern) -> Vec<u8> {
        // The encoder's drawing of a code without data: what stays empty holds data, which the mask inverts where it is dark.
        let mut blank = Canvas::new(self.version, level);
        blank.draw_all_functional_patterns();
        let mut masked = blank.clone();
        masked.apply_mask(mask);
        let width = self.modules.width();
        let mut bits = Vec::with_capacity(width * width);
        // Two columns at a time, from the right, up and down in turn; the column of the timing pattern is left out.
        let columns = (1..width).rev().filter(|right| if *right > 6 { right % 2 == 0 } else { right % 2 == 1 });
        for (turn, right) in columns.enumerate() {
            for step in 0..width {
                let y = if turn % 2 == 0 { width - 1 - step } else { step };
                for x in [right, right - 1] {
                    let [column, row] = [x, y].map(|at| i16::try_from(at).unwrap_or(0));
                    if blank.get(column, row) == Module::Empty {
                        bits.push(self.modules.is_dark(x, y) ^ masked.get(column, row).is_dark());
                    }
                }
            }
        }
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |bits, bit| bits << 1 | u8::from(*bit))).collect()
    }
}

/// The data code words in their order: blocks are placed word by word in turn (§7.6), as the encoder shows with numbers for words.
fn in_order(placed: &[u8], version: Version, level: EcLevel) -> Option<Vec<u8>> {
    let count = Bits::new(version).max_len(level).ok()? / 8;
    let numbers = |part: fn(usize) -> u8| {
        let numbers: Vec<u8> = (0..count).map(part).collect();
        construct_codewords(&numbers, version, level).ok().map(|(data, _correction)| data)
    };
    let low = numbers(|number| u8::try_from(number % 256).unwrap_or(0))?;
    let high = numbers(|number| u8::try_from(number / 256).unwrap_or(0))?;
    let mut data = vec![0; count];
    for ((low, high), word) in low.iter().zip(&high).zip(placed) {
        *data.get_mut(usize::from(*high) * 256 + usize::from(*low))? = *word;
    }
    Some(data)
}

/// The text of the segments (§7.4): numeric, alphanumeric and bytes; nothing else is expected of a link or of base64.
fn text(data: &[u8], version: Version) -> Option<Vec<u8>> {
    let mut bits = data.iter().flat_map(|byte| (0..8).rev().map(move |bit| usize::from(byte >> bit & 1)));
    let mut take = |count: usize| (0..count).try_fold(0_usize, |value, _| Some(value << 1 | bits.next()?));
    let mut text = Vec::new();
    loop {
        // Where less than an indicator is left, nothing follows.
        let mode = match take(4) {
            None | Some(0) => return Some(text),
            Some(1) => Mode::Numeric,
            Some(2) => Mode::Alphanumeric,
            Some(4) => Mode::Byte,
            Some(_other) => return None,
        };
        let mut left = take(mode.length_bits_count(version))?;
        while left > 0 {
            let (characters, width, base) = match mode {
                Mode::Numeric => (left.min(3), [4, 7, 10].get(left.min(3) - 1).copied()?, 10),
                Mode::Alphanumeric => (left.min(2), [6, 11].get(left.min(2) - 1).copied()?, 45),
                Mode::Byte | Mode::Kanji => (1, 8, 256),
            };
            let value = take(width)?;
            for place in (0..u32::try_from(characters).ok()?).rev() {
                let digit = value / usize::pow(base, place) % base;
                text.push(if base == 256 { u8::try_from(digit).ok()? } else { ALPHANUMERIC.get(digit).copied()? });
            }
            left -= characters;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A picture as another program draws it: large, in colour, its margin and its modules as it likes.
    fn foreign(text: &[u8], level: EcLevel, scale: usize, margin: usize) -> Vec<u8> {
        let code = QrCode::with_error_correction_level(text, level).unwrap();
        let side = code.width() * scale + 2 * margin;
        let dark = |x: usize, y: usize| {
            let inside = |at: usize| at.checked_sub(margin).map(|at| at / scale).filter(|at| *at < code.width());
            matches!((inside(x), inside(y)), (Some(x), Some(y)) if code[(x, y)] == Color::Dark)
        };
        let pixels: Vec<u8> =
            (0..side * side).flat_map(|at| if dark(at % side, at / side) { [20, 30, 90, 255] } else { [255; 4] }).collect();
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side as u32, side as u32);
        encoder.set_color(ColorType::Rgba);
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        bytes
    }

    #[test]
    fn a_code_of_the_vendors_sample_is_read_and_drawn_again_alike_for_all() {
        let cipher: String = "q8Zr+/AB".chars().cycle().take(320).collect();
        let (text, level) = read(&foreign(cipher.as_bytes(), EcLevel::L, 4, 3)).unwrap();
        assert_eq!((text.as_slice(), level), (cipher.as_bytes(), EcLevel::L));
        let drawn = png(&text, level).unwrap();
        assert_eq!(drawn, png(cipher.as_bytes(), EcLevel::L).unwrap());
        assert_eq!(read(&drawn).unwrap(), (text, level));
    }

    #[test]
    fn what_is_no_code_is_not_read() {
        assert!(read(b"GIF89a").is_none());
        for shade in [255, 0] {
            let blank = vec![shade; SIDE * SIDE.div_ceil(8)];
            assert!(read(&encode(SIDE as u32, (ColorType::Grayscale, BitDepth::One), &blank).unwrap()).is_none());
        }
    }

    proptest! {
        #[test]
        fn every_text_reads_back(text in "[0-9]{1,40}|[A-Z0-9 $%*+./:-]{1,60}|https://[a-z]{3,9}/[a-zA-Z0-9/+=]{0,300}", level in 0..4_usize) {
            let level = [EcLevel::L, EcLevel::M, EcLevel::Q, EcLevel::H][level];
            prop_assert_eq!(read(&png(text.as_bytes(), level).unwrap()), Some((text.clone().into_bytes(), level)));
            prop_assert_eq!(read(&foreign(text.as_bytes(), level, 1, 0)), Some((text.into_bytes(), level)));
        }

        #[test]
        fn no_picture_makes_the_reader_panic(pixels in prop::collection::vec(any::<u8>(), 32), flip in 0..800_usize) {
            let rows: Vec<u8> = pixels.iter().copied().cycle().take(SIDE * SIDE.div_ceil(8)).collect();
            let picture = encode(SIDE as u32, (ColorType::Grayscale, BitDepth::One), &rows).unwrap();
            let _ = read(&picture);
            let mut code = png(b"https://thumbsignin.app.link/AbCdEfGhIjK", EcLevel::M).unwrap();
            if let Some(byte) = code.get_mut(flip) { *byte ^= 0x10; }
            let _ = read(&code);
        }
    }
}

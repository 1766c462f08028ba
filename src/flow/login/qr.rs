//! A QR code as the phone service draws it: 250 × 250 pixels, one bit each, with its quiet zone.

use qrcode::{Color, EcLevel, QrCode};

use crate::flow::error::Internal;

/// The side of the picture in pixels.
const SIDE: usize = 250;

/// The PNG of a QR code with this text.
///
/// # Errors
/// When the text does not fit a QR code.
pub(super) fn png(text: &str) -> Result<Vec<u8>, Internal> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_too_long| Internal::Picture)?;
    let modules = code.width();
    let scale = (SIDE / (modules + 8)).max(1);
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
    let mut png = Vec::new();
    encode(&mut png, &rows).map_err(|_never_for_this_size| Internal::Picture)?;
    Ok(png)
}

fn encode(png: &mut Vec<u8>, rows: &[u8]) -> Result<(), png::EncodingError> {
    let side = u32::try_from(SIDE).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(png, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.write_header()?.write_image_data(rows)
}

//! QR codes as the ThumbSignIn service sends them: PNG, 250 × 250 pixels, 1 bit grey, here with the quiet zone that the
//! standard asks for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcode::{Color, EcLevel, QrCode};

/// Of the image, in pixels.
const SIDE: usize = 250;
/// Modules that stay white on every side (ISO/IEC 18004).
const QUIET: usize = 4;

/// The QR code of a text, as a PNG image in base64. A text too long for any QR code gives an empty string.
pub(crate) fn png_base64(text: &str) -> String {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else { return String::new() };
    // Writing into memory cannot fail; an empty image stands for the impossible.
    let mut image = Vec::new();
    let mut encoder = png::Encoder::new(&mut image, SIDE as u32, SIDE as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_compression(png::Compression::High);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels(&code)));
    written.map(|()| STANDARD.encode(image)).unwrap_or_default()
}

/// The image's rows, eight pixels a byte, white as 1.
fn pixels(code: &QrCode) -> Vec<u8> {
    let modules = code.to_colors();
    let width = code.width();
    let scale = SIDE / (width + 2 * QUIET);
    let margin = (SIDE - scale * width) / 2;
    let module_at =
        |pixel: usize| pixel.checked_sub(margin).map(|inside| inside / scale.max(1)).filter(|module| *module < width);
    let is_dark = |x: usize, y: usize| match (module_at(x), module_at(y)) {
        (Some(column), Some(row)) => modules.get(row * width + column) == Some(&Color::Dark),
        _ => false,
    };
    (0..SIDE)
        .flat_map(|y| {
            let byte = move |start: usize| (0..8).fold(0_u8, |bits, bit| bits << 1 | u8::from(!is_dark(start + bit, y)));
            (0..SIDE).step_by(8).map(byte).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_has_the_vendors_format_and_a_quiet_zone() {
        let bytes = STANDARD.decode(png_base64("http://127.0.0.1:8081/phone/t/7e8eeb82d86c549c6d3c56e6d5046f07")).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let info = reader.info();
        assert_eq!((info.width, info.height), (250, 250));
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Grayscale, png::BitDepth::One));
        let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut buffer).unwrap();
        let row_bytes = SIDE.div_ceil(8);
        let dark = |x: usize, y: usize| buffer[y * row_bytes + x / 8] & (0x80 >> (x % 8)) == 0;
        let edge = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y))).filter(|(x, y)| dark(*x, *y));
        let (left, top) = edge.fold((SIDE, SIDE), |(left, top), (x, y)| (left.min(x), top.min(y)));
        assert!(left >= 16 && top >= 16, "the quiet zone is {left} × {top} pixels");
        assert!(dark(left, top), "the finder pattern begins at the corner");
    }
}

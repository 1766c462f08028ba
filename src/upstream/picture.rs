//! The pictures that the services send are shown to people as they came, so they are checked first: base64, PNG, small,
//! whole, and still (S16; `[PNG]` = W3C Portable Network Graphics, third edition).

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The largest PNG in bytes. The real ones have about 2 KiB.
const MAX_BYTES: usize = 64 * 1024;
/// The longest side in pixels. The real ones have 88 (SecSign's symbol) and 250 (ThumbSignIn's QR code).
const MAX_SIDE: u32 = 512;
/// What decoding may allocate: 512 × 512 pixels of 8 bytes, and something for the tables.
const DECODER_BYTES: usize = 4 * 1024 * 1024;
const NOT_PNG: &str = "the picture is not a whole PNG";

/// Checks a PNG in base64 (standard alphabet with padding, RFC 4648 §4).
pub(super) fn check_png(base64: &str) -> Result<(), String> {
    let too_long = format!("the picture is longer than {MAX_BYTES} bytes");
    if base64.len() > MAX_BYTES.div_ceil(3) * 4 {
        return Err(too_long);
    }
    let bytes = STANDARD.decode(base64).map_err(|_malformed| "the picture is not base64")?;
    if bytes.len() > MAX_BYTES { Err(too_long) } else { decode(&bytes) }
}

/// The header first ([PNG] §11.2.1), so that nothing large is ever unpacked; then all pixels, so that a torn picture is
/// found here and not by a person who cannot see the symbol.
fn decode(bytes: &[u8]) -> Result<(), String> {
    // The decoder's own words quote the picture and help nobody.
    let not_png = |_error| NOT_PNG.to_owned();
    let limits = png::Limits { bytes: DECODER_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    let png::Info { width, height, .. } = *decoder.read_header_info().map_err(not_png)?;
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(format!("the picture has {width} × {height} pixels"));
    }
    let mut reader = decoder.read_info().map_err(not_png)?;
    // A second frame could show another symbol than the first.
    if reader.info().animation_control.is_some() {
        return Err("the picture is animated".to_owned());
    }
    let size = reader.output_buffer_size().ok_or(NOT_PNG)?;
    reader.next_frame(&mut vec![0; size]).map_err(not_png)?;
    reader.finish().map_err(not_png)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A picture of one grey, in base64.
    pub(in crate::upstream) fn grey(width: u32, height: u32) -> String {
        STANDARD.encode(grey_png(width, height))
    }

    fn grey_png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&vec![7; (width * height) as usize]).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn pictures_of_the_real_sizes_pass() {
        for (width, height) in [(88, 88), (250, 250), (512, 512)] {
            assert_eq!(check_png(&grey(width, height)), Ok(()));
        }
    }

    #[test]
    fn what_is_not_a_small_whole_png_is_refused() {
        let whole = grey_png(88, 88);
        let torn = STANDARD.encode(&whole[..whole.len() - 20]);
        let mut damaged = whole.clone();
        damaged[40] ^= 0xff;
        let refused = |base64: &str| check_png(base64).unwrap_err();
        assert_eq!(refused(&torn), NOT_PNG);
        assert_eq!(refused(&STANDARD.encode(damaged)), NOT_PNG);
        assert_eq!(refused(&STANDARD.encode(b"GIF89a")), NOT_PNG);
        assert_eq!(refused(""), NOT_PNG);
        assert_eq!(refused(&grey(513, 8)), "the picture has 513 × 8 pixels");
        assert_eq!(refused(&grey(88, 88).replace('+', " ").replace('=', "")), "the picture is not base64");
        assert_eq!(refused(&format!("data:image/png;base64,{}", grey(88, 88))), "the picture is not base64");
        assert_eq!(refused(&"A".repeat(90_000)), "the picture is longer than 65536 bytes");
    }

    #[test]
    fn an_animation_is_refused() {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 8, 8);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_animated(2, 0).unwrap();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[7; 64]).unwrap();
        writer.write_image_data(&[9; 64]).unwrap();
        writer.finish().unwrap();
        assert_eq!(check_png(&STANDARD.encode(bytes)), Err("the picture is animated".to_owned()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_check_panic(bytes: Vec<u8>, cut in 0usize..200, flip in 0usize..200) {
            let _ = check_png(&STANDARD.encode(&bytes));
            let mut picture = grey_png(16, 16);
            if let Some(byte) = picture.get_mut(flip) { *byte = byte.wrapping_add(1); }
            picture.truncate(picture.len().saturating_sub(cut));
            let _ = check_png(&STANDARD.encode(picture));
        }
    }
}

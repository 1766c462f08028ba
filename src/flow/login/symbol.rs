//! A symbol of the size of an access pass, drawn anew for each decoy until the upstream has shown enough of its own.

use png::{BitDepth, ColorType};

use super::qr;
use crate::flow::error::Internal;

const SIDE: u8 = 88;
/// The most that an outline may reach from the middle, in pixels.
const REACH: f32 = 36.0;

struct Line {
    /// How many corners or petals; 0 is a circle.
    corners: u8,
    /// How deep it goes in between.
    depth: f32,
    turn: f32,
    reach: f32,
}

impl Line {
    fn new(chance: [u8; 3], reach: f32) -> Self {
        let [corners, depth, turn] = chance;
        Self { corners: corners % 8, depth: 0.1 + f32::from(depth) / 640.0, turn: f32::from(turn) / 40.0, reach }
    }

    fn distance(&self, x: f32, y: f32) -> f32 {
        let wave = (y.atan2(x) * f32::from(self.corners) + self.turn).cos();
        let radius = self.reach * (1.0 - self.depth * (1.0 - wave) / 2.0);
        (x.hypot(y) - radius).abs()
    }
}

pub(super) fn png(chance: &[u8; 32]) -> Result<Vec<u8>, Internal> {
    let [_, _, _, _, _, _, _, _, a, b, c, d, e, f, size, width, ..] = *chance;
    let outline = Line::new([a, b, c], REACH - f32::from(size % 8));
    let mark = Line::new([d, e, f], outline.reach * (0.25 + f32::from(size) / 1024.0));
    let half = 2.0 + f32::from(width) / 170.0;
    let middle = f32::from(SIDE) / 2.0 - 0.5;
    let mut pixels = Vec::with_capacity(usize::from(SIDE) * usize::from(SIDE) * 4);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let (x, y) = (f32::from(x) - middle, f32::from(y) - middle);
            let distance = outline.distance(x, y).min(mark.distance(x, y));
            let ink = ((half + 0.5 - distance).clamp(0.0, 1.0) * 255.0).round();
            // Within 0 and 255 by the clamp.
            pixels.extend([0, 0, 0, ink as u8]);
        }
    }
    let rgba = (ColorType::Rgba, BitDepth::Eight);
    qr::encode(u32::from(SIDE), rgba, &pixels).map_err(|_never_for_this_size| Internal::Picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_a_picture_of_its_own() {
        let pictures: Vec<Vec<u8>> = (0..64).map(|number| png(&[number; 32]).unwrap()).collect();
        for (at, picture) in pictures.iter().enumerate() {
            let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            let ink = pixels.chunks(4).filter(|pixel| pixel[3] == 255).count();
            assert_eq!((info.width, info.height), (88, 88));
            assert!((200..4000).contains(&ink), "{at}: {ink} black pixels");
            assert!(pictures.iter().filter(|other| *other == picture).count() == 1, "{at} comes twice");
        }
    }
}

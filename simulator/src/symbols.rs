//! The pictograms of the access pass: PNG images of 88 × 88 pixels, 8-bit RGBA, like the vendor's.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::random;

pub(crate) struct Symbol {
    pub(crate) name: &'static str,
    /// Byte for byte what goes over the wire.
    pub(crate) png_base64: String,
}

macro_rules! embedded {
    ($($name:literal)*) => {
        [$(($name, include_bytes!(concat!("../assets/symbols/", $name, ".png")).as_slice())),*]
    };
}

static GALLERY: LazyLock<Vec<Symbol>> = LazyLock::new(|| {
    let images = embedded!(
        "house" "anchor" "star" "heart" "sun" "moon" "cloud" "fir" "fish" "key" "umbrella" "bell" "boat" "cup" "flag"
        "mountain" "rocket" "glasses" "camera" "lamp" "letter" "bicycle" "leaf" "gift"
    );
    images.map(|(name, png)| Symbol { name, png_base64: STANDARD.encode(png) }).into()
});

#[derive(Clone)]
pub(crate) struct Pass {
    /// Gallery index of the symbol that the page shows.
    pub(crate) shown: usize,
    /// Of the symbols that the phone offers, the shown one among them.
    offered: Vec<usize>,
}

impl Pass {
    /// Four different symbols, the right one at a random place.
    pub(crate) fn random() -> Self {
        let mut offered: Vec<usize> = (0..GALLERY.len()).collect();
        random::shuffle(&mut offered);
        offered.truncate(4);
        let shown = offered.get(random::below(offered.len())).copied().unwrap_or_default();
        Self { shown, offered }
    }

    pub(crate) fn image(&self) -> &'static str {
        GALLERY.get(self.shown).map_or("", |symbol| symbol.png_base64.as_str())
    }

    /// In the order in which the phone shows them.
    pub(crate) fn symbols(&self) -> impl Iterator<Item = (usize, &'static Symbol)> {
        self.offered.iter().filter_map(|index| Some((*index, GALLERY.get(*index)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_are_sixteen_or_more_different_images_of_the_vendors_format() {
        let different: HashSet<_> = GALLERY.iter().map(|symbol| symbol.png_base64.as_str()).collect();
        assert_eq!(different.len(), GALLERY.len());
        assert!(different.len() >= 16);
        for symbol in GALLERY.iter() {
            let bytes = STANDARD.decode(&symbol.png_base64).unwrap();
            let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
            let info = reader.info();
            assert_eq!((info.width, info.height, info.interlaced), (88, 88, false));
            assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgba, png::BitDepth::Eight));
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut pixels).unwrap();
            assert!(pixels.chunks(4).any(|pixel| pixel[3] == 255), "{} is drawn", symbol.name);
        }
    }

    #[test]
    fn a_pass_offers_four_different_symbols_with_the_right_one_anywhere() {
        let mut places = HashSet::new();
        for _ in 0..200 {
            let pass = Pass::random();
            assert_eq!(pass.offered.iter().collect::<HashSet<_>>().len(), 4);
            places.insert(pass.offered.iter().position(|index| *index == pass.shown).unwrap());
        }
        assert_eq!(places.len(), 4);
    }
}

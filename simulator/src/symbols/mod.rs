//! The pictograms of the access pass: drawn once, offered as PNG images of 88 × 88 pixels, 8-bit RGBA, like the vendor's.

mod drawings;
mod raster;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::random;

/// How many pictograms a phone offers for one request.
const OFFERED: usize = 4;

/// One pictogram.
pub(crate) struct Symbol {
    /// What it shows, in one word.
    pub(crate) name: &'static str,
    /// The PNG image in base64 (standard alphabet, padded): byte for byte what goes over the wire.
    pub(crate) png_base64: String,
}

static GALLERY: LazyLock<Vec<Symbol>> = LazyLock::new(|| {
    drawings::DRAWINGS
        .iter()
        .map(|(name, drawing)| {
            let png = png(&raster::draw(drawing), u32::from(raster::SIZE), png::ColorType::Rgba, png::BitDepth::Eight);
            Symbol { name, png_base64: STANDARD.encode(png) }
        })
        .collect()
});

/// All pictograms, in a fixed order.
pub(crate) fn gallery() -> &'static [Symbol] {
    &GALLERY
}

/// The access pass of one request: what the page shows and what the phone offers.
#[derive(Clone)]
pub(crate) struct Pass {
    /// Gallery index of the symbol that the page shows.
    pub(crate) shown: usize,
    /// Gallery indexes of the symbols that the phone offers, the shown one among them.
    pub(crate) offered: Vec<usize>,
}

impl Pass {
    /// A random pass with different symbols, the right one at a random place.
    pub(crate) fn random() -> Self {
        let mut all: Vec<usize> = (0..gallery().len()).collect();
        random::shuffle(&mut all);
        all.truncate(OFFERED);
        let shown = all.get(random::below(all.len())).copied().unwrap_or_default();
        Self { shown, offered: all }
    }

    /// The image that the page shows, in base64.
    pub(crate) fn image(&self) -> &'static str {
        gallery().get(self.shown).map_or("", |symbol| symbol.png_base64.as_str())
    }

    /// The symbols that the phone offers, in the order in which it shows them.
    pub(crate) fn symbols(&self) -> impl Iterator<Item = (usize, &'static Symbol)> {
        self.offered.iter().filter_map(|index| Some((*index, gallery().get(*index)?)))
    }
}

/// A PNG image of the given pixels. Writing into memory cannot fail; an empty image stands for the impossible.
pub(crate) fn png(pixels: &[u8], side: u32, color: png::ColorType, depth: png::BitDepth) -> Vec<u8> {
    let mut image = Vec::new();
    let mut encoder = png::Encoder::new(&mut image, side, side);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::High);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels));
    written.map(|()| image).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn there_are_sixteen_or_more_different_images_of_the_vendors_format() {
        let different: HashSet<_> = gallery().iter().map(|symbol| symbol.png_base64.as_str()).collect();
        assert_eq!(different.len(), gallery().len());
        assert!(different.len() >= 16);
        for symbol in gallery() {
            let bytes = STANDARD.decode(&symbol.png_base64).unwrap();
            let reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
            let info = reader.info();
            assert_eq!((info.width, info.height, info.interlaced), (88, 88, false));
            assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgba, png::BitDepth::Eight));
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

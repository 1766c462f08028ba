//! Which pixels of a picture are dark, and which modules of a QR code (ISO/IEC 18004). Only codes that a program drew are
//! taken: upright, in whole modules, without a fault.

use std::io::Cursor;

use png::Transformations;

/// Row by row.
pub(crate) struct Pixels {
    dark: Vec<bool>,
    width: usize,
}

impl Pixels {
    pub(crate) fn decode(png: &[u8]) -> Option<Self> {
        let mut decoder = png::Decoder::new(Cursor::new(png));
        decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
        let mut reader = decoder.read_info().ok()?;
        let mut bytes = vec![0; reader.output_buffer_size()?];
        let frame = reader.next_frame(&mut bytes).ok()?;
        // Grey or red first, opacity last.
        let is_dark = |pixel: &[u8]| matches!(pixel, [0..=127, .., 128..=255]);
        let dark = bytes.chunks_exact(frame.color_type.samples()).map(is_dark).collect();
        Some(Self { dark, width: usize::try_from(frame.width).ok()? })
    }

    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn height(&self) -> usize {
        self.dark.len().checked_div(self.width).unwrap_or(0)
    }

    /// What is outside of the picture is not dark.
    pub(crate) fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.width && self.dark.get(y * self.width + x) == Some(&true)
    }

    /// The smallest part that holds everything dark; `None` where nothing is.
    pub(crate) fn trimmed(&self) -> Option<Self> {
        let width = self.width;
        let dark = || self.dark.iter().enumerate().filter(|(_, dark)| **dark).map(move |(at, _)| (at % width, at / width));
        let (top, bottom) = (dark().next()?.1, dark().next_back()?.1);
        let (left, right) = (dark().map(|(x, _)| x).min()?, dark().map(|(x, _)| x).max()?);
        let places = (top..=bottom).flat_map(|y| (left..=right).map(move |x| (x, y)));
        Some(Self { dark: places.map(|(x, y)| self.is_dark(x, y)).collect(), width: right + 1 - left })
    }

    /// The modules of the QR code that the picture shows, one pixel each and without a margin. The finder patterns touch three
    /// corners: what is dark reaches as far as the code, and its first row begins with seven modules (§6.3.3).
    pub(crate) fn modules(&self) -> Option<Self> {
        let code = self.trimmed()?;
        let run = (0..code.width).take_while(|x| code.is_dark(*x, 0)).count();
        let (scale, size) = (run / 7, code.width);
        if scale == 0 || run % 7 != 0 || size != code.height() || size % scale != 0 {
            return None;
        }
        let width = size / scale;
        let centre = |at: usize| at * scale + scale / 2;
        let module = |at: usize| code.is_dark(centre(at % width), centre(at / width));
        Some(Self { dark: (0..width * width).map(module).collect(), width })
    }
}

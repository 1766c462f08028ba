//! Draws lines of even width, with smooth edges, onto a small transparent field.

/// Width and height of a pictogram in pixels: the size of the vendor's own.
pub(super) const SIZE: u16 = 88;
/// Half the width of the pen, in pixels.
const PEN: f32 = 2.2;
/// Pieces into which a curve is cut.
const PIECES: u16 = 14;

type Point = (f32, f32);

/// The drawing as RGBA bytes, row by row: black ink, transparent elsewhere.
pub(super) fn draw(drawing: &str) -> Vec<u8> {
    let mut ink = vec![0.0_f32; usize::from(SIZE) * usize::from(SIZE)];
    for (from, to) in lines(drawing) {
        stroke(&mut ink, from, to);
    }
    ink.iter().flat_map(|covered| [0, 0, 0, (covered * 255.0).round() as u8]).collect()
}

/// Adds one line. A pixel is covered as far as the pen's edge reaches over its centre.
fn stroke(ink: &mut [f32], from: Point, to: Point) {
    for y in 0..SIZE {
        let row = usize::from(y) * usize::from(SIZE);
        let centre_y = f32::from(y) + 0.5;
        if centre_y < from.1.min(to.1) - PEN - 1.0 || centre_y > from.1.max(to.1) + PEN + 1.0 {
            continue;
        }
        for (x, covered) in (0..SIZE).zip(ink.iter_mut().skip(row)) {
            let distance = distance((f32::from(x) + 0.5, centre_y), from, to);
            *covered = covered.max((PEN + 0.5 - distance).clamp(0.0, 1.0));
        }
    }
}

/// Distance of a point from the line between two others.
fn distance(point: Point, from: Point, to: Point) -> f32 {
    let along = (to.0 - from.0, to.1 - from.1);
    let length = along.0 * along.0 + along.1 * along.1;
    let away = (point.0 - from.0, point.1 - from.1);
    let share = if length > 0.0 { ((away.0 * along.0 + away.1 * along.1) / length).clamp(0.0, 1.0) } else { 0.0 };
    (away.0 - share * along.0).hypot(away.1 - share * along.1)
}

/// The straight lines that a drawing consists of. What the notation does not know is left out; a test reads every drawing.
fn lines(drawing: &str) -> Vec<(Point, Point)> {
    let mut words = drawing.split_whitespace();
    let (mut pen, mut start, mut lines) = ((0.0, 0.0), (0.0, 0.0), Vec::new());
    while let Some(command) = words.next() {
        let mut coordinate = || words.next().and_then(|word| word.parse::<f32>().ok()).unwrap_or(0.0);
        let mut point = || (coordinate(), coordinate());
        match command {
            "M" => {
                pen = point();
                start = pen;
            }
            "L" => {
                let to = point();
                lines.push((pen, to));
                pen = to;
            }
            "C" => pen = curve(&mut lines, [pen, point(), point(), point()]),
            "Z" => {
                lines.push((pen, start));
                pen = start;
            }
            "O" => circle(&mut lines, point(), coordinate()),
            _ => {}
        }
    }
    lines
}

/// A cubic Bézier curve, cut into lines; answers where it ends.
fn curve(lines: &mut Vec<(Point, Point)>, [a, b, c, d]: [Point; 4]) -> Point {
    let mut from = a;
    for piece in 1..=PIECES {
        let t = f32::from(piece) / f32::from(PIECES);
        let s = 1.0 - t;
        let mix = |a: f32, b: f32, c: f32, d: f32| s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d;
        let to = (mix(a.0, b.0, c.0, d.0), mix(a.1, b.1, c.1, d.1));
        lines.push((from, to));
        from = to;
    }
    from
}

fn circle(lines: &mut Vec<(Point, Point)>, centre: Point, radius: f32) {
    let corners = PIECES * 3;
    let at = |corner: u16| {
        let (sin, cos) = (f32::from(corner) / f32::from(corners) * std::f32::consts::TAU).sin_cos();
        (centre.0 + radius * cos, centre.1 + radius * sin)
    };
    lines.extend((0..corners).map(|corner| (at(corner), at(corner + 1))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbols::drawings::DRAWINGS;

    #[test]
    fn every_drawing_uses_the_notation_and_stays_on_the_field() {
        for (name, drawing) in DRAWINGS {
            for word in drawing.split_whitespace() {
                assert!(matches!(word, "M" | "L" | "C" | "Z" | "O") || word.parse::<f32>().is_ok(), "{name}: {word}");
            }
            for (from, to) in lines(drawing) {
                for edge in [from.0, from.1, to.0, to.1] {
                    assert!((5.0..=83.0).contains(&edge), "{name}: {edge}");
                }
            }
        }
    }

    #[test]
    fn a_line_covers_its_pixels_and_no_others() {
        let pixels = draw("M 10 44 L 78 44");
        let alpha = |x: usize, y: usize| pixels[(y * usize::from(SIZE) + x) * 4 + 3];
        assert_eq!(alpha(44, 44), 255);
        assert_eq!(alpha(44, 20), 0);
        assert!((1..255).contains(&alpha(44, 46)), "the edge is smooth: {}", alpha(44, 46));
    }
}

//! A white sheet with the few marks our pictures need.
//!
//! In: pixels. Out: SVG text.
//! Always: one font family (sans-serif), one palette.
//! Not here: what is drawn where (`day.rs`, `learning_curve.rs`).

use super::scale::{Scale, tick_label};
use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Colours that differ for colour-blind eyes (Okabe and Ito 2008), strong ones first.
pub(super) const PALETTE: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];
pub(super) const INK: RGBColor = RGBColor(33, 37, 41);
pub(super) const SOFT_INK: RGBColor = RGBColor(92, 99, 106);
pub(super) const GRID: RGBColor = RGBColor(228, 231, 235);
pub(super) const BAR: RGBColor = RGBColor(190, 197, 205);

/// Where text is held.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hold {
    Left,
    Middle,
    Right,
}

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
}

/// A sheet under the pen.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

const NEVER_FAILS: &str = "drawing into a string does no I/O";

/// Draws on a fresh sheet and returns it as SVG.
pub(super) fn draw(width: u32, height: u32, pen: impl FnOnce(&Canvas<'_>)) -> String {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        area.fill(&WHITE).expect(NEVER_FAILS);
        let canvas = Canvas { area };
        pen(&canvas);
        canvas.area.present().expect(NEVER_FAILS);
    }
    text
}

impl Canvas<'_> {
    /// One line of text, vertically centred on `y`.
    pub(super) fn text(&self, text: &str, x: i32, y: i32, size: u32, color: RGBColor, hold: Hold) {
        self.styled_text(text, x, y, font(size), color, hold);
    }

    /// One line of bold text.
    pub(super) fn bold(&self, text: &str, x: i32, y: i32, size: u32, color: RGBColor, hold: Hold) {
        self.styled_text(text, x, y, font(size).style(FontStyle::Bold), color, hold);
    }

    fn styled_text(&self, text: &str, x: i32, y: i32, font: FontDesc<'_>, color: RGBColor, hold: Hold) {
        let hold = match hold {
            Hold::Left => HPos::Left,
            Hold::Middle => HPos::Center,
            Hold::Right => HPos::Right,
        };
        let style = font.color(&color).pos(Pos::new(hold, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), (x, y), style)).expect(NEVER_FAILS);
    }

    /// A line through points.
    pub(super) fn line(&self, points: &[(i32, i32)], color: RGBColor, width: u32) {
        if points.len() > 1 {
            self.area.draw(&PathElement::new(points.to_vec(), color.stroke_width(width))).expect(NEVER_FAILS);
        }
    }

    /// A dashed line through points.
    pub(super) fn dashed(&self, points: &[(i32, i32)], color: RGBColor, width: u32) {
        if points.len() > 1 {
            let path = DashedPathElement::new(points.to_vec(), 7, 4, color.stroke_width(width));
            self.area.draw(&path).expect(NEVER_FAILS);
        }
    }

    /// A filled shape, `alpha` 0 to 1.
    pub(super) fn shape(&self, points: Vec<(i32, i32)>, color: RGBColor, alpha: f64) {
        if points.len() > 2 {
            self.area.draw(&Polygon::new(points, color.mix(alpha).filled())).expect(NEVER_FAILS);
        }
    }

    /// A filled rectangle.
    pub(super) fn bar(&self, frame: Frame, color: RGBColor) {
        let corners = [(frame.left, frame.top), (frame.right, frame.bottom)];
        self.area.draw(&Rectangle::new(corners, color.filled())).expect(NEVER_FAILS);
    }

    /// Horizontal grid lines with labels left of the frame.
    pub(super) fn value_axis(&self, frame: Frame, scale: &Scale, ticks: &[f64]) {
        let step = ticks.windows(2).next().map_or(1.0, |pair| pair[1] - pair[0]);
        for tick in ticks {
            let y = scale.pixel(*tick);
            let color = if *tick == 0.0 { SOFT_INK } else { GRID };
            self.line(&[(frame.left, y), (frame.right, y)], color, 1);
            self.text(&tick_label(*tick, step), frame.left - 8, y, 12, SOFT_INK, Hold::Right);
        }
    }
}

/// The font at a size in pixels; plotters divides sizes by 1.24 on their way into SVG.
fn font(size: u32) -> FontDesc<'static> {
    ("sans-serif", f64::from(size) * 1.24).into_font()
}

/// Width of text in pixels, a little generous, as the viewer's font is not known.
pub(super) fn text_width(text: &str, size: u32) -> i32 {
    (text.chars().count() as f64 * f64::from(size) * 0.58).ceil() as i32
}

/// The runs of neighbours that are finite.
pub(super) fn finite_runs(values: &[f64]) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut start = None;
    for (index, value) in values.iter().chain([&f64::NAN]).enumerate() {
        match (value.is_finite(), start) {
            (true, None) => start = Some(index),
            (false, Some(first)) => {
                runs.push(first..index);
                start = None;
            }
            _ => {}
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_no_number_parts_the_line() {
        assert_eq!(finite_runs(&[1.0, 2.0, f64::NAN, 3.0]), [0..2, 3..4]);
        assert!(finite_runs(&[f64::NAN, f64::INFINITY]).is_empty());
    }
}

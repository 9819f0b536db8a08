//! Parallel coordinates: one line per trial across an axis per key, coloured by its score.
//!
//! In: [`ParallelCoordinates`]. Out: SVG.
//! Always: the best line is drawn last and thickest; lines without a final score are grey and dashed, for their colour
//! would compare what does not compare. Not here: which axes are logarithmic (the caller gives positions).

use super::canvas::{self, BAR, Canvas, Frame, GRID, Hold, INK, SOFT_INK, text_width};
use crate::fault::Fault;
use plotters::style::RGBColor;

const AXIS_GAP: i32 = 150;
const SIDE: i32 = 90;
const TOP: i32 = 112;
const PLOT_HEIGHT: i32 = 300;
/// The key of the colours: so many steps of so many pixels.
const KEY_STEPS: i32 = 20;
const KEY_STEP: i32 = 8;
const KEY_WIDTH: i32 = KEY_STEPS * KEY_STEP;
/// From the worst to the best, ever darker on the white sheet (three steps of Viridis, reversed).
const RAMP: [RGBColor; 3] = [RGBColor(168, 205, 60), RGBColor(33, 145, 140), RGBColor(68, 1, 84)];

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub struct CoordinateAxis {
    /// Its name.
    pub name: String,
    /// Positions in `[0, 1]` with what stands beside them.
    pub ticks: Vec<(f64, String)>,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct CoordinateLine {
    /// Position on each axis, in `[0, 1]`; none leaves a gap.
    pub positions: Vec<Option<f64>>,
    /// Share of the way from the worst to the best score, for the colour; none draws it grey.
    pub shade: Option<f64>,
}

/// What the picture shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParallelCoordinates {
    /// Head line.
    pub title: String,
    /// What the grey lines are; empty if there is none.
    pub grey_name: String,
    /// Name of the worst and of the best shade.
    pub shade_ends: (String, String),
    /// Axes from left to right.
    pub axes: Vec<CoordinateAxis>,
    /// Lines, the best one first.
    pub lines: Vec<CoordinateLine>,
}

/// Draws parallel coordinates.
///
/// # Errors
/// A [`Fault`] if there are fewer than two axes, or a line has not a position per axis.
pub fn parallel_coordinates_svg(figure: &ParallelCoordinates) -> Result<String, Fault> {
    let (axes, place) = (figure.axes.len(), format!("parallel coordinates \"{}\"", figure.title));
    if axes < 2 {
        return Err(Fault::new(place, format!("there are {axes} axes, but two or more are expected"))
            .hint("give an axis per key and one for the score"));
    }
    if let Some(line) = figure.lines.iter().find(|line| line.positions.len() != axes) {
        let message = format!("a line has {} positions, but {axes} axes are expected", line.positions.len());
        return Err(Fault::new(place, message).hint("give one position per axis; none leaves a gap"));
    }
    let width = (2 * SIDE + (axes as i32 - 1) * AXIS_GAP).max(620);
    let frame = Frame { left: SIDE, right: width - SIDE, top: TOP, bottom: TOP + PLOT_HEIGHT };
    Ok(canvas::draw(width as u32, (frame.bottom + 36) as u32, |canvas| {
        canvas.bold(&figure.title, 24, 24, 18, INK, Hold::Left);
        draw_key(canvas, figure);
        let x = |axis: usize| frame.left + (frame.right - frame.left) * axis as i32 / (axes as i32 - 1);
        for (index, axis) in figure.axes.iter().enumerate() {
            canvas.line(&[(x(index), frame.top), (x(index), frame.bottom)], GRID, 2);
            canvas.bold(&axis.name, x(index), frame.top - 26, 12, INK, Hold::Middle);
        }
        let mut order: Vec<&CoordinateLine> = figure.lines.iter().rev().collect();
        // A stable sort: grey ones first, then as they were.
        order.sort_by_key(|line| line.shade.is_some());
        for (index, line) in order.iter().enumerate() {
            let best = index + 1 == order.len() && line.shade.is_some();
            draw_line(canvas, line, if best { 4 } else { 2 }, &|axis, share| (x(axis), height(frame, share)));
        }
        // Words last, so that no line runs through them.
        for (index, axis) in figure.axes.iter().enumerate() {
            draw_ticks(canvas, axis, x(index), frame);
        }
    }))
}

fn height(frame: Frame, share: f64) -> i32 {
    frame.bottom - (share.clamp(0.0, 1.0) * f64::from(frame.bottom - frame.top)).round() as i32
}

fn draw_line(canvas: &Canvas<'_>, line: &CoordinateLine, width: u32, at: &dyn Fn(usize, f64) -> (i32, i32)) {
    let points: Vec<Option<(i32, i32)>> =
        line.positions.iter().enumerate().map(|(axis, share)| share.map(|share| at(axis, share))).collect();
    for run in points.split(Option::is_none) {
        let run: Vec<(i32, i32)> = run.iter().flatten().copied().collect();
        match line.shade {
            Some(shade) => canvas.line(&run, ramp(shade), width),
            None => canvas.dashed(&run, BAR, 1),
        }
    }
}

fn draw_ticks(canvas: &Canvas<'_>, axis: &CoordinateAxis, x: i32, frame: Frame) {
    for (share, label) in &axis.ticks {
        let y = height(frame, *share);
        let half = text_width(label, 12) / 2 + 4;
        canvas.line(&[(x - 4, y), (x + 4, y)], SOFT_INK, 1);
        // Under or over the end of an axis where that is free, else beside it on white.
        let y = if *share <= 0.02 {
            y + 14
        } else if *share >= 0.98 {
            y - 8
        } else {
            y
        };
        let beside = if (0.02..0.98).contains(share) { x + 8 + half } else { x };
        canvas.shape(
            vec![(beside - half, y - 7), (beside + half, y - 7), (beside + half, y + 7), (beside - half, y + 7)],
            plotters::style::WHITE,
            0.8,
        );
        canvas.text(label, beside, y, 12, SOFT_INK, Hold::Middle);
    }
}

fn draw_key(canvas: &Canvas<'_>, figure: &ParallelCoordinates) {
    let (worst, best) = &figure.shade_ends;
    let (left, y) = (24 + text_width(worst, 12) + 8, 54);
    canvas.text(worst, 24, y, 12, SOFT_INK, Hold::Left);
    for step in 0..KEY_STEPS {
        let color = ramp(f64::from(step) / f64::from(KEY_STEPS - 1));
        let from = left + step * KEY_STEP;
        canvas.bar(Frame { left: from, right: from + KEY_STEP, top: y - 6, bottom: y + 6 }, color);
    }
    canvas.text(best, left + KEY_WIDTH + 8, y, 12, SOFT_INK, Hold::Left);
    if !figure.grey_name.is_empty() {
        let x = left + KEY_WIDTH + 8 + text_width(best, 12) + 24;
        canvas.dashed(&[(x, y), (x + 26, y)], BAR, 2);
        canvas.text(&figure.grey_name, x + 34, y, 12, SOFT_INK, Hold::Left);
    }
}

/// The colour of a share of the way from worst to best.
fn ramp(share: f64) -> RGBColor {
    let along = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 } * (RAMP.len() - 1) as f64;
    let from = (along.floor() as usize).min(RAMP.len() - 2);
    let part = along - from as f64;
    let mix = |a: u8, b: u8| (f64::from(a) + part * (f64::from(b) - f64::from(a))).round() as u8;
    let (a, b) = (RAMP[from], RAMP[from + 1]);
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure() -> ParallelCoordinates {
        let axis = |name: &str| CoordinateAxis {
            name: name.into(),
            ticks: vec![(0.0, "1e-5".into()), (0.5, "1e-3".into()), (1.0, "1e-1".into())],
        };
        let line = |share: f64, shade| CoordinateLine {
            positions: vec![Some(share), Some(1.0 - share), Some(share * share)],
            shade,
        };
        ParallelCoordinates {
            title: "Sweep \"a\"".into(),
            grey_name: "stopped early".into(),
            shade_ends: ("worst 1.2".into(), "best 4.5".into()),
            axes: ["ppo.learning_rate", "ppo.gamma", "score"].map(axis).to_vec(),
            lines: vec![line(0.9, Some(1.0)), line(0.2, Some(0.0)), line(0.4, None)],
        }
    }

    #[test]
    fn every_axis_has_its_name_and_the_best_line_is_the_last_and_thickest() {
        let svg = parallel_coordinates_svg(&figure()).unwrap();
        for text in ["ppo.learning_rate", "ppo.gamma", "score", "1e-3", "worst 1.2", "best 4.5", "stopped early"] {
            assert!(svg.contains(text), "{text}");
        }
        let lines: Vec<&str> =
            svg.lines().filter(|l| l.contains("<polyline") && l.contains("stroke-width=\"4\"")).collect();
        assert!(lines.len() == 1 && lines[0].contains("#440154"), "{lines:?}");
        assert_eq!(svg, parallel_coordinates_svg(&figure()).unwrap());
    }

    #[test]
    fn a_gap_parts_a_line_and_a_line_of_another_length_is_refused() {
        let mut gap = figure();
        gap.lines[0].positions[1] = None;
        assert!(!parallel_coordinates_svg(&gap).unwrap().contains("stroke-width=\"4\""), "single points are no line");
        gap.lines[0].positions.pop();
        let text = parallel_coordinates_svg(&gap).unwrap_err().to_string();
        assert!(text.contains("a line has 2 positions, but 3 axes are expected\n\nhint: "), "{text}");
        gap.axes.truncate(1);
        assert!(parallel_coordinates_svg(&gap).unwrap_err().to_string().contains("there are 1 axes"));
    }

    #[test]
    fn colours_run_from_the_worst_to_the_best() {
        assert_eq!((ramp(0.0), ramp(0.5), ramp(1.0)), (RAMP[0], RAMP[1], RAMP[2]));
        assert_eq!(ramp(f64::NAN), RAMP[0]);
    }
}

//! Learning curves: one line per run or configuration, with bands and reference levels.
//!
//! In: [`LearningCurves`]. Out: SVG.
//! Always: the legend stands above the plot, in as many rows as it needs.
//! Not here: smoothing and averaging over seeds (the caller).

use super::canvas::{self, Canvas, Frame, GRID, Hold, INK, PALETTE, SOFT_INK, finite_runs, text_width};
use super::scale::{Scale, round_axis, tick_label};
use crate::fault::Fault;

const WIDTH: i32 = 960;
const LEFT: i32 = 72;
const RIGHT: i32 = WIDTH - 28;
const PLOT_HEIGHT: i32 = 340;
const KEY_WIDTH: i32 = 26;
const ROW_HEIGHT: i32 = 22;

/// One line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// (environment steps, value), steps ascending.
    pub points: Vec<(f64, f64)>,
    /// (environment steps, low, high), e.g. over seeds; may be empty.
    pub band: Vec<(f64, f64, f64)>,
}

/// A level to compare with, e.g. a rival's score.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Name in the legend.
    pub name: String,
    /// Height of the level.
    pub value: f64,
}

/// What the picture shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LearningCurves {
    /// Head line.
    pub title: String,
    /// Name of the horizontal axis, e.g. `Environment steps`.
    pub x_label: String,
    /// Name of the vertical axis with its unit.
    pub y_label: String,
    /// Lines.
    pub series: Vec<Series>,
    /// Dashed levels.
    pub references: Vec<Reference>,
}

/// A key of the legend and what it stands for.
struct Key<'a> {
    name: &'a str,
    index: usize,
    is_reference: bool,
}

/// Draws learning curves.
///
/// # Errors
/// A [`Fault`] if no series has a finite point.
pub fn learning_curve_svg(curves: &LearningCurves) -> Result<String, Fault> {
    let points = || curves.series.iter().flat_map(|series| &series.points);
    if !points().any(|(x, y)| x.is_finite() && y.is_finite()) {
        return Err(Fault::new(
            format!("learning curve \"{}\"", curves.title),
            "no series has a point, but at least one is expected",
        )
        .hint("train for at least one update"));
    }
    let bands = || curves.series.iter().flat_map(|series| &series.band);
    let heights = points().map(|point| point.1).chain(bands().flat_map(|band| [band.1, band.2]));
    let heights = heights.chain(curves.references.iter().map(|reference| reference.value));
    let (low, high, ticks) = round_axis(heights, false, 5);
    let (start, end, step_ticks) = round_axis(points().map(|point| point.0), true, 6);
    // The line may end before the next round tick: the axis does too.
    let last = points().map(|point| point.0).filter(|x| x.is_finite()).fold(start, f64::max);
    let end = if last > start { last } else { end };
    let rows = legend_rows(curves);
    let top = 76 + rows.len() as i32 * ROW_HEIGHT;
    let frame = Frame { left: LEFT, right: RIGHT, top, bottom: top + PLOT_HEIGHT };
    let x = Scale { low: start, high: end, pixel_low: f64::from(LEFT), pixel_high: f64::from(RIGHT) };
    let y = Scale { low, high, pixel_low: f64::from(frame.bottom), pixel_high: f64::from(frame.top) };
    Ok(canvas::draw(WIDTH as u32, (frame.bottom + 56) as u32, |canvas| {
        canvas.bold(&curves.title, LEFT, 24, 18, INK, Hold::Left);
        draw_legend(canvas, &rows);
        canvas.bold(&curves.y_label, LEFT, frame.top - 18, 13, INK, Hold::Left);
        draw_step_axis(canvas, frame, &x, &step_ticks, &curves.x_label);
        canvas.value_axis(frame, &y, &ticks);
        for (index, series) in curves.series.iter().enumerate() {
            draw_band(canvas, series, index, &x, &y);
        }
        for (index, reference) in curves.references.iter().enumerate() {
            let height = y.pixel(reference.value);
            draw_reference(canvas, (LEFT, RIGHT), height, index);
        }
        for (index, series) in curves.series.iter().enumerate() {
            draw_series(canvas, series, index, &x, &y);
        }
    }))
}

fn legend_rows(curves: &LearningCurves) -> Vec<Vec<Key<'_>>> {
    let lines = curves.series.iter().enumerate().map(|(index, s)| Key { name: &s.name, index, is_reference: false });
    let levels =
        curves.references.iter().enumerate().map(|(index, r)| Key { name: &r.name, index, is_reference: true });
    let mut rows: Vec<Vec<Key<'_>>> = Vec::new();
    let mut used = RIGHT;
    for key in lines.chain(levels) {
        let width = key_width(&key);
        if used + width > RIGHT {
            rows.push(Vec::new());
            used = LEFT;
        }
        used += width;
        rows.last_mut().expect("a row was opened for the first key").push(key);
    }
    rows
}

fn key_width(key: &Key<'_>) -> i32 {
    KEY_WIDTH + 8 + text_width(key.name, 13) + 22
}

fn draw_legend(canvas: &Canvas<'_>, rows: &[Vec<Key<'_>>]) {
    for (row, keys) in rows.iter().enumerate() {
        let y = 52 + row as i32 * ROW_HEIGHT;
        let mut x = LEFT;
        for key in keys {
            if key.is_reference {
                draw_reference(canvas, (x, x + KEY_WIDTH), y, key.index);
            } else {
                draw_line(canvas, &[(x, y), (x + KEY_WIDTH, y)], key.index);
            }
            canvas.text(key.name, x + KEY_WIDTH + 8, y, 13, INK, Hold::Left);
            x += key_width(key);
        }
    }
}

fn draw_step_axis(canvas: &Canvas<'_>, frame: Frame, x: &Scale, ticks: &[f64], label: &str) {
    let step = ticks.windows(2).next().map_or(1.0, |pair| pair[1] - pair[0]);
    for tick in ticks.iter().filter(|tick| **tick <= x.high) {
        let at = x.pixel(*tick);
        canvas.line(&[(at, frame.top), (at, frame.bottom)], GRID, 1);
        canvas.text(&tick_label(*tick, step), at, frame.bottom + 16, 12, SOFT_INK, Hold::Middle);
    }
    canvas.line(&[(frame.left, frame.bottom), (frame.right, frame.bottom)], SOFT_INK, 1);
    canvas.text(label, (frame.left + frame.right) / 2, frame.bottom + 38, 12, SOFT_INK, Hold::Middle);
}

fn draw_band(canvas: &Canvas<'_>, series: &Series, index: usize, x: &Scale, y: &Scale) {
    let usable: Vec<f64> = series.band.iter().map(|(step, low, high)| step + low + high).collect();
    for run in finite_runs(&usable) {
        let upper = series.band[run.clone()].iter().map(|(step, _, high)| (x.pixel(*step), y.pixel(*high)));
        let lower = series.band[run].iter().rev().map(|(step, low, _)| (x.pixel(*step), y.pixel(*low)));
        canvas.shape(upper.chain(lower).collect(), PALETTE[index % PALETTE.len()], 0.18);
    }
}

fn draw_series(canvas: &Canvas<'_>, series: &Series, index: usize, x: &Scale, y: &Scale) {
    let usable: Vec<f64> = series.points.iter().map(|(step, value)| step + value).collect();
    for run in finite_runs(&usable) {
        let line: Vec<_> = series.points[run].iter().map(|(step, value)| (x.pixel(*step), y.pixel(*value))).collect();
        draw_line(canvas, &line, index);
    }
}

/// Once the colours are used up, they come again as dashes.
fn draw_line(canvas: &Canvas<'_>, points: &[(i32, i32)], index: usize) {
    let color = PALETTE[index % PALETTE.len()];
    if index < PALETTE.len() { canvas.line(points, color, 2) } else { canvas.dashed(points, color, 2) }
}

/// Levels are dashed in ink, ever lighter.
fn draw_reference(canvas: &Canvas<'_>, ends: (i32, i32), y: i32, index: usize) {
    let color = if index.is_multiple_of(2) { INK } else { SOFT_INK };
    let width = if index < 2 { 2 } else { 1 };
    canvas.dashed(&[(ends.0, y), (ends.1, y)], color, width);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves() -> LearningCurves {
        let series = |name: &str, level: f64| Series {
            name: name.into(),
            points: (0..60).map(|i| (f64::from(i) * 33_333.0, level * (1.0 - (-f64::from(i) / 15.0).exp()))).collect(),
            band: (0..60)
                .map(|i| {
                    let middle = level * (1.0 - (-f64::from(i) / 15.0).exp());
                    (f64::from(i) * 33_333.0, middle - 0.06, middle + 0.05)
                })
                .collect(),
        };
        LearningCurves {
            title: "Gap captured on the validation weeks".into(),
            x_label: "Environment steps".into(),
            y_label: "Share of the oracle's gain".into(),
            series: vec![series("PPO, flex", 0.78), series("PPO, no potential", 0.35), series("PPO, 3 layers", 0.66)],
            references: vec![
                Reference { name: "MPC".into(), value: 0.83 },
                Reference { name: "quantile rule".into(), value: 0.62 },
            ],
        }
    }

    #[test]
    fn every_series_and_level_has_its_key_and_every_axis_its_name() {
        let svg = learning_curve_svg(&curves()).unwrap();
        for text in
            ["PPO, flex", "PPO, no potential", "MPC", "quantile rule", "Environment steps", "oracle&apos;s gain"]
        {
            assert!(svg.contains(text), "{text}");
        }
        assert_eq!(svg.matches("<polygon").count(), 3, "one band each");
        assert_eq!(svg, learning_curve_svg(&curves()).unwrap());
    }

    #[test]
    fn many_names_take_several_rows_and_none_runs_over_the_edge() {
        let mut many = curves();
        many.series =
            (0..9).map(|i| Series { name: format!("a rather long name {i}"), ..curves().series[0].clone() }).collect();
        let rows = legend_rows(&many);
        assert!(rows.len() > 2);
        assert!(rows.iter().all(|row| LEFT + row.iter().map(key_width).sum::<i32>() <= RIGHT));
        assert_eq!(rows.iter().map(Vec::len).sum::<usize>(), 11);
    }

    #[test]
    fn curves_without_a_point_are_refused() {
        let empty = LearningCurves { series: vec![Series::default()], ..curves() };
        let text = learning_curve_svg(&empty).unwrap_err().to_string();
        assert!(
            text.ends_with(
                "no series has a point, but at least one is expected\n\nhint: train for at least one update"
            )
        );
    }
}

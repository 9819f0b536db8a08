//! Lines with a legend: learning curves and performance profiles.
//!
//! In: [`Curves`]. Out: a sheet.
//! Always: bands lie below lines; levels are dashed and named at their right end.

use super::day::runs;
use super::sheet::{Form, Frame, Hold, Mark, Sheet};
use crate::figures::scale::{Scale, round_axis};

/// Colours before they come again.
const COLOURS: usize = 8;

/// One line.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Curve {
    /// Name in the legend.
    pub(crate) name: String,
    /// Ascending in x.
    pub(crate) points: Vec<(f64, f64)>,
    /// (x, low, high); may be empty.
    pub(crate) band: Vec<(f64, f64, f64)>,
}

/// What the picture shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Curves {
    /// Name of the horizontal axis.
    pub(crate) x_name: String,
    /// Name of the vertical axis.
    pub(crate) y_name: String,
    /// The lines.
    pub(crate) curves: Vec<Curve>,
    /// Dashed levels.
    pub(crate) levels: Vec<(String, f64)>,
    /// Ends of the vertical axis, if they are known.
    pub(crate) y_ends: Option<(f64, f64)>,
}

/// Draws lines.
pub(crate) fn curves_sheet(curves: &Curves, form: Form) -> Sheet {
    let mut sheet = Sheet::new(form);
    let classes: Vec<String> = (0..COLOURS).map(|index| format!("s{index}")).collect();
    let keys = curves.curves.iter().enumerate().map(|(i, c)| (Mark::Line(&classes[i % COLOURS]), c.name.as_str()));
    let mut keys: Vec<(Mark<'_>, &str)> = keys.collect();
    if curves.levels.len() == 1 {
        keys.push((Mark::Line("level"), &curves.levels[0].0));
    }
    let top = sheet.legend(form, 0, &keys) + 28;
    let frame = form.frame(top, form.pick(300, 240));
    let points = || curves.curves.iter().flat_map(|curve| &curve.points);
    let bands = curves.curves.iter().flat_map(|curve| &curve.band).flat_map(|band| [band.1, band.2]);
    let heights = points().map(|point| point.1).chain(bands).chain(curves.levels.iter().map(|level| level.1));
    let heights = heights.chain(curves.y_ends.into_iter().flat_map(|(low, high)| [low, high]));
    let (low, high, ticks) = round_axis(heights, false, 5);
    let (start, _, x_ticks) = round_axis(points().map(|point| point.0), false, form.pick(6, 4));
    let last = points().map(|point| point.0).filter(|x| x.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    let end = if last > start { last } else { x_ticks.last().copied().unwrap_or(1.0) };
    let x_ticks: Vec<f64> = x_ticks.into_iter().filter(|tick| *tick <= end).collect();
    let (x, y) = (frame.across(start, end), frame.upwards(low, high));
    sheet.text(&curves.y_name, form.pick(frame.left, 6), frame.top - 16, Hold::Left, "head");
    sheet.value_axis(frame, &y, &ticks);
    sheet.bottom_axis(frame, &x, &x_ticks);
    for (index, curve) in curves.curves.iter().enumerate() {
        draw_band(&mut sheet, curve, index, &x, &y);
    }
    for (index, curve) in curves.curves.iter().enumerate() {
        let usable: Vec<f64> = curve.points.iter().map(|(a, b)| a + b).collect();
        for run in runs(&usable, |value| value.is_finite()) {
            let line: Vec<_> = curve.points[run].iter().map(|(a, b)| (x.pixel(*a), y.pixel(*b))).collect();
            sheet.line(&line, &format!("s{}", index % COLOURS));
        }
    }
    draw_levels(&mut sheet, curves, frame, &y);
    sheet.text(&curves.x_name, (frame.left + frame.right) / 2, frame.bottom + 36, Hold::Middle, "small");
    sheet.height = frame.bottom + 48;
    sheet
}

fn draw_band(sheet: &mut Sheet, curve: &Curve, index: usize, x: &Scale, y: &Scale) {
    let usable: Vec<f64> = curve.band.iter().map(|(at, low, high)| at + low + high).collect();
    for run in runs(&usable, |value| value.is_finite()) {
        let upper = curve.band[run.clone()].iter().map(|(at, _, high)| (x.pixel(*at), y.pixel(*high)));
        let lower = curve.band[run].iter().rev().map(|(at, low, _)| (x.pixel(*at), y.pixel(*low)));
        let shape: Vec<_> = upper.chain(lower).collect();
        sheet.area(&shape, &format!("under f{}", index % COLOURS));
    }
}

/// Levels with their names at the right end; names that would overlap are moved apart.
fn draw_levels(sheet: &mut Sheet, curves: &Curves, frame: Frame, y: &Scale) {
    let mut levels: Vec<&(String, f64)> = curves.levels.iter().filter(|level| level.1.is_finite()).collect();
    levels.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut above = frame.top;
    for (name, value) in levels {
        let at = y.pixel(*value);
        sheet.line(&[(frame.left, at), (frame.right, at)], "level");
        if curves.levels.len() > 1 {
            above = (at - 9).max(above + 14);
            sheet.text(name, frame.right - 4, above, Hold::Right, "small halo");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_without_points_and_gaps_are_drawn_without_a_panic() {
        let gap = Curve { name: "a".into(), points: vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 2.0)], band: vec![] };
        for curves in [vec![], vec![Curve::default()], vec![gap]] {
            let curves = Curves { curves, levels: vec![("fifo".into(), f64::NAN)], ..Curves::default() };
            let svg = curves_sheet(&curves, Form::Narrow).standalone("t", "d");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}

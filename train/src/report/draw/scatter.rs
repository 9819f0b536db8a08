//! Week by week: what one policy saves against what another saves, with the diagonal where they are equal.
//!
//! In: points in pounds per week. Out: a sheet.
//! Always: both axes have the same ends, so that the diagonal is one.

use super::sheet::{Form, Hold, Sheet, shortened};
use crate::figures::scale::round_axis;

/// One week with one job seed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScatterPoint {
    /// Its name, for the pointer.
    pub(crate) name: String,
    /// What the rival saved.
    pub(crate) rival: f64,
    /// What the policy saved.
    pub(crate) policy: f64,
}

/// Draws points against the diagonal.
pub(crate) fn scatter_sheet(points: &[ScatterPoint], policy: &str, rival: &str, form: Form) -> Sheet {
    let mut sheet = Sheet::new(form);
    let side = form.pick(420, 300);
    let mut frame = form.frame(30, side);
    if form == Form::Wide {
        frame.left = (form.width() - side) / 2;
    }
    frame.right = frame.left + side;
    let values = points.iter().flat_map(|point| [point.rival, point.policy]);
    let (low, high, ticks) = round_axis(values, true, 4);
    let (x, y) = (frame.across(low, high), frame.upwards(low, high));
    let letters = form.pick(40, 18);
    let name = |name: &str| format!("saved by {}, £/week", shortened(name, letters));
    sheet.text(&name(policy), form.pick(frame.left, 6), 12, Hold::Left, "head");
    sheet.value_axis(frame, &y, &ticks);
    sheet.bottom_axis(frame, &x, &ticks);
    sheet.line(&[(frame.left, frame.bottom), (frame.right, frame.top)], "diagonal");
    sheet.text("better", frame.left + 10, frame.top + 14, Hold::Left, "small");
    sheet.text("worse", frame.right - 10, frame.bottom - 14, Hold::Right, "small");
    for point in points.iter().filter(|point| point.rival.is_finite() && point.policy.is_finite()) {
        sheet.dot(x.pixel(point.rival), y.pixel(point.policy), 5, "dot f0", &point.name);
    }
    sheet.text(&name(rival), (frame.left + frame.right) / 2, frame.bottom + 36, Hold::Middle, "head");
    sheet.height = frame.bottom + 50;
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_point_is_a_dot() {
        let point = |rival, policy| ScatterPoint { name: "week".into(), rival, policy };
        let points = [point(1.0, 2.0), point(-300.0, 900.0), point(f64::NAN, 1.0)];
        let svg = scatter_sheet(&points, "ppo", "fifo", Form::Wide).standalone("t", "d");
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(!svg.contains("NaN"));
    }
}

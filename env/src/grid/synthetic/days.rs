//! Days of a price against what was expected of them: by an offset, and flatter or steeper as a whole.
//!
//! In: values and their expectation by half-hour. Out: offset and steepness of each local day, and what they leave over.
//! Always: a day with less than half its values has neither.
//! Not here: what is expected (`shape.rs`).

use crate::grid::calendar::{LocalStamp, PERIODS_PER_DAY};
use crate::grid::statistics::{correlation, mean, standard_deviation};

/// A day whose expected price over level varies less than this (standard deviation) shows no amplitude.
const FLAT_DAY: f64 = 0.05;
/// Amplitudes of a day's price beyond these are those of a few odd hours.
const AMPLITUDE_LIMITS: (f64, f64) = (-0.5, 4.0);

/// How each local day of a price lies to its expectation: by an offset, and flatter or steeper.
pub(super) struct Days {
    /// Place of each half-hour's local day.
    pub(super) place: Vec<usize>,
    /// Mean of the expectation, by day.
    pub(super) centre: Vec<f64>,
    /// Mean of the values minus that of the expectation, by day.
    pub(super) offset: Vec<f64>,
    /// Slope of the values over the expectation within the day; NaN where the expectation is flat.
    slope: Vec<f64>,
    /// The slope within plausible limits.
    pub(super) amplitude: Vec<f64>,
}

impl Days {
    /// Compares values with their expectation day by day; NaN is a hole.
    pub(super) fn of(values: &[f64], expected: &[f64], local: &[LocalStamp]) -> Self {
        let first = local.first().map_or(0, |stamp| stamp.day);
        let place: Vec<usize> = local.iter().map(|stamp| (stamp.day - first) as usize).collect();
        let count = place.last().map_or(0, |last| last + 1);
        let mut days = Self { centre: Vec::new(), offset: Vec::new(), slope: Vec::new(), amplitude: Vec::new(), place };
        let mut t = 0;
        for day in 0..count {
            let end = t + days.place[t..].iter().take_while(|place| **place == day).count();
            let whole = |t: &usize| !values[*t].is_nan() && !expected[*t].is_nan();
            let (y, x): (Vec<f64>, Vec<f64>) = (t..end).filter(whole).map(|t| (values[t], expected[t])).unzip();
            let enough = x.len() >= PERIODS_PER_DAY / 2;
            let steep = enough && standard_deviation(&x) > FLAT_DAY;
            days.centre.push(if enough { mean(&x) } else { f64::NAN });
            days.offset.push(if enough { mean(&y) - mean(&x) } else { f64::NAN });
            let slope = if steep { line(&x, &y).0 } else { f64::NAN };
            days.slope.push(slope);
            days.amplitude.push(slope.clamp(AMPLITUDE_LIMITS.0, AMPLITUDE_LIMITS.1));
            t = end;
        }
        days
    }

    /// What offset and amplitude leave over.
    pub(super) fn rest(&self, values: &[f64], expected: &[f64]) -> Vec<f64> {
        let amplitude = |day: usize| if self.amplitude[day].is_nan() { 1.0 } else { self.amplitude[day] };
        let explained = |t: usize| {
            let day = self.place[t];
            self.offset[day] + self.centre[day] + amplitude(day) * (expected[t] - self.centre[day])
        };
        values.iter().enumerate().map(|(t, x)| x - explained(t)).collect()
    }

    /// Values without the slope over the expectation that they happen to have within a day; their daily mean stays
    /// unless `centred`.
    ///
    /// Drawn noise goes through it, because offset and steepness of a day are drawn on their own.
    pub(super) fn without_slope(values: &[f64], expected: &[f64], local: &[LocalStamp], centred: bool) -> Vec<f64> {
        let days = Self::of(values, expected, local);
        let value = |t: usize| {
            let day = days.place[t];
            if days.centre[day].is_nan() || days.slope[day].is_nan() {
                return values[t];
            }
            let mean = if centred { days.offset[day] + days.centre[day] } else { 0.0 };
            values[t] - mean - days.slope[day] * (expected[t] - days.centre[day])
        };
        (0..values.len()).map(value).collect()
    }
}

/// Slope and intercept of `y` over `x`.
pub(super) fn line(x: &[f64], y: &[f64]) -> (f64, f64) {
    let both = |t: &usize| !x[*t].is_nan() && !y[*t].is_nan();
    let (xs, ys): (Vec<f64>, Vec<f64>) = (0..x.len()).filter(both).map(|t| (x[t], y[t])).unzip();
    let slope = correlation(&xs, &ys) * standard_deviation(&ys) / standard_deviation(&xs);
    (slope, mean(&ys) - slope * mean(&xs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Period;

    fn expected(t: usize) -> f64 {
        1.0 + 0.5 * (t as f64 * std::f64::consts::TAU / 48.0).sin()
    }

    #[test]
    fn offset_and_steepness_of_a_day_are_found_and_leave_nothing_over() {
        let start: Period = "2023-01-01T00:00:00Z".parse().expect("a period");
        let local: Vec<LocalStamp> = (0..110).map(|t| (start + t).local()).collect();
        let base: Vec<f64> = (0..110).map(expected).collect();
        let steepness = |t: usize| if t < 48 { 2.0 } else { 0.5 };
        let values: Vec<f64> = (0..110).map(|t| 1.0 + steepness(t) * (base[t] - 1.0) + 0.25).collect();
        let days = Days::of(&values, &base, &local);
        assert!((days.amplitude[0] - 2.0).abs() < 1e-9 && (days.amplitude[1] - 0.5).abs() < 1e-9);
        assert!((days.offset[1] - 0.25).abs() < 1e-9);
        // The last day has 14 values of 48: too few to say anything.
        assert!(days.amplitude[2].is_nan() && days.offset[2].is_nan());
        assert!(days.rest(&values, &base)[..96].iter().all(|x| x.abs() < 1e-9));
        let flat = Days::without_slope(&values, &base, &local, true);
        assert!(flat[..96].iter().all(|x| x.abs() < 1e-9) && flat[100] == values[100]);
    }
}

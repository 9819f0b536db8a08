//! The deterministic parts of a synthetic signal: seasonal day profiles, curves, slow regimes, the sun.
//!
//! In: the local clock, a driver, a date. Out: an expected value; or, from data, the parameters that give it.
//! Always: least squares with a trace of ridge, so that a cell without data gives zeros and no fault.
//! Not here: randomness (`noise.rs`).

use crate::grid::calendar::{LocalStamp, PERIODS_PER_DAY, Period};
use crate::grid::statistics::{quantile_of_sorted, sorted};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Annual terms of a profile: constant, and two harmonics.
const ANNUAL_TERMS: usize = 5;

/// Expected value by season, type of day and local half-hour.
///
/// Row `day_type * steps_per_day + step` holds the coefficients of 1, cos, sin, cos 2, sin 2 of the year's angle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeasonalProfile {
    /// 1 = all days alike; 3 = weekday, Saturday, Sunday.
    pub day_types: usize,
    /// 48 half-hours or 24 hours.
    pub steps_per_day: usize,
    /// One row per type of day and step.
    pub coefficients: Vec<[f64; ANNUAL_TERMS]>,
}

impl SeasonalProfile {
    /// The expected value at a moment of the local clock.
    pub fn at(&self, stamp: &LocalStamp) -> f64 {
        let terms = annual_terms(stamp);
        self.coefficients[self.row(stamp)].iter().zip(terms).map(|(c, x)| c * x).sum()
    }

    /// Least squares on values in which NaN is a hole.
    pub fn fit(day_types: usize, steps_per_day: usize, values: &[f64], local: &[LocalStamp]) -> Self {
        let rows = day_types * steps_per_day;
        let mut profile = Self { day_types, steps_per_day, coefficients: vec![[0.0; ANNUAL_TERMS]; rows] };
        let mut systems: Vec<LeastSquares> = (0..rows).map(|_| LeastSquares::new(ANNUAL_TERMS)).collect();
        for (value, stamp) in values.iter().zip(local).filter(|(value, _)| !value.is_nan()) {
            systems[profile.row(stamp)].add(&annual_terms(stamp), *value);
        }
        for (row, system) in profile.coefficients.iter_mut().zip(&systems) {
            row.copy_from_slice(&system.solve());
        }
        profile
    }

    /// Whether a profile read from a file can be used.
    pub fn is_sound(&self) -> bool {
        matches!(self.day_types, 1 | 3)
            && matches!(self.steps_per_day, 24 | 48)
            && self.coefficients.len() == self.day_types * self.steps_per_day
            && self.coefficients.iter().flatten().all(|x| x.is_finite())
    }

    fn row(&self, stamp: &LocalStamp) -> usize {
        let day_type = match (self.day_types, stamp.weekday) {
            (1, _) | (_, 0..=4) => 0,
            (_, 5) => 1,
            _ => 2,
        };
        day_type * self.steps_per_day + usize::from(stamp.half_hour) * self.steps_per_day / PERIODS_PER_DAY
    }
}

fn annual_terms(stamp: &LocalStamp) -> [f64; ANNUAL_TERMS] {
    let angle = TAU * (f64::from(stamp.day_of_year) - 1.0) / 365.25;
    [1.0, angle.cos(), angle.sin(), (2.0 * angle).cos(), (2.0 * angle).sin()]
}

/// A piecewise-linear function; beyond its outermost knots it keeps their values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// Ascending knots of the driver.
    pub knots: Vec<f64>,
    /// Values at the knots.
    pub values: Vec<f64>,
}

/// Shares of the driver's values at which a fitted curve has its knots.
const KNOT_PROBABILITIES: [f64; 13] = [0.001, 0.01, 0.03, 0.08, 0.18, 0.32, 0.5, 0.68, 0.82, 0.92, 0.97, 0.99, 0.999];

impl Curve {
    /// The value at `x`.
    pub fn at(&self, x: f64) -> f64 {
        let (i, part) = self.place(x);
        self.values[i] + (self.values[i + 1] - self.values[i]) * part
    }

    /// Least squares on pairs in which NaN is a hole; knots at fixed quantiles of the driver.
    ///
    /// # Panics
    /// If the driver holds no value.
    pub fn fit(driver: &[f64], values: &[f64]) -> Self {
        let ordered = sorted(driver);
        let knots: Vec<f64> = KNOT_PROBABILITIES.iter().map(|p| quantile_of_sorted(&ordered, *p)).collect();
        let mut curve = Self { values: vec![0.0; knots.len()], knots };
        let mut system = LeastSquares::new(curve.knots.len());
        let mut row = vec![0.0; curve.knots.len()];
        for (x, y) in driver.iter().zip(values).filter(|(x, y)| !x.is_nan() && !y.is_nan()) {
            row.fill(0.0);
            let (i, part) = curve.place(*x);
            row[i] = 1.0 - part;
            row[i + 1] = part;
            system.add(&row, *y);
        }
        curve.values = system.solve();
        curve
    }

    /// The same curve, nowhere below `floor`.
    pub fn at_least(mut self, floor: f64) -> Self {
        self.values.iter_mut().for_each(|y| *y = y.max(floor));
        self
    }

    /// Whether a curve read from a file can be used.
    pub fn is_sound(&self) -> bool {
        let finite = self.knots.iter().chain(&self.values).all(|x| x.is_finite());
        finite && self.knots.len() >= 2 && self.knots.len() == self.values.len() && self.knots.is_sorted()
    }

    fn place(&self, x: f64) -> (usize, f64) {
        let last = self.knots.len() - 1;
        let i = self.knots.partition_point(|knot| *knot <= x).clamp(1, last) - 1;
        let width = self.knots[i + 1] - self.knots[i];
        let part = if width > 0.0 { ((x - self.knots[i]) / width).clamp(0.0, 1.0) } else { 0.0 };
        (i, part)
    }
}

/// A slow regime: one value per quarter of a four-year cycle, linear between the quarters' middles.
///
/// Four years are a whole number of days and keep the seasons; dates outside the fitted span meet the cycle again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regime {
    /// Where the cycle starts.
    pub from: Period,
    /// One value per sixteenth of four years.
    pub values: Vec<f64>,
}

const CYCLE: i64 = 1461 * PERIODS_PER_DAY as i64;
const QUARTERS: usize = 16;

impl Regime {
    /// The value at a period.
    pub fn at(&self, period: Period) -> f64 {
        let place = (period - self.from).rem_euclid(CYCLE) as f64 / CYCLE as f64 * QUARTERS as f64 - 0.5;
        let low = place.floor();
        let value = |i: f64| self.values[(i as i64).rem_euclid(QUARTERS as i64) as usize];
        value(low) + (value(low + 1.0) - value(low)) * (place - low)
    }

    /// Means by quarter of values in which NaN is a hole, from the first one on; a quarter without data gets the overall mean.
    pub fn fit(from: Period, values: &[f64]) -> Self {
        let (mut sum, mut n) = ([0.0; QUARTERS], [0_usize; QUARTERS]);
        for (t, x) in values.iter().enumerate().filter(|(_, x)| !x.is_nan()) {
            let quarter = (t as i64).rem_euclid(CYCLE) as usize * QUARTERS / CYCLE as usize;
            sum[quarter] += x;
            n[quarter] += 1;
        }
        let overall = sum.iter().sum::<f64>() / n.iter().sum::<usize>().max(1) as f64;
        let mean = |q: usize| if n[q] > 0 { sum[q] / n[q] as f64 } else { overall };
        Self { from, values: (0..QUARTERS).map(mean).collect() }
    }

    /// Whether a regime read from a file can be used.
    pub fn is_sound(&self) -> bool {
        self.values.len() == QUARTERS && self.values.iter().all(|x| x.is_finite())
    }
}

/// Height of the sun as the sine of its elevation, in the middle of a half-hour, never below zero.
///
/// Place: 52.2 degrees north, 1.2 degrees west, near the centre of GB's installed solar capacity. Formulae for
/// declination and equation of time: Spencer 1971, first terms.
pub fn sun_height(period: Period) -> f64 {
    let (latitude, longitude) = (52.2_f64.to_radians(), -1.2);
    let day = f64::from(period.utc_day().rem_euclid(1461)) % 365.25;
    let angle = TAU * day / 365.25;
    let declination = 0.006_918 - 0.399_912 * angle.cos() + 0.070_257 * angle.sin() - 0.006_758 * (2.0 * angle).cos()
        + 0.000_907 * (2.0 * angle).sin();
    let equation_minutes = 229.18
        * (0.000_075 + 0.001_868 * angle.cos()
            - 0.032_077 * angle.sin()
            - 0.014_615 * (2.0 * angle).cos()
            - 0.040_849 * (2.0 * angle).sin());
    let solar_hour = f64::from(period.utc_half_hour()) / 2.0 + 0.25 + longitude / 15.0 + equation_minutes / 60.0;
    let hour_angle = TAU * (solar_hour - 12.0) / 24.0;
    let height = latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * hour_angle.cos();
    height.max(0.0)
}

/// Normal equations of a small least-squares problem.
struct LeastSquares {
    terms: usize,
    matrix: Vec<f64>,
    right: Vec<f64>,
    rows: usize,
}

impl LeastSquares {
    fn new(terms: usize) -> Self {
        Self { terms, matrix: vec![0.0; terms * terms], right: vec![0.0; terms], rows: 0 }
    }

    fn add(&mut self, row: &[f64], value: f64) {
        for i in 0..self.terms {
            for j in 0..self.terms {
                self.matrix[i * self.terms + j] += row[i] * row[j];
            }
            self.right[i] += row[i] * value;
        }
        self.rows += 1;
    }

    /// Gaussian elimination with pivoting; the ridge keeps it solvable where data are thin.
    fn solve(&self) -> Vec<f64> {
        let n = self.terms;
        let (mut a, mut b) = (self.matrix.clone(), self.right.clone());
        let ridge = 1e-9 * self.rows as f64 + 1e-12;
        (0..n).for_each(|i| a[i * n + i] += ridge);
        for column in 0..n {
            let size = |row: &usize| a[row * n + column].abs();
            let pivot = (column..n).max_by(|x, y| size(x).total_cmp(&size(y))).expect("there is a row left");
            (0..n).for_each(|j| a.swap(column * n + j, pivot * n + j));
            b.swap(column, pivot);
            for row in column + 1..n {
                let factor = a[row * n + column] / a[column * n + column];
                (column..n).for_each(|j| a[row * n + j] -= factor * a[column * n + j]);
                b[row] -= factor * b[column];
            }
        }
        for row in (0..n).rev() {
            let rest: f64 = (row + 1..n).map(|j| a[row * n + j] * b[j]).sum();
            b[row] = (b[row] - rest) / a[row * n + row];
        }
        b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(text: &str) -> Period {
        text.parse().expect("a period")
    }

    #[test]
    fn a_profile_fitted_to_a_profile_is_that_profile() {
        let rows = (0..3 * 24).map(|i| [f64::from(i), 2.0, -1.0, 0.5, 0.25]).collect();
        let profile = SeasonalProfile { day_types: 3, steps_per_day: 24, coefficients: rows };
        let local: Vec<LocalStamp> = (0..3 * 17_532).map(|t| (period("2020-01-01T00:00:00Z") + t).local()).collect();
        let values: Vec<f64> = local.iter().map(|stamp| profile.at(stamp)).collect();
        let fitted = SeasonalProfile::fit(3, 24, &values, &local);
        for (a, b) in fitted.coefficients.iter().flatten().zip(profile.coefficients.iter().flatten()) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
        assert!(fitted.is_sound());
    }

    #[test]
    fn a_curve_fitted_to_a_line_is_that_line_and_flat_outside() {
        let driver: Vec<f64> = (0..10_000).map(f64::from).collect();
        let values: Vec<f64> = driver.iter().map(|x| 3.0 - 0.5 * x.clamp(10.0, 9_989.0)).collect();
        let curve = Curve::fit(&driver, &values);
        assert!((curve.at(5000.0) + 2497.0).abs() < 0.1, "{}", curve.at(5000.0));
        assert_eq!(curve.at(1e9), curve.at(9_999.0));
        assert!(curve.is_sound());
    }

    #[test]
    fn a_regime_returns_after_four_years_and_is_linear_between() {
        let from = period("2020-01-01T00:00:00Z");
        let regime = Regime { from, values: (0..16).map(f64::from).collect() };
        let quarter = CYCLE / 16;
        // A quarter is an odd number of half-hours: its middle lies half a step further on.
        assert!(regime.at(from + quarter / 2).abs() < 2e-3);
        assert!((regime.at(from + quarter) - 0.5).abs() < 1e-3);
        assert_eq!(regime.at(from + 12_345), regime.at(from + 12_345 + CYCLE));
        assert!(regime.at(from - 1) > 7.0);
    }

    #[test]
    fn the_sun_is_up_at_noon_and_down_at_midnight_and_higher_in_june() {
        let june = sun_height(period("2023-06-21T12:00:00Z"));
        let december = sun_height(period("2023-12-21T12:00:00Z"));
        // Elevation at noon is 90 - latitude +- 23.4 degrees.
        assert!((june - 61.2_f64.to_radians().sin()).abs() < 0.01, "{june}");
        assert!((december - 14.4_f64.to_radians().sin()).abs() < 0.01, "{december}");
        assert_eq!(sun_height(period("2023-06-21T00:00:00Z")), 0.0);
    }
}

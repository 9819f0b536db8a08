//! Ridge regression per group of leads: a line for each, cheap and hard to beat near by.
//!
//! In: rows. Out: coefficients per group. Always: a missing feature counts as its mean; features are cut at five standard
//! deviations, so that no answer runs away. Not here: rows (`rows.rs`), base and scale (`moment.rs`).

use super::features::FIRST_LINEAR;
use super::lead::GROUPS;
use super::rows::Rows;
use serde::{Deserialize, Serialize};

/// Standardised features are cut here.
const CLIP: f64 = 5.0;
/// A feature that varies less is left out.
const LEAST_SPREAD: f64 = 1e-9;

/// How a ridge regression is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RidgeOptions {
    /// Penalty as a share of the rows' weight; features are standardised.
    pub penalty: f64,
    /// Days after which a row counts half.
    pub half_life_days: f64,
}

impl Default for RidgeOptions {
    fn default() -> Self {
        Self { penalty: 0.003, half_life_days: 500.0 }
    }
}

/// Lines of all groups of a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ridge {
    lines: Vec<Option<Line>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    intercept: f64,
    mean: Vec<f64>,
    /// One over the standard deviation; zero where a feature is left out.
    scale: Vec<f64>,
    weight: Vec<f64>,
}

impl Ridge {
    /// Fits every group that has rows.
    pub(super) fn fit(rows: &Rows, options: &RidgeOptions) -> Self {
        use rayon::prelude::*;
        let lines = (0..GROUPS).into_par_iter().map(|group| {
            let of_group: Vec<usize> = (0..rows.len()).filter(|i| rows.groups[*i] == group).collect();
            (of_group.len() > 500).then(|| Line::fit(rows, &of_group, options))
        });
        Self { lines: lines.collect() }
    }

    /// Answer for a row, in units of the scale; `None` where the group was never seen.
    pub(super) fn predict(&self, group: usize, row: &[f64]) -> Option<f64> {
        self.lines[group].as_ref().map(|line| line.predict(row))
    }

    /// Whether the parts fit each other and rows of `width` features.
    pub(super) fn is_sound(&self, width: usize) -> bool {
        let fits =
            |line: &Line| [&line.mean, &line.scale, &line.weight].iter().all(|part| part.len() == width - FIRST_LINEAR);
        self.lines.len() == GROUPS && self.lines.iter().flatten().all(fits)
    }
}

impl Line {
    fn fit(rows: &Rows, of_group: &[usize], options: &RidgeOptions) -> Self {
        let width = rows.width - FIRST_LINEAR;
        let weights: Vec<f64> = of_group
            .iter()
            .map(|i| (-rows.age_days[*i] / options.half_life_days * std::f64::consts::LN_2).exp())
            .collect();
        let (mean, scale) = standard(rows, of_group, &weights, width);
        let total: f64 = weights.iter().sum();
        let intercept = of_group.iter().zip(&weights).map(|(i, w)| w * rows.outcomes[*i]).sum::<f64>() / total;
        let mut matrix = vec![0.0; width * width];
        let mut right = vec![0.0; width];
        let mut x = vec![0.0; width];
        for (i, w) in of_group.iter().zip(&weights) {
            standardise(&rows.row(*i)[FIRST_LINEAR..], &mean, &scale, &mut x);
            let y = rows.outcomes[*i] - intercept;
            for (a, xa) in x.iter().enumerate() {
                let wx = w * xa;
                right[a] += wx * y;
                matrix[a * width..=a * width + a].iter_mut().zip(&x).for_each(|(m, xb)| *m += wx * xb);
            }
        }
        for a in 0..width {
            matrix[a * width + a] += options.penalty * total;
        }
        solve(&mut matrix, &mut right);
        Self { intercept, mean, scale, weight: right }
    }

    fn predict(&self, row: &[f64]) -> f64 {
        let parts = row[FIRST_LINEAR..].iter().zip(&self.mean).zip(&self.scale).zip(&self.weight);
        self.intercept + parts.map(|(((x, mean), scale), weight)| weight * standardised(*x, *mean, *scale)).sum::<f64>()
    }
}

fn standardised(x: f64, mean: f64, scale: f64) -> f64 {
    if x.is_finite() { ((x - mean) * scale).clamp(-CLIP, CLIP) } else { 0.0 }
}

fn standardise(row: &[f64], mean: &[f64], scale: &[f64], out: &mut [f64]) {
    for (((x, mean), scale), out) in row.iter().zip(mean).zip(scale).zip(out) {
        *out = standardised(*x, *mean, *scale);
    }
}

/// Weighted mean, and one over the standard deviation, of what is present.
fn standard(rows: &Rows, of_group: &[usize], weights: &[f64], width: usize) -> (Vec<f64>, Vec<f64>) {
    let mut sums = vec![[0.0_f64; 3]; width];
    for (i, w) in of_group.iter().zip(weights) {
        for (sum, x) in sums.iter_mut().zip(&rows.row(*i)[FIRST_LINEAR..]) {
            if x.is_finite() {
                *sum = [sum[0] + w, sum[1] + w * x, sum[2] + w * x * x];
            }
        }
    }
    let of = |[w, wx, wxx]: &[f64; 3]| {
        let mean = wx / w.max(f64::MIN_POSITIVE);
        let deviation = (wxx / w.max(f64::MIN_POSITIVE) - mean * mean).max(0.0).sqrt();
        (mean, if deviation > LEAST_SPREAD { 1.0 / deviation } else { 0.0 })
    };
    sums.iter().map(of).unzip()
}

/// Solves a symmetric positive definite system by Cholesky's method in place; only the lower triangle is read.
fn solve(matrix: &mut [f64], right: &mut [f64]) {
    let n = right.len();
    for j in 0..n {
        let (above, below) = matrix.split_at_mut((j + 1) * n);
        let row_j = &mut above[j * n..j * n + n];
        let diagonal = (row_j[j] - row_j[..j].iter().map(|x| x * x).sum::<f64>()).max(1e-12).sqrt();
        row_j[j] = diagonal;
        for row_i in below.chunks_exact_mut(n) {
            let inner: f64 = row_i[..j].iter().zip(&row_j[..j]).map(|(a, b)| a * b).sum();
            row_i[j] = (row_i[j] - inner) / diagonal;
        }
    }
    for i in 0..n {
        let inner: f64 = (0..i).map(|k| matrix[i * n + k] * right[k]).sum();
        right[i] = (right[i] - inner) / matrix[i * n + i];
    }
    for i in (0..n).rev() {
        let inner: f64 = (i + 1..n).map(|k| matrix[k * n + i] * right[k]).sum();
        right[i] = (right[i] - inner) / matrix[i * n + i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_solved_fulfils_its_equations() {
        let matrix = [4.0, 0.0, 0.0, 2.0, 5.0, 0.0, 1.0, 3.0, 6.0];
        let full = [[4.0, 2.0, 1.0], [2.0, 5.0, 3.0], [1.0, 3.0, 6.0]];
        let mut right = [1.0, -2.0, 3.0];
        solve(&mut matrix.clone(), &mut right);
        for (row, expected) in full.iter().zip([1.0, -2.0, 3.0]) {
            let found: f64 = row.iter().zip(&right).map(|(a, x)| a * x).sum();
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
    }

    #[test]
    fn a_line_without_noise_is_found_and_a_missing_feature_counts_as_its_mean() {
        let mut rows = Rows { width: FIRST_LINEAR + 2, ..Rows::default() };
        for i in 0..1000 {
            let (a, b) = (f64::from(i % 10), f64::from(i % 7));
            rows.features.extend([1.0, 0.0, 0.0, 0.0, a, b]);
            rows.outcomes.push(0.5 + 0.2 * a - 0.1 * b);
            rows.groups.push(1);
            rows.age_days.push(0.0);
        }
        let ridge = Ridge::fit(&rows, &RidgeOptions { penalty: 1e-9, half_life_days: 1e9 });
        let found = ridge.predict(1, &[1.0, 0.0, 0.0, 0.0, 3.0, 2.0]).expect("fitted");
        assert!((found - 0.9).abs() < 1e-6, "{found}");
        let missing = ridge.predict(1, &[1.0, 0.0, 0.0, 0.0, f64::NAN, 2.0]).expect("fitted");
        assert!((missing - (0.5 + 0.2 * 4.5 - 0.2)).abs() < 1e-6, "{missing}");
        assert_eq!(ridge.predict(12, &[0.0; 6]), None);
    }
}

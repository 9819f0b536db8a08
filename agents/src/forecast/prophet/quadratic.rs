//! The least value of a quadratic with absolute values in some coordinates, found exactly.
//!
//! In: hessian, linear part, penalised coordinates. Out: the minimiser.
//! Always: coordinates that belong at zero are exactly zero; every step lowers the value, so it ends.
//! Not here: where the quadratic comes from (`solver.rs`).
//!
//! Source: feature-sign search, Lee, Battle, Raina and Ng 2006, "Efficient sparse coding algorithms".

use std::ops::Range;

/// `x H x / 2 - b x + penalty * |x|_1` over the penalised coordinates.
pub(super) struct Quadratic {
    /// `H`, symmetric, row by row.
    pub(super) hessian: Vec<f64>,
    /// `b`.
    pub(super) linear: Vec<f64>,
    /// Coordinates whose absolute value is charged.
    pub(super) penalised: Range<usize>,
    /// What a unit of absolute value costs.
    pub(super) penalty: f64,
}

/// A coordinate leaves zero if its slope exceeds the penalty by this share.
const SLOPE_TOLERANCE: f64 = 1e-9;
/// Far more steps than coordinates have ever come and gone.
const MAX_STEPS: usize = 2_000;

impl Quadratic {
    fn size(&self) -> usize {
        self.linear.len()
    }

    fn row(&self, a: usize) -> &[f64] {
        &self.hessian[a * self.size()..(a + 1) * self.size()]
    }

    pub(super) fn value(&self, x: &[f64]) -> f64 {
        let smooth: f64 = (0..self.size()).map(|a| x[a] * (0.5 * dot(self.row(a), x) - self.linear[a])).sum();
        smooth + self.penalty * x[self.penalised.clone()].iter().map(|v| v.abs()).sum::<f64>()
    }

    /// Slope of the smooth part.
    pub(super) fn slope(&self, x: &[f64], a: usize) -> f64 {
        dot(self.row(a), x) - self.linear[a]
    }
}

/// The minimiser, from a start; `None` if the hessian is singular where it matters, or not finite.
pub(super) fn minimise(problem: &Quadratic, start: &[f64]) -> Option<Vec<f64>> {
    let mut x = start.to_vec();
    let mut sign = vec![0.0; x.len()];
    for a in problem.penalised.clone() {
        sign[a] = if x[a] == 0.0 { 0.0 } else { x[a].signum() };
    }
    for _ in 0..MAX_STEPS {
        let settled = descend(problem, &mut x, &mut sign)?;
        if !settled {
            continue;
        }
        match steepest_zero(problem, &x, &sign) {
            Some((a, toward)) => sign[a] = toward,
            None => return Some(x),
        }
    }
    Some(x)
}

/// The coordinate at zero that most wants to leave it, and which way.
fn steepest_zero(problem: &Quadratic, x: &[f64], sign: &[f64]) -> Option<(usize, f64)> {
    let least = problem.penalty * (1.0 + SLOPE_TOLERANCE);
    let mut best: Option<(usize, f64)> = None;
    for a in problem.penalised.clone().filter(|a| sign[*a] == 0.0) {
        let slope = problem.slope(x, a);
        if slope.abs() > best.map_or(least, |(_, s)| s.abs()) {
            best = Some((a, slope));
        }
    }
    best.map(|(a, slope)| (a, -slope.signum()))
}

/// One step: to the minimiser for the present signs, or to the best point on the way where a sign changes.
///
/// True if the step went all the way, so that the free coordinates have settled.
fn descend(problem: &Quadratic, x: &mut Vec<f64>, sign: &mut [f64]) -> Option<bool> {
    let penalised = |a: &usize| problem.penalised.contains(a);
    let free: Vec<usize> = (0..x.len()).filter(|a| !penalised(a) || sign[*a] != 0.0).collect();
    let target = solve_free(problem, &free, sign)?;
    let mut crossings: Vec<f64> = free
        .iter()
        .filter(|a| penalised(a) && x[**a] != 0.0 && x[**a].signum() != target[**a].signum())
        .map(|a| x[*a] / (x[*a] - target[*a]))
        .filter(|s| (0.0..1.0).contains(s))
        .collect();
    // A coordinate that has just left zero must move the way its slope says; if it does not, it goes back.
    let wrong = free.iter().copied().find(|a| penalised(a) && x[*a] == 0.0 && target[*a] * sign[*a] < 0.0);
    if let Some(a) = wrong {
        sign[a] = 0.0;
        return Some(true);
    }
    crossings.sort_by(f64::total_cmp);
    let at = |s: f64| -> Vec<f64> { x.iter().zip(&target).map(|(from, to)| from + s * (to - from)).collect() };
    let (mut best_value, mut best, mut whole) = (problem.value(&target), target.clone(), true);
    for s in crossings {
        let mut point = at(s);
        for a in free.iter().filter(|a| penalised(a)) {
            let crosses = x[*a] != 0.0 && (x[*a] / (x[*a] - target[*a]) - s).abs() < 1e-15;
            if crosses {
                point[*a] = 0.0;
            }
        }
        let value = problem.value(&point);
        if value < best_value {
            (best_value, best, whole) = (value, point, false);
        }
    }
    for a in problem.penalised.clone() {
        // A sign given to a coordinate that has not moved yet stays until it has.
        if best[a] != 0.0 {
            whole &= sign[a] == best[a].signum();
            sign[a] = best[a].signum();
        } else if whole || x[a] != 0.0 {
            sign[a] = 0.0;
        }
    }
    *x = best;
    Some(whole)
}

/// The minimiser over the free coordinates with their signs held; the others stay at zero.
fn solve_free(problem: &Quadratic, free: &[usize], sign: &[f64]) -> Option<Vec<f64>> {
    let n = free.len();
    // Columns of the design differ by orders of magnitude; a unit diagonal keeps the factor accurate.
    let scale: Vec<f64> = free.iter().map(|a| problem.row(*a)[*a].max(f64::MIN_POSITIVE).sqrt()).collect();
    let mut factor = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            factor[i * n + j] = problem.row(free[i])[free[j]] / (scale[i] * scale[j]);
        }
    }
    let right: Vec<f64> =
        free.iter().zip(&scale).map(|(a, s)| (problem.linear[*a] - problem.penalty * sign[*a]) / s).collect();
    cholesky(&mut factor, n)?;
    let scaled = solve_factored(&factor, n, right);
    let mut x = vec![0.0; problem.size()];
    for ((a, v), s) in free.iter().zip(scaled).zip(&scale) {
        x[*a] = v / s;
    }
    x.iter().all(|v| v.is_finite()).then_some(x)
}

/// Factors a symmetric positive matrix in place, lower triangle; `None` if it is not positive.
pub(super) fn cholesky(a: &mut [f64], n: usize) -> Option<()> {
    for i in 0..n {
        for j in 0..=i {
            let sum = a[i * n + j] - dot(&a[i * n..i * n + j], &a[j * n..j * n + j]);
            if i == j {
                if sum.is_nan() || sum <= 0.0 {
                    return None;
                }
                a[i * n + i] = sum.sqrt();
            } else {
                a[i * n + j] = sum / a[j * n + j];
            }
        }
    }
    Some(())
}

/// Solves with a factor of [`cholesky`].
pub(super) fn solve_factored(factor: &[f64], n: usize, mut x: Vec<f64>) -> Vec<f64> {
    for i in 0..n {
        x[i] = (x[i] - dot(&factor[i * n..i * n + i], &x[..i])) / factor[i * n + i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| factor[j * n + i] * x[j]).sum();
        x[i] = (x[i] - known) / factor[i * n + i];
    }
    x
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hessian `A'A + 0.1 I` of fixed pseudo-random numbers.
    fn problem(size: usize, penalty: f64) -> Quadratic {
        let mut state = 7_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        let a: Vec<f64> = (0..size * size).map(|_| draw()).collect();
        let mut hessian = vec![0.0; size * size];
        for i in 0..size {
            for j in 0..size {
                hessian[i * size + j] =
                    (0..size).map(|k| a[k * size + i] * a[k * size + j]).sum::<f64>() + if i == j { 0.1 } else { 0.0 };
            }
        }
        let linear = (0..size).map(|_| 4.0 * draw()).collect();
        Quadratic { hessian, linear, penalised: 2..size, penalty }
    }

    #[test]
    fn slopes_are_zero_for_free_coordinates_and_within_the_penalty_at_zero() {
        for (size, penalty) in [(5, 0.3), (12, 0.3), (30, 0.05), (30, 0.5), (30, 5.0)] {
            let problem = problem(size, penalty);
            for start in [vec![0.0; size], vec![1.0; size], vec![-0.3; size]] {
                let x = minimise(&problem, &start).expect("the hessian is positive");
                for a in 0..size {
                    let slope = problem.slope(&x, a);
                    match (problem.penalised.contains(&a), x[a] == 0.0) {
                        (false, _) => assert!(slope.abs() < 1e-9, "{size} {penalty} {a}: {slope}"),
                        (true, true) => assert!(slope.abs() <= penalty * (1.0 + 1e-8), "{size} {penalty} {a}: {slope}"),
                        (true, false) => assert!((slope + penalty * x[a].signum()).abs() < 1e-9, "{a}: {slope}"),
                    }
                }
            }
        }
    }

    #[test]
    fn a_high_price_leaves_every_penalised_coordinate_at_zero() {
        let problem = problem(12, 1e3);
        let x = minimise(&problem, &[1.0; 12]).expect("the hessian is positive");
        assert!(x[2..].iter().all(|v| *v == 0.0) && x[0] != 0.0);
    }

    #[test]
    fn a_singular_hessian_is_refused() {
        let problem = Quadratic { hessian: vec![1.0; 4], linear: vec![1.0, 2.0], penalised: 2..2, penalty: 1.0 };
        assert!(minimise(&problem, &[0.0; 2]).is_none());
    }
}

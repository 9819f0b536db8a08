//! Densities of one continuous dimension, on the host.
//!
//! In: a distribution's parameters and a raw action. Out: the logarithm of the density of the action as it is sent.
//! Always: nothing overflows where the parameters are finite; only this crate's own functions, hence the same bits on
//! every machine. Not here: the same on tensors (`ppo/distribution.rs`).

use super::math::{beta_ln, exp, ln, softplus, tanh};

const HALF_LN_TAU: f32 = 0.918_938_5;

/// Raw actions of a beta distribution keep this distance from 0 and 1, where the density may be zero.
pub(super) const BETA_EDGE: f32 = 1e-6;

/// Logarithm of the normal density.
pub(super) fn normal(x: f32, mean: f32, log_std: f32) -> f32 {
    let z = (x - mean) * exp(-log_std);
    -(0.5 * z * z + log_std + HALF_LN_TAU)
}

/// Logarithm of the slope of the hyperbolic tangent, `ln(1 - tanh(u)^2)`, which does not cancel at large `u`.
pub(super) fn tanh_slope_ln(u: f32) -> f32 {
    2.0 * (std::f32::consts::LN_2 - u - softplus(-2.0 * u))
}

/// Logarithm of the density of `low + (high - low) (tanh(u) + 1) / 2` where `u` is normal.
pub(super) fn squashed(u: f32, mean: f32, log_std: f32, range: f32) -> f32 {
    normal(u, mean, log_std) - tanh_slope_ln(u) - ln(0.5 * range)
}

/// Parameter of a beta distribution: above 1, so that the density has one peak and no pole.
pub(super) fn concentration(x: f32) -> f32 {
    1.0 + softplus(x)
}

/// Logarithm of the density of `low + (high - low) x` where `x` has the beta distribution.
pub(super) fn beta(x: f32, alpha: f32, beta: f32, range: f32) -> f32 {
    (alpha - 1.0) * ln(x) + (beta - 1.0) * ln(1.0 - x) - beta_ln(alpha, beta) - ln(range)
}

/// A squashed raw action in the environment's units.
pub(super) fn squash(u: f32, low: f32, high: f32) -> f32 {
    low + 0.5 * (high - low) * (tanh(u) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Integral of a density over its range by the trapezoid rule.
    fn integral(from: f64, to: f64, density: impl Fn(f32) -> f64) -> f64 {
        let n = 20_000;
        let step = (to - from) / f64::from(n);
        let at = |i: i32| density((from + f64::from(i) * step) as f32);
        step * ((1..n).map(at).sum::<f64>() + 0.5 * (at(0) + at(n)))
    }

    #[test]
    fn every_density_integrates_to_one_over_the_range_of_the_action() {
        for (mean, log_std) in [(0.0, 0.0), (0.8, -1.0), (-1.5, 0.3)] {
            // With a = -3 + 5 (tanh u + 1) / 2: da = 2.5 slope du.
            let total = integral(-12.0, 12.0, |u| {
                f64::from(squashed(u, mean, log_std, 5.0) + tanh_slope_ln(u) + 2.5f32.ln()).exp()
            });
            assert!((total - 1.0).abs() < 1e-5, "squashed: {total}");
        }
        for (a, b) in [(1.0, 1.0), (1.3, 4.0), (30.0, 2.5), (200.0, 150.0)] {
            let total = integral(0.0, 1.0, |x| {
                if x <= 0.0 || x >= 1.0 {
                    return if a == b && a == 1.0 { 1.0 } else { 0.0 };
                }
                5.0 * f64::from(beta(x, a, b, 5.0)).exp()
            });
            assert!((total - 1.0).abs() < 1e-3, "beta {a} {b}: {total}");
        }
    }

    #[test]
    fn far_out_the_squashed_density_stays_finite_and_follows_the_exact_slope() {
        for u in [0.0f32, 1e-3, 0.5, 3.0, -8.0, 20.0, -80.0] {
            let exact = -2.0 * f64::from(u).abs() + 4f64.ln() - 2.0 * (-2.0 * f64::from(u).abs()).exp().ln_1p();
            let found = f64::from(tanh_slope_ln(u));
            assert!((found - exact).abs() < 2e-6 * (1.0 + exact.abs()), "at {u}: {found}, {exact}");
        }
    }
}

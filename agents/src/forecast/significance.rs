//! Whether one forecast is better than another, or was lucky: the test of Diebold and Mariano.
//!
//! In: losses of two forecasts of the same days. Out: statistic and two-sided probability.
//! Always: variance as Newey and West have it (Bartlett weights), the small-sample correction of Harvey, Leybourne and
//! Newbold (1997), Student's t. Not here: losses (`backtest.rs`).

use serde::{Deserialize, Serialize};

/// Outcome of a test; positive where the second forecast is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DieboldMariano {
    /// Statistic.
    pub statistic: f64,
    /// Probability of so large a difference, either way, if both were equally good.
    pub p: f64,
    /// Number of losses.
    pub n: usize,
}

/// Compares losses day by day; `None` with fewer than ten of them, or without any difference.
pub fn diebold_mariano(losses: &[f64], of_other: &[f64]) -> Option<DieboldMariano> {
    let differences: Vec<f64> = losses.iter().zip(of_other).map(|(a, b)| a - b).filter(|d| d.is_finite()).collect();
    let n = differences.len();
    if n < 10 {
        return None;
    }
    let lags = (n as f64).cbrt().floor() as usize;
    let (mean, error) = mean_and_error(&differences, lags)?;
    let (size, horizon) = (n as f64, (lags + 1) as f64);
    let correction = ((size + 1.0 - 2.0 * horizon + horizon * (horizon - 1.0) / size) / size).sqrt();
    let statistic = correction * mean / error;
    Some(DieboldMariano { statistic, p: two_sided(statistic, size - 1.0), n })
}

/// Mean of differences that depend on each other over so many lags, and its standard error (Newey and West 1987, Bartlett's
/// weights); `None` where they do not vary.
pub(super) fn mean_and_error(differences: &[f64], lags: usize) -> Option<(f64, f64)> {
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let covariance = |lag: usize| {
        let pairs = differences[lag..].iter().zip(differences);
        pairs.map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / n
    };
    let weighted = |lag: usize| 2.0 * (1.0 - lag as f64 / (lags + 1) as f64) * covariance(lag);
    let variance = covariance(0) + (1..=lags).map(weighted).sum::<f64>();
    (variance > 0.0).then(|| (mean, (variance / n).sqrt()))
}

/// Two-sided probability of Student's t.
fn two_sided(t: f64, freedom: f64) -> f64 {
    incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + t * t))
}

/// Regularised incomplete beta function by its continued fraction (Lentz's method).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front = (a * x.ln() + b * (1.0 - x).ln() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    let tiny = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let (mut c, mut d) = (1.0, 1.0 / tiny(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..300 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for term in [even, odd] {
            d = 1.0 / tiny(1.0 + term * d);
            c = tiny(1.0 + term / c);
            fraction *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-14 {
            break;
        }
    }
    front * fraction
}

/// Logarithm of the gamma function by Stirling's series, shifted to where it converges.
fn ln_gamma(x: f64) -> f64 {
    let (mut shift, mut z) = (0.0, x);
    while z < 10.0 {
        shift -= z.ln();
        z += 1.0;
    }
    let series = 1.0 / (12.0 * z) - 1.0 / (360.0 * z.powi(3)) + 1.0 / (1260.0 * z.powi(5));
    shift + (z - 0.5) * z.ln() - z + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_probabilities_are_those_of_tables() {
        assert!((two_sided(2.228_138_85, 10.0) - 0.05).abs() < 1e-8);
        assert!((two_sided(1.986_675, 90.0) - 0.05).abs() < 2e-5);
        assert!((two_sided(-1.0, 1.0) - 0.5).abs() < 1e-10);
    }

    #[test]
    fn a_forecast_that_is_always_a_little_better_is_better_and_a_lucky_one_is_not() {
        let noise = |i: usize| ((i * 7919 + 13) % 101) as f64 / 101.0 - 0.5;
        let base: Vec<f64> = (0..91).map(|i| 5.0 + noise(i)).collect();
        let better: Vec<f64> = base.iter().enumerate().map(|(i, x)| x - 0.5 - 0.3 * noise(i * 3 + 1)).collect();
        let test = diebold_mariano(&base, &better).expect("they differ");
        assert!(test.statistic > 5.0 && test.p < 1e-5 && test.n == 91, "{test:?}");
        let lucky: Vec<f64> = base.iter().enumerate().map(|(i, x)| x - noise(i * 5 + 2)).collect();
        assert!(diebold_mariano(&base, &lucky).expect("they differ").p > 0.05);
        let (ab, ba) = (diebold_mariano(&base, &better), diebold_mariano(&better, &base));
        assert_eq!(ab.map(|t| t.statistic), ba.map(|t| -t.statistic));
        assert_eq!(diebold_mariano(&base, &base), None);
    }
}

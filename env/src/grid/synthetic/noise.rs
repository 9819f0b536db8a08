//! Coloured noise with a fitted marginal: the random part of every synthetic signal.
//!
//! In: a stream and a number of steps, or a series to learn from. Out: noise, or its parameters.
//! Always: a sum of a slow and a fast autoregressive process, mapped onto quantiles of the learnt values; where asked,
//! times a size that changes from day to day.
//! Not here: what the noise is added to (`generate.rs`).

use crate::core::StreamRng;
use crate::grid::statistics::{autocorrelation, mean, quantile_of_sorted, sorted};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// Normal scores at which a marginal is written down: -4.25, -4, .. 4.25.
const SCORES: usize = 35;
const SCORE_STEP: f64 = 0.25;
const LOWEST_SCORE: f64 = -4.25;
/// A day never counts as smaller than this share of the mean day.
const SMALLEST_VOLATILITY: f64 = 0.05;
/// Lags, in steps, at which the memory is fitted.
const LAGS: [usize; 8] = [1, 2, 4, 8, 16, 24, 48, 96];

/// Memory and marginal of one noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Values at the normal scores -4.25, -4, .. 4.25; ascending.
    pub marginal: Vec<f64>,
    /// How it remembers.
    pub memory: Memory,
    /// Calm and wild days; the marginal is then that of the noise over the day's size.
    pub volatility: Option<Volatility>,
}

/// Size of a noise from day to day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volatility {
    /// Logarithm of the day's mean absolute noise, at the normal scores.
    pub marginal: Vec<f64>,
    /// How it remembers, in days.
    pub memory: Memory,
}

/// Memory of a noise: the sum of a slow and a fast autoregressive process of standard normal scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Share of the slow process in the variance, `0..=1`.
    pub slow_share: f64,
    /// The slow process.
    pub slow: Process,
    /// The fast process.
    pub fast: Process,
}

/// An autoregressive process of unit variance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Root of the process per step, in `[0, 1)`.
    pub root: f64,
    /// Whether the root is double: AR(2), whose paths are smooth like weather; else AR(1).
    pub smooth: bool,
}

impl Process {
    /// Autocorrelation at a lag in steps.
    pub fn at(&self, lag: usize) -> f64 {
        let decay = self.root.powi(lag as i32);
        if self.smooth { decay * (1.0 + lag as f64 * self.curvature()) } else { decay }
    }

    fn curvature(&self) -> f64 {
        let square = self.root * self.root;
        (1.0 - square) / (1.0 + square)
    }

    /// A stationary path.
    fn path(&self, steps: usize, rng: &mut StreamRng) -> Vec<f64> {
        let mut normal = || -> f64 { StandardNormal.sample(rng) };
        let (r, first) = (self.root, self.at(1));
        let square = r * r;
        let (a, b, shock) = if self.smooth {
            (2.0 * r, -square, ((1.0 - square).powi(3) / (1.0 + square)).sqrt())
        } else {
            (r, 0.0, (1.0 - square).sqrt())
        };
        let mut before = normal();
        let mut now = first * before + (1.0 - first * first).sqrt() * normal();
        let mut path = Vec::with_capacity(steps);
        for _ in 0..steps {
            path.push(now);
            (before, now) = (now, a * now + b * before + shock * normal());
        }
        path
    }
}

impl Memory {
    /// No memory at all.
    pub const NONE: Self = Self {
        slow_share: 0.0,
        slow: Process { root: 0.0, smooth: false },
        fast: Process { root: 0.0, smooth: false },
    };

    /// Standard normal scores with this memory.
    pub fn scores(&self, steps: usize, rng: &mut StreamRng) -> Vec<f64> {
        let (slow, fast) = (self.slow.path(steps, rng), self.fast.path(steps, rng));
        let weights = (self.slow_share.sqrt(), (1.0 - self.slow_share).sqrt());
        slow.iter().zip(&fast).map(|(slow, fast)| weights.0 * slow + weights.1 * fast).collect()
    }

    /// The memory that gives values of this marginal the autocorrelation of `values`, in which NaN is a hole.
    ///
    /// Heavy tails weaken autocorrelation, so the scores must remember more than the values do.
    pub fn fit(values: &[f64], marginal: &[f64]) -> Self {
        let shares = hermite_shares(marginal);
        let found = LAGS.map(|lag| score_correlation(&shares, autocorrelation(values, lag)));
        // Half-lives of three weeks down to a tenth of a step, each with a single and a double root.
        let roots = (0..38).map(|i| 0.5_f64.powf(1.0 / (1008.0 * 0.78_f64.powi(i))));
        let candidates: Vec<Process> =
            roots.flat_map(|root| [false, true].map(|smooth| Process { root, smooth })).collect();
        let shapes: Vec<[f64; LAGS.len()]> = candidates.iter().map(|p| LAGS.map(|lag| p.at(lag))).collect();
        let (mut best, mut least) = ((0, 0, 0.0), f64::INFINITY);
        for slow in 0..candidates.len() {
            for fast in slow..candidates.len() {
                let (share, error) = best_share(&shapes[slow], &shapes[fast], &found);
                if error < least {
                    (best, least) = ((slow, fast, share), error);
                }
            }
        }
        Self { slow_share: best.2, slow: candidates[best.0], fast: candidates[best.1] }
    }

    /// Autocorrelation at a lag in steps.
    pub fn at(&self, lag: usize) -> f64 {
        self.slow_share * self.slow.at(lag) + (1.0 - self.slow_share) * self.fast.at(lag)
    }

    /// Whether a memory read from a file can be used.
    pub(super) fn is_sound(&self) -> bool {
        (0.0..=1.0).contains(&self.slow_share)
            && [self.slow, self.fast].iter().all(|process| (0.0..1.0).contains(&process.root))
    }
}

/// Highest order of the Hermite expansion of a marginal.
const HERMITE_ORDERS: usize = 16;

/// Shares of the marginal's variance in the Hermite polynomials of its score, from order 1 on.
fn hermite_shares(marginal: &[f64]) -> [f64; HERMITE_ORDERS] {
    let mut coefficients = [0.0; HERMITE_ORDERS];
    const STEP: f64 = 0.02;
    for k in -300..=300 {
        let z = f64::from(k) * STEP;
        let mass = STEP * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
        // Normalised polynomials: h0 = 1, h1 = z, h(n+1) = (z h(n) - sqrt(n) h(n-1)) / sqrt(n+1).
        let (mut before, mut now) = (1.0, z);
        for (n, coefficient) in coefficients.iter_mut().enumerate() {
            *coefficient += mass * value_at(marginal, z) * now;
            let order = (n + 1) as f64;
            (before, now) = (now, (z * now - order.sqrt() * before) / (order + 1.0).sqrt());
        }
    }
    let variance: f64 = coefficients.iter().map(|c| c * c).sum();
    coefficients.map(|c| if variance > 0.0 { c * c / variance } else { 0.0 })
}

/// Correlation that normal scores need for their values to have the correlation `wanted`.
fn score_correlation(shares: &[f64; HERMITE_ORDERS], wanted: f64) -> f64 {
    if wanted.is_nan() || wanted <= 0.0 {
        return wanted;
    }
    let value = |r: f64| shares.iter().rev().fold(0.0, |sum, share| (sum + share) * r);
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if value(middle) < wanted { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The share of the slow shape that brings the mixture nearest to `found`, and its squared error.
fn best_share(slow: &[f64; LAGS.len()], fast: &[f64; LAGS.len()], found: &[f64; LAGS.len()]) -> (f64, f64) {
    let known = || (0..LAGS.len()).filter(|i| found[*i].is_finite());
    let (mut top, mut bottom) = (0.0, 0.0);
    for i in known() {
        top += weight(LAGS[i]) * (found[i] - fast[i]) * (slow[i] - fast[i]);
        bottom += weight(LAGS[i]) * (slow[i] - fast[i]).powi(2);
    }
    let share = if bottom > 0.0 { (top / bottom).clamp(0.0, 1.0) } else { 0.0 };
    let mixture = |i: usize| share * slow[i] + (1.0 - share) * fast[i];
    (share, known().map(|i| weight(LAGS[i]) * (mixture(i) - found[i]).powi(2)).sum())
}

/// The first step and the day matter most to a decision.
fn weight(lag: usize) -> f64 {
    match lag {
        1 => 4.0,
        24 | 48 => 2.0,
        _ => 1.0,
    }
}

impl Noise {
    /// `steps` values, `steps_per_day` of them a day.
    pub fn sample(&self, steps: usize, steps_per_day: usize, rng: &mut StreamRng) -> Vec<f64> {
        let scores = self.memory.scores(steps, rng);
        self.from_scores(&scores, steps_per_day, rng)
    }

    /// The values of given normal scores; calm and wild days are drawn.
    pub fn from_scores(&self, scores: &[f64], steps_per_day: usize, rng: &mut StreamRng) -> Vec<f64> {
        match &self.volatility {
            None => scores.iter().map(|score| self.value(*score)).collect(),
            Some(volatility) => {
                let days = volatility.memory.scores(days_of(scores.len(), steps_per_day), rng);
                self.from_scores_and_days(scores, &days, steps_per_day)
            }
        }
    }

    /// The values of given normal scores on days of given scores of their size.
    pub fn from_scores_and_days(&self, scores: &[f64], days: &[f64], steps_per_day: usize) -> Vec<f64> {
        let mut values: Vec<f64> = scores.iter().map(|score| self.value(*score)).collect();
        if let Some(volatility) = &self.volatility {
            let size = volatility.sizes(days, values.len(), steps_per_day);
            values.iter_mut().zip(size).for_each(|(x, size)| *x *= size);
        }
        values
    }

    /// The value at a normal score, in sizes of the day where the noise has volatility; beyond the outermost scores, their values.
    pub fn value(&self, score: f64) -> f64 {
        value_at(&self.marginal, score)
    }

    /// The normal score of a value without volatility.
    pub fn score(&self, value: f64) -> f64 {
        score_at(&self.marginal, value)
    }

    /// Learns memory and marginal of a series in which NaN is a hole.
    ///
    /// # Panics
    /// If the series holds no value.
    pub fn fit(values: &[f64]) -> Self {
        let marginal = fit_marginal(values);
        Self { memory: Memory::fit(values, &marginal), marginal, volatility: None }
    }

    /// As [`Noise::fit`], with calm and wild days; also gives the scores of the series and those of its days.
    ///
    /// # Panics
    /// If the series holds no value.
    pub fn fit_clustered(values: &[f64], steps_per_day: usize) -> (Self, Vec<f64>, Vec<f64>) {
        let (volatility, size, days) = Volatility::fit(values, steps_per_day);
        let even: Vec<f64> = values.iter().zip(&size).map(|(x, size)| x / size).collect();
        let marginal = fit_marginal(&even);
        let scores = even.iter().map(|x| score_at(&marginal, *x)).collect();
        // The memory of the values themselves: wild days count as they cost.
        let memory = Memory::fit(values, &marginal);
        let marginal = evened(marginal, values, &even, &size);
        let noise = Self { marginal, memory, volatility: Some(volatility) };
        (noise, scores, days)
    }

    /// Whether a noise read from a file can be used.
    pub(super) fn is_sound(&self) -> bool {
        let volatility = |v: &Volatility| v.memory.is_sound() && marginal_is_sound(&v.marginal);
        self.memory.is_sound() && marginal_is_sound(&self.marginal) && self.volatility.as_ref().is_none_or(volatility)
    }
}

impl Volatility {
    /// Size at each step from the scores of the days, linear between days in its logarithm.
    pub fn sizes(&self, days: &[f64], steps: usize, steps_per_day: usize) -> Vec<f64> {
        let daily: Vec<f64> = days.iter().map(|score| value_at(&self.marginal, *score)).collect();
        between_days(&daily, steps, steps_per_day)
    }

    /// Learns the size of a series from day to day; also gives the size at each step and the scores of the days.
    ///
    /// # Panics
    /// If the series holds no value.
    pub fn fit(values: &[f64], steps_per_day: usize) -> (Self, Vec<f64>, Vec<f64>) {
        let size: Vec<f64> = values.iter().map(|x| x.abs()).collect();
        let overall = mean(&size);
        let day = |chunk: &[f64]| {
            let seen = chunk.iter().filter(|x| !x.is_nan()).count();
            if 2 * seen < steps_per_day { f64::NAN } else { mean(chunk).max(SMALLEST_VOLATILITY * overall).ln() }
        };
        let logs: Vec<f64> = size.chunks(steps_per_day).map(day).collect();
        let marginal = fit_marginal(&logs);
        let scores: Vec<f64> = logs.iter().map(|x| score_at(&marginal, *x)).collect();
        // A day without values is as large as the mean day; its steps are holes anyway, or few.
        let mut daily: Vec<f64> = logs.iter().map(|x| if x.is_nan() { overall.ln() } else { *x }).collect();
        daily.push(overall.ln());
        // The size of a day belongs to its middle.
        let half = steps_per_day / 2;
        let at_steps = between_days(&daily, values.len(), steps_per_day);
        let shifted = (0..values.len()).map(|t| at_steps[t.saturating_sub(half)]).collect();
        (Self { memory: Memory::fit(&logs, &marginal), marginal }, shifted, scores)
    }
}

/// A marginal of `even` values scaled so that, drawn apart from the sizes, it gives the mean magnitude of `values`.
///
/// Within a wild day the wild hours have a large share in its size; drawn apart they would come out too wild.
pub(super) fn evened(marginal: Vec<f64>, values: &[f64], even: &[f64], size: &[f64]) -> Vec<f64> {
    let magnitude = |values: &[f64]| mean(&values.iter().map(|x| x.abs()).collect::<Vec<f64>>());
    let factor = magnitude(values) / (magnitude(even) * mean(size));
    marginal.into_iter().map(|x| x * factor).collect()
}

/// Days whose sizes are needed for a number of steps: each step lies between two of them.
pub(super) fn days_of(steps: usize, steps_per_day: usize) -> usize {
    steps / steps_per_day + 2
}

/// Scores of correlation `correlation` with `parent`, and otherwise `own`.
pub(super) fn mixed(correlation: f64, parent: &[f64], own: &[f64]) -> Vec<f64> {
    let weight = (1.0 - correlation * correlation).max(0.0).sqrt();
    parent.iter().zip(own).map(|(parent, own)| correlation * parent + weight * own).collect()
}

/// Exponentials of daily logarithms, linear between the starts of the days.
fn between_days(daily_logs: &[f64], steps: usize, steps_per_day: usize) -> Vec<f64> {
    let at = |t: usize| {
        let (day, part) = (t / steps_per_day, (t % steps_per_day) as f64 / steps_per_day as f64);
        let next = daily_logs[(day + 1).min(daily_logs.len() - 1)];
        (daily_logs[day] + (next - daily_logs[day]) * part).exp()
    };
    (0..steps).map(at).collect()
}

/// Values at the normal scores -4.25, -4, .. 4.25 of a series in which NaN is a hole.
///
/// # Panics
/// If the series holds no value.
pub(super) fn fit_marginal(values: &[f64]) -> Vec<f64> {
    let sorted = sorted(values);
    (0..SCORES).map(|k| quantile_of_sorted(&sorted, normal_cdf(LOWEST_SCORE + SCORE_STEP * k as f64))).collect()
}

/// The value of a marginal at a normal score.
pub(super) fn value_at(marginal: &[f64], score: f64) -> f64 {
    let place = ((score - LOWEST_SCORE) / SCORE_STEP).clamp(0.0, (marginal.len() - 1) as f64);
    let low = (place.floor() as usize).min(marginal.len() - 2);
    marginal[low] + (marginal[low + 1] - marginal[low]) * (place - low as f64)
}

/// The normal score of a value under a marginal; NaN stays NaN.
pub(super) fn score_at(marginal: &[f64], value: f64) -> f64 {
    if value.is_nan() {
        return f64::NAN;
    }
    let above = marginal.partition_point(|x| *x < value).clamp(1, marginal.len() - 1);
    let (low, high) = (marginal[above - 1], marginal[above]);
    let part = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
    LOWEST_SCORE + SCORE_STEP * ((above - 1) as f64 + part)
}

/// Whether a marginal read from a file can be sampled.
pub(super) fn marginal_is_sound(marginal: &[f64]) -> bool {
    marginal.len() == SCORES && marginal.iter().all(|x| x.is_finite()) && marginal.is_sorted()
}

/// Standard normal distribution function by its power series around zero (Marsaglia 2004), exact to 1e-12 up to |z| = 5.
fn normal_cdf(z: f64) -> f64 {
    let (mut sum, mut term, mut i) = (z, z, 1.0);
    while term.abs() > 1e-17 {
        i += 2.0;
        term *= z * z / i;
        sum += term;
    }
    0.5 + sum * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::SeedTree;
    use crate::grid::statistics::standard_deviation;

    #[test]
    fn the_normal_distribution_function_has_its_textbook_values() {
        for (z, p) in [(0.0, 0.5), (1.0, 0.841_344_746), (-1.96, 0.024_997_895), (3.0, 0.998_650_102)] {
            assert!((normal_cdf(z) - p).abs() < 1e-8, "{z}");
        }
    }

    #[test]
    fn value_and_score_are_inverse_on_a_marginal() {
        let marginal: Vec<f64> = (0..SCORES).map(|k| (k as f64 - 10.0).powi(3)).collect();
        for score in [-4.0, -1.3, 0.0, 2.2] {
            assert!((score_at(&marginal, value_at(&marginal, score)) - score).abs() < 1e-9);
        }
        assert_eq!(value_at(&marginal, 99.0), marginal[SCORES - 1]);
        assert!(score_at(&marginal, f64::NAN).is_nan());
    }

    fn normal_marginal(centre: f64, spread: f64) -> Vec<f64> {
        (0..SCORES).map(|k| centre + spread * (LOWEST_SCORE + SCORE_STEP * k as f64)).collect()
    }

    #[test]
    fn a_heavy_tail_weakens_correlation_as_the_lognormal_formula_says() {
        let marginal: Vec<f64> = (0..SCORES).map(|k| (LOWEST_SCORE + SCORE_STEP * k as f64).exp()).collect();
        let r = score_correlation(&hermite_shares(&marginal), 0.5);
        // Lognormal of unit spread: (e^r - 1) / (e - 1); the knots and the cut tail move it a little.
        assert!((((r.exp() - 1.0) / (std::f64::consts::E - 1.0)) - 0.5).abs() < 0.02, "{r}");
        let normal = score_correlation(&hermite_shares(&normal_marginal(3.0, 2.0)), 0.7);
        assert!((normal - 0.7).abs() < 1e-3, "{normal}");
    }

    #[test]
    fn a_process_has_the_variance_and_memory_that_it_states() {
        for smooth in [false, true] {
            let process = Process { root: 0.8, smooth };
            let path = process.path(200_000, &mut SeedTree::new(3).stream("test"));
            assert!(mean(&path).abs() < 0.05 && (standard_deviation(&path) - 1.0).abs() < 0.03);
            for lag in [1, 3, 8] {
                assert!((autocorrelation(&path, lag) - process.at(lag)).abs() < 0.03, "{smooth} {lag}");
            }
        }
    }

    #[test]
    fn a_fit_to_its_own_noise_finds_memory_and_marginal_again() {
        let slow = Process { root: 0.99, smooth: false };
        let memory = Memory { slow_share: 0.6, slow, fast: Process { root: 0.7, smooth: true } };
        let noise = Noise { memory, marginal: normal_marginal(10.0, 3.0), volatility: None };
        let values = noise.sample(60_000, 48, &mut SeedTree::new(5).stream("test"));
        assert!((mean(&values) - 10.0).abs() < 0.5 && (standard_deviation(&values) - 3.0).abs() < 0.2);
        let fitted = Noise::fit(&values);
        for lag in [1, 4, 48] {
            assert!((fitted.memory.at(lag) - memory.at(lag)).abs() < 0.05, "lag {lag}: {:?}", fitted.memory);
        }
        assert!((fitted.value(1.0) - 13.0).abs() < 0.5);
    }

    #[test]
    fn calm_and_wild_days_are_told_apart_and_drawn_again() {
        let memory = |root| Memory {
            slow_share: 1.0,
            slow: Process { root, smooth: false },
            fast: Process { root, smooth: false },
        };
        let volatility = Volatility { marginal: normal_marginal(0.0, 0.8), memory: memory(0.9) };
        let noise = Noise { memory: memory(0.5), marginal: normal_marginal(0.0, 1.25), volatility: Some(volatility) };
        let values = noise.sample(48 * 3000, 48, &mut SeedTree::new(8).stream("test"));
        let (fitted, ..) = Noise::fit_clustered(&values, 48);
        let found = fitted.volatility.clone().expect("it was asked for");
        assert!((value_at(&found.marginal, 1.0) - 0.8).abs() < 0.15, "{:?}", found.marginal);
        assert!((found.memory.at(1) - 0.9).abs() < 0.1, "{:?}", found.memory);
        let again = fitted.sample(48 * 3000, 48, &mut SeedTree::new(9).stream("test"));
        assert!((standard_deviation(&again) / standard_deviation(&values) - 1.0).abs() < 0.1);
    }
}

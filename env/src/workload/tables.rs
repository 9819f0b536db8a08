//! Random draws from tables: one 32-bit number per quantity, no logarithm, no allocation.
//!
//! In: a distribution, once. Out: an inverse distribution function of equally probable cells; counts of a Poisson rate.
//! Always: the mean of a table is known exactly, so that arrival rates need no simulation.
//! Not here: what is drawn (`generator.rs`).

use crate::core::StreamRng;
use rand::Rng;
use std::sync::LazyLock;

/// Cells of a table; the last one reaches to the quantile of 1 - 1/(4 x 512), 3.3 standard deviations.
const CELLS: usize = 512;
const CELL_BITS: u32 = 32 - CELLS.trailing_zeros();
const UNIT: f64 = 1.0 / (1u64 << 32) as f64;
/// A rate above this is drawn as the sum of equal parts, so that no probability underflows.
const LARGEST_PART: f64 = 16.0;
/// No part of a rate brings more jobs: the chance of it is below 1e-30.
const MOST_OF_A_PART: usize = 128;

/// Inverse distribution function on equally probable cells, straight inside each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct QuantileTable {
    nodes: Box<[f64]>,
}

impl QuantileTable {
    /// The table of a quantile function, which must not fall.
    pub(super) fn new(quantile: impl Fn(f64) -> f64) -> Self {
        let edge = 0.25 / CELLS as f64;
        let node = |i: usize| quantile((i as f64 / CELLS as f64).clamp(edge, 1.0 - edge));
        Self { nodes: (0..=CELLS).map(node).collect() }
    }

    /// Of points `(probability, value)`, rising in both, straight between them; first at 0, last at 1.
    pub(super) fn of_points(probabilities: &[f64], values: &[f64]) -> Self {
        let node = |i: usize| interpolate(probabilities, values, i as f64 / CELLS as f64);
        Self { nodes: (0..=CELLS).map(node).collect() }
    }

    /// Lognormal, cut at bounds.
    pub(super) fn lognormal(median: f64, log_sd: f64, low: f64, high: f64) -> Self {
        let value = |z: &f64| (median * (log_sd * z).exp()).clamp(low, high);
        Self { nodes: STANDARD_NORMAL.nodes.iter().map(value).collect() }
    }

    /// The value at a random number.
    #[inline]
    pub(super) fn at(&self, random: u32) -> f64 {
        let cell = (random >> CELL_BITS) as usize;
        let within = f64::from(random & ((1 << CELL_BITS) - 1)) * (1.0 / (1u32 << CELL_BITS) as f64);
        let low = self.nodes[cell];
        low + within * (self.nodes[cell + 1] - low)
    }

    /// Its mean, exactly that of [`QuantileTable::at`].
    pub(super) fn mean(&self) -> f64 {
        self.mean_of(|x| x)
    }

    /// The mean of a function of it that is straight inside each cell.
    pub(super) fn mean_of(&self, f: impl Fn(f64) -> f64) -> f64 {
        self.nodes.windows(2).map(|pair| 0.5 * (f(pair[0]) + f(pair[1]))).sum::<f64>() / CELLS as f64
    }

    /// The largest value.
    pub(super) fn largest(&self) -> f64 {
        self.nodes[CELLS]
    }

    /// The same distribution with every value changed by a function that does not fall.
    pub(super) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { nodes: self.nodes.iter().map(|x| f(*x)).collect() }
    }
}

/// The standard normal distribution within 3.3 standard deviations.
pub(super) static STANDARD_NORMAL: LazyLock<QuantileTable> = LazyLock::new(|| QuantileTable::new(normal_quantile));

/// Where the normal distribution function is `p`, by bisection.
pub(super) fn normal_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-6.0, 6.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if normal_cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// Normal distribution function by its odd series: density x (x + x^3/3 + x^5/(3 x 5) + ..).
pub(super) fn normal_cdf(x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (x, x, 1.0);
    while f64::abs(term) > 1e-17 {
        k += 2.0;
        term *= x * x / k;
        sum += term;
    }
    0.5 + sum * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

/// The value at `p` of points rising in `probabilities`; the first or last one outside them.
pub(super) fn interpolate(probabilities: &[f64], values: &[f64], p: f64) -> f64 {
    let after = probabilities.partition_point(|q| *q <= p);
    if after == 0 {
        return values[0];
    }
    if after == probabilities.len() {
        return values[after - 1];
    }
    let (low, high) = (probabilities[after - 1], probabilities[after]);
    values[after - 1] + (values[after] - values[after - 1]) * (p - low) / (high - low)
}

/// Numbers with their chances, such as GPUs of a job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    ends: Box<[u32]>,
    /// By the upper bits of a random number: the first entry it can mean.
    guide: Box<[u16]>,
}

impl Choice {
    const GUIDE_BITS: u32 = 24;

    /// Chances must be positive; they are taken relative to their sum. There may be 65,535 of them.
    pub(super) fn new(chances: &[f64]) -> Self {
        let total: f64 = chances.iter().sum();
        let mut sum = 0.0;
        let end = |chance: &f64| {
            sum += chance / total;
            (sum / UNIT).round().min(f64::from(u32::MAX)) as u32
        };
        let mut ends: Box<[u32]> = chances.iter().map(end).collect();
        if let Some(last) = ends.last_mut() {
            *last = u32::MAX;
        }
        let first = |bits: u32| ends.partition_point(|end| *end < (bits << Self::GUIDE_BITS)) as u16;
        let guide = (0..1 << (32 - Self::GUIDE_BITS)).map(first).collect();
        Self { ends, guide }
    }

    /// The index at a random number.
    #[inline]
    pub(super) fn at(&self, random: u32) -> usize {
        let mut i = usize::from(self.guide[(random >> Self::GUIDE_BITS) as usize]);
        while random > self.ends[i] {
            i += 1;
        }
        i
    }
}

/// Counts of a Poisson rate, by inversion.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct PoissonCount {
    parts: u32,
    rate: f64,
    none: f64,
}

/// 1/k, because a division costs as much as the rest of a draw.
static RECIPROCALS: LazyLock<[f64; MOST_OF_A_PART + 1]> =
    LazyLock::new(|| std::array::from_fn(|k| 1.0 / (k.max(1)) as f64));

impl PoissonCount {
    /// Prepares a finite rate, 0 or more.
    pub(super) fn new(rate: f64) -> Self {
        let parts = (rate / LARGEST_PART).ceil().max(1.0);
        let part = rate / parts;
        Self { parts: if rate > 0.0 { parts as u32 } else { 0 }, rate: part, none: (-part).exp() }
    }

    /// A count.
    #[inline]
    pub(super) fn draw(&self, rng: &mut StreamRng) -> u32 {
        let reciprocals = &*RECIPROCALS;
        let mut count = 0;
        for _ in 0..self.parts {
            let random = (f64::from(rng.next_u32()) + 0.5) * UNIT;
            let (mut k, mut chance, mut below) = (0, self.none, self.none);
            while random > below && k < MOST_OF_A_PART {
                k += 1;
                chance *= self.rate * reciprocals[k];
                below += chance;
            }
            count += k as u32;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::SeedTree;

    #[test]
    fn the_normal_table_has_the_quantiles_of_the_books() {
        // Quantiles of 0.975 and 0.841345 (one standard deviation).
        assert!((normal_quantile(0.975) - 1.959_963_985).abs() < 1e-8);
        assert!((normal_quantile(0.841_344_746) - 1.0).abs() < 1e-8);
        let variance = STANDARD_NORMAL.mean_of(|z| z * z);
        assert!(STANDARD_NORMAL.mean().abs() < 1e-12 && (variance - 1.0).abs() < 0.01, "{variance}");
    }

    #[test]
    fn a_lognormal_table_has_the_mean_of_the_distribution() {
        let table = QuantileTable::lognormal(2.0, 0.5, 0.0, 1e9);
        let expected = 2.0 * f64::exp(0.125);
        assert!((table.mean() / expected - 1.0).abs() < 0.002, "{} against {expected}", table.mean());
        let mut rng = SeedTree::new(1).stream("table");
        let drawn = (0..200_000).map(|_| table.at(rng.next_u32())).sum::<f64>() / 200_000.0;
        assert!((drawn / table.mean() - 1.0).abs() < 0.005, "{drawn} against {}", table.mean());
    }

    #[test]
    fn counts_have_mean_and_variance_of_their_rate() {
        let mut rng = SeedTree::new(2).stream("counts");
        for rate in [0.05, 2.0, 15.9, 16.1, 400.0] {
            let poisson = PoissonCount::new(rate);
            let counts: Vec<f64> = (0..40_000).map(|_| f64::from(poisson.draw(&mut rng))).collect();
            let mean = counts.iter().sum::<f64>() / 40_000.0;
            let variance = counts.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / 40_000.0;
            // Four standard errors of 40,000 draws.
            assert!((mean - rate).abs() < 4.0 * (rate / 40_000.0).sqrt(), "{rate}: mean {mean}");
            assert!((variance / rate - 1.0).abs() < 4.0 * ((2.0 + 1.0 / rate) / 40_000.0).sqrt(), "{rate}: {variance}");
        }
        assert_eq!(PoissonCount::new(0.0).draw(&mut rng), 0);
    }

    #[test]
    fn choices_come_as_often_as_their_chances() {
        let choice = Choice::new(&[0.93, 0.0004, 0.0696]);
        let mut rng = SeedTree::new(3).stream("choice");
        let mut counts = [0; 3];
        (0..500_000).for_each(|_| counts[choice.at(rng.next_u32())] += 1);
        for (count, chance) in counts.into_iter().zip([0.93, 0.0004, 0.0696]) {
            let expected: f64 = 500_000.0 * chance;
            assert!((f64::from(count) - expected).abs() < 4.0 * expected.sqrt(), "{count} against {expected}");
        }
        assert_eq!((choice.at(0), choice.at(u32::MAX)), (0, 2));
    }
}

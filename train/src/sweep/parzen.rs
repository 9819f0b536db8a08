//! Parzen estimators: densities of one dimension from the points seen, with a prior that keeps every value possible.
//!
//! In: points of the unit interval, or positions in a list. Out: densities, and draws from them.
//! Always: a density integrates to 1 over the unit interval and is nowhere 0.
//! Not here: which points count as good (`tpe.rs`).
//!
//! Source: Bergstra et al. 2011 (NIPS 24), section 4: the prior as one component among Gaussians at the points, whose
//! widths are the greater distance to the two neighbours, clipped; for lists, counts raised by the prior. The least width,
//! 1/min(100, n + 2) of the interval, is that of Bergstra et al. 2013 (ICML 30), Hyperopt.

use flexai_env::core::StreamRng;
use rand::RngExt;
use std::f64::consts::{PI, SQRT_2};

/// A density over the unit interval: equal shares of the uniform prior and of a truncated Gaussian per point.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mixture {
    parts: Vec<Part>,
}

/// A Gaussian truncated to the unit interval.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Part {
    centre: f64,
    width: f64,
    /// Its mass inside the interval before it is truncated.
    inside: f64,
}

impl Mixture {
    /// The estimator of some points, which may be none.
    pub(super) fn new(points: &[f64]) -> Self {
        let mut sorted = points.to_vec();
        sorted.sort_by(f64::total_cmp);
        let least = 1.0 / (points.len() as f64 + 2.0).min(100.0);
        let parts = (0..sorted.len()).map(|i| {
            let centre = sorted[i];
            // At the rim the bound of the interval is the neighbour.
            let below = if i == 0 { 0.0 } else { sorted[i - 1] };
            let above = sorted.get(i + 1).copied().unwrap_or(1.0);
            let width = (centre - below).max(above - centre).clamp(least, 1.0);
            Part { centre, width, inside: normal_cdf((1.0 - centre) / width) - normal_cdf(-centre / width) }
        });
        Self { parts: parts.collect() }
    }

    /// Mass of an interval.
    pub(super) fn mass(&self, from: f64, to: f64) -> f64 {
        let mass =
            |p: &Part| (normal_cdf((to - p.centre) / p.width) - normal_cdf((from - p.centre) / p.width)) / p.inside;
        (to - from + self.parts.iter().map(mass).sum::<f64>()) / (self.parts.len() as f64 + 1.0)
    }

    /// Density at a point.
    pub(super) fn density(&self, unit: f64) -> f64 {
        let density = |p: &Part| {
            let z = (unit - p.centre) / p.width;
            (-0.5 * z * z).exp() / ((2.0 * PI).sqrt() * p.width * p.inside)
        };
        (1.0 + self.parts.iter().map(density).sum::<f64>()) / (self.parts.len() as f64 + 1.0)
    }

    /// A draw.
    pub(super) fn draw(&self, rng: &mut StreamRng) -> f64 {
        let at = rng.random_range(0..=self.parts.len());
        let Some(part) = self.parts.get(at) else { return rng.random() };
        // The centre lies inside and no width is above 1, so at least a third of the tries are inside.
        loop {
            let unit = part.centre + part.width * standard_normal(rng);
            if (0.0..=1.0).contains(&unit) {
                return unit;
            }
        }
    }
}

/// Shares of the items of a list: each is counted once more than it was seen.
pub(super) fn shares(positions: &[usize], items: usize) -> Vec<f64> {
    let total = (positions.len() + items) as f64;
    (0..items).map(|item| (1 + positions.iter().filter(|p| **p == item).count()) as f64 / total).collect()
}

/// A position by its share.
pub(super) fn draw_position(shares: &[f64], rng: &mut StreamRng) -> usize {
    let mut left: f64 = rng.random();
    for (position, share) in shares.iter().enumerate() {
        left -= share;
        if left < 0.0 {
            return position;
        }
    }
    shares.len() - 1
}

/// Box and Muller 1958.
fn standard_normal(rng: &mut StreamRng) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (2.0 * PI * v).cos()
}

fn normal_cdf(z: f64) -> f64 {
    if z < 0.0 { 0.5 * erfc(-z / SQRT_2) } else { 1.0 - 0.5 * erfc(z / SQRT_2) }
}

/// Complementary error function of what is not negative: a series near zero (DLMF 7.6.2), a continued fraction beyond
/// (DLMF 7.9.1, from the far end).
fn erfc(x: f64) -> f64 {
    let scale = (-x * x).exp() / PI.sqrt();
    if x < 2.5 {
        let mut term = 2.0 * x;
        let mut sum = term;
        let mut n = 1.0;
        while term > sum * 1e-17 {
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
            n += 1.0;
        }
        return 1.0 - scale * sum;
    }
    let tail = (1..=60).rev().fold(x, |below, k| x + f64::from(k) / 2.0 / below);
    scale / tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use flexai_env::core::SeedTree;

    #[test]
    fn the_normal_distribution_has_its_published_values() {
        // Abramowitz and Stegun 1964, table 26.1.
        for (z, expected) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_543),
            (2.0, 0.977_249_868_051_821),
            (-3.0, 0.001_349_898_031_630),
            (3.6, 0.999_840_891_409_842),
            (-5.0, 2.866_515_718_791_9e-7),
        ] {
            assert!((normal_cdf(z) - expected).abs() < 1e-14, "{z}: {}", normal_cdf(z));
        }
        // Where series and fraction meet.
        assert!((erfc(2.5 - 1e-12) - erfc(2.5)).abs() < 1e-13);
    }

    #[test]
    fn a_density_integrates_to_one_and_agrees_with_its_masses() {
        for points in [vec![], vec![0.0], vec![0.3, 0.31, 0.9], vec![0.5; 30]] {
            let mixture = Mixture::new(&points);
            let n = 20_000;
            let sum: f64 =
                (0..n).map(|i| mixture.density((f64::from(i) + 0.5) / f64::from(n))).sum::<f64>() / f64::from(n);
            assert!((sum - 1.0).abs() < 1e-6, "{points:?}: {sum}");
            assert!((mixture.mass(0.0, 1.0) - 1.0).abs() < 1e-12);
            let part =
                (0..n / 4).map(|i| mixture.density((f64::from(i) + 0.5) / f64::from(n))).sum::<f64>() / f64::from(n);
            assert!((mixture.mass(0.0, 0.25) - part).abs() < 1e-5, "{points:?}");
        }
    }

    #[test]
    fn widths_are_the_greater_distance_to_a_neighbour_and_never_too_small() {
        let widths: Vec<f64> = Mixture::new(&[0.6, 0.1, 0.2]).parts.iter().map(|p| p.width).collect();
        // Neighbours of 0.1 are 0 and 0.2; of 0.2, 0.1 and 0.6; of 0.6, 0.2 and 1.
        for (width, expected) in widths.iter().zip([0.2, 0.4, 0.4]) {
            // The least width of three points is a fifth.
            assert!((width - expected).abs() < 1e-12, "{widths:?}");
        }
        assert_eq!(Mixture::new(&[0.5; 200]).parts[7].width, 0.01);
    }

    #[test]
    fn draws_follow_the_density() {
        let mixture = Mixture::new(&[0.1, 0.15, 0.8]);
        let mut rng = SeedTree::new(1).stream("draws");
        let n = 40_000;
        let mut counts = [0_u32; 10];
        for _ in 0..n {
            counts[((mixture.draw(&mut rng) * 10.0) as usize).min(9)] += 1;
        }
        for (bin, count) in counts.iter().enumerate() {
            let expected = mixture.mass(bin as f64 / 10.0, (bin + 1) as f64 / 10.0);
            let found = f64::from(*count) / f64::from(n);
            // Five standard errors of a share.
            assert!((found - expected).abs() < 5.0 * (expected / f64::from(n)).sqrt(), "{bin}: {found} {expected}");
        }
    }

    #[test]
    fn items_of_a_list_are_counted_once_more_than_seen() {
        assert_eq!(shares(&[2, 2, 0], 3), [2.0 / 6.0, 1.0 / 6.0, 3.0 / 6.0]);
        let mut rng = SeedTree::new(1).stream("positions");
        let drawn = (0..6000).filter(|_| draw_position(&[0.25, 0.75], &mut rng) == 1).count();
        assert!((4300..4700).contains(&drawn), "{drawn}");
    }
}

//! Quantiles from errors that were seen: how far a forecast has missed, in units of the moment's scale.
//!
//! In: weighted errors by group of leads, in units of [`unit`]. Out: quantiles around a mean. Always: quantiles do not decrease; too few errors give those
//! of the groups around. Not here: the errors of a rolling window (`rolling.rs`).

use super::contract::{Distribution, LEVELS, Target};
use super::lead::GROUPS;
use serde::{Deserialize, Serialize};

/// Fewer errors than this say nothing about a tenth of them.
pub(super) const LEAST: usize = 60;

/// Quantiles of scaled errors (truth minus mean), by group of leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Conformal {
    groups: Vec<[f64; LEVELS.len()]>,
}

impl Conformal {
    /// From scaled errors of each group with their weights, worth so many days; a group with too few takes those of the
    /// nearest one that has enough.
    pub(super) fn from_errors(mut errors: Vec<Vec<(f64, f64)>>, days: f64) -> Self {
        assert_eq!(errors.len(), GROUPS, "one list of errors for each group");
        let own: Vec<Option<[f64; LEVELS.len()]>> =
            errors.iter_mut().map(|errors| (errors.len() >= LEAST).then(|| quantiles(errors, days))).collect();
        let nearest = |group: usize| {
            (0..GROUPS)
                .filter(|other| own[*other].is_some())
                .min_by_key(|other| other.abs_diff(group))
                .and_then(|i| own[i])
        };
        Self { groups: (0..GROUPS).map(|group| own[group].or_else(|| nearest(group)).unwrap_or_default()).collect() }
    }

    /// The distribution around `mean`, for a group and the scale of the moment.
    pub(super) fn around(&self, mean: f64, scale: f64, group: usize, target: Target) -> Distribution {
        let (errors, unit) = (&self.groups[group], unit(target, scale));
        Distribution { mean, quantiles: errors.map(|error| within(mean + unit * error, target)) }
    }

    /// Whether there are quantiles of every group, in order.
    pub(super) fn is_sound(&self) -> bool {
        let in_order = |q: &[f64; LEVELS.len()]| q.iter().all(|x| x.is_finite()) && q.is_sorted();
        self.groups.len() == GROUPS && self.groups.iter().all(in_order)
    }
}

/// No generation and no intensity is below zero.
pub(super) fn within(x: f64, target: Target) -> f64 {
    match target {
        Target::IntradayPrice | Target::ImbalancePrice => x,
        Target::Carbon | Target::Wind | Target::Solar => x.max(0.0),
    }
}

/// Solar output of a half-hour that can reach so much is missed by as much of it as of any other.
const USUAL_SUN: f64 = 0.3;

/// What errors are measured in for quantiles, for the scale of a moment. Where the sun is low a larger share of what could
/// come is missed: in 2020 to 2023 by 18 % of it in the first and last hour of light, by 12 % at a summer's noon.
pub(super) fn unit(target: Target, scale: f64) -> f64 {
    match target {
        Target::Solar if scale > 0.0 => scale * (scale / USUAL_SUN).powf(-0.25),
        _ => scale,
    }
}

/// Days that so many weights are worth.
pub(super) fn worth(weights: impl Iterator<Item = f64>) -> f64 {
    let (sum, squares) = weights.fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

/// Quantiles at [`LEVELS`] with the small-sample correction of conformal prediction: the bounds lie a little further out, as
/// if each day had brought two errors, because the errors of a day are alike. (As if it had brought one, 82.5 % of four
/// years' solar output lay between the outer two.)
fn quantiles(errors: &mut [(f64, f64)], days: f64) -> [f64; LEVELS.len()] {
    errors.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = errors.iter().map(|(_, weight)| weight).sum();
    let mut sum = 0.0;
    // The share of all weight below the middle of each.
    let shares: Vec<f64> = errors
        .iter()
        .map(|(_, weight)| {
            sum += weight;
            (sum - weight / 2.0) / total
        })
        .collect();
    LEVELS.map(|level| {
        let level = level + (level - 0.5) / days.max(1.0);
        let above = shares.partition_point(|share| *share < level);
        if above == 0 || above == errors.len() {
            return errors[above.min(errors.len() - 1)].0;
        }
        let part = (level - shares[above - 1]) / (shares[above] - shares[above - 1]);
        errors[above - 1].0 + part * (errors[above].0 - errors[above - 1].0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_of_ten_further_errors_lie_between_the_outer_quantiles() {
        let mut errors: Vec<(f64, f64)> = (0..100).map(|i| (f64::from(i * 37 % 100), 1.0)).collect();
        let q = quantiles(&mut errors, 100.0);
        assert!(q.is_sorted());
        assert!((q[4] - 49.5).abs() < 1e-9 && (q[0] - 9.1).abs() < 1e-9 && (q[8] - 89.9).abs() < 1e-9, "{q:?}");
    }

    #[test]
    fn errors_that_weigh_twice_count_as_two() {
        let twice: Vec<(f64, f64)> = (0..100).map(|i| (f64::from(i), if i < 50 { 2.0 } else { 1.0 })).collect();
        let mut repeated: Vec<(f64, f64)> = twice.iter().map(|(x, _)| (*x, 1.0)).collect();
        repeated.extend((0..50).map(|i| (f64::from(i), 1.0)));
        let (a, b) = (quantiles(&mut twice.clone(), 50.0), quantiles(&mut repeated, 50.0));
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 0.5), "{a:?} {b:?}");
        assert!((worth([1.0; 30].into_iter()) - 30.0).abs() < 1e-9 && worth([1.0, 0.5].into_iter()) < 2.0);
    }

    #[test]
    fn a_group_without_errors_takes_those_of_its_neighbour() {
        let mut errors = vec![Vec::new(); GROUPS];
        errors[3] = (0..200).map(|i| (f64::from(i) - 100.0, 1.0)).collect();
        let conformal = Conformal::from_errors(errors, 100.0);
        assert!(conformal.is_sound());
        assert_eq!(conformal.around(5.0, 2.0, 0, Target::Wind), conformal.around(5.0, 2.0, 12, Target::Wind));
        let d = conformal.around(5.0, 2.0, 3, Target::Wind);
        assert_eq!(d.quantiles[0], 0.0);
        assert!((d.quantiles[8] - 5.0 - 2.0 * 80.3).abs() < 1e-9, "{d:?}");
    }
}

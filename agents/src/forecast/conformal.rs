//! Quantiles from errors that were seen: how far a forecast has missed, in units of the moment's scale.
//!
//! In: errors by group of leads. Out: quantiles around a mean. Always: quantiles do not decrease; too few errors give those
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
    /// From scaled errors of each group, seen on so many days; a group with too few takes those of the nearest one that has
    /// enough.
    pub(super) fn from_errors(mut errors: Vec<Vec<f64>>, days: usize) -> Self {
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

    /// The distribution around `mean`, for a group and a scale.
    pub(super) fn around(&self, mean: f64, scale: f64, group: usize, target: Target) -> Distribution {
        let errors = &self.groups[group];
        Distribution { mean, quantiles: errors.map(|error| within(mean + scale * error, target)) }
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

/// Quantiles at [`LEVELS`] with the small-sample correction of conformal prediction: the bounds lie a little further out, as
/// if each day had brought one error, because the errors of a day are alike.
fn quantiles(errors: &mut [f64], days: usize) -> [f64; LEVELS.len()] {
    errors.sort_by(f64::total_cmp);
    let n = errors.len() as f64;
    LEVELS.map(|level| {
        let outwards = (level - 0.5) * 2.0 / days.max(1) as f64;
        let rank = ((level + outwards) * n - 0.5).clamp(0.0, n - 1.0);
        let (below, part) = (rank.floor() as usize, rank.fract());
        let above = (below + 1).min(errors.len() - 1);
        errors[below] + part * (errors[above] - errors[below])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_of_ten_further_errors_lie_between_the_outer_quantiles() {
        let mut errors: Vec<f64> = (0..100).map(|i| f64::from(i * 37 % 100)).collect();
        let q = quantiles(&mut errors, 100);
        assert!(q.is_sorted());
        assert!((q[4] - 49.5).abs() < 1e-9 && (q[0] - 8.7).abs() < 1e-9 && (q[8] - 90.3).abs() < 1e-9, "{q:?}");
    }

    #[test]
    fn a_group_without_errors_takes_those_of_its_neighbour() {
        let mut errors = vec![Vec::new(); GROUPS];
        errors[3] = (0..200).map(|i| f64::from(i) - 100.0).collect();
        let conformal = Conformal::from_errors(errors, 100);
        assert!(conformal.is_sound());
        assert_eq!(conformal.around(5.0, 2.0, 0, Target::Wind), conformal.around(5.0, 2.0, 12, Target::Wind));
        let d = conformal.around(5.0, 2.0, 3, Target::Wind);
        assert_eq!(d.quantiles[0], 0.0);
        assert!((d.quantiles[8] - 5.0 - 2.0 * 81.1).abs() < 1e-9, "{d:?}");
    }
}

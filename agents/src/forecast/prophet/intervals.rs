//! How far a forecast may miss: a size that depends on the moment, and its distribution per group of leads.
//!
//! In: misses on data that the model was not fitted to. Out: [`Intervals`], which turns a point into quantiles.
//! Always: quantiles are those of what was really missed (conformal), so they do not cross; nothing is drawn.
//! Not here: the point itself.

use super::super::contract::{Distribution, LEVELS};
use super::quadratic::{cholesky, solve_factored};
use serde::{Deserialize, Serialize};

/// Last lead of each group of leads but the last, which has no end.
const ENDS: [usize; 8] = [0, 1, 2, 4, 8, 16, 32, 48];
/// Groups of leads.
pub(super) const GROUPS: usize = ENDS.len() + 1;
const SIZES: usize = 3;
/// Least size, as a share of the mean size of its group.
const LEAST_SIZE: f64 = 0.1;
/// Bounds of volatility over its usual value.
const UNREST: (f64, f64) = (0.33, 3.0);
/// Powers that are tried, in eighths: 0 leaves volatility out, 1 lets intervals grow in proportion.
const POWER_EIGHTHS: std::ops::RangeInclusive<u32> = 0..=8;
/// Rows a group needs for a distribution of its own.
const LEAST_ROWS: usize = 200;

/// What the size of a miss is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation {
    /// The point forecast over the unit of the model.
    pub(super) level: f64,
    /// 1, or clear-sky irradiance for solar output.
    pub(super) weight: f64,
    /// How much was missed in the last week: `Recent::volatility`.
    pub(super) volatility: f64,
}

impl Situation {
    fn row(&self) -> [f64; SIZES] {
        [self.weight, self.level, self.level * self.level]
    }
}

/// One miss.
#[derive(Debug, Clone, Copy)]
pub(super) struct Miss {
    pub(super) lead: usize,
    pub(super) situation: Situation,
    /// Truth minus point.
    pub(super) miss: f64,
}

/// Sizes and distributions per group of leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Intervals {
    groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    /// Linear in level and weight.
    size: [f64; SIZES],
    /// Volatility at which that size holds, and the power by which it grows with volatility.
    volatility: f64,
    power: f64,
    /// Least size per weight.
    least: f64,
    /// Quantiles of misses over their size, at [`LEVELS`].
    quantiles: [f64; LEVELS.len()],
}

impl Group {
    fn size(&self, situation: &Situation) -> f64 {
        let linear: f64 = self.size.iter().zip(situation.row()).map(|(w, x)| w * x).sum();
        linear.max(self.least * situation.weight) * self.unrest(situation).powf(self.power)
    }

    /// Volatility over the usual one, within bounds.
    fn unrest(&self, situation: &Situation) -> f64 {
        (situation.volatility / self.volatility).clamp(UNREST.0, UNREST.1)
    }
}

fn group(lead: usize) -> usize {
    ENDS.iter().position(|end| lead <= *end).unwrap_or(ENDS.len())
}

impl Intervals {
    /// Learns from misses; `None` if there are too few for any group.
    pub(super) fn fit(misses: &[Miss]) -> Option<Self> {
        let mut groups: Vec<Option<Group>> = (0..GROUPS)
            .map(|g| {
                let part: Vec<Miss> = misses.iter().copied().filter(|m| group(m.lead) == g).collect();
                (part.len() >= LEAST_ROWS).then(|| fit_group(&part))
            })
            .collect();
        // A group without enough rows takes the next shorter leads, the first ones the next longer.
        for g in 1..GROUPS {
            if groups[g].is_none() {
                groups[g] = groups[g - 1].clone();
            }
        }
        for g in (0..GROUPS - 1).rev() {
            if groups[g].is_none() {
                groups[g] = groups[g + 1].clone();
            }
        }
        groups.into_iter().collect::<Option<Vec<Group>>>().map(|groups| Self { groups })
    }

    /// The distribution around a point, kept inside its bounds.
    pub(super) fn around(&self, point: f64, lead: usize, situation: &Situation, bounds: (f64, f64)) -> Distribution {
        let group = &self.groups[group(lead)];
        let size = group.size(situation);
        let inside = |x: f64| x.clamp(bounds.0, bounds.1);
        Distribution { mean: inside(point), quantiles: group.quantiles.map(|q| inside(point + size * q)) }
    }

    /// Whether every group is there, finite and without crossing quantiles.
    pub(super) fn is_whole(&self) -> bool {
        let good = |g: &Group| {
            let single = [&g.least, &g.volatility, &g.power];
            let finite = g.size.iter().chain(&g.quantiles).chain(single).all(|x| x.is_finite());
            finite && g.least >= 0.0 && g.volatility > 0.0 && g.quantiles.is_sorted()
        };
        self.groups.len() == GROUPS && self.groups.iter().all(good)
    }
}

fn fit_group(part: &[Miss]) -> Group {
    let mut xx = [0.0; SIZES * SIZES];
    let mut xy = [0.0; SIZES];
    let (mut total, mut weight) = (0.0, 0.0);
    for m in part {
        let row = m.situation.row();
        for a in 0..SIZES {
            for b in 0..SIZES {
                xx[a * SIZES + b] += row[a] * row[b];
            }
            xy[a] += row[a] * m.miss.abs();
        }
        (total, weight) = (total + m.miss.abs(), weight + m.situation.weight);
    }
    for a in 0..SIZES {
        let diagonal = &mut xx[a * SIZES + a];
        *diagonal = if *diagonal > 1e-200 { *diagonal * (1.0 + 1e-6) } else { 1.0 };
    }
    let mean = total / weight.max(f64::MIN_POSITIVE);
    let flat = [mean, 0.0, 0.0];
    let size =
        cholesky(&mut xx, SIZES).and_then(|()| solve_factored(&xx, SIZES, xy.to_vec()).try_into().ok()).unwrap_or(flat);
    let volatility = (part.iter().map(|m| m.situation.volatility).sum::<f64>() / part.len() as f64).max(1e-12);
    let quantiles = [0.0; LEVELS.len()];
    let mut group = Group { size, volatility, power: 0.0, least: LEAST_SIZE * mean, quantiles };
    group.power = likeliest_power(&group, part);
    let mut relative: Vec<f64> = part
        .iter()
        .map(|m| m.miss / group.size(&m.situation).max(f64::MIN_POSITIVE))
        .filter(|z| z.is_finite())
        .collect();
    relative.sort_by(f64::total_cmp);
    if !relative.is_empty() {
        group.quantiles = LEVELS.map(|level| quantile(&relative, level));
    }
    group
}

/// The power under which the misses are most probable, if they are Laplace's with a deviation in proportion to size.
fn likeliest_power(group: &Group, part: &[Miss]) -> f64 {
    let pairs: Vec<(f64, f64, f64)> = part
        .iter()
        .map(|m| (group.size(&m.situation), group.unrest(&m.situation).ln(), m.miss.abs()))
        .filter(|(size, _, _)| *size > 0.0)
        .collect();
    let cost = |power: f64| {
        let (mut logarithms, mut relative) = (0.0, 0.0);
        for (size, unrest, miss) in &pairs {
            logarithms += size.ln() + power * unrest;
            relative += miss / (size * (power * unrest).exp());
        }
        let count = pairs.len().max(1) as f64;
        logarithms / count + (relative / count).max(f64::MIN_POSITIVE).ln()
    };
    let powers = POWER_EIGHTHS.map(|eighths| f64::from(eighths) / 8.0);
    powers.min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(0.0)
}

/// Between the neighbours in rank.
fn quantile(sorted: &[f64], level: f64) -> f64 {
    let rank = level * (sorted.len() - 1) as f64;
    let below = rank.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (rank - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misses(size: impl Fn(f64) -> f64) -> Vec<Miss> {
        (0..20_000)
            .map(|i| {
                let level = (i % 97) as f64 / 97.0;
                let z = ((i * 7919) % 20_011) as f64 / 20_011.0 - 0.5;
                let situation = Situation { level, weight: 1.0, volatility: 0.0 };
                Miss { lead: i % 60, situation, miss: size(level) * z }
            })
            .collect()
    }

    #[test]
    fn eight_in_ten_misses_lie_inside_wherever_the_size_differs() {
        let misses = misses(|level| 1.0 + 4.0 * level);
        let intervals = Intervals::fit(&misses).expect("enough rows");
        for part in [0.0..0.2, 0.4..0.6, 0.8..1.0] {
            let chosen: Vec<&Miss> = misses.iter().filter(|m| part.contains(&m.situation.level)).collect();
            let inside = chosen.iter().filter(|m| {
                let d = intervals.around(10.0, m.lead, &m.situation, (f64::MIN, f64::MAX));
                (d.quantiles[0]..=d.quantiles[8]).contains(&(10.0 + m.miss))
            });
            let share = inside.count() as f64 / chosen.len() as f64;
            assert!((0.78..0.82).contains(&share), "{part:?}: {share}");
        }
    }

    #[test]
    fn quantiles_stay_inside_the_bounds_and_do_not_cross() {
        let intervals = Intervals::fit(&misses(|_| 1.0)).expect("enough rows");
        let situation = Situation { level: 0.1, weight: 1.0, volatility: 0.0 };
        let d = intervals.around(0.1, 3, &situation, (0.0, 0.3));
        assert!(d.quantiles.is_sorted() && d.quantiles[0] == 0.0 && d.quantiles[8] == 0.3);
    }

    #[test]
    fn too_few_misses_are_refused() {
        assert!(Intervals::fit(&misses(|_| 1.0)[..150]).is_none());
    }
}

//! How much of what was missed lately is still missing: one small regression per lead.
//!
//! In: features of `recent.rs` and what was then missed. Out: [`Correction`], weights per lead.
//! Always: sums run in the order of the rows given. Not here: quantiles (`intervals.rs`).

use super::quadratic::{cholesky, solve_factored};
use super::recent::FEATURES;
use serde::{Deserialize, Serialize};

/// Periods ahead up to which leads have weights of their own; 11:00 sees 76 of them up to the end of the next local day.
pub(super) const LAST_LEAD: usize = 80;
/// Ridge, as a share of the variance of each feature.
const RIDGE: f64 = 0.001;
/// A lead learns from those that differ by no more than this part of it.
const POOL: usize = 8;
/// Rows a lead needs for weights of its own.
const LEAST_ROWS: f64 = 200.0;

/// Weights of what was missed, per lead from 0 on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Correction {
    pub(super) weights: Vec<[f64; FEATURES]>,
}

impl Correction {
    /// What to add to a model at a lead.
    pub(super) fn at(&self, lead: usize, features: &[f64; FEATURES]) -> f64 {
        let weights = &self.weights[lead.min(LAST_LEAD)];
        weights.iter().zip(features).map(|(w, x)| w * x).sum()
    }

    /// Whether every lead has its weights, all finite.
    pub(super) fn is_whole(&self) -> bool {
        self.weights.len() == LAST_LEAD + 1 && self.weights.iter().flatten().all(|w| w.is_finite())
    }
}

/// Sums of the regressions, one per lead.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    per_lead: Vec<Moments>,
}

#[derive(Debug, Clone)]
struct Moments {
    xx: [f64; FEATURES * FEATURES],
    xy: [f64; FEATURES],
    rows: f64,
}

impl Sums {
    pub(super) fn new() -> Self {
        Self { per_lead: vec![Moments::zero(); LAST_LEAD + 1] }
    }

    pub(super) fn add(&mut self, lead: usize, features: &[f64; FEATURES], missed: f64) {
        let sums = &mut self.per_lead[lead];
        for (a, x) in features.iter().enumerate() {
            for (b, z) in features.iter().enumerate() {
                sums.xx[a * FEATURES + b] += x * z;
            }
            sums.xy[a] += x * missed;
        }
        sums.rows += 1.0;
    }

    /// Sums of a lead and of those near it: what is missed two days ahead differs little from one half-hour to the next.
    fn around(&self, lead: usize) -> Moments {
        let reach = lead / POOL;
        let mut sums = Moments::zero();
        for near in &self.per_lead[lead - reach..=(lead + reach).min(self.per_lead.len() - 1)] {
            sums.xx.iter_mut().zip(near.xx).for_each(|(a, b)| *a += b);
            sums.xy.iter_mut().zip(near.xy).for_each(|(a, b)| *a += b);
            sums.rows += near.rows;
        }
        sums
    }

    /// Weights of every lead; a lead with too few rows takes those of the lead before, the first ones none.
    pub(super) fn solve(self) -> Correction {
        let mut weights: Vec<[f64; FEATURES]> = Vec::with_capacity(self.per_lead.len());
        for lead in 0..self.per_lead.len() {
            let before = weights.last().copied().unwrap_or([0.0; FEATURES]);
            weights.push(self.around(lead).solve().unwrap_or(before));
        }
        Correction { weights }
    }
}

impl Moments {
    fn zero() -> Self {
        Self { xx: [0.0; FEATURES * FEATURES], xy: [0.0; FEATURES], rows: 0.0 }
    }

    fn solve(mut self) -> Option<[f64; FEATURES]> {
        if self.rows < LEAST_ROWS {
            return None;
        }
        for a in 0..FEATURES {
            let diagonal = &mut self.xx[a * FEATURES + a];
            *diagonal += RIDGE * *diagonal + f64::MIN_POSITIVE;
            // A feature that is always zero keeps a weight of zero.
            if *diagonal < 1e-200 {
                *diagonal = 1.0;
            }
        }
        cholesky(&mut self.xx, FEATURES)?;
        solve_factored(&self.xx, FEATURES, self.xy.to_vec()).try_into().ok()
    }
}

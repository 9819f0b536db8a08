//! Generalised state-dependent exploration: noise that is a function of the state, held for many steps.
//!
//! In: the policy's spreads and each environment's stream. Out: for each environment a matrix from the actor's features to
//! deviations from the mean.
//! Always: the matrices are drawn as standard normals and scaled by the policy that acts, so that what is stored stays
//! right when the policy has learnt. Not here: the probability of what was done (`artifact/network.rs`, `gsde_log_std`).
//!
//! Source: Raffin, Kober and Stulp 2021 (arXiv:2005.05719).

use crate::artifact::{PolicyNetwork, Spread, exp, gsde_log_std};
use flexai_env::core::StreamRng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// Noise of every environment.
pub(super) struct Exploration {
    /// Steps between two draws; `None` draws at the start of each rollout.
    every: Option<u64>,
    dimensions: usize,
    pub(super) state: ExplorationState,
    /// `[features, dimensions]`: the policy's spreads squared.
    variances: Vec<f32>,
    /// `[num_envs, features, dimensions]`: the noise times the policy's spreads.
    matrices: Vec<f32>,
}

/// What a resumed run needs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct ExplorationState {
    /// `[num_envs, features, dimensions]`: standard normals; empty without state-dependent exploration.
    pub(super) noise: Vec<f32>,
    /// Steps since the first draw.
    pub(super) steps: u64,
}

impl Exploration {
    /// Noise for a policy that explores this way, not drawn yet; `frequency` as `ppo.sde_sample_freq`.
    pub(super) fn of(policy: &PolicyNetwork, num_envs: usize, frequency: i64) -> Option<Self> {
        (policy.heads.style.spread == Spread::Gsde).then(|| Self {
            every: u64::try_from(frequency).ok(),
            dimensions: policy.heads.continuous_len(),
            state: ExplorationState { noise: vec![0.0; num_envs * policy.log_std.len()], steps: 0 },
            variances: vec![0.0; policy.log_std.len()],
            matrices: vec![0.0; num_envs * policy.log_std.len()],
        })
    }

    /// Prepares step `t` of a rollout by `policy`, whose weights change between rollouts only.
    pub(super) fn prepare(&mut self, policy: &PolicyNetwork, t: usize, streams: &mut [StreamRng]) {
        let draw = self.every.map_or(t == 0, |every| self.state.steps.is_multiple_of(every));
        self.state.steps += 1;
        let len = policy.log_std.len();
        if draw {
            for (noise, rng) in self.state.noise.chunks_exact_mut(len).zip(streams) {
                noise.iter_mut().for_each(|x| *x = StandardNormal.sample(rng));
            }
        }
        if draw || t == 0 {
            let spreads: Vec<f32> = policy.log_std.iter().map(|x| exp(*x)).collect();
            self.variances.iter_mut().zip(&spreads).for_each(|(variance, spread)| *variance = spread * spread);
            let noise = self.state.noise.chunks_exact(len);
            for (matrix, noise) in self.matrices.chunks_exact_mut(len).zip(noise) {
                for ((x, noise), spread) in matrix.iter_mut().zip(noise).zip(&spreads) {
                    *x = noise * spread;
                }
            }
        }
    }

    /// Writes the deviation from the mean of environment `e` where the actor's features are these, and the logarithm of
    /// its spread.
    pub(super) fn at(&self, e: usize, features: &[f32], noise: &mut Vec<f32>, log_std: &mut Vec<f32>) {
        let len = self.variances.len();
        noise.clear();
        noise.resize(self.dimensions, 0.0);
        let matrix = &self.matrices[e * len..(e + 1) * len];
        for (row, feature) in matrix.chunks_exact(self.dimensions).zip(features) {
            noise.iter_mut().zip(row).for_each(|(sum, x)| *sum += feature * x);
        }
        gsde_log_std(features, self.variances.iter().copied(), self.dimensions, log_std);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{Distribution as Family, HeadStyle, NetworkShape};
    use flexai_env::core::{SeedTree, Space};

    fn policy() -> PolicyNetwork {
        let style = HeadStyle { distribution: Family::Gaussian, spread: Spread::Gsde };
        let shape = NetworkShape { hidden: vec![5], style, ..NetworkShape::default() };
        PolicyNetwork::drawn_as(3, &Space::uniform_box(2, -1.0, 1.0), &shape, &mut SeedTree::new(1).stream("weights"))
    }

    fn streams() -> Vec<StreamRng> {
        (0..2).map(|e| SeedTree::new(2).child("noise", e).stream("draw")).collect()
    }

    #[test]
    fn noise_is_drawn_every_so_many_steps_over_rollouts_or_once_in_each() {
        let policy = policy();
        let draws = |frequency: i64, rollout: usize| {
            let mut exploration = Exploration::of(&policy, 2, frequency).unwrap();
            let (mut streams, mut last, mut at) = (streams(), Vec::new(), Vec::new());
            for step in 0..12 {
                exploration.prepare(&policy, step % rollout, &mut streams);
                if exploration.state.noise != last {
                    at.push(step);
                    last.clone_from(&exploration.state.noise);
                }
            }
            at
        };
        assert_eq!(draws(-1, 4), [0, 4, 8]);
        assert_eq!(draws(5, 4), [0, 5, 10], "a matrix outlives a rollout");
        assert_eq!(draws(3, 12), [0, 3, 6, 9]);
    }

    /// Over many draws the deviations have the spread that the log-probability counts with, and the same features give
    /// the same deviation until the next draw.
    #[test]
    fn deviations_have_the_spread_of_the_log_probability() {
        let policy = policy();
        let mut exploration = Exploration::of(&policy, 2, 1).unwrap();
        let (mut streams, features) = (streams(), [0.3, -1.2, 0.7, 0.0, 2.0]);
        let (mut noise, mut log_std, mut squares) = (Vec::new(), Vec::new(), [0.0f64; 2]);
        let n = 50_000;
        for _ in 0..n {
            exploration.prepare(&policy, 0, &mut streams);
            exploration.at(1, &features, &mut noise, &mut log_std);
            let first = noise.clone();
            exploration.at(1, &features, &mut noise, &mut log_std);
            assert_eq!(first, noise);
            squares.iter_mut().zip(&noise).for_each(|(sum, x)| *sum += f64::from(*x).powi(2) / f64::from(n));
        }
        let mut buffer = Vec::new();
        let stated = policy.row_log_std(&features, &mut buffer);
        for (square, (stated, used)) in squares.iter().zip(stated.iter().zip(&log_std)) {
            // Five standard errors of a deviation are 1.6 %.
            assert!((square.sqrt().ln() - f64::from(*stated)).abs() < 0.016, "{square} and {stated}");
            assert!((stated - used).abs() < 1e-6);
        }
    }
}

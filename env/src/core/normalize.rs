//! Running normalisation of observations and rewards.
//!
//! In: batches. Out: the same batches, centred and scaled by statistics of everything seen so far.
//! Always: a batch is merged first and normalised afterwards; statistics are `f64` and serialise exactly.
//! Not here: who owns the statistics (wrappers for one environment, the trainer for a batch).
//!
//! Conventions as in the golden numbers (`tests/golden/README.md`): start at mean 0, variance 1, count 1e-4; parallel
//! merge of Chan et al. 1979 with population variance.

use serde::{Deserialize, Serialize};

/// Running mean and population variance of vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningMeanStd {
    /// Mean of each dimension.
    pub mean: Vec<f64>,
    /// Population variance of each dimension.
    pub var: Vec<f64>,
    /// Weight of what was seen; starts at a small number instead of 0.
    pub count: f64,
}

const INITIAL_COUNT: f64 = 1e-4;
const EPSILON: f64 = 1e-8;

impl RunningMeanStd {
    /// Statistics of vectors of length `dim`, nothing seen yet.
    pub fn new(dim: usize) -> Self {
        Self { mean: vec![0.0; dim], var: vec![1.0; dim], count: INITIAL_COUNT }
    }

    /// Merges a batch of rows, `[rows, dim]` flat.
    ///
    /// # Panics
    /// If the batch is no whole number of rows.
    pub fn update(&mut self, batch: impl Iterator<Item = f64> + Clone) {
        let dim = self.mean.len();
        let total = batch.clone().count();
        assert_eq!(total % dim, 0, "a batch is a whole number of rows");
        let rows = total / dim;
        if rows == 0 {
            return;
        }
        let n = rows as f64;
        let mut mean = vec![0.0; dim];
        let mut var = vec![0.0; dim];
        for (i, x) in batch.clone().enumerate() {
            mean[i % dim] += x / n;
        }
        for (i, x) in batch.enumerate() {
            var[i % dim] += (x - mean[i % dim]).powi(2) / n;
        }
        let all = self.count + n;
        for i in 0..dim {
            let delta = mean[i] - self.mean[i];
            self.mean[i] += delta * n / all;
            let m2 = self.var[i] * self.count + var[i] * n + delta * delta * self.count * n / all;
            self.var[i] = m2 / all;
        }
        self.count = all;
    }

    /// Standard deviation used for scaling dimension `i`.
    pub fn scale(&self, i: usize) -> f64 {
        (self.var[i] + EPSILON).sqrt()
    }
}

/// Centres, scales and clips observations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObservationNormalizer {
    /// What was seen so far.
    pub statistics: RunningMeanStd,
    /// Normalised values are clipped to `-clip ..= clip`.
    pub clip: f64,
}

impl ObservationNormalizer {
    /// Nothing seen yet.
    pub fn new(dim: usize, clip: f64) -> Self {
        Self { statistics: RunningMeanStd::new(dim), clip }
    }

    /// Merges a batch of rows, `[rows, dim]`.
    pub fn update(&mut self, observation: &[f32]) {
        self.statistics.update(observation.iter().map(|x| f64::from(*x)));
    }

    /// Normalises rows in place, `[rows, dim]`.
    pub fn apply(&self, observation: &mut [f32]) {
        let dim = self.statistics.mean.len();
        for row in observation.chunks_mut(dim) {
            for (i, x) in row.iter_mut().enumerate() {
                let z = (f64::from(*x) - self.statistics.mean[i]) / self.statistics.scale(i);
                *x = z.clamp(-self.clip, self.clip) as f32;
            }
        }
    }
}

/// Scales rewards by the running standard deviation of the discounted return; the mean is not subtracted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnNormalizer {
    /// Statistics of the discounted return.
    pub statistics: RunningMeanStd,
    /// Discounted return so far, per environment.
    pub discounted_return: Vec<f64>,
    /// Discount per step.
    pub gamma: f64,
    /// Scaled rewards are clipped to `-clip ..= clip`.
    pub clip: f64,
}

impl ReturnNormalizer {
    /// Nothing seen yet.
    pub fn new(num_envs: usize, gamma: f64, clip: f64) -> Self {
        Self { statistics: RunningMeanStd::new(1), discounted_return: vec![0.0; num_envs], gamma, clip }
    }

    /// Merges the rewards of one step, `[num_envs]`, and writes them scaled; `ended` marks episodes that are over.
    pub fn normalize(&mut self, reward: &[f64], ended: impl Iterator<Item = bool>, out: &mut [f64]) {
        for (sum, r) in self.discounted_return.iter_mut().zip(reward) {
            *sum = *sum * self.gamma + r;
        }
        self.statistics.update(self.discounted_return.iter().copied());
        let scale = self.statistics.scale(0);
        for (scaled, r) in out.iter_mut().zip(reward) {
            *scaled = (r / scale).clamp(-self.clip, self.clip);
        }
        for (sum, ended) in self.discounted_return.iter_mut().zip(ended) {
            if ended {
                *sum = 0.0;
            }
        }
    }
}

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
        if rows == 1 {
            // Nothing to average, so nothing to allocate: wrappers merge one row a step.
            for (i, x) in batch.enumerate() {
                self.merge_dimension(i, x, 0.0, 1.0);
            }
            self.count += 1.0;
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
        for (i, (mean, var)) in mean.into_iter().zip(var).enumerate() {
            self.merge_dimension(i, mean, var, n);
        }
        self.count += n;
    }

    /// Merges mean and population variance of `n` numbers into dimension `i`; the count is the caller's.
    fn merge_dimension(&mut self, i: usize, mean: f64, var: f64, n: f64) {
        let all = self.count + n;
        let delta = mean - self.mean[i];
        self.mean[i] += delta * n / all;
        let m2 = self.var[i] * self.count + var * n + delta * delta * self.count * n / all;
        self.var[i] = m2 / all;
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

    /// Every episode begins anew; the statistics stay.
    pub fn begin_episodes(&mut self) {
        self.discounted_return.fill(0.0);
    }

    /// Merges the rewards of one step, `[num_envs]`, and writes them scaled; `ended` marks episodes that are over.
    pub fn normalize(&mut self, reward: &[f64], ended: impl Iterator<Item = bool>, out: &mut [f64]) {
        self.normalize_parts(reward, reward, ended, out);
    }

    /// The same, but what is written are the parts of the rewards, `[num_envs, parts]`, scaled and clipped like them.
    pub fn normalize_parts(
        &mut self,
        reward: &[f64],
        parts: &[f64],
        ended: impl Iterator<Item = bool>,
        out: &mut [f64],
    ) {
        for (sum, r) in self.discounted_return.iter_mut().zip(reward) {
            *sum = *sum * self.gamma + r;
        }
        self.statistics.update(self.discounted_return.iter().copied());
        let scale = self.statistics.scale(0);
        for (scaled, r) in out.iter_mut().zip(parts) {
            *scaled = (r / scale).clamp(-self.clip, self.clip);
        }
        for (sum, ended) in self.discounted_return.iter_mut().zip(ended) {
            if ended {
                *sum = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{assert_close, golden, numbers};
    use super::*;
    use serde_json::Value;

    /// Expected numbers were computed in `f64` and cut to 12 digits; the largest is a few thousand.
    const STATISTICS: f64 = 1e-7;
    /// Normalised observations leave as `f32` numbers of at most 10.
    const NORMALISED: f64 = 1e-6;

    fn batches() -> (Value, Vec<Value>) {
        let golden = golden()["running_mean_std"].clone();
        assert_eq!(golden["eps"].as_f64(), Some(EPSILON));
        assert_eq!(golden["initial_count"].as_f64(), Some(INITIAL_COUNT));
        let batches = golden["batches"].as_array().expect("batches are a list").clone();
        assert!(!batches.is_empty());
        (golden, batches)
    }

    #[test]
    fn observations_are_merged_and_normalised_as_in_the_golden_batches() {
        let (golden, batches) = batches();
        let clip = golden["clip"].as_f64().expect("a number");
        let dim = batches[0]["obs_mean"].as_array().expect("one mean per dimension").len();
        let mut normalizer = ObservationNormalizer::new(dim, clip);
        for (k, batch) in batches.iter().enumerate() {
            let mut rows: Vec<f32> = numbers(&batch["obs"]).iter().map(|x| *x as f32).collect();
            normalizer.update(&rows);
            let statistics = &normalizer.statistics;
            assert_close(&format!("mean {k}"), &statistics.mean, &numbers(&batch["obs_mean"]), STATISTICS);
            assert_close(&format!("var {k}"), &statistics.var, &numbers(&batch["obs_var"]), STATISTICS);
            assert_close(&format!("count {k}"), &[statistics.count], &numbers(&batch["count"]), STATISTICS);
            normalizer.apply(&mut rows);
            let rows: Vec<f64> = rows.iter().map(|x| f64::from(*x)).collect();
            assert_close(&format!("normalised {k}"), &rows, &numbers(&batch["obs_normalised"]), NORMALISED);
        }
    }

    #[test]
    fn rewards_are_scaled_as_in_the_golden_batches() {
        let (golden, batches) = batches();
        let number = |key: &str| golden[key].as_f64().expect("a number");
        let n = number("n_env") as usize;
        let mut normalizer = ReturnNormalizer::new(n, number("gamma"), number("clip"));
        let mut scaled = vec![0.0; n];
        for (k, batch) in batches.iter().enumerate() {
            let rewards = numbers(&batch["rewards"]);
            let ended: Vec<bool> = numbers(&batch["done"]).iter().map(|d| *d == 1.0).collect();
            let gamma = normalizer.gamma;
            let sums: Vec<f64> =
                normalizer.discounted_return.iter().zip(&rewards).map(|(sum, r)| sum * gamma + r).collect();
            normalizer.normalize(&rewards, ended.iter().copied(), &mut scaled);
            assert_close(&format!("return {k}"), &sums, &numbers(&batch["discounted_return"]), STATISTICS);
            let var = &normalizer.statistics.var;
            assert_close(&format!("variance {k}"), var, &numbers(&batch["return_var"]), STATISTICS);
            assert_close(&format!("scaled {k}"), &scaled, &numbers(&batch["rewards_normalised"]), STATISTICS);
            for (sum, ended) in normalizer.discounted_return.iter().zip(&ended) {
                assert!(!ended || *sum == 0.0, "an ended episode leaves no return behind");
            }
        }
    }

    #[test]
    fn merging_rows_one_by_one_or_in_batches_gives_the_statistics_of_them_all() {
        let rows: Vec<f64> = (0..40).map(|i| f64::from(i * i % 17) - 3.0).collect();
        let (mut single, mut pairs, mut whole) =
            (RunningMeanStd::new(2), RunningMeanStd::new(2), RunningMeanStd::new(2));
        rows.chunks(2).for_each(|row| single.update(row.iter().copied()));
        rows.chunks(4).for_each(|two| pairs.update(two.iter().copied()));
        whole.update(rows.iter().copied());
        for other in [&single, &pairs] {
            assert_close("mean", &other.mean, &whole.mean, 1e-12);
            assert_close("variance", &other.var, &whole.var, 1e-12);
            assert_eq!(other.count, whole.count);
        }
        let even: Vec<f64> = rows.iter().step_by(2).copied().collect();
        let mean = even.iter().sum::<f64>() / 20.0;
        assert!((whole.mean[0] - mean).abs() < 1e-4, "the first numbers weigh only 1e-4");
    }

    #[test]
    fn an_empty_batch_changes_nothing_and_a_broken_row_is_the_callers_mistake() {
        let mut statistics = RunningMeanStd::new(2);
        statistics.update(std::iter::empty());
        assert_eq!(statistics, RunningMeanStd::new(2));
        let broken = std::panic::catch_unwind(move || statistics.update([1.0, 2.0, 3.0].into_iter()));
        assert!(broken.is_err());
    }
}

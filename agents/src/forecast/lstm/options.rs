//! How the workload network is trained.
//!
//! In: a table of a configuration, or the defaults. Out: [`LstmOptions`].
//! Always: the defaults were chosen on the validation parts. Not here: the training (`train.rs`).

use serde::{Deserialize, Serialize};

/// How the network is trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LstmOptions {
    /// Optimiser steps.
    pub steps: usize,
    /// Histories per step.
    pub batch: usize,
    /// Adam's first learning rate; it falls to a twentieth along a cosine.
    pub learning_rate: f64,
    /// Steps between two looks at the validation parts.
    pub check_every: usize,
    /// Seed of weights and batches.
    pub seed: u64,
}

impl Default for LstmOptions {
    fn default() -> Self {
        Self { steps: 1200, batch: 32, learning_rate: 8e-3, check_every: 50, seed: 0 }
    }
}

#[cfg(feature = "training")]
impl LstmOptions {
    /// Learning rate of a step, counted from 1.
    pub(super) fn rate(&self, step: usize) -> f64 {
        let share = step as f64 / self.steps.max(1) as f64;
        let cosine = 0.5 + 0.5 * (std::f64::consts::PI * share).cos();
        self.learning_rate * (0.05 + 0.95 * cosine)
    }
}

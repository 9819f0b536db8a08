//! Uniform random actions: the floor of every table.

use crate::policy::{Policy, Situation};
use flexai_env::core::{SeedTree, StreamRng};
use rand::RngExt;

/// Draws every flat action uniformly from -1 .. 1.
pub(super) struct Random {
    rng: StreamRng,
}

impl Random {
    pub(super) fn new() -> Self {
        Self { rng: SeedTree::new(0).stream("random policy") }
    }
}

impl Policy for Random {
    fn name(&self) -> &str {
        "random"
    }

    fn begin_episode(&mut self, seed: u64) {
        self.rng = SeedTree::new(seed).stream("random policy");
    }

    fn decide(&mut self, _situation: &Situation<'_>, action: &mut [f32]) {
        action.iter_mut().for_each(|a| *a = 2.0 * self.rng.random::<f32>() - 1.0);
    }
}

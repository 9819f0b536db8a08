//! Uniform random actions: the floor of every table.

use super::rival::{NoOptions, RivalPolicy};
use crate::policy::{Policy, Situation};
use flexai_env::core::{SeedTree, StateError, StreamRng, decode_state, encode_state};
use rand::RngExt;

/// Draws every flat action uniformly from -1 .. 1, or from the possible levels where actions are discrete.
pub(super) struct Random {
    rng: StreamRng,
}

impl RivalPolicy for Random {
    type Options = NoOptions;
    const NAME: &'static str = "random";
    const SUMMARY: &'static str = "uniform random actions";

    fn new(_options: NoOptions) -> Self {
        Self { rng: SeedTree::new(0).stream("random policy") }
    }
}

impl Policy for Random {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn begin_episode(&mut self, seed: u64) {
        self.rng = SeedTree::new(seed).stream("random policy");
    }

    fn save_state(&self) -> Vec<u8> {
        encode_state(Self::NAME, &self.rng)
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        self.rng = decode_state(Self::NAME, bytes)?;
        Ok(())
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let mask = situation.mask;
        if mask.is_empty() {
            action.iter_mut().for_each(|a| *a = 2.0 * self.rng.random::<f32>() - 1.0);
            return;
        }
        let levels = mask.len() / action.len();
        for (a, legal) in action.iter_mut().zip(mask.chunks(levels)) {
            let possible = legal.iter().filter(|l| **l).count();
            let pick = self.rng.random_range(0..possible.max(1));
            let level = (0..levels).filter(|level| legal[*level]).nth(pick);
            *a = level.unwrap_or(0) as f32;
        }
    }
}

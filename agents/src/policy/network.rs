//! A trained network as a policy.

use super::{Policy, PolicySource, Situation};
use crate::artifact::{MlpScratch, PolicyNetwork, clip_to_bounds, mode, sample, to_units};
use flexai_env::core::{SeedTree, StreamRng};
use std::sync::Arc;

/// A network that acts by the mode of its distribution, or by drawing from it.
#[derive(Clone)]
pub struct NetworkPolicy {
    name: String,
    network: Arc<PolicyNetwork>,
    draws: Option<StreamRng>,
    scratch: MlpScratch,
    observation: Vec<f32>,
    head: Vec<f32>,
    log_std: Vec<f32>,
}

impl NetworkPolicy {
    /// Acts by the mode.
    pub fn deterministic(name: &str, network: Arc<PolicyNetwork>) -> Self {
        let head = vec![0.0; network.heads.parameter_len()];
        let (scratch, observation, log_std) = (MlpScratch::default(), Vec::new(), Vec::new());
        Self { name: name.into(), network, draws: None, scratch, observation, head, log_std }
    }

    /// Acts by drawing, as in training; noise of state-dependent exploration is drawn anew for each decision.
    pub fn sampled(name: &str, network: Arc<PolicyNetwork>) -> Self {
        let draws = Some(SeedTree::new(0).stream("sampled policy"));
        Self { draws, ..Self::deterministic(name, network) }
    }
}

impl Policy for NetworkPolicy {
    fn name(&self) -> &str {
        &self.name
    }

    fn begin_episode(&mut self, seed: u64) {
        if let Some(draws) = &mut self.draws {
            *draws = SeedTree::new(seed).stream("sampled policy");
        }
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        self.observation.clear();
        self.observation.extend_from_slice(situation.observation);
        self.network.normalize(&mut self.observation);
        self.network.actor.forward(&self.observation, &mut self.scratch, &mut self.head);
        let network = &self.network;
        match &mut self.draws {
            None => mode(&network.heads, &self.head, situation.mask, action),
            Some(rng) => {
                let log_std = network.row_log_std(self.scratch.features(), &mut self.log_std);
                sample(&network.heads, &self.head, log_std, situation.mask, rng, action);
            }
        }
        to_units(&network.heads, action);
        clip_to_bounds(&network.heads.components, action);
    }
}

impl PolicySource for NetworkPolicy {
    fn name(&self) -> &str {
        &self.name
    }

    fn make(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

//! A trained network as a policy.

use super::{Policy, PolicySource, Situation};
use crate::artifact::{MlpScratch, PolicyNetwork, head_len, mode, sample};
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
}

impl NetworkPolicy {
    /// Acts by the mode.
    pub fn deterministic(name: &str, network: Arc<PolicyNetwork>) -> Self {
        let head = vec![0.0; head_len(&network.heads)];
        Self { name: name.into(), network, draws: None, scratch: MlpScratch::default(), observation: Vec::new(), head }
    }

    /// Acts by drawing, as in training.
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
                sample(&network.heads, &self.head, &network.log_std, situation.mask, rng, action);
            }
        }
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

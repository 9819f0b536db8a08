//! A trained network as a policy.

use super::{Policy, PolicySource, Situation};
use crate::artifact::{Memory, MemoryScratch, MlpScratch, PolicyNetwork, clip_to_bounds, mode, sample, to_units};
use flexai_env::core::{SeedTree, StateError, StreamRng};
use std::sync::Arc;

/// A network that acts by the mode of its distribution, or by drawing from it.
#[derive(Clone)]
pub struct NetworkPolicy {
    name: String,
    network: Arc<PolicyNetwork>,
    draws: Option<StreamRng>,
    /// What the actor remembers of the episode; empty without memory.
    state: Vec<f32>,
    memory: MemoryScratch,
    scratch: MlpScratch,
    observation: Vec<f32>,
    head: Vec<f32>,
    log_std: Vec<f32>,
}

impl NetworkPolicy {
    /// Acts by the mode.
    pub fn deterministic(name: &str, network: Arc<PolicyNetwork>) -> Self {
        let head = vec![0.0; network.heads.parameter_len()];
        let state = vec![0.0; network.actor_memory.as_ref().map_or(0, Memory::state_len)];
        Self {
            name: name.into(),
            network,
            draws: None,
            state,
            memory: MemoryScratch::default(),
            scratch: MlpScratch::default(),
            observation: Vec::new(),
            head,
            log_std: Vec::new(),
        }
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
        self.state.fill(0.0);
        if let Some(draws) = &mut self.draws {
            *draws = SeedTree::new(seed).stream("sampled policy");
        }
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        self.observation.clear();
        self.observation.extend_from_slice(situation.observation);
        self.network.normalize(&mut self.observation);
        let network = &self.network;
        let seen = match &network.actor_memory {
            None => self.observation.as_slice(),
            Some(memory) => {
                memory.step(&self.observation, &mut self.state, &mut self.memory);
                self.memory.shown()
            }
        };
        network.actor.forward(seen, &mut self.scratch, &mut self.head);
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

    fn save_state(&self) -> Vec<u8> {
        self.state.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        if bytes.len() != 4 * self.state.len() || numbers.iter().any(|x| !x.is_finite()) {
            let reason = format!("{} bytes, expected {} finite numbers of 4", bytes.len(), self.state.len());
            return Err(StateError { environment: self.name.clone(), reason });
        }
        self.state = numbers;
        Ok(())
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

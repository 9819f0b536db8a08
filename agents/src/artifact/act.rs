//! One decision: from a raw observation to an action that can be carried out.
//!
//! In: a raw observation, a mask, a mode. Out: a [`Decision`].
//! Always: the action is inside the bounds and legal; the deterministic one has the same bits on every machine.
//! Not here: training's batches (`ppo/`), what is safe for the site (the orchestrator's guard).

use super::head::{self, clip_to_bounds, to_units};
use super::layers::MlpScratch;
use super::memory::{MemoryScratch, MemoryState};
use super::network::{CriticInput, PolicyNetwork};
use flexai_env::core::{ActionComponent, StreamRng};

/// How the action is taken from its distribution.
#[derive(Debug)]
pub enum ActMode<'a> {
    /// The mean of continuous parts (of a squashed normal its median), the most probable legal option of discrete ones.
    Deterministic,
    /// A draw.
    Sampled(&'a mut StreamRng),
}

/// What the policy decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Flat action to carry out, inside its bounds.
    pub action: Vec<f32>,
    /// The same as the distribution has it: a normal's before squashing or clipping, a beta's between 0 and 1.
    pub raw_action: Vec<f32>,
    /// Log-probability of `raw_action` (a density in its continuous parts).
    pub log_prob: f32,
    /// The critic's expectation of the return from here (unit: the training reward's); `None` without a critic that reads
    /// the observation alone.
    pub value: Option<f32>,
}

/// Buffers of [`PolicyNetwork::act`], kept between calls.
#[derive(Debug, Clone, Default)]
pub struct ActScratch {
    mlp: MlpScratch,
    memory: MemoryScratch,
    observation: Vec<f32>,
    parameters: Vec<f32>,
    log_std: Vec<f32>,
}

impl ActScratch {
    /// Head parameters of the last decision, as [`super::ActionHead`] lays them out; logits unmasked.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }
}

/// An observation or a mask that a policy cannot decide on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InputError {
    /// Wrong length of the observation.
    #[error("the observation has {found} numbers, the policy expects {expected}")]
    ObservationLength {
        /// Numbers given.
        found: usize,
        /// Numbers expected.
        expected: usize,
    },
    /// A number that is not finite.
    #[error("index {index} of the observation is {found}, expected a finite number")]
    NotFinite {
        /// Flat index.
        index: usize,
        /// The number there.
        found: f32,
    },
    /// Wrong length of the mask.
    #[error("the mask has {found} entries, the policy expects {expected}, one per option")]
    MaskLength {
        /// Entries given.
        found: usize,
        /// Entries expected.
        expected: usize,
    },
    /// A choice without a legal option.
    #[error("the mask forbids every option of the choice at action index {index}, expected at least one legal option")]
    NothingLegal {
        /// Flat action index of the choice.
        index: usize,
    },
}

impl PolicyNetwork {
    /// Decides on one raw observation, `[observation_len]`; `mask` is `[mask_len]`, or empty if all options are legal.
    ///
    /// `state` is what the policy remembers of the episode: [`MemoryState::forget`] it where one begins. A policy without
    /// memory leaves it empty.
    ///
    /// # Panics
    /// If a length is wrong or the mask forbids every option of a choice: [`PolicyNetwork::check_input`] tells.
    pub fn act(
        &self,
        observation: &[f32],
        mask: &[bool],
        state: &mut MemoryState,
        scratch: &mut ActScratch,
        mode: ActMode<'_>,
    ) -> Decision {
        assert_eq!(observation.len(), self.observation_len(), "the observation has the length of the policy's input");
        assert_eq!(self.unusable_mask(mask), None, "the mask fits and leaves an option of every choice");
        let ActScratch { mlp, memory, observation: normalized, parameters, log_std } = scratch;
        normalized.clear();
        normalized.extend_from_slice(observation);
        self.normalize(normalized);
        parameters.resize(self.actor.outputs(), 0.0);
        let seen = match &self.actor_memory {
            None => normalized.as_slice(),
            Some(cell) => {
                cell.step_one(normalized, &mut state.actor, memory);
                memory.shown()
            }
        };
        self.actor.forward(seen, mlp, parameters);
        let log_std = self.row_log_std(mlp.features(), log_std);
        let mut raw_action = vec![0.0; self.action_len()];
        let log_prob = match mode {
            ActMode::Deterministic => {
                head::mode(&self.heads, parameters, mask, &mut raw_action);
                head::log_prob(&self.heads, parameters, log_std, mask, &raw_action)
            }
            ActMode::Sampled(rng) => head::sample(&self.heads, parameters, log_std, mask, rng, &mut raw_action),
        };
        let mut value = [0.0];
        let known = !matches!(self.critic_input, CriticInput::Privileged | CriticInput::Absent);
        match self.critic_input {
            CriticInput::Privileged | CriticInput::Absent => {}
            CriticInput::Observation => {
                let seen = match &self.critic_memory {
                    None => normalized.as_slice(),
                    Some(cell) => {
                        cell.step_one(normalized, &mut state.critic, memory);
                        memory.shown()
                    }
                };
                self.critic.forward(seen, mlp, &mut value);
            }
            CriticInput::Features => self.critic.forward_last(mlp.features(), &mut value),
        }
        let mut action = raw_action.clone();
        to_units(&self.heads, &mut action);
        clip_to_bounds(&self.heads.components, &mut action);
        Decision { action, raw_action, log_prob, value: known.then_some(value[0]) }
    }

    /// Whether [`PolicyNetwork::act`] can decide on this input.
    ///
    /// # Errors
    /// [`InputError`] names the first fault.
    pub fn check_input(&self, observation: &[f32], mask: &[bool]) -> Result<(), InputError> {
        if observation.len() != self.observation_len() {
            return Err(InputError::ObservationLength { found: observation.len(), expected: self.observation_len() });
        }
        if let Some(index) = observation.iter().position(|x| !x.is_finite()) {
            return Err(InputError::NotFinite { index, found: observation[index] });
        }
        self.unusable_mask(mask).map_or(Ok(()), Err)
    }

    fn unusable_mask(&self, mask: &[bool]) -> Option<InputError> {
        if mask.is_empty() {
            return None;
        }
        let expected = self.mask_len();
        if mask.len() != expected {
            return Some(InputError::MaskLength { found: mask.len(), expected });
        }
        let mut at = 0;
        for head in &self.heads.components {
            if let ActionComponent::Categorical { offset, n, .. } = head {
                if !mask[at..at + n].contains(&true) {
                    return Some(InputError::NothingLegal { index: *offset });
                }
                at += n;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::layers::Activation;
    use super::*;
    use flexai_env::core::{ObservationNormalizer, SeedTree, Space};

    fn mixed() -> PolicyNetwork {
        let entries = vec![
            ("battery".into(), Space::Box { low: vec![-0.1, 0.0], high: vec![0.1, f32::INFINITY] }),
            ("start".into(), Space::Discrete { n: 3, start: 1 }),
        ];
        let mut rng = SeedTree::new(1).stream("weights");
        let mut network = PolicyNetwork::drawn(4, &Space::Dict { entries }, &[16, 16], Activation::Tanh, &mut rng);
        let mut normalizer = ObservationNormalizer::new(4, 10.0);
        normalizer.update(&[100.0, 0.0, -3.0, 1e6, 140.0, 0.5, -1.0, 3e6]);
        network.normalizer = Some(normalizer);
        network
    }

    #[test]
    fn the_action_is_the_clipped_mean_and_the_best_legal_option() {
        let network = mixed();
        let mut scratch = ActScratch::default();
        let mut clipped = 0;
        for i in 0..200 {
            let x = i as f32 / 100.0 - 1.0;
            let observation = [120.0 + 30.0 * x, x * x, -2.0 - x, 2e6 * x];
            let mask = [i % 2 == 0, i % 3 == 0, true];
            let decision =
                network.act(&observation, &mask, &mut MemoryState::default(), &mut scratch, ActMode::Deterministic);
            assert_eq!(decision.raw_action[..2], scratch.parameters()[..2]);
            assert_eq!(decision.action[0], decision.raw_action[0].clamp(-0.1, 0.1));
            assert!(decision.action[1] >= 0.0);
            assert!(mask[decision.action[2] as usize - 1]);
            clipped += usize::from(decision.action != decision.raw_action);
        }
        assert!(clipped > 50, "only {clipped} of 200 actions met a bound: the test sees nothing");
    }

    #[test]
    fn a_sample_repeats_with_its_seed_and_its_log_probability_is_that_of_the_raw_action() {
        let network = mixed();
        let mut scratch = ActScratch::default();
        let mut draw = |seed| {
            let mut rng = SeedTree::new(seed).stream("act");
            let state = &mut MemoryState::default();
            let d = network.act(&[120.0, 0.1, -2.0, 0.0], &[], state, &mut scratch, ActMode::Sampled(&mut rng));
            let again = head::log_prob(&network.heads, scratch.parameters(), &network.log_std, &[], &d.raw_action);
            assert_eq!(d.log_prob, again);
            d
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1).raw_action, draw(2).raw_action);
    }

    #[test]
    fn an_input_that_cannot_be_decided_on_is_named() {
        let network = mixed();
        let words = |x: &[f32], mask: &[bool]| network.check_input(x, mask).expect_err("refused").to_string();
        assert_eq!(words(&[0.0], &[]), "the observation has 1 numbers, the policy expects 4");
        let infinite = [0.0, 0.0, f32::INFINITY, 0.0];
        assert_eq!(words(&infinite, &[]), "index 2 of the observation is inf, expected a finite number");
        assert_eq!(words(&[0.0; 4], &[true]), "the mask has 1 entries, the policy expects 3, one per option");
        assert_eq!(
            words(&[0.0; 4], &[false; 3]),
            "the mask forbids every option of the choice at action index 2, expected at least one legal option"
        );
        assert_eq!(network.check_input(&[0.0; 4], &[false, true, false]), Ok(()));
    }
}

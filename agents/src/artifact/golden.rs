//! Golden vectors: inputs with the outputs that every runtime of the policy must find.
//!
//! In: a network and inputs. Out: [`GoldenVector`]s, also as JSON lines for a check outside this workbench.
//! Always: every kind of head is met with masks that leave at least one option. Not here: the comparison (`import.rs`).

use super::act::{ActMode, ActScratch};
use super::memory::MemoryState;
use super::network::PolicyNetwork;
use flexai_env::core::{ActionComponent, SeedTree, Space, StreamRng};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// An observation with its mask.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PolicyInput {
    /// Raw observation, `[observation_len]`.
    pub observation: Vec<f32>,
    /// One entry per option; empty if all are legal.
    pub mask: Vec<bool>,
}

/// An input with everything the deterministic policy makes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenVector {
    /// Whether an episode begins here; never true of a policy without memory, whose decisions are all alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
    /// Raw observation, `[observation_len]`.
    pub observation: Vec<f32>,
    /// One entry per option; absent if all are legal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mask: Vec<bool>,
    /// Head parameters as the actor says them; logits unmasked.
    pub head: Vec<f32>,
    /// Deterministic action, clipped.
    pub action: Vec<f32>,
    /// Value of the observation; absent if the policy has no critic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f32>,
    /// Log-probability of the deterministic action before clipping.
    pub log_prob: f32,
    /// What is remembered afterwards, the actor's, then the critic's; absent without memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub state: Vec<f32>,
}

impl GoldenVector {
    /// What `network` makes of an input where it remembers `state`.
    ///
    /// # Panics
    /// As [`PolicyNetwork::act`], if the input does not fit.
    pub fn of(network: &PolicyNetwork, input: &PolicyInput, state: &mut MemoryState, scratch: &mut ActScratch) -> Self {
        let first = network.actor_memory.is_some() && *state == MemoryState::default();
        let decision = network.act(&input.observation, &input.mask, state, scratch, ActMode::Deterministic);
        Self {
            first,
            observation: input.observation.clone(),
            mask: input.mask.clone(),
            head: scratch.parameters().to_vec(),
            action: decision.action,
            value: decision.value,
            log_prob: decision.log_prob,
            state: state.to_vec(),
        }
    }
}

/// Draws `n` inputs: within two deviations of what the normaliser has seen, or members of the observation space; about
/// half of the options are legal, in the first input all.
pub fn draw_inputs(network: &PolicyNetwork, observation_space: &Space, n: usize, seed: u64) -> Vec<PolicyInput> {
    let mut rng = SeedTree::new(seed).stream("golden inputs");
    (0..n)
        .map(|i| PolicyInput {
            observation: draw_observation(network, observation_space, &mut rng),
            mask: draw_mask(&network.heads.components, i == 0, &mut rng),
        })
        .collect()
}

/// Decisions of one episode in [`write_cases`].
const EPISODE: usize = 10;

/// Writes what `network` makes of `n` drawn inputs, ten to an episode, as JSON lines of [`GoldenVector`]s.
///
/// # Errors
/// Those of the writer.
pub fn write_cases(
    network: &PolicyNetwork,
    observation_space: &Space,
    n: usize,
    seed: u64,
    mut out: impl Write,
) -> io::Result<()> {
    let (mut state, mut scratch) = (MemoryState::default(), ActScratch::default());
    for (i, input) in draw_inputs(network, observation_space, n, seed).iter().enumerate() {
        if i % EPISODE == 0 {
            state.forget();
        }
        serde_json::to_writer(&mut out, &GoldenVector::of(network, input, &mut state, &mut scratch))?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Ranges wider than this are no ranges of a real quantity, only formal bounds.
const RANGE_MAX: f32 = 1e4;

fn draw_observation(network: &PolicyNetwork, space: &Space, rng: &mut StreamRng) -> Vec<f32> {
    let mut x = vec![0.0; space.flat_len()];
    for part in space.components() {
        match part {
            ActionComponent::Continuous { offset, low, high } => {
                for (i, (low, high)) in low.iter().zip(&high).enumerate() {
                    x[offset + i] = draw_number(network, offset + i, *low, *high, rng);
                }
            }
            ActionComponent::Categorical { offset, n, start } => {
                x[offset] = (start + rng.random_range(0..n.max(1)) as i32) as f32;
            }
        }
    }
    x
}

fn draw_number(network: &PolicyNetwork, index: usize, low: f32, high: f32, rng: &mut StreamRng) -> f32 {
    let normal: f32 = StandardNormal.sample(rng);
    let uniform: f32 = rng.random();
    let free = match &network.normalizer {
        Some(seen) => {
            let deviation = 2.0 * f64::from(normal) * seen.statistics.scale(index);
            (seen.statistics.mean[index] + deviation) as f32
        }
        None if high - low < RANGE_MAX => low + (high - low) * uniform,
        None => normal,
    };
    free.max(low).min(high)
}

fn draw_mask(heads: &[ActionComponent], all: bool, rng: &mut StreamRng) -> Vec<bool> {
    let mut mask = Vec::new();
    for head in heads {
        if let ActionComponent::Categorical { n, .. } = head {
            let kept = rng.random_range(0..*n);
            mask.extend((0..*n).map(|k| rng.random::<bool>() || k == kept || all));
        }
    }
    mask
}

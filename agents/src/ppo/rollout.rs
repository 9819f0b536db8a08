//! What one round of collecting brought, on the host and on the device.
//!
//! In: rows written by the collector. Out: advantages, and batches of tensors for the learner.
//! Always: time-major `[num_steps, num_envs]`, flat index `t * num_envs + e`; observations as the policy saw them,
//! actions unclipped; `next_values` belongs to the true successor. Not here: how it is filled (`collector.rs`).

use super::credit;
use super::distribution::{ActionBatch, HeadLayout};
use super::gae::{self, Advantages, GaeInput};
use super::memory::Sequences;
use crate::artifact::MemoryState;
use burn::tensor::{Device, Int, Tensor, TensorData};
use flexai_env::core::RewardParts;
use std::ops::Range;

/// A rollout on the host.
#[derive(Debug, Clone, Default)]
pub(super) struct RolloutBuffer {
    pub(super) num_steps: usize,
    pub(super) num_envs: usize,
    /// `[num_steps, num_envs, observation_len]`, normalised.
    pub(super) observations: Vec<f32>,
    /// `[num_steps, num_envs, privileged_len]`: what only the critic reads; empty if it reads what the actor does.
    pub(super) privileged: Vec<f32>,
    /// `[num_envs, state_len]` of actor and critic: what was remembered before the first step; empty without memory.
    pub(super) memory: MemoryState,
    /// `[num_steps, num_envs, action_len]`, as sampled.
    pub(super) actions: Vec<f32>,
    /// `[num_steps, num_envs, action_len]`: what the teacher would do, as it would be stored; empty without one.
    pub(super) teacher: Vec<f32>,
    /// `[num_steps, num_envs, mask_len]`, true where an option is legal.
    pub(super) masks: Vec<bool>,
    /// `[num_steps, num_envs]`, of the stored actions under the policy that took them.
    pub(super) log_probs: Vec<f32>,
    /// How rewards divide; `None` if the whole action is credited with the whole reward.
    pub(super) parts: Option<RewardParts>,
    /// `[num_steps, num_envs, action_len]`: of each number by itself; empty without parts.
    pub(super) own_log_probs: Vec<f32>,
    /// `[num_steps, num_envs, parts]`, scaled if rewards are normalised; one part if they are not divided.
    pub(super) rewards: Vec<f64>,
    /// `[num_steps, num_envs, parts]`.
    pub(super) values: Vec<f32>,
    /// `[num_steps, num_envs, parts]`, of the true successor.
    pub(super) next_values: Vec<f32>,
    /// `[num_steps, num_envs]`.
    pub(super) terminated: Vec<bool>,
    /// `[num_steps, num_envs]`.
    pub(super) truncated: Vec<bool>,
}

/// A rollout, or rows of it, on the device; none of it is on the tape.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    /// `[rows, observation_len]`.
    pub(super) observation: Tensor<2>,
    /// `[rows, privileged_len]`; absent if the critic reads what the actor does.
    pub(super) privileged: Option<Tensor<2>>,
    /// Says that the rows are sequences; absent without memory.
    pub(super) sequences: Option<Sequences>,
    /// The actions, taken apart.
    pub(super) actions: ActionBatch,
    /// The teacher's actions, taken apart; absent where none was asked.
    pub(super) teacher: Option<ActionBatch>,
    /// Whether each number of the action is judged by itself.
    pub(super) judged_apart: bool,
    /// `[rows, judged]`.
    pub(super) old_log_prob: Tensor<2>,
    /// `[rows, parts]`.
    pub(super) old_value: Tensor<2>,
    /// `[rows, parts]`.
    pub(super) returns: Tensor<2>,
    /// `[rows, judged]`, normalised if so configured.
    pub(super) advantage: Tensor<2>,
}

impl RolloutBuffer {
    /// Room for a rollout.
    pub(super) fn new(
        num_steps: usize,
        num_envs: usize,
        observation_len: usize,
        privileged_len: usize,
        action_len: usize,
        mask_len: usize,
    ) -> Self {
        let n = num_steps * num_envs;
        Self {
            num_steps,
            num_envs,
            observations: vec![0.0; n * observation_len],
            privileged: vec![0.0; n * privileged_len],
            memory: MemoryState::default(),
            actions: vec![0.0; n * action_len],
            teacher: Vec::new(),
            masks: vec![true; n * mask_len],
            log_probs: vec![0.0; n],
            parts: None,
            own_log_probs: Vec::new(),
            rewards: vec![0.0; n],
            values: vec![0.0; n],
            next_values: vec![0.0; n],
            terminated: vec![false; n],
            truncated: vec![false; n],
        }
    }

    /// So many rounds one after the other, as as many environments beside each other.
    pub(super) fn side_by_side(&self, rounds: usize) -> Self {
        Self {
            num_steps: self.num_steps / rounds,
            num_envs: self.num_envs * rounds,
            observations: self.beside(rounds, &self.observations),
            privileged: self.beside(rounds, &self.privileged),
            memory: self.memory.clone(),
            actions: self.beside(rounds, &self.actions),
            teacher: self.beside(rounds, &self.teacher),
            masks: self.beside(rounds, &self.masks),
            log_probs: self.beside(rounds, &self.log_probs),
            parts: self.parts.clone(),
            own_log_probs: self.beside(rounds, &self.own_log_probs),
            rewards: self.beside(rounds, &self.rewards),
            values: self.beside(rounds, &self.values),
            next_values: self.beside(rounds, &self.next_values),
            terminated: self.beside(rounds, &self.terminated),
            truncated: self.beside(rounds, &self.truncated),
        }
    }

    /// Numbers of every transition in the order of [`RolloutBuffer::side_by_side`].
    pub(super) fn beside<T: Copy>(&self, rounds: usize, numbers: &[T]) -> Vec<T> {
        let row = numbers.len() / self.num_steps;
        let steps = self.num_steps / rounds;
        let at = |t: usize, round: usize| (round * steps + t) * row;
        let all = (0..steps).flat_map(|t| (0..rounds).map(move |round| (t, round)));
        all.flat_map(|(t, round)| &numbers[at(t, round)..at(t, round) + row]).copied().collect()
    }

    /// The same rollout with rewards that divide.
    pub(super) fn divided(mut self, parts: RewardParts) -> Self {
        let numbers = self.len() * parts.count;
        self.own_log_probs = vec![0.0; self.actions.len()];
        (self.rewards, self.values, self.next_values) = (vec![0.0; numbers], vec![0.0; numbers], vec![0.0; numbers]);
        self.parts = Some(parts);
        self
    }

    /// Parts of a reward; 1 if it does not divide.
    pub(super) fn part_count(&self) -> usize {
        self.parts.as_ref().map_or(1, |parts| parts.count)
    }

    /// Numbers of an action that are judged apart; 1 if it is judged as a whole.
    pub(super) fn judged(&self) -> usize {
        self.parts.as_ref().map_or(1, |parts| parts.of_action.len())
    }

    /// Number of transitions.
    pub(super) fn len(&self) -> usize {
        self.num_steps * self.num_envs
    }

    /// Advantages, `[num_steps, num_envs, judged]`, and returns, `[num_steps, num_envs, parts]`, of all transitions;
    /// `others` is what parts that other numbers earn count for.
    pub(super) fn advantages(&self, gamma: f64, lambda: f64, others: f64) -> Advantages {
        let input = GaeInput {
            num_envs: self.num_envs,
            parts: self.part_count(),
            rewards: &self.rewards,
            values: &self.values,
            next_values: &self.next_values,
            terminated: &self.terminated,
            truncated: &self.truncated,
        };
        let Advantages { advantages, returns } = gae::advantages(input, gamma, lambda);
        let advantages = match &self.parts {
            Some(parts) => credit::of_actions(parts, &advantages, others),
            None => advantages,
        };
        Advantages { advantages, returns }
    }

    /// Copies the rollout to the device, once per update; `advantages` are raw.
    pub(super) fn upload(&self, layout: &HeadLayout, advantages: &Advantages, device: &Device) -> Batch {
        let rows = self.len();
        let all_legal = self.masks.iter().all(|legal| *legal);
        let forbidden = || self.masks.iter().map(|legal| !legal).collect::<Vec<bool>>();
        let upload = |actions: &[f32]| {
            let (continuous, choices) = layout.split(actions);
            ActionBatch {
                continuous: (layout.continuous > 0)
                    .then(|| Tensor::from_data(TensorData::new(continuous, [rows, layout.continuous]), device)),
                choices: (layout.choices > 0)
                    .then(|| Tensor::from_data(TensorData::new(choices, [rows, layout.choices]), device)),
                forbidden: (!all_legal)
                    .then(|| Tensor::from_data(TensorData::new(forbidden(), [rows, layout.options]), device)),
            }
        };
        let observation_len = self.observations.len() / rows;
        Batch {
            observation: Tensor::from_data(TensorData::new(self.observations.clone(), [rows, observation_len]), device),
            privileged: (!self.privileged.is_empty()).then(|| {
                let shape = [rows, self.privileged.len() / rows];
                Tensor::from_data(TensorData::new(self.privileged.clone(), shape), device)
            }),
            sequences: Sequences::of(self, device),
            actions: upload(&self.actions),
            teacher: (!self.teacher.is_empty()).then(|| upload(&self.teacher)),
            old_log_prob: match self.parts {
                Some(_) => table(self.own_log_probs.clone(), rows, device),
                None => table(self.log_probs.clone(), rows, device),
            },
            judged_apart: self.parts.is_some(),
            old_value: table(self.values.clone(), rows, device),
            returns: table(narrow(&advantages.returns), rows, device),
            advantage: table(narrow(&advantages.advantages), rows, device),
        }
    }
}

impl Batch {
    /// The rows with these indices, in this order; those of a policy with memory are sequences of these lanes.
    pub(super) fn select(&self, indices: &[i32], lanes: &[i32]) -> Self {
        let device = self.observation.device();
        let at = Tensor::<1, Int>::from_data(TensorData::new(indices.to_vec(), [indices.len()]), &device);
        let pick = |x: &Tensor<2>| x.clone().select(0, at.clone());
        let taken = |actions: &ActionBatch| ActionBatch {
            continuous: actions.continuous.as_ref().map(pick),
            choices: actions.choices.clone().map(|x| x.select(0, at.clone())),
            forbidden: actions.forbidden.clone().map(|x| x.select(0, at.clone())),
        };
        Self {
            observation: pick(&self.observation),
            privileged: self.privileged.as_ref().map(pick),
            sequences: self.sequences.as_ref().map(|sequences| sequences.select(&at, lanes)),
            actions: taken(&self.actions),
            teacher: self.teacher.as_ref().map(taken),
            judged_apart: self.judged_apart,
            old_log_prob: pick(&self.old_log_prob),
            old_value: pick(&self.old_value),
            returns: pick(&self.returns),
            advantage: pick(&self.advantage),
        }
    }

    /// A run of neighbouring rows, of a policy with memory one of whole sequences.
    pub(super) fn rows(&self, range: Range<usize>) -> Self {
        let pick = |x: &Tensor<2>| x.clone().slice([range.clone()]);
        let taken = |actions: &ActionBatch| ActionBatch {
            continuous: actions.continuous.as_ref().map(pick),
            choices: actions.choices.clone().map(|x| x.slice([range.clone()])),
            forbidden: actions.forbidden.clone().map(|x| x.slice([range.clone()])),
        };
        Self {
            observation: pick(&self.observation),
            privileged: self.privileged.as_ref().map(pick),
            sequences: self.sequences.as_ref().map(|sequences| sequences.rows(range.clone())),
            actions: taken(&self.actions),
            teacher: self.teacher.as_ref().map(taken),
            judged_apart: self.judged_apart,
            old_log_prob: pick(&self.old_log_prob),
            old_value: pick(&self.old_value),
            returns: pick(&self.returns),
            advantage: pick(&self.advantage),
        }
    }

    /// The same rows with other advantages, given in their order.
    pub(super) fn with_advantages(mut self, advantages: &[f64]) -> Self {
        let rows = self.old_log_prob.dims()[0];
        self.advantage = table(narrow(advantages), rows, &self.old_log_prob.device());
        self
    }
}

fn table(values: Vec<f32>, rows: usize, device: &Device) -> Tensor<2> {
    let columns = values.len() / rows;
    Tensor::from_data(TensorData::new(values, [rows, columns]), device)
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|x| *x as f32).collect()
}

//! Many environments stepped together, with same-step autoreset.
//!
//! In: one flat action batch. Out: flat batches of observations, rewards and endings.
//! Always: where an episode ended, `final_observation` holds its last observation and `observation` the first of
//! the next one (Gymnasium's `SameStep`); results do not depend on the number of threads.
//! Not here: normalisation (`normalize.rs`).

use super::env::{Env, StateError};
use super::info::EpisodeStatistics;
use super::seeding::SeedTree;
use super::space::Space;
use rayon::prelude::*;

/// From this many environments on, a step is shared between threads.
const PARALLEL_FROM: usize = 16;

/// A batch of environments of one kind.
pub struct VecEnv {
    slots: Vec<Slot>,
    action_len: usize,
    observation: Vec<f32>,
    final_observation: Vec<f32>,
    reward: Vec<f64>,
    terminated: Vec<bool>,
    truncated: Vec<bool>,
    mask: Vec<bool>,
    info: Vec<f64>,
    episodes: Vec<EpisodeStatistics>,
}

/// One environment with the row of results that its thread writes.
struct Slot {
    env: Box<dyn Env>,
    observation: Vec<f32>,
    final_observation: Vec<f32>,
    reward: f64,
    terminated: bool,
    truncated: bool,
    info: Vec<f64>,
    episode: Option<EpisodeStatistics>,
}

/// What one step of the batch brought; row `e` belongs to environment `e`.
#[derive(Debug)]
pub struct VecStep<'a> {
    /// `[num_envs, observation_len]`, already that of the next episode where one ended.
    pub observation: &'a [f32],
    /// `[num_envs, observation_len]`; meaningful only in rows where an episode ended.
    pub final_observation: &'a [f32],
    /// `[num_envs]`.
    pub reward: &'a [f64],
    /// `[num_envs]`.
    pub terminated: &'a [bool],
    /// `[num_envs]`.
    pub truncated: &'a [bool],
    /// `[num_envs, mask_len]`: the mask of `observation`; empty if the actions have no discrete part.
    pub mask: &'a [bool],
    /// `[num_envs, info_keys]`: info of the step.
    pub info: &'a [f64],
    /// Episodes that ended in this step, in the order of the environments.
    pub episodes: &'a [EpisodeStatistics],
}

impl VecEnv {
    /// Takes environments of the same kind.
    ///
    /// # Panics
    /// If there is none, or their spaces differ.
    pub fn new(envs: Vec<Box<dyn Env>>) -> Self {
        let first = envs.first().expect("a batch needs at least one environment");
        let observation_len = first.observation_space().flat_len();
        let action_len = first.action_space().flat_len();
        let mask_len = first.action_space().mask_len();
        let info_len = first.info_keys().len();
        let same = |e: &dyn Env| {
            e.action_space() == first.action_space() && e.observation_space().flat_len() == observation_len
        };
        assert!(envs.iter().all(|e| same(e.as_ref())), "all environments of a batch must have the same spaces");
        let n = envs.len();
        let slot = |env| Slot {
            env,
            observation: vec![0.0; observation_len],
            final_observation: vec![0.0; observation_len],
            reward: 0.0,
            terminated: false,
            truncated: false,
            info: vec![0.0; info_len],
            episode: None,
        };
        Self {
            slots: envs.into_iter().map(slot).collect(),
            action_len,
            observation: vec![0.0; n * observation_len],
            final_observation: vec![0.0; n * observation_len],
            reward: vec![0.0; n],
            terminated: vec![false; n],
            truncated: vec![false; n],
            mask: vec![true; n * mask_len],
            info: vec![0.0; n * info_len],
            episodes: Vec::new(),
        }
    }

    /// Number of environments.
    pub fn num_envs(&self) -> usize {
        self.slots.len()
    }

    /// Space of one environment's observations.
    pub fn observation_space(&self) -> &Space {
        self.first().observation_space()
    }

    /// Space of one environment's actions.
    pub fn action_space(&self) -> &Space {
        self.first().action_space()
    }

    /// Names of the info columns.
    pub fn info_keys(&self) -> &'static [&'static str] {
        self.first().info_keys()
    }

    /// The first environment, for its schema and names.
    pub fn first(&self) -> &dyn Env {
        self.slots[0].env.as_ref()
    }

    /// Present observations, `[num_envs, observation_len]`.
    pub fn observation(&self) -> &[f32] {
        &self.observation
    }

    /// Present masks, `[num_envs, mask_len]`; empty if the actions have no discrete part.
    pub fn mask(&self) -> &[bool] {
        &self.mask
    }

    /// Starts an episode everywhere; environment `e` gets the seed of child `("env", e)`.
    pub fn reset(&mut self, seed: u64) {
        let tree = SeedTree::new(seed);
        for (e, slot) in self.slots.iter_mut().enumerate() {
            let first = slot.env.reset(Some(tree.child("env", e as u64).seed()));
            slot.observation.copy_from_slice(first.observation);
        }
        self.gather();
    }

    /// Plays one step everywhere; `actions` is `[num_envs, action_len]`.
    ///
    /// # Panics
    /// If `actions` has another length.
    pub fn step(&mut self, actions: &[f32]) -> VecStep<'_> {
        assert_eq!(actions.len(), self.slots.len() * self.action_len, "one action per environment");
        let len = self.action_len;
        if self.slots.len() >= PARALLEL_FROM {
            self.slots.par_iter_mut().zip(actions.par_chunks(len)).for_each(|(slot, action)| slot.step(action));
        } else {
            self.slots.iter_mut().zip(actions.chunks(len)).for_each(|(slot, action)| slot.step(action));
        }
        self.gather();
        VecStep {
            observation: &self.observation,
            final_observation: &self.final_observation,
            reward: &self.reward,
            terminated: &self.terminated,
            truncated: &self.truncated,
            mask: &self.mask,
            info: &self.info,
            episodes: &self.episodes,
        }
    }

    /// The state of every environment, to continue exactly from here.
    pub fn save_state(&self) -> Vec<Vec<u8>> {
        self.slots.iter().map(|slot| slot.env.save_state()).collect()
    }

    /// Continues from [`VecEnv::save_state`] of a batch of the same size and configuration.
    ///
    /// # Errors
    /// [`StateError`] if the number of environments differs, or one state does not fit.
    pub fn load_state(&mut self, states: &[Vec<u8>]) -> Result<(), StateError> {
        if states.len() != self.slots.len() {
            return Err(StateError {
                environment: format!("batch of {} environments", self.slots.len()),
                reason: format!("it holds {} environments", states.len()),
            });
        }
        for (slot, bytes) in self.slots.iter_mut().zip(states) {
            slot.env.load_state(bytes)?;
            slot.observation.copy_from_slice(slot.env.observation());
        }
        self.gather();
        Ok(())
    }

    fn gather(&mut self) {
        self.episodes.clear();
        let observation_len = self.slots[0].observation.len();
        let mask_len = self.mask.len() / self.slots.len();
        let info_len = self.slots[0].info.len();
        for (e, slot) in self.slots.iter_mut().enumerate() {
            let row = e * observation_len..(e + 1) * observation_len;
            self.observation[row.clone()].copy_from_slice(&slot.observation);
            self.final_observation[row].copy_from_slice(&slot.final_observation);
            self.reward[e] = slot.reward;
            self.terminated[e] = slot.terminated;
            self.truncated[e] = slot.truncated;
            self.info[e * info_len..(e + 1) * info_len].copy_from_slice(&slot.info);
            let mask = &mut self.mask[e * mask_len..(e + 1) * mask_len];
            match slot.env.action_mask() {
                Some(legal) => mask.copy_from_slice(legal),
                None => mask.fill(true),
            }
            self.episodes.extend(slot.episode.take());
        }
    }
}

impl Slot {
    fn step(&mut self, action: &[f32]) {
        let result = self.env.step(action);
        self.reward = result.reward;
        self.terminated = result.terminated;
        self.truncated = result.truncated;
        self.info.copy_from_slice(result.info.values());
        self.episode.clone_from(&result.info.episode);
        if self.terminated || self.truncated {
            self.final_observation.copy_from_slice(result.observation);
            let first = self.env.reset(None);
            self.observation.copy_from_slice(first.observation);
        } else {
            self.observation.copy_from_slice(result.observation);
        }
    }
}

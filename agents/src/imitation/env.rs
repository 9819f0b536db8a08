//! A site or fleet with a teacher beside it: what an imitating policy is trained in.
//!
//! Always: spaces, observations and rewards are the fleet's own; the teacher is asked only when somebody asks, at most
//! once per step; a saved state continues exactly, the teacher included. Not here: who learns from it (`ppo/`).

use super::teacher;
use crate::policy::{Policy, Situation};
use flexai_env::core::{
    Env, ObservationSchema, Reset, RewardParts, Space, StateError, StepResult, decode_state, encode_state,
};
use flexai_env::site::FlexFleet;
use serde::{Deserialize, Serialize};

const OWNER: &str = "taught fleet";

/// [`FlexFleet`] with a teacher.
pub struct TaughtFleet {
    fleet: FlexFleet,
    teacher: Box<dyn Policy>,
}

#[derive(Serialize, Deserialize)]
struct SavedState {
    fleet: Vec<u8>,
    teacher: Vec<u8>,
}

impl TaughtFleet {
    /// A fleet with a rival as teacher; call `reset` before the first step.
    ///
    /// # Errors
    /// A message if it is no rival.
    pub fn new(fleet: FlexFleet, name: &str) -> Result<Self, String> {
        Ok(Self { fleet, teacher: teacher(name)? })
    }

    /// The fleet itself.
    pub fn fleet(&self) -> &FlexFleet {
        &self.fleet
    }
}

impl Env for TaughtFleet {
    fn observation_space(&self) -> &Space {
        self.fleet.observation_space()
    }

    fn action_space(&self) -> &Space {
        self.fleet.action_space()
    }

    fn observation_schema(&self) -> ObservationSchema {
        self.fleet.observation_schema()
    }

    fn action_names(&self) -> Vec<String> {
        self.fleet.action_names()
    }

    fn info_keys(&self) -> &'static [&'static str] {
        self.fleet.info_keys()
    }

    fn reset(&mut self, seed: Option<u64>) -> Reset<'_> {
        self.fleet.reset(seed);
        self.teacher.begin_episode(self.fleet.episode().window.job_seed);
        Reset { observation: self.fleet.observation(), info: self.fleet.info() }
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        self.fleet.step(action)
    }

    fn observation(&self) -> &[f32] {
        self.fleet.observation()
    }

    fn action_mask(&self) -> Option<&[bool]> {
        self.fleet.action_mask()
    }

    fn teacher_action(&mut self, action: &mut [f32]) -> bool {
        let mask = self.fleet.action_mask().unwrap_or_default();
        let situation = Situation { observation: self.fleet.observation(), mask, site: Some(self.fleet.view()) };
        self.teacher.decide(&situation, action);
        true
    }

    fn reward_parts(&self) -> Option<RewardParts> {
        self.fleet.reward_parts()
    }

    fn write_reward_parts(&self, parts: &mut [f64]) {
        self.fleet.write_reward_parts(parts);
    }

    fn privileged_len(&self) -> usize {
        self.fleet.privileged_len()
    }

    fn privileged(&self, out: &mut [f32]) {
        self.fleet.privileged(out);
    }

    fn save_state(&self) -> Vec<u8> {
        encode_state(OWNER, &SavedState { fleet: self.fleet.save_state(), teacher: self.teacher.save_state() })
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let saved: SavedState = decode_state(OWNER, bytes)?;
        self.fleet.load_state(&saved.fleet)?;
        self.teacher.begin_episode(self.fleet.episode().window.job_seed);
        self.teacher.load_state(&saved.teacher)
    }
}

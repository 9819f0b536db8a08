//! A site or fleet whose actions move a plan: what a hybrid is trained in.
//!
//! Always: the observation is that of the fleet, then the base action of the coming period; a saved state continues
//! exactly, the plan included. Not here: how actions and plan combine (`mod.rs`).

use super::{Plan, PlanConfig, adjustment_names, planned_schema};
use crate::policy::Situation;
use flexai_env::core::{
    Env, ObservationSchema, Reset, RewardParts, Space, StateError, StepResult, decode_state, encode_state,
};
use flexai_env::site::{EpisodeEnd, FlexFleet};
use serde::{Deserialize, Serialize};

const OWNER: &str = "planned fleet";
/// Observations of a fleet are clipped here.
const CLIP: f32 = 5.0;

/// [`FlexFleet`] with a plan.
pub struct PlannedFleet {
    fleet: FlexFleet,
    plan: Plan,
    observation_space: Space,
    observation: Vec<f32>,
    action: Vec<f32>,
}

#[derive(Serialize, Deserialize)]
struct SavedState {
    fleet: Vec<u8>,
    source: Vec<u8>,
    base: Vec<f32>,
}

impl PlannedFleet {
    /// A fleet that follows a plan; call `reset` before the first step.
    ///
    /// # Errors
    /// A message if the source of the plan is no rival that can play there, or the fleet's actions are discrete.
    pub fn new(fleet: FlexFleet, config: &PlanConfig) -> Result<Self, String> {
        if let Some((_, fault)) = config.validate(&fleet.setup().config).into_iter().next() {
            return Err(fault);
        }
        let (inputs, actions) = (fleet.observation_space().flat_len(), fleet.action_space().flat_len());
        let mut plan = Plan::new(config)?;
        plan.base.resize(actions, 0.0);
        Ok(Self {
            plan,
            observation_space: Space::uniform_box(inputs + actions, -CLIP, CLIP),
            observation: vec![0.0; inputs + actions],
            action: vec![0.0; actions],
            fleet,
        })
    }

    /// The fleet itself.
    pub fn fleet(&self) -> &FlexFleet {
        &self.fleet
    }

    /// Asks the plan for the coming period, which a training window has after its end too. After that of a scored one
    /// there is nothing to plan: its last plan stands.
    fn observe(&mut self) {
        let episode = self.fleet.episode();
        if !episode.is_over() || episode.window.end == EpisodeEnd::Bootstrap {
            let mask = self.fleet.action_mask().unwrap_or_default();
            let situation = Situation { observation: self.fleet.observation(), mask, site: Some(self.fleet.view()) };
            self.plan.ask(&situation, self.action.len());
        }
        self.write();
    }

    fn write(&mut self) {
        let (own, planned) = self.observation.split_at_mut(self.fleet.observation().len());
        own.copy_from_slice(self.fleet.observation());
        planned.copy_from_slice(&self.plan.base);
    }
}

impl Env for PlannedFleet {
    fn observation_space(&self) -> &Space {
        &self.observation_space
    }

    fn action_space(&self) -> &Space {
        self.fleet.action_space()
    }

    fn observation_schema(&self) -> ObservationSchema {
        planned_schema(self.fleet.observation_schema(), &self.fleet.action_names())
    }

    fn action_names(&self) -> Vec<String> {
        adjustment_names(&self.fleet.action_names())
    }

    fn info_keys(&self) -> &'static [&'static str] {
        self.fleet.info_keys()
    }

    fn reset(&mut self, seed: Option<u64>) -> Reset<'_> {
        self.fleet.reset(seed);
        self.plan.source.begin_episode(self.fleet.episode().window.job_seed);
        self.observe();
        Reset { observation: &self.observation, info: self.fleet.info() }
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        self.plan.adjusted(action, &mut self.action);
        let result = self.fleet.step(&self.action);
        let (reward, terminated, truncated) = (result.reward, result.terminated, result.truncated);
        self.observe();
        StepResult { observation: &self.observation, reward, terminated, truncated, info: self.fleet.info() }
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

    fn observation(&self) -> &[f32] {
        &self.observation
    }

    fn save_state(&self) -> Vec<u8> {
        let (fleet, source) = (self.fleet.save_state(), self.plan.source.save_state());
        encode_state(OWNER, &SavedState { fleet, source, base: self.plan.base.clone() })
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let saved: SavedState = decode_state(OWNER, bytes)?;
        if saved.base.len() != self.plan.base.len() || saved.base.iter().any(|x| !(-1.0..=1.0).contains(x)) {
            let reason = "its plan is not one of these actions".to_string();
            return Err(StateError { environment: OWNER.into(), reason });
        }
        self.fleet.load_state(&saved.fleet)?;
        self.plan.source.begin_episode(self.fleet.episode().window.job_seed);
        self.plan.source.load_state(&saved.source)?;
        self.plan.base = saved.base;
        self.write();
        Ok(())
    }
}

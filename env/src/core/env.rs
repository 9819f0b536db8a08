//! The contract between an environment and whoever acts in it.
//!
//! In: actions. Out: observation, reward, `terminated`, `truncated`, info.
//! Always: `terminated` and `truncated` stay apart; `step` allocates nothing; the state saves and loads exactly.
//! Not here: resets inside a batch of environments (`vec_env.rs`).

use super::info::Info;
use super::space::Space;
use serde::{Deserialize, Serialize};

/// A Markov decision process that can be reset, stepped, saved and loaded.
///
/// Actions and observations are flat `f32` slices laid out as their [`Space`] says.
pub trait Env: Send {
    /// Space of the observations.
    fn observation_space(&self) -> &Space;

    /// Space of the actions. Continuous parts beyond their bounds are clipped by the environment.
    fn action_space(&self) -> &Space;

    /// Name, unit and scaling of each observation index.
    fn observation_schema(&self) -> ObservationSchema {
        ObservationSchema::unnamed(self.observation_space().flat_len())
    }

    /// Name of each flat action index.
    fn action_names(&self) -> Vec<String> {
        self.action_space().flat_names()
    }

    /// Names of the info entries.
    fn info_keys(&self) -> &'static [&'static str] {
        &[]
    }

    /// Starts an episode. `Some(seed)` restarts the environment's generator; `None` continues it.
    fn reset(&mut self, seed: Option<u64>) -> Reset<'_>;

    /// Plays one step with `action`, of length `action_space().flat_len()`.
    ///
    /// # Panics
    /// If the episode has ended and was not reset, or the action has the wrong length: mistakes of the caller.
    fn step(&mut self, action: &[f32]) -> StepResult<'_>;

    /// The present observation, as last handed out by `reset` or `step`.
    fn observation(&self) -> &[f32];

    /// Which options of the discrete parts are legal now, branch after branch; `None` if all are.
    fn action_mask(&self) -> Option<&[bool]> {
        None
    }

    /// Writes what a teacher would do now, as a flat action, and says true; false where there is none. It may be asked
    /// once per step.
    fn teacher_action(&mut self, _action: &mut [f32]) -> bool {
        false
    }

    /// Length of what a critic may know beyond the observation while it is trained; 0 if the environment offers nothing.
    fn privileged_len(&self) -> usize {
        0
    }

    /// Writes that for the present state, `[privileged_len]`; no policy ever reads it.
    fn privileged(&self, _out: &mut [f32]) {}

    /// How the reward divides among the numbers of the flat action; `None` where nobody can tell.
    fn reward_parts(&self) -> Option<RewardParts> {
        None
    }

    /// Writes the parts of the last reward, `[reward_parts().count]`; they sum to it, but for rounding.
    fn write_reward_parts(&self, _parts: &mut [f64]) {}

    /// Everything needed to continue exactly from here, generators included.
    fn save_state(&self) -> Vec<u8>;

    /// Continues from a saved state of an environment with the same configuration.
    ///
    /// # Errors
    /// [`StateError`] if the bytes are not such a state.
    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError>;
}

/// How a reward divides: what each number of an action earns by itself, and last what no number earns alone.
///
/// A part depends, now and later, on no other action but by way of limits that all share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewardParts {
    /// Number of parts; the last is what is left.
    pub count: usize,
    /// The part that each number of the flat action earns; a number without one is behind the whole reward.
    pub of_action: Vec<Option<usize>>,
}

/// First observation of an episode.
#[derive(Debug)]
pub struct Reset<'a> {
    /// Flat observation.
    pub observation: &'a [f32],
    /// Info of the start.
    pub info: &'a Info,
}

/// What one step brought.
#[derive(Debug)]
pub struct StepResult<'a> {
    /// Observation after the step; the true successor, never that of a reset.
    pub observation: &'a [f32],
    /// Reward of the step.
    pub reward: f64,
    /// The process ended: the state after it has no value.
    pub terminated: bool,
    /// We stopped watching: the state after it still has a value.
    pub truncated: bool,
    /// Named numbers of the step.
    pub info: &'a Info,
}

/// What each observation index means: it travels with checkpoints and exports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObservationSchema {
    /// One entry per flat index, in order.
    pub fields: Vec<ObservationField>,
}

/// One observation index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObservationField {
    /// Unique name, snake case.
    pub name: String,
    /// Unit of the quantity before scaling (`GBP/MWh`, `1`).
    pub unit: String,
    /// How the quantity becomes the number, in words.
    pub scaling: String,
}

impl ObservationSchema {
    /// A schema of plain numbers `obs_0 ..`.
    pub fn unnamed(len: usize) -> Self {
        let field = |i| ObservationField { name: format!("obs_{i}"), unit: "1".into(), scaling: "none".into() };
        Self { fields: (0..len).map(field).collect() }
    }
}

/// A saved state that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a saved state of `{environment}`: {reason}")]
pub struct StateError {
    /// Whose state was expected.
    pub environment: String,
    /// What is wrong with the bytes.
    pub reason: String,
}

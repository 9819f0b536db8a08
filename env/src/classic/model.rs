//! The engine below every classic environment: a small state with pure rules becomes an [`Env`].
//!
//! In: a [`Model`] (rules on a plain state). Out: [`ClassicEnv`], with generator, buffers, saving and loading.
//! Always: no time limit (wrapper `TimeLimit`); a loaded state whose observation leaves its space is refused.
//! Not here: any rule of any game.

use crate::core::{
    Env, Info, ObservationField, ObservationSchema, Reset, SeedTree, Space, StateError, StepResult, StreamRng,
    decode_state, encode_state,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Rules of a small environment; the implementing type is its state.
pub trait Model: Copy + Serialize + DeserializeOwned + Send + 'static {
    /// Versioned id; also the name of the random stream.
    const ID: &'static str;
    /// Name and unit of each observation index.
    const FIELDS: &'static [(&'static str, &'static str)];
    /// Names of the info entries.
    const INFO_KEYS: &'static [&'static str] = &[];
    /// Whether [`Model::mask`] restricts the actions.
    const MASKED: bool = false;

    /// Space of the observations.
    fn observation_space() -> Space;

    /// Space of the actions.
    fn action_space() -> Space;

    /// State at the start of an episode.
    fn start(rng: &mut StreamRng) -> Self;

    /// Plays one step; `action` has the length of the action space, `info` that of [`Model::INFO_KEYS`].
    fn advance(&mut self, action: &[f32], info: &mut [f64]) -> Outcome;

    /// Writes the observation of this state.
    fn observe(&self, out: &mut [f32]);

    /// Length of [`Model::privileged`].
    const PRIVILEGED: usize = 0;

    /// Writes what a critic alone may know of this state; called only if [`Model::PRIVILEGED`] is not 0.
    fn privileged(&self, _out: &mut [f32]) {}

    /// Writes which options are legal in this state; called only if [`Model::MASKED`].
    fn mask(&self, _legal: &mut [bool]) {}
}

/// What one step of a [`Model`] brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Reward of the step.
    pub reward: f64,
    /// Whether the process ended.
    pub terminated: bool,
}

/// The flat action number as an option of a choice among `n`.
///
/// # Panics
/// If it is none: the caller's mistake.
pub(super) fn option_of(action: f32, n: usize) -> usize {
    let option = action as usize;
    assert!(option < n && option as f32 == action, "action {action} is no option: expected a whole number below {n}");
    option
}

/// A [`Model`] as an environment.
///
/// Before the first `reset` with a seed its generator is that of seed 0.
#[derive(Debug, Clone)]
pub struct ClassicEnv<M: Model> {
    model: M,
    running: bool,
    rng: StreamRng,
    observation_space: Space,
    action_space: Space,
    action_len: usize,
    observation: Vec<f32>,
    mask: Vec<bool>,
    info: Info,
}

/// What is saved; everything else follows from it.
#[derive(Serialize, Deserialize)]
struct Saved<M> {
    model: M,
    running: bool,
    rng: StreamRng,
}

impl<M: Model> ClassicEnv<M> {
    /// The environment before its first reset.
    pub fn new() -> Self {
        let mut rng = stream::<M>(0);
        let (observation_space, action_space) = (M::observation_space(), M::action_space());
        let mut env = Self {
            model: M::start(&mut rng),
            running: false,
            rng,
            observation: vec![0.0; observation_space.flat_len()],
            mask: vec![true; if M::MASKED { action_space.mask_len() } else { 0 }],
            action_len: action_space.flat_len(),
            info: Info::new(M::INFO_KEYS),
            observation_space,
            action_space,
        };
        env.show();
        env
    }

    /// Starts an episode in a given state instead of a random one.
    pub fn start_from(&mut self, model: M) -> Reset<'_> {
        self.model = model;
        self.running = true;
        self.info.values_mut().fill(0.0);
        self.show();
        Reset { observation: &self.observation, info: &self.info }
    }

    /// The present state.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// Refreshes what is seen of the state.
    fn show(&mut self) {
        self.model.observe(&mut self.observation);
        if M::MASKED {
            self.model.mask(&mut self.mask);
        }
    }
}

impl<M: Model> Default for ClassicEnv<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Model> Env for ClassicEnv<M> {
    fn observation_space(&self) -> &Space {
        &self.observation_space
    }

    fn action_space(&self) -> &Space {
        &self.action_space
    }

    fn observation_schema(&self) -> ObservationSchema {
        let field = |(name, unit): &(&str, &str)| ObservationField {
            name: (*name).to_string(),
            unit: (*unit).to_string(),
            scaling: "none".into(),
        };
        ObservationSchema { fields: M::FIELDS.iter().map(field).collect() }
    }

    fn info_keys(&self) -> &'static [&'static str] {
        M::INFO_KEYS
    }

    fn reset(&mut self, seed: Option<u64>) -> Reset<'_> {
        if let Some(seed) = seed {
            self.rng = stream::<M>(seed);
        }
        let model = M::start(&mut self.rng);
        self.start_from(model)
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        assert!(self.running, "{} is stepped outside an episode: call `reset` first", M::ID);
        assert_eq!(action.len(), self.action_len, "{}: an action has one number per dimension of its space", M::ID);
        let Outcome { reward, terminated } = self.model.advance(action, self.info.values_mut());
        self.running = !terminated;
        self.show();
        StepResult { observation: &self.observation, reward, terminated, truncated: false, info: &self.info }
    }

    fn observation(&self) -> &[f32] {
        &self.observation
    }

    fn privileged_len(&self) -> usize {
        M::PRIVILEGED
    }

    fn privileged(&self, out: &mut [f32]) {
        self.model.privileged(out);
    }

    fn action_mask(&self) -> Option<&[bool]> {
        M::MASKED.then_some(&self.mask)
    }

    fn save_state(&self) -> Vec<u8> {
        encode_state(M::ID, &Saved { model: self.model, running: self.running, rng: self.rng.clone() })
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let saved: Saved<M> = decode_state(M::ID, bytes)?;
        let mut seen = vec![0.0; self.observation.len()];
        saved.model.observe(&mut seen);
        self.observation_space.contains(&seen).map_err(|e| StateError {
            environment: M::ID.to_string(),
            reason: format!("its observation leaves the space: {e}"),
        })?;
        (self.rng, self.model) = (saved.rng, saved.model);
        self.running = saved.running;
        self.info.values_mut().fill(0.0);
        self.show();
        Ok(())
    }
}

fn stream<M: Model>(seed: u64) -> StreamRng {
    SeedTree::new(seed).stream(M::ID)
}

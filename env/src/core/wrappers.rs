//! Wrappers: an environment around an environment.
//!
//! In: an inner [`Env`]. Out: one with a time limit, episode statistics, or normalised observations or rewards.
//! Always: `step` allocates nothing except where an episode ends; the saved state holds the inner one and the
//! wrapper's own, so that loading continues exactly; a state that is refused changes nothing.
//! Not here: normalisation of a whole batch (`normalize.rs`, owned by the trainer).

use super::env::{Env, ObservationSchema, Reset, RewardParts, StateError, StepResult};
use super::info::{EpisodeStatistics, Info};
use super::normalize::{ObservationNormalizer, ReturnNormalizer};
use super::space::Space;
use super::state::{decode_state, encode_state};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// What every wrapper hands through about actions, and for a critic alone.
macro_rules! forward_actions {
    ($self:ident => $inner:expr) => {
        fn action_space(&$self) -> &Space {
            $inner.action_space()
        }

        fn action_names(&$self) -> Vec<String> {
            $inner.action_names()
        }

        fn action_mask(&$self) -> Option<&[bool]> {
            $inner.action_mask()
        }

        fn info_keys(&$self) -> &'static [&'static str] {
            $inner.info_keys()
        }

        fn teacher_action(&mut $self, action: &mut [f32]) -> bool {
            $inner.teacher_action(action)
        }

        fn privileged_len(&$self) -> usize {
            $inner.privileged_len()
        }

        fn privileged(&$self, out: &mut [f32]) {
            $inner.privileged(out);
        }
    };
}

/// What a wrapper hands through that leaves rewards alone.
macro_rules! forward_rewards {
    ($self:ident => $inner:expr) => {
        fn reward_parts(&$self) -> Option<RewardParts> {
            $inner.reward_parts()
        }

        fn write_reward_parts(&$self, parts: &mut [f64]) {
            $inner.write_reward_parts(parts);
        }
    };
}

/// What a wrapper hands through that leaves observations alone.
macro_rules! forward_observations {
    ($self:ident => $inner:expr) => {
        fn observation_space(&$self) -> &Space {
            $inner.observation_space()
        }

        fn observation_schema(&$self) -> ObservationSchema {
            $inner.observation_schema()
        }

        fn observation(&$self) -> &[f32] {
            $inner.observation()
        }
    };
}

impl<E: Env + ?Sized> Env for Box<E> {
    forward_actions!(self => (**self));
    forward_rewards!(self => (**self));
    forward_observations!(self => (**self));

    fn reset(&mut self, seed: Option<u64>) -> Reset<'_> {
        (**self).reset(seed)
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        (**self).step(action)
    }

    fn save_state(&self) -> Vec<u8> {
        (**self).save_state()
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        (**self).load_state(bytes)
    }
}

/// Truncates an episode after a number of steps; a termination on that step stays one, beside the truncation.
#[derive(Debug, Clone)]
pub struct TimeLimit<E> {
    inner: E,
    max_episode_steps: u32,
    elapsed: u32,
}

#[derive(Serialize, Deserialize)]
struct TimeLimitState {
    elapsed: u32,
    inner: Vec<u8>,
}

impl<E: Env> TimeLimit<E> {
    /// Truncates `inner` after `max_episode_steps`.
    ///
    /// # Panics
    /// If the limit is 0.
    pub fn new(inner: E, max_episode_steps: u32) -> Self {
        assert!(max_episode_steps > 0, "an episode has at least one step");
        Self { inner, max_episode_steps, elapsed: 0 }
    }
}

impl<E: Env> Env for TimeLimit<E> {
    forward_actions!(self => self.inner);
    forward_rewards!(self => self.inner);
    forward_observations!(self => self.inner);

    fn reset(&mut self, seed: Option<u64>) -> Reset<'_> {
        self.elapsed = 0;
        self.inner.reset(seed)
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        assert!(self.elapsed < self.max_episode_steps, "the time limit has passed: call `reset` first");
        let result = self.inner.step(action);
        self.elapsed += 1;
        let truncated = result.truncated || self.elapsed == self.max_episode_steps;
        StepResult { truncated, ..result }
    }

    fn save_state(&self) -> Vec<u8> {
        encode_state(TIME_LIMIT, &TimeLimitState { elapsed: self.elapsed, inner: self.inner.save_state() })
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let saved: TimeLimitState = decode_state(TIME_LIMIT, bytes)?;
        if saved.elapsed > self.max_episode_steps {
            let reason = format!("{} steps have passed, the limit is {}", saved.elapsed, self.max_episode_steps);
            return Err(StateError { environment: TIME_LIMIT.into(), reason });
        }
        self.inner.load_state(&saved.inner)?;
        self.elapsed = saved.elapsed;
        Ok(())
    }
}

const TIME_LIMIT: &str = "TimeLimit";

/// Fills `info.episode` on the last step of an episode; put it outside the time limit, or truncations escape it.
#[derive(Debug, Clone)]
pub struct RecordEpisodeStatistics<E> {
    inner: E,
    so_far: EpisodeStatistics,
    info: Info,
}

#[derive(Serialize, Deserialize)]
struct RecordState {
    so_far: EpisodeStatistics,
    inner: Vec<u8>,
}

impl<E: Env> RecordEpisodeStatistics<E> {
    /// Records the episodes of `inner`.
    pub fn new(inner: E) -> Self {
        let info = Info::new(inner.info_keys());
        let so_far = EpisodeStatistics { sums: vec![0.0; info.values().len()], ..EpisodeStatistics::default() };
        Self { inner, so_far, info }
    }
}

impl<E: Env> Env for RecordEpisodeStatistics<E> {
    forward_actions!(self => self.inner);
    forward_rewards!(self => self.inner);
    forward_observations!(self => self.inner);

    fn reset(&mut self, seed: Option<u64>) -> Reset<'_> {
        self.so_far.episode_return = 0.0;
        self.so_far.length = 0;
        self.so_far.sums.fill(0.0);
        let first = self.inner.reset(seed);
        self.info.values_mut().copy_from_slice(first.info.values());
        self.info.episode = None;
        Reset { observation: first.observation, info: &self.info }
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        let result = self.inner.step(action);
        self.info.values_mut().copy_from_slice(result.info.values());
        self.so_far.episode_return += result.reward;
        self.so_far.length += 1;
        for (sum, value) in self.so_far.sums.iter_mut().zip(result.info.values()) {
            *sum += value;
        }
        let ended = result.terminated || result.truncated;
        self.info.episode = ended.then(|| self.so_far.clone());
        StepResult { info: &self.info, ..result }
    }

    fn save_state(&self) -> Vec<u8> {
        encode_state(RECORD, &RecordState { so_far: self.so_far.clone(), inner: self.inner.save_state() })
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let saved: RecordState = decode_state(RECORD, bytes)?;
        let (found, expected) = (saved.so_far.sums.len(), self.so_far.sums.len());
        if found != expected {
            let reason = format!("it sums {found} info entries, the environment reports {expected}");
            return Err(StateError { environment: RECORD.into(), reason });
        }
        self.inner.load_state(&saved.inner)?;
        self.so_far = saved.so_far;
        self.info.values_mut().fill(0.0);
        self.info.episode = None;
        Ok(())
    }
}

const RECORD: &str = "RecordEpisodeStatistics";

/// Centres and scales observations by what was seen so far, and clips them.
///
/// The statistics outlive `reset`, seeded or not; freeze them ([`NormalizeObservation::freeze`]) to evaluate.
#[derive(Debug, Clone)]
pub struct NormalizeObservation<E> {
    inner: E,
    space: Space,
    normalizer: ObservationNormalizer,
    frozen: bool,
    observation: Vec<f32>,
}

#[derive(Serialize, Deserialize)]
struct NormalizeObservationState {
    normalizer: ObservationNormalizer,
    frozen: bool,
    observation: Vec<f32>,
    inner: Vec<u8>,
}

impl<E: Env> NormalizeObservation<E> {
    /// Normalises the observations of `inner` to `-clip ..= clip`, nothing seen yet.
    pub fn new(inner: E, clip: f64) -> Self {
        let dim = inner.observation_space().flat_len();
        let space = Space::uniform_box(dim, -clip as f32, clip as f32);
        let normalizer = ObservationNormalizer::new(dim, clip);
        Self { inner, space, normalizer, frozen: false, observation: vec![0.0; dim] }
    }

    /// What was seen so far.
    pub fn normalizer(&self) -> &ObservationNormalizer {
        &self.normalizer
    }

    /// From now on the statistics stay as they are.
    pub fn freeze(&mut self) {
        self.frozen = true;
    }
}

/// Takes over a raw observation: merged first (unless frozen), normalised afterwards.
fn take_over(normalizer: &mut ObservationNormalizer, frozen: bool, raw: &[f32], out: &mut [f32]) {
    out.copy_from_slice(raw);
    if !frozen {
        normalizer.update(out);
    }
    normalizer.apply(out);
}

impl<E: Env> Env for NormalizeObservation<E> {
    forward_actions!(self => self.inner);
    forward_rewards!(self => self.inner);

    fn observation_space(&self) -> &Space {
        &self.space
    }

    fn observation_schema(&self) -> ObservationSchema {
        let mut schema = self.inner.observation_schema();
        for field in &mut schema.fields {
            let clip = self.normalizer.clip;
            let more = format!("minus running mean, over running standard deviation, clipped to +-{clip}");
            field.scaling = if field.scaling == "none" { more } else { format!("{}, then {more}", field.scaling) };
        }
        schema
    }

    fn observation(&self) -> &[f32] {
        &self.observation
    }

    fn reset(&mut self, seed: Option<u64>) -> Reset<'_> {
        let first = self.inner.reset(seed);
        take_over(&mut self.normalizer, self.frozen, first.observation, &mut self.observation);
        Reset { observation: &self.observation, info: first.info }
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        let result = self.inner.step(action);
        take_over(&mut self.normalizer, self.frozen, result.observation, &mut self.observation);
        StepResult { observation: &self.observation, ..result }
    }

    fn save_state(&self) -> Vec<u8> {
        let state = NormalizeObservationState {
            normalizer: self.normalizer.clone(),
            frozen: self.frozen,
            observation: self.observation.clone(),
            inner: self.inner.save_state(),
        };
        encode_state(NORMALIZE_OBSERVATION, &state)
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let saved: NormalizeObservationState = decode_state(NORMALIZE_OBSERVATION, bytes)?;
        let expected = self.observation.len();
        let statistics = &saved.normalizer.statistics;
        for found in [saved.observation.len(), statistics.mean.len(), statistics.var.len()] {
            if found != expected {
                let reason = format!("it normalises {found} numbers, an observation has {expected}");
                return Err(StateError { environment: NORMALIZE_OBSERVATION.into(), reason });
            }
        }
        self.inner.load_state(&saved.inner)?;
        self.normalizer = saved.normalizer;
        self.frozen = saved.frozen;
        self.observation = saved.observation;
        Ok(())
    }
}

const NORMALIZE_OBSERVATION: &str = "NormalizeObservation";

/// Divides rewards by the running standard deviation of the discounted return, and clips them.
///
/// The statistics outlive `reset`, the discounted return does not; freeze them ([`NormalizeReward::freeze`]) to evaluate.
#[derive(Debug, Clone)]
pub struct NormalizeReward<E> {
    inner: E,
    normalizer: ReturnNormalizer,
    frozen: bool,
}

#[derive(Serialize, Deserialize)]
struct NormalizeRewardState {
    normalizer: ReturnNormalizer,
    frozen: bool,
    inner: Vec<u8>,
}

impl<E: Env> NormalizeReward<E> {
    /// Scales the rewards of `inner`, discounted by `gamma` per step, to `-clip ..= clip`; nothing seen yet.
    pub fn new(inner: E, gamma: f64, clip: f64) -> Self {
        Self { inner, normalizer: ReturnNormalizer::new(1, gamma, clip), frozen: false }
    }

    /// What was seen so far.
    pub fn normalizer(&self) -> &ReturnNormalizer {
        &self.normalizer
    }

    /// From now on the statistics stay as they are.
    pub fn freeze(&mut self) {
        self.frozen = true;
    }
}

impl<E: Env> Env for NormalizeReward<E> {
    forward_actions!(self => self.inner);
    forward_observations!(self => self.inner);

    fn reset(&mut self, seed: Option<u64>) -> Reset<'_> {
        self.normalizer.discounted_return[0] = 0.0;
        self.inner.reset(seed)
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        let result = self.inner.step(action);
        let ended = result.terminated || result.truncated;
        let mut reward = [0.0];
        if self.frozen {
            let ReturnNormalizer { statistics, clip, .. } = &self.normalizer;
            reward[0] = (result.reward / statistics.scale(0)).clamp(-clip, *clip);
        } else {
            self.normalizer.normalize(&[result.reward], std::iter::once(ended), &mut reward);
        }
        StepResult { reward: reward[0], ..result }
    }

    fn save_state(&self) -> Vec<u8> {
        let state = NormalizeRewardState {
            normalizer: self.normalizer.clone(),
            frozen: self.frozen,
            inner: self.inner.save_state(),
        };
        encode_state(NORMALIZE_REWARD, &state)
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let saved: NormalizeRewardState = decode_state(NORMALIZE_REWARD, bytes)?;
        let ReturnNormalizer { statistics, discounted_return, .. } = &saved.normalizer;
        if [statistics.mean.len(), statistics.var.len(), discounted_return.len()] != [1, 1, 1] {
            let reason = "it normalises a batch, expected one environment".to_string();
            return Err(StateError { environment: NORMALIZE_REWARD.into(), reason });
        }
        self.inner.load_state(&saved.inner)?;
        self.normalizer = saved.normalizer;
        self.frozen = saved.frozen;
        Ok(())
    }
}

const NORMALIZE_REWARD: &str = "NormalizeReward";

//! Learning from a teacher: demonstrations before the first update, and its weight in the loss of the first ones.
//!
//! In: environments with a teacher. Out: weights that act like it, a critic that knows what that brings.
//! Always: demonstrations are normalised by the statistics at the time of learning; each round is learnt from by the
//! learner of the updates, with its shuffles; what the teacher plays is not counted as training.
//! Not here: who the teacher is (`imitation/`), the loss (`loss.rs`).

use super::collector::Teaching;
use super::error::PpoError;
use super::gae::Advantages;
use super::learner::{LearnSettings, StepFigures};
use super::loss::LossSettings;
use super::rollout::RolloutBuffer;
use super::trainer::{Trainer, targets};
use crate::imitation::ImitationConfig;
use serde::Serialize;
use std::borrow::Cow;

/// What learning from demonstrations brought.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WarmStart {
    /// Environment steps that were demonstrated.
    pub steps: u64,
    /// Mean of `-ln p(teacher's action)` over the first epoch.
    pub first_loss: f64,
    /// Over the last one.
    pub last_loss: f64,
    /// Mean reward per step while the demonstrations were collected, before scaling.
    pub reward_mean: f64,
}

/// All that was demonstrated so far, time after time.
#[derive(Default)]
struct Demonstrations {
    rollout: RolloutBuffer,
    /// Observations as the environments handed them out.
    raw: Vec<f32>,
    returns: Vec<f64>,
}

impl Demonstrations {
    fn add(&mut self, rollout: &RolloutBuffer, gamma: f64) {
        let all = &mut self.rollout;
        all.num_envs = rollout.num_envs;
        all.num_steps += rollout.num_steps;
        all.privileged.extend_from_slice(&rollout.privileged);
        all.actions.extend_from_slice(&rollout.actions);
        all.teacher.extend_from_slice(&rollout.teacher);
        all.masks.extend_from_slice(&rollout.masks);
        all.log_probs.extend_from_slice(&rollout.log_probs);
        all.parts.clone_from(&rollout.parts);
        all.own_log_probs.extend_from_slice(&rollout.own_log_probs);
        all.terminated.extend_from_slice(&rollout.terminated);
        all.truncated.extend_from_slice(&rollout.truncated);
        all.memory.actor.extend_from_slice(&rollout.memory.actor);
        all.memory.critic.extend_from_slice(&rollout.memory.critic);
        all.values.extend_from_slice(&rollout.values);
        // With a lambda of 1 the critic is asked about the last step of a round alone, and it has learnt nothing yet.
        self.returns.extend(rollout.advantages(gamma, 1.0, 1.0).returns);
    }
}

impl Trainer {
    /// Learns from the teacher of the environments, before the first update and during the first ones. To be called
    /// before the first update, and before a checkpoint is loaded.
    ///
    /// # Errors
    /// [`PpoError`] if a setting is faulty, or an environment has no teacher.
    pub fn imitate(&mut self, config: &ImitationConfig) -> Result<(), PpoError> {
        let faults: Vec<String> = config.validate().into_iter().map(|(_, message)| message).collect();
        if !faults.is_empty() {
            return Err(PpoError::Config(faults));
        }
        // Asked once to see whether there is one; the teacher is to forget that.
        let venv = &mut self.collector.venv;
        let (state, mut scratch) = (venv.save_state(), vec![0.0; venv.num_envs() * venv.action_space().flat_len()]);
        if !venv.teacher_actions(&mut scratch) {
            return Err(PpoError::Environment {
                found: "no teacher".into(),
                expected: "one (`[imitation]`)".into(),
                hint: "teachers are rivals, which play in site environments: FlexSite-v1 and FlexFleet-v1".into(),
            });
        }
        venv.load_state(&state).map_err(|error| PpoError::Environment {
            found: format!("a state that cannot be restored: {error}"),
            expected: "one that can".into(),
            hint: "`flexai env check` tests that".into(),
        })?;
        self.imitation = Some(config.clone());
        Ok(())
    }

    /// Weight of the imitation in the coming update.
    pub(super) fn imitation_coef(&self) -> f64 {
        self.imitation.as_ref().map_or(0.0, |imitation| imitation.coef_at(self.updates))
    }

    /// The demonstrations, where some are to come before the first update.
    ///
    /// # Errors
    /// As [`Trainer::update`].
    pub(super) fn warm_start(&mut self) -> Result<Option<WarmStart>, PpoError> {
        let Some(config) = self.imitation.clone().filter(|config| config.steps > 0 && self.updates == 0) else {
            return Ok(None);
        };
        let batch = self.config.batch_size() as u64;
        let rounds = config.steps.div_ceil(batch);
        let mut seen = Demonstrations::default();
        let (mut first_loss, mut last_loss, mut reward_mean) = (None, 0.0, 0.0);
        for round in 0..rounds {
            let student = config.dagger && round > 0;
            self.collector.teaching = if student { Teaching::Labels } else { Teaching::Acts };
            self.collector.raw = Some(std::mem::take(&mut seen.raw));
            let collected = self.collector.collect(&self.policy);
            self.collector.teaching = Teaching::Off;
            seen.raw = self.collector.raw.take().unwrap_or_default();
            let collected = collected.map_err(|what| PpoError::NotFinite {
                what: format!("{what}, while the teacher showed,"),
                update: 1,
            })?;
            reward_mean += collected.reward_mean / rounds as f64;
            seen.add(self.collector.rollout(), self.config.gamma);
            if config.dagger || round + 1 == rounds {
                let figures = self.learn_demonstrations(&mut seen, config.epochs)?;
                let epoch = figures.len() / config.epochs;
                let mean =
                    |part: &[StepFigures]| part.iter().map(|step| step.imitation_loss).sum::<f64>() / part.len() as f64;
                first_loss.get_or_insert_with(|| mean(&figures[..epoch]));
                last_loss = mean(&figures[figures.len() - epoch..]);
            }
        }
        let first_loss = first_loss.unwrap_or(last_loss);
        Ok(Some(WarmStart { steps: rounds * batch, first_loss, last_loss, reward_mean }))
    }

    fn learn_demonstrations(&mut self, seen: &mut Demonstrations, epochs: usize) -> Result<Vec<StepFigures>, PpoError> {
        seen.rollout.observations.clone_from(&seen.raw);
        if let Some(normalizer) = &self.collector.observation_normalizer {
            normalizer.apply(&mut seen.rollout.observations);
        }
        let returns = targets(&mut self.value_scale, &mut self.learner, seen.returns.clone(), true)?;
        let mut advantages = Advantages { advantages: vec![0.0; seen.rollout.len() * seen.rollout.judged()], returns };
        let mut rollout = Cow::Borrowed(&seen.rollout);
        if self.collector.memory.is_some() {
            // What was remembered before each round is known: the rounds are sequences beside each other.
            let rounds = seen.rollout.num_steps / self.config.num_steps;
            advantages.returns = seen.rollout.beside(rounds, &advantages.returns);
            rollout = Cow::Owned(seen.rollout.side_by_side(rounds));
        }
        let plain = LearnSettings::at(&self.config, 0);
        let loss = LossSettings { value_clip: None, ent_coef: 0.0, surrogate: false, imitation: 1.0, ..plain.loss };
        let settings = LearnSettings { epochs, normalize_advantage: false, target_kl: None, loss, ..plain };
        let figures = self.learner.update(&rollout, &advantages, settings, &mut self.shuffle)?;
        self.take_weights(figures.len() / epochs.max(1), " of the warm start")?;
        Ok(figures)
    }
}

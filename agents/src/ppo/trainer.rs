//! The trainer: collect, learn, repeat.
//!
//! In: settings, environments, a seed, a device. Out: one [`UpdateReport`] per update, a policy, checkpoints.
//! Always: same settings, seed and CPU device give the same bytes; after a number that is not finite the trainer
//! refuses to go on or to save. Not here: evaluation, logging, when to save (`train/`); the files (`checkpoint.rs`).

use super::actor_critic::ActorCritic;
use super::collector::{CollectFigures, Collector};
use super::config::{NetworkConfig, PpoConfig};
use super::distribution::HeadLayout;
use super::error::PpoError;
use super::gae::explained_variance;
use super::host::HostLearner;
use super::learner::{LearnSettings, Learner, StepFigures, keep_freed_memory};
use super::optimizer::ClippedAdam;
use crate::artifact::PolicyNetwork;
use crate::device::{self, DeviceChoice};
use flexai_env::core::{ActionComponent, EpisodeStatistics, SeedTree, StreamRng, VecEnv};
use serde::Serialize;
use std::time::Instant;

/// Proximal policy optimisation of one policy.
pub struct Trainer {
    pub(super) config: PpoConfig,
    pub(super) network: NetworkConfig,
    pub(super) heads: Vec<ActionComponent>,
    pub(super) collector: Collector,
    pub(super) learner: Learner,
    pub(super) shuffle: StreamRng,
    /// Updates done.
    pub(super) updates: u64,
    /// The policy that acts; its weights are those of the learner's network.
    pub(super) policy: PolicyNetwork,
    /// Why the trainer stopped for good.
    pub(super) failure: Option<PpoError>,
}

/// What one update brought. Equal runs give equal reports, but for `timing`, which is not serialised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpdateReport {
    /// Number of this update, from 1.
    pub update: u64,
    /// Environment steps so far.
    pub env_steps: u64,
    /// Episodes that ended in this rollout.
    pub episodes: Vec<EpisodeStatistics>,
    /// Mean policy loss over all minibatches of the update, as are the figures down to `grad_norm`.
    pub policy_loss: f64,
    /// Mean value loss, with its factor 1/2.
    pub value_loss: f64,
    /// Mean entropy of the policy, in nats.
    pub entropy: f64,
    /// Mean of `(ratio - 1) - ln ratio`: the better estimate of the divergence from the collecting policy.
    pub approx_kl: f64,
    /// Mean of `-ln ratio`.
    pub old_approx_kl: f64,
    /// Share of transitions whose ratio was beyond the clip.
    pub clip_fraction: f64,
    /// Mean L2 norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Share of the variance of the returns that the collecting critic explained.
    pub explained_variance: f64,
    /// Learning rate of this update.
    pub learning_rate: f64,
    /// Clip coefficient of this update.
    pub clip_coef: f64,
    /// Epochs run; fewer than configured where `target_kl` stopped them.
    pub epochs_run: usize,
    /// Mean of each info column over the rollout, in the order of the environment's `info_keys`.
    pub info_means: Vec<f64>,
    /// Mean reward per step, before scaling.
    pub reward_mean: f64,
    /// Standard deviation of each continuous action after the update.
    pub action_std: Vec<f64>,
    /// Seconds spent; they differ from run to run.
    #[serde(skip)]
    pub timing: UpdateTiming,
}

/// Wall-clock time of one update.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct UpdateTiming {
    /// Acting in the environments.
    pub collect_seconds: f64,
    /// Advantages, epochs, and copying the weights back.
    pub learn_seconds: f64,
}

impl Trainer {
    /// A trainer at its first step; the environments are reset from `seed`.
    ///
    /// # Errors
    /// [`PpoError`] if a setting is faulty, the environments do not fit, or the device cannot be opened.
    pub fn new(
        config: &PpoConfig,
        network: &NetworkConfig,
        seed: u64,
        venv: VecEnv,
        device: DeviceChoice,
    ) -> Result<Self, PpoError> {
        let faults = [config.validate(), network.validate()].concat();
        if !faults.is_empty() {
            return Err(PpoError::Config(faults));
        }
        check_environments(config, &venv)?;
        let device = device::open(device)?;
        keep_freed_memory();
        let tree = SeedTree::new(seed).child("ppo", 0);
        let heads = venv.action_space().components();
        let observation_len = venv.observation_space().flat_len();
        let weights = ActorCritic::new(network, observation_len, &heads, &mut tree.stream("weights"), &device);
        let collector = Collector::new(config, tree, venv);
        if let Some(i) = collector.observation.iter().position(|x| !x.is_finite()) {
            let what = format!("observation {} of environment {}", i % observation_len, i / observation_len);
            return Err(PpoError::NotFinite { what, update: 0 });
        }
        let policy = weights.to_policy_network(&heads, None)?;
        let on_host = config.learner.on_host(&device, network, &heads)?;
        let learner = Learner {
            host: on_host.then(|| HostLearner::new(&policy)),
            network: weights,
            optimizer: ClippedAdam::new(config.adam_eps, config.max_grad_norm),
            layout: HeadLayout::new(&heads),
            device,
        };
        Ok(Self {
            config: config.clone(),
            network: network.clone(),
            heads,
            collector,
            learner,
            shuffle: tree.stream("shuffle"),
            updates: 0,
            policy,
            failure: None,
        })
    }

    /// Collects one rollout and learns from it.
    ///
    /// # Errors
    /// [`PpoError::NotFinite`] if a reward, an observation, a loss, a gradient or a parameter is not finite,
    /// [`PpoError::Device`] if the device fails; the trainer then answers every later call with the same error, and saves
    /// nothing.
    pub fn update(&mut self) -> Result<UpdateReport, PpoError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        self.try_update().inspect_err(|failure| self.failure = Some(failure.clone()))
    }

    /// Learns once more from the last rollout, as if it were new: what an update costs without collecting.
    ///
    /// # Errors
    /// As [`Trainer::update`].
    pub fn learn_again(&mut self) -> Result<(), PpoError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        self.learn().map(drop).inspect_err(|failure| self.failure = Some(failure.clone()))
    }

    /// Whether all updates of the run are done.
    pub fn finished(&self) -> bool {
        self.updates >= self.num_updates()
    }

    /// Updates done.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Environment steps taken.
    pub fn env_steps(&self) -> u64 {
        self.updates * self.config.batch_size() as u64
    }

    /// Updates of the whole run.
    pub fn num_updates(&self) -> u64 {
        self.config.num_updates()
    }

    /// The settings.
    pub fn config(&self) -> &PpoConfig {
        &self.config
    }

    /// The environments: their spaces, schema and names.
    pub fn environments(&self) -> &VecEnv {
        &self.collector.venv
    }

    /// The present policy, with a copy of the running observation statistics: it takes raw observations.
    pub fn policy_network(&self) -> PolicyNetwork {
        PolicyNetwork { normalizer: self.collector.observation_normalizer.clone(), ..self.policy.clone() }
    }

    fn try_update(&mut self) -> Result<UpdateReport, PpoError> {
        let update = self.updates + 1;
        let not_finite = |what: String| PpoError::NotFinite { what, update };
        let start = Instant::now();
        let collected = self.collector.collect(&self.policy).map_err(not_finite)?;
        let collect_seconds = start.elapsed().as_secs_f64();

        let start = Instant::now();
        let (figures, settings, explained) = self.learn()?;
        self.updates += 1;
        let timing = UpdateTiming { collect_seconds, learn_seconds: start.elapsed().as_secs_f64() };
        Ok(self.report(collected, &figures, settings, explained, timing))
    }

    /// The epochs on the last rollout; the figures of each step, and how much the collecting critic explained.
    fn learn(&mut self) -> Result<(Vec<StepFigures>, LearnSettings, f64), PpoError> {
        let update = self.updates + 1;
        let not_finite = |what: String| PpoError::NotFinite { what, update };
        let settings = LearnSettings::at(&self.config, self.updates);
        let rollout = self.collector.rollout();
        let advantages = rollout.advantages(self.config.gamma, self.config.gae_lambda);
        let explained = explained_variance(&rollout.values, &advantages.returns);
        let figures = self.learner.update(rollout, &advantages, settings, &mut self.shuffle)?;
        if let Some((i, what)) = figures.iter().enumerate().find_map(|(i, f)| Some((i, f.first_not_finite()?))) {
            return Err(not_finite(format!("{what} of minibatch {}", i + 1)));
        }
        let policy = self.learner.network.to_policy_network(&self.heads, None)?;
        check_weights(&policy).map_err(not_finite)?;
        self.policy = policy;
        Ok((figures, settings, explained))
    }

    fn report(
        &self,
        collected: CollectFigures,
        figures: &[StepFigures],
        settings: LearnSettings,
        explained_variance: f64,
        timing: UpdateTiming,
    ) -> UpdateReport {
        let mean = |of: fn(&StepFigures) -> f64| figures.iter().map(of).sum::<f64>() / figures.len() as f64;
        UpdateReport {
            update: self.updates,
            env_steps: self.env_steps(),
            episodes: collected.episodes,
            policy_loss: mean(|f| f.policy_loss),
            value_loss: mean(|f| f.value_loss),
            entropy: mean(|f| f.entropy),
            approx_kl: mean(|f| f.approx_kl),
            old_approx_kl: mean(|f| f.old_approx_kl),
            clip_fraction: mean(|f| f.clip_fraction),
            grad_norm: mean(|f| f.grad_norm),
            explained_variance,
            learning_rate: settings.learning_rate,
            clip_coef: settings.loss.clip_coef,
            epochs_run: figures.len() / self.config.num_minibatches,
            info_means: collected.info_means,
            reward_mean: collected.reward_mean,
            action_std: self.policy.log_std.iter().map(|x| f64::from(*x).exp()).collect(),
            timing,
        }
    }
}

fn check_environments(config: &PpoConfig, venv: &VecEnv) -> Result<(), PpoError> {
    let fault = |found: String, expected: &str, hint: &str| {
        Err(PpoError::Environment { found, expected: expected.to_string(), hint: hint.to_string() })
    };
    if venv.num_envs() != config.num_envs {
        let expected = format!("{} of them (`ppo.num_envs`)", config.num_envs);
        return fault(
            format!("a batch of {}", venv.num_envs()),
            &expected,
            "make as many environments as the settings say",
        );
    }
    if venv.observation_space().flat_len() == 0 {
        return fault("observations of length 0".into(), "at least one number", "add a field to the observation");
    }
    if venv.action_space().flat_len() == 0 {
        return fault("actions of length 0".into(), "at least one number", "add a part to the action");
    }
    Ok(())
}

/// The first parameter that is not finite, by name.
fn check_weights(policy: &PolicyNetwork) -> Result<(), String> {
    for (name, mlp) in [("actor", &policy.actor), ("critic", &policy.critic)] {
        for (i, layer) in mlp.layers.iter().enumerate() {
            if !layer.weight.iter().chain(&layer.bias).all(|x| x.is_finite()) {
                return Err(format!("a weight of layer {} of the {name}", i + 1));
            }
        }
    }
    if policy.log_std.iter().all(|x| x.is_finite()) { Ok(()) } else { Err("the spread of the actions".to_string()) }
}

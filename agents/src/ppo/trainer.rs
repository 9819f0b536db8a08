//! The trainer: collect, learn, repeat.
//!
//! In: settings, environments, a seed, a device. Out: one [`UpdateReport`] per update, a policy, checkpoints.
//! Always: same settings, seed and CPU device give the same bytes; after a number that is not finite the trainer
//! refuses to go on or to save. Not here: evaluation, logging, when to save (`train/`); the files (`checkpoint.rs`).

use super::actor_critic::ActorCritic;
use super::collector::{CollectFigures, Collector, Teaching};
use super::config::PpoConfig;
use super::credit::row_sums;
use super::distribution::HeadLayout;
use super::error::PpoError;
use super::gae::explained_variance;
use super::host::HostLearner;
use super::imitation::WarmStart;
use super::learner::{LearnSettings, Learner, StepFigures, keep_freed_memory, stops};
use super::muon::HiddenMatrices;
use super::network_config::{CriticObservation, NetworkConfig};
use super::optimizer::ClippedAdam;
use super::parameters::{ParameterMap, StepWatch};
use super::rollout::RolloutBuffer;
use super::schedule::OptimizerChoice;
use super::value_scale::ValueScale;
use crate::artifact::{ActionHead, Distribution, MlpScratch, PolicyNetwork, Spread, deviations};
use crate::device::{self, DeviceChoice};
use crate::imitation::ImitationConfig;
use burn::tensor::{Tensor, TensorData};
use flexai_env::core::{EpisodeStatistics, SeedTree, StreamRng, VecEnv};
use serde::Serialize;
use std::borrow::Cow;
use std::time::Instant;

/// Proximal policy optimisation of one policy.
pub struct Trainer {
    pub(super) config: PpoConfig,
    pub(super) network: NetworkConfig,
    pub(super) heads: ActionHead,
    pub(super) collector: Collector,
    pub(super) learner: Learner,
    pub(super) shuffle: StreamRng,
    /// Where all streams come from.
    tree: SeedTree,
    /// Who is imitated, and how.
    pub(super) imitation: Option<ImitationConfig>,
    /// Statistics of the returns, if the critic learns them normalised.
    pub(super) value_scale: Option<ValueScale>,
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
    /// Weight of the entropy bonus of this update.
    pub ent_coef: f64,
    /// Weight of the imitation of this update; 0 without a teacher.
    pub imitation_coef: f64,
    /// Mean of `-ln p(teacher's action)` over all minibatches; 0 where the teacher is not asked.
    pub imitation_loss: f64,
    /// What the demonstrations before the first update brought; told with that update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_start: Option<WarmStart>,
    /// Mean gradient norm of each layer before clipping, in the order of [`Trainer::layer_names`].
    pub layer_grad_norms: Vec<f64>,
    /// Epochs begun; fewer than configured where `target_kl` stopped them.
    pub epochs_run: usize,
    /// Mean of each info column over the rollout, in the order of the environment's `info_keys`.
    pub info_means: Vec<f64>,
    /// Mean reward per step, before scaling.
    pub reward_mean: f64,
    /// Mean of each number of the flat action over the rollout, as drawn: a choice counts as its option's number.
    pub taken_mean: Vec<f64>,
    /// Standard deviation of the same.
    pub taken_std: Vec<f64>,
    /// Share of the rollout's observed numbers that normalisation clipped; 0 without it.
    pub clipped_observations: f64,
    /// Standard deviation of each continuous action after the update: of the normal before squashing or clipping, or of a
    /// beta distribution in the action's units; the mean over the present observations where it depends on them.
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
        let faults = [config.validate(), network.validate(), network.validate_with(config)].concat();
        if !faults.is_empty() {
            return Err(PpoError::Config(faults));
        }
        check_environments(config, network, &venv)?;
        let device = device::open(device)?;
        keep_freed_memory();
        let tree = SeedTree::new(seed).child("ppo", 0);
        let heads = ActionHead { components: venv.action_space().components(), style: network.style() };
        if let Err(reason) = heads.style.check(&heads.components) {
            let fault = format!("`network.distribution` or `network.spread` does not fit the action: {reason}");
            return Err(PpoError::Config(vec![fault]));
        }
        let observation_len = venv.observation_space().flat_len();
        let privileged_len = venv.first().privileged_len();
        let parts = config.credit.parts(&venv, &heads)?;
        let values = parts.as_ref().map_or(1, |parts| parts.count);
        let mut rng = tree.stream("weights");
        let weights = ActorCritic::new(network, observation_len, privileged_len, values, &heads, &mut rng, &device);
        let policy = weights.to_policy_network(&heads, None)?;
        let collector = Collector::new(config, tree, venv, &policy, parts);
        if let Some(i) = collector.observation.iter().position(|x| !x.is_finite()) {
            let what = format!("observation {} of environment {}", i % observation_len, i / observation_len);
            return Err(PpoError::NotFinite { what, update: 0 });
        }
        let on_host = config.learner.on_host(&device, network, &heads)?;
        let learner = Learner {
            host: on_host.then(|| HostLearner::new(&policy)),
            network: weights,
            optimizer: optimizer(config, &policy),
            watch: StepWatch::new(ParameterMap::of(&policy)),
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
            tree,
            imitation: None,
            value_scale: config.normalize_value.then(ValueScale::new),
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

    /// Goes on in other environments of the same shape, reset from the run's seed and `number`: what was collected in the
    /// old ones is forgotten, what was learnt and the running statistics stay.
    ///
    /// # Errors
    /// [`PpoError`] if they do not fit the configuration or the policy; the trainer is then unchanged.
    pub fn replace_environments(&mut self, venv: VecEnv, number: u64) -> Result<(), PpoError> {
        check_environments(&self.config, &self.network, &venv)?;
        let old = &self.collector.venv;
        if venv.observation_space() != old.observation_space() || venv.action_space() != old.action_space() {
            return Err(PpoError::Environment {
                found: "environments with another observation or action".into(),
                expected: "those of the environments before them".into(),
                hint: "change sizes and prices, not what is observed or decided".into(),
            });
        }
        self.collector.replace_environments(venv, self.tree.child("environments", number).seed());
        Ok(())
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

    /// The present policy, with a copy of the running observation statistics: it takes raw observations. A critic that
    /// reads what only training knows stays behind.
    pub fn policy_network(&self) -> PolicyNetwork {
        let normalizer = self.collector.observation_normalizer.clone();
        let policy = PolicyNetwork { normalizer, ..self.policy.clone() }.without_privileged_critic();
        policy.with_one_value()
    }

    fn try_update(&mut self) -> Result<UpdateReport, PpoError> {
        let update = self.updates + 1;
        let not_finite = |what: String| PpoError::NotFinite { what, update };
        let start = Instant::now();
        let warm_start = self.warm_start()?;
        self.collector.teaching = if self.imitation_coef() > 0.0 { Teaching::Labels } else { Teaching::Off };
        let collected = self.collector.collect(&self.policy).map_err(not_finite)?;
        let collect_seconds = start.elapsed().as_secs_f64();

        let start = Instant::now();
        let (figures, settings, explained) = self.learn()?;
        self.updates += 1;
        let timing = UpdateTiming { collect_seconds, learn_seconds: start.elapsed().as_secs_f64() };
        Ok(UpdateReport { warm_start, ..self.report(collected, &figures, settings, explained, timing) })
    }

    /// The epochs on the last rollout; the figures of each step, and how much the collecting critic explained.
    fn learn(&mut self) -> Result<(Vec<StepFigures>, LearnSettings, f64), PpoError> {
        let update = self.updates + 1;
        let not_finite = |what: String| PpoError::NotFinite { what, update };
        let mut settings = LearnSettings::at(&self.config, self.updates);
        settings.loss.imitation = self.imitation_coef();
        let (mut figures, mut explained) = (Vec::new(), 0.0);
        let rounds = if self.config.recompute_advantages { self.config.update_epochs } else { 1 };
        for round in 0..rounds {
            if round > 0 {
                self.collector.value_again(&self.policy).map_err(not_finite)?;
            }
            settings.taken = figures.len();
            let (steps, share) = self.learn_round(settings, round == 0)?;
            if round == 0 {
                explained = share;
            }
            let whole = steps.len() == settings.epochs * self.config.num_minibatches;
            figures.extend(steps);
            if !whole || stops(&figures, settings) {
                break;
            }
        }
        Ok((figures, settings, explained))
    }

    /// Epochs on the last rollout with one estimate of its advantages; `fresh` if it has not been learnt from yet.
    fn learn_round(&mut self, settings: LearnSettings, fresh: bool) -> Result<(Vec<StepFigures>, f64), PpoError> {
        let update = self.updates + 1;
        let not_finite = |what: String| PpoError::NotFinite { what, update };
        let rollout = self.collector.rollout();
        let mut advantages =
            rollout.advantages(self.config.gamma, self.config.gae_lambda, self.config.credit_others_at(self.updates));
        if let Some(i) = advantages.advantages.iter().position(|x| !x.is_finite()) {
            let i = i / rollout.judged();
            let (e, t) = (i % rollout.num_envs, i / rollout.num_envs);
            return Err(not_finite(format!("the advantage of environment {e} at step {t} of the rollout")));
        }
        let explained = match rollout.part_count() {
            1 => explained_variance(&rollout.values, &advantages.returns),
            parts => {
                let values: Vec<f64> = rollout.values.iter().map(|x| f64::from(*x)).collect();
                let values: Vec<f32> = row_sums(&values, parts).into_iter().map(|x| x as f32).collect();
                explained_variance(&values, &row_sums(&advantages.returns, parts))
            }
        };
        advantages.returns = targets(&mut self.value_scale, &mut self.learner, advantages.returns, fresh)?;
        let scaled = self.value_scale.as_ref().filter(|_| settings.loss.value_clip.is_some()).map(|scale| {
            let values = rollout.values.iter().map(|x| scale.normalized(f64::from(*x)) as f32).collect();
            RolloutBuffer { values, ..rollout.clone() }
        });
        let rollout = scaled.as_ref().unwrap_or(rollout);
        let figures = self.learner.update(rollout, &advantages, settings, &mut self.shuffle)?;
        self.take_weights(self.config.num_minibatches, "")?;
        Ok((figures, explained))
    }

    /// Makes the learner's network the policy that acts, if every number of the last learning phase, of so many minibatches
    /// an epoch, was finite.
    ///
    /// # Errors
    /// [`PpoError::NotFinite`], [`PpoError::Device`].
    pub(super) fn take_weights(&mut self, minibatches: usize, phase: &str) -> Result<(), PpoError> {
        if let Some(fault) = self.learner.watch().fault() {
            let (epoch, minibatch) = (fault.step / minibatches + 1, fault.step % minibatches + 1);
            let what = format!("{} in minibatch {minibatch} of epoch {epoch}{phase}", fault.what);
            return Err(PpoError::NotFinite { what, update: self.updates + 1 });
        }
        self.policy = self.learner.network.to_policy_network(&self.heads, None)?;
        if let Some(scale) = &self.value_scale {
            scale.fold_into(&mut self.policy);
        }
        Ok(())
    }

    /// Names of the layers whose gradient norms are reported: `actor_1`, .., `critic_1`, .., `spread`.
    pub fn layer_names(&self) -> Vec<String> {
        self.learner.watch.map.layers().iter().map(|(name, _)| name.clone()).collect()
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
        let rollout = self.collector.rollout();
        let (taken_mean, taken_std) = columns(&rollout.actions, self.policy.action_len());
        let clip = self.config.observation_clip as f32;
        let clipped = rollout.observations.iter().filter(|x| self.config.normalize_observation && x.abs() >= clip);
        let clipped_observations = clipped.count() as f64 / rollout.observations.len() as f64;
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
            ent_coef: settings.loss.ent_coef,
            imitation_coef: settings.loss.imitation,
            imitation_loss: mean(|f| f.imitation_loss),
            warm_start: None,
            layer_grad_norms: self.learner.watch().mean_norms(),
            epochs_run: figures.len().div_ceil(self.config.num_minibatches),
            info_means: collected.info_means,
            reward_mean: collected.reward_mean,
            taken_mean,
            taken_std,
            clipped_observations,
            action_std: self.action_std(),
            timing,
        }
    }
}

impl Trainer {
    fn action_std(&self) -> Vec<f64> {
        let policy = &self.policy;
        let style = policy.heads.style;
        if style.distribution != Distribution::Beta && style.spread == Spread::Independent {
            return policy.log_std.iter().map(|x| f64::from(*x).exp()).collect();
        }
        let seen = match (&self.collector.memory, &policy.actor_memory) {
            (Some(remembering), Some(memory)) => Cow::Owned(remembering.foresee(memory, &self.collector.observation)),
            _ => Cow::Borrowed(&self.collector.observation),
        };
        let (rows, len, width) = (self.config.num_envs, policy.actor.outputs(), policy.actor.features());
        let (mut scratch, mut parameters) = (MlpScratch::default(), vec![0.0; rows * len]);
        policy.actor.forward(&seen, &mut scratch, &mut parameters);
        let mut means = vec![0.0; policy.heads.continuous_len()];
        let (mut buffer, mut row) = (Vec::new(), Vec::new());
        for (parameters, features) in parameters.chunks_exact(len).zip(scratch.features().chunks_exact(width)) {
            let log_std = policy.row_log_std(features, &mut buffer);
            deviations(&policy.heads, parameters, log_std, &mut row);
            means.iter_mut().zip(&row).for_each(|(mean, x)| *mean += f64::from(*x) / rows as f64);
        }
        means
    }
}

fn check_environments(config: &PpoConfig, network: &NetworkConfig, venv: &VecEnv) -> Result<(), PpoError> {
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
    if network.critic_observation == CriticObservation::Privileged && venv.first().privileged_len() == 0 {
        return fault(
            "nothing that only a critic may know".into(),
            "something (`network.critic_observation` is `privileged`)",
            "FlexSite-v1 and FlexFleet-v1 offer it; with `critic_observation = \"actor\"` none is needed",
        );
    }
    if venv.action_space().flat_len() == 0 {
        return fault("actions of length 0".into(), "at least one number", "add a part to the action");
    }
    Ok(())
}

/// The optimiser of a policy, at its first step.
pub(super) fn optimizer(config: &PpoConfig, policy: &PolicyNetwork) -> ClippedAdam {
    let muon = (config.optimizer == OptimizerChoice::Muon).then(|| HiddenMatrices::of(policy));
    let adam = ClippedAdam::new(config.adam_eps, config.max_grad_norm);
    adam.with_weight_decay(config.weight_decay).with_muon(muon)
}

/// Returns as the critic is to say them; its last layer follows the statistics, which `fresh` ones move.
///
/// # Errors
/// [`PpoError::Device`].
pub(super) fn targets(
    scale: &mut Option<ValueScale>,
    learner: &mut Learner,
    returns: Vec<f64>,
    fresh: bool,
) -> Result<Vec<f64>, PpoError> {
    let Some(scale) = scale else { return Ok(returns) };
    if !fresh {
        return Ok(returns.into_iter().map(|x| scale.normalized(x)).collect());
    }
    let head = learner.watch.map.critic_head().expect("every policy has a critic");
    let mut parameters = device::read(learner.network.flatten())?;
    scale.update(&returns, &mut parameters, &head);
    let len = parameters.len();
    let vector = Tensor::<1>::from_data(TensorData::new(parameters, [len]), &learner.device);
    learner.network = learner.network.clone().with_parameters(&vector);
    Ok(returns.into_iter().map(|x| scale.normalized(x)).collect())
}

/// Mean and standard deviation of each of `len` columns.
fn columns(rows: &[f32], len: usize) -> (Vec<f64>, Vec<f64>) {
    let n = (rows.len() / len) as f64;
    let (mut mean, mut variance) = (vec![0.0; len], vec![0.0; len]);
    for row in rows.chunks_exact(len) {
        mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x) / n);
    }
    for row in rows.chunks_exact(len) {
        for ((sum, mean), x) in variance.iter_mut().zip(&mean).zip(row) {
            *sum += (f64::from(*x) - mean).powi(2) / n;
        }
    }
    (mean, variance.iter().map(|x| x.sqrt()).collect())
}

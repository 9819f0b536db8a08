//! The collecting phase: the policy acts in a batch of environments and everything is written down.
//!
//! In: a policy on the host. Out: a full [`RolloutBuffer`], finished episodes, means of the info columns.
//! Always: environments go on over updates; each environment draws its actions from its own stream, so results do not
//! depend on threads; an observation is merged into the running statistics once, when it arrives, and then normalised;
//! final observations are normalised without being merged; a number that is not finite is reported by its place.
//! Not here: advantages (`gae.rs`).

use super::config::PpoConfig;
use super::credit;
use super::exploration::Exploration;
use super::host::{HostMlp, HostPolicy, HostScratch};
use super::remembering::{Remembering, Seen, Shown};
use super::rollout::RolloutBuffer;
use crate::artifact::{
    CriticInput, MlpScratch, PolicyNetwork, clip_to_bounds, from_units, sample, sample_with_noise, to_units,
};
use flexai_env::core::{
    ActionComponent, EpisodeStatistics, ObservationNormalizer, ReturnNormalizer, RewardParts, SeedTree, StreamRng,
    VecEnv, VecStep,
};
use rayon::prelude::*;
use std::borrow::Cow;

/// Environments that one thread serves at a time.
const LANE_ENVS: usize = 16;
/// Rows of a batch of values that one thread computes at a time.
const VALUE_ROWS: usize = 256;

/// Environments, their streams and normalisers.
pub(super) struct Collector {
    pub(super) venv: VecEnv,
    /// Present observations as the policy will see them, `[num_envs, observation_len]`.
    pub(super) observation: Vec<f32>,
    pub(super) observation_normalizer: Option<ObservationNormalizer>,
    pub(super) return_normalizer: Option<ReturnNormalizer>,
    /// One generator per environment.
    pub(super) streams: Vec<StreamRng>,
    /// Noise of state-dependent exploration, if that is how the policy explores.
    pub(super) exploration: Option<Exploration>,
    /// What the policy remembers of the present episodes, if it has a memory.
    pub(super) memory: Option<Remembering>,
    /// Actions of the present step as the environments get them, `[num_envs, action_len]`.
    sent: Vec<f32>,
    /// Whether the teacher is asked, and whether it acts.
    pub(super) teaching: Teaching,
    /// Observations as the environments handed them out, `[steps, num_envs, observation_len]`, if they are kept.
    pub(super) raw: Option<Vec<f32>>,
    rollout: RolloutBuffer,
    /// The policy's weights as they are read fastest; made at the first rollout.
    host: Option<HostPolicy>,
    lanes: Vec<Lane>,
    /// Flat index and normalised final observation of each episode that ended in this rollout.
    pub(super) ended: Vec<usize>,
    pub(super) final_observations: Vec<f32>,
    final_privileged: Vec<f32>,
}

/// What a teacher does while a rollout is collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Teaching {
    /// Nothing.
    #[default]
    Off,
    /// It says what it would do; the policy acts.
    Labels,
    /// It acts.
    Acts,
}

/// Buffers of one thread.
struct Lane {
    host: Option<HostScratch>,
    layers: MlpScratch,
    parameters: Vec<f32>,
    noise: Vec<f32>,
    log_std: Vec<f32>,
}

/// Buffers of the network's own inference.
#[derive(Default)]
struct PlainScratch {
    layers: MlpScratch,
    parameters: Vec<f32>,
}

/// Figures of a collecting phase.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct CollectFigures {
    /// Episodes that ended, in order of time, then environment.
    pub(super) episodes: Vec<EpisodeStatistics>,
    /// Mean of each info column over all transitions.
    pub(super) info_means: Vec<f64>,
    /// Mean reward per step, before scaling.
    pub(super) reward_mean: f64,
}

impl Collector {
    /// Resets the environments and takes in their first observations.
    pub(super) fn new(
        config: &PpoConfig,
        tree: SeedTree,
        mut venv: VecEnv,
        policy: &PolicyNetwork,
        parts: Option<RewardParts>,
    ) -> Self {
        if policy.critic_input == CriticInput::Privileged {
            venv.carry_privileged();
        }
        if parts.is_some() {
            venv.carry_reward_parts();
        }
        venv.reset(tree.child("environments", 0).seed());
        let n = venv.num_envs();
        let privileged_len = venv.privileged().len() / n;
        let (observation_len, action_space) = (venv.observation_space().flat_len(), venv.action_space());
        let (action_len, mask_len) = (action_space.flat_len(), action_space.mask_len());
        let stream = |e: usize| tree.child("actions", e as u64).stream("draw");
        let rollout = RolloutBuffer::new(config.num_steps, n, observation_len, privileged_len, action_len, mask_len);
        let mut collector = Self {
            observation: venv.observation().to_vec(),
            observation_normalizer: config
                .normalize_observation
                .then(|| ObservationNormalizer::new(observation_len, config.observation_clip)),
            return_normalizer: config
                .normalize_reward
                .then(|| ReturnNormalizer::new(n, config.gamma, config.reward_clip)),
            streams: (0..n).map(stream).collect(),
            exploration: Exploration::of(policy, n, config.sde_sample_freq),
            memory: Remembering::of(policy, n),
            sent: vec![0.0; n * action_len],
            rollout: match parts {
                Some(parts) => rollout.divided(parts),
                None => rollout,
            },
            teaching: Teaching::Off,
            raw: None,
            host: None,
            lanes: Vec::new(),
            ended: Vec::new(),
            final_observations: Vec::new(),
            final_privileged: Vec::new(),
            venv,
        };
        if let Some(normalizer) = &mut collector.observation_normalizer {
            normalizer.update(&collector.observation);
            normalizer.apply(&mut collector.observation);
        }
        collector
    }

    /// Goes on in other environments of the same shape, reset from `seed`.
    pub(super) fn replace_environments(&mut self, mut venv: VecEnv, seed: u64) {
        if !self.venv.privileged().is_empty() {
            venv.carry_privileged();
        }
        if self.rollout.parts.is_some() {
            venv.carry_reward_parts();
        }
        venv.reset(seed);
        self.observation.copy_from_slice(venv.observation());
        if let Some(normalizer) = &mut self.observation_normalizer {
            normalizer.update(&self.observation);
            normalizer.apply(&mut self.observation);
        }
        if let Some(normalizer) = &mut self.return_normalizer {
            normalizer.begin_episodes();
        }
        if let Some(remembering) = &mut self.memory {
            remembering.state.actor.fill(0.0);
            remembering.state.critic.fill(0.0);
        }
        self.venv = venv;
    }

    /// The last rollout.
    pub(super) fn rollout(&self) -> &RolloutBuffer {
        &self.rollout
    }

    /// Collects one rollout.
    ///
    /// # Errors
    /// The name of the first number that is not finite.
    pub(super) fn collect(&mut self, policy: &PolicyNetwork) -> Result<CollectFigures, String> {
        let steps = self.rollout.num_steps;
        let mut figures = CollectFigures { info_means: vec![0.0; self.venv.info_keys().len()], ..Default::default() };
        self.ended.clear();
        self.final_observations.clear();
        self.final_privileged.clear();
        let len = if self.teaching == Teaching::Off { 0 } else { self.rollout.actions.len() };
        self.rollout.teacher.resize(len, 0.0);
        if let Some(memory) = &self.memory {
            self.rollout.memory.clone_from(&memory.state);
        }
        let host = self.prepare(policy);
        let played = (0..steps).try_for_each(|t| {
            self.act(policy, host.as_ref(), t);
            self.ask(policy, t)?;
            self.play(policy, t, &mut figures)
        });
        if played.is_ok() {
            self.evaluate(policy, host.as_ref());
        }
        self.host = host;
        played?;
        self.check_values()?;
        let n = self.rollout.len() as f64;
        figures.info_means.iter_mut().for_each(|mean| *mean /= n);
        figures.reward_mean /= n;
        Ok(figures)
    }

    /// Takes over the policy's weights; `None` where the network's own inference must do.
    fn prepare(&mut self, policy: &PolicyNetwork) -> Option<HostPolicy> {
        if self.lanes.is_empty() {
            let host = HostPolicy::new(policy);
            let lane = || Lane {
                host: host.as_ref().map(|host| host.actor.scratch()),
                layers: MlpScratch::default(),
                parameters: vec![0.0; LANE_ENVS * policy.actor.outputs()],
                noise: Vec::new(),
                log_std: Vec::new(),
            };
            self.lanes = (0..self.rollout.num_envs.div_ceil(LANE_ENVS)).map(|_| lane()).collect();
            return host;
        }
        let mut host = self.host.take()?;
        host.refresh(policy);
        Some(host)
    }

    /// Draws the actions of step `t`.
    fn act(&mut self, policy: &PolicyNetwork, host: Option<&HostPolicy>, t: usize) {
        let rollout = &mut self.rollout;
        let n = rollout.num_envs;
        let rows = |per_env: usize| t * n * per_env..(t + 1) * n * per_env;
        let observation_len = self.observation.len() / n;
        let action_len = rollout.actions.len() / rollout.log_probs.len();
        let mask_len = rollout.masks.len() / rollout.log_probs.len();
        rollout.observations[rows(observation_len)].copy_from_slice(&self.observation);
        rollout.privileged[rows(self.venv.privileged().len() / n)].copy_from_slice(self.venv.privileged());
        rollout.masks[rows(mask_len)].copy_from_slice(self.venv.mask());
        if let Some(raw) = &mut self.raw {
            raw.extend_from_slice(self.venv.observation());
        }

        if let Some(exploration) = &mut self.exploration {
            exploration.prepare(policy, t, &mut self.streams);
        }
        let (seen, seen_len) = match (&mut self.memory, &policy.actor_memory) {
            (Some(remembering), Some(memory)) => (remembering.take_in(memory, &self.observation), memory.size()),
            _ => (self.observation.as_slice(), observation_len),
        };
        let (mask, exploration) = (self.venv.mask(), &self.exploration);
        let actions = &mut rollout.actions[rows(action_len)];
        let log_probs = &mut rollout.log_probs[rows(1)];
        let serve = |(l, (((lane, streams), actions), log_probs)): (usize, LaneRows<'_>)| {
            let first = l * LANE_ENVS;
            let envs = first..first + streams.len();
            let seen = &seen[envs.start * seen_len..envs.end * seen_len];
            let head_len = policy.actor.outputs();
            let parameters = &mut lane.parameters[..streams.len() * head_len];
            match (host, &mut lane.host) {
                (Some(host), Some(scratch)) => host.actor.forward(seen, scratch, parameters),
                _ => policy.actor.forward(seen, &mut lane.layers, parameters),
            }
            for (i, (rng, log_prob)) in streams.iter_mut().zip(log_probs).enumerate() {
                let parameters = &lane.parameters[i * head_len..(i + 1) * head_len];
                let mask = &mask[(first + i) * mask_len..(first + i + 1) * mask_len];
                let action = &mut actions[i * action_len..(i + 1) * action_len];
                *log_prob = match exploration {
                    None => sample(&policy.heads, parameters, &policy.log_std, mask, rng, action),
                    Some(exploration) => {
                        let width = policy.actor.features();
                        let features = &lane.layers.features()[i * width..(i + 1) * width];
                        exploration.at(first + i, features, &mut lane.noise, &mut lane.log_std);
                        sample_with_noise(&policy.heads, parameters, &lane.log_std, mask, rng, &lane.noise, action)
                    }
                };
            }
        };
        if self.lanes.len() > 1 {
            let streams = self.streams.par_chunks_mut(LANE_ENVS);
            let rows = self.lanes.par_iter_mut().zip(streams).zip(actions.par_chunks_mut(LANE_ENVS * action_len));
            rows.zip(log_probs.par_chunks_mut(LANE_ENVS)).enumerate().for_each(serve);
        } else {
            let streams = self.streams.chunks_mut(LANE_ENVS);
            let rows = self.lanes.iter_mut().zip(streams).zip(actions.chunks_mut(LANE_ENVS * action_len));
            rows.zip(log_probs.chunks_mut(LANE_ENVS)).enumerate().for_each(serve);
        }
        if rollout.parts.is_some() {
            let means = self.lanes.iter().flat_map(|lane| &lane.parameters);
            let numbers = rollout.actions[rows(action_len)].iter().zip(means);
            let own = rollout.own_log_probs[rows(action_len)].chunks_exact_mut(action_len);
            credit::own_log_probs(&policy.log_std, numbers, own);
        }
    }

    /// Checks the actions of step `t`, and asks the teacher for its own.
    fn ask(&mut self, policy: &PolicyNetwork, t: usize) -> Result<(), String> {
        let rollout = &mut self.rollout;
        let n = rollout.num_envs;
        let len = rollout.actions.len() / rollout.log_probs.len();
        let row = t * n * len..(t + 1) * n * len;
        let of = |i: usize| format!("{} of environment {} at step {t} of the rollout", i % len, i / len);
        if let Some(i) = rollout.actions[row.clone()].iter().position(|x| !x.is_finite()) {
            return Err(format!("action {}", of(i)));
        }
        if let Some(e) = rollout.log_probs[t * n..(t + 1) * n].iter().position(|x| !x.is_finite()) {
            return Err(format!("the log-probability of the action of environment {e} at step {t} of the rollout"));
        }
        if self.teaching == Teaching::Off {
            return Ok(());
        }
        let labels = &mut rollout.teacher[row.clone()];
        let taught = self.venv.teacher_actions(labels);
        debug_assert!(taught, "who asks has checked that there is a teacher");
        if let Some(i) = labels.iter().position(|x| !x.is_finite()) {
            return Err(format!("the teacher's action {}", of(i)));
        }
        let mask_len = rollout.masks.len() / rollout.log_probs.len();
        let masks = &rollout.masks[t * n * mask_len..(t + 1) * n * mask_len];
        for (e, label) in labels.chunks_exact_mut(len).enumerate() {
            keep_possible(&policy.heads.components, &masks[e * mask_len..(e + 1) * mask_len], label);
            from_units(&policy.heads, label);
        }
        if self.teaching == Teaching::Acts {
            rollout.actions[row].copy_from_slice(labels);
        }
        Ok(())
    }

    /// The first value that is not finite, by its place.
    fn check_values(&self) -> Result<(), String> {
        let (n, all) = (self.rollout.num_envs, [&self.rollout.values, &self.rollout.next_values]);
        let bad = |values: &Vec<f32>| values.iter().position(|x| !x.is_finite());
        match all.into_iter().find_map(bad).map(|i| i / self.rollout.part_count()) {
            Some(i) => Err(format!("the value of environment {} at step {} of the rollout", i % n, i / n)),
            None => Ok(()),
        }
    }

    /// Plays the actions of step `t` and writes down what they brought.
    fn play(&mut self, policy: &PolicyNetwork, t: usize, figures: &mut CollectFigures) -> Result<(), String> {
        let rollout = &mut self.rollout;
        let n = rollout.num_envs;
        let row = t * n..(t + 1) * n;
        let action_len = rollout.actions.len() / rollout.log_probs.len();
        self.sent.copy_from_slice(&rollout.actions[t * n * action_len..(t + 1) * n * action_len]);
        for action in self.sent.chunks_exact_mut(action_len) {
            to_units(&policy.heads, action);
            clip_to_bounds(&policy.heads.components, action);
        }
        let step = self.venv.step(&self.sent);
        check_finite(&step).map_err(|what| format!("{what} at step {t} of the rollout"))?;
        rollout.terminated[row.clone()].copy_from_slice(step.terminated);
        rollout.truncated[row.clone()].copy_from_slice(step.truncated);
        let ended = || step.terminated.iter().zip(step.truncated).map(|(a, b)| *a || *b);
        let count = rollout.part_count();
        let rewards = &mut rollout.rewards[t * n * count..(t + 1) * n * count];
        match &mut self.return_normalizer {
            Some(normalizer) if rollout.parts.is_some() => {
                normalizer.normalize_parts(step.reward, step.reward_parts, ended(), rewards);
            }
            Some(normalizer) => normalizer.normalize(step.reward, ended(), rewards),
            None if rollout.parts.is_some() => rewards.copy_from_slice(step.reward_parts),
            None => rewards.copy_from_slice(step.reward),
        }
        if let Some(i) = rewards.iter().position(|reward| !reward.is_finite()) {
            return Err(format!("the scaled reward of environment {} at step {t} of the rollout", i / count));
        }
        figures.reward_mean += step.reward.iter().sum::<f64>();
        figures.episodes.extend_from_slice(step.episodes);
        let columns = figures.info_means.len().max(1);
        for info in step.info.chunks_exact(columns) {
            figures.info_means.iter_mut().zip(info).for_each(|(sum, x)| *sum += x);
        }

        self.observation.copy_from_slice(step.observation);
        if let Some(normalizer) = &mut self.observation_normalizer {
            normalizer.update(&self.observation);
            normalizer.apply(&mut self.observation);
        }
        let observation_len = self.observation.len() / n;
        for (e, _) in ended().enumerate().filter(|(_, ended)| *ended) {
            let from = self.final_observations.len();
            let last = &step.final_observation[e * observation_len..(e + 1) * observation_len];
            self.final_observations.extend_from_slice(last);
            if let Some(normalizer) = &self.observation_normalizer {
                normalizer.apply(&mut self.final_observations[from..]);
            }
            let privileged_len = step.final_privileged.len() / n;
            self.final_privileged
                .extend_from_slice(&step.final_privileged[e * privileged_len..(e + 1) * privileged_len]);
            self.ended.push(t * n + e);
            if let Some(memory) = &mut self.memory {
                memory.forget(e);
            }
        }
        Ok(())
    }

    /// Values the last rollout anew, by the critic of `policy`.
    ///
    /// # Errors
    /// The place of the first value that is not finite.
    pub(super) fn value_again(&mut self, policy: &PolicyNetwork) -> Result<(), String> {
        if let Some(remembering) = &mut self.memory {
            remembering.state.critic.clone_from(&self.rollout.memory.critic);
        }
        let host = self.prepare(policy);
        self.evaluate(policy, host.as_ref());
        self.host = host;
        self.check_values()
    }

    /// Values of all observations, and of all true successors.
    fn evaluate(&mut self, policy: &PolicyNetwork, host: Option<&HostPolicy>) {
        let (steps, ended, next) = (
            joined(&self.rollout.observations, &self.rollout.privileged, self.rollout.len()),
            joined(&self.final_observations, &self.final_privileged, self.ended.len()),
            joined(&self.observation, self.venv.privileged(), self.rollout.num_envs),
        );
        let seen = Seen { steps: &steps, ended: &ended, next: &next, ends: &self.ended };
        let shown = self.memory.as_mut().map(|memory| memory.of_critic(policy, &self.rollout, seen));
        let (steps, ended, next) = match &shown {
            Some(Shown { steps, ended, next }) => (steps.as_slice(), ended.as_slice(), next.as_slice()),
            None => (seen.steps, seen.ended, seen.next),
        };
        let count = self.rollout.part_count();
        let n = self.rollout.num_envs * count;
        let host = host.map(|host| &host.critic);
        let mut now = vec![0.0; self.rollout.len() * count];
        values(policy, host, steps, &mut now);
        let mut then = now[n..].to_vec();
        then.resize(now.len(), 0.0);
        values(policy, host, next, &mut then[now.len() - n..]);
        let mut last = vec![0.0; self.ended.len() * count];
        values(policy, host, ended, &mut last);
        for (i, value) in self.ended.iter().zip(last.chunks_exact(count)) {
            then[i * count..(i + 1) * count].copy_from_slice(value);
        }
        (self.rollout.values, self.rollout.next_values) = (now, then);
    }
}

/// Brings a teacher's action into the space: numbers within their bounds, choices to the nearest legal option.
fn keep_possible(heads: &[ActionComponent], mask: &[bool], action: &mut [f32]) {
    clip_to_bounds(heads, action);
    let mut at = 0;
    for head in heads {
        if let ActionComponent::Categorical { offset, n, start } = head {
            let legal = &mask[at..at + n];
            let wanted = action[*offset] - *start as f32;
            let distance = |option: &usize| (*option as f32 - wanted).abs();
            let nearest = (0..*n).filter(|i| legal[*i]).min_by(|a, b| distance(a).total_cmp(&distance(b)));
            action[*offset] = (*start + nearest.unwrap_or(0) as i32) as f32;
            at += n;
        }
    }
}

type LaneRows<'a> = (((&'a mut Lane, &'a mut [StreamRng]), &'a mut [f32]), &'a mut [f32]);

/// Rows of what the critic, or its memory, reads: observations, each followed by what only training knows.
fn joined<'a>(observations: &'a [f32], privileged: &[f32], rows: usize) -> Cow<'a, [f32]> {
    if privileged.is_empty() {
        return Cow::Borrowed(observations);
    }
    let (len, more) = (observations.len() / rows, privileged.len() / rows);
    let rows = observations.chunks_exact(len).zip(privileged.chunks_exact(more));
    Cow::Owned(rows.flat_map(|(x, y)| x.iter().chain(y)).copied().collect())
}

/// Values of rows of what the critic's layers read; rows do not depend on each other, so threads change nothing.
fn values(policy: &PolicyNetwork, host: Option<&HostMlp>, observations: &[f32], out: &mut [f32]) {
    if out.is_empty() {
        return;
    }
    let parts = policy.critic.outputs();
    let len = observations.len() / (out.len() / parts);
    let blocks = || observations.par_chunks(VALUE_ROWS * len);
    let few = out.len() <= VALUE_ROWS * parts;
    match host {
        Some(critic) if few => critic.forward(observations, &mut critic.scratch(), out),
        Some(critic) => {
            let forward = |scratch: &mut HostScratch, (x, out): (&[f32], &mut [f32])| critic.forward(x, scratch, out);
            blocks().zip(out.par_chunks_mut(VALUE_ROWS * parts)).for_each_init(|| critic.scratch(), forward);
        }
        None if few => block_of_values(policy, observations, &mut PlainScratch::default(), out),
        None => {
            let forward = |scratch: &mut PlainScratch, (x, out): (&[f32], &mut [f32])| {
                block_of_values(policy, x, scratch, out);
            };
            blocks().zip(out.par_chunks_mut(VALUE_ROWS * parts)).for_each_init(PlainScratch::default, forward);
        }
    }
}

fn block_of_values(policy: &PolicyNetwork, observations: &[f32], scratch: &mut PlainScratch, out: &mut [f32]) {
    match policy.critic_input {
        CriticInput::Observation | CriticInput::Privileged | CriticInput::Absent => {
            policy.critic.forward(observations, &mut scratch.layers, out);
        }
        CriticInput::Features => {
            let rows = out.len() / policy.critic.outputs();
            scratch.parameters.resize(rows * policy.actor.outputs(), 0.0);
            policy.actor.forward(observations, &mut scratch.layers, &mut scratch.parameters);
            policy.critic.forward_last(scratch.layers.features(), out);
        }
    }
}

fn check_finite(step: &VecStep<'_>) -> Result<(), String> {
    if let Some(e) = step.reward.iter().position(|r| !r.is_finite()) {
        return Err(format!("the reward of environment {e}"));
    }
    let observation_len = step.observation.len() / step.reward.len();
    if let Some(at) = step.privileged.iter().chain(step.final_privileged).position(|x| !x.is_finite()) {
        let (at, len) = (at % step.privileged.len(), step.privileged.len() / step.reward.len());
        return Err(format!("privileged number {} of environment {}", at % len, at / len));
    }
    match step.observation.iter().chain(step.final_observation).position(|x| !x.is_finite()) {
        Some(at) => {
            let at = at % step.observation.len();
            Err(format!("observation {} of environment {}", at % observation_len, at / observation_len))
        }
        None => Ok(()),
    }
}

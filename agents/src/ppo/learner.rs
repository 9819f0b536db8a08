//! The learning phase: epochs of shuffled minibatches over one rollout.
//!
//! In: a rollout and its advantages. Out: a better network, and figures of each optimiser step.
//! Always: every transition is used once per epoch, with memory in whole sequences of environments; shuffles come from their own stream; the rollout is copied to the
//! device once. Not here: schedules (`trainer.rs`), collecting (`collector.rs`), the same without a tape (`host/`).

use super::actor_critic::ActorCritic;
use super::config::PpoConfig;
use super::distribution::HeadLayout;
use super::gae::Advantages;
use super::host::HostLearner;
use super::loss::{Loss, LossSettings, loss};
use super::memory::Order;
use super::optimizer::ClippedAdam;
use super::parameters::StepWatch;
use super::rollout::{Batch, RolloutBuffer};
use super::schedule::TargetKlRule;
use crate::device::{self, DeviceError};
use burn::tensor::{Device, Tensor};
use flexai_env::core::StreamRng;

/// Added to the deviation of advantages.
const ADVANTAGE_EPSILON: f64 = 1e-8;

/// Network and optimiser on a device.
pub(super) struct Learner {
    pub(super) network: ActorCritic,
    pub(super) optimizer: ClippedAdam,
    pub(super) layout: HeadLayout,
    pub(super) device: Device,
    /// Computes updates in Burn's place.
    pub(super) host: Option<HostLearner>,
    /// Looks on at the steps taken here; the host's has its own.
    pub(super) watch: StepWatch,
}

/// What one learning phase needs beside the rollout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LearnSettings {
    pub(super) epochs: usize,
    /// Optimiser steps already taken in this update: it goes on with the same rollout.
    pub(super) taken: usize,
    pub(super) minibatch_size: usize,
    pub(super) normalize_advantage: bool,
    pub(super) target_kl: Option<f64>,
    pub(super) target_kl_rule: TargetKlRule,
    pub(super) learning_rate: f64,
    pub(super) loss: LossSettings,
}

/// Figures of one optimiser step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct StepFigures {
    pub(super) total_loss: f64,
    pub(super) policy_loss: f64,
    pub(super) value_loss: f64,
    pub(super) entropy: f64,
    /// Mean of `-ln p` of the teacher's actions; 0 without one.
    pub(super) imitation_loss: f64,
    pub(super) grad_norm: f64,
    pub(super) approx_kl: f64,
    pub(super) old_approx_kl: f64,
    pub(super) clip_fraction: f64,
}

/// A step's figures, still on the device.
pub(super) struct PendingFigures {
    /// Total, policy loss, value loss, entropy, imitation loss, gradient norm, then the squared gradient norm of each
    /// layer, then the log-ratio of each row.
    numbers: Tensor<1>,
    layers: usize,
    rows: usize,
}

const HEAD_NUMBERS: usize = 6;

/// Makes the system's allocator keep freed memory instead of returning it to the kernel after every tensor operation.
///
/// glibc raises its thresholds for returning memory when a large block is freed, up to a block of 32 MiB; doing so once
/// saved a third of an update's time (page faults). Elsewhere this is one allocation that is never touched.
pub(super) fn keep_freed_memory() {
    const JUST_BELOW_THE_LARGEST: usize = 31 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(JUST_BELOW_THE_LARGEST)));
}

impl LearnSettings {
    /// Settings of an update, counted from 0.
    pub(super) fn at(config: &PpoConfig, update: u64) -> Self {
        let loss = LossSettings {
            clip_coef: config.clip_coef_at(update),
            value_clip: config.clip_value_loss.then_some(config.value_clip),
            vf_coef: config.vf_coef,
            ent_coef: config.ent_coef_at(update),
            surrogate: true,
            imitation: 0.0,
        };
        Self {
            epochs: if config.recompute_advantages { 1 } else { config.update_epochs },
            taken: 0,
            minibatch_size: config.minibatch_size(),
            normalize_advantage: config.normalize_advantage,
            target_kl: config.target_kl,
            target_kl_rule: config.target_kl_rule,
            learning_rate: config.learning_rate_at(update),
            loss,
        }
    }
}

impl Learner {
    /// Runs the epochs; stops after one whose last minibatch passes `target_kl`, or has a figure that is not finite.
    ///
    /// Returns the figures of every step, epoch after epoch.
    ///
    /// # Errors
    /// [`DeviceError::Failed`].
    pub(super) fn update(
        &mut self,
        rollout: &RolloutBuffer,
        advantages: &Advantages,
        settings: LearnSettings,
        shuffle: &mut StreamRng,
    ) -> Result<Vec<StepFigures>, DeviceError> {
        if let Some(host) = &mut self.host {
            let burn = (&mut self.network, &mut self.optimizer, &self.device);
            return host.update(burn, rollout, advantages, settings, shuffle);
        }
        let batch = rollout.upload(&self.layout, advantages, &self.device);
        let mut order = Order::of(rollout);
        let mut figures = Vec::new();
        if settings.taken == 0 {
            self.watch.begin();
        }
        for _ in 0..settings.epochs {
            order.shuffle(settings.minibatch_size, shuffle);
            let whole = self.epoch(&batch, &advantages.advantages, &order, settings, &mut figures)?;
            if !whole || self.watch.fault().is_some() || stops(&figures, settings) {
                break;
            }
        }
        if self.watch.fault().is_none() {
            let parameters = device::read(self.network.flatten())?;
            self.watch.look(&StepFigures::default(), &[], &parameters);
        }
        Ok(figures)
    }

    /// Who looked on at the last update.
    pub(super) fn watch(&self) -> &StepWatch {
        self.host.as_ref().map_or(&self.watch, HostLearner::watch)
    }

    /// One pass over the transitions in the given order; false if the divergence ended it early. The figures are read
    /// back once, at its end, but where each minibatch's divergence decides about its step.
    ///
    /// # Errors
    /// [`DeviceError::Failed`].
    fn epoch(
        &mut self,
        batch: &Batch,
        advantages: &[f64],
        order: &Order,
        settings: LearnSettings,
        figures: &mut Vec<StepFigures>,
    ) -> Result<bool, DeviceError> {
        let size = settings.minibatch_size;
        let shuffled = in_order(batch, advantages, order, settings);
        let before = (self.network.clone(), self.optimizer.clone());
        let looks = settings.target_kl_rule == TargetKlRule::Minibatch && settings.target_kl.is_some();
        let (mut pending, mut whole) = (Vec::new(), true);
        for m in 0..order.rows.len() / size {
            let rows = shuffled.rows(m * size..(m + 1) * size);
            let loss = loss(&self.network, &self.layout, &rows, settings.loss);
            // Before the first step the policy has not moved: what divergence there is comes from rounding.
            let first = pending.is_empty() && figures.is_empty() && settings.taken == 0;
            if looks && !first && skips(approx_kl(&device::read(loss.log_ratio.clone())?), settings) {
                whole = false;
                break;
            }
            pending.push(self.descend(loss, settings.learning_rate));
        }
        let taken = figures.len();
        for (step, norms) in read_all(pending, settings.loss.clip_coef)? {
            figures.push(step);
            self.watch.count(norms.into_iter());
        }
        if let Some(m) = figures[taken..].iter().position(|step| !step.all_finite()) {
            self.name_the_fault(before, &shuffled, m, settings.taken + taken, settings)?;
        }
        Ok(whole)
    }

    /// Takes the steps of an epoch again, up to the one with a bad figure, and looks at every tensor on the way.
    ///
    /// # Errors
    /// [`DeviceError::Failed`].
    fn name_the_fault(
        &mut self,
        (network, optimizer): (ActorCritic, ClippedAdam),
        shuffled: &Batch,
        bad: usize,
        taken: usize,
        settings: LearnSettings,
    ) -> Result<(), DeviceError> {
        (self.network, self.optimizer) = (network, optimizer);
        let size = settings.minibatch_size;
        let mut last = device::read(self.network.flatten())?;
        for m in 0..=bad {
            if let Some(name) = self.watch.map.first_not_finite(&last) {
                let what = format!("{name}, after the optimiser's step,");
                self.watch.fail(what, (taken + m).saturating_sub(1));
            }
            let rows = shuffled.rows(m * size..(m + 1) * size);
            let loss = loss(&self.network, &self.layout, &rows, settings.loss);
            let mut gradients = loss.total.clone().backward();
            let gradient = self.network.flatten_gradients(&mut gradients, &loss.replays);
            let gradients = device::read(gradient.clone())?;
            let pending = self.descend_by(loss, gradient, settings.learning_rate);
            last = device::read(self.network.flatten())?;
            let figures = read(vec![pending], settings.loss.clip_coef)?[0];
            self.watch.look_at(&figures, &gradients, &last, taken + m);
        }
        // A norm may overflow although no single number does.
        self.watch.fail("the gradient norm".into(), taken + bad);
        Ok(())
    }

    /// One optimiser step.
    #[cfg(test)]
    pub(super) fn step(&mut self, batch: &Batch, settings: LossSettings, learning_rate: f64) -> PendingFigures {
        let loss = loss(&self.network, &self.layout, batch, settings);
        self.descend(loss, learning_rate)
    }

    fn descend(&mut self, loss: Loss, learning_rate: f64) -> PendingFigures {
        let mut gradients = loss.total.clone().backward();
        let gradient = self.network.flatten_gradients(&mut gradients, &loss.replays);
        self.descend_by(loss, gradient, learning_rate)
    }

    fn descend_by(&mut self, loss: Loss, gradient: Tensor<1>, learning_rate: f64) -> PendingFigures {
        let squares = gradient.clone().square();
        let layers = self.watch.map.layers();
        let squares = layers.iter().map(|(_, range)| squares.clone().slice(range.clone()).sum());
        let squares: Vec<Tensor<1>> = squares.collect();
        let (network, norm) = self.optimizer.step_flat(self.network.clone(), gradient, learning_rate);
        self.network = network;
        let (rows, layers) = (loss.log_ratio.dims()[0], squares.len());
        let parts = [vec![loss.terms, norm], squares, vec![loss.log_ratio.reshape([rows])]].concat();
        PendingFigures { numbers: Tensor::cat(parts, 0), layers, rows }
    }
}

/// Whether a minibatch is not to be learnt from, because the policy has moved far enough.
pub(super) fn skips(approx_kl: f64, settings: LearnSettings) -> bool {
    settings.target_kl_rule.skips(settings.target_kl, approx_kl)
}

/// Mean of `(ratio - 1) - ln ratio`.
fn approx_kl(log_ratios: &[f32]) -> f64 {
    let n = log_ratios.len() as f64;
    log_ratios.iter().map(|x| f64::from(*x)).map(|x| (x.exp() - 1.0 - x) / n).sum()
}

/// Whether the last minibatch of an epoch ends the update.
pub(super) fn stops(figures: &[StepFigures], settings: LearnSettings) -> bool {
    let last = figures.last().expect("an epoch has at least one minibatch");
    !last.all_finite() || settings.target_kl_rule.ends_after(settings.target_kl, last.approx_kl)
}

impl StepFigures {
    fn new(head: &[f32], log_ratios: &[f32], clip_coef: f64) -> Self {
        let [total_loss, policy_loss, value_loss, entropy, imitation_loss, grad_norm] =
            std::array::from_fn(|i| f64::from(head[i]));
        let n = log_ratios.len() as f64;
        let (mut kl, mut old_kl, mut clipped) = (0.0, 0.0, 0.0);
        for log_ratio in log_ratios.iter().map(|x| f64::from(*x)) {
            let ratio = log_ratio.exp();
            kl += (ratio - 1.0 - log_ratio) / n;
            old_kl -= log_ratio / n;
            clipped += f64::from((ratio - 1.0).abs() > clip_coef) / n;
        }
        Self {
            total_loss,
            policy_loss,
            value_loss,
            entropy,
            imitation_loss,
            grad_norm,
            approx_kl: kl,
            old_approx_kl: old_kl,
            clip_fraction: clipped,
        }
    }

    /// Name of the first part of the loss that is not finite.
    pub(super) fn first_bad_loss(&self) -> Option<&'static str> {
        let named = [
            ("the policy loss", self.policy_loss),
            ("the value loss", self.value_loss),
            ("the entropy", self.entropy),
            ("the imitation loss", self.imitation_loss),
            ("the approximate KL", self.approx_kl),
        ];
        named.iter().find(|(_, x)| !x.is_finite()).map(|(name, _)| *name)
    }

    pub(super) fn all_finite(&self) -> bool {
        self.first_bad_loss().is_none() && self.grad_norm.is_finite()
    }
}

/// Reads the figures of several steps back in one go.
///
/// # Errors
/// [`DeviceError::Failed`].
pub(super) fn read(pending: Vec<PendingFigures>, clip_coef: f64) -> Result<Vec<StepFigures>, DeviceError> {
    Ok(read_all(pending, clip_coef)?.into_iter().map(|(figures, _)| figures).collect())
}

/// The same with the gradient norm of each layer.
///
/// # Errors
/// [`DeviceError::Failed`].
fn read_all(pending: Vec<PendingFigures>, clip_coef: f64) -> Result<Vec<(StepFigures, Vec<f64>)>, DeviceError> {
    if pending.is_empty() {
        return Ok(Vec::new());
    }
    let lengths: Vec<(usize, usize)> = pending.iter().map(|p| (p.layers, p.rows)).collect();
    let numbers = device::read(Tensor::cat(pending.into_iter().map(|p| p.numbers).collect(), 0))?;
    let mut at = 0;
    let mut next = |len: usize| {
        at += len;
        &numbers[at - len..at]
    };
    let step = |(layers, rows): (usize, usize)| {
        let head = next(HEAD_NUMBERS);
        let norms = next(layers).iter().map(|square| f64::from(*square).sqrt()).collect();
        (StepFigures::new(head, next(rows), clip_coef), norms)
    };
    Ok(lengths.into_iter().map(step).collect())
}

/// The rows in the given order, with the advantages normalised per minibatch if so configured.
pub(super) fn in_order(batch: &Batch, advantages: &[f64], order: &Order, settings: LearnSettings) -> Batch {
    let judged = batch.advantage.dims()[1];
    let of = |i: &i32| &advantages[*i as usize * judged..][..judged];
    let mut advantages: Vec<f64> = order.rows.iter().flat_map(of).copied().collect();
    if settings.normalize_advantage {
        advantages.chunks_mut(settings.minibatch_size * judged).for_each(|rows| normalize(rows, judged));
    }
    batch.select(&order.rows, &order.lanes).with_advantages(&advantages)
}

/// `(A - mean) / (std + 1e-8)` with the sample deviation, over one minibatch, each of so many columns by itself.
pub(super) fn normalize(advantages: &mut [f64], columns: usize) {
    let n = (advantages.len() / columns) as f64;
    for column in 0..columns {
        let numbers = || advantages[column..].iter().step_by(columns);
        let mean = numbers().sum::<f64>() / n;
        let variance = numbers().map(|a| (a - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let scale = variance.sqrt() + ADVANTAGE_EPSILON;
        advantages[column..].iter_mut().step_by(columns).for_each(|a| *a = (*a - mean) / scale);
    }
}

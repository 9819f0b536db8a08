//! The learning phase: epochs of shuffled minibatches over one rollout.
//!
//! In: a rollout and its advantages. Out: a better network, and figures of each optimiser step.
//! Always: every transition is used once per epoch; shuffles come from their own stream; the rollout is copied to the
//! device once. Not here: schedules (`trainer.rs`), collecting (`collector.rs`), the same without a tape (`host/`).

use super::actor_critic::ActorCritic;
use super::config::PpoConfig;
use super::distribution::HeadLayout;
use super::gae::Advantages;
use super::host::HostLearner;
use super::loss::{LossSettings, loss};
use super::optimizer::ClippedAdam;
use super::rollout::{Batch, RolloutBuffer};
use crate::device::{self, DeviceError};
use burn::tensor::{Device, Tensor};
use flexai_env::core::StreamRng;
use rand::seq::SliceRandom;

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
}

/// What one learning phase needs beside the rollout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LearnSettings {
    pub(super) epochs: usize,
    pub(super) minibatch_size: usize,
    pub(super) normalize_advantage: bool,
    pub(super) target_kl: Option<f64>,
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
    pub(super) grad_norm: f64,
    pub(super) approx_kl: f64,
    pub(super) old_approx_kl: f64,
    pub(super) clip_fraction: f64,
}

/// A step's figures, still on the device.
pub(super) struct PendingFigures {
    /// Total, policy loss, value loss, entropy, gradient norm, then the log-ratio of each row.
    numbers: Tensor<1>,
    rows: usize,
}

const HEAD_NUMBERS: usize = 5;

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
            ent_coef: config.ent_coef,
        };
        Self {
            epochs: config.update_epochs,
            minibatch_size: config.minibatch_size(),
            normalize_advantage: config.normalize_advantage,
            target_kl: config.target_kl,
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
        let mut order: Vec<i32> = (0..rollout.len() as i32).collect();
        let mut figures = Vec::new();
        for _ in 0..settings.epochs {
            order.shuffle(shuffle);
            figures.extend(self.epoch(&batch, &advantages.advantages, &order, settings)?);
            if stops(&figures, settings) {
                break;
            }
        }
        Ok(figures)
    }

    /// One pass over the transitions in the given order; the figures are read back once, at its end.
    ///
    /// # Errors
    /// [`DeviceError::Failed`].
    pub(super) fn epoch(
        &mut self,
        batch: &Batch,
        advantages: &[f64],
        order: &[i32],
        settings: LearnSettings,
    ) -> Result<Vec<StepFigures>, DeviceError> {
        let size = settings.minibatch_size;
        let shuffled = in_order(batch, advantages, order, settings);
        let pending: Vec<PendingFigures> = (0..order.len() / size)
            .map(|m| self.step(&shuffled.rows(m * size..(m + 1) * size), settings.loss, settings.learning_rate))
            .collect();
        read(pending, settings.loss.clip_coef)
    }

    /// One optimiser step.
    pub(super) fn step(&mut self, batch: &Batch, settings: LossSettings, learning_rate: f64) -> PendingFigures {
        let loss = loss(&self.network, &self.layout, batch, settings);
        let mut gradients = loss.total.backward();
        let (network, norm) = self.optimizer.step(self.network.clone(), &mut gradients, learning_rate);
        self.network = network;
        let rows = loss.log_ratio.dims()[0];
        PendingFigures { numbers: Tensor::cat(vec![loss.terms, norm, loss.log_ratio.reshape([rows])], 0), rows }
    }
}

/// Whether the last minibatch of an epoch ends the update.
pub(super) fn stops(figures: &[StepFigures], settings: LearnSettings) -> bool {
    let last = figures.last().expect("an epoch has at least one minibatch");
    !last.all_finite() || settings.target_kl.is_some_and(|limit| last.approx_kl > limit)
}

impl StepFigures {
    fn new(numbers: &[f32], clip_coef: f64) -> Self {
        let (head, log_ratios) = numbers.split_at(HEAD_NUMBERS);
        let [total_loss, policy_loss, value_loss, entropy, grad_norm] = std::array::from_fn(|i| f64::from(head[i]));
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
            grad_norm,
            approx_kl: kl,
            old_approx_kl: old_kl,
            clip_fraction: clipped,
        }
    }

    /// Name of the first figure that is not finite.
    pub(super) fn first_not_finite(&self) -> Option<&'static str> {
        let named = [
            ("the policy loss", self.policy_loss),
            ("the value loss", self.value_loss),
            ("the entropy", self.entropy),
            ("the gradient norm", self.grad_norm),
            ("the approximate KL", self.approx_kl),
        ];
        named.iter().find(|(_, x)| !x.is_finite()).map(|(name, _)| *name)
    }

    fn all_finite(&self) -> bool {
        self.first_not_finite().is_none()
    }
}

/// Reads the figures of several steps back in one go.
///
/// # Errors
/// [`DeviceError::Failed`].
pub(super) fn read(pending: Vec<PendingFigures>, clip_coef: f64) -> Result<Vec<StepFigures>, DeviceError> {
    let lengths: Vec<usize> = pending.iter().map(|p| HEAD_NUMBERS + p.rows).collect();
    let numbers = device::read(Tensor::cat(pending.into_iter().map(|p| p.numbers).collect(), 0))?;
    let mut at = 0;
    let mut next = |len: usize| {
        at += len;
        &numbers[at - len..at]
    };
    Ok(lengths.into_iter().map(|len| StepFigures::new(next(len), clip_coef)).collect())
}

/// The rows in the given order, with the advantages normalised per minibatch if so configured.
pub(super) fn in_order(batch: &Batch, advantages: &[f64], order: &[i32], settings: LearnSettings) -> Batch {
    let mut advantages: Vec<f64> = order.iter().map(|i| advantages[*i as usize]).collect();
    if settings.normalize_advantage {
        advantages.chunks_mut(settings.minibatch_size).for_each(normalize);
    }
    batch.select(order).with_advantages(&advantages)
}

/// `(A - mean) / (std + 1e-8)` with the sample deviation, over one minibatch.
pub(super) fn normalize(advantages: &mut [f64]) {
    let n = advantages.len() as f64;
    let mean = advantages.iter().sum::<f64>() / n;
    let variance = advantages.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let scale = variance.sqrt() + ADVANTAGE_EPSILON;
    advantages.iter_mut().for_each(|a| *a = (*a - mean) / scale);
}

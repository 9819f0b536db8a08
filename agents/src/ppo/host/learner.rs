//! The learning phase on the host: epochs of shuffled minibatches without a tape.
//!
//! In: a rollout, its advantages, Burn's network and optimiser. Out: both one update further, figures of each step.
//! Always: during an update one flat vector in the network's fixed order is the master copy of the parameters; a
//! minibatch is cut into shares by its length alone and their sums are added in order, so any number of threads gives
//! the same bytes; nothing is allocated after the first step. Not here: schedules (`ppo/trainer.rs`).

use super::adam::{FlatAdam, squared_norm};
use super::gemm::ROWS;
use super::heads::Heads;
use super::loss::{FigureSums, Networks, Rows, Share, Side};
use super::mlp::{Packed, Shape};
use crate::artifact::PolicyNetwork;
use crate::device::{self, DeviceError};
use crate::ppo::actor_critic::ActorCritic;
use crate::ppo::gae::Advantages;
use crate::ppo::learner::{LearnSettings, StepFigures, normalize, skips, stops};
use crate::ppo::loss::LossSettings;
use crate::ppo::optimizer::ClippedAdam;
use crate::ppo::parameters::{ParameterMap, StepWatch};
use crate::ppo::rollout::RolloutBuffer;
use burn::tensor::{Device, Tensor, TensorData};
use flexai_env::core::StreamRng;
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// Shares of each network in a minibatch, at most; and the memory of their gradient sums together.
const SHARES_MAX: usize = 8;
const SUM_NUMBERS_MAX: usize = 1 << 26;
/// Multiplications below which a minibatch is not worth waking another thread.
const PARALLEL_MULTIPLICATIONS: usize = 10_000_000;

/// Networks, optimiser and buffers in host memory.
#[derive(Debug)]
pub(in crate::ppo) struct HostLearner {
    networks: Networks,
    parameters: Vec<f32>,
    gradient: Vec<f32>,
    adam: FlatAdam,
    shares: Vec<Share>,
    advantages: Vec<f64>,
    watch: StepWatch,
}

impl HostLearner {
    /// Buffers for networks of the sizes of `policy`.
    pub(in crate::ppo) fn new(policy: &PolicyNetwork) -> Self {
        let heads = Heads::new(&policy.heads);
        let actor = Shape::of(&policy.actor, 0);
        let critic = Shape::of(&policy.critic, actor.end());
        let len = critic.end() + heads.continuous;
        let networks = Networks {
            packed_actor: Packed::new(&actor, true),
            packed_critic: Packed::new(&critic, true),
            log_std: vec![0.0; heads.continuous],
            heads,
            actor,
            critic,
        };
        Self {
            networks,
            parameters: vec![0.0; len],
            gradient: vec![0.0; len],
            adam: FlatAdam::default(),
            shares: Vec::new(),
            advantages: Vec::new(),
            watch: StepWatch::new(ParameterMap::of(policy)),
        }
    }

    /// Runs the epochs on Burn's network and optimiser, like [`Learner::update`](crate::ppo::learner::Learner::update).
    ///
    /// # Errors
    /// [`DeviceError::Failed`].
    pub(in crate::ppo) fn update(
        &mut self,
        (network, optimizer, device): (&mut ActorCritic, &mut ClippedAdam, &Device),
        rollout: &RolloutBuffer,
        advantages: &Advantages,
        settings: LearnSettings,
        shuffle: &mut StreamRng,
    ) -> Result<Vec<StepFigures>, DeviceError> {
        self.take_over(network, optimizer, device)?;
        let mut order: Vec<i32> = (0..rollout.len() as i32).collect();
        let mut figures = Vec::with_capacity(settings.epochs * (order.len() / settings.minibatch_size));
        if settings.taken == 0 {
            self.watch.begin();
        }
        for _ in 0..settings.epochs {
            order.shuffle(shuffle);
            let whole = self.epoch(rollout, advantages, &order, settings, &mut figures);
            if !whole || stops(&figures, settings) {
                break;
            }
        }
        self.hand_over(network, optimizer, device);
        Ok(figures)
    }

    /// Copies parameters and memory from Burn.
    ///
    /// # Errors
    /// [`DeviceError::Failed`].
    pub(in crate::ppo) fn take_over(
        &mut self,
        network: &ActorCritic,
        optimizer: &ClippedAdam,
        device: &Device,
    ) -> Result<(), DeviceError> {
        self.parameters = device::read(network.flatten())?;
        self.adam = FlatAdam::take_over(optimizer, self.parameters.len(), device)?;
        self.pack();
        Ok(())
    }

    /// Copies parameters and memory back.
    pub(in crate::ppo) fn hand_over(&self, network: &mut ActorCritic, optimizer: &mut ClippedAdam, device: &Device) {
        let len = self.parameters.len();
        let vector = Tensor::<1>::from_data(TensorData::new(self.parameters.clone(), [len]), device);
        *network = network.clone().with_parameters(&vector);
        self.adam.hand_over(optimizer, device);
    }

    /// Who looked on at the last update.
    pub(in crate::ppo) fn watch(&self) -> &StepWatch {
        &self.watch
    }

    /// One pass over the transitions in the given order; false if the divergence, or a number that is not finite, ended
    /// it early.
    fn epoch(
        &mut self,
        rollout: &RolloutBuffer,
        advantages: &Advantages,
        order: &[i32],
        settings: LearnSettings,
        figures: &mut Vec<StepFigures>,
    ) -> bool {
        for minibatch in order.chunks_exact(settings.minibatch_size) {
            let found = self.measure(rollout, advantages, minibatch, settings);
            // Before the first step the policy has not moved: what divergence there is comes from rounding.
            if figures.len() + settings.taken > 0 && skips(found.approx_kl, settings) {
                return false;
            }
            figures.push(self.descend(found, settings.learning_rate));
            if self.watch.fault().is_some() {
                return false;
            }
        }
        true
    }

    /// One optimiser step on the given rows.
    #[cfg(test)]
    pub(in crate::ppo) fn step(
        &mut self,
        rollout: &RolloutBuffer,
        advantages: &Advantages,
        order: &[i32],
        settings: LearnSettings,
        learning_rate: f64,
    ) -> StepFigures {
        let figures = self.measure(rollout, advantages, order, settings);
        self.descend(figures, learning_rate)
    }

    /// Steps along the last gradient.
    fn descend(&mut self, mut figures: StepFigures, learning_rate: f64) -> StepFigures {
        figures.grad_norm = self.adam.step(&mut self.parameters, &self.gradient, learning_rate);
        let Self { watch, gradient, .. } = self;
        let map = std::mem::take(&mut watch.map);
        watch.count(map.layers().iter().map(|(_, range)| squared_norm(&gradient[range.clone()]).sqrt()));
        watch.map = map;
        self.watch.look(&figures, &self.gradient, &self.parameters);
        self.pack();
        figures
    }

    /// The gradient of the loss on the given rows.
    fn measure(
        &mut self,
        rollout: &RolloutBuffer,
        advantages: &Advantages,
        order: &[i32],
        settings: LearnSettings,
    ) -> StepFigures {
        let mut normalized = std::mem::take(&mut self.advantages);
        normalized.clear();
        let judged = rollout.judged();
        normalized.extend(order.iter().flat_map(|i| &advantages.advantages[*i as usize * judged..][..judged]));
        if settings.normalize_advantage {
            normalize(&mut normalized, judged);
        }
        let rows = Rows {
            rollout,
            returns: &advantages.returns,
            all_legal: rollout.masks.iter().all(|legal| *legal),
            order,
            advantages: &normalized,
            settings: settings.loss,
        };
        let figures = self.gradient(rows);
        self.advantages = normalized;
        figures
    }

    /// Computes the gradient of the loss; its norm is left to the optimiser.
    pub(super) fn gradient(&mut self, rows: Rows<'_>) -> StepFigures {
        let blocks = rows.order.len().div_ceil(ROWS);
        let count = blocks.min(SHARES_MAX).min(SUM_NUMBERS_MAX / self.parameters.len()).max(1);
        let networks = &self.networks;
        while self.shares.len() < 2 * count {
            self.shares.push(Share::new(networks, self.shares.len().is_multiple_of(2)));
        }
        let shares = &mut self.shares[..2 * count];
        for (s, share) in shares.iter_mut().enumerate() {
            let from = |s: usize| (s * blocks / count * ROWS).min(rows.order.len());
            share.rows = from(s / 2)..from(s / 2 + 1);
        }
        if 3 * rows.order.len() * self.parameters.len() >= PARALLEL_MULTIPLICATIONS && rayon::current_num_threads() > 1
        {
            shares.par_iter_mut().for_each(|share| share.compute(networks, rows));
        } else {
            shares.iter_mut().for_each(|share| share.compute(networks, rows));
        }
        self.gradient.fill(0.0);
        let mut sums = FigureSums::default();
        for share in shares.iter() {
            sums.add(&share.figures);
            match &share.side {
                Side::Actor(block) => {
                    share.gradient.add_to(&networks.actor, &mut self.gradient);
                    let spreads = &mut self.gradient[networks.critic.end()..];
                    spreads.iter_mut().zip(&block.log_std).for_each(|(sum, x)| *sum += *x as f32);
                }
                Side::Critic => share.gradient.add_to(&networks.critic, &mut self.gradient),
            }
        }
        step_figures(&sums, rows.order.len() as f64, rows.settings)
    }

    /// The gradient of the last step, in the network's fixed order.
    #[cfg(test)]
    pub(in crate::ppo) fn last_gradient(&self) -> &[f32] {
        &self.gradient
    }

    fn pack(&mut self) {
        let networks = &mut self.networks;
        networks.packed_actor.pack(&networks.actor, &self.parameters);
        networks.packed_critic.pack(&networks.critic, &self.parameters);
        networks.log_std.copy_from_slice(&self.parameters[networks.critic.end()..]);
    }
}

/// Means of the sums over `n` rows.
fn step_figures(sums: &FigureSums, n: f64, settings: LossSettings) -> StepFigures {
    let imitation_loss = sums.imitation / n;
    let (policy_loss, value_loss, entropy) = (-sums.gain / n, 0.5 * sums.squared_error / n, sums.entropy / n);
    StepFigures {
        total_loss: policy_loss + settings.vf_coef * value_loss - settings.ent_coef * entropy
            + settings.imitation * imitation_loss,
        policy_loss,
        value_loss,
        entropy,
        imitation_loss,
        grad_norm: 0.0,
        approx_kl: sums.approx_kl / n,
        old_approx_kl: sums.old_approx_kl / n,
        clip_fraction: sums.clipped / n,
    }
}

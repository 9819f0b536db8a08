//! The clipped surrogate loss of PPO.
//!
//! In: a network and a minibatch. Out: the loss on the tape, its parts off it, and the log-ratio of each row.
//! Always: means over the minibatch; `value_loss` carries the factor 1/2 of openai/baselines.
//! Not here: normalisation of advantages (`learner.rs`), gradients and their clipping (`optimizer.rs`).

use super::actor_critic::{ActorCritic, Outputs};
use super::continuous;
use super::distribution::HeadLayout;
use super::rollout::Batch;
use super::through_time::Replays;
use burn::tensor::Tensor;

/// Weights and limits of the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LossSettings {
    /// Limit of the ratio's distance from 1.
    pub(super) clip_coef: f64,
    /// Limit of the value's move; `None` does not clip.
    pub(super) value_clip: Option<f64>,
    /// Weight of the value loss.
    pub(super) vf_coef: f64,
    /// Weight of the entropy.
    pub(super) ent_coef: f64,
    /// Whether the policy learns from advantages; it does not while it only imitates.
    pub(super) surrogate: bool,
    /// Weight of `-ln p` of the teacher's actions; above 0 only where the rollout holds them.
    pub(super) imitation: f64,
}

/// The loss of a minibatch.
#[derive(Debug)]
pub(super) struct Loss {
    /// What is minimised, `[1]`, on the tape.
    pub(super) total: Tensor<1>,
    /// Total, policy loss, value loss, entropy and imitation loss, `[5]`, off the tape.
    pub(super) terms: Tensor<1>,
    /// `ln(new probability / old probability)`, `[rows, 1]`, off the tape.
    pub(super) log_ratio: Tensor<2>,
    /// By way of which some gradients are found.
    pub(super) replays: Replays,
}

/// ```text
/// policy = mean(max(-A ratio, -A clamp(ratio, 1 - clip_coef, 1 + clip_coef)))
/// value  = 1/2 mean(e), e = (v - R)^2, or with a value clip the larger of that and the clipped one's
/// imitation = mean(-ln p(teacher's action))
/// total  = policy + vf_coef value - ent_coef entropy + imitation_coef imitation
/// ```
///
/// Where each number of the action is judged by itself, `policy` is the sum of the surrogates of all numbers, each with its
/// own ratio and advantage, and `e` the sum over the parts of the return.
///
/// Source: Schulman et al. 2017 (arXiv:1707.06347), equation 9; value clipping as in openai/baselines.
pub(super) fn loss(network: &ActorCritic, layout: &HeadLayout, batch: &Batch, settings: LossSettings) -> Loss {
    let Outputs { parameters, log_std, values, replays } =
        network.forward(batch.observation.clone(), batch.privileged.clone(), batch.sequences.as_ref());
    let (log_prob, entropy) = layout.evaluate(&parameters, log_std.as_ref(), &batch.actions, settings.ent_coef > 0.0);
    let log_prob = match &batch.actions.continuous {
        Some(action) if batch.judged_apart => {
            let log_std = log_std.as_ref().expect("independent spreads are the network's own");
            continuous::each_normal(parameters.clone(), log_std.clone(), action.clone())
        }
        _ => log_prob,
    };

    let log_ratio = log_prob - batch.old_log_prob.clone();
    let log_ratio = if settings.surrogate { log_ratio } else { log_ratio.zeros_like() };
    let ratio = log_ratio.clone().exp();
    let clipped = ratio.clone().clamp(1.0 - settings.clip_coef, 1.0 + settings.clip_coef);
    let gain = (ratio * batch.advantage.clone()).min_pair(clipped * batch.advantage.clone());
    let gain = gain.sum_dim(1);
    let policy = if settings.surrogate { gain.mean().neg() } else { gain.mean().zeros_like() };

    let error = (values.clone() - batch.returns.clone()).square();
    let error = match settings.value_clip {
        Some(limit) => {
            let moved = (values - batch.old_value.clone()).clamp(-limit, limit) + batch.old_value.clone();
            error.max_pair((moved - batch.returns.clone()).square())
        }
        None => error,
    };
    let value = error.sum_dim(1).mean().mul_scalar(0.5);

    let entropy = entropy.mean();
    let total = policy.clone() + value.clone().mul_scalar(settings.vf_coef);
    let total = if settings.ent_coef > 0.0 { total - entropy.clone().mul_scalar(settings.ent_coef) } else { total };
    let imitation = match &batch.teacher {
        Some(teacher) if settings.imitation > 0.0 => {
            // Imitation moves the means: how much the policy tries out is not for a teacher to say who tries nothing.
            let log_std = log_std.map(Tensor::detach);
            layout.evaluate(&parameters, log_std.as_ref(), teacher, false).0.mean().neg()
        }
        _ => entropy.zeros_like(),
    };
    let total = if settings.imitation > 0.0 { total + imitation.clone().mul_scalar(settings.imitation) } else { total };
    let terms = Tensor::cat([total.clone(), policy, value, entropy, imitation].map(Tensor::inner).to_vec(), 0);
    Loss { total, terms, log_ratio: log_ratio.sum_dim(1).inner(), replays }
}

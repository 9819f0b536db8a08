//! One share of a minibatch: forward, loss, backward, by blocks of rows.
//!
//! In: packed networks, rows of the rollout, weights of the loss. Out: sums of gradients and of figures.
//! Always: the loss of `ppo/loss.rs`; the actor's and the critic's shares do not depend on each other, and a share is
//! summed in the order of its rows. Not here: how shares are put together (`learner.rs`).

use super::gemm::{LANES, ROWS, STEP, Strip};
use super::heads::{Column, HeadBlock, Heads};
use super::mlp::{GradientSum, Packed, Shape, Tape};
use super::simd::{Kernel, dispatch};
use crate::artifact::exp_wide;
use crate::ppo::loss::LossSettings;
use crate::ppo::rollout::RolloutBuffer;
use std::ops::Range;

/// A minibatch: rows of a rollout.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) rollout: &'a RolloutBuffer,
    /// Of the whole rollout.
    pub(super) returns: &'a [f64],
    /// Whether every option was legal in every row of the rollout.
    pub(super) all_legal: bool,
    /// Which rows, in this order.
    pub(super) order: &'a [i32],
    /// Of these rows, in this order, each with one for every number that is judged apart.
    pub(super) advantages: &'a [f64],
    pub(super) settings: LossSettings,
}

/// Both networks, read by all shares.
#[derive(Debug, Clone)]
pub(super) struct Networks {
    pub(super) heads: Heads,
    pub(super) actor: Shape,
    pub(super) critic: Shape,
    pub(super) packed_actor: Packed,
    pub(super) packed_critic: Packed,
    pub(super) log_std: Vec<f32>,
}

/// Figures of some rows, summed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct FigureSums {
    /// Of `min(ratio A, clamp(ratio) A)`.
    pub(super) gain: f64,
    pub(super) squared_error: f64,
    pub(super) entropy: f64,
    pub(super) approx_kl: f64,
    pub(super) old_approx_kl: f64,
    pub(super) clipped: f64,
    /// Of `-ln p` of the teacher's actions.
    pub(super) imitation: f64,
}

/// Work and result of one share.
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub(super) side: Side,
    /// Places in the minibatch.
    pub(super) rows: Range<usize>,
    pub(super) gradient: GradientSum,
    pub(super) figures: FigureSums,
    /// The teacher's actions and their gradient; made when they are first learnt from.
    imitation: Option<Box<Imitation>>,
    tape: Tape,
}

/// What the imitation of a block needs beside the surrogate.
#[derive(Debug, Clone)]
struct Imitation {
    block: HeadBlock,
    gradient: Vec<Strip>,
}

/// Which network a share is of.
#[derive(Debug, Clone)]
pub(super) enum Side {
    Actor(Box<HeadBlock>),
    Critic,
}

impl FigureSums {
    pub(super) fn add(&mut self, other: &Self) {
        self.gain += other.gain;
        self.squared_error += other.squared_error;
        self.entropy += other.entropy;
        self.approx_kl += other.approx_kl;
        self.old_approx_kl += other.old_approx_kl;
        self.clipped += other.clipped;
        self.imitation += other.imitation;
    }
}

impl Rows<'_> {
    /// The rows of numbers that `all` has for the given places.
    fn pick<'a, T>(self, all: &'a [T], places: Range<usize>) -> impl Iterator<Item = &'a [T]>
    where
        Self: 'a,
    {
        let len = all.len() / self.rollout.len();
        self.order[places].iter().map(move |i| &all[*i as usize * len..][..len])
    }
}

impl Share {
    pub(super) fn new(networks: &Networks, actor: bool) -> Self {
        let shape = if actor { &networks.actor } else { &networks.critic };
        let side = if actor { Side::Actor(Box::new(HeadBlock::new(&networks.heads))) } else { Side::Critic };
        let (gradient, tape) = (GradientSum::new(shape), Tape::new(shape, true));
        Self { side, rows: 0..0, gradient, figures: FigureSums::default(), imitation: None, tape }
    }

    /// Computes the share's gradient and figures.
    pub(super) fn compute(&mut self, networks: &Networks, rows: Rows<'_>) {
        self.gradient.clear();
        self.figures = FigureSums::default();
        if let Side::Actor(block) = &mut self.side {
            block.log_std.fill(0.0);
            if rows.settings.imitation > 0.0 {
                let make = || Imitation { block: HeadBlock::new(&networks.heads), gradient: Vec::new() };
                let imitation = self.imitation.get_or_insert_with(|| Box::new(make()));
                imitation.block.log_std.fill(0.0);
                imitation.gradient.resize(self.tape.gradient.len(), Strip::ZERO);
            } else {
                self.imitation = None;
            }
        }
        dispatch(ShareKernel { share: self, networks, rows });
    }
}

struct ShareKernel<'a> {
    share: &'a mut Share,
    networks: &'a Networks,
    rows: Rows<'a>,
}

impl Kernel for ShareKernel<'_> {
    #[inline(always)]
    fn run<const R: usize, const N: usize>(self) {
        let Self { share, networks, rows } = self;
        let Share { side, rows: of, gradient, figures, imitation, tape } = share;
        let (shape, packed) = match side {
            Side::Actor(_) => (&networks.actor, &networks.packed_actor),
            Side::Critic => (&networks.critic, &networks.packed_critic),
        };
        for first in of.clone().step_by(ROWS) {
            let places = first..of.end.min(first + ROWS);
            let observations = rows.pick(&rows.rollout.observations, places.clone());
            let padded = tape.load(shape.inputs(), observations);
            if matches!(side, Side::Critic) && !rows.rollout.privileged.is_empty() {
                tape.load_beside(networks.actor.inputs(), rows.pick(&rows.rollout.privileged, places.clone()));
            }
            tape.forward::<R, N>(shape, packed, padded);
            let output = &tape.values[shape.layers.len()];
            match side {
                Side::Actor(block) => {
                    policy_loss(networks, block, rows, places.clone(), output, &mut tape.gradient, figures);
                    if let Some(imitation) = imitation {
                        imitation_loss(networks, imitation, rows, places, output, &mut tape.gradient, figures);
                    }
                }
                Side::Critic => value_loss(rows, places, output, &mut tape.gradient, figures),
            }
            tape.backward::<R, N>(shape, packed, padded, gradient);
        }
    }
}

/// Gradient of the clipped surrogate and of the entropy bonus with respect to the actor's output.
#[inline(always)]
fn policy_loss(
    networks: &Networks,
    block: &mut HeadBlock,
    rows: Rows<'_>,
    places: Range<usize>,
    output: &[Strip],
    gradient: &mut [Strip],
    figures: &mut FigureSums,
) {
    let rollout = rows.rollout;
    let masks = (!rows.all_legal).then(|| rows.pick(&rollout.masks, places.clone()));
    block.load(&networks.heads, rows.pick(&rollout.actions, places.clone()), masks);
    block.evaluate(&networks.heads, output, &networks.log_std);
    if rollout.parts.is_some() {
        judge_apart(networks, block, rows, places, gradient, figures);
        return;
    }

    let (mut advantage, mut log_ratio) = ([0.0; ROWS], block.log_prob);
    for (r, place) in places.clone().enumerate() {
        advantage[r] = rows.advantages[place];
        log_ratio[r] -= f64::from(rollout.log_probs[rows.order[place] as usize]);
    }
    if !rows.settings.surrogate {
        (advantage, log_ratio) = ([0.0; ROWS], [0.0; ROWS]);
    }
    let (share, limit) = (1.0 / rows.order.len() as f64, rows.settings.clip_coef);
    let (mut slope, mut entropy_slope): (Column, Column) = ([0.0; ROWS], [0.0; ROWS]);
    let (mut gains, mut ratios): (Column, Column) = ([0.0; ROWS], [0.0; ROWS]);
    for r in 0..ROWS {
        let ratio = exp_wide(log_ratio[r]);
        let plain = ratio * advantage[r];
        let clipped = ratio.clamp(1.0 - limit, 1.0 + limit) * advantage[r];
        // Where the clipped gain is the smaller one it does not depend on the ratio.
        let flat = clipped < plain;
        gains[r] = if flat { clipped } else { plain };
        slope[r] = if flat { 0.0 } else { -plain * share };
        ratios[r] = ratio;
    }
    let count = places.len();
    slope[count..].fill(0.0);
    entropy_slope[..count].fill(-rows.settings.ent_coef * share);
    for r in 0..count {
        figures.gain += gains[r];
        figures.entropy += block.entropy[r];
        figures.approx_kl += ratios[r] - 1.0 - log_ratio[r];
        figures.old_approx_kl -= log_ratio[r];
        figures.clipped += f64::from((ratios[r] - 1.0).abs() > limit);
    }
    block.gradient(&networks.heads, &networks.log_std, &slope, &entropy_slope, gradient);
}

/// The same where each number of the action has a ratio and an advantage of its own.
#[inline(always)]
fn judge_apart(
    networks: &Networks,
    block: &mut HeadBlock,
    rows: Rows<'_>,
    places: Range<usize>,
    gradient: &mut [Strip],
    figures: &mut FigureSums,
) {
    let (rollout, judged, count) = (rows.rollout, rows.rollout.judged(), places.len());
    let (share, limit) = (1.0 / rows.order.len() as f64, rows.settings.clip_coef);
    let mut whole: Column = [0.0; ROWS];
    for k in 0..judged {
        let (mut advantage, mut log_ratio) = ([0.0; ROWS], block.own_log_prob(k, &networks.log_std));
        for (r, place) in places.clone().enumerate() {
            advantage[r] = rows.advantages[place * judged + k];
            log_ratio[r] -= f64::from(rollout.own_log_probs[rows.order[place] as usize * judged + k]);
        }
        if !rows.settings.surrogate {
            (advantage, log_ratio) = ([0.0; ROWS], [0.0; ROWS]);
        }
        let slope = &mut block.slopes[k];
        for r in 0..ROWS {
            let ratio = exp_wide(log_ratio[r]);
            let plain = ratio * advantage[r];
            let clipped = ratio.clamp(1.0 - limit, 1.0 + limit) * advantage[r];
            // Where the clipped gain is the smaller one it does not depend on the ratio.
            let flat = clipped < plain;
            slope[r] = if flat || r >= count { 0.0 } else { -plain * share };
            figures.gain += if r >= count {
                0.0
            } else if flat {
                clipped
            } else {
                plain
            };
            whole[r] += log_ratio[r];
        }
    }
    for r in 0..count {
        let ratio = exp_wide(whole[r]);
        figures.entropy += block.entropy[r];
        figures.approx_kl += ratio - 1.0 - whole[r];
        figures.old_approx_kl -= whole[r];
        figures.clipped += f64::from((ratio - 1.0).abs() > limit);
    }
    let mut entropy_slope: Column = [0.0; ROWS];
    entropy_slope[..count].fill(-rows.settings.ent_coef * share);
    block.gradient_apart(&networks.log_std, &entropy_slope, gradient);
}

/// Adds the gradient of `-ln p` of the teacher's actions with respect to the actor's output; the spreads stay as they are.
#[inline(always)]
fn imitation_loss(
    networks: &Networks,
    imitation: &mut Imitation,
    rows: Rows<'_>,
    places: Range<usize>,
    output: &[Strip],
    gradient: &mut [Strip],
    figures: &mut FigureSums,
) {
    let Imitation { block, gradient: own } = imitation;
    let masks = (!rows.all_legal).then(|| rows.pick(&rows.rollout.masks, places.clone()));
    block.load(&networks.heads, rows.pick(&rows.rollout.teacher, places.clone()), masks);
    block.evaluate(&networks.heads, output, &networks.log_std);
    let mut slope: Column = [0.0; ROWS];
    slope[..places.len()].fill(-rows.settings.imitation / rows.order.len() as f64);
    for log_prob in &block.log_prob[..places.len()] {
        figures.imitation -= log_prob;
    }
    block.gradient(&networks.heads, &networks.log_std, &slope, &[0.0; ROWS], own);
    let strips = networks.heads.head_len.div_ceil(LANES) * ROWS;
    for (sum, x) in gradient[..strips].iter_mut().zip(&own[..strips]) {
        for l in 0..LANES {
            sum.0[l] += x.0[l];
        }
    }
}

/// Gradient of the value loss with respect to the critic's output.
#[inline(always)]
fn value_loss(
    rows: Rows<'_>,
    places: Range<usize>,
    output: &[Strip],
    gradient: &mut [Strip],
    figures: &mut FigureSums,
) {
    let scale = rows.settings.vf_coef / rows.order.len() as f64;
    let padded = places.len().next_multiple_of(STEP);
    let parts = rows.rollout.part_count();
    if parts > 1 {
        for (panel, first) in (0..parts).step_by(LANES).enumerate() {
            let lanes = LANES.min(parts - first);
            for (r, place) in places.clone().enumerate() {
                let (i, at) = (rows.order[place] as usize, panel * ROWS + r);
                gradient[at] = Strip::ZERO;
                for lane in 0..lanes {
                    let error = f64::from(output[at].0[lane]) - rows.returns[i * parts + first + lane];
                    figures.squared_error += error * error;
                    gradient[at].0[lane] = (scale * error) as f32;
                }
            }
            gradient[panel * ROWS + places.len()..panel * ROWS + padded].fill(Strip::ZERO);
        }
        return;
    }
    for (r, place) in places.clone().enumerate() {
        let i = rows.order[place] as usize;
        let (value, target) = (f64::from(output[r].0[0]), rows.returns[i]);
        let error = value - target;
        let (mut squared, mut slope) = (error * error, error);
        if let Some(limit) = rows.settings.value_clip {
            let old = f64::from(rows.rollout.values[i]);
            let moved = (value - old).clamp(-limit, limit) + old - target;
            if moved * moved > squared {
                squared = moved * moved;
                slope = if (value - old).abs() < limit { moved } else { 0.0 };
            }
        }
        figures.squared_error += squared;
        gradient[r] = Strip::ZERO;
        gradient[r].0[0] = (scale * slope) as f32;
    }
    gradient[places.len()..padded].fill(Strip::ZERO);
}

//! Log-probability, entropy and their gradients for a block of rows.
//!
//! In: head parameters in panels, stored actions, legal options. Out: a log-probability and an entropy per row, and the
//! gradient of the loss with respect to the head parameters.
//! Always: `f64` throughout, one column of numbers per head parameter, so that every loop runs over neighbouring rows;
//! a forbidden option has gradient 0. Not here: drawing (`artifact/head.rs`), the surrogate (`loss.rs`).

use super::gemm::{LANES, ROWS, Strip};
use crate::artifact::{ActionHead, MASKED_LOGIT, exp_wide, ln_wide};
use crate::ppo::continuous::HALF_LN_TAU;
use flexai_env::core::ActionComponent;
use std::ops::Range;

/// One number per row of a block.
pub(super) type Column = [f64; ROWS];

/// Where each part of an action finds its numbers. A new distribution is a new variant with a file of its own, and an
/// arm in `evaluate` and `gradient`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ppo) struct Heads {
    parts: Vec<Part>,
    pub(super) head_len: usize,
    pub(super) continuous: usize,
    pub(super) options: usize,
    /// For each number of the flat action, what its first option is counted from; 0 for a continuous one.
    first: Vec<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Independent normals with a learnt spread each.
    Gaussian { parameters: Range<usize>, actions: Range<usize>, spreads: Range<usize> },
    /// One choice among options.
    Categorical { parameters: Range<usize>, action: usize, options: Range<usize> },
}

/// Numbers of one block.
#[derive(Debug, Clone)]
pub(super) struct HeadBlock {
    /// Head parameters; after `evaluate` deviations or log-probabilities; after `gradient` the gradient.
    cells: Vec<Column>,
    /// Probabilities of options.
    probabilities: Vec<Column>,
    /// Flat actions; an option is counted from 0.
    pub(super) actions: Vec<Column>,
    /// Whether an option is legal; not read where all are.
    legal: Vec<[bool; ROWS]>,
    all_legal: bool,
    /// Entropy of each part.
    entropies: Vec<Column>,
    /// Of the stored actions.
    pub(super) log_prob: Column,
    /// Of the whole action.
    pub(super) entropy: Column,
    /// Sums of gradients of the spreads.
    pub(super) log_std: Vec<f64>,
    /// Slope of the loss with respect to the log-probability of each number; used where they are judged apart.
    pub(super) slopes: Vec<Column>,
}

impl Heads {
    pub(in crate::ppo) fn new(heads: &ActionHead) -> Self {
        let (mut parameter, mut spread, mut option, mut action) = (0, 0, 0, 0);
        let next = |at: &mut usize, len: usize| {
            *at += len;
            *at - len..*at
        };
        let parts = heads.components.iter().map(|head| match head {
            ActionComponent::Continuous { low, .. } => Part::Gaussian {
                parameters: next(&mut parameter, low.len()),
                actions: next(&mut action, low.len()),
                spreads: next(&mut spread, low.len()),
            },
            ActionComponent::Categorical { n, .. } => Part::Categorical {
                parameters: next(&mut parameter, *n),
                action: next(&mut action, 1).start,
                options: next(&mut option, *n),
            },
        });
        let parts = parts.collect();
        let first = heads.components.iter().flat_map(|head| match head {
            ActionComponent::Continuous { low, .. } => vec![0; low.len()],
            ActionComponent::Categorical { start, .. } => vec![*start],
        });
        let (continuous, first) = (heads.continuous_len(), first.collect());
        Self { parts, head_len: heads.parameter_len(), continuous, options: option, first }
    }
}

impl HeadBlock {
    pub(super) fn new(heads: &Heads) -> Self {
        let columns = |n: usize| vec![[0.0; ROWS]; n];
        Self {
            cells: columns(heads.head_len),
            probabilities: columns(heads.head_len),
            actions: columns(heads.first.len()),
            legal: vec![[true; ROWS]; heads.options],
            all_legal: true,
            entropies: columns(heads.parts.len()),
            log_prob: [0.0; ROWS],
            entropy: [0.0; ROWS],
            log_std: vec![0.0; heads.continuous],
            slopes: columns(heads.continuous),
        }
    }

    /// Writes down stored actions and, unless all are legal, which options were; rows beyond them keep old numbers.
    pub(super) fn load<'a>(
        &mut self,
        heads: &Heads,
        actions: impl Iterator<Item = &'a [f32]>,
        masks: Option<impl Iterator<Item = &'a [bool]>>,
    ) {
        for (r, row) in actions.enumerate() {
            for ((column, x), first) in self.actions.iter_mut().zip(row).zip(&heads.first) {
                column[r] = f64::from(*x) - f64::from(*first);
            }
        }
        self.all_legal = masks.is_none();
        for (r, row) in masks.into_iter().flatten().enumerate() {
            for (column, legal) in self.legal.iter_mut().zip(row) {
                column[r] = *legal;
            }
        }
    }

    /// Log-probabilities and entropies; `output` holds the head parameters in panels.
    #[inline(always)]
    pub(super) fn evaluate(&mut self, heads: &Heads, output: &[Strip], log_std: &[f32]) {
        for (k, cells) in self.cells.iter_mut().enumerate() {
            let strips = &output[k / LANES * ROWS..][..ROWS];
            for (cell, strip) in cells.iter_mut().zip(strips) {
                *cell = f64::from(strip.0[k % LANES]);
            }
        }
        self.log_prob = [0.0; ROWS];
        self.entropy = [0.0; ROWS];
        for (part, entropy) in heads.parts.iter().zip(&mut self.entropies) {
            match part {
                Part::Gaussian { parameters, actions, spreads } => {
                    let (means, actions) = (&mut self.cells[parameters.clone()], &self.actions[actions.clone()]);
                    evaluate_gaussian(means, actions, &log_std[spreads.clone()], &mut self.log_prob, entropy);
                }
                Part::Categorical { parameters, action, options, .. } => {
                    let logits = &mut self.cells[parameters.clone()];
                    if !self.all_legal {
                        mask(logits, &self.legal[options.clone()]);
                    }
                    let probabilities = &mut self.probabilities[parameters.clone()];
                    evaluate_choice(logits, probabilities, &self.actions[*action], &mut self.log_prob, entropy);
                }
            }
            for r in 0..ROWS {
                self.entropy[r] += entropy[r];
            }
        }
    }

    /// The gradient of the loss with respect to the head parameters into `gradient`, in panels, and to the spreads.
    ///
    /// `slope` is that of the loss with respect to each row's log-probability, `entropy_slope` to each row's entropy;
    /// both are 0 in rows that do not count.
    #[inline(always)]
    pub(super) fn gradient(
        &mut self,
        heads: &Heads,
        log_std: &[f32],
        slope: &Column,
        entropy_slope: &Column,
        gradient: &mut [Strip],
    ) {
        for (part, entropy) in heads.parts.iter().zip(&self.entropies) {
            match part {
                Part::Gaussian { parameters, spreads, .. } => {
                    let deviations = &mut self.cells[parameters.clone()];
                    let sums = &mut self.log_std[spreads.clone()];
                    gaussian_gradient(deviations, &log_std[spreads.clone()], slope, entropy_slope, sums);
                }
                Part::Categorical { parameters, action, options, .. } => {
                    let cells = &mut self.cells[parameters.clone()];
                    let probabilities = &self.probabilities[parameters.clone()];
                    choice_gradient(cells, probabilities, &self.actions[*action], entropy, slope, entropy_slope);
                    if !self.all_legal {
                        clear_forbidden(cells, &self.legal[options.clone()]);
                    }
                }
            }
        }
        self.write(gradient);
    }

    /// Log-probability of one number by itself, in an action of normals alone.
    #[inline(always)]
    pub(super) fn own_log_prob(&self, number: usize, log_std: &[f32]) -> Column {
        let log_std = f64::from(log_std[number]);
        self.cells[number].map(|z| -0.5 * z * z - log_std - HALF_LN_TAU)
    }

    /// As [`HeadBlock::gradient`] with a slope for each number, `slopes`, in an action of normals alone.
    #[inline(always)]
    pub(super) fn gradient_apart(&mut self, log_std: &[f32], entropy_slope: &Column, gradient: &mut [Strip]) {
        let numbers = self.cells.iter_mut().zip(&self.slopes).zip(log_std).zip(&mut self.log_std);
        for (((cells, slope), log_std), sum) in numbers {
            let (cells, sum) = (std::slice::from_mut(cells), std::slice::from_mut(sum));
            gaussian_gradient(cells, &[*log_std], slope, entropy_slope, sum);
        }
        self.write(gradient);
    }

    /// The gradient of the head parameters, in panels.
    #[inline(always)]
    fn write(&self, gradient: &mut [Strip]) {
        for (k, cells) in self.cells.iter().enumerate() {
            let strips = &mut gradient[k / LANES * ROWS..][..ROWS];
            for (cell, strip) in cells.iter().zip(strips) {
                strip.0[k % LANES] = *cell as f32;
            }
        }
    }
}

/// Turns means into deviations `z = (action - mean) / spread`.
#[inline(always)]
fn evaluate_gaussian(
    means: &mut [Column],
    actions: &[Column],
    log_std: &[f32],
    log_prob: &mut Column,
    entropy: &mut Column,
) {
    let mut sum = 0.0;
    for ((cells, actions), log_std) in means.iter_mut().zip(actions).zip(log_std) {
        let (log_std, inverse) = (f64::from(*log_std), exp_wide(-f64::from(*log_std)));
        for r in 0..ROWS {
            let z = (actions[r] - cells[r]) * inverse;
            log_prob[r] += -0.5 * z * z - log_std - HALF_LN_TAU;
            cells[r] = z;
        }
        sum += log_std + 0.5 + HALF_LN_TAU;
    }
    *entropy = [sum; ROWS];
}

/// `d ln p / d mean = z / spread`, `d ln p / d log_std = z^2 - 1`, `d entropy / d log_std = 1`.
#[inline(always)]
fn gaussian_gradient(
    deviations: &mut [Column],
    log_std: &[f32],
    slope: &Column,
    entropy_slope: &Column,
    sums: &mut [f64],
) {
    for ((cells, log_std), sum) in deviations.iter_mut().zip(log_std).zip(sums) {
        let inverse = exp_wide(-f64::from(*log_std));
        let mut lanes = [0.0; LANES];
        for first in (0..ROWS).step_by(LANES) {
            for lane in 0..LANES {
                let (r, z) = (first + lane, cells[first + lane]);
                lanes[lane] += slope[r] * (z * z - 1.0) + entropy_slope[r];
                cells[r] = slope[r] * z * inverse;
            }
        }
        *sum += lanes.iter().sum::<f64>();
    }
}

#[inline(always)]
fn mask(logits: &mut [Column], legal: &[[bool; ROWS]]) {
    for (cells, legal) in logits.iter_mut().zip(legal) {
        for r in 0..ROWS {
            cells[r] = if legal[r] { cells[r] } else { f64::from(MASKED_LOGIT) };
        }
    }
}

#[inline(always)]
fn clear_forbidden(cells: &mut [Column], legal: &[[bool; ROWS]]) {
    for (cells, legal) in cells.iter_mut().zip(legal) {
        for r in 0..ROWS {
            cells[r] = if legal[r] { cells[r] } else { 0.0 };
        }
    }
}

/// Turns logits into log-probabilities, and writes probabilities.
#[inline(always)]
fn evaluate_choice(
    logits: &mut [Column],
    probabilities: &mut [Column],
    chosen: &Column,
    log_prob: &mut Column,
    entropy: &mut Column,
) {
    let mut top = [f64::NEG_INFINITY; ROWS];
    for cells in logits.iter() {
        for r in 0..ROWS {
            top[r] = if cells[r] > top[r] { cells[r] } else { top[r] };
        }
    }
    let mut sum = [0.0; ROWS];
    for (cells, probabilities) in logits.iter_mut().zip(probabilities.iter_mut()) {
        for r in 0..ROWS {
            cells[r] -= top[r];
            probabilities[r] = exp_wide(cells[r]);
            sum[r] += probabilities[r];
        }
    }
    let mut log_sum = [0.0; ROWS];
    for r in 0..ROWS {
        log_sum[r] = ln_wide(sum[r]);
        sum[r] = 1.0 / sum[r];
    }
    *entropy = [0.0; ROWS];
    for (k, (cells, probabilities)) in logits.iter_mut().zip(probabilities).enumerate() {
        let option = k as f64;
        for r in 0..ROWS {
            cells[r] -= log_sum[r];
            probabilities[r] *= sum[r];
            entropy[r] -= probabilities[r] * cells[r];
            log_prob[r] += if chosen[r] == option { cells[r] } else { 0.0 };
        }
    }
}

/// `d ln p(chosen) / d logit_k = [k is chosen] - p_k`, `d entropy / d logit_k = -p_k (ln p_k + entropy)`.
#[inline(always)]
fn choice_gradient(
    log_probs: &mut [Column],
    probabilities: &[Column],
    chosen: &Column,
    entropy: &Column,
    slope: &Column,
    entropy_slope: &Column,
) {
    for (k, (cells, p)) in log_probs.iter_mut().zip(probabilities).enumerate() {
        let option = k as f64;
        for r in 0..ROWS {
            let hit = if chosen[r] == option { 1.0 } else { 0.0 };
            cells[r] = slope[r] * (hit - p[r]) - entropy_slope[r] * p[r] * (cells[r] + entropy[r]);
        }
    }
}

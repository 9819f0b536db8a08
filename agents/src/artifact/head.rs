//! The action head on the host: sampling, mode, log-probability.
//!
//! In: one row of head parameters (means and logits in flat action order), a mask, a generator. Out: a flat action.
//! Always: an illegal option has logit [`MASKED_LOGIT`] and is never drawn; the log-probability is that of the stored,
//! unclipped sample. Not here: the same maths on tensors (`ppo/distribution.rs`).

use flexai_env::core::{ActionComponent, StreamRng};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// Logit of a forbidden option (ppo golden numbers: `masked_logit`).
pub const MASKED_LOGIT: f32 = -1e8;

const HALF_LN_TAU: f32 = 0.918_938_5;

/// Length of one row of head parameters: a mean per continuous dimension, a logit per option.
pub fn head_len(heads: &[ActionComponent]) -> usize {
    heads
        .iter()
        .map(|head| match head {
            ActionComponent::Continuous { low, .. } => low.len(),
            ActionComponent::Categorical { n, .. } => *n,
        })
        .sum()
}

/// Draws an action into `action` and returns its log-probability.
///
/// Shapes: `parameters` is `[head_len]`, `log_std` one per continuous dimension, `mask` one per option or empty.
pub fn sample(
    heads: &[ActionComponent],
    parameters: &[f32],
    log_std: &[f32],
    mask: &[bool],
    rng: &mut StreamRng,
    action: &mut [f32],
) -> f32 {
    let mut walk = Walk::default();
    for head in heads {
        match head {
            ActionComponent::Continuous { offset, low, .. } => {
                for i in 0..low.len() {
                    let noise: f32 = StandardNormal.sample(rng);
                    action[offset + i] = parameters[walk.parameter + i] + log_std[walk.std + i].exp() * noise;
                }
                walk.pass_continuous(low.len());
            }
            ActionComponent::Categorical { offset, n, start } => {
                let option = draw_option(walk.logits(parameters, *n), walk.legal(mask, *n), rng);
                action[*offset] = (*start + option as i32) as f32;
                walk.pass_categorical(*n);
            }
        }
    }
    log_prob(heads, parameters, log_std, mask, action)
}

/// Writes the most probable action: means, and the first best legal option.
pub fn mode(heads: &[ActionComponent], parameters: &[f32], mask: &[bool], action: &mut [f32]) {
    let mut walk = Walk::default();
    for head in heads {
        match head {
            ActionComponent::Continuous { offset, low, .. } => {
                let means = &parameters[walk.parameter..walk.parameter + low.len()];
                action[*offset..offset + low.len()].copy_from_slice(means);
                walk.pass_continuous(low.len());
            }
            ActionComponent::Categorical { offset, n, start } => {
                let logits = walk.logits(parameters, *n);
                let legal = walk.legal(mask, *n);
                let mut best = 0;
                for k in 1..*n {
                    if masked(logits, legal, k) > masked(logits, legal, best) {
                        best = k;
                    }
                }
                action[*offset] = (*start + best as i32) as f32;
                walk.pass_categorical(*n);
            }
        }
    }
}

/// Log-probability of a stored action, summed over all parts.
pub fn log_prob(heads: &[ActionComponent], parameters: &[f32], log_std: &[f32], mask: &[bool], action: &[f32]) -> f32 {
    let mut walk = Walk::default();
    let mut sum = 0.0;
    for head in heads {
        match head {
            ActionComponent::Continuous { offset, low, .. } => {
                for i in 0..low.len() {
                    let spread = log_std[walk.std + i];
                    let z = (action[offset + i] - parameters[walk.parameter + i]) * (-spread).exp();
                    sum -= 0.5 * z * z + spread + HALF_LN_TAU;
                }
                walk.pass_continuous(low.len());
            }
            ActionComponent::Categorical { offset, n, start } => {
                let option = (action[*offset] as i32 - start) as usize;
                let logits = walk.logits(parameters, *n);
                let legal = walk.legal(mask, *n);
                sum += masked(logits, legal, option) - log_sum_exp(logits, legal);
                walk.pass_categorical(*n);
            }
        }
    }
    sum
}

/// Where we are in the row of parameters, the spreads and the mask.
#[derive(Default)]
struct Walk {
    parameter: usize,
    std: usize,
    mask: usize,
}

impl Walk {
    fn logits<'a>(&self, parameters: &'a [f32], n: usize) -> &'a [f32] {
        &parameters[self.parameter..self.parameter + n]
    }

    fn legal<'a>(&self, mask: &'a [bool], n: usize) -> &'a [bool] {
        if mask.is_empty() { mask } else { &mask[self.mask..self.mask + n] }
    }

    fn pass_continuous(&mut self, dim: usize) {
        self.parameter += dim;
        self.std += dim;
    }

    fn pass_categorical(&mut self, n: usize) {
        self.parameter += n;
        self.mask += n;
    }
}

fn masked(logits: &[f32], legal: &[bool], k: usize) -> f32 {
    if legal.get(k).copied().unwrap_or(true) { logits[k] } else { MASKED_LOGIT }
}

fn log_sum_exp(logits: &[f32], legal: &[bool]) -> f32 {
    let top = (0..logits.len()).map(|k| masked(logits, legal, k)).fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = (0..logits.len()).map(|k| (masked(logits, legal, k) - top).exp()).sum();
    top + sum.ln()
}

/// Inverse-CDF draw over the legal options only, so that rounding can never pick an illegal one.
fn draw_option(logits: &[f32], legal: &[bool], rng: &mut StreamRng) -> usize {
    let top = log_sum_exp(logits, legal);
    let u: f32 = rng.random();
    let mut sum = 0.0;
    let mut last = 0;
    for k in 0..logits.len() {
        if legal.get(k).copied().unwrap_or(true) {
            sum += (logits[k] - top).exp();
            last = k;
            if u < sum {
                return k;
            }
        }
    }
    last
}

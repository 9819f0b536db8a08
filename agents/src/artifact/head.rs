//! The action head on the host: sampling, mode, log-probability.
//!
//! In: one row of head parameters (means and logits in flat action order), a mask, a generator. Out: a flat action.
//! Always: an illegal option has logit [`MASKED_LOGIT`] and is never drawn; the log-probability is that of the stored,
//! unclipped sample. Not here: the same maths on tensors (`ppo/distribution.rs`).

use super::math::{exp, ln};
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
                    action[offset + i] = parameters[walk.parameter + i] + exp(log_std[walk.std + i]) * noise;
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
                action[*offset] = (*start + best_option(logits, legal) as i32) as f32;
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
                    let z = (action[offset + i] - parameters[walk.parameter + i]) * exp(-spread);
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

/// The first best option among the legal ones; whatever the logits are, never a forbidden one.
fn best_option(logits: &[f32], legal: &[bool]) -> usize {
    let mut best = None;
    for (k, logit) in logits.iter().enumerate() {
        if legal.get(k).copied().unwrap_or(true) && best.is_none_or(|b: usize| *logit > logits[b]) {
            best = Some(k);
        }
    }
    best.unwrap_or(0)
}

fn masked(logits: &[f32], legal: &[bool], k: usize) -> f32 {
    if legal.get(k).copied().unwrap_or(true) { logits[k] } else { MASKED_LOGIT }
}

fn log_sum_exp(logits: &[f32], legal: &[bool]) -> f32 {
    let top = (0..logits.len()).map(|k| masked(logits, legal, k)).fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = (0..logits.len()).map(|k| exp(masked(logits, legal, k) - top)).sum();
    top + ln(sum)
}

/// Inverse-CDF draw over the legal options only, so that rounding can never pick an illegal one.
fn draw_option(logits: &[f32], legal: &[bool], rng: &mut StreamRng) -> usize {
    let top = log_sum_exp(logits, legal);
    let u: f32 = rng.random();
    let mut sum = 0.0;
    let mut last = 0;
    for (k, logit) in logits.iter().enumerate() {
        if legal.get(k).copied().unwrap_or(true) {
            sum += exp(logit - top);
            last = k;
            if u < sum {
                return k;
            }
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use flexai_env::core::{SeedTree, Space};

    fn mixed() -> Vec<ActionComponent> {
        let entries = vec![
            ("battery".into(), Space::uniform_box(2, -1.0, 1.0)),
            ("start".into(), Space::MultiDiscrete { nvec: vec![3, 2] }),
            ("region".into(), Space::Discrete { n: 4, start: 1 }),
        ];
        Space::Dict { entries }.components()
    }

    const PARAMETERS: [f32; 11] = [0.5, -2.0, 0.1, 3.0, -0.4, 1.0, 1.0, 0.0, 2.0, -1.0, 0.5];
    const LOG_STD: [f32; 2] = [-0.5, 0.25];

    #[test]
    fn a_forbidden_option_is_never_drawn_and_the_legal_ones_come_in_proportion() {
        let heads = mixed();
        let mask = [true, false, true, true, true, false, true, true, false];
        let mut rng = SeedTree::new(11).stream("draws");
        let mut action = [0.0; 5];
        let draws = 100_000;
        let mut firsts = 0;
        for _ in 0..draws {
            let log_prob = sample(&heads, &PARAMETERS, &LOG_STD, &mask, &mut rng, &mut action);
            assert!(log_prob.is_finite());
            assert_ne!(action[2], 1.0);
            assert!(action[4] == 2.0 || action[4] == 3.0, "region {}", action[4]);
            firsts += usize::from(action[2] == 0.0);
        }
        // Options 0 and 2 have logits 0.1 and -0.4: odds e^0.5, so the first has 62.2 %; five deviations are 0.8 %.
        let share = firsts as f64 / f64::from(draws);
        assert!((share - 0.6225).abs() < 0.008, "share {share}");
    }

    #[test]
    fn probabilities_of_all_choices_together_are_one() {
        let heads = Space::Dict {
            entries: vec![("a".into(), Space::MultiDiscrete { nvec: vec![3, 2] }), ("b".into(), Space::discrete(4))],
        }
        .components();
        for mask in [vec![], vec![true, false, true, true, true, false, true, true, false]] {
            let mut sum = 0.0f64;
            for i in 0..24 {
                let action = [(i % 3) as f32, (i / 3 % 2) as f32, (i / 6) as f32];
                sum += f64::from(log_prob(&heads, &PARAMETERS[2..], &[], &mask, &action)).exp();
            }
            assert!((sum - 1.0).abs() < 1e-5, "sum {sum}");
        }
    }

    #[test]
    fn the_gaussian_log_probability_is_the_hand_computed_one() {
        let heads = Space::uniform_box(2, -1.0, 1.0).components();
        // z = 0.5 / e^-0.5 = 0.824361 and -1 / e^0.25 = -0.778801:
        // -0.339785 + 0.5 - 0.918939 and -0.303265 - 0.25 - 0.918939.
        let found = log_prob(&heads, &[0.5, -2.0], &LOG_STD, &[], &[1.0, -3.0]);
        assert!((found - -2.230_928).abs() < 2e-6, "{found}");
    }

    #[test]
    fn samples_of_a_gaussian_have_its_mean_and_deviation() {
        let heads = Space::uniform_box(1, -1.0, 1.0).components();
        let mut rng = SeedTree::new(2).stream("draws");
        let n = 100_000;
        let (mut sum, mut squares, mut action) = (0.0f64, 0.0f64, [0.0]);
        for _ in 0..n {
            sample(&heads, &[0.7], &[-0.5], &[], &mut rng, &mut action);
            sum += f64::from(action[0]);
            squares += f64::from(action[0]).powi(2);
        }
        let mean = sum / f64::from(n);
        let deviation = (squares / f64::from(n) - mean * mean).sqrt();
        // Five standard errors: 0.0096 and 0.0068.
        assert!((mean - 0.7).abs() < 0.0096, "mean {mean}");
        assert!((deviation - (-0.5f64).exp()).abs() < 0.0068, "deviation {deviation}");
    }

    #[test]
    fn the_mode_is_the_mean_and_the_first_best_legal_option() {
        let heads = mixed();
        let mut action = [9.0; 5];
        mode(&heads, &PARAMETERS, &[], &mut action);
        assert_eq!(action, [0.5, -2.0, 1.0, 0.0, 2.0]);
        mode(&heads, &PARAMETERS, &[true, false, true, false, true, true, false, false, true], &mut action);
        assert_eq!(action, [0.5, -2.0, 0.0, 1.0, 4.0]);
    }

    #[test]
    fn logits_that_are_no_numbers_do_not_unlock_a_forbidden_option() {
        let heads = Space::discrete(3).components();
        let mut action = [9.0];
        mode(&heads, &[f32::NAN; 3], &[false, false, true], &mut action);
        assert_eq!(action, [2.0]);
        mode(&heads, &[-2e8, -3e8, 0.0], &[false, true, false], &mut action);
        assert_eq!(action, [1.0]);
    }

    #[test]
    fn a_choice_with_one_legal_option_has_probability_one() {
        let heads = Space::discrete(3).components();
        let found = log_prob(&heads, &[4.0, 1.0, -7.0], &[], &[false, false, true], &[2.0]);
        assert_eq!(found, 0.0);
    }
}

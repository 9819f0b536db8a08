//! The action head on the host: sampling, mode, log-probability.
//!
//! In: one row of head parameters (as [`ActionHead`] lays them out), a mask, a generator. Out: a raw flat action, and what
//! is sent. Always: an illegal option has logit [`MASKED_LOGIT`] and is never drawn; the log-probability is that of the
//! raw action, before clipping. Not here: the same maths on tensors (`ppo/distribution.rs`).

use super::density::{self, BETA_EDGE};
use super::math::{exp, ln};
use super::style::{ActionHead, Distribution, LOG_STD_RANGE, Spread};
use flexai_env::core::{ActionComponent, StreamRng};
use rand::RngExt;
use rand_distr::{Beta, Distribution as _, StandardNormal};

/// Logit of a forbidden option (ppo golden numbers: `masked_logit`).
pub const MASKED_LOGIT: f32 = -1e8;

/// Draws a raw action into `action` and returns its log-probability.
///
/// Shapes: `parameters` is `[parameter_len]`, `log_std` one per continuous dimension (empty where the parameters say it),
/// `mask` one per option or empty.
pub fn sample(
    head: &ActionHead,
    parameters: &[f32],
    log_std: &[f32],
    mask: &[bool],
    rng: &mut StreamRng,
    action: &mut [f32],
) -> f32 {
    draw(head, parameters, log_std, mask, rng, None, action)
}

/// As [`sample`], with the deviation from the mean of each continuous dimension given: that of state-dependent
/// exploration.
pub fn sample_with_noise(
    head: &ActionHead,
    parameters: &[f32],
    log_std: &[f32],
    mask: &[bool],
    rng: &mut StreamRng,
    noise: &[f32],
    action: &mut [f32],
) -> f32 {
    draw(head, parameters, log_std, mask, rng, Some(noise), action)
}

fn draw(
    head: &ActionHead,
    parameters: &[f32],
    log_std: &[f32],
    mask: &[bool],
    rng: &mut StreamRng,
    noise: Option<&[f32]>,
    action: &mut [f32],
) -> f32 {
    let mut walk = Walk::of(head);
    for part in &head.components {
        match part {
            ActionComponent::Continuous { offset, low, .. } => {
                let dim = low.len();
                for i in 0..dim {
                    let (first, second) = walk.pair(head, parameters, log_std, dim, i);
                    action[offset + i] = match (head.style.distribution, noise) {
                        (Distribution::Beta, _) => draw_beta(first, second, rng),
                        (_, Some(noise)) => first + noise[walk.dimension + i],
                        (_, None) => {
                            let noise: f32 = StandardNormal.sample(rng);
                            first + exp(second) * noise
                        }
                    };
                }
                walk.pass_continuous(dim);
            }
            ActionComponent::Categorical { offset, n, start } => {
                let option = draw_option(walk.logits(parameters, *n), walk.legal(mask, *n), rng);
                action[*offset] = (*start + option as i32) as f32;
                walk.pass_categorical(*n);
            }
        }
    }
    log_prob(head, parameters, log_std, mask, action)
}

/// Writes the raw deterministic action: the mean of a normal (squashed, it becomes the median) or of a beta distribution,
/// which unlike its mode always exists; and the first best legal option.
pub fn mode(head: &ActionHead, parameters: &[f32], mask: &[bool], action: &mut [f32]) {
    let mut walk = Walk::of(head);
    for part in &head.components {
        match part {
            ActionComponent::Continuous { offset, low, .. } => {
                let dim = low.len();
                for i in 0..dim {
                    action[offset + i] = match head.style.distribution {
                        Distribution::Beta => {
                            let (alpha, beta) = walk.pair(head, parameters, &[], dim, i);
                            alpha / (alpha + beta)
                        }
                        _ => parameters[walk.parameter + i],
                    };
                }
                walk.pass_continuous(dim);
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

/// Log-probability of a raw action, summed over all parts; in its continuous parts the density of the action as sent.
pub fn log_prob(head: &ActionHead, parameters: &[f32], log_std: &[f32], mask: &[bool], action: &[f32]) -> f32 {
    let mut walk = Walk::of(head);
    let mut sum = 0.0;
    for part in &head.components {
        match part {
            ActionComponent::Continuous { offset, low, high } => {
                let dim = low.len();
                for i in 0..dim {
                    let (first, second) = walk.pair(head, parameters, log_std, dim, i);
                    let (x, range) = (action[offset + i], high[i] - low[i]);
                    sum += match head.style.distribution {
                        Distribution::Gaussian => density::normal(x, first, second),
                        Distribution::Squashed => density::squashed(x, first, second, range),
                        Distribution::Beta => density::beta(x, first, second, range),
                    };
                }
                walk.pass_continuous(dim);
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

/// Standard deviation of each continuous dimension in the units of the raw normal, or of the action for a beta
/// distribution.
pub fn deviations(head: &ActionHead, parameters: &[f32], log_std: &[f32], out: &mut Vec<f32>) {
    out.clear();
    let mut walk = Walk::of(head);
    for part in &head.components {
        match part {
            ActionComponent::Continuous { low, high, .. } => {
                let dim = low.len();
                out.extend((0..dim).map(|i| {
                    let (first, second) = walk.pair(head, parameters, log_std, dim, i);
                    match head.style.distribution {
                        Distribution::Beta => {
                            let sum = first + second;
                            (high[i] - low[i]) * (first / sum * (second / sum) / (sum + 1.0)).sqrt()
                        }
                        _ => exp(second),
                    }
                }));
                walk.pass_continuous(dim);
            }
            ActionComponent::Categorical { n, .. } => walk.pass_categorical(*n),
        }
    }
}

/// Turns a raw action into one in the environment's units; that of a clipped normal is so already.
pub fn to_units(head: &ActionHead, action: &mut [f32]) {
    if head.style.distribution == Distribution::Gaussian {
        return;
    }
    for part in &head.components {
        if let ActionComponent::Continuous { offset, low, high } = part {
            for ((a, low), high) in action[*offset..].iter_mut().zip(low).zip(high) {
                *a = match head.style.distribution {
                    Distribution::Squashed => density::squash(*a, *low, *high),
                    _ => low + (high - low) * *a,
                };
            }
        }
    }
}

/// Turns an action in the environment's units into a raw one, as the policy would have drawn it; at a bound, which a
/// squashed normal and a beta distribution never reach, into one a thousandth of the range away from it.
pub fn from_units(head: &ActionHead, action: &mut [f32]) {
    const EDGE: f32 = 1e-3;
    if head.style.distribution == Distribution::Gaussian {
        return;
    }
    for part in &head.components {
        if let ActionComponent::Continuous { offset, low, high } = part {
            for ((a, low), high) in action[*offset..].iter_mut().zip(low).zip(high) {
                let share = ((*a - low) / (high - low)).clamp(EDGE, 1.0 - EDGE);
                *a = match head.style.distribution {
                    Distribution::Squashed => (2.0 * share - 1.0).atanh(),
                    _ => share,
                };
            }
        }
    }
}

/// Clips the continuous parts of a flat action to their bounds.
pub fn clip_to_bounds(components: &[ActionComponent], action: &mut [f32]) {
    for part in components {
        if let ActionComponent::Continuous { offset, low, high } = part {
            for ((a, low), high) in action[*offset..].iter_mut().zip(low).zip(high) {
                *a = a.clamp(*low, *high);
            }
        }
    }
}

fn draw_beta(alpha: f32, beta: f32, rng: &mut StreamRng) -> f32 {
    // Parameters that are not finite have no distribution; the middle keeps the run going to the check that names them.
    let x = Beta::new(f64::from(alpha), f64::from(beta)).map_or(0.5, |beta| beta.sample(rng)) as f32;
    x.clamp(BETA_EDGE, 1.0 - BETA_EDGE)
}

/// Where we are in the row of parameters, the spreads and the mask.
struct Walk {
    parameter: usize,
    dimension: usize,
    mask: usize,
    per_dimension: usize,
}

impl Walk {
    fn of(head: &ActionHead) -> Self {
        Self { parameter: 0, dimension: 0, mask: 0, per_dimension: head.style.parameters_per_dimension() }
    }

    /// Mean and logarithm of the spread of dimension `i` of a part, or alpha and beta.
    fn pair(&self, head: &ActionHead, parameters: &[f32], log_std: &[f32], dim: usize, i: usize) -> (f32, f32) {
        let first = parameters[self.parameter + i];
        let second = || parameters[self.parameter + dim + i];
        if head.style.distribution == Distribution::Beta {
            return (density::concentration(first), density::concentration(second()));
        }
        let log_std = match head.style.spread {
            Spread::State => second().clamp(LOG_STD_RANGE.0, LOG_STD_RANGE.1),
            Spread::Independent | Spread::Gsde => log_std[self.dimension + i],
        };
        (first, log_std)
    }

    fn logits<'a>(&self, parameters: &'a [f32], n: usize) -> &'a [f32] {
        &parameters[self.parameter..self.parameter + n]
    }

    fn legal<'a>(&self, mask: &'a [bool], n: usize) -> &'a [bool] {
        if mask.is_empty() { mask } else { &mask[self.mask..self.mask + n] }
    }

    fn pass_continuous(&mut self, dim: usize) {
        self.parameter += dim * self.per_dimension;
        self.dimension += dim;
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
    use super::super::style::HeadStyle;
    use super::*;
    use flexai_env::core::{SeedTree, Space};

    fn mixed() -> ActionHead {
        let entries = vec![
            ("battery".into(), Space::uniform_box(2, -1.0, 1.0)),
            ("start".into(), Space::MultiDiscrete { nvec: vec![3, 2] }),
            ("region".into(), Space::Discrete { n: 4, start: 1 }),
        ];
        Space::Dict { entries }.components().into()
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
        let heads: ActionHead = Space::Dict {
            entries: vec![("a".into(), Space::MultiDiscrete { nvec: vec![3, 2] }), ("b".into(), Space::discrete(4))],
        }
        .components()
        .into();
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
        let heads: ActionHead = Space::uniform_box(2, -1.0, 1.0).components().into();
        // z = 0.5 / e^-0.5 = 0.824361 and -1 / e^0.25 = -0.778801:
        // -0.339785 + 0.5 - 0.918939 and -0.303265 - 0.25 - 0.918939.
        let found = log_prob(&heads, &[0.5, -2.0], &LOG_STD, &[], &[1.0, -3.0]);
        assert!((found - -2.230_928).abs() < 2e-6, "{found}");
    }

    #[test]
    fn samples_of_a_gaussian_have_its_mean_and_deviation() {
        let heads: ActionHead = Space::uniform_box(1, -1.0, 1.0).components().into();
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

    const STYLES: [(Distribution, Spread); 5] = [
        (Distribution::Gaussian, Spread::Independent),
        (Distribution::Gaussian, Spread::State),
        (Distribution::Squashed, Spread::Independent),
        (Distribution::Squashed, Spread::State),
        (Distribution::Beta, Spread::Independent),
    ];

    /// Draws of each distribution fall into ten bins as often as its density says.
    #[test]
    fn samples_come_in_proportion_to_their_density() {
        let (low, high) = (-3.0f32, 2.0f32);
        for (distribution, spread) in STYLES {
            let style = HeadStyle { distribution, spread };
            let head = ActionHead { components: Space::uniform_box(1, low, high).components(), style };
            let (parameters, log_std) = ([0.4, -0.7], [-0.7]);
            let n = 200_000;
            let bins = 10;
            let mut counts = vec![0.0; bins];
            let mut rng = SeedTree::new(4).stream("draws");
            let bin = |a: f32| (((a - low) / (high - low) * bins as f32) as usize).min(bins - 1);
            for _ in 0..n {
                let mut action = [0.0];
                let log_prob = sample(&head, &parameters, &log_std, &[], &mut rng, &mut action);
                assert!(log_prob.is_finite());
                to_units(&head, &mut action);
                clip_to_bounds(&head.components, &mut action);
                counts[bin(action[0])] += 1.0 / f64::from(n);
            }
            // The density of the sent action, summed over a fine grid of raw ones.
            let mut expected = vec![0.0; bins];
            let (from, to) = if distribution == Distribution::Beta { (0.0f32, 1.0) } else { (-8.0, 8.0) };
            let fine = 200_000;
            for i in 0..fine {
                let at = |k: f32| from + (to - from) * k / fine as f32;
                let (mut left, mut middle, mut right) = ([at(i as f32)], [at(i as f32 + 0.5)], [at(i as f32 + 1.0)]);
                let density = f64::from(log_prob(&head, &parameters, &log_std, &[], &middle)).exp();
                for x in [&mut left, &mut middle, &mut right] {
                    to_units(&head, x);
                }
                let weight = density * f64::from(right[0] - left[0]);
                clip_to_bounds(&head.components, &mut middle);
                expected[bin(middle[0])] += weight;
            }
            for (found, expected) in counts.iter().zip(&expected) {
                // Five standard errors of a share are at most 0.0056.
                assert!((found - expected).abs() < 0.006, "{style:?}: {counts:?}, {expected:?}");
            }
        }
    }

    #[test]
    fn the_deterministic_action_is_the_mean_of_a_beta_and_the_squashed_mean_of_a_normal() {
        let components = Space::uniform_box(1, -3.0, 2.0).components();
        let act = |distribution, parameters: &[f32]| {
            let style = HeadStyle { distribution, spread: Spread::Independent };
            let head = ActionHead { components: components.clone(), style };
            let mut action = [9.0];
            mode(&head, parameters, &[], &mut action);
            to_units(&head, &mut action);
            action[0]
        };
        assert_eq!(act(Distribution::Gaussian, &[7.0]), 7.0);
        assert!((act(Distribution::Squashed, &[0.5]) - (-0.5 + 2.5 * 0.5f32.tanh())).abs() < 1e-6);
        // alpha = 1 + ln 2 and beta = 1 + ln(1 + e).
        let (alpha, beta) = (1.0 + 2f32.ln(), 1.0 + (1.0 + 1f32.exp()).ln());
        assert!((act(Distribution::Beta, &[0.0, 1.0]) - (-3.0 + 5.0 * alpha / (alpha + beta))).abs() < 1e-6);
    }

    #[test]
    fn far_out_parameters_leave_every_distribution_inside_the_bounds_and_finite() {
        for (distribution, spread) in STYLES {
            let style = HeadStyle { distribution, spread };
            let head = ActionHead { components: Space::uniform_box(1, -3.0, 2.0).components(), style };
            let mut rng = SeedTree::new(4).stream("draws");
            for parameters in [[50.0, 30.0], [-50.0, -30.0], [-50.0, 80.0], [1e3, -1e3]] {
                let mut action = [0.0];
                let log_prob = sample(&head, &parameters, &[1.0], &[], &mut rng, &mut action);
                assert!(log_prob.is_finite(), "{style:?} {parameters:?}: {log_prob} of {action:?}");
                to_units(&head, &mut action);
                clip_to_bounds(&head.components, &mut action);
                assert!((-3.0..=2.0).contains(&action[0]), "{style:?}: {action:?}");
            }
        }
    }

    #[test]
    fn given_noise_is_added_to_the_mean() {
        let head: ActionHead = Space::uniform_box(2, -1.0, 1.0).components().into();
        let (mut rng, mut action) = (SeedTree::new(4).stream("draws"), [0.0; 2]);
        let log_prob = sample_with_noise(&head, &[0.5, -2.0], &LOG_STD, &[], &mut rng, &[0.5, -1.0], &mut action);
        assert_eq!(action, [1.0, -3.0]);
        assert!((log_prob - -2.230_928).abs() < 2e-6, "{log_prob}");
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
        let heads: ActionHead = Space::discrete(3).components().into();
        let mut action = [9.0];
        mode(&heads, &[f32::NAN; 3], &[false, false, true], &mut action);
        assert_eq!(action, [2.0]);
        mode(&heads, &[-2e8, -3e8, 0.0], &[false, true, false], &mut action);
        assert_eq!(action, [1.0]);
    }

    #[test]
    fn a_choice_with_one_legal_option_has_probability_one() {
        let heads: ActionHead = Space::discrete(3).components().into();
        let found = log_prob(&heads, &[4.0, 1.0, -7.0], &[], &[false, false, true], &[2.0]);
        assert_eq!(found, 0.0);
    }
}

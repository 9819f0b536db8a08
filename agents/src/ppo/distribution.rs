//! Log-probability and entropy of stored raw actions, on tensors.
//!
//! In: head parameters, the spread, actions, forbidden options. Out: log-probability and entropy per row.
//! Always: an action's parts are independent, so both are sums over them; a forbidden option has logit
//! [`MASKED_LOGIT`], hence probability 0, gradient 0 and no entropy. Not here: drawing (`artifact/head.rs`), the densities (`continuous.rs`).

use super::continuous;
use crate::artifact::{ActionHead, Distribution, HeadStyle, LOG_STD_RANGE, MASKED_LOGIT, Spread};
use burn::tensor::activation::log_softmax;
use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Int, Tensor};
use flexai_env::core::ActionComponent;
use std::ops::Range;

/// Where each part of an action finds its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeadLayout {
    parts: Vec<Part>,
    style: HeadStyle,
    /// Number of continuous dimensions.
    pub(super) continuous: usize,
    /// Number of choices.
    pub(super) choices: usize,
    /// Number of options of all choices together.
    pub(super) options: usize,
    /// For each number of the flat action, what it is.
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// `range_ln` is the sum of the logarithms of the widths of the bounds.
    Continuous {
        parameters: Range<usize>,
        dimensions: Range<usize>,
        range_ln: f64,
    },
    Categorical {
        parameters: Range<usize>,
        options: Range<usize>,
        choice: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Continuous,
    Choice { start: i32 },
}

/// Actions of a batch, taken apart.
#[derive(Debug, Clone)]
pub(super) struct ActionBatch {
    /// `[rows, continuous]`, raw; absent if the action has no continuous part.
    pub(super) continuous: Option<Tensor<2>>,
    /// `[rows, choices]`, options counted from 0; absent if the action has no discrete part.
    pub(super) choices: Option<Tensor<2, Int>>,
    /// `[rows, options]`, true where an option is illegal; absent if all are legal in all rows.
    pub(super) forbidden: Option<Tensor<2, Bool>>,
}

impl HeadLayout {
    pub(super) fn new(heads: &ActionHead) -> Self {
        let (mut parameter, mut dimension, mut option, mut choice) = (0, 0, 0, 0);
        let mut parts = Vec::new();
        let mut columns = Vec::new();
        for component in &heads.components {
            match component {
                ActionComponent::Continuous { low, high, .. } => {
                    let dim = low.len();
                    let len = dim * heads.style.parameters_per_dimension();
                    let range_ln = |(low, high): (&f32, &f32)| f64::from(high - low).ln();
                    parts.push(Part::Continuous {
                        parameters: parameter..parameter + len,
                        dimensions: dimension..dimension + dim,
                        range_ln: low.iter().zip(high).map(range_ln).sum(),
                    });
                    columns.extend(std::iter::repeat_n(Column::Continuous, dim));
                    parameter += len;
                    dimension += dim;
                }
                ActionComponent::Categorical { n, start, .. } => {
                    parts.push(Part::Categorical {
                        parameters: parameter..parameter + n,
                        options: option..option + n,
                        choice,
                    });
                    columns.push(Column::Choice { start: *start });
                    parameter += n;
                    option += n;
                    choice += 1;
                }
            }
        }
        Self { parts, style: heads.style, continuous: dimension, choices: choice, options: option, columns }
    }

    /// Takes flat actions apart: continuous numbers, and options counted from 0.
    pub(super) fn split(&self, actions: &[f32]) -> (Vec<f32>, Vec<i32>) {
        let rows = actions.len() / self.columns.len();
        let mut continuous = Vec::with_capacity(rows * self.continuous);
        let mut choices = Vec::with_capacity(rows * self.choices);
        for row in actions.chunks_exact(self.columns.len()) {
            for (x, column) in row.iter().zip(&self.columns) {
                match column {
                    Column::Continuous => continuous.push(*x),
                    Column::Choice { start } => choices.push(*x as i32 - start),
                }
            }
        }
        (continuous, choices)
    }

    /// Log-probability and entropy of each row.
    ///
    /// Shapes: `parameters` is `[rows, parameter_len]`, `log_std` `[1 or rows, continuous]`, absent where the parameters
    /// say it. The log-probability is `[rows, 1]`, the entropy too, or `[1, 1]` where all rows have the same. With
    /// `entropy_gradient` off the entropy is off the tape.
    pub(super) fn evaluate(
        &self,
        parameters: &Tensor<2>,
        log_std: Option<&Tensor<2>>,
        actions: &ActionBatch,
        entropy_gradient: bool,
    ) -> (Tensor<2>, Tensor<2>) {
        let parts = self.parts.iter().map(|part| match part {
            Part::Continuous { parameters: at, dimensions, range_ln } => {
                let said = columns(parameters.clone(), at);
                let action = actions.continuous.clone().expect("an action with continuous parts stores them");
                let spread = || columns(log_std.cloned().expect("the network has a spread of its own"), dimensions);
                self.continuous(said, spread, columns(action, dimensions), *range_ln, entropy_gradient)
            }
            Part::Categorical { parameters: at, options, choice } => {
                let logits = columns(parameters.clone(), at);
                let logits = match &actions.forbidden {
                    Some(forbidden) => logits.mask_fill(columns(forbidden.clone(), options), MASKED_LOGIT),
                    None => logits,
                };
                let choices = actions.choices.clone().expect("an action with discrete parts stores them");
                categorical(logits, columns(choices, &(*choice..choice + 1)), entropy_gradient)
            }
        });
        parts
            .reduce(|(log_prob, entropy), (l, e)| (log_prob + l, entropy + e))
            .expect("an action has at least one part")
    }

    /// One continuous part; `said` holds its parameters, `spread` gives that of its dimensions where `said` does not.
    fn continuous(
        &self,
        said: Tensor<2>,
        spread: impl FnOnce() -> Tensor<2>,
        action: Tensor<2>,
        range_ln: f64,
        entropy_gradient: bool,
    ) -> (Tensor<2>, Tensor<2>) {
        let dim = action.dims()[1];
        let (first, second) = (columns(said.clone(), &(0..dim)), || columns(said.clone(), &(dim..2 * dim)));
        if self.style.distribution == Distribution::Beta {
            return continuous::beta(first, second(), action, range_ln, entropy_gradient);
        }
        let log_std = match self.style.spread {
            Spread::State => second().clamp(LOG_STD_RANGE.0, LOG_STD_RANGE.1),
            Spread::Independent | Spread::Gsde => spread(),
        };
        if self.style.distribution == Distribution::Gaussian {
            return continuous::normal(first, log_std, action, entropy_gradient);
        }
        let half_range_ln = range_ln - dim as f64 * std::f64::consts::LN_2;
        continuous::squashed(first, log_std, action, half_range_ln, entropy_gradient)
    }
}

/// One choice: the log-probability of `option` (`[rows, 1]`), and the entropy.
///
/// A forbidden option has probability exactly 0 and a finite log-probability, so it adds 0 to the entropy.
fn categorical(logits: Tensor<2>, option: Tensor<2, Int>, entropy_gradient: bool) -> (Tensor<2>, Tensor<2>) {
    let log_probs = log_softmax(logits, 1);
    let tracked = if entropy_gradient { log_probs.clone() } else { log_probs.clone().inner() };
    let entropy = (tracked.clone().exp() * tracked).sum_dim(1).neg();
    (log_probs.gather(1, option), entropy)
}

/// A range of columns; the tensor itself if that is all of them.
fn columns<K: Basic>(tensor: Tensor<2, K>, range: &Range<usize>) -> Tensor<2, K> {
    let [rows, all] = tensor.dims();
    if range.len() == all { tensor } else { tensor.slice([0..rows, range.clone()]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact;
    use crate::device::{DeviceChoice, open};
    use burn::tensor::TensorData;
    use flexai_env::core::{SeedTree, Space};
    use rand::RngExt;

    fn hybrid() -> ActionHead {
        let entries = vec![
            ("battery".to_string(), Space::uniform_box(2, -1.0, 1.0)),
            ("start".to_string(), Space::MultiDiscrete { nvec: vec![3, 2] }),
            ("cooling".to_string(), Space::uniform_box(1, 0.0, 1.0)),
            ("region".to_string(), Space::Discrete { n: 4, start: 1 }),
        ];
        Space::Dict { entries }.components().into()
    }

    #[test]
    fn tensors_and_host_agree_on_the_log_probability_of_a_hybrid_action() {
        let spreads = [Spread::Independent, Spread::State];
        for distribution in [Distribution::Gaussian, Distribution::Squashed, Distribution::Beta] {
            for spread in spreads.into_iter().filter(|s| distribution != Distribution::Beta || *s == spreads[0]) {
                assert_tensors_and_host_agree(HeadStyle { distribution, spread });
            }
        }
    }

    fn assert_tensors_and_host_agree(style: HeadStyle) {
        let heads = ActionHead { style, ..hybrid() };
        let layout = HeadLayout::new(&heads);
        let mut rng = SeedTree::new(5).stream("test");
        let (rows, head_len) = (32, heads.parameter_len());
        let parameters: Vec<f32> = (0..rows * head_len).map(|_| 3.0 * rng.random::<f32>() - 1.5).collect();
        let log_std = [-0.5, 0.25, 0.0];
        let mask: Vec<bool> = (0..rows)
            .flat_map(|r| [r % 3 != 0, true, r % 2 == 0, true, r % 5 == 0, true, false, true, r % 4 > 1])
            .collect();
        let mut actions = vec![0.0; rows * 6];
        let mut expected = Vec::new();
        for r in 0..rows {
            let parameters = &parameters[r * head_len..(r + 1) * head_len];
            let action = &mut actions[r * 6..(r + 1) * 6];
            expected.push(artifact::sample(&heads, parameters, &log_std, &mask[r * 9..(r + 1) * 9], &mut rng, action));
        }
        let device = open(DeviceChoice::Flex).unwrap();
        let (continuous, choices) = layout.split(&actions);
        let forbidden: Vec<bool> = mask.iter().map(|legal| !legal).collect();
        let batch = ActionBatch {
            continuous: Some(Tensor::from_data(TensorData::new(continuous, [rows, 3]), &device)),
            choices: Some(Tensor::from_data(TensorData::new(choices, [rows, 3]), &device)),
            forbidden: Some(Tensor::from_data(TensorData::new(forbidden, [rows, 9]), &device)),
        };
        let parameters = Tensor::from_data(TensorData::new(parameters, [rows, head_len]), &device);
        let log_std = Tensor::<2>::from_data([log_std], &device);
        let (log_prob, entropy) = layout.evaluate(&parameters, Some(&log_std), &batch, false);
        assert_eq!(entropy.dims(), [rows, 1]);
        for (a, b) in log_prob.into_data().try_to_vec::<f32>().unwrap().iter().zip(&expected) {
            assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{style:?}: {a} and {b}");
        }
    }

    #[test]
    fn a_uniform_choice_has_the_entropy_of_its_legal_options_and_masked_logits_have_no_gradient() {
        let layout = HeadLayout::new(&Space::discrete(5).components().into());
        let device = open(DeviceChoice::Flex).unwrap();
        let logits = Tensor::<2>::zeros([1, 5], &device).autodiff().require_grad();
        let forbidden = Tensor::from_data([[false, true, false, true, false]], &device);
        let batch = ActionBatch {
            continuous: None,
            choices: Some(Tensor::from_data([[2]], &device)),
            forbidden: Some(forbidden),
        };
        let (log_prob, entropy) = layout.evaluate(&logits, None, &batch, true);
        let value = entropy.clone().into_data().try_to_vec::<f32>().unwrap()[0];
        assert!((value - 3f32.ln()).abs() < 1e-6);
        let gradients = (log_prob + entropy).sum().backward();
        let gradient = logits.grad(&gradients).unwrap().into_data().try_to_vec::<f32>().unwrap();
        assert_eq!([gradient[1], gradient[3]], [0.0, 0.0]);
        assert!((gradient[2] - 2.0 / 3.0).abs() < 1e-6, "{gradient:?}");
    }
}

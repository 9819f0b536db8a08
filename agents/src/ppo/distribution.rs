//! Log-probability and entropy of stored actions, on tensors.
//!
//! In: head parameters, the spread, actions, forbidden options. Out: log-probability and entropy per row.
//! Always: an action's parts are independent, so both are sums over them; a forbidden option has logit
//! [`MASKED_LOGIT`], hence probability 0, gradient 0 and no entropy. Not here: drawing (`artifact/head.rs`).

use crate::artifact::{MASKED_LOGIT, continuous_len};
use burn::tensor::activation::log_softmax;
use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Int, Tensor};
use flexai_env::core::ActionComponent;
use std::ops::Range;

/// Half the logarithm of two pi.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;

/// Where each part of an action finds its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeadLayout {
    parts: Vec<Part>,
    /// Number of continuous dimensions.
    pub(super) continuous: usize,
    /// Number of choices.
    pub(super) choices: usize,
    /// Number of options of all choices together.
    pub(super) options: usize,
    /// For each number of the flat action, what it is.
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Gaussian { parameters: Range<usize>, dimensions: Range<usize> },
    Categorical { parameters: Range<usize>, options: Range<usize>, choice: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Continuous,
    Choice { start: i32 },
}

/// Actions of a batch, taken apart.
#[derive(Debug, Clone)]
pub(super) struct ActionBatch {
    /// `[rows, continuous]`, unclipped; absent if the action has no continuous part.
    pub(super) continuous: Option<Tensor<2>>,
    /// `[rows, choices]`, options counted from 0; absent if the action has no discrete part.
    pub(super) choices: Option<Tensor<2, Int>>,
    /// `[rows, options]`, true where an option is illegal; absent if all are legal in all rows.
    pub(super) forbidden: Option<Tensor<2, Bool>>,
}

impl HeadLayout {
    pub(super) fn new(heads: &[ActionComponent]) -> Self {
        let (mut parameter, mut dimension, mut option, mut choice) = (0, 0, 0, 0);
        let mut parts = Vec::new();
        let mut columns = Vec::new();
        for head in heads {
            match head {
                ActionComponent::Continuous { low, .. } => {
                    let dim = low.len();
                    parts.push(Part::Gaussian {
                        parameters: parameter..parameter + dim,
                        dimensions: dimension..dimension + dim,
                    });
                    columns.extend(std::iter::repeat_n(Column::Continuous, dim));
                    parameter += dim;
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
        Self { parts, continuous: continuous_len(heads), choices: choice, options: option, columns }
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
    /// Shapes: `parameters` is `[rows, head_len]`, `log_std` `[continuous]`. The log-probability is `[rows, 1]`, the
    /// entropy too, or `[1, 1]` where all rows have the same. With `entropy_gradient` off the entropy is off the tape.
    pub(super) fn evaluate(
        &self,
        parameters: &Tensor<2>,
        log_std: Option<&Tensor<1>>,
        actions: &ActionBatch,
        entropy_gradient: bool,
    ) -> (Tensor<2>, Tensor<2>) {
        let parts = self.parts.iter().map(|part| match part {
            Part::Gaussian { parameters: at, dimensions } => {
                let mean = columns(parameters.clone(), at);
                let action = actions.continuous.clone().expect("an action with continuous parts stores them");
                let spread = log_std.cloned().expect("a network with continuous parts has a spread");
                gaussian(mean, spread.slice([dimensions.clone()]), columns(action, dimensions), entropy_gradient)
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
}

/// Independent normals: the log-density of `action`, and their entropy.
fn gaussian(mean: Tensor<2>, log_std: Tensor<1>, action: Tensor<2>, entropy_gradient: bool) -> (Tensor<2>, Tensor<2>) {
    let dim = log_std.dims()[0] as f64;
    let tracked = if entropy_gradient { log_std.clone() } else { log_std.clone().inner() };
    let entropy = tracked.sum().add_scalar((0.5 + HALF_LN_TAU) * dim).unsqueeze::<2>();
    let log_std = log_std.unsqueeze::<2>();
    let z = (action - mean) * log_std.clone().neg().exp();
    let log_prob = (z.square().mul_scalar(-0.5) - log_std).sum_dim(1).sub_scalar(HALF_LN_TAU * dim);
    (log_prob, entropy)
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

    fn hybrid() -> Vec<ActionComponent> {
        let entries = vec![
            ("battery".to_string(), Space::uniform_box(2, -1.0, 1.0)),
            ("start".to_string(), Space::MultiDiscrete { nvec: vec![3, 2] }),
            ("cooling".to_string(), Space::uniform_box(1, 0.0, 1.0)),
            ("region".to_string(), Space::Discrete { n: 4, start: 1 }),
        ];
        Space::Dict { entries }.components()
    }

    #[test]
    fn tensors_and_host_agree_on_the_log_probability_of_a_hybrid_action() {
        let heads = hybrid();
        let layout = HeadLayout::new(&heads);
        let mut rng = SeedTree::new(5).stream("test");
        let (rows, head_len) = (32, artifact::head_len(&heads));
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
        let log_std = Tensor::<1>::from_data(log_std, &device);
        let (log_prob, entropy) = layout.evaluate(&parameters, Some(&log_std), &batch, false);
        assert_eq!(entropy.dims(), [rows, 1]);
        for (a, b) in log_prob.into_data().try_to_vec::<f32>().unwrap().iter().zip(&expected) {
            assert!((a - b).abs() < 1e-5, "{a} and {b}");
        }
    }

    #[test]
    fn a_uniform_choice_has_the_entropy_of_its_legal_options_and_masked_logits_have_no_gradient() {
        let layout = HeadLayout::new(&Space::discrete(5).components());
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

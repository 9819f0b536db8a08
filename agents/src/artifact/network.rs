//! Inference of a policy network in plain Rust.
//!
//! In: observations. Out: action-head parameters and values.
//! Always: the same bits on every machine (only IEEE basic operations, in a fixed order), whatever the batch size.
//! Not here: training (`ppo/`), sampling from the head (`head.rs`).

use flexai_env::core::{ActionComponent, ObservationNormalizer};
use serde::{Deserialize, Serialize};

/// Non-linearity between layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Hyperbolic tangent.
    #[default]
    Tanh,
    /// Rectified linear unit.
    Relu,
}

/// A fully connected layer, `y = x W + b`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Length of the input.
    pub inputs: usize,
    /// Length of the output.
    pub outputs: usize,
    /// `[inputs, outputs]`, row-major.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

/// Dense layers with an activation between them; the last layer is linear.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    /// At least one layer.
    pub layers: Vec<Dense>,
    /// Applied after every layer but the last.
    pub activation: Activation,
}

/// Two buffers for hidden layers, kept between calls so that nothing is allocated.
#[derive(Debug, Clone, Default)]
pub struct MlpScratch {
    front: Vec<f32>,
    back: Vec<f32>,
}

/// A whole policy: normalisation, actor, critic, spread.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyNetwork {
    /// Heads in flat action order; the actor's output is their parameters, concatenated.
    pub heads: Vec<ActionComponent>,
    /// Applied to raw observations; `None` if the policy was trained on raw ones.
    pub normalizer: Option<ObservationNormalizer>,
    /// Observation to head parameters.
    pub actor: Mlp,
    /// Observation to value.
    pub critic: Mlp,
    /// Log standard deviation of each continuous dimension, in flat order.
    pub log_std: Vec<f32>,
}

impl Dense {
    /// Writes `x W + b` for `rows` rows of `input` into `output`, `[rows, outputs]`.
    fn forward(&self, input: &[f32], output: &mut [f32]) {
        for (x, y) in input.chunks_exact(self.inputs).zip(output.chunks_exact_mut(self.outputs)) {
            y.copy_from_slice(&self.bias);
            for (xi, row) in x.iter().zip(self.weight.chunks_exact(self.outputs)) {
                for (yj, w) in y.iter_mut().zip(row) {
                    *yj += xi * w;
                }
            }
        }
    }
}

impl Activation {
    fn apply(self, values: &mut [f32]) {
        match self {
            Self::Tanh => values.iter_mut().for_each(|v| *v = v.tanh()),
            Self::Relu => values.iter_mut().for_each(|v| *v = v.max(0.0)),
        }
    }
}

impl Mlp {
    /// Length of the input.
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs
    }

    /// Length of the output.
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs
    }

    /// Evaluates `[rows, inputs]` into `out`, `[rows, outputs]`.
    ///
    /// # Panics
    /// If the slices are not the same whole number of rows.
    pub fn forward(&self, input: &[f32], scratch: &mut MlpScratch, out: &mut [f32]) {
        let rows = input.len() / self.inputs();
        assert_eq!(input.len(), rows * self.inputs(), "the input is a whole number of rows");
        assert_eq!(out.len(), rows * self.outputs(), "the output has a row for each input row");
        scratch.front.clear();
        scratch.front.extend_from_slice(input);
        let last = self.layers.len() - 1;
        for (i, layer) in self.layers.iter().enumerate() {
            if i == last {
                layer.forward(&scratch.front, out);
            } else {
                scratch.back.resize(rows * layer.outputs, 0.0);
                layer.forward(&scratch.front, &mut scratch.back);
                self.activation.apply(&mut scratch.back);
                std::mem::swap(&mut scratch.front, &mut scratch.back);
            }
        }
    }
}

impl PolicyNetwork {
    /// Length of one observation.
    pub fn observation_len(&self) -> usize {
        self.actor.inputs()
    }

    /// Length of one flat action.
    pub fn action_len(&self) -> usize {
        self.heads
            .iter()
            .map(|head| match head {
                ActionComponent::Continuous { low, .. } => low.len(),
                ActionComponent::Categorical { .. } => 1,
            })
            .sum()
    }

    /// Normalises raw observations, `[rows, observation_len]`, in place.
    pub fn normalize(&self, observation: &mut [f32]) {
        if let Some(normalizer) = &self.normalizer {
            normalizer.apply(observation);
        }
    }
}

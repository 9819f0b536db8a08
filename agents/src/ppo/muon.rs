//! Muon: the hidden layers' weight matrices step along the nearest orthogonal matrix to their momentum.
//!
//! In: the flat vectors of an optimiser step. Out: those of the matrices one step further, and their velocities.
//! Always: everything but the weights of hidden layers (biases, last layers, gains, memories, spreads) is Adam's; a
//! velocity lies where Adam keeps its first moment, so a checkpoint needs no more room.
//! Not here: the clip of the norm (`optimizer.rs`).

use crate::artifact::{Memory, Mlp, PolicyNetwork};
use crate::device;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdjustLrFn, Muon, MuonConfig, Optimizer};
use burn::tensor::{Device, Tensor, TensorData};
use std::ops::Range;

/// How much of the velocity is kept (Jordan et al. 2024).
const MOMENTUM: f64 = 0.95;

/// Steps of the matrices among a network's parameters.
///
/// With Nesterov's momentum, five Newton-Schulz iterations, and a step scaled by `0.2 sqrt(max(inputs, outputs))`, so that
/// a learning rate of Adam serves (Liu et al. 2025, arXiv:2502.16982).
#[derive(Clone)]
pub(super) struct HiddenMatrices {
    muon: Muon,
    matrices: Vec<Matrix>,
}

/// A weight matrix in the network's fixed order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Matrix {
    range: Range<usize>,
    /// Inputs, outputs.
    shape: [usize; 2],
}

/// The vectors of a step: all of the same length, in the network's fixed order.
#[derive(Clone)]
pub(super) struct StepVectors {
    pub(super) parameters: Tensor<1>,
    pub(super) moment_1: Tensor<1>,
}

impl HiddenMatrices {
    /// The hidden layers of a network's actor and critic.
    pub(super) fn of(policy: &PolicyNetwork) -> Self {
        // Burn keeps a state that it does not show: the velocity is made here, and Muon gets it as a plain gradient.
        let momentum = MomentumConfig { momentum: 0.0, dampening: 0.0, nesterov: false };
        let muon = MuonConfig::new().with_momentum(momentum).with_adjust_lr_fn(AdjustLrFn::MatchRmsAdamW).build();
        let mut matrices = Vec::new();
        let end = hidden(&policy.actor, parameters(&policy.actor_memory), &mut matrices);
        hidden(&policy.critic, end + parameters(&policy.critic_memory), &mut matrices);
        Self { muon, matrices }
    }

    /// Puts the matrices' own steps in the place of Adam's: `before` is what Adam began with, `after` what it made of it.
    pub(super) fn replace(
        &self,
        learning_rate: f64,
        before: &StepVectors,
        gradient: &Tensor<1>,
        mut after: StepVectors,
    ) -> StepVectors {
        for matrix in &self.matrices {
            let of = |vector: &Tensor<1>| vector.clone().slice(matrix.range.clone());
            let (weight, velocity) =
                self.step(learning_rate, matrix, of(&before.parameters), of(gradient), of(&before.moment_1));
            after.parameters = after.parameters.slice_assign(matrix.range.clone(), weight);
            after.moment_1 = after.moment_1.slice_assign(matrix.range.clone(), velocity);
        }
        after
    }

    /// The same on the host: what each matrix and its velocity become, `(range, weight, velocity)`.
    pub(super) fn steps_on_host(
        &self,
        learning_rate: f64,
        [parameters, gradient, moment_1]: [&[f32]; 3],
        device: &Device,
    ) -> Vec<(Range<usize>, Vec<f32>, Vec<f32>)> {
        let read = |tensor| device::read(tensor).expect("memory of the host can be read");
        let step = |matrix: &Matrix| {
            let of = |vector: &[f32]| {
                let part = vector[matrix.range.clone()].to_vec();
                let len = part.len();
                Tensor::<1>::from_data(TensorData::new(part, [len]), device)
            };
            let (weight, velocity) = self.step(learning_rate, matrix, of(parameters), of(gradient), of(moment_1));
            (matrix.range.clone(), read(weight), read(velocity))
        };
        self.matrices.iter().map(step).collect()
    }

    fn step(
        &self,
        learning_rate: f64,
        matrix: &Matrix,
        weight: Tensor<1>,
        gradient: Tensor<1>,
        velocity: Tensor<1>,
    ) -> (Tensor<1>, Tensor<1>) {
        let velocity = velocity.mul_scalar(MOMENTUM) + gradient.clone();
        let ahead = velocity.clone().mul_scalar(MOMENTUM) + gradient;
        let (weight, ahead): (Tensor<2>, Tensor<2>) = (weight.reshape(matrix.shape), ahead.reshape(matrix.shape));
        let (weight, _) = self.muon.step(learning_rate, weight, ahead, None);
        (weight.reshape([matrix.range.len()]), velocity)
    }
}

/// Number of parameters of a memory, which lie before those of its layers; its gates are Adam's.
fn parameters(memory: &Option<Memory>) -> usize {
    let layers = memory.iter().flat_map(|memory| [&memory.input, &memory.hidden]);
    layers.map(|layer| layer.weight.len() + layer.bias.len()).sum()
}

/// Adds the hidden weight matrices of a network whose parameters begin at `at`; where they end.
fn hidden(mlp: &Mlp, mut at: usize, matrices: &mut Vec<Matrix>) -> usize {
    for (i, layer) in mlp.layers.iter().enumerate() {
        let range = at..at + layer.weight.len();
        at = range.end + layer.bias.len() + mlp.norms.get(i).map_or(0, |norm| norm.gain.len() + norm.bias.len());
        if i + 1 < mlp.layers.len() {
            let outputs = layer.bias.len();
            matrices.push(Matrix { shape: [range.len() / outputs, outputs], range });
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Activation;
    use crate::device::DeviceChoice;
    use flexai_env::core::{SeedTree, Space};
    use rand::RngExt;

    fn muon(observation_len: usize, hidden: &[usize]) -> (HiddenMatrices, Device) {
        let mut rng = SeedTree::new(1).stream("weights");
        let space = Space::uniform_box(2, -1.0, 1.0);
        let policy = PolicyNetwork::drawn(observation_len, &space, hidden, Activation::Tanh, &mut rng);
        (HiddenMatrices::of(&policy), device::open(DeviceChoice::Flex).unwrap())
    }

    #[test]
    fn hidden_weights_are_its_own_and_all_else_is_left_to_adam() {
        // Actor 3-4-5-2, critic 3-4-5-1: weights, then biases.
        let (found, _) = muon(3, &[4, 5]);
        let matrix = |from: usize, shape: [usize; 2]| Matrix { range: from..from + shape[0] * shape[1], shape };
        let critic = 12 + 4 + 20 + 5 + 10 + 2;
        let expected = [matrix(0, [3, 4]), matrix(16, [4, 5]), matrix(critic, [3, 4]), matrix(critic + 16, [4, 5])];
        assert_eq!(found.matrices, expected);
    }

    /// The step's singular values all lie near its scale: `M^T M` is near a multiple of the identity.
    #[test]
    fn a_step_is_nearly_orthogonal_whatever_the_gradients_scale() {
        let (found, device) = muon(32, &[8, 8]);
        let mut rng = SeedTree::new(2).stream("gradient");
        let (inputs, outputs) = (32, 8);
        let len = found.matrices.last().unwrap().range.end;
        // One column is twenty times as large as the others.
        let gradient: Vec<f32> =
            (0..len).map(|i| (rng.random::<f32>() - 0.5) * if i % outputs == 0 { 20.0 } else { 1.0 }).collect();
        let zeros = vec![0.0; len];
        let steps = found.steps_on_host(1.0, [&zeros, &gradient, &zeros], &device);
        let (range, weight, velocity) = &steps[0];
        assert_eq!(range.clone(), 0..inputs * outputs);
        assert_eq!(velocity[..], gradient[range.clone()]);
        let scale = 0.2 * (inputs as f32).sqrt();
        for a in 0..outputs {
            for b in 0..outputs {
                let product: f32 = (0..inputs).map(|i| weight[i * outputs + a] * weight[i * outputs + b]).sum();
                let product = product / (scale * scale);
                // Five iterations of these coefficients bring every singular value into 0.7 .. 1.2.
                let expected = if a == b { 0.45..1.5 } else { -0.4..0.4 };
                assert!(expected.contains(&product), "column {a} by {b}: {product}");
            }
        }
    }
}

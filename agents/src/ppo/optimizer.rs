//! Adam behind a clip of the global gradient norm.
//!
//! In: a network and the gradients of its loss. Out: the network one step further.
//! Always: the norm is over all parameters together (Burn's own clip is per tensor, which is not PPO's); all parameters
//! are stepped as one vector, in the network's fixed order. Not here: the learning rate's schedule (`config.rs`).

use super::actor_critic::ActorCritic;
use burn::module::{Module, Param, ParamId};
use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Device, Gradients, Tensor};

/// Added to the norm so that a zero gradient stays zero.
const NORM_EPSILON: f64 = 1e-6;

/// Adam (beta 0.9 and 0.999) with a limit on the gradient's norm.
pub(super) struct ClippedAdam {
    adam: Adam,
    max_grad_norm: f64,
    state: Option<AdamState<1>>,
}

/// Adam's memory as a Burn module, so that it is written in the same format as the network.
#[derive(Module, Debug)]
pub(super) struct Moments {
    moment_1: Param<Tensor<1>>,
    moment_2: Param<Tensor<1>>,
}

impl ClippedAdam {
    pub(super) fn new(epsilon: f64, max_grad_norm: f64) -> Self {
        let adam = AdamConfig::new().with_epsilon(epsilon as f32).build();
        Self { adam, max_grad_norm, state: None }
    }

    /// Clips and steps; also returns the norm before clipping, `[1]`.
    ///
    /// Nothing is read back, so that a graphics card need not wait: whoever reads the norm must check that it is finite.
    pub(super) fn step(
        &mut self,
        network: ActorCritic,
        gradients: &mut Gradients,
        learning_rate: f64,
    ) -> (ActorCritic, Tensor<1>) {
        let (gradient, norm) = self.clipped(network.flatten_gradients(gradients));
        let (parameters, state) = self.adam.step(learning_rate, network.flatten(), gradient, self.state.take());
        self.state = state;
        (network.with_parameters(&parameters), norm)
    }

    /// `gradient * min(1, max_grad_norm / (norm + 1e-6))`, and the norm, `[1]`.
    pub(super) fn clipped(&self, gradient: Tensor<1>) -> (Tensor<1>, Tensor<1>) {
        let norm = gradient.clone().square().sum().sqrt();
        let scale = norm.clone().add_scalar(NORM_EPSILON).recip().mul_scalar(self.max_grad_norm).clamp_max(1.0);
        (gradient * scale, norm)
    }

    /// Steps taken so far.
    pub(super) fn steps(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.momentum.time)
    }

    /// Adam's memory; zeros of length `len` before the first step.
    pub(super) fn moments(&self, len: usize, device: &Device) -> Moments {
        let zeros = || Tensor::zeros([len], device);
        let (moment_1, moment_2) = match &self.state {
            Some(state) => (state.momentum.moment_1.clone(), state.momentum.moment_2.clone()),
            None => (zeros(), zeros()),
        };
        Moments {
            moment_1: Param::initialized(ParamId::from(1), moment_1),
            moment_2: Param::initialized(ParamId::from(2), moment_2),
        }
    }

    /// Continues from a saved memory after `steps` steps.
    pub(super) fn restore(&mut self, moments: &Moments, steps: usize) {
        let momentum = AdaptiveMomentumState::new(steps, moments.moment_1.val(), moments.moment_2.val());
        self.state = (steps > 0).then(|| AdamState::new(momentum));
    }
}

//! Adam, AdamW or Muon behind a clip of the global gradient norm.
//!
//! In: a network and the gradients of its loss. Out: the network one step further.
//! Always: the norm is over all parameters together (Burn's own clip is per tensor, which is not PPO's); all parameters
//! are stepped as one vector, in the network's fixed order. Not here: the learning rate's schedule (`config.rs`).

use super::actor_critic::ActorCritic;
use super::muon::{HiddenMatrices, StepVectors};
use crate::device::{self, DeviceError};
use burn::module::{Module, Param, ParamId};
use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Device, Tensor, TensorData};

/// Added to the norm so that a zero gradient stays zero.
pub(super) const NORM_EPSILON: f64 = 1e-6;

/// How much of the first moment is kept.
pub(super) const BETA_1: f32 = 0.9;
/// How much of the second moment is kept.
pub(super) const BETA_2: f32 = 0.999;

/// Adam with a limit on the gradient's norm, and decoupled weight decay.
#[derive(Clone)]
pub(super) struct ClippedAdam {
    adam: Adam,
    pub(super) epsilon: f32,
    pub(super) max_grad_norm: f64,
    /// Of every parameter, per unit of learning rate; 0 is plain Adam.
    pub(super) weight_decay: f64,
    /// Whose steps are not Adam's.
    pub(super) muon: Option<HiddenMatrices>,
    state: Option<AdamState<1>>,
}

/// Adam's memory on the host.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct AdamMemory {
    pub(super) steps: usize,
    pub(super) moment_1: Vec<f32>,
    pub(super) moment_2: Vec<f32>,
}

/// Adam's memory as a Burn module, so that it is written in the same format as the network.
#[derive(Module, Debug)]
pub(super) struct Moments {
    moment_1: Param<Tensor<1>>,
    moment_2: Param<Tensor<1>>,
}

impl ClippedAdam {
    pub(super) fn new(epsilon: f64, max_grad_norm: f64) -> Self {
        let epsilon = epsilon as f32;
        let adam = AdamConfig::new().with_beta_1(BETA_1).with_beta_2(BETA_2).with_epsilon(epsilon).build();
        Self { adam, epsilon, max_grad_norm, weight_decay: 0.0, muon: None, state: None }
    }

    /// The same with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101): before its step every
    /// parameter shrinks by `learning_rate * weight_decay` of itself.
    pub(super) fn with_weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay, ..self }
    }

    /// The same with hidden weight matrices stepped by Muon; their velocity takes the place of the first moment.
    pub(super) fn with_muon(self, muon: Option<HiddenMatrices>) -> Self {
        Self { muon, ..self }
    }

    /// What a step leaves of a parameter before Adam moves it; exactly 1 without decay.
    pub(super) fn kept(&self, learning_rate: f64) -> f32 {
        (1.0 - learning_rate * self.weight_decay) as f32
    }

    /// Clips a gradient in the network's fixed order and steps; also returns the norm before clipping, `[1]`.
    ///
    /// Nothing is read back, so that a graphics card need not wait: whoever reads the norm must check that it is finite.
    pub(super) fn step_flat(
        &mut self,
        network: ActorCritic,
        gradient: Tensor<1>,
        learning_rate: f64,
    ) -> (ActorCritic, Tensor<1>) {
        let (gradient, norm) = self.clipped(gradient);
        let mut parameters = network.flatten();
        if self.weight_decay > 0.0 {
            parameters = parameters.mul_scalar(self.kept(learning_rate));
        }
        let before = self.muon.is_some().then(|| StepVectors {
            parameters: parameters.clone(),
            moment_1: self.state.as_ref().map_or_else(|| parameters.zeros_like(), |s| s.momentum.moment_1.clone()),
        });
        let (parameters, state) = self.adam.step(learning_rate, parameters, gradient.clone(), self.state.take());
        self.state = state;
        let (Some(muon), Some(before), Some(state)) = (&self.muon, before, &mut self.state) else {
            return (network.with_parameters(&parameters), norm);
        };
        let after = StepVectors { parameters, moment_1: state.momentum.moment_1.clone() };
        let after = muon.replace(learning_rate, &before, &gradient, after);
        state.momentum.moment_1 = after.moment_1;
        (network.with_parameters(&after.parameters), norm)
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

    /// Copies the memory of `len` parameters to the host.
    ///
    /// # Errors
    /// [`DeviceError::Failed`].
    pub(super) fn memory(&self, len: usize, device: &Device) -> Result<AdamMemory, DeviceError> {
        let moments = self.moments(len, device);
        let (moment_1, moment_2) = (device::read(moments.moment_1.val())?, device::read(moments.moment_2.val())?);
        Ok(AdamMemory { steps: self.steps(), moment_1, moment_2 })
    }

    /// Continues from a memory on the host.
    pub(super) fn set_memory(&mut self, memory: &AdamMemory, device: &Device) {
        let tensor = |x: &[f32]| Tensor::<1>::from_data(TensorData::new(x.to_vec(), [x.len()]), device);
        let momentum = AdaptiveMomentumState::new(memory.steps, tensor(&memory.moment_1), tensor(&memory.moment_2));
        self.state = (memory.steps > 0).then(|| AdamState::new(momentum));
    }

    /// Continues from a saved memory after `steps` steps.
    pub(super) fn restore(&mut self, moments: &Moments, steps: usize) {
        let momentum = AdaptiveMomentumState::new(steps, moments.moment_1.val(), moments.moment_2.val());
        self.state = (steps > 0).then(|| AdamState::new(momentum));
    }
}

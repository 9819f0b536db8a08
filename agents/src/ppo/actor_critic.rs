//! The two networks that PPO trains, as a Burn module.
//!
//! In: normalised observations `[rows, observation_len]`. Out: action-head parameters `[rows, head_len]`, values `[rows, 1]`.
//! Always: actor and critic share nothing; the parameters have one fixed order (actor first, layer after layer, weight
//! before bias, `log_std` last) and fixed identities, so that records are the same bytes in every process.
//! Not here: distributions (`distribution.rs`), inference outside of training (`artifact/`).

use super::activation::tanh_on_host;
use super::config::NetworkConfig;
use super::init::orthogonal;
use crate::artifact::{Activation, Dense, Mlp, PolicyNetwork, continuous_len, head_len};
use crate::device::{self, DeviceError};
use burn::module::{Module, Param, ParamId};
use burn::nn::Linear;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use flexai_env::core::{ActionComponent, ObservationNormalizer, StreamRng};

/// Layers with an activation between them; the last one is linear.
#[derive(Module, Debug)]
pub(super) struct MlpModule {
    layers: Vec<Linear>,
    #[module(skip)]
    activation: Activation,
    on_host: bool,
}

/// Actor, critic and the spread of continuous actions.
#[derive(Module, Debug)]
pub(super) struct ActorCritic {
    actor: MlpModule,
    critic: MlpModule,
    /// `[continuous dimensions]`; absent if the action has none.
    log_std: Option<Param<Tensor<1>>>,
}

impl MlpModule {
    pub(super) fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(input, |x, (i, layer)| {
            let x = layer.forward(x);
            match self.activation {
                _ if i == last => x,
                Activation::Tanh if self.on_host => tanh_on_host(x),
                Activation::Tanh => x.tanh(),
                Activation::Relu => burn::tensor::activation::relu(x),
            }
        })
    }
}

impl ActorCritic {
    /// Networks with orthogonal weights (gain sqrt 2, last layers `policy_gain` and 1), zero biases and the configured
    /// spread.
    pub(super) fn new(
        config: &NetworkConfig,
        observation_len: usize,
        heads: &[ActionComponent],
        rng: &mut StreamRng,
        device: &Device,
    ) -> Self {
        let mut mlp = |outputs: usize, last_gain: f64| {
            let sizes: Vec<usize> = [&[observation_len], config.hidden.as_slice(), &[outputs]].concat();
            let count = sizes.len() - 1;
            let layer = |i: usize| {
                let (inputs, outputs) = (sizes[i], sizes[i + 1]);
                let gain = if i + 1 == count { last_gain } else { std::f64::consts::SQRT_2 };
                let weight = orthogonal(inputs, outputs, gain, rng);
                Dense { inputs, outputs, weight, bias: vec![0.0; outputs] }
            };
            Mlp { layers: (0..count).map(layer).collect(), activation: config.activation }
        };
        let actor = mlp(head_len(heads), config.policy_gain);
        let critic = mlp(1, 1.0);
        let log_std = vec![config.log_std_init as f32; continuous_len(heads)];
        Self::from_networks(&actor, &critic, &log_std, device)
    }

    /// Networks with given weights.
    pub(super) fn from_networks(actor: &Mlp, critic: &Mlp, log_std: &[f32], device: &Device) -> Self {
        let mut ids = 1u64..;
        let mut next_id = || ParamId::from(ids.next().expect("there are fewer parameters than numbers"));
        let mut mlp = |mlp: &Mlp| MlpModule {
            layers: mlp
                .layers
                .iter()
                .map(|layer| Linear {
                    weight: param(next_id(), &layer.weight, [layer.inputs, layer.outputs], device),
                    bias: Some(param(next_id(), &layer.bias, [layer.outputs], device)),
                })
                .collect(),
            activation: mlp.activation,
            on_host: device::is_host(device),
        };
        let (actor, critic) = (mlp(actor), mlp(critic));
        let log_std = (!log_std.is_empty()).then(|| param(next_id(), log_std, [log_std.len()], device));
        Self { actor, critic, log_std }
    }

    /// Head parameters, `[rows, head_len]`.
    pub(super) fn head_parameters(&self, observation: Tensor<2>) -> Tensor<2> {
        self.actor.forward(observation)
    }

    /// Values, `[rows, 1]`.
    pub(super) fn values(&self, observation: Tensor<2>) -> Tensor<2> {
        self.critic.forward(observation)
    }

    /// Logarithm of the spread, `[continuous dimensions]`.
    pub(super) fn log_std(&self) -> Option<Tensor<1>> {
        self.log_std.as_ref().map(Param::val)
    }

    /// All parameters in the fixed order as one vector, off the tape.
    pub(super) fn flatten(&self) -> Tensor<1> {
        let mut parts = Vec::new();
        for layer in self.linears() {
            parts.push(flat(layer.weight.val().inner()));
            parts.push(bias(layer).val().inner());
        }
        parts.extend(self.log_std().map(Tensor::inner));
        Tensor::cat(parts, 0)
    }

    /// The gradient of each parameter in the same order; zero where the loss does not depend on it.
    pub(super) fn flatten_gradients(&self, gradients: &mut Gradients) -> Tensor<1> {
        let mut parts = Vec::new();
        for layer in self.linears() {
            parts.push(flat(taken_gradient(&layer.weight, gradients)));
            parts.push(taken_gradient(bias(layer), gradients));
        }
        parts.extend(self.log_std.as_ref().map(|p| taken_gradient(p, gradients)));
        Tensor::cat(parts, 0)
    }

    /// The same networks with the parameters of a vector in the fixed order.
    pub(super) fn with_parameters(mut self, vector: &Tensor<1>) -> Self {
        let mut at = 0;
        let mut next = |len: usize| {
            at += len;
            vector.clone().slice(at - len..at)
        };
        for layer in self.actor.layers.iter_mut().chain(&mut self.critic.layers) {
            let shape = layer.weight.val().dims();
            layer.weight = trainable(layer.weight.id, next(shape[0] * shape[1]).reshape(shape));
            let outputs = shape[1];
            layer.bias = layer.bias.take().map(|b| trainable(b.id, next(outputs)));
        }
        self.log_std = self.log_std.take().map(|p| trainable(p.id, next(p.val().dims()[0])));
        self
    }

    /// Copies the weights to the host, for decisions outside of Burn.
    ///
    /// # Errors
    /// [`DeviceError::Failed`].
    pub(super) fn to_policy_network(
        &self,
        heads: &[ActionComponent],
        normalizer: Option<ObservationNormalizer>,
    ) -> Result<PolicyNetwork, DeviceError> {
        Ok(PolicyNetwork {
            heads: heads.to_vec(),
            normalizer,
            actor: to_mlp(&self.actor)?,
            critic: to_mlp(&self.critic)?,
            log_std: self.log_std().map(device::read).transpose()?.unwrap_or_default(),
        })
    }

    fn linears(&self) -> impl Iterator<Item = &Linear> {
        self.actor.layers.iter().chain(&self.critic.layers)
    }
}

fn to_mlp(module: &MlpModule) -> Result<Mlp, DeviceError> {
    let dense = |layer: &Linear| {
        let [inputs, outputs] = layer.weight.val().dims();
        let (weight, bias) = (device::read(layer.weight.val())?, device::read(bias(layer).val())?);
        Ok(Dense { inputs, outputs, weight, bias })
    };
    Ok(Mlp { layers: module.layers.iter().map(dense).collect::<Result<_, _>>()?, activation: module.activation })
}

fn bias(layer: &Linear) -> &Param<Tensor<1>> {
    layer.bias.as_ref().expect("every layer is built with a bias")
}

fn flat(matrix: Tensor<2>) -> Tensor<1> {
    let [rows, columns] = matrix.dims();
    matrix.reshape([rows * columns])
}

fn taken_gradient<const D: usize>(param: &Param<Tensor<D>>, gradients: &mut Gradients) -> Tensor<D> {
    let value = param.val();
    value.grad_remove(gradients).unwrap_or_else(|| value.inner().zeros_like())
}

fn param<const D: usize>(id: ParamId, data: &[f32], shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    trainable(id, Tensor::from_data(TensorData::new(data.to_vec(), shape), &device.clone().inner()))
}

fn trainable<const D: usize>(id: ParamId, value: Tensor<D>) -> Param<Tensor<D>> {
    Param::initialized(id, value.autodiff().require_grad())
}

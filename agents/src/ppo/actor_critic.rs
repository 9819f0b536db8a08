//! The two networks that PPO trains, as a Burn module.
//!
//! In: normalised observations `[rows, observation_len]`. Out: action-head parameters `[rows, head_len]`, values `[rows, 1]`.
//! Always: actor and critic share nothing, or all layers but their last ones; the parameters have one fixed order (actor
//! first, each with its memory first, layer after layer, weight before bias, then gain and bias of its normalisation,
//! `log_std` last) and fixed identities, so that records are the same bytes in every process.
//! Not here: distributions (`distribution.rs`), inference outside of training (`artifact/`).

use super::activation::activate;
use super::init::orthogonal;
use super::memory::{MemoryModule, Sequences, layers, new_memory, refill, to_dense};
use super::network_config::NetworkConfig;
use super::through_time::Replays;
use crate::artifact::{
    ActionHead, Activation, CriticInput, Dense, GSDE_EPSILON, HeadStyle, LAYER_NORM_EPSILON, LayerNorm, Memory, Mlp,
    PolicyNetwork, Spread,
};
use crate::device::{self, DeviceError};
use burn::module::{Module, Param, ParamId};
use burn::nn::Linear;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use flexai_env::core::{ActionComponent, ObservationNormalizer, StreamRng};

/// Layers with an activation between them; the last one is linear.
#[derive(Module, Debug)]
pub(super) struct MlpModule {
    layers: Vec<Linear>,
    norms: Vec<NormModule>,
    #[module(skip)]
    activation: Activation,
    on_host: bool,
}

/// Gain and bias of a normalised layer.
#[derive(Module, Debug)]
pub(super) struct NormModule {
    gain: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
}

/// Actor, critic and the spread of continuous actions.
#[derive(Module, Debug)]
pub(super) struct ActorCritic {
    /// Reads the observation, and is read by the actor's layers.
    actor_memory: Option<MemoryModule>,
    actor: MlpModule,
    /// The same of a critic with layers of its own.
    critic_memory: Option<MemoryModule>,
    critic: MlpModule,
    /// `[continuous dimensions]`, or flat `[features, continuous dimensions]`; absent where the actor says it.
    log_std: Option<Param<Tensor<1>>>,
    #[module(skip)]
    style: HeadStyle,
    #[module(skip)]
    critic_input: CriticInput,
}

/// What the networks say of a batch.
#[derive(Debug)]
pub(super) struct Outputs {
    /// `[rows, parameter_len]`.
    pub(super) parameters: Tensor<2>,
    /// `[1 or rows, continuous]`; absent where the parameters say it.
    pub(super) log_std: Option<Tensor<2>>,
    /// `[rows, 1]`.
    pub(super) values: Tensor<2>,
    /// The sequences that were gone through off the tape.
    pub(super) replays: Replays,
}

impl NormModule {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let centred = x.clone() - x.mean_dim(1);
        let variance = centred.clone().square().mean_dim(1);
        let scaled = centred / variance.add_scalar(LAYER_NORM_EPSILON).sqrt();
        scaled * self.gain.val().unsqueeze::<2>() + self.bias.val().unsqueeze::<2>()
    }
}

impl MlpModule {
    pub(super) fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        self.last(self.features(input))
    }

    /// All layers but the last.
    fn features(&self, input: Tensor<2>) -> Tensor<2> {
        let hidden = &self.layers[..self.layers.len() - 1];
        hidden.iter().enumerate().fold(input, |x, (i, layer)| {
            let x = layer.forward(x);
            let x = match self.norms.get(i) {
                Some(norm) => norm.forward(x),
                None => x,
            };
            activate(self.activation, x, self.on_host)
        })
    }

    fn last(&self, features: Tensor<2>) -> Tensor<2> {
        self.layers[self.layers.len() - 1].forward(features)
    }
}

impl ActorCritic {
    /// Networks with orthogonal weights (gain sqrt 2, last layers `policy_gain` and 1), zero biases and the configured
    /// spread; the critic says so many values.
    pub(super) fn new(
        config: &NetworkConfig,
        observation_len: usize,
        privileged_len: usize,
        values: usize,
        heads: &ActionHead,
        rng: &mut StreamRng,
        device: &Device,
    ) -> Self {
        let mlp = |inputs: usize, hidden: &[usize], outputs: usize, last_gain: f64, rng: &mut StreamRng| {
            let sizes: Vec<usize> = [&[inputs], hidden, &[outputs]].concat();
            let count = sizes.len() - 1;
            let layer = |i: usize| {
                let (inputs, outputs) = (sizes[i], sizes[i + 1]);
                let gain = if i + 1 == count { last_gain } else { std::f64::consts::SQRT_2 };
                let weight = orthogonal(inputs, outputs, gain, rng);
                Dense { inputs, outputs, weight, bias: vec![0.0; outputs] }
            };
            let normalised: &[usize] = if config.layer_norm { hidden } else { &[] };
            let norms = normalised.iter().map(|width| LayerNorm::identity(*width)).collect();
            Mlp { layers: (0..count).map(layer).collect(), norms, activation: config.activation }
        };
        let memory = |inputs: usize, rng: &mut StreamRng| {
            config.memory().map(|(cell, size)| new_memory(cell, inputs, size, rng))
        };
        let read = |inputs: usize| config.memory().map_or(inputs, |(_, size)| size);
        let actor_memory = memory(observation_len, rng);
        let (head_len, gain) = (heads.parameter_len(), config.policy_gain);
        let mut actor = mlp(read(observation_len), &config.hidden, head_len, gain, rng);
        let critic_input = config.critic_input();
        let seen = match critic_input {
            CriticInput::Privileged => observation_len + privileged_len,
            _ => observation_len,
        };
        let own = critic_input != CriticInput::Features;
        let critic_memory = if own { memory(seen, rng) } else { None };
        let critic = match critic_input {
            CriticInput::Features => mlp(actor.features(), &[], values, 1.0, rng),
            _ => mlp(read(seen), config.critic_widths(), values, 1.0, rng),
        };
        if heads.style.spread == Spread::State {
            start_spreads(heads, config.log_std_init as f32, &mut actor);
        }
        let log_std = heads.style.log_std_len(heads.continuous_len(), actor.features());
        let policy = PolicyNetwork {
            heads: heads.clone(),
            normalizer: None,
            log_std: vec![config.log_std_init as f32; log_std],
            actor_memory,
            actor,
            critic_memory,
            critic,
            critic_input,
        };
        Self::from_policy(&policy, device)
    }

    /// Networks with the weights of a policy.
    pub(super) fn from_policy(policy: &PolicyNetwork, device: &Device) -> Self {
        let mut ids = 1u64..;
        let mut next_id = || ParamId::from(ids.next().expect("there are fewer parameters than numbers"));
        let on_host = device::is_host(device);
        let mut both = |memory: &Option<Memory>, mlp: &Mlp| {
            let memory = memory.as_ref();
            let memory = memory.map(|m| MemoryModule::new(m, |layer| to_linear(layer, &mut next_id, device), on_host));
            (memory, to_module(mlp, &mut next_id, device))
        };
        let (actor_memory, actor) = both(&policy.actor_memory, &policy.actor);
        let (critic_memory, critic) = both(&policy.critic_memory, &policy.critic);
        let log_std = &policy.log_std;
        let log_std = (!log_std.is_empty()).then(|| param(next_id(), log_std, [log_std.len()], device));
        let (style, critic_input) = (policy.heads.style, policy.critic_input);
        Self { actor_memory, actor, critic_memory, critic, log_std, style, critic_input }
    }

    /// What both networks say of observations, `[rows, observation_len]`, and, if the critic reads it, of what only
    /// training knows, `[rows, privileged_len]`; a shared trunk is evaluated once. With memory the rows are sequences.
    pub(super) fn forward(
        &self,
        observation: Tensor<2>,
        privileged: Option<Tensor<2>>,
        sequences: Option<&Sequences>,
    ) -> Outputs {
        let sequences = || sequences.expect("a rollout of a policy with memory stores what it remembered");
        let (seen, of_actor) = match &self.actor_memory {
            Some(memory) => memory.of_actor(observation.clone(), sequences()),
            None => (observation.clone(), None),
        };
        let mut replays = Replays { actor: of_actor, critic: None };
        let features = self.actor.features(seen);
        let mut value = |seen: Tensor<2>| {
            let (seen, of_critic) = match &self.critic_memory {
                Some(memory) => memory.of_critic(seen, sequences()),
                None => (seen, None),
            };
            replays.critic = of_critic;
            self.critic.forward(seen)
        };
        let parameters = self.actor.last(features.clone());
        let log_std = match self.style.spread {
            Spread::Gsde => self.gsde_log_std(&features),
            _ => self.log_std(),
        };
        let values = match self.critic_input {
            CriticInput::Observation | CriticInput::Absent => value(observation),
            CriticInput::Privileged => {
                let privileged = privileged.expect("a rollout for such a critic stores what it reads");
                value(Tensor::cat(vec![observation, privileged], 1))
            }
            CriticInput::Features => self.critic.last(features),
        };
        Outputs { parameters, log_std, values, replays }
    }

    /// Logarithm of the spread where it is the same in all rows, `[1, continuous dimensions]`.
    pub(super) fn log_std(&self) -> Option<Tensor<2>> {
        self.log_std.as_ref().map(|p| p.val().unsqueeze::<2>())
    }

    /// `ln sqrt(h^2 sigma^2 + epsilon)`, `[rows, continuous dimensions]`; the features are constants here, as in
    /// stable-baselines3, so that the spread does not shape them.
    fn gsde_log_std(&self, features: &Tensor<2>) -> Option<Tensor<2>> {
        let log_std = self.log_std.as_ref()?.val();
        let [_, width] = features.dims();
        let dimensions = log_std.dims()[0] / width;
        let variances = log_std.mul_scalar(2.0).exp().reshape([width, dimensions]);
        let variance = features.clone().detach().square().matmul(variances);
        Some(variance.add_scalar(GSDE_EPSILON).log().mul_scalar(0.5))
    }

    /// All parameters in the fixed order as one vector, off the tape.
    pub(super) fn flatten(&self) -> Tensor<1> {
        let mut parts = Vec::new();
        for (layer, norm) in self.linears() {
            parts.push(flat(layer.weight.val().inner()));
            parts.push(bias(layer).val().inner());
            parts.extend(norm.into_iter().flat_map(|n| [n.gain.val().inner(), n.bias.val().inner()]));
        }
        parts.extend(self.log_std.as_ref().map(|p| p.val().inner()));
        Tensor::cat(parts, 0)
    }

    /// The gradient of each parameter in the same order, some by way of `replays`; zero where the loss does not depend on
    /// it.
    pub(super) fn flatten_gradients(&self, gradients: &mut Gradients, replays: &Replays) -> Tensor<1> {
        let mut parts = Vec::new();
        let both =
            [(&self.actor_memory, &self.actor, &replays.actor), (&self.critic_memory, &self.critic, &replays.critic)];
        for (memory, mlp, replay) in both {
            match replay {
                Some(replay) => parts.extend(replay.gradients(gradients)),
                None => parts.extend(layers(memory).flat_map(|layer| layer_gradient(layer, gradients))),
            }
            for (i, layer) in mlp.layers.iter().enumerate() {
                parts.extend(layer_gradient(layer, gradients));
                if let Some(norm) = mlp.norms.get(i) {
                    parts.push(taken_gradient(&norm.gain, gradients));
                    parts.push(taken_gradient(&norm.bias, gradients));
                }
            }
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
        let parts = [(&mut self.actor_memory, &mut self.actor), (&mut self.critic_memory, &mut self.critic)];
        for (memory, mlp) in parts {
            refill(memory, |layer| fill(layer, &mut next));
            for (i, layer) in mlp.layers.iter_mut().enumerate() {
                fill(layer, &mut next);
                if let Some(norm) = mlp.norms.get_mut(i) {
                    let outputs = norm.gain.val().dims()[0];
                    norm.gain = trainable(norm.gain.id, next(outputs));
                    norm.bias = trainable(norm.bias.id, next(outputs));
                }
            }
        }
        self.log_std = self.log_std.take().map(|p| trainable(p.id, next(p.val().dims()[0])));
        self
    }

    /// The same with memories that stay on the tape, as on a graphics card.
    #[cfg(test)]
    pub(super) fn on_tape(self) -> Self {
        let (actor_memory, critic_memory) = (self.actor_memory, self.critic_memory);
        let [actor_memory, critic_memory] = [actor_memory, critic_memory].map(|m| m.map(MemoryModule::on_tape));
        Self { actor_memory, critic_memory, ..self }
    }

    /// Copies the weights to the host, for decisions outside of Burn.
    ///
    /// # Errors
    /// [`DeviceError::Failed`].
    pub(super) fn to_policy_network(
        &self,
        heads: &ActionHead,
        normalizer: Option<ObservationNormalizer>,
    ) -> Result<PolicyNetwork, DeviceError> {
        Ok(PolicyNetwork {
            heads: heads.clone(),
            normalizer,
            actor_memory: self.actor_memory.as_ref().map(MemoryModule::to_memory).transpose()?,
            actor: to_mlp(&self.actor)?,
            critic_memory: self.critic_memory.as_ref().map(MemoryModule::to_memory).transpose()?,
            critic: to_mlp(&self.critic)?,
            critic_input: self.critic_input,
            log_std: self.log_std.as_ref().map(|p| device::read(p.val())).transpose()?.unwrap_or_default(),
        })
    }

    /// Every layer with its normalisation, if it has one.
    fn linears(&self) -> impl Iterator<Item = (&Linear, Option<&NormModule>)> {
        let both = [(&self.actor_memory, &self.actor), (&self.critic_memory, &self.critic)].into_iter();
        both.flat_map(|(memory, mlp)| {
            let rest = mlp.layers.iter().enumerate().map(|(i, layer)| (layer, mlp.norms.get(i)));
            layers(memory).map(|layer| (layer, None)).chain(rest)
        })
    }
}

/// Sets the biases behind the spreads, so that every state starts with the configured one.
fn start_spreads(heads: &ActionHead, log_std: f32, actor: &mut Mlp) {
    let last = actor.layers.last_mut().expect("a network has at least one layer");
    let mut at = 0;
    for component in &heads.components {
        match component {
            ActionComponent::Continuous { low, .. } => {
                last.bias[at + low.len()..at + 2 * low.len()].fill(log_std);
                at += 2 * low.len();
            }
            ActionComponent::Categorical { n, .. } => at += n,
        }
    }
}

/// Gives a layer the weights and biases that `next` hands out.
fn fill(layer: &mut Linear, next: &mut impl FnMut(usize) -> Tensor<1>) {
    let shape = layer.weight.val().dims();
    layer.weight = trainable(layer.weight.id, next(shape[0] * shape[1]).reshape(shape));
    layer.bias = layer.bias.take().map(|b| trainable(b.id, next(shape[1])));
}

fn to_linear(layer: &Dense, next_id: &mut impl FnMut() -> ParamId, device: &Device) -> Linear {
    Linear {
        weight: param(next_id(), &layer.weight, [layer.inputs, layer.outputs], device),
        bias: Some(param(next_id(), &layer.bias, [layer.outputs], device)),
    }
}

fn to_module(mlp: &Mlp, next_id: &mut impl FnMut() -> ParamId, device: &Device) -> MlpModule {
    let (mut layers, mut norms) = (Vec::new(), Vec::new());
    for (i, layer) in mlp.layers.iter().enumerate() {
        layers.push(to_linear(layer, next_id, device));
        if let Some(norm) = mlp.norms.get(i) {
            norms.push(NormModule {
                gain: param(next_id(), &norm.gain, [layer.outputs], device),
                bias: param(next_id(), &norm.bias, [layer.outputs], device),
            });
        }
    }
    MlpModule { layers, norms, activation: mlp.activation, on_host: device::is_host(device) }
}

fn to_mlp(module: &MlpModule) -> Result<Mlp, DeviceError> {
    let norm = |norm: &NormModule| {
        Ok(LayerNorm { gain: device::read(norm.gain.val())?, bias: device::read(norm.bias.val())? })
    };
    Ok(Mlp {
        layers: module.layers.iter().map(to_dense).collect::<Result<_, _>>()?,
        norms: module.norms.iter().map(norm).collect::<Result<_, _>>()?,
        activation: module.activation,
    })
}

fn bias(layer: &Linear) -> &Param<Tensor<1>> {
    layer.bias.as_ref().expect("every layer is built with a bias")
}

fn flat(matrix: Tensor<2>) -> Tensor<1> {
    let [rows, columns] = matrix.dims();
    matrix.reshape([rows * columns])
}

fn layer_gradient(layer: &Linear, gradients: &mut Gradients) -> [Tensor<1>; 2] {
    [flat(taken_gradient(&layer.weight, gradients)), taken_gradient(bias(layer), gradients)]
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

//! A policy network: actor, critic, spread and normalisation.
//!
//! In: raw observations. Out: normalised ones, the spread of a row; whether sizes and numbers fit together.
//! Always: the same bits on every machine (only IEEE basic operations, in a fixed order), whatever the batch size.
//! Not here: training (`ppo/`), sampling from the head (`head.rs`), a whole decision (`act.rs`).

use super::layers::{Activation, Dense, LayerNorm, Mlp};
use super::math;
use super::memory::{Memory, MemoryCell};
use super::style::{ActionHead, GSDE_EPSILON, HeadStyle, Spread};
use flexai_env::core::{ActionComponent, ObservationNormalizer, Space, StreamRng};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// What the critic reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriticInput {
    /// The observation, as the actor does, through layers of its own.
    #[default]
    Observation,
    /// The actor's last hidden layer, through one linear layer.
    Features,
    /// The observation followed by what only training knows; such a critic is never exported.
    Privileged,
    /// Nothing: there is no critic, and the policy has no value.
    Absent,
}

/// A whole policy: normalisation, actor, critic, spread.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyNetwork {
    /// Heads in flat action order; the actor's output is their parameters, concatenated.
    pub heads: ActionHead,
    /// Applied to raw observations; `None` if the policy was trained on raw ones.
    pub normalizer: Option<ObservationNormalizer>,
    /// What the actor remembers of the episode: reads the observation, and is read by `actor` in its place; absent if the
    /// policy looks at the present alone.
    pub actor_memory: Option<Memory>,
    /// Observation, or what is remembered of them, to head parameters.
    pub actor: Mlp,
    /// The same of a critic that reads the observation; a critic on the actor's features shares the actor's.
    pub critic_memory: Option<Memory>,
    /// What `critic_input` says to value.
    pub critic: Mlp,
    /// What the critic reads.
    pub critic_input: CriticInput,
    /// Log standard deviation of each continuous dimension, in flat order; with [`Spread::Gsde`] of each feature and
    /// dimension, `[features, dimensions]`; empty where the actor says it.
    pub log_std: Vec<f32>,
}

/// Shape of a network that [`PolicyNetwork::drawn_as`] fills.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkShape {
    /// Width of each hidden layer.
    pub hidden: Vec<usize>,
    /// Between layers.
    pub activation: Activation,
    /// Whether each hidden layer is normalised.
    pub layer_norm: bool,
    /// Distribution of continuous actions.
    pub style: HeadStyle,
    /// What the critic reads.
    pub critic_input: CriticInput,
    /// Kind and units of the memory, if there is one.
    pub memory: Option<(MemoryCell, usize)>,
}

impl PolicyNetwork {
    /// A network with drawn weights and no normaliser, for tests, benchmarks and contract checks.
    ///
    /// Weights are normal with variance 1 / inputs, biases normal with a tenth of that deviation, spreads `exp(-0.5)`.
    pub fn drawn(
        observation_len: usize,
        action_space: &Space,
        hidden: &[usize],
        activation: Activation,
        rng: &mut StreamRng,
    ) -> Self {
        let shape = NetworkShape { hidden: hidden.to_vec(), activation, ..NetworkShape::default() };
        Self::drawn_as(observation_len, action_space, &shape, rng)
    }

    /// The same for a network of any shape; gains of normalised layers are drawn near 1.
    pub fn drawn_as(observation_len: usize, action_space: &Space, shape: &NetworkShape, rng: &mut StreamRng) -> Self {
        let heads = ActionHead { components: action_space.components(), style: shape.style };
        let memory = |inputs: usize, rng: &mut StreamRng| {
            shape.memory.map(|(cell, size)| Memory {
                cell,
                input: drawn_layer(inputs, cell.gates() * size, rng),
                hidden: drawn_layer(size, cell.gates() * size, rng),
            })
        };
        let read = shape.memory.map_or(observation_len, |(_, size)| size);
        let mlp = |inputs: usize, hidden: &[usize], outputs: usize, rng: &mut StreamRng| {
            let sizes: Vec<usize> = [&[inputs], hidden, &[outputs]].concat();
            let layers = sizes.windows(2).map(|pair| drawn_layer(pair[0], pair[1], rng)).collect();
            let normalised: &[usize] = if shape.layer_norm { hidden } else { &[] };
            let norms = normalised.iter().map(|width| drawn_norm(*width, rng)).collect();
            Mlp { layers, norms, activation: shape.activation }
        };
        let actor_memory = memory(observation_len, rng);
        let actor = mlp(read, &shape.hidden, heads.parameter_len(), rng);
        let own = shape.critic_input == CriticInput::Observation;
        let critic_memory = if own { memory(observation_len, rng) } else { None };
        let critic = match shape.critic_input {
            CriticInput::Observation => mlp(read, &shape.hidden, 1, rng),
            CriticInput::Features => mlp(actor.features(), &[], 1, rng),
            CriticInput::Privileged | CriticInput::Absent => {
                Mlp { layers: Vec::new(), norms: Vec::new(), activation: shape.activation }
            }
        };
        let log_std = vec![-0.5; shape.style.log_std_len(heads.continuous_len(), actor.features())];
        let critic_input = shape.critic_input;
        Self { heads, normalizer: None, actor_memory, actor, critic_memory, critic, critic_input, log_std }
    }

    /// The policy with the sum of its values as its only one.
    pub(crate) fn with_one_value(mut self) -> Self {
        if let Some(last) = self.critic.layers.last_mut().filter(|last| last.outputs > 1) {
            let sum = |row: &[f32]| row.iter().map(|x| f64::from(*x)).sum::<f64>() as f32;
            last.weight = last.weight.chunks_exact(last.outputs).map(sum).collect();
            last.bias = vec![sum(&last.bias)];
            last.outputs = 1;
        }
        self
    }

    /// The policy without its critic where that reads what only training knows; otherwise as it is.
    pub fn without_privileged_critic(mut self) -> Self {
        if self.critic_input == CriticInput::Privileged {
            self.critic_input = CriticInput::Absent;
            (self.critic.layers, self.critic.norms) = (Vec::new(), Vec::new());
            self.critic_memory = None;
        }
        self
    }

    /// Length of one observation.
    pub fn observation_len(&self) -> usize {
        self.actor_memory.as_ref().map_or_else(|| self.actor.inputs(), Memory::inputs)
    }

    /// Length of what it remembers: the actor's, then that of a critic with a memory of its own.
    pub fn state_len(&self) -> usize {
        let len = |memory: &Option<Memory>| memory.as_ref().map_or(0, Memory::state_len);
        len(&self.actor_memory) + len(&self.critic_memory)
    }

    /// Length of one flat action.
    pub fn action_len(&self) -> usize {
        self.heads.action_len()
    }

    /// Length of a mask: the options of all discrete heads together.
    pub fn mask_len(&self) -> usize {
        self.heads.mask_len()
    }

    /// Normalises raw observations, `[rows, observation_len]`, in place.
    pub fn normalize(&self, observation: &mut [f32]) {
        if let Some(normalizer) = &self.normalizer {
            normalizer.apply(observation);
        }
    }

    /// Logarithm of the standard deviation of each continuous dimension of a row whose last hidden layer is `features`;
    /// empty where the row's parameters say it. `buffer` is used where it must be computed.
    pub fn row_log_std<'a>(&'a self, features: &[f32], buffer: &'a mut Vec<f32>) -> &'a [f32] {
        if self.heads.style.spread != Spread::Gsde {
            return &self.log_std;
        }
        let variances = self.log_std.iter().map(|log_std| math::exp(2.0 * log_std));
        gsde_log_std(features, variances, self.heads.continuous_len(), buffer);
        buffer
    }

    /// What is wrong with the sizes or numbers of this network, in words; `Ok` if it can decide without a panic.
    ///
    /// # Errors
    /// The first fault, as `what is, what was expected`.
    pub fn validate(&self) -> Result<(), String> {
        validate_heads(&self.heads.components)?;
        self.heads.style.check(&self.heads.components)?;
        let first = self.actor.layers.first().map_or(0, |layer| layer.inputs);
        let inputs = self.actor_memory.as_ref().map_or(first, Memory::inputs);
        let read = self.validate_memories(inputs)?;
        validate_mlp("actor", &self.actor, read, self.heads.parameter_len())?;
        match self.critic_input {
            CriticInput::Observation => validate_mlp("critic", &self.critic, read, 1)?,
            CriticInput::Features if self.critic.layers.len() == 1 => {
                validate_mlp("critic", &self.critic, self.actor.features(), 1)?;
            }
            CriticInput::Features => return Err("the critic on the actor's features is not one layer".to_string()),
            CriticInput::Absent if self.critic.layers.is_empty() && self.critic.norms.is_empty() => {}
            CriticInput::Absent => return Err("the policy has a critic, expected none".to_string()),
            CriticInput::Privileged => {
                return Err("the critic reads what only training knows, expected a policy without it".to_string());
            }
        }
        let spreads = self.heads.style.log_std_len(self.heads.continuous_len(), self.actor.features());
        if self.log_std.len() != spreads {
            return Err(format!("`log_std` has {} numbers, the action head {spreads} of them", self.log_std.len()));
        }
        if let Some(i) = self.log_std.iter().position(|x| !x.is_finite()) {
            return Err(format!("`log_std[{i}]` is {}, expected a finite number", self.log_std[i]));
        }
        self.normalizer.as_ref().map_or(Ok(()), |normalizer| validate_normalizer(normalizer, inputs))
    }

    /// What the first layers read, if the memories fit each other and observations of length `inputs`.
    fn validate_memories(&self, inputs: usize) -> Result<usize, String> {
        let wanted = if self.critic_input == CriticInput::Observation { &self.actor_memory } else { &None };
        let kind = |memory: &Option<Memory>| memory.as_ref().map(|m| (m.cell, m.inputs(), m.size()));
        if kind(&self.critic_memory) != kind(wanted) {
            let words = |memory: &Option<Memory>| {
                memory.as_ref().map_or_else(
                    || "none".to_string(),
                    |m| format!("a {} of {} units on {} numbers", m.cell.name(), m.size(), m.inputs()),
                )
            };
            let (found, expected) = (words(&self.critic_memory), words(wanted));
            return Err(format!("the critic's memory is {found}, expected {expected}"));
        }
        for (place, memory) in [("actor", &self.actor_memory), ("critic", &self.critic_memory)] {
            memory.as_ref().map_or(Ok(()), |memory| memory.validate(place))?;
        }
        Ok(self.actor_memory.as_ref().map_or(inputs, Memory::size))
    }
}

/// `ln sqrt(sum over features of h^2 sigma^2 + epsilon)` of each dimension; `variances` is `[features, dimensions]`.
///
/// Source: Raffin et al. 2021 (arXiv:2005.05719), equation 5; the epsilon is that of stable-baselines3.
pub(crate) fn gsde_log_std(
    features: &[f32],
    variances: impl Iterator<Item = f32>,
    dimensions: usize,
    out: &mut Vec<f32>,
) {
    out.clear();
    out.resize(dimensions, GSDE_EPSILON);
    for (k, variance) in variances.enumerate() {
        let feature = features[k / dimensions];
        out[k % dimensions] += feature * feature * variance;
    }
    for x in out {
        *x = 0.5 * math::ln(*x);
    }
}

fn drawn_layer(inputs: usize, outputs: usize, rng: &mut StreamRng) -> Dense {
    let deviation = 1.0 / (inputs as f32).sqrt();
    let mut draw = |len: usize, scale: f32| -> Vec<f32> {
        (0..len).map(|_| scale * Distribution::<f32>::sample(&StandardNormal, &mut *rng)).collect()
    };
    let weight = draw(inputs * outputs, deviation);
    let bias = draw(outputs, 0.1 * deviation);
    Dense { inputs, outputs, weight, bias }
}

fn drawn_norm(width: usize, rng: &mut StreamRng) -> LayerNorm {
    let mut draw = |middle: f32| -> Vec<f32> {
        (0..width).map(|_| middle + 0.1 * Distribution::<f32>::sample(&StandardNormal, &mut *rng)).collect()
    };
    LayerNorm { gain: draw(1.0), bias: draw(0.0) }
}

/// Options are counted in `f32` and `i32`: beyond this number neither would be exact.
const OPTIONS_MAX: usize = 1 << 20;

fn validate_heads(heads: &[ActionComponent]) -> Result<(), String> {
    let mut next = 0;
    for (h, head) in heads.iter().enumerate() {
        let offset = match head {
            ActionComponent::Continuous { offset, .. } | ActionComponent::Categorical { offset, .. } => *offset,
        };
        if offset != next {
            return Err(format!("head {h} starts at flat index {offset}, expected {next}"));
        }
        match head {
            ActionComponent::Continuous { low, high, .. } => {
                if low.len() != high.len() {
                    return Err(format!("head {h} has {} lower and {} upper bounds", low.len(), high.len()));
                }
                if let Some(i) = (0..low.len()).find(|i| low[*i].is_nan() || high[*i].is_nan() || low[*i] > high[*i]) {
                    return Err(format!("bounds {i} of head {h} are {} and {}, expected a range", low[i], high[i]));
                }
                next += low.len();
            }
            ActionComponent::Categorical { n, start, .. } => {
                if *n == 0 || *n > OPTIONS_MAX || start.unsigned_abs() as usize > OPTIONS_MAX {
                    return Err(format!("head {h} has {n} options from {start}, expected 1..={OPTIONS_MAX}"));
                }
                next += 1;
            }
        }
    }
    if next == 0 { Err("the action has no part, expected at least one".to_string()) } else { Ok(()) }
}

fn validate_mlp(name: &str, mlp: &Mlp, inputs: usize, outputs: usize) -> Result<(), String> {
    if mlp.layers.is_empty() || inputs == 0 {
        return Err(format!("the {name} has no layer or no input, expected at least one of each"));
    }
    let mut width = inputs;
    for (i, layer) in mlp.layers.iter().enumerate() {
        let place = format!("layer {} of the {name}", i + 1);
        if layer.inputs != width || layer.outputs == 0 {
            return Err(format!("{place} maps {} to {}, expected {width} inputs", layer.inputs, layer.outputs));
        }
        if layer.inputs.checked_mul(layer.outputs) != Some(layer.weight.len()) || layer.bias.len() != layer.outputs {
            let (w, b) = (layer.weight.len(), layer.bias.len());
            return Err(format!("{place} has {w} weights and {b} biases, expected [{width}, {}]", layer.outputs));
        }
        if !layer.weight.iter().chain(&layer.bias).all(|x| x.is_finite()) {
            return Err(format!("{place} holds a number that is not finite, expected finite weights"));
        }
        width = layer.outputs;
    }
    for (i, norm) in mlp.norms.iter().enumerate() {
        let width = mlp.layers.get(i + 1).map_or(0, |layer| layer.inputs);
        if norm.gain.len() != width || norm.bias.len() != width {
            let (g, b) = (norm.gain.len(), norm.bias.len());
            return Err(format!(
                "normalisation {} of the {name} has {g} gains and {b} biases, expected {width}",
                i + 1
            ));
        }
        if !norm.gain.iter().chain(&norm.bias).all(|x| x.is_finite()) {
            return Err(format!("normalisation {} of the {name} holds a number that is not finite", i + 1));
        }
    }
    if !mlp.norms.is_empty() && mlp.norms.len() + 1 != mlp.layers.len() {
        let (found, expected) = (mlp.norms.len(), mlp.layers.len() - 1);
        return Err(format!("the {name} has {found} normalisations, expected {expected} or none"));
    }
    if width != outputs {
        return Err(format!("the {name} ends in {width} outputs, expected {outputs}"));
    }
    Ok(())
}

fn validate_normalizer(normalizer: &ObservationNormalizer, inputs: usize) -> Result<(), String> {
    let (mean, var) = (&normalizer.statistics.mean, &normalizer.statistics.var);
    if mean.len() != inputs || var.len() != inputs {
        return Err(format!("the normaliser has {} means and {} variances, expected {inputs}", mean.len(), var.len()));
    }
    if let Some(i) = (0..inputs).find(|i| !mean[*i].is_finite() || !var[*i].is_finite() || var[*i] < 0.0) {
        return Err(format!("index {i} of the normaliser has mean {} and variance {}", mean[i], var[i]));
    }
    if !(normalizer.clip.is_finite() && normalizer.clip > 0.0) {
        return Err(format!("the normaliser clips at {}, expected a positive number", normalizer.clip));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flexai_env::core::SeedTree;

    fn network() -> PolicyNetwork {
        let space = Space::uniform_box(6, -1.0, 1.0);
        PolicyNetwork::drawn(76, &space, &[8], Activation::Tanh, &mut SeedTree::new(3).stream("weights"))
    }

    #[test]
    fn a_network_whose_sizes_do_not_fit_is_refused_in_words() {
        let good = network();
        assert_eq!(good.validate(), Ok(()));
        let mut bad = good.clone();
        bad.actor.layers[1].outputs = 5;
        assert_eq!(
            bad.validate().expect_err("sizes differ"),
            "layer 2 of the actor has 48 weights and 6 biases, expected [8, 5]"
        );
        let mut bad = good.clone();
        bad.critic.layers[0].weight[3] = f32::NAN;
        assert_eq!(
            bad.validate().expect_err("a weight is not finite"),
            "layer 1 of the critic holds a number that is not finite, expected finite weights"
        );
        let mut bad = good.clone();
        bad.normalizer = Some(ObservationNormalizer::new(3, 10.0));
        assert_eq!(bad.validate().expect_err("3 is not 76"), "the normaliser has 3 means and 3 variances, expected 76");
        let mut bad = good;
        bad.log_std.pop();
        assert_eq!(bad.validate().expect_err("one is missing"), "`log_std` has 5 numbers, the action head 6 of them");
    }
}

//! Layers of a network: forward passes in plain Rust.
//!
//! In: rows of numbers. Out: rows of numbers.
//! Always: the same bits on every machine (only IEEE basic operations, in a fixed order), whatever the batch size.
//! Not here: what a policy is made of (`network.rs`), gradients (`ppo/`).

use super::math;
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
    /// Exponential linear unit, `exp(x) - 1` below zero.
    Elu,
    /// Gaussian error linear unit in its hyperbolic-tangent form.
    Gelu,
    /// Sigmoid linear unit, `x sigmoid(x)`.
    Silu,
    /// Rectified linear unit with a slope of 0.01 below zero.
    LeakyRelu,
}

/// Centres and scales each row, then multiplies by a gain and adds a bias per column.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    /// One per column.
    pub gain: Vec<f32>,
    /// One per column.
    pub bias: Vec<f32>,
}

/// Added to a row's variance.
pub(crate) const LAYER_NORM_EPSILON: f32 = 1e-5;

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
    /// Applied after every layer but the last, before the activation: one for each of them, or none.
    pub norms: Vec<LayerNorm>,
    /// Applied after every layer but the last.
    pub activation: Activation,
}

/// Two buffers for hidden layers, kept between calls so that nothing is allocated.
#[derive(Debug, Clone, Default)]
pub struct MlpScratch {
    front: Vec<f32>,
    back: Vec<f32>,
}

impl Dense {
    /// Writes `x W + b` for each row of `input` into `output`, `[rows, outputs]`.
    ///
    /// Each output is `b + x_0 w_0 + x_1 w_1 + ..` in this order, however rows and columns are grouped into blocks: a
    /// row's result is the same in every batch.
    pub(crate) fn forward(&self, input: &[f32], output: &mut [f32]) {
        const ROWS: usize = 4;
        let (n, m) = (self.inputs, self.outputs);
        let blocked = input.len() / n / ROWS * ROWS;
        let (input, input_rest) = input.split_at(blocked * n);
        let (output, output_rest) = output.split_at_mut(blocked * m);
        for (x, y) in input.chunks_exact(ROWS * n).zip(output.chunks_exact_mut(ROWS * m)) {
            let j = self.columns::<ROWS, 8>(0, x, y);
            let j = self.columns::<ROWS, 4>(j, x, y);
            self.columns::<ROWS, 1>(j, x, y);
        }
        for (x, y) in input_rest.chunks_exact(n).zip(output_rest.chunks_exact_mut(m)) {
            let j = self.columns::<1, 32>(0, x, y);
            let j = self.columns::<1, 8>(j, x, y);
            let j = self.columns::<1, 4>(j, x, y);
            self.columns::<1, 1>(j, x, y);
        }
    }

    /// Fills the columns from `j` on in groups of `J` for `R` rows; returns the first column left over.
    fn columns<const R: usize, const J: usize>(&self, mut j: usize, input: &[f32], output: &mut [f32]) -> usize {
        while j + J <= self.outputs {
            self.block::<R, J>(j, input, output);
            j += J;
        }
        j
    }

    /// Columns `j .. j + J` of `R` rows; the sums stay in registers.
    #[inline(always)]
    fn block<const R: usize, const J: usize>(&self, j: usize, input: &[f32], output: &mut [f32]) {
        let n = self.inputs;
        let rows: [&[f32]; R] = std::array::from_fn(|r| &input[r * n..][..n]);
        let mut sums = [[0.0f32; J]; R];
        for sum in &mut sums {
            sum.copy_from_slice(&self.bias[j..j + J]);
        }
        for (i, weight) in self.weight.chunks_exact(self.outputs).enumerate().take(n) {
            let weight = &weight[j..j + J];
            for (sum, row) in sums.iter_mut().zip(&rows) {
                let x = row[i];
                for (s, w) in sum.iter_mut().zip(weight) {
                    *s += x * w;
                }
            }
        }
        for (r, sum) in sums.iter().enumerate() {
            output[r * self.outputs + j..][..J].copy_from_slice(sum);
        }
    }
}

impl Activation {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 6] = [Self::Tanh, Self::Relu, Self::Elu, Self::Gelu, Self::Silu, Self::LeakyRelu];

    fn apply(self, values: &mut [f32]) {
        match self {
            Self::Tanh => math::tanh_in_place(values),
            Self::Relu => math::relu_in_place(values),
            Self::Elu => math::elu_in_place(values),
            Self::Gelu => math::gelu_in_place(values),
            Self::Silu => math::silu_in_place(values),
            Self::LeakyRelu => math::leaky_relu_in_place(values),
        }
    }

    /// Replaces each number by the function's value there; returns its derivative there.
    #[cfg(feature = "training")]
    pub(crate) fn apply_with_slope(self, values: &mut [f32]) -> Vec<f32> {
        let at = |slope: fn(f32) -> f32, values: &[f32]| values.iter().map(|x| slope(*x)).collect::<Vec<f32>>();
        let slope = match self {
            Self::Tanh => {
                self.apply(values);
                return at(|y| 1.0 - y * y, values);
            }
            Self::Relu => at(|x| if x > 0.0 { 1.0 } else { 0.0 }, values),
            Self::Elu => at(math::elu_slope, values),
            Self::Gelu => at(math::gelu_slope, values),
            Self::Silu => at(math::silu_slope, values),
            Self::LeakyRelu => at(math::leaky_relu_slope, values),
        };
        self.apply(values);
        slope
    }
}

impl LayerNorm {
    /// Gain 1 and bias 0.
    pub fn identity(width: usize) -> Self {
        Self { gain: vec![1.0; width], bias: vec![0.0; width] }
    }

    fn apply(&self, rows: &mut [f32]) {
        let n = self.gain.len() as f32;
        for row in rows.chunks_exact_mut(self.gain.len()) {
            let mean = sum_of(row, |x| x) / n;
            let variance = sum_of(row, |x| (x - mean) * (x - mean)) / n;
            let scale = 1.0 / (variance + LAYER_NORM_EPSILON).sqrt();
            for ((x, gain), bias) in row.iter_mut().zip(&self.gain).zip(&self.bias) {
                *x = (*x - mean) * scale * gain + bias;
            }
        }
    }
}

/// Sum over a row in eight running sums, which compile to vector instructions, in one fixed order.
fn sum_of(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0f32; 8];
    let chunks = row.chunks_exact(8);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += term(*x);
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += term(*x);
    }
    sums.iter().sum()
}

impl MlpScratch {
    /// The last hidden layer of each row of the last forward pass; the input itself if there is no hidden layer.
    pub fn features(&self) -> &[f32] {
        &self.front
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
                if let Some(norm) = self.norms.get(i) {
                    norm.apply(&mut scratch.back);
                }
                self.activation.apply(&mut scratch.back);
                std::mem::swap(&mut scratch.front, &mut scratch.back);
            }
        }
    }

    /// Length of the last hidden layer.
    pub fn features(&self) -> usize {
        self.layers[self.layers.len() - 1].inputs
    }

    /// The last, linear layer alone: `[rows, features]` into `[rows, outputs]`.
    ///
    /// # Panics
    /// If the slices are not the same whole number of rows.
    pub fn forward_last(&self, features: &[f32], out: &mut [f32]) {
        let last = &self.layers[self.layers.len() - 1];
        let rows = features.len() / last.inputs;
        assert_eq!(features.len(), rows * last.inputs, "the input is a whole number of rows");
        assert_eq!(out.len(), rows * last.outputs, "the output has a row for each input row");
        last.forward(features, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::{NetworkShape, PolicyNetwork};
    use super::*;
    use flexai_env::core::{SeedTree, Space};
    use rand::RngExt;

    fn normalised(hidden: &[usize], activation: Activation) -> PolicyNetwork {
        let shape = NetworkShape { hidden: hidden.to_vec(), activation, layer_norm: true, ..NetworkShape::default() };
        let mut rng = SeedTree::new(3).stream("weights");
        PolicyNetwork::drawn_as(76, &Space::uniform_box(6, -1.0, 1.0), &shape, &mut rng)
    }

    fn network(hidden: &[usize], activation: Activation) -> PolicyNetwork {
        let space = Space::uniform_box(6, -1.0, 1.0);
        PolicyNetwork::drawn(76, &space, hidden, activation, &mut SeedTree::new(3).stream("weights"))
    }

    /// The plain triple loop, in `f64`.
    fn by_definition(mlp: &Mlp, x: &[f32]) -> Vec<f64> {
        let mut x: Vec<f64> = x.iter().map(|v| f64::from(*v)).collect();
        for (l, layer) in mlp.layers.iter().enumerate() {
            let mut y: Vec<f64> = layer.bias.iter().map(|b| f64::from(*b)).collect();
            for (i, xi) in x.iter().enumerate() {
                for (j, yj) in y.iter_mut().enumerate() {
                    *yj += xi * f64::from(layer.weight[i * layer.outputs + j]);
                }
            }
            if l + 1 < mlp.layers.len() {
                if let Some(norm) = mlp.norms.get(l) {
                    let n = y.len() as f64;
                    let mean = y.iter().sum::<f64>() / n;
                    let variance = y.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
                    for (j, v) in y.iter_mut().enumerate() {
                        let scaled = (*v - mean) / (variance + f64::from(LAYER_NORM_EPSILON)).sqrt();
                        *v = scaled * f64::from(norm.gain[j]) + f64::from(norm.bias[j]);
                    }
                }
                for v in &mut y {
                    let cubic = (2.0 / std::f64::consts::PI).sqrt() * (*v + 0.044_715 * v.powi(3));
                    *v = match mlp.activation {
                        Activation::Tanh => v.tanh(),
                        Activation::Relu => v.max(0.0),
                        Activation::Elu if *v < 0.0 => v.exp_m1(),
                        Activation::LeakyRelu if *v < 0.0 => 0.01 * *v,
                        Activation::Elu | Activation::LeakyRelu => *v,
                        Activation::Gelu => 0.5 * *v * (1.0 + cubic.tanh()),
                        Activation::Silu => *v / (1.0 + (-*v).exp()),
                    };
                }
            }
            x = y;
        }
        x
    }

    fn rows(n: usize, len: usize) -> Vec<f32> {
        let mut rng = SeedTree::new(5).stream("rows");
        (0..n * len).map(|_| 4.0 * rng.random::<f32>() - 2.0).collect()
    }

    #[test]
    fn the_forward_pass_agrees_with_its_definition() {
        let kinds = Activation::ALL.into_iter().flat_map(|a| [network(&[128, 45], a), normalised(&[128, 45], a)]);
        for PolicyNetwork { actor, .. } in kinds {
            let x = rows(7, 76);
            let mut y = vec![0.0; 7 * 6];
            actor.forward(&x, &mut MlpScratch::default(), &mut y);
            for (x, y) in x.chunks(76).zip(y.chunks(6)) {
                for (exact, y) in by_definition(&actor, x).iter().zip(y) {
                    assert!((exact - f64::from(*y)).abs() < 5e-6, "{exact} and {y}");
                }
            }
        }
    }

    #[test]
    fn the_result_of_a_row_has_the_same_bits_in_every_batch() {
        for activation in Activation::ALL {
            let actor = normalised(&[128, 45], activation).actor;
            let x = rows(11, 76);
            let mut single = vec![0.0; 11 * 6];
            let mut scratch = MlpScratch::default();
            for (x, y) in x.chunks(76).zip(single.chunks_mut(6)) {
                actor.forward(x, &mut scratch, y);
            }
            for batch in 1..=11 {
                let mut y = vec![0.0; batch * 6];
                actor.forward(&x[..batch * 76], &mut scratch, &mut y);
                let bits = |row: &[f32]| row.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&y), bits(&single[..batch * 6]), "{activation:?}, batch of {batch}");
            }
        }
    }

    /// An elementwise numpy calculation in `float32` gives these bits too; every machine must find them.
    #[test]
    fn the_bits_of_a_fixed_network_are_known() {
        let layer = |inputs: usize, outputs: usize| Dense {
            inputs,
            outputs,
            weight: (0..inputs * outputs).map(|i| ((i * 37 % 101) as f32 - 50.0) / 64.0).collect(),
            bias: (0..outputs).map(|i| (i as f32 - 3.0) / 16.0).collect(),
        };
        let layers = vec![layer(9, 33), layer(33, 13), layer(13, 2)];
        let mlp = Mlp { layers, norms: Vec::new(), activation: Activation::Tanh };
        let x: Vec<f32> = (0..9).map(|i| (i as f32 - 4.0) / 3.0).collect();
        let mut y = [0.0; 2];
        mlp.forward(&x, &mut MlpScratch::default(), &mut y);
        assert_eq!(y.map(f32::to_bits), [3_222_997_837, 1_068_791_114], "{y:?}");
    }
}

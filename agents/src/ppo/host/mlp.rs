//! A multilayer perceptron on blocks of rows: forward with kept activations, and backward.
//!
//! In: a flat vector of parameters, blocks of observations in panels. Out: outputs, and sums of parameter gradients.
//! Always: parameters lie in the network's fixed order (layer after layer, weight before bias); outputs have the bits of
//! [`Mlp`](crate::artifact::Mlp); columns beyond a layer's width are zero. Not here: the loss (`loss.rs`).

use super::gemm::{Finish, LANES, ROWS, STEP, Strip, add_weight_gradient, panels, product};
use crate::artifact::{Activation, Mlp, tanh};

/// Sizes of a network and where its parameters lie in the flat vector.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ppo) struct Shape {
    pub(super) layers: Vec<LayerShape>,
    activation: Activation,
}

/// One layer of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LayerShape {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Index of the first weight.
    pub(super) at: usize,
}

/// Parameters in panels, and transposed for the way back.
#[derive(Debug, Clone, Default)]
pub(super) struct Packed {
    layers: Vec<PackedLayer>,
}

#[derive(Debug, Clone, Default)]
struct PackedLayer {
    /// Per panel of outputs one strip.
    bias: Vec<Strip>,
    /// Per panel of outputs one strip per input.
    forward: Vec<Strip>,
    /// Per panel of inputs one strip per output; empty for the first layer, whose inputs need no gradient.
    backward: Vec<Strip>,
}

/// Activations and gradients of one block.
#[derive(Debug, Clone, Default)]
pub(super) struct Tape {
    /// Input of each layer, then the output; in panels.
    pub(super) values: Vec<Vec<Strip>>,
    /// Gradient of the loss with respect to a layer's output, and to its input.
    pub(super) gradient: Vec<Strip>,
    next: Vec<Strip>,
}

/// Sums of the gradients of a network's parameters, in panels.
#[derive(Debug, Clone, Default)]
pub(super) struct GradientSum {
    layers: Vec<LayerSum>,
}

#[derive(Debug, Clone, Default)]
struct LayerSum {
    weight: Vec<Strip>,
    bias: Vec<Strip>,
}

impl LayerShape {
    /// Index one behind its last parameter.
    pub(super) fn end(self) -> usize {
        self.at + (self.inputs + 1) * self.outputs
    }

    fn bias_at(self) -> usize {
        self.at + self.inputs * self.outputs
    }
}

impl Shape {
    /// The shape of `mlp`, whose parameters begin at index `at`.
    pub(in crate::ppo) fn of(mlp: &Mlp, mut at: usize) -> Self {
        let layers = mlp.layers.iter().map(|layer| {
            let shape = LayerShape { inputs: layer.inputs, outputs: layer.outputs, at };
            at = shape.end();
            shape
        });
        Self { layers: layers.collect(), activation: mlp.activation }
    }

    pub(super) fn inputs(&self) -> usize {
        self.layers[0].inputs
    }

    pub(super) fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs
    }

    pub(super) fn end(&self) -> usize {
        self.layers[self.layers.len() - 1].end()
    }
}

impl Packed {
    /// Room for a network; `trained` says whether there will be a way back.
    pub(super) fn new(shape: &Shape, trained: bool) -> Self {
        let layers = shape.layers.iter().enumerate().map(|(i, layer)| {
            let strips = if trained && i > 0 { panels(layer.inputs) * layer.outputs } else { 0 };
            PackedLayer {
                bias: vec![Strip::ZERO; panels(layer.outputs)],
                forward: vec![Strip::ZERO; panels(layer.outputs) * layer.inputs],
                backward: vec![Strip::ZERO; strips],
            }
        });
        Self { layers: layers.collect() }
    }

    /// Takes over the parameters of a flat vector.
    #[inline(always)]
    pub(super) fn pack(&mut self, shape: &Shape, parameters: &[f32]) {
        for (packed, layer) in self.layers.iter_mut().zip(&shape.layers) {
            packed.pack(*layer, &parameters[layer.at..layer.bias_at()], &parameters[layer.bias_at()..layer.end()]);
        }
    }

    /// Takes over the parameters of a network in `artifact/`.
    pub(super) fn pack_mlp(&mut self, shape: &Shape, mlp: &Mlp) {
        for ((packed, layer), dense) in self.layers.iter_mut().zip(&shape.layers).zip(&mlp.layers) {
            packed.pack(*layer, &dense.weight, &dense.bias);
        }
    }
}

impl PackedLayer {
    #[inline(always)]
    fn pack(&mut self, shape: LayerShape, weight: &[f32], bias: &[f32]) {
        for (strip, bias) in self.bias.iter_mut().zip(bias.chunks(LANES)) {
            strip.0[..bias.len()].copy_from_slice(bias);
        }
        for (i, row) in weight.chunks_exact(shape.outputs).enumerate() {
            for (panel, part) in row.chunks(LANES).enumerate() {
                let strip = &mut self.forward[panel * shape.inputs + i].0;
                if let Ok(part) = <&[f32; LANES]>::try_from(part) {
                    *strip = *part;
                } else {
                    strip[..part.len()].copy_from_slice(part);
                }
            }
        }
        if self.backward.is_empty() {
            return;
        }
        for (panel, strips) in self.backward.chunks_exact_mut(shape.outputs).enumerate() {
            let first = panel * LANES;
            for (lane, row) in weight[first * shape.outputs..].chunks_exact(shape.outputs).take(LANES).enumerate() {
                for (strip, w) in strips.iter_mut().zip(row) {
                    strip.0[lane] = *w;
                }
            }
        }
    }
}

impl Tape {
    /// Room for blocks of a network; `trained` says whether there will be a way back.
    pub(super) fn new(shape: &Shape, trained: bool) -> Self {
        let block = |columns: usize| vec![Strip::ZERO; panels(columns) * ROWS];
        let widths = shape.layers.iter().map(|layer| layer.inputs).chain([shape.outputs()]);
        let widest = if trained { widths.clone().max().unwrap_or(0) } else { 0 };
        Self { values: widths.map(block).collect(), gradient: block(widest), next: block(widest) }
    }

    /// Writes the first numbers of rows of so many columns into the block; rows up to the next multiple of [`STEP`] are
    /// filled with zeros.
    pub(super) fn load<'a>(&mut self, columns: usize, rows: impl Iterator<Item = &'a [f32]>) -> usize {
        let mut count = 0;
        for (r, row) in rows.enumerate() {
            debug_assert!(row.len() <= columns);
            for (panel, part) in row.chunks(LANES).enumerate() {
                self.values[0][panel * ROWS + r].0[..part.len()].copy_from_slice(part);
            }
            count = r + 1;
        }
        let padded = count.next_multiple_of(STEP);
        for panel in 0..panels(columns) {
            self.values[0][panel * ROWS..][count..padded].fill(Strip::ZERO);
        }
        padded
    }

    /// Writes more numbers of the same rows, from a column on.
    pub(super) fn load_beside<'a>(&mut self, first: usize, rows: impl Iterator<Item = &'a [f32]>) {
        for (r, row) in rows.enumerate() {
            for (column, x) in (first..).zip(row) {
                self.values[0][column / LANES * ROWS + r].0[column % LANES] = *x;
            }
        }
    }

    /// Computes the output of `rows` rows, a multiple of [`STEP`].
    #[inline(always)]
    pub(super) fn forward<const R: usize, const N: usize>(&mut self, shape: &Shape, packed: &Packed, rows: usize) {
        let last = shape.layers.len() - 1;
        for (i, (layer, packed)) in shape.layers.iter().zip(&packed.layers).enumerate() {
            let (inputs, outputs) = self.values.split_at_mut(i + 1);
            let (input, output) = (&inputs[i], &mut outputs[0]);
            let activation = (i < last).then_some(shape.activation);
            let mut finish = Activated { activation, output };
            product::<R, N>(rows, layer.inputs, input, &packed.forward, &packed.bias, &mut finish);
        }
    }

    /// From the gradient of the output, in `gradient`, to those of the parameters, which are added to `sum`.
    #[inline(always)]
    pub(super) fn backward<const R: usize, const N: usize>(
        &mut self,
        shape: &Shape,
        packed: &Packed,
        rows: usize,
        sum: &mut GradientSum,
    ) {
        for (i, (layer, packed)) in shape.layers.iter().zip(&packed.layers).enumerate().rev() {
            let (input, sum) = (&self.values[i], &mut sum.layers[i]);
            let from = &self.gradient;
            add_weight_gradient::<R, N>(rows, layer.inputs, input, from, &mut sum.weight, &mut sum.bias);
            if i == 0 {
                break;
            }
            let mut finish = TimesSlope { activation: shape.activation, values: input, output: &mut self.next };
            product::<R, N>(rows, layer.outputs, from, &packed.backward, &[], &mut finish);
            std::mem::swap(&mut self.gradient, &mut self.next);
        }
    }
}

/// Writes the activation of a sum.
struct Activated<'a> {
    activation: Option<Activation>,
    output: &'a mut [Strip],
}

impl Finish for Activated<'_> {
    #[inline(always)]
    fn finish(&mut self, at: usize, mut sums: Strip) {
        match self.activation {
            Some(Activation::Tanh) => {
                for x in &mut sums.0 {
                    *x = tanh(*x);
                }
            }
            Some(Activation::Relu) => {
                for x in &mut sums.0 {
                    *x = if *x < 0.0 { 0.0 } else { *x };
                }
            }
            Some(_) => unreachable!("networks with another activation do not come here"),
            None => {}
        }
        self.output[at] = sums;
    }
}

/// Writes a gradient times the activation's slope, which follows from the activation's value.
struct TimesSlope<'a> {
    activation: Activation,
    values: &'a [Strip],
    output: &'a mut [Strip],
}

impl Finish for TimesSlope<'_> {
    #[inline(always)]
    fn finish(&mut self, at: usize, mut sums: Strip) {
        let values = &self.values[at].0;
        match self.activation {
            Activation::Tanh => {
                for l in 0..LANES {
                    sums.0[l] *= 1.0 - values[l] * values[l];
                }
            }
            Activation::Relu => {
                for l in 0..LANES {
                    sums.0[l] = if values[l] > 0.0 { sums.0[l] } else { 0.0 };
                }
            }
            _ => unreachable!("networks with another activation do not come here"),
        }
        self.output[at] = sums;
    }
}

impl GradientSum {
    pub(super) fn new(shape: &Shape) -> Self {
        let layers = shape.layers.iter().map(|layer| LayerSum {
            weight: vec![Strip::ZERO; panels(layer.outputs) * layer.inputs.next_multiple_of(STEP)],
            bias: vec![Strip::ZERO; panels(layer.outputs)],
        });
        Self { layers: layers.collect() }
    }

    pub(super) fn clear(&mut self) {
        for layer in &mut self.layers {
            layer.weight.fill(Strip::ZERO);
            layer.bias.fill(Strip::ZERO);
        }
    }

    /// Adds the sums to a flat vector in the network's order.
    #[inline(always)]
    pub(super) fn add_to(&self, shape: &Shape, flat: &mut [f32]) {
        for (sum, layer) in self.layers.iter().zip(&shape.layers) {
            let stride = layer.inputs.next_multiple_of(STEP);
            for (i, row) in flat[layer.at..layer.bias_at()].chunks_exact_mut(layer.outputs).enumerate() {
                for (panel, part) in row.chunks_mut(LANES).enumerate() {
                    add(part, &sum.weight[panel * stride + i]);
                }
            }
            for (part, strip) in flat[layer.bias_at()..layer.end()].chunks_mut(LANES).zip(&sum.bias) {
                add(part, strip);
            }
        }
    }
}

#[inline(always)]
fn add(part: &mut [f32], strip: &Strip) {
    if let Ok(part) = <&mut [f32; LANES]>::try_from(&mut *part) {
        for l in 0..LANES {
            part[l] += strip.0[l];
        }
    } else {
        part.iter_mut().zip(&strip.0).for_each(|(sum, x)| *sum += x);
    }
}

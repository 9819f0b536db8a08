//! The network in plain Rust: one LSTM over two days, and a small head that speaks of each half-hour ahead.
//!
//! In: an [`Example`]. Out: quantiles per half-hour, in the units of the example.
//! Always: no Burn; only IEEE basic operations in a fixed order, so the same bits on every machine.
//! Not here: learning the weights (`train.rs`).

use super::super::contract::LEVELS;
use super::features::{AHEAD_INPUTS, ANCHORS, Example, STEP_INPUTS, STEPS};
use super::series::HORIZON;
use crate::artifact::{exp, tanh};
use std::ops::Range;

/// Width of the recurrent part and of the head.
pub(super) const HIDDEN: usize = 32;
pub(super) const HEAD: usize = 32;
pub(super) const LEVEL_COUNT: usize = LEVELS.len();
/// Input, forget, output and cell gate, in this order.
pub(super) const GATES: usize = 4;

/// A linear layer among the weights: `[inputs, outputs]` row-major, then `[outputs]` biases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer {
    pub(super) at: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl Layer {
    pub(super) fn weight(&self) -> Range<usize> {
        self.at..self.at + self.inputs * self.outputs
    }

    pub(super) fn bias(&self) -> Range<usize> {
        self.weight().end..self.weight().end + self.outputs
    }

    /// Adds `x W + b` to `y`.
    fn add(&self, weights: &[f32], x: &[f32], y: &mut [f32]) {
        for (y, b) in y.iter_mut().zip(&weights[self.bias()]) {
            *y += b;
        }
        for (x, row) in x.iter().zip(weights[self.weight()].chunks_exact(self.outputs)) {
            for (y, w) in y.iter_mut().zip(row) {
                *y += x * w;
            }
        }
    }
}

/// Where each layer lies among the weights.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Per gate: from the inputs, from the state.
    pub(super) gates: [[Layer; 2]; GATES],
    /// From the inputs ahead straight to the quantiles.
    pub(super) skip: Layer,
    pub(super) hidden: Layer,
    /// Quantiles around the mixed anchors, then the logarithms of the anchors' weights.
    pub(super) out: Layer,
    pub(super) len: usize,
}

impl Layout {
    pub(super) fn new() -> Self {
        let mut len = 0;
        let mut layer = |inputs: usize, outputs: usize| {
            let at = len;
            len += (inputs + 1) * outputs;
            Layer { at, inputs, outputs }
        };
        let gates = std::array::from_fn(|_| [layer(STEP_INPUTS, HIDDEN), layer(HIDDEN, HIDDEN)]);
        let skip = layer(AHEAD_INPUTS, LEVEL_COUNT);
        let hidden = layer(HIDDEN + AHEAD_INPUTS, HEAD);
        let out = layer(HEAD, LEVEL_COUNT + ANCHORS);
        Self { gates, skip, hidden, out, len }
    }
}

/// A trained network.
#[derive(Debug, Clone)]
pub(super) struct LstmNetwork {
    weights: Vec<f32>,
    layout: Layout,
}

impl LstmNetwork {
    /// `None` unless there are as many weights as the layout holds, all finite.
    pub(super) fn new(weights: Vec<f32>) -> Option<Self> {
        let layout = Layout::new();
        (weights.len() == layout.len && weights.iter().all(|w| w.is_finite())).then_some(Self { weights, layout })
    }

    pub(super) fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Quantiles per half-hour ahead as the layers say them: they may cross.
    pub(super) fn raw(&self, example: &Example) -> [[f32; LEVEL_COUNT]; HORIZON] {
        let (weights, layout) = (&self.weights[..], &self.layout);
        let mut state = [0.0_f32; HIDDEN];
        let mut cell = [0.0_f32; HIDDEN];
        for step in example.steps.chunks_exact(STEP_INPUTS).take(STEPS) {
            let gates: [[f32; HIDDEN]; GATES] = std::array::from_fn(|gate| {
                let [from_input, from_state] = &layout.gates[gate];
                let mut sum = [0.0; HIDDEN];
                from_input.add(weights, step, &mut sum);
                from_state.add(weights, &state, &mut sum);
                sum
            });
            for i in 0..HIDDEN {
                let [input, forget, output] = [0, 1, 2].map(|gate: usize| sigmoid(gates[gate][i]));
                cell[i] = forget * cell[i] + input * tanh(gates[3][i]);
                state[i] = output * tanh(cell[i]);
            }
        }
        let mut joined = [0.0; HIDDEN + AHEAD_INPUTS];
        joined[..HIDDEN].copy_from_slice(&state);
        let mut out = [[0.0; LEVEL_COUNT]; HORIZON];
        for (ahead, quantiles) in example.ahead.chunks_exact(AHEAD_INPUTS).zip(&mut out) {
            joined[HIDDEN..].copy_from_slice(ahead);
            let mut hidden = [0.0; HEAD];
            layout.hidden.add(weights, &joined, &mut hidden);
            hidden.iter_mut().for_each(|x| *x = x.max(0.0));
            let mut said = [0.0; LEVEL_COUNT + ANCHORS];
            layout.out.add(weights, &hidden, &mut said);
            layout.skip.add(weights, ahead, quantiles);
            let anchor = mixed(&said[LEVEL_COUNT..], &ahead[..ANCHORS]);
            quantiles.iter_mut().zip(&said).for_each(|(q, around)| *q += anchor + around);
        }
        out
    }
}

/// Mean of anchors, weighted by the exponentials of their logits.
fn mixed(logits: &[f32], anchors: &[f32]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut total) = (0.0, 0.0);
    for (logit, anchor) in logits.iter().zip(anchors) {
        let weight = exp(logit - most);
        (sum, total) = (sum + weight * anchor, total + weight);
    }
    sum / total
}

fn sigmoid(x: f32) -> f32 {
    0.5 * tanh(0.5 * x) + 0.5
}

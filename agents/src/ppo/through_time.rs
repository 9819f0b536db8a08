//! Memories in host memory without a tape: a sequence forwards, and the analytic gradient through time backwards.
//!
//! In: the input of all rows, states, where episodes begin; then the gradient with respect to what was shown. Out: what is
//! shown at every row; the gradients of weights and biases.
//! Always: the runtime's own cells (`artifact/memory.rs`), so that what is replayed is what was collected; gradients are
//! those of the tape to rounding; large products are Burn's. Not here: graphics cards, which use the tape (`memory.rs`).
//!
//! ```text
//! a = x Wx + bx, b = h Wh + bh; with dh the gradient by h' from above and from the step after
//! gru:  dn = dh (1 - z) (1 - n^2), dz = dh (h - n) z (1 - z), dr = dn b_n r (1 - r), h: dh z + (dr, dz, dn r) Wh^T
//! lstm: dc += dh o (1 - tanh(c')^2), di = dc g i (1 - i), df = dc c f (1 - f), dg = dc i (1 - g^2),
//!       do = dh tanh(c') o (1 - o), c: dc f, h: (di, df, dg, do) Wh^T
//! ```

use crate::artifact::{Dense, Memory, MemoryCell, tanh};
use crate::device;
use burn::tensor::{Device, Gradients, Tensor, TensorData};

/// A sequence that was gone through, and what its gradient needs.
#[derive(Debug)]
pub(super) struct Replay {
    memory: Memory,
    steps: usize,
    lanes: usize,
    /// `[rows, inputs]`, off the tape.
    input: Tensor<2>,
    /// `[rows, size]`: the tape above begins here.
    pub(super) shown: Tensor<2>,
    goes_on: Vec<f32>,
    /// `[rows, gates * size]`, after their functions.
    gates: Vec<f32>,
    /// `[rows, size]`: what was shown at the step before; 0 where an episode begins.
    before: Vec<f32>,
    /// `[rows, size]`: the candidate's part from there of a GRU, the cells of the step before of an LSTM.
    other: Vec<f32>,
    /// `[rows, size]`: the cells of an LSTM.
    cells: Vec<f32>,
}

/// The sequences of both networks, where they were gone through here.
#[derive(Debug, Default)]
pub(super) struct Replays {
    pub(super) actor: Option<Replay>,
    pub(super) critic: Option<Replay>,
}

/// Gradients in the fixed order of parameters: weight and bias of the input, then of what was shown.
pub(super) type MemoryGradients = [Tensor<1>; 4];

impl Replay {
    /// Goes through `steps` rows of each lane; `input` is `[rows, inputs]`, `state` `[lanes, state_len]` before them, and
    /// `goes_on` 0 at a row where an episode begins.
    pub(super) fn new(memory: Memory, input: Tensor<2>, mut state: Vec<f32>, goes_on: Vec<f32>) -> Self {
        let device = input.device();
        let (size, width, len) = (memory.size(), memory.input.outputs, memory.state_len());
        let (rows, lanes) = (goes_on.len(), state.len() / len);
        let mut gates = host(projected(&memory.input, input.clone()));
        let [mut before, mut other, mut shown] = [(); 3].map(|()| vec![0.0; rows * size]);
        let mut cells = if memory.cell == MemoryCell::Lstm { vec![0.0; rows * size] } else { Vec::new() };
        let mut from_hidden = vec![0.0; lanes * width];
        for first in (0..rows).step_by(lanes) {
            let at = |lane: usize| (first + lane) * size..(first + lane + 1) * size;
            for (lane, state) in state.chunks_exact_mut(len).enumerate() {
                if goes_on[first + lane] == 0.0 {
                    state.fill(0.0);
                }
                before[at(lane)].copy_from_slice(&state[..size]);
            }
            memory.hidden.forward(&before[first * size..(first + lanes) * size], &mut from_hidden);
            for (lane, state) in state.chunks_exact_mut(len).enumerate() {
                let row = (first + lane) * width..(first + lane + 1) * width;
                let b = &from_hidden[lane * width..(lane + 1) * width];
                match memory.cell {
                    MemoryCell::Gru => other[at(lane)].copy_from_slice(&b[2 * size..]),
                    MemoryCell::Lstm => other[at(lane)].copy_from_slice(&state[size..]),
                }
                memory.cell.advance(&mut gates[row], b, state);
                shown[at(lane)].copy_from_slice(&state[..size]);
                if memory.cell == MemoryCell::Lstm {
                    cells[at(lane)].copy_from_slice(&state[size..]);
                }
            }
        }
        let shown = Tensor::<2>::from_data(TensorData::new(shown, [rows, size]), &device).autodiff().require_grad();
        Self { memory, steps: rows / lanes, lanes, input, shown, goes_on, gates, before, other, cells }
    }

    /// The gradients of the memory's parameters, where those of what it showed are among `gradients`.
    pub(super) fn gradients(&self, gradients: &mut Gradients) -> MemoryGradients {
        let (rows, size, device) = (self.goes_on.len(), self.memory.size(), self.input.device());
        let above = self.shown.grad_remove(gradients).map_or_else(|| vec![0.0; rows * size], host);
        let (by_input, by_hidden) = self.back(&above);
        let by_input = matrix(by_input, rows, &device);
        let by_hidden = by_hidden.map_or_else(|| by_input.clone(), |numbers| matrix(numbers, rows, &device));
        let weight = |x: Tensor<2>, by: &Tensor<2>| flat(x.transpose().matmul(by.clone()));
        let bias = |by: &Tensor<2>| flat(by.clone().sum_dim(0));
        let before = matrix(self.before.clone(), rows, &device);
        [weight(self.input.clone(), &by_input), bias(&by_input), weight(before, &by_hidden), bias(&by_hidden)]
    }

    /// Gradients by `a` and by `b`, `[rows, gates * size]`; of an LSTM they are the same.
    fn back(&self, above: &[f32]) -> (Vec<f32>, Option<Vec<f32>>) {
        let (size, width, lanes) = (self.memory.size(), self.memory.input.outputs, self.lanes);
        let transposed = transposed(&self.memory.hidden);
        let mut by_input = vec![0.0; self.goes_on.len() * width];
        let mut by_hidden = (self.memory.cell == MemoryCell::Gru).then(|| by_input.clone());
        // By what was shown at the step at hand, and by its cells, from the steps after it.
        let (mut later, mut later_cells) = (vec![0.0; lanes * size], vec![0.0; lanes * size]);
        let mut through = later.clone();
        for t in (0..self.steps).rev() {
            for lane in 0..lanes {
                let row = t * lanes + lane;
                let (narrow, wide) = (row * size..(row + 1) * size, row * width..(row + 1) * width);
                let dh = &mut later[lane * size..(lane + 1) * size];
                dh.iter_mut().zip(&above[narrow.clone()]).for_each(|(sum, x)| *sum += x);
                let (gates, other) = (&self.gates[wide.clone()], &self.other[narrow.clone()]);
                let a = &mut by_input[wide.clone()];
                match &mut by_hidden {
                    Some(b) => back_gru(dh, gates, &self.before[narrow], other, a, &mut b[wide]),
                    None => {
                        let dc = &mut later_cells[lane * size..(lane + 1) * size];
                        back_lstm(dh, dc, gates, other, &self.cells[narrow], a);
                    }
                }
            }
            let rows = t * lanes * width..(t + 1) * lanes * width;
            transposed.forward(&by_hidden.as_ref().unwrap_or(&by_input)[rows], &mut through);
            for lane in 0..lanes {
                let (at, goes_on) = (lane * size..(lane + 1) * size, self.goes_on[t * lanes + lane]);
                for (dh, through) in later[at.clone()].iter_mut().zip(&through[at.clone()]) {
                    *dh = (*dh + through) * goes_on;
                }
                later_cells[at].iter_mut().for_each(|dc| *dc *= goes_on);
            }
        }
        (by_input, by_hidden)
    }
}

/// Turns `dh` into what goes back past the weights.
fn back_gru(dh: &mut [f32], gates: &[f32], before: &[f32], other: &[f32], a: &mut [f32], b: &mut [f32]) {
    let size = dh.len();
    let [reset, keep, new] = [0, 1, 2].map(|gate| &gates[gate * size..(gate + 1) * size]);
    let (by_reset, rest) = a.split_at_mut(size);
    let (by_keep, by_new) = rest.split_at_mut(size);
    for j in 0..size {
        let (r, z, n) = (reset[j], keep[j], new[j]);
        by_new[j] = dh[j] * (1.0 - z) * (1.0 - n * n);
        by_keep[j] = dh[j] * (before[j] - n) * z * (1.0 - z);
        by_reset[j] = by_new[j] * other[j] * r * (1.0 - r);
        dh[j] *= z;
    }
    b.copy_from_slice(a);
    b[2 * size..].iter_mut().zip(reset).for_each(|(x, r)| *x *= r);
}

/// Turns `dc` into what goes back to the cells of the step before; nothing goes back past the weights but through them.
fn back_lstm(dh: &mut [f32], dc: &mut [f32], gates: &[f32], before: &[f32], cells: &[f32], a: &mut [f32]) {
    let size = dh.len();
    let [take, keep, new, show] = [0, 1, 2, 3].map(|gate| &gates[gate * size..(gate + 1) * size]);
    let (in_forget, rest) = a.split_at_mut(2 * size);
    let (by_take, by_keep) = in_forget.split_at_mut(size);
    let (by_new, by_show) = rest.split_at_mut(size);
    for j in 0..size {
        let (i, f, g, o, tanh) = (take[j], keep[j], new[j], show[j], tanh(cells[j]));
        by_show[j] = dh[j] * tanh * o * (1.0 - o);
        let by_cell = dc[j] + dh[j] * o * (1.0 - tanh * tanh);
        by_take[j] = by_cell * g * i * (1.0 - i);
        by_keep[j] = by_cell * before[j] * f * (1.0 - f);
        by_new[j] = by_cell * i * (1.0 - g * g);
        dc[j] = by_cell * f;
        dh[j] = 0.0;
    }
}

/// The layer whose product goes the other way, without bias.
fn transposed(layer: &Dense) -> Dense {
    let (inputs, outputs) = (layer.inputs, layer.outputs);
    let weight = (0..outputs).flat_map(|j| (0..inputs).map(move |i| layer.weight[i * outputs + j])).collect();
    Dense { inputs: outputs, outputs: inputs, weight, bias: vec![0.0; inputs] }
}

fn projected(layer: &Dense, x: Tensor<2>) -> Tensor<2> {
    let device = x.device();
    let weight = matrix(layer.weight.clone(), layer.inputs, &device);
    x.matmul(weight) + matrix(layer.bias.clone(), 1, &device)
}

fn matrix(numbers: Vec<f32>, rows: usize, device: &Device) -> Tensor<2> {
    let columns = numbers.len() / rows;
    Tensor::from_data(TensorData::new(numbers, [rows, columns]), device)
}

fn flat(x: Tensor<2>) -> Tensor<1> {
    let [rows, columns] = x.dims();
    x.reshape([rows * columns])
}

fn host(x: Tensor<2>) -> Vec<f32> {
    device::read(x).expect("host memory can be read")
}

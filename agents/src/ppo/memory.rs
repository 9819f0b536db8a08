//! Memories on the tape: whole sequences, so that gradients flow through time.
//!
//! In: rows of numbers in order of time, and what was remembered before the first. Out: what is shown at every row, on the
//! tape or, in host memory, with what its gradient needs (`through_time.rs`).
//! Always: the equations of `artifact/memory.rs`; what is remembered becomes zero where an episode begins, in the middle of
//! a sequence too; nothing flows further back than the sequence. Not here: what is remembered while collecting
//! (`remembering.rs`).

use super::activation::activate;
use super::init::orthogonal;
use super::rollout::RolloutBuffer;
use super::through_time::Replay;
use crate::artifact::{Activation, Dense, Memory, MemoryCell};
use crate::device::{self, DeviceError};
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Int, Tensor, TensorData};
use flexai_env::core::StreamRng;
use std::ops::Range;

/// A recurrent layer.
#[derive(Module, Debug)]
pub(super) struct MemoryModule {
    pub(super) input: Linear,
    pub(super) hidden: Linear,
    #[module(skip)]
    cell: MemoryCell,
    on_host: bool,
}

/// Says that the rows of a batch are sequences: `steps` rows of each lane, time after time; none of it is on the tape.
#[derive(Debug, Clone)]
pub(super) struct Sequences {
    pub(super) steps: usize,
    /// `[rows, 1]`: 0 where an episode begins after the first step, else 1.
    goes_on: Tensor<2>,
    /// `[lanes, state_len]`: what the actor remembered before the first step.
    actor: Tensor<2>,
    /// The same of the critic, if it has a memory of its own.
    critic: Option<Tensor<2>>,
}

/// Orthogonal weights gate by gate with gain 1, and zero biases, but that an LSTM starts out not to forget: 1 behind its
/// forget gate.
///
/// Source: Jozefowicz et al. 2015 (proceedings.mlr.press/v37/jozefowicz15).
pub(super) fn new_memory(cell: MemoryCell, inputs: usize, size: usize, rng: &mut StreamRng) -> Memory {
    let mut dense = |inputs: usize| {
        let gates: Vec<Vec<f32>> = (0..cell.gates()).map(|_| orthogonal(inputs, size, 1.0, rng)).collect();
        let row = |i: usize| gates.iter().flat_map(move |gate| &gate[i * size..(i + 1) * size]);
        let weight = (0..inputs).flat_map(row).copied().collect();
        Dense { inputs, outputs: cell.gates() * size, weight, bias: vec![0.0; cell.gates() * size] }
    };
    let (mut input, hidden) = (dense(inputs), dense(size));
    if cell == MemoryCell::Lstm {
        input.bias[size..2 * size].fill(1.0);
    }
    Memory { cell, input, hidden }
}

impl MemoryModule {
    /// A module with the weights of a memory, of layers made by `linear`.
    pub(super) fn new(memory: &Memory, mut linear: impl FnMut(&Dense) -> Linear, on_host: bool) -> Self {
        let (input, hidden) = (linear(&memory.input), linear(&memory.hidden));
        Self { input, hidden, cell: memory.cell, on_host }
    }

    /// The same on the tape, where host memory would do without.
    #[cfg(test)]
    pub(super) fn on_tape(self) -> Self {
        Self { on_host: false, ..self }
    }

    /// Copies the weights to the host.
    ///
    /// # Errors
    /// [`DeviceError::Failed`].
    pub(super) fn to_memory(&self) -> Result<Memory, DeviceError> {
        Ok(Memory { cell: self.cell, input: to_dense(&self.input)?, hidden: to_dense(&self.hidden)? })
    }

    /// What the actor's memory shows at each row, `[rows, size]`; the sequence, if it was gone through in host memory.
    pub(super) fn of_actor(&self, input: Tensor<2>, sequences: &Sequences) -> (Tensor<2>, Option<Replay>) {
        self.show(input, sequences, sequences.actor.clone())
    }

    /// The same of a critic's own memory.
    pub(super) fn of_critic(&self, input: Tensor<2>, sequences: &Sequences) -> (Tensor<2>, Option<Replay>) {
        let state = sequences.critic.clone().expect("a rollout for such a critic stores what it remembered");
        self.show(input, sequences, state)
    }

    fn show(&self, input: Tensor<2>, sequences: &Sequences, state: Tensor<2>) -> (Tensor<2>, Option<Replay>) {
        if !self.on_host {
            return (self.forward(input, &sequences.goes_on, state, sequences.steps), None);
        }
        let read = |x: Tensor<2>| device::read(x).expect("host memory can be read");
        let memory = self.to_memory().expect("host memory can be read");
        let replay = Replay::new(memory, input, read(state), read(sequences.goes_on.clone()));
        (replay.shown.clone(), Some(replay))
    }

    fn forward(&self, input: Tensor<2>, goes_on: &Tensor<2>, state: Tensor<2>, steps: usize) -> Tensor<2> {
        let lanes = state.dims()[0];
        let size = self.hidden.weight.val().dims()[0];
        // All steps at once: only what is shown depends on the step before.
        let from_input = self.input.forward(input);
        let mut shown = state.clone().slice([0..lanes, 0..size]);
        let mut cells = (self.cell == MemoryCell::Lstm).then(|| state.slice([0..lanes, size..2 * size]));
        let mut all = Vec::with_capacity(steps);
        for t in 0..steps {
            let rows = t * lanes..(t + 1) * lanes;
            let from_input = from_input.clone().slice([rows.clone()]);
            let goes_on = goes_on.clone().slice([rows]);
            shown = shown * goes_on.clone();
            let from_hidden = self.hidden.forward(shown.clone());
            shown = match cells {
                None => self.gru(from_input, from_hidden, shown),
                Some(kept) => {
                    let (shown, now) = self.lstm(from_input + from_hidden, kept * goes_on);
                    cells = Some(now);
                    shown
                }
            };
            all.push(shown.clone());
        }
        Tensor::cat(all, 0)
    }

    fn gru(&self, from_input: Tensor<2>, from_hidden: Tensor<2>, shown: Tensor<2>) -> Tensor<2> {
        let size = shown.dims()[1];
        let gates = self.sigmoid(columns(&from_input, 0..2 * size) + columns(&from_hidden, 0..2 * size));
        let (reset, keep) = (columns(&gates, 0..size), columns(&gates, size..2 * size));
        let new = columns(&from_input, 2 * size..3 * size) + reset * columns(&from_hidden, 2 * size..3 * size);
        let new = activate(Activation::Tanh, new, self.on_host);
        (keep.clone().neg().add_scalar(1.0)) * new + keep * shown
    }

    fn lstm(&self, sums: Tensor<2>, cells: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let size = cells.dims()[1];
        let in_forget = self.sigmoid(columns(&sums, 0..2 * size));
        let new = activate(Activation::Tanh, columns(&sums, 2 * size..3 * size), self.on_host);
        let out = self.sigmoid(columns(&sums, 3 * size..4 * size));
        let cells = columns(&in_forget, size..2 * size) * cells + columns(&in_forget, 0..size) * new;
        (out * activate(Activation::Tanh, cells.clone(), self.on_host), cells)
    }

    /// As the runtime computes it.
    fn sigmoid(&self, x: Tensor<2>) -> Tensor<2> {
        activate(Activation::Tanh, x.mul_scalar(0.5), self.on_host).mul_scalar(0.5).add_scalar(0.5)
    }
}

/// Copies a layer to the host.
///
/// # Errors
/// [`DeviceError::Failed`].
pub(super) fn to_dense(layer: &Linear) -> Result<Dense, DeviceError> {
    let [inputs, outputs] = layer.weight.val().dims();
    let bias = layer.bias.as_ref().expect("every layer is built with a bias");
    let (weight, bias) = (device::read(layer.weight.val())?, device::read(bias.val())?);
    Ok(Dense { inputs, outputs, weight, bias })
}

fn columns(x: &Tensor<2>, range: Range<usize>) -> Tensor<2> {
    let rows = x.dims()[0];
    x.clone().slice([0..rows, range])
}

impl Sequences {
    /// A whole rollout's; `None` of a policy without memory.
    pub(super) fn of(rollout: &RolloutBuffer, device: &Device) -> Option<Self> {
        let n = rollout.num_envs;
        let states =
            |values: &[f32]| Tensor::<2>::from_data(TensorData::new(values.to_vec(), [n, values.len() / n]), device);
        let ended = rollout.terminated.iter().zip(&rollout.truncated).map(|(a, b)| *a || *b);
        let goes_on = std::iter::repeat_n(1.0, n).chain(ended.map(|ended| if ended { 0.0f32 } else { 1.0 }));
        let goes_on: Vec<f32> = goes_on.take(rollout.len()).collect();
        (!rollout.memory.actor.is_empty()).then(|| Self {
            steps: rollout.num_steps,
            goes_on: Tensor::from_data(TensorData::new(goes_on, [rollout.len(), 1]), device),
            actor: states(&rollout.memory.actor),
            critic: (!rollout.memory.critic.is_empty()).then(|| states(&rollout.memory.critic)),
        })
    }

    /// Those of other lanes, whose rows have these indices.
    pub(super) fn select(&self, rows: &Tensor<1, Int>, lanes: &[i32]) -> Self {
        let device = self.goes_on.device();
        let at = Tensor::<1, Int>::from_data(TensorData::new(lanes.to_vec(), [lanes.len()]), &device);
        Self {
            steps: self.steps,
            goes_on: self.goes_on.clone().select(0, rows.clone()),
            actor: self.actor.clone().select(0, at.clone()),
            critic: self.critic.clone().map(|x| x.select(0, at)),
        }
    }

    /// Those of a run of rows that holds whole sequences of neighbouring lanes.
    pub(super) fn rows(&self, range: Range<usize>) -> Self {
        let lanes = range.start / self.steps..range.end / self.steps;
        Self {
            steps: self.steps,
            goes_on: self.goes_on.clone().slice([range]),
            actor: self.actor.clone().slice([lanes.clone()]),
            critic: self.critic.clone().map(|x| x.slice([lanes])),
        }
    }
}

/// The order in which an epoch goes through a rollout: single rows, or the whole sequences of a policy with memory.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// Rows, minibatch after minibatch, those of sequences in order of time.
    pub(super) rows: Vec<i32>,
    /// The environment of each sequence in the same order; empty without memory.
    pub(super) lanes: Vec<i32>,
}

impl Order {
    /// As the rollout lies.
    pub(super) fn of(rollout: &RolloutBuffer) -> Self {
        let lanes = if rollout.memory.actor.is_empty() { 0 } else { rollout.num_envs };
        Self { rows: (0..rollout.len() as i32).collect(), lanes: (0..lanes as i32).collect() }
    }

    /// Another one for minibatches of so many rows.
    pub(super) fn shuffle(&mut self, minibatch: usize, rng: &mut StreamRng) {
        use rand::seq::SliceRandom;
        if self.lanes.is_empty() {
            return self.rows.shuffle(rng);
        }
        self.lanes.shuffle(rng);
        let envs = self.lanes.len();
        let steps = self.rows.len() / envs;
        self.rows.clear();
        for lanes in self.lanes.chunks(minibatch / steps) {
            self.rows.extend((0..steps).flat_map(|t| lanes.iter().map(move |e| (t * envs) as i32 + e)));
        }
    }
}

/// The layers of a memory, in the fixed order of parameters.
pub(super) fn layers(memory: &Option<MemoryModule>) -> impl Iterator<Item = &Linear> {
    memory.iter().flat_map(|memory| [&memory.input, &memory.hidden])
}

/// Gives the layers of a memory, in the fixed order, the weights and biases that `next` hands out.
pub(super) fn refill(memory: &mut Option<MemoryModule>, mut next: impl FnMut(&mut Linear)) {
    if let Some(memory) = memory {
        next(&mut memory.input);
        next(&mut memory.hidden);
    }
}

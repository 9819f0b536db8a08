//! What a policy remembers: recurrent cells, a step at a time, in plain Rust.
//!
//! In: rows of numbers, and what each row's episode left behind so far. Out: rows of what is now remembered.
//! Always: the same bits on every machine and in every batch (only IEEE basic operations, in a fixed order); an episode
//! begins with zeros. Not here: gradients through time (`ppo/memory.rs`), who keeps the state (`policy/`, `ppo/`).
//!
//! Gates, their order and both biases are those of PyTorch's `nn.GRU` and `nn.LSTM` (one layer); weights lie as
//! `[inputs, gates * size]`, the transpose of PyTorch's.
//!
//! ```text
//! a = x Wx + bx, b = h Wh + bh, cut into gates
//! gru  (r, z, n):    r = s(a_r + b_r), z = s(a_z + b_z), n = tanh(a_n + r b_n), h' = (1 - z) n + z h
//! lstm (i, f, g, o): c' = s(a_f + b_f) c + s(a_i + b_i) tanh(a_g + b_g), h' = s(a_o + b_o) tanh(c'), state (h', c')
//! ```
//!
//! Sources: Cho et al. 2014 (arXiv:1406.1078) with the reset after the product; Hochreiter and Schmidhuber 1997 with a
//! forget gate (Gers et al. 2000).

use super::layers::Dense;
use super::math;
use serde::{Deserialize, Serialize};

/// Units beyond which a size is a typing mistake.
pub(crate) const MEMORY_SIZE_MAX: usize = 1 << 14;

/// Kind of a recurrent layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryCell {
    /// Gated recurrent unit: remembers one number per unit.
    Gru,
    /// Long short-term memory: remembers two, the second of which it does not show.
    Lstm,
}

/// A recurrent layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// Which equations.
    pub cell: MemoryCell,
    /// From the input to all gates.
    pub input: Dense,
    /// From what was shown last to all gates.
    pub hidden: Dense,
}

/// What a policy remembers of the episode so far; empty at its beginning.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MemoryState {
    /// `[state_len]` of the actor.
    pub actor: Vec<f32>,
    /// `[state_len]` of a critic with a memory of its own.
    pub critic: Vec<f32>,
}

/// Buffers of [`Memory::step`], kept between calls.
#[derive(Debug, Clone, Default)]
pub struct MemoryScratch {
    shown: Vec<f32>,
    from_input: Vec<f32>,
    from_hidden: Vec<f32>,
}

impl MemoryCell {
    /// Blocks of columns in a weight.
    pub fn gates(self) -> usize {
        match self {
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Numbers remembered by `size` units.
    pub fn state_len(self, size: usize) -> usize {
        match self {
            Self::Gru => size,
            Self::Lstm => 2 * size,
        }
    }

    /// One step of one row: `a` and `b` as in the head of this file; `a` becomes the gates after their functions, `state` the
    /// new one.
    pub(crate) fn advance(self, a: &mut [f32], b: &[f32], state: &mut [f32]) {
        match self {
            Self::Gru => gru(a, b, state),
            Self::Lstm => lstm(a, b, state),
        }
    }

    /// The name in a configuration, a manifest and a message.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gru => "gru",
            Self::Lstm => "lstm",
        }
    }
}

impl MemoryState {
    /// A new episode begins.
    pub fn forget(&mut self) {
        self.actor.clear();
        self.critic.clear();
    }

    /// Actor first, then critic.
    pub fn to_vec(&self) -> Vec<f32> {
        [self.actor.as_slice(), &self.critic].concat()
    }
}

impl Memory {
    /// Length of one input.
    pub fn inputs(&self) -> usize {
        self.input.inputs
    }

    /// Units: length of what is shown to the layers above.
    pub fn size(&self) -> usize {
        self.hidden.inputs
    }

    /// Length of one state: what is shown, then for an LSTM its cells.
    pub fn state_len(&self) -> usize {
        self.cell.state_len(self.size())
    }

    /// Takes in a row of `input`, `[rows, inputs]`, for each row of `state`, `[rows, state_len]`; what is remembered then
    /// is in `scratch` ([`MemoryScratch::shown`]), and in `state` with all that goes on.
    ///
    /// # Panics
    /// If the slices are not the same whole number of rows.
    pub fn step(&self, input: &[f32], state: &mut [f32], scratch: &mut MemoryScratch) {
        let (size, gates) = (self.size(), self.input.outputs);
        let rows = input.len() / self.inputs();
        assert_eq!(input.len(), rows * self.inputs(), "the input is a whole number of rows");
        assert_eq!(state.len(), rows * self.state_len(), "there is a state for each input row");
        let MemoryScratch { shown, from_input, from_hidden } = scratch;
        shown.clear();
        shown.extend(state.chunks_exact(self.state_len()).flat_map(|row| &row[..size]));
        from_input.resize(rows * gates, 0.0);
        from_hidden.resize(rows * gates, 0.0);
        self.input.forward(input, from_input);
        self.hidden.forward(shown, from_hidden);
        let parts = from_input.chunks_exact_mut(gates).zip(from_hidden.chunks_exact(gates));
        let rows = parts.zip(state.chunks_exact_mut(self.state_len())).zip(shown.chunks_exact_mut(size));
        for (((a, b), state), shown) in rows {
            self.cell.advance(a, b, state);
            shown.copy_from_slice(&state[..size]);
        }
    }

    /// The same for one row whose state may be empty, as it is at the beginning of an episode.
    pub(super) fn step_one(&self, input: &[f32], state: &mut Vec<f32>, scratch: &mut MemoryScratch) {
        state.resize(self.state_len(), 0.0);
        self.step(input, state, scratch);
    }

    /// What is wrong with the sizes or numbers, in words; `place` names the network.
    ///
    /// # Errors
    /// The first fault, as `what is, what was expected`.
    pub(crate) fn validate(&self, place: &str) -> Result<(), String> {
        let (size, gates) = (self.size(), self.cell.gates());
        if size == 0 || size > MEMORY_SIZE_MAX || self.inputs() == 0 {
            let found = format!("{} inputs and {size} units", self.inputs());
            let expected = format!("expected at least one and at most {MEMORY_SIZE_MAX}");
            return Err(format!("the memory of the {place} has {found}, {expected}"));
        }
        for (name, layer) in [("input", &self.input), ("hidden", &self.hidden)] {
            let (w, b) = (layer.weight.len(), layer.bias.len());
            if layer.outputs != gates * size || Some(w) != layer.inputs.checked_mul(layer.outputs) || b != layer.outputs
            {
                let what =
                    format!("the {name} weights of the {place}'s memory map {} to {}", layer.inputs, layer.outputs);
                let expected = format!("{gates} gates of {size} units for a {}", self.cell.name());
                return Err(format!("{what} by {w} numbers and {b} biases, expected {expected}"));
            }
            if !layer.weight.iter().chain(&layer.bias).all(|x| x.is_finite()) {
                let what = format!("the {name} weights of the {place}'s memory hold a number that is not finite");
                return Err(format!("{what}, expected finite weights"));
            }
        }
        Ok(())
    }
}

impl MemoryScratch {
    /// What was remembered after the last step, `[rows, size]`.
    pub fn shown(&self) -> &[f32] {
        &self.shown
    }
}

/// `1 / (1 + exp(-x))`, as `(1 + tanh(x / 2)) / 2`: one function for all gates.
fn sigmoid_in_place(values: &mut [f32]) {
    values.iter_mut().for_each(|x| *x *= 0.5);
    math::tanh_in_place(values);
    values.iter_mut().for_each(|x| *x = 0.5 * *x + 0.5);
}

/// `state` is `h`.
fn gru(a: &mut [f32], b: &[f32], state: &mut [f32]) {
    let size = state.len();
    let (gates, new) = a.split_at_mut(2 * size);
    gates.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    sigmoid_in_place(gates);
    let (reset, keep) = gates.split_at(size);
    for ((n, r), b) in new.iter_mut().zip(reset).zip(&b[2 * size..]) {
        *n += r * b;
    }
    math::tanh_in_place(new);
    for ((h, z), n) in state.iter_mut().zip(keep).zip(new.iter()) {
        *h = (1.0 - z) * n + z * *h;
    }
}

/// `state` is `h`, then `c`.
fn lstm(a: &mut [f32], b: &[f32], state: &mut [f32]) {
    let size = state.len() / 2;
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    let (in_forget, rest) = a.split_at_mut(2 * size);
    let (candidate, out) = rest.split_at_mut(size);
    sigmoid_in_place(in_forget);
    math::tanh_in_place(candidate);
    sigmoid_in_place(out);
    let (shown, cells) = state.split_at_mut(size);
    let (take, keep) = in_forget.split_at(size);
    for (((c, f), i), g) in cells.iter_mut().zip(keep).zip(take).zip(candidate.iter()) {
        *c = f * *c + i * g;
    }
    shown.copy_from_slice(cells);
    math::tanh_in_place(shown);
    shown.iter_mut().zip(out.iter()).for_each(|(h, o)| *h *= o);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn numbers(value: &Value) -> Vec<f32> {
        value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number") as f32).collect()
    }

    /// The cells of `memory_golden.json`, made by PyTorch in double precision.
    fn golden() -> Vec<(Memory, Value)> {
        let text = include_str!("../../../tests/golden/memory_golden.json");
        let file: Value = serde_json::from_str(text).expect("JSON");
        let count = |case: &Value, key: &str| case[key].as_u64().expect("a count") as usize;
        let cases = file["cases"].as_array().expect("cases").iter();
        cases
            .map(|case| {
                let cell: MemoryCell = serde_json::from_value(case["cell"].clone()).expect("a cell");
                let (inputs, size) = (count(case, "inputs"), count(case, "size"));
                let dense = |inputs: usize, part: &str| Dense {
                    inputs,
                    outputs: cell.gates() * size,
                    weight: numbers(&case[format!("{part}_weight")]),
                    bias: numbers(&case[format!("{part}_bias")]),
                };
                (Memory { cell, input: dense(inputs, "input"), hidden: dense(size, "hidden") }, case.clone())
            })
            .collect()
    }

    #[test]
    fn both_cells_say_what_those_of_pytorch_say() {
        for (memory, case) in golden() {
            assert_eq!(memory.validate("actor"), Ok(()));
            let (inputs, size) = (memory.inputs(), memory.size());
            let rows = case["rows"].as_u64().expect("a count") as usize;
            let (x, expected) = (numbers(&case["x"]), numbers(&case["shown"]));
            let (mut state, mut scratch) = (numbers(&case["state"]), MemoryScratch::default());
            let steps = x.chunks_exact(rows * inputs).zip(expected.chunks_exact(rows * size));
            assert_eq!(steps.len(), 7, "the file has so many steps");
            for (x, expected) in steps {
                memory.step(x, &mut state, &mut scratch);
                for (mine, theirs) in scratch.shown().iter().zip(expected) {
                    assert!((mine - theirs).abs() < 1e-6, "{:?}: {mine} and {theirs}", memory.cell);
                }
            }
            for (mine, theirs) in state.iter().zip(numbers(&case["last_state"])) {
                assert!((mine - theirs).abs() < 1e-6, "{:?}: {mine} and {theirs}", memory.cell);
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_in_every_batch() {
        for (memory, case) in golden() {
            let x = numbers(&case["x"]);
            let rows = x.len() / memory.inputs();
            let mut together = vec![0.25; rows * memory.state_len()];
            let mut alone = together.clone();
            let mut scratch = MemoryScratch::default();
            memory.step(&x, &mut together, &mut scratch);
            for (x, state) in x.chunks_exact(memory.inputs()).zip(alone.chunks_exact_mut(memory.state_len())) {
                memory.step(x, state, &mut scratch);
            }
            assert_eq!(together, alone);
        }
    }

    #[test]
    fn an_episode_begins_with_zeros_and_weights_of_another_size_are_refused_in_words() {
        let (memory, case) = golden().remove(0);
        let x = &numbers(&case["x"])[..memory.inputs()];
        let (mut first, mut zeros) = (MemoryState::default(), vec![0.0; memory.state_len()]);
        let mut scratch = MemoryScratch::default();
        memory.step(x, &mut zeros, &mut scratch);
        for _ in 0..2 {
            memory.step_one(x, &mut first.actor, &mut scratch);
            assert_eq!(first.to_vec(), zeros);
            first.forget();
        }
        let mut bad = memory.clone();
        bad.hidden.outputs += 1;
        let text = bad.validate("critic").expect_err("another size");
        assert!(text.starts_with("the hidden weights of the critic's memory map 4 to 13 by 48 numbers"), "{text}");
        assert!(text.ends_with("expected 3 gates of 4 units for a gru"), "{text}");
        let mut bad = memory;
        bad.input.bias[2] = f32::NAN;
        assert!(bad.validate("actor").expect_err("not a number").contains("not finite"));
    }
}

//! The step of a memory as ONNX nodes.
//!
//! In: a memory, the names of its input and of the graph's `state_in`. Out: the names of what it shows and of its new state.
//! Always: the equations of `memory.rs`, gate by gate. Not here: the rest of the graph (`onnx.rs`).

use super::layers::Dense;
use super::memory::{Memory, MemoryCell};
use super::onnx::GraphBuilder;

/// Where the parts of a step find each other.
struct Step<'a> {
    builder: &'a mut GraphBuilder,
    /// Begins every name.
    place: String,
    size: usize,
    /// First column of this memory in `state_in`.
    at: usize,
}

impl GraphBuilder {
    /// The step of a memory, whose new state is appended to `states` in parts of `size` columns; returns the name of what
    /// it shows, or `input` itself without one.
    pub(super) fn memory(
        &mut self,
        name: &str,
        memory: Option<&Memory>,
        input: &str,
        states: &mut Vec<String>,
    ) -> String {
        let Some(memory) = memory else { return input.to_string() };
        let size = memory.size();
        let mut step = Step { builder: self, place: format!("{name}.memory"), size, at: states.len() * size };
        let shown = step.columns("shown", "state_in", step.at);
        let from_input = step.layer("input", &memory.input, input);
        let from_hidden = step.layer("hidden", &memory.hidden, &shown);
        let state = match memory.cell {
            MemoryCell::Gru => vec![step.gru(&from_input, &from_hidden, &shown)],
            MemoryCell::Lstm => step.lstm(&from_input, &from_hidden),
        };
        let out = state[0].clone();
        states.extend(state);
        out
    }
}

impl Step<'_> {
    fn node(&mut self, op: &str, inputs: &[&str], name: &str) -> String {
        self.builder.node(op, inputs, &format!("{}.{name}", self.place), &[])
    }

    fn columns(&mut self, name: &str, matrix: &str, from: usize) -> String {
        self.builder.columns(&format!("{}.{name}", self.place), matrix, from, self.size)
    }

    fn layer(&mut self, part: &str, layer: &Dense, x: &str) -> String {
        let place = format!("{}.{part}", self.place);
        let weight = self.builder.floats(&format!("{place}.weight"), &[layer.inputs, layer.outputs], &layer.weight);
        let bias = self.builder.floats(&format!("{place}.bias"), &[layer.outputs], &layer.bias);
        self.node("Gemm", &[x, &weight, &bias], &format!("{part}.sum"))
    }

    fn gru(&mut self, from_input: &str, from_hidden: &str, shown: &str) -> String {
        let mut gate = |name: &str, i: usize| {
            let x = self.columns(&format!("{name}.input"), from_input, i * self.size);
            let h = self.columns(&format!("{name}.hidden"), from_hidden, i * self.size);
            let sum = self.node("Add", &[&x, &h], &format!("{name}.sum"));
            self.node("Sigmoid", &[&sum], name)
        };
        let (reset, keep) = (gate("reset", 0), gate("keep", 1));
        let x = self.columns("new.input", from_input, 2 * self.size);
        let h = self.columns("new.hidden", from_hidden, 2 * self.size);
        let h = self.node("Mul", &[&reset, &h], "new.reset");
        let sum = self.node("Add", &[&x, &h], "new.sum");
        let new = self.node("Tanh", &[&sum], "new");
        let one = self.builder.scalar(&self.place, "one", 1.0);
        let rest = self.node("Sub", &[&one, &keep], "rest");
        let taken = self.node("Mul", &[&rest, &new], "taken");
        let kept = self.node("Mul", &[&keep, shown], "kept");
        self.node("Add", &[&taken, &kept], "out")
    }

    fn lstm(&mut self, from_input: &str, from_hidden: &str) -> Vec<String> {
        let cells = self.columns("cells", "state_in", self.at + self.size);
        let sums = self.node("Add", &[from_input, from_hidden], "sums");
        let mut gate = |name: &str, i: usize, op: &str| {
            let sum = self.columns(&format!("{name}.sum"), &sums, i * self.size);
            self.node(op, &[&sum], name)
        };
        let (take, keep) = (gate("take", 0, "Sigmoid"), gate("keep", 1, "Sigmoid"));
        let (new, show) = (gate("new", 2, "Tanh"), gate("show", 3, "Sigmoid"));
        let kept = self.node("Mul", &[&keep, &cells], "kept");
        let taken = self.node("Mul", &[&take, &new], "taken");
        let now = self.node("Add", &[&kept, &taken], "cells.out");
        let tanh = self.node("Tanh", &[&now], "cells.tanh");
        vec![self.node("Mul", &[&show, &tanh], "out"), now]
    }
}

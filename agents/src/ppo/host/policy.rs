//! The acting policy for batches of observations.
//!
//! In: a [`PolicyNetwork`]. Out: head parameters and values, with the bits of the network's own inference, in the widest
//! vector instructions of this machine. Not here: drawing actions (`artifact/head.rs`).

use super::gemm::{LANES, ROWS, Strip};
use super::knows;
use super::mlp::{Packed, Shape, Tape};
use super::simd::{Kernel, dispatch};
use crate::artifact::{CriticInput, Mlp, PolicyNetwork, Spread};

/// A network's weights in panels.
#[derive(Debug, Clone)]
pub(in crate::ppo) struct HostMlp {
    shape: Shape,
    packed: Packed,
}

/// Buffers for the rows that one thread computes at a time.
#[derive(Debug, Clone)]
pub(in crate::ppo) struct HostScratch {
    tape: Tape,
}

/// Actor and critic.
#[derive(Debug, Clone)]
pub(in crate::ppo) struct HostPolicy {
    pub(in crate::ppo) actor: HostMlp,
    pub(in crate::ppo) critic: HostMlp,
}

impl HostPolicy {
    /// `None` for networks of another kind: other activations, normalised layers, a shared trunk, and exploration that
    /// depends on the last hidden layer.
    pub(in crate::ppo) fn new(policy: &PolicyNetwork) -> Option<Self> {
        let plain = |mlp: &Mlp| mlp.norms.is_empty() && knows(mlp.activation);
        let known = plain(&policy.actor)
            && plain(&policy.critic)
            && policy.critic_input != CriticInput::Features
            && policy.heads.style.spread != Spread::Gsde;
        known.then(|| Self { actor: HostMlp::new(&policy.actor), critic: HostMlp::new(&policy.critic) })
    }

    /// Takes over new weights of the same sizes.
    pub(in crate::ppo) fn refresh(&mut self, policy: &PolicyNetwork) {
        self.actor.packed.pack_mlp(&self.actor.shape, &policy.actor);
        self.critic.packed.pack_mlp(&self.critic.shape, &policy.critic);
    }
}

impl HostMlp {
    fn new(mlp: &Mlp) -> Self {
        let shape = Shape::of(mlp, 0);
        let mut packed = Packed::new(&shape, false);
        packed.pack_mlp(&shape, mlp);
        Self { shape, packed }
    }

    /// Buffers of this network.
    pub(in crate::ppo) fn scratch(&self) -> HostScratch {
        HostScratch { tape: Tape::new(&self.shape, false) }
    }

    /// Evaluates `[rows, inputs]` into `out`, `[rows, outputs]`.
    pub(in crate::ppo) fn forward(&self, input: &[f32], scratch: &mut HostScratch, out: &mut [f32]) {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        debug_assert_eq!(input.len() / inputs, out.len() / outputs);
        for (input, out) in input.chunks(ROWS * inputs).zip(out.chunks_mut(ROWS * outputs)) {
            let rows = scratch.tape.load(inputs, input.chunks_exact(inputs));
            dispatch(Forward { mlp: self, tape: &mut scratch.tape, rows });
            let result = &scratch.tape.values[self.shape.layers.len()];
            for (r, row) in out.chunks_exact_mut(outputs).enumerate() {
                for (panel, part) in row.chunks_mut(LANES).enumerate() {
                    let strip: &Strip = &result[panel * ROWS + r];
                    part.copy_from_slice(&strip.0[..part.len()]);
                }
            }
        }
    }
}

struct Forward<'a> {
    mlp: &'a HostMlp,
    tape: &'a mut Tape,
    rows: usize,
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<const R: usize, const N: usize>(self) {
        self.tape.forward::<R, N>(&self.mlp.shape, &self.mlp.packed, self.rows);
    }
}

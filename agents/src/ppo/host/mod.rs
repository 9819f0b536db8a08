//! PPO on the processor without a tape: batched inference, and the analytic gradient of the loss.
//!
//! In: a rollout, Burn's network and optimiser. Out: the same, one update further; head parameters and values.
//! Always: the loss, the order of parameters and the records are those of the path on Burn; the same bytes for any number
//! of threads and any width of vector instructions. Not here: graphics cards, whose gradients come from Burn.

#![allow(clippy::needless_range_loop, reason = "one index into several arrays of equal length is what vectorises")]

mod adam;
mod gemm;
mod heads;
mod learner;
mod loss;
mod mlp;
mod policy;
mod simd;
#[cfg(test)]
mod tests;

pub(super) use learner::HostLearner;
pub(super) use policy::{HostMlp, HostPolicy, HostScratch};

use super::network_config::{MemoryChoice, NetworkConfig};
use crate::artifact::{ActionHead, Activation, CriticInput, HeadStyle};

/// Head parameters beyond which buffers of one column each would be too large.
const HEAD_LEN_MAX: usize = 4096;

/// Whether networks and distributions of this kind can be learnt here. What is new in either does not compile until it
/// is decided here.
pub(super) fn supports(network: &NetworkConfig, heads: &ActionHead) -> bool {
    let NetworkConfig {
        hidden: _,
        activation,
        layer_norm,
        log_std_init: _,
        policy_gain: _,
        distribution: _,
        spread: _,
        critic: _,
        critic_hidden: _,
        critic_observation: _,
        memory,
        memory_size: _,
    } = network;
    let plain = heads.style == HeadStyle::default() && network.critic_input() != CriticInput::Features;
    *memory == MemoryChoice::None && knows(*activation) && !layer_norm && plain && heads.parameter_len() <= HEAD_LEN_MAX
}

/// Whether an activation has a kernel here.
fn knows(activation: Activation) -> bool {
    match activation {
        Activation::Tanh | Activation::Relu => true,
        Activation::Elu | Activation::Gelu | Activation::Silu | Activation::LeakyRelu => false,
    }
}

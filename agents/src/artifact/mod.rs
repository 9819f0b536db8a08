//! The exported policy and its plain-Rust runtime.

mod head;
mod network;

pub use head::{head_len, log_prob, mode, sample};
pub use network::{Activation, Dense, Mlp, MlpScratch, PolicyNetwork};

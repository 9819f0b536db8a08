//! The exported policy and its plain-Rust runtime.

mod act;
mod head;
mod math;
mod network;

pub use act::{ActMode, ActScratch, Decision, InputError, clip_to_bounds};
pub use head::{MASKED_LOGIT, head_len, log_prob, mode, sample};
pub use network::{Activation, Dense, Mlp, MlpScratch, PolicyNetwork};

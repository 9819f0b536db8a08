//! The exported policy and its plain-Rust runtime.
//!
//! In: a trained network and what must travel with it. Out: a folder that any runtime loads, and our own runtime.
//! Always: no Burn; a loaded policy decides bit for bit as the exported one did. Not here: training (`ppo/`).

mod act;
mod error;
mod export;
mod golden;
mod head;
mod import;
mod manifest;
mod math;
mod network;
mod onnx;
mod onnx_proto;
#[cfg(test)]
mod tests;
mod weights;

pub use act::{ActMode, ActScratch, Decision, InputError, clip_to_bounds};
pub use error::ArtifactError;
pub use export::{GOLDEN_VECTORS_MIN, PolicyExport, export_policy};
pub use golden::{GoldenVector, PolicyInput, draw_inputs, write_cases};
pub use head::{MASKED_LOGIT, head_len, log_prob, mode, sample};
pub use import::LoadedPolicy;
pub use manifest::{
    ActionHeadRecord, EnvRecord, FORMAT_VERSION, MANIFEST_FILE, Manifest, MaskRule, NetworkRecord, ONNX_FILE,
    TrainingRecord, WEIGHTS_FILE, schema_sha256,
};
#[cfg(feature = "training")]
pub(crate) use math::{exp_wide, ln_wide, tanh, tanh_in_place};
#[cfg(feature = "training")]
pub(crate) use network::continuous_len;
pub use network::{Activation, Dense, Mlp, MlpScratch, PolicyNetwork};

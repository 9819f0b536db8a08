//! The exported policy and its plain-Rust runtime.
//!
//! In: a trained network and what must travel with it. Out: a folder that any runtime loads, and our own runtime.
//! Always: no Burn; a loaded policy decides bit for bit as the exported one did. Not here: training (`ppo/`).

mod act;
mod average;
mod density;
mod error;
mod export;
mod golden;
mod head;
mod import;
mod layers;
mod manifest;
mod math;
mod memory;
#[cfg(test)]
mod memory_tests;
mod network;
mod onnx;
mod onnx_memory;
mod onnx_proto;
mod style;
#[cfg(test)]
mod tests;
mod weights;

pub use act::{ActMode, ActScratch, Decision, InputError};
pub use error::ArtifactError;
pub use export::{GOLDEN_VECTORS_MIN, PolicyExport, export_policy};
pub use golden::{GoldenVector, PolicyInput, draw_inputs, write_cases};
pub use head::{
    MASKED_LOGIT, clip_to_bounds, deviations, from_units, log_prob, mode, sample, sample_with_noise, to_units,
};
pub use import::LoadedPolicy;
#[cfg(feature = "training")]
pub(crate) use layers::LAYER_NORM_EPSILON;
pub use layers::{Activation, Dense, LayerNorm, Mlp, MlpScratch};
pub use manifest::{
    ActionHeadRecord, EnvRecord, FORMAT_VERSION, MANIFEST_FILE, Manifest, MaskRule, MemoryRecord, NetworkRecord,
    ONNX_FILE, TrainingRecord, WEIGHTS_FILE, schema_sha256,
};
#[cfg(feature = "training")]
pub(crate) use math::{STIRLING_REST, exp_wide, ln_wide};
pub(crate) use math::{exp, tanh};
#[cfg(feature = "training")]
pub(crate) use memory::MEMORY_SIZE_MAX;
pub use memory::{Memory, MemoryCell, MemoryScratch, MemoryState};
#[cfg(feature = "training")]
pub(crate) use network::gsde_log_std;
pub use network::{CriticInput, NetworkShape, PolicyNetwork};
#[cfg(feature = "training")]
pub(crate) use style::GSDE_EPSILON;
pub use style::{ActionHead, Distribution, HeadStyle, LOG_STD_RANGE, Spread};

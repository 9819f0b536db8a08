//! Why PPO could not go on.

use crate::device::DeviceError;
use std::path::Path;

/// What can go wrong while training.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PpoError {
    /// Faults of the settings, all of them.
    #[error("{}\n\nhint: correct the keys named above", .0.join("\n"))]
    Config(Vec<String>),
    /// The device cannot be used.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The learner asked for cannot learn this.
    #[error(
        "learner `host` cannot be used: {found}, expected a CPU device and a network and action that it knows\n\n\
         hint: use `--learner auto`, or `--device flex`"
    )]
    Learner {
        /// Why not.
        found: &'static str,
    },
    /// The environments do not fit the settings, or PPO.
    #[error("the environments have {found}, expected {expected}\n\nhint: {hint}")]
    Environment {
        /// What they are.
        found: String,
        /// What they should be.
        expected: String,
        /// What to do.
        hint: String,
    },
    /// A number is infinite or not a number; nothing was saved since.
    #[error(
        "update {update}: {what} is not finite, expected a finite number; the trainer stopped and saves nothing more\n\n\
         hint: continue from the last checkpoint with a lower `ppo.learning_rate`, and check rewards and observations \
         with `flexai env check`"
    )]
    NotFinite {
        /// Which number.
        what: String,
        /// In which update, counted from 1.
        update: u64,
    },
    /// A file of a checkpoint is damaged, missing, or of another run.
    #[error("{file}: {found}, expected {expected}\n\nhint: use an older checkpoint of the same run")]
    Checkpoint {
        /// The file.
        file: String,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
}

impl PpoError {
    pub(super) fn checkpoint(file: &Path, found: impl ToString, expected: impl ToString) -> Self {
        Self::Checkpoint { file: file.display().to_string(), found: found.to_string(), expected: expected.to_string() }
    }
}

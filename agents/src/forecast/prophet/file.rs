//! Prophet in a file: JSON with a format number.
//!
//! In: a fitted forecaster, or a path. Out: a file, or the same forecaster again, to the last bit.
//! Always: a damaged file is refused with its path and what is wrong in it.
//! Not here: folders of several models and their manifest.

use super::super::contract::Target;
use super::forecaster::{ProphetForecaster, is_covered};
use super::tier::Tier;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What this program writes, and the only thing it reads.
const FORMAT: u32 = 1;
const KIND: &str = "prophet";

/// Why a file holds no forecaster that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ProphetFileError {
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no JSON of this shape, or its numbers cannot be those of a model.
    #[error("{}: no usable Prophet model: {reason}\n\nhint: fit the forecasts again with `flexai forecast fit`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    kind: String,
    target: Target,
    published: Option<Tier>,
    calendar: Tier,
}

/// What is read first, so that another format is told from a damaged file.
#[derive(Deserialize)]
struct Head {
    format: u32,
    kind: String,
}

impl ProphetForecaster {
    /// The file's text.
    pub fn to_json(&self) -> String {
        let (published, calendar) = self.tiers();
        let stored = Stored {
            format: FORMAT,
            kind: KIND.into(),
            target: self.target(),
            published: published.cloned(),
            calendar: calendar.clone(),
        };
        serde_json::to_string(&stored).expect("numbers and names serialise")
    }

    /// Reads [`ProphetForecaster::to_json`]; `path` is for messages.
    ///
    /// # Errors
    /// [`ProphetFileError::Damaged`].
    pub fn from_json(text: &str, path: &Path) -> Result<Self, ProphetFileError> {
        let damaged = |reason: String| ProphetFileError::Damaged { path: path.to_path_buf(), reason };
        let head: Head = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
        if head.format != FORMAT || head.kind != KIND {
            return Err(damaged(format!(
                "it is `{}` of format {}, expected `{KIND}` of format {FORMAT}",
                head.kind, head.format
            )));
        }
        let stored: Stored = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
        if !is_covered(stored.target) {
            return Err(damaged(format!("it is for {:?}, which Prophet does not cover", stored.target)));
        }
        if let Some(fault) = stored.published.iter().chain([&stored.calendar]).find_map(Tier::fault) {
            return Err(damaged(fault.into()));
        }
        if stored.calendar.model.is_published() {
            return Err(damaged("the model for missing forecasts needs forecasts".into()));
        }
        Ok(Self::of_tiers(stored.target, stored.published, stored.calendar))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`ProphetFileError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), ProphetFileError> {
        std::fs::write(path, self.to_json()).map_err(|source| ProphetFileError::Io { path: path.to_path_buf(), source })
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`ProphetFileError`].
    pub fn load(path: &Path) -> Result<Self, ProphetFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ProphetFileError::Io { path: path.to_path_buf(), source })?;
        Self::from_json(&text, path)
    }
}

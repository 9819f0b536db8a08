//! `best.json`: which checkpoint scored highest so far.
//!
//! In: a checkpoint and its score. Out: a small JSON file, and the path of the best checkpoint.
//! Always: a score that is no finite number never wins; an equal score leaves the earlier checkpoint best.
//! Not here: how a score is measured (evaluation).

use super::{Checkpoint, RunDir, checkpoint_name, replace_file};
use crate::fault::Fault;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Contents of `best.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Folder name inside `checkpoints/`.
    pub checkpoint: String,
    /// Its score; higher is better.
    pub score: f64,
    /// Environment steps at which it was taken.
    pub step: u64,
}

impl RunDir {
    /// The best checkpoint so far; `None` before the first score.
    ///
    /// # Errors
    /// A [`Fault`] if the file cannot be read.
    pub fn best(&self) -> Result<Option<Best>, Fault> {
        let path = self.best_path();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Fault::of_io(&path, "read the marker", &error)),
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Fault::new(
                format!("{}:{}", path.display(), error.line()),
                format!("not a marker of the best checkpoint: {error}"),
            )
            .hint("delete the file; the next evaluation writes it anew")
        })
    }

    /// Deletes the marker, before it is set anew.
    ///
    /// # Errors
    /// A [`Fault`] if the file is there but cannot be deleted.
    pub fn forget_best(&self) -> Result<(), Fault> {
        let path = self.best_path();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Fault::of_io(&path, "delete the marker", &error))
            }
            _ => Ok(()),
        }
    }

    /// Marks a checkpoint as best if it scores higher than the best so far; true if it does.
    ///
    /// # Errors
    /// A [`Fault`] if the file cannot be read or written.
    pub fn offer_best(&self, checkpoint: &Checkpoint, score: f64) -> Result<bool, Fault> {
        let better = score.is_finite() && self.best()?.is_none_or(|best| score > best.score);
        if better {
            let best = Best { checkpoint: checkpoint_name(checkpoint.step), score, step: checkpoint.step };
            let text = serde_json::to_string(&best).expect("a finite score always fits JSON");
            replace_file(&self.best_path(), format!("{text}\n").as_bytes())?;
        }
        Ok(better)
    }

    /// Folder of the best checkpoint; `None` before the first score.
    ///
    /// # Errors
    /// A [`Fault`] if the marker cannot be read.
    pub fn best_checkpoint(&self) -> Result<Option<PathBuf>, Fault> {
        Ok(self.best()?.map(|best| self.checkpoints().join(best.checkpoint)))
    }

    fn best_path(&self) -> PathBuf {
        self.path().join("best.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_higher_finite_score_takes_the_mark() {
        let folder = tempfile::tempdir().unwrap();
        let run_dir = RunDir::create(&folder.path().join("run")).unwrap();
        let at = |step| Checkpoint { step, path: PathBuf::new() };
        assert_eq!(run_dir.best().unwrap(), None);
        assert!(!run_dir.offer_best(&at(1), f64::NAN).unwrap());
        assert!(run_dir.offer_best(&at(2), -3.5).unwrap());
        assert!(!run_dir.offer_best(&at(3), -3.5).unwrap());
        assert!(run_dir.offer_best(&at(4), 1.0).unwrap());
        let best = run_dir.best().unwrap().unwrap();
        assert_eq!(best, Best { checkpoint: "000000004".into(), score: 1.0, step: 4 });
        assert_eq!(run_dir.best_checkpoint().unwrap().unwrap(), run_dir.checkpoints().join("000000004"));
    }
}

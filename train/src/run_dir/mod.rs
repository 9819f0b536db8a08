//! The run directory: everything a run leaves behind, in one folder.
//!
//! In: a path, the resolved configuration, what identifies the run. Out: named files and folders, checkpoints included.
//! Always: a folder with content is never written into by a new run; a changed `config.toml` is noticed by its hash.
//! Not here: what a checkpoint holds (the trainer), the lines of `metrics.jsonl` (`metrics`).

mod best;
mod checkpoint;
mod durable;
mod manifest;

pub use best::Best;
pub use checkpoint::{Checkpoint, Damaged, Latest, checkpoint_name, latest_valid, list_checkpoints, verify_checksums};
pub use durable::{replace_file, sha256_hex};
pub use manifest::{RunManifest, git_commit};

use crate::fault::Fault;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// A folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Where a run goes when nobody says: `ROOT/NAME-SEED-20261122T162940Z`.
    pub fn default_path(root: &Path, name: &str, seed: u64, now: Timestamp) -> PathBuf {
        root.join(format!("{name}-{seed}-{}", now.strftime("%Y%m%dT%H%M%SZ")))
    }

    /// A new run directory with its folders.
    ///
    /// # Errors
    /// A [`Fault`] if the path holds something already or cannot be made.
    pub fn create(path: &Path) -> Result<Self, Fault> {
        if path.is_file() {
            return Err(Fault::of_path(path, "this is a file, but a new or empty folder is expected")
                .hint("choose another --out"));
        }
        let occupied = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        if occupied {
            return Err(Fault::of_path(path, "the folder is not empty, but a new run needs a new or empty one")
                .hint(format!("choose another --out, or continue that run with --resume {}", path.display())));
        }
        let run_dir = Self { path: path.to_owned() };
        for folder in [run_dir.checkpoints(), run_dir.tensorboard(), run_dir.evaluation()] {
            std::fs::create_dir_all(&folder).map_err(|error| Fault::of_io(&folder, "make the folder", &error))?;
        }
        Ok(run_dir)
    }

    /// The directory of an earlier run.
    ///
    /// # Errors
    /// A [`Fault`] if there is no run in that folder.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let run_dir = Self { path: path.to_owned() };
        if !run_dir.config().is_file() || !run_dir.manifest().is_file() {
            return Err(Fault::of_path(
                path,
                "no run is kept here, but a folder with config.toml and run.json is expected",
            )
            .hint("name the folder that `flexai train` printed as run_dir"));
        }
        Ok(run_dir)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Resolved configuration.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// What identifies the run.
    pub fn manifest(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// Metrics, reproducible byte for byte.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// Wall times.
    pub fn timings(&self) -> PathBuf {
        self.path.join("timings.jsonl")
    }

    /// Folder of the TensorBoard events.
    pub fn tensorboard(&self) -> PathBuf {
        self.path.join("tensorboard")
    }

    /// Folder of the checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Folder of the evaluations.
    pub fn evaluation(&self) -> PathBuf {
        self.path.join("evaluation")
    }

    /// Keeps the resolved configuration and the manifest, which receives the configuration's hash.
    ///
    /// # Errors
    /// A [`Fault`] if a file cannot be written.
    pub fn write_identity(&self, resolved_config: &str, manifest: RunManifest) -> Result<RunManifest, Fault> {
        let manifest = RunManifest { config_sha256: sha256_hex(resolved_config.as_bytes()), ..manifest };
        replace_file(&self.config(), resolved_config.as_bytes())?;
        manifest.write(&self.manifest())?;
        Ok(manifest)
    }

    /// The manifest, after checking that the configuration is still the one the run was started with.
    ///
    /// # Errors
    /// A [`Fault`] if a file is missing or damaged, or the configuration was changed.
    pub fn read_identity(&self) -> Result<RunManifest, Fault> {
        let manifest = RunManifest::read(&self.manifest())?;
        let path = self.config();
        let bytes = std::fs::read(&path).map_err(|error| Fault::of_io(&path, "read the configuration", &error))?;
        let found = sha256_hex(&bytes);
        if found != manifest.config_sha256 {
            return Err(Fault::of_path(
                &path,
                format!("its SHA-256 is {found}, but the run was started with {}", manifest.config_sha256),
            )
            .hint("undo the change, or start a new run from this file"));
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> RunManifest {
        RunManifest::new(7, "flex", "2026-11-22T16:29:40Z".parse().unwrap(), vec!["train".into(), "a.toml".into()])
    }

    #[test]
    fn the_default_name_tells_configuration_seed_and_start() {
        let now: Timestamp = "2026-11-22T16:29:40Z".parse().unwrap();
        let path = RunDir::default_path(Path::new("runs"), "standard", 7, now);
        assert_eq!(path, Path::new("runs/standard-7-20261122T162940Z"));
    }

    #[test]
    fn a_folder_with_content_is_refused_with_a_hint_to_resume() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x"), "").unwrap();
        let text = RunDir::create(folder.path()).unwrap_err().to_string();
        let shown = folder.path().display();
        assert_eq!(
            text,
            format!(
                "{shown}: the folder is not empty, but a new run needs a new or empty one\n\n\
                 hint: choose another --out, or continue that run with --resume {shown}"
            )
        );
        let text = RunDir::create(&folder.path().join("x")).unwrap_err().to_string();
        assert!(text.contains("this is a file, but a new or empty folder is expected"), "{text}");
    }

    #[test]
    fn a_run_opens_again_and_a_changed_configuration_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let run_dir = RunDir::create(&folder.path().join("run")).unwrap();
        assert!(RunDir::open(run_dir.path()).unwrap_err().to_string().contains("no run is kept here"));
        let written = run_dir.write_identity("seed = 7\n", manifest()).unwrap();
        assert_eq!(written.config_sha256, sha256_hex(b"seed = 7\n"));
        let opened = RunDir::open(run_dir.path()).unwrap();
        assert_eq!(opened.read_identity().unwrap(), written);
        std::fs::write(run_dir.config(), "seed = 8\n").unwrap();
        let text = opened.read_identity().unwrap_err().to_string();
        assert!(text.contains("but the run was started with") && text.contains("hint: undo the change"), "{text}");
        std::fs::write(run_dir.manifest(), "{").unwrap();
        let text = opened.read_identity().unwrap_err().to_string();
        assert!(text.starts_with(&format!("{}:1: ", run_dir.manifest().display())), "{text}");
    }
}

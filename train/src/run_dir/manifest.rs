//! `run.json`: what identifies a run beside its configuration.
//!
//! In: seed, device, command line, start. Out: a small JSON file.
//! Always: a missing git is no fault; the commit is then absent.
//! Not here: results (`metrics.jsonl`, `evaluation/`).

use super::replace_file;
use crate::fault::Fault;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::{Command, Stdio};

/// Contents of `run.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunManifest {
    /// Version of the workbench that made the run.
    pub workbench_version: String,
    /// Seed of every random stream.
    pub seed: u64,
    /// Device the learner ran on.
    pub device: String,
    /// SHA-256 of `config.toml`, hexadecimal.
    pub config_sha256: String,
    /// Commit of the folder the run was started in, with `+changes` if the tree differed; absent without git.
    pub git_commit: Option<String>,
    /// Arguments of the program.
    pub command_line: Vec<String>,
    /// Start of the run, UTC.
    pub started_utc: Timestamp,
    /// Identity of the fitted forecast that was observed, with its hash; absent where nothing was fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<String>,
}

impl RunManifest {
    /// A manifest of this program version; the hash is filled in when it is written.
    pub fn new(seed: u64, device: &str, started_utc: Timestamp, command_line: Vec<String>) -> Self {
        Self {
            workbench_version: env!("CARGO_PKG_VERSION").to_owned(),
            seed,
            device: device.to_owned(),
            config_sha256: String::new(),
            git_commit: git_commit(Path::new(".")),
            command_line,
            started_utc,
            forecast: None,
        }
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Fault> {
        let mut text = serde_json::to_string_pretty(self).expect("strings and numbers always fit JSON");
        text.push('\n');
        replace_file(path, text.as_bytes())
    }

    pub(super) fn read(path: &Path) -> Result<Self, Fault> {
        let text = std::fs::read_to_string(path).map_err(|error| Fault::of_io(path, "read the manifest", &error))?;
        serde_json::from_str(&text).map_err(|error| {
            Fault::new(format!("{}:{}", path.display(), error.line()), format!("not a run manifest: {error}"))
                .hint("restore the file from a copy, or start a new run")
        })
    }
}

/// The commit a folder is at, if git and a repository are there.
pub fn git_commit(folder: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(folder).args(arguments).stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    Some(if changed { format!("{commit}+changes") } else { commit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_outside_any_repository_has_no_commit() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(git_commit(&folder.path().join("missing")), None);
    }
}

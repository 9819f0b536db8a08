//! What can be wrong with an artifact: each message says where, what was found, what was expected, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why an artifact could not be written or was refused.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file of the artifact is not there.
    #[error("{path}: no such file, expected a part of the policy artifact\n\nhint: {hint}", path = path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What to do.
        hint: &'static str,
    },
    /// The system refused to read or write.
    #[error("{path}: cannot {verb}: {source}\n\nhint: {hint}", path = path.display(), hint = io_hint(source))]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what its name promises.
    #[error("{path}: {reason}\n\nhint: {DAMAGED}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was found, and what was expected.
        reason: String,
    },
    /// Made by a workbench of another format.
    #[error(
        "{path}: format version {found}, this workbench reads versions {oldest} to {newest}\n\nhint: export the policy again with this workbench, or use the one that wrote it ({writer})",
        path = path.display()
    )]
    Version {
        /// The manifest.
        path: PathBuf,
        /// Version in the file.
        found: String,
        /// Oldest version understood here.
        oldest: u32,
        /// Newest version understood here.
        newest: u32,
        /// The workbench that wrote it, as far as the file says.
        writer: String,
    },
    /// The bytes of a file are not those that were exported.
    #[error("{path}: checksum {found}, the manifest says {expected}\n\nhint: {DAMAGED}", path = path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// SHA-256 of what is there.
        found: String,
        /// SHA-256 of what was exported.
        expected: String,
    },
    /// The policy reads another observation than it would be given.
    #[error(
        "{path}: {difference}; schema hash {artifact}, expected {expected}\n\nhint: run the scenario the policy was trained on (it is in the manifest), or train and export a policy on this one",
        path = path.display()
    )]
    Schema {
        /// The manifest.
        path: PathBuf,
        /// The first difference in words.
        difference: String,
        /// Hash in the artifact.
        artifact: String,
        /// Hash of the observation at hand.
        expected: String,
    },
    /// A golden vector does not come out as it was exported.
    #[error(
        "{path}: golden vector {index}: {what} is {found}, expected {expected}\n\nhint: weights and manifest do not belong together, or this build computes differently; export again and report it if that does not help",
        path = path.display()
    )]
    Golden {
        /// The manifest.
        path: PathBuf,
        /// Which vector.
        index: usize,
        /// Which number of it.
        what: String,
        /// Computed here.
        found: f32,
        /// Stored.
        expected: f32,
    },
    /// The target of an export holds something.
    #[error("{path}: {found}, expected an empty or absent folder\n\nhint: {hint}", path = path.display())]
    TargetExists {
        /// The folder.
        path: PathBuf,
        /// What is in it.
        found: String,
        /// What to do.
        hint: &'static str,
    },
    /// What was to be exported contradicts itself.
    #[error("the policy cannot be exported: {0}\n\nhint: network, spaces and schema must come from one checkpoint")]
    Inconsistent(String),
}

const DAMAGED: &str = "the file was changed or damaged; copy or export the artifact again";

/// Hint where the manifest is not there.
pub(super) const NOT_AN_ARTIFACT: &str = "name the folder that `flexai export` wrote; it holds manifest.json";
/// Hint where another part is not there.
pub(super) const INCOMPLETE: &str = "the artifact is incomplete; copy or export it again, all its files together";

impl ArtifactError {
    /// An error of the system while doing `verb` (read, write ...) at `path`.
    pub(super) fn io(path: &Path, verb: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), verb, source }
    }

    /// A file that does not hold what it should.
    pub(super) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_path_buf(), reason: reason.into() }
    }
}

fn io_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: free some space, then try again"
        }
        io::ErrorKind::PermissionDenied => "check the owner and the permissions of the folder, or choose another one",
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only: choose another folder",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a part of the path is a file: choose another folder"
        }
        io::ErrorKind::NotFound => "check the path",
        _ => "check the disk and the path, then try again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(kind: io::ErrorKind, text: &'static str) -> String {
        ArtifactError::io(Path::new("out/policy.onnx"), "write", io::Error::new(kind, text)).to_string()
    }

    #[test]
    fn a_full_disk_is_said_with_the_path_and_a_way_out() {
        assert_eq!(
            words(io::ErrorKind::StorageFull, "no space left on device"),
            "out/policy.onnx: cannot write: no space left on device\n\nhint: the disk is full: free some space, then try again"
        );
    }

    #[test]
    fn a_denied_permission_is_said_with_the_path_and_a_way_out() {
        assert_eq!(
            words(io::ErrorKind::PermissionDenied, "permission denied"),
            "out/policy.onnx: cannot write: permission denied\n\nhint: check the owner and the permissions of the folder, or choose another one"
        );
    }
}

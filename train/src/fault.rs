//! One fault as a person reads it: where, what was found, what was expected; then one action.
//!
//! In: a place, a sentence, a hint. Out: the text of STYLE rule 18 without the leading `error: `, which the binary prints.
//! Always: readable without colour.
//! Not here: printing, and ending the program (the commands).

use std::fmt;
use std::path::Path;

/// A fault with its place, its sentence and one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// File with line and column, a command line argument, or a folder.
    pub place: String,
    /// What was found and what was expected.
    pub message: String,
    /// One action that mends it.
    pub hint: Option<String>,
    /// Exit code of the program: 2 for wrong use or wrong input, 1 for a world that failed.
    pub exit_code: u8,
}

impl Fault {
    /// A fault in what the user gave.
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), hint: None, exit_code: 2 }
    }

    /// A fault of a file or folder.
    pub fn of_path(path: &Path, message: impl Into<String>) -> Self {
        Self::new(path.display().to_string(), message)
    }

    /// What the filesystem refused, with the hint that fits the cause.
    pub fn of_io(path: &Path, action: &str, error: &std::io::Error) -> Self {
        let hint = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                "free space on this disk, then resume"
            }
            std::io::ErrorKind::PermissionDenied => "choose a folder you may write to, or change its permissions",
            std::io::ErrorKind::ReadOnlyFilesystem => "choose a folder on a disk that can be written",
            std::io::ErrorKind::NotADirectory => "a part of the path is a file; choose another path",
            std::io::ErrorKind::NotFound => "check the path; a folder or file on it does not exist",
            _ => "check the disk and the path, then try again",
        };
        // A path that leads nowhere is wrong input; everything else is the world's fault.
        let nowhere = matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory);
        let exit_code = if nowhere { 2 } else { 1 };
        Self { exit_code, ..Self::of_path(path, format!("cannot {action}: {error}")).hint(hint) }
    }

    /// The same fault with an action.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_place_and_message_then_a_blank_line_and_the_hint() {
        let fault = Fault::new("a.toml:3:1", "`x` is 2, but 1 is expected").hint("write 1");
        assert_eq!(fault.to_string(), "a.toml:3:1: `x` is 2, but 1 is expected\n\nhint: write 1");
    }

    #[test]
    fn a_full_disk_is_named_with_the_action_that_failed() {
        let error = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let fault = Fault::of_io(Path::new("runs/a/metrics.jsonl"), "write a line", &error);
        assert_eq!(fault.exit_code, 1);
        let text = fault.to_string();
        assert!(text.starts_with("runs/a/metrics.jsonl: cannot write a line: "), "{text}");
        assert!(text.ends_with("hint: free space on this disk, then resume"), "{text}");
    }
}

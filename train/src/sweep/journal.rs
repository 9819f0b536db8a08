//! `sweep.jsonl`: everything a sweep decided and found, one line each, in the order it happened.
//!
//! In: events. Out: the same events after any end, a kill in the middle of a line included.
//! Always: lines are only added, each is on disk before the sweep goes on; one process at a time holds the file.
//! Not here: what follows from the events (`record.rs`).

use crate::fault::Fault;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Format of the lines.
pub const JOURNAL_VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first line: which sweep this is.
    Sweep {
        /// Format of the lines.
        version: u32,
        /// Version of the program that began it.
        workbench_version: String,
        /// SHA-256 of `sweep.toml`.
        sweep_sha256: String,
        /// SHA-256 of `base.toml`.
        base_sha256: String,
    },
    /// A point was drawn.
    Suggest {
        /// Its trial, from 0.
        trial: usize,
        /// Its generation, from 0.
        generation: usize,
        /// Values by key.
        values: Map<String, Value>,
    },
    /// A run came to a stop.
    Result {
        /// Its trial.
        trial: usize,
        /// Its training seed.
        seed: u64,
        /// The stop, from 0; the last one is the end of the run.
        rung: usize,
        /// What it came to.
        #[serde(flatten)]
        result: RunResult,
    },
    /// Who goes on after a stop.
    Promote {
        /// The generation.
        generation: usize,
        /// The stop.
        rung: usize,
        /// Trials that go on, by number.
        promoted: Vec<usize>,
    },
}

/// What a run had come to at a stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// How it went.
    pub status: RunStatus,
    /// Its metric; none if it failed.
    pub score: Option<f64>,
    /// Environment steps since its beginning.
    pub env_steps: u64,
    /// Wall time since the stop before, seconds; it differs from run to run.
    pub wall_seconds: f64,
    /// CPU time since the stop before, seconds; it differs from run to run.
    pub cpu_seconds: f64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It has a score.
    Done,
    /// It has none and never will.
    Failed,
    /// It was asked to stop before; the same call goes on. Never in a journal.
    Stopped,
}

/// The file, open for more lines.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// A new file with its first line.
    ///
    /// # Errors
    /// A [`Fault`] if the file exists or cannot be written.
    pub fn create(path: &Path, head: &Event) -> Result<Self, Fault> {
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let file = file.map_err(|error| Fault::of_io(path, "create the journal", &error))?;
        let mut journal = Self { path: path.to_owned(), file };
        journal.lock()?;
        journal.append(head)?;
        Ok(journal)
    }

    /// The file of an earlier sweep with its events; a last line that was cut short is taken off.
    ///
    /// # Errors
    /// A [`Fault`] if the file cannot be read, is in use, or has a damaged line before its last one.
    pub fn open(path: &Path) -> Result<(Self, Vec<Event>), Fault> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(|error| Fault::of_io(path, "open the journal", &error))?;
        let mut journal = Self { path: path.to_owned(), file };
        journal.lock()?;
        let read = |error: std::io::Error| Fault::of_io(path, "read the journal", &error);
        let mut bytes = Vec::new();
        journal.file.read_to_end(&mut bytes).map_err(read)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut events = Vec::new();
        for (index, line) in bytes[..whole].split_inclusive(|byte| *byte == b'\n').enumerate() {
            events.push(serde_json::from_slice(line).map_err(|error| {
                Fault::new(format!("{}:{}", path.display(), index + 1), format!("not a line of a sweep: {error}"))
                    .hint("restore the file from a copy, or start the sweep anew")
            })?);
        }
        let cut = journal.file.set_len(whole as u64).and_then(|()| journal.file.seek(SeekFrom::End(0)));
        cut.map_err(|error| Fault::of_io(path, "take off a line cut short", &error))?;
        Ok((journal, events))
    }

    /// Adds a line, and waits until it is on disk.
    ///
    /// # Errors
    /// A [`Fault`] if it cannot be written.
    pub fn append(&mut self, event: &Event) -> Result<(), Fault> {
        let mut line = serde_json::to_string(event).expect("events have string keys only");
        line.push('\n');
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| Fault::of_io(&self.path, "write a line", &error))
    }

    fn lock(&self) -> Result<(), Fault> {
        match self.file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                Err(Fault::of_path(&self.path, "another process runs this sweep, but one at a time is expected")
                    .hint("wait for it, or end it first"))
            }
            Err(TryLockError::Error(error)) => Err(Fault::of_io(&self.path, "lock the journal", &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Event {
        let text = String::new();
        Event::Sweep {
            version: JOURNAL_VERSION,
            workbench_version: text.clone(),
            sweep_sha256: text.clone(),
            base_sha256: text,
        }
    }

    fn result(score: f64) -> Event {
        let result = RunResult {
            status: RunStatus::Done,
            score: Some(score),
            env_steps: 128,
            wall_seconds: 0.1,
            cpu_seconds: 0.1,
            message: None,
        };
        Event::Result { trial: 3, seed: 1, rung: 0, result }
    }

    #[test]
    fn events_read_back_as_they_were_and_a_line_cut_short_is_taken_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.jsonl");
        let mut journal = Journal::create(&path, &head()).unwrap();
        journal.append(&result(0.1 + 0.2)).unwrap();
        drop(journal);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}{{\"event\":\"prom")).unwrap();
        let (mut journal, events) = Journal::open(&path).unwrap();
        assert_eq!(events, [head(), result(0.1 + 0.2)]);
        let promote = Event::Promote { generation: 0, rung: 0, promoted: vec![3] };
        journal.append(&promote).unwrap();
        drop(journal);
        assert_eq!(Journal::open(&path).unwrap().1, [head(), result(0.1 + 0.2), promote]);
    }

    #[test]
    fn a_journal_in_use_is_not_opened_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.jsonl");
        let journal = Journal::create(&path, &head()).unwrap();
        let text = Journal::open(&path).unwrap_err().to_string();
        assert!(text.contains("another process runs this sweep") && text.contains("\n\nhint: "), "{text}");
        drop(journal);
        Journal::open(&path).unwrap();
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.jsonl");
        std::fs::write(&path, "{\"event\":\"promote\",\"generation\":0,\"rung\":0,\"promoted\":[]}\nx\n").unwrap();
        let text = Journal::open(&path).unwrap_err().to_string();
        assert!(text.starts_with(&format!("{}:2: not a line of a sweep", path.display())), "{text}");
    }
}

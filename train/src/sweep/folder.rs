//! The folder of a sweep: its two configurations, its journal, its runs, its results.
//!
//! In: a path. Out: named files; a journal with what it says.
//! Always: the journal is made last, so that a folder with a journal is whole; configurations that were changed are
//! noticed by their hashes. Not here: what the lines mean (`record.rs`).

use super::config::SweepConfig;
use super::journal::{Event, JOURNAL_VERSION, Journal};
use crate::config::{ConfigError, load_config, resolved_toml};
use crate::fault::Fault;
use crate::run_dir::{RunDir, replace_file, sha256_hex};
use crate::setting::TrainConfig;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// A folder of one sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepDir {
    path: PathBuf,
}

impl SweepDir {
    /// Where a sweep goes when nobody says.
    pub fn default_path(root: &Path, config: &SweepConfig, now: Timestamp) -> PathBuf {
        RunDir::default_path(root, &format!("sweep-{}", config.name), config.seed, now)
    }

    /// A new folder with the resolved configurations and an empty journal.
    ///
    /// # Errors
    /// A [`Fault`] if the folder holds something already or cannot be written.
    pub fn create(path: &Path, config: &SweepConfig, base: &TrainConfig) -> Result<(Self, Journal), Fault> {
        let occupied = path.is_file() || !is_beginning(path);
        if occupied {
            return Err(Fault::of_path(path, "it is not empty, but a new sweep needs a new or empty folder").hint(
                format!("choose another --out, or continue that sweep with: flexai sweep --resume {}", path.display()),
            ));
        }
        std::fs::create_dir_all(path).map_err(|error| Fault::of_io(path, "make the folder", &error))?;
        let folder = Self { path: path.to_owned() };
        // Its base is resolved: the changes are in it, and it lies beside.
        let config = SweepConfig { base: "base.toml".into(), overrides: Vec::new(), ..config.clone() };
        let (sweep, base) = (resolved_toml(&config)?, resolved_toml(base)?);
        replace_file(&folder.base(), base.as_bytes())?;
        replace_file(&folder.config(), sweep.as_bytes())?;
        let head = Event::Sweep {
            version: JOURNAL_VERSION,
            workbench_version: env!("CARGO_PKG_VERSION").to_owned(),
            sweep_sha256: sha256_hex(sweep.as_bytes()),
            base_sha256: sha256_hex(base.as_bytes()),
        };
        // What an end before the first line left.
        let _ = std::fs::remove_file(folder.journal());
        let journal = Journal::create(&folder.journal(), &head)?;
        Ok((folder, journal))
    }

    /// The folder of an earlier sweep, its configuration, its journal and what that says.
    ///
    /// # Errors
    /// A [`Fault`] if there is no sweep, a file was changed, or another process runs it.
    pub fn open(path: &Path) -> Result<(Self, SweepConfig, Journal, Vec<Event>), Fault> {
        let folder = Self { path: path.to_owned() };
        if !folder.journal().is_file() || !folder.config().is_file() {
            return Err(Fault::of_path(
                path,
                "no sweep is kept here, but a folder with sweep.toml and sweep.jsonl is expected",
            )
            .hint("name the folder that `flexai sweep` printed, or begin anew: flexai sweep CONFIG --out DIR"));
        }
        let (journal, events) = Journal::open(&folder.journal())?;
        let Some(Event::Sweep { version: JOURNAL_VERSION, sweep_sha256, base_sha256, .. }) = events.first() else {
            let message = format!("its first line is not that of a sweep of format {JOURNAL_VERSION}");
            return Err(Fault::of_path(&folder.journal(), message).hint("begin the sweep anew in another folder"));
        };
        for (file, expected) in [(folder.config(), sweep_sha256), (folder.base(), base_sha256)] {
            let bytes = std::fs::read(&file).map_err(|error| Fault::of_io(&file, "read the configuration", &error))?;
            let found = sha256_hex(&bytes);
            if found != *expected {
                let message = format!("its SHA-256 is {found}, but the sweep was begun with {expected}");
                return Err(Fault::of_path(&file, message).hint("undo the change, or begin a new sweep from this file"));
            }
        }
        let config = load_config(&folder.config(), &[]).map_err(|error: ConfigError| error.faults()[0].clone())?;
        Ok((folder, config, journal, events))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved sweep file.
    pub fn config(&self) -> PathBuf {
        self.path.join("sweep.toml")
    }

    /// The resolved base.
    pub fn base(&self) -> PathBuf {
        self.path.join("base.toml")
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.path.join("sweep.jsonl")
    }
}

/// Whether a folder is not there, is empty, or holds no more than a sweep that ended before its first line leaves.
fn is_beginning(path: &Path) -> bool {
    let of_a_beginning = ["base.toml", "sweep.toml", ".base.toml.partial", ".sweep.toml.partial"];
    let mut entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.all(|entry| {
        let name = entry.file_name();
        let no_line = || std::fs::read(entry.path()).is_ok_and(|bytes| !bytes.contains(&b'\n'));
        of_a_beginning.iter().any(|known| name == *known) || (name == "sweep.jsonl" && no_line())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_that_ended_before_its_first_line_is_begun_anew_and_any_other_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, base) = (folder.path().join("sweep"), TrainConfig::default());
        let config = SweepConfig { base: "x.toml".into(), overrides: vec!["seed=1".into()], ..SweepConfig::default() };
        std::fs::create_dir(&path).unwrap();
        for (name, text) in [("base.toml", "half"), (".sweep.toml.partial", ""), ("sweep.jsonl", "{\"event\":\"sw")] {
            std::fs::write(path.join(name), text).unwrap();
        }
        let (opened, journal) = SweepDir::create(&path, &config, &base).unwrap();
        drop(journal);
        assert_eq!(Journal::open(&opened.journal()).unwrap().1.len(), 1);
        let text = SweepDir::create(&path, &config, &base).unwrap_err().to_string();
        assert!(text.contains("it is not empty") && text.contains("flexai sweep --resume"), "{text}");
        assert!(SweepDir::create(folder.path(), &config, &base).is_err(), "it holds a folder");
    }
}

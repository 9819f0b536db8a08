//! Checkpoints: whole folders that appear in one move and prove themselves by checksums.
//!
//! In: a step and a function that writes files. Out: `checkpoints/000123456/` with `checksums.json`.
//! Always: written to a temporary name, synced, renamed; a damaged checkpoint is refused by name, an older good one used.
//! Not here: what the files mean (the trainer), which checkpoint is best (`best.rs`).

use super::durable::{sha256_hex, sync_file, sync_folder};
use super::{RunDir, replace_file};
use crate::fault::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const CHECKSUMS: &str = "checksums.json";

/// A checkpoint folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Environment steps at which it was taken.
    pub step: u64,
    /// Its folder.
    pub path: PathBuf,
}

/// A checkpoint that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Its folder name.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The newest good checkpoint and the damaged ones that are newer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latest {
    /// The one to use.
    pub checkpoint: Checkpoint,
    /// Those that were passed over.
    pub damaged: Vec<Damaged>,
}

#[derive(Serialize, Deserialize)]
struct Checksums {
    /// SHA-256 by path inside the folder, with `/` between parts.
    files: BTreeMap<String, String>,
}

/// Folder name of a step; nine digits so that names sort like numbers.
pub fn checkpoint_name(step: u64) -> String {
    format!("{step:09}")
}

impl RunDir {
    /// Writes a checkpoint: `write` puts files into the folder it is given.
    ///
    /// # Errors
    /// A [`Fault`] of the disk, or what `write` returned; the checkpoint then does not exist.
    pub fn save_checkpoint(
        &self,
        step: u64,
        write: impl FnOnce(&Path) -> Result<(), Fault>,
    ) -> Result<Checkpoint, Fault> {
        let folder = self.checkpoints();
        let path = folder.join(checkpoint_name(step));
        let aside = folder.join(format!(".{}.partial", checkpoint_name(step)));
        let fault = |action: &'static str| move |path: &Path, error: std::io::Error| Fault::of_io(path, action, &error);
        remove_folder(&aside).map_err(|error| fault("clear the folder")(&aside, error))?;
        std::fs::create_dir_all(&aside).map_err(|error| fault("make the folder")(&aside, error))?;
        let written = write(&aside).and_then(|()| seal(&aside));
        if let Err(fault) = written {
            // The fault of the write is what counts; a rest is cleared by the next attempt.
            let _ = remove_folder(&aside);
            return Err(fault);
        }
        // A checkpoint of the same step, e.g. after a resume, gives way to the new one.
        remove_folder(&path).map_err(|error| fault("replace the folder")(&path, error))?;
        std::fs::rename(&aside, &path).map_err(|error| fault("name the checkpoint")(&path, error))?;
        sync_folder(&folder).map_err(|error| fault("sync the folder")(&folder, error))?;
        Ok(Checkpoint { step, path })
    }

    /// Deletes all but the newest `keep_last` checkpoints and the best one; returns what went.
    ///
    /// # Errors
    /// A [`Fault`] if a folder cannot be listed or deleted.
    pub fn prune_checkpoints(&self, keep_last: usize) -> Result<Vec<Checkpoint>, Fault> {
        let best = self.best()?.map(|best| best.checkpoint);
        let all = list_checkpoints(&self.checkpoints())?;
        let surplus = all.len().saturating_sub(keep_last.max(1));
        let is_best = |checkpoint: &Checkpoint| best == Some(checkpoint_name(checkpoint.step));
        let gone: Vec<Checkpoint> = all.into_iter().take(surplus).filter(|checkpoint| !is_best(checkpoint)).collect();
        for checkpoint in &gone {
            remove_folder(&checkpoint.path)
                .map_err(|error| Fault::of_io(&checkpoint.path, "delete the old checkpoint", &error))?;
        }
        Ok(gone)
    }
}

/// All checkpoints of a folder, oldest first; unfinished ones are not among them.
///
/// # Errors
/// A [`Fault`] if the folder cannot be listed.
pub fn list_checkpoints(folder: &Path) -> Result<Vec<Checkpoint>, Fault> {
    let entries = std::fs::read_dir(folder).map_err(|error| Fault::of_io(folder, "list the checkpoints", &error))?;
    let mut found: Vec<Checkpoint> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| {
            let step = entry.file_name().to_str()?.parse().ok()?;
            Some(Checkpoint { step, path: entry.path() })
        })
        .collect();
    found.sort_by_key(|checkpoint| checkpoint.step);
    Ok(found)
}

/// The newest checkpoint whose checksums hold and that `verify` accepts.
///
/// # Errors
/// A [`Fault`] naming every damaged checkpoint if none is good.
pub fn latest_valid(folder: &Path, verify: &dyn Fn(&Path) -> Result<(), String>) -> Result<Latest, Fault> {
    let mut damaged = Vec::new();
    for checkpoint in list_checkpoints(folder)?.into_iter().rev() {
        match verify_checksums(&checkpoint.path).and_then(|()| verify(&checkpoint.path)) {
            Ok(()) => return Ok(Latest { checkpoint, damaged }),
            Err(reason) => damaged.push(Damaged { name: checkpoint_name(checkpoint.step), reason }),
        }
    }
    if damaged.is_empty() {
        return Err(Fault::of_path(folder, "there is no checkpoint, but at least one is expected")
            .hint("the run ended before its first checkpoint; start it anew"));
    }
    let list: Vec<String> = damaged.iter().map(|damaged| format!("{} ({})", damaged.name, damaged.reason)).collect();
    Err(Fault::of_path(folder, format!("every checkpoint is damaged: {}", list.join("; ")))
        .hint("restore one from a copy, or start the run anew"))
}

/// Whether every file of a checkpoint is there and unchanged.
///
/// # Errors
/// What is missing or differs, in words.
pub fn verify_checksums(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path.join(CHECKSUMS)).map_err(|error| format!("{CHECKSUMS}: {error}"))?;
    let checksums: Checksums = serde_json::from_str(&text).map_err(|error| format!("{CHECKSUMS}: {error}"))?;
    for (name, expected) in &checksums.files {
        let bytes = std::fs::read(path.join(name)).map_err(|error| format!("{name}: {error}"))?;
        if sha256_hex(&bytes) != *expected {
            return Err(format!("{name}: the checksum differs, the file was cut short or changed"));
        }
    }
    Ok(())
}

/// Writes the checksums and forces everything to disk.
fn seal(folder: &Path) -> Result<(), Fault> {
    let fault = |error: std::io::Error| Fault::of_io(folder, "seal the checkpoint", &error);
    let mut files = BTreeMap::new();
    seal_files(folder, "", &mut files).map_err(fault)?;
    let text = serde_json::to_string_pretty(&Checksums { files }).expect("strings always fit JSON");
    replace_file(&folder.join(CHECKSUMS), format!("{text}\n").as_bytes())
}

fn seal_files(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            seal_files(&path, &format!("{name}/"), files)?;
        } else {
            sync_file(&path)?;
            files.insert(name, sha256_hex(&std::fs::read(&path)?));
        }
    }
    sync_folder(folder)
}

fn remove_folder(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_dir() -> (tempfile::TempDir, RunDir) {
        let folder = tempfile::tempdir().unwrap();
        let run_dir = RunDir::create(&folder.path().join("run")).unwrap();
        (folder, run_dir)
    }

    fn write_model(folder: &Path) -> Result<(), Fault> {
        std::fs::create_dir(folder.join("optimizer")).unwrap();
        std::fs::write(folder.join("optimizer/state.bin"), b"moments").unwrap();
        std::fs::write(folder.join("model.bin"), b"weights").unwrap();
        Ok(())
    }

    fn names(run_dir: &RunDir) -> Vec<String> {
        let all = list_checkpoints(&run_dir.checkpoints()).unwrap();
        all.iter().map(|checkpoint| checkpoint_name(checkpoint.step)).collect()
    }

    #[test]
    fn a_checkpoint_holds_its_files_and_their_checksums() {
        let (_folder, run_dir) = run_dir();
        let checkpoint = run_dir.save_checkpoint(123_456, write_model).unwrap();
        assert_eq!(checkpoint.path, run_dir.checkpoints().join("000123456"));
        let text = std::fs::read_to_string(checkpoint.path.join(CHECKSUMS)).unwrap();
        let checksums: Checksums = serde_json::from_str(&text).unwrap();
        assert_eq!(checksums.files.keys().collect::<Vec<_>>(), ["model.bin", "optimizer/state.bin"]);
        assert_eq!(checksums.files["model.bin"], sha256_hex(b"weights"));
        assert_eq!(verify_checksums(&checkpoint.path), Ok(()));
    }

    #[test]
    fn a_failed_write_leaves_no_checkpoint_and_a_repeated_step_replaces_the_old_one() {
        let (_folder, run_dir) = run_dir();
        let failed = run_dir.save_checkpoint(1, |_| Err(Fault::new("x", "y")));
        assert_eq!(failed.unwrap_err().to_string(), "x: y");
        assert_eq!(std::fs::read_dir(run_dir.checkpoints()).unwrap().count(), 0);
        run_dir.save_checkpoint(1, write_model).unwrap();
        let again = run_dir.save_checkpoint(1, |folder| {
            std::fs::write(folder.join("model.bin"), b"newer").unwrap();
            Ok(())
        });
        assert_eq!(std::fs::read(again.unwrap().path.join("model.bin")).unwrap(), b"newer");
        assert_eq!(names(&run_dir), ["000000001"]);
    }

    #[test]
    fn a_checkpoint_cut_short_is_refused_by_name_and_the_last_good_one_is_used() {
        let (_folder, run_dir) = run_dir();
        for step in [100, 200, 300] {
            run_dir.save_checkpoint(step, write_model).unwrap();
        }
        std::fs::write(run_dir.checkpoints().join("000000300/model.bin"), b"weigh").unwrap();
        std::fs::create_dir(run_dir.checkpoints().join(".000000400.partial")).unwrap();
        let accept = |_: &Path| Ok(());
        let latest = latest_valid(&run_dir.checkpoints(), &accept).unwrap();
        assert_eq!(latest.checkpoint.step, 200);
        assert_eq!(latest.damaged.len(), 1);
        assert_eq!(latest.damaged[0].name, "000000300");
        assert_eq!(latest.damaged[0].reason, "model.bin: the checksum differs, the file was cut short or changed");
        std::fs::remove_file(run_dir.checkpoints().join("000000200/optimizer/state.bin")).unwrap();
        std::fs::remove_file(run_dir.checkpoints().join("000000100").join(CHECKSUMS)).unwrap();
        let text = latest_valid(&run_dir.checkpoints(), &accept).unwrap_err().to_string();
        assert!(text.contains("every checkpoint is damaged: 000000300 (model.bin: "), "{text}");
        assert!(text.contains("; 000000200 (optimizer/state.bin: ") && text.contains("; 000000100 (checksums.json: "));
    }

    #[test]
    fn what_the_caller_cannot_load_counts_as_damaged() {
        let (_folder, run_dir) = run_dir();
        let text = latest_valid(&run_dir.checkpoints(), &|_| Ok(())).unwrap_err().to_string();
        assert!(text.contains("there is no checkpoint"), "{text}");
        run_dir.save_checkpoint(1, write_model).unwrap();
        run_dir.save_checkpoint(2, write_model).unwrap();
        let refuse_two =
            |path: &Path| if path.ends_with("000000002") { Err("of version 9".to_owned()) } else { Ok(()) };
        let latest = latest_valid(&run_dir.checkpoints(), &refuse_two).unwrap();
        assert_eq!((latest.checkpoint.step, latest.damaged[0].reason.as_str()), (1, "of version 9"));
    }

    #[test]
    fn pruning_keeps_the_newest_and_the_best() {
        let (_folder, run_dir) = run_dir();
        for step in [1, 2, 3, 4, 1_000_000_000] {
            let checkpoint = run_dir.save_checkpoint(step, write_model).unwrap();
            run_dir.offer_best(&checkpoint, -(step as f64 - 2.0).abs()).unwrap();
        }
        let gone = run_dir.prune_checkpoints(2).unwrap();
        assert_eq!(gone.iter().map(|checkpoint| checkpoint.step).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(names(&run_dir), ["000000002", "000000004", "1000000000"]);
    }
}

//! Weeks that were played before, on disk: a killed evaluation goes on where it was, a repeated one plays nothing.
//!
//! In: who played what. Out: what came of it. An entry is a file called by the digest of everything it depends on:
//! scenario, grid, program, player, week, job seed.
//! Always: an entry is written aside and renamed, and begins with its own digest; one that is damaged is played again,
//! with a warning. Not here: what is played.

use super::provenance::Provenance;
use crate::fault::Fault;
use crate::run_dir::sha256_hex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A folder of entries.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    provenance: Provenance,
    warnings: Mutex<Vec<String>>,
}

/// Everything that an entry depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Key<'a> {
    #[serde(flatten)]
    provenance: &'a Provenance,
    player: &'a str,
    week: String,
    job_seed: u64,
}

#[derive(Serialize)]
struct Stored<'a, T> {
    key: &'a Key<'a>,
    value: &'a T,
}

#[derive(Deserialize)]
struct Loaded<T> {
    value: T,
}

impl Cache {
    /// Opens a folder, which is made if need be.
    ///
    /// # Errors
    /// A [`Fault`] if it cannot be made.
    pub fn open(folder: &Path, provenance: Provenance) -> Result<Self, Fault> {
        std::fs::create_dir_all(folder).map_err(|e| {
            let fault = Fault::of_io(folder, "make the cache folder", &e);
            fault.hint("choose another folder with --cache, or do without by --no-cache")
        })?;
        Ok(Self { folder: folder.to_path_buf(), provenance, warnings: Mutex::default() })
    }

    /// What went wrong with entries since the last call; none of it spoils a result.
    pub fn take_warnings(&self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut *self.locked());
        warnings.sort();
        warnings
    }

    pub(super) fn key<'a>(&'a self, player: &'a str, week: String, job_seed: u64) -> Key<'a> {
        Key { provenance: &self.provenance, player, week, job_seed }
    }

    /// What was stored under a key, if it is there and whole.
    pub(super) fn load<T: DeserializeOwned>(&self, key: &Key<'_>) -> Option<T> {
        let path = self.path(key);
        let text = std::fs::read(&path).ok()?;
        let found = read_entry(&text);
        if found.is_none() {
            self.warn(format!("{}: this cache entry is damaged; its week is played again", path.display()));
        }
        found
    }

    /// Stores a result; a disk that refuses it costs time later, not the result.
    pub(super) fn store<T: Serialize>(&self, key: &Key<'_>, value: &T) {
        let path = self.path(key);
        let body = serde_json::to_string(&Stored { key, value }).expect("entries have string keys only");
        let text = format!("{}\n{body}", sha256_hex(body.as_bytes()));
        if let Err(error) = write_entry(&path, text.as_bytes()) {
            self.warn(format!("{}: this cache entry cannot be written: {error}", path.display()));
        }
    }

    fn path(&self, key: &Key<'_>) -> PathBuf {
        let text = serde_json::to_string(key).expect("keys have string keys only");
        let digest = sha256_hex(text.as_bytes());
        self.folder.join(&digest[..2]).join(format!("{digest}.json"))
    }

    fn warn(&self, text: String) {
        self.locked().push(text);
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.warnings.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn read_entry<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let (digest, body) = (&text[..end], &text[end + 1..]);
    if digest != sha256_hex(body).as_bytes() {
        return None;
    }
    serde_json::from_slice::<Loaded<T>>(body).ok().map(|loaded| loaded.value)
}

/// Writes aside and renames. The name aside is the process's own, because two evaluations may share a cache; nothing is
/// forced to disk, because an entry that a crash cut short is known by its digest.
fn write_entry(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = folder.join(format!(".{name}.{}.partial", std::process::id()));
    let written = std::fs::write(&aside, text).and_then(|()| std::fs::rename(&aside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance() -> Provenance {
        Provenance { scenario: "s".into(), grid: "g".into(), code: "c".into() }
    }

    #[test]
    fn an_entry_comes_back_and_a_damaged_one_is_ignored_with_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), provenance()).unwrap();
        let key = cache.key("fifo", "2024-04-01T00:00:00Z".into(), 7);
        assert_eq!(cache.load::<Vec<f64>>(&key), None);
        cache.store(&key, &vec![0.1, 1.0 / 3.0]);
        assert_eq!(cache.load(&key), Some(vec![0.1, 1.0 / 3.0]));
        assert!(cache.take_warnings().is_empty());
        let path = cache.path(&key);
        let whole = std::fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        *flipped.iter_mut().rfind(|byte| **byte == b'3').unwrap() = b'4';
        let cut = whole[..whole.len() - 5].to_vec();
        for damaged in [flipped, cut, Vec::new(), b"no digest".to_vec()] {
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(cache.load::<Vec<f64>>(&key), None);
            let warnings = cache.take_warnings();
            assert!(
                warnings.len() == 1 && warnings[0].contains("is damaged; its week is played again"),
                "{warnings:?}"
            );
        }
        cache.store(&key, &vec![2.0]);
        assert_eq!(cache.load(&key), Some(vec![2.0]));
        let names = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(names, 1, "nothing is left aside");
    }

    #[test]
    fn every_ingredient_of_a_key_changes_the_entry() {
        let folder = tempfile::tempdir().unwrap();
        let open = |provenance| Cache::open(folder.path(), provenance).unwrap();
        let cache = open(provenance());
        let of = |cache: &Cache, player: &str, week: &str, seed| cache.path(&cache.key(player, week.into(), seed));
        let first = of(&cache, "fifo", "w", 1);
        assert_eq!(first, of(&open(provenance()), "fifo", "w", 1));
        let others = [
            of(&open(Provenance { scenario: "x".into(), ..provenance() }), "fifo", "w", 1),
            of(&open(Provenance { grid: "x".into(), ..provenance() }), "fifo", "w", 1),
            of(&open(Provenance { code: "x".into(), ..provenance() }), "fifo", "w", 1),
            of(&cache, "random", "w", 1),
            of(&cache, "fifo", "v", 1),
            of(&cache, "fifo", "w", 2),
        ];
        for (i, other) in others.iter().enumerate() {
            assert_ne!(*other, first);
            assert!(!others[..i].contains(other));
        }
    }
}

//! Files that survive a crash: written aside, synced, renamed.
//!
//! In: bytes and a path. Out: the old content or the new one on disk, never a mixture.
//! Always: the folder is synced after a rename, so that the name survives too.
//! Not here: which files make a checkpoint (`checkpoint.rs`).

use crate::fault::Fault;
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Replaces a file in one move.
///
/// # Errors
/// A [`Fault`] naming the file and what failed.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".partial");
    let aside = path.with_file_name(name);
    let written = File::create(&aside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| std::fs::rename(&aside, path));
    if moved.is_err() {
        // The fault of the write is what counts; a file left aside is replaced by the next attempt.
        let _ = std::fs::remove_file(&aside);
    }
    moved.and_then(|()| sync_folder(parent(path))).map_err(|error| Fault::of_io(path, "write the file", &error))
}

/// SHA-256 in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Forces a file to disk.
pub(super) fn sync_file(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// Forces the names in a folder to disk; where folders cannot be opened (Windows) there is nothing to do.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// The folder of a path; a bare name lies in the current one.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // FIPS 180-4 example "abc".
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_replacement_that_fails_leaves_the_folder_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        std::fs::create_dir_all(path.join("inner")).unwrap();
        let text = replace_file(&path, b"x").unwrap_err().to_string();
        assert!(text.contains("taken: cannot write the file: "), "{text}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

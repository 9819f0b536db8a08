//! Files that a scenario names: workload traces, lists of events, tables of regional carbon.
//!
//! In: a scenario and the folder of the file it was read from. Out: the same scenario with whole paths.
//! Always: this is the one place where a scenario's paths are resolved; a run directory then holds whole paths, as it does
//! for its grid table, and works from any folder. An exported policy keeps the names of the files alone.
//! Not here: reading them (`flexai-env`), which refuses a missing file by its path.

use flexai_env::site::SiteConfig;
use std::path::{Path, PathBuf};

/// Makes every path of a scenario whole: counted from the scenario's folder, or, where nothing lies there, from the
/// folder one is in, as for paths given on the command line.
pub(super) fn locate_files(scenario: &mut SiteConfig, folder: &Path) {
    scenario.resolve_files(|path| {
        let beside = folder.join(path);
        whole(if beside.exists() || !path.exists() { &beside } else { path })
    });
}

/// Leaves the names of a scenario's files: their folders mean nothing on another machine.
pub fn forget_folders(scenario: &mut SiteConfig) {
    scenario.resolve_files(|path| path.file_name().map_or_else(|| path.to_path_buf(), PathBuf::from));
}

fn whole(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(path: &str) -> SiteConfig {
        SiteConfig { regional_carbon: Some(path.into()), ..SiteConfig::default() }
    }

    fn located(path: &str, folder: &Path) -> PathBuf {
        let mut scenario = scenario(path);
        locate_files(&mut scenario, folder);
        scenario.regional_carbon.expect("it is kept")
    }

    #[test]
    fn a_path_counts_from_the_scenario_then_from_here_and_becomes_whole() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("scenarios")).unwrap();
        std::fs::write(root.join("carbon.csv"), "").unwrap();
        // Beside the scenario, through `..`.
        assert_eq!(located("../carbon.csv", &root.join("scenarios")), root.join("carbon.csv"));
        // Tests run in the folder of their crate, which has a manifest; the scenario's folder has none.
        assert_eq!(located("Cargo.toml", &root), Path::new("Cargo.toml").canonicalize().unwrap());
        std::fs::write(root.join("Cargo.toml"), "").unwrap();
        assert_eq!(located("Cargo.toml", &root), root.join("Cargo.toml"), "the scenario's own comes first");
        // What is nowhere is looked for, and missed, beside the scenario.
        assert_eq!(located("missing.csv", &root), root.join("missing.csv"));
        assert_eq!(located("/missing.csv", &root), Path::new("/missing.csv"));
    }

    #[test]
    fn an_exported_scenario_keeps_names_without_folders() {
        let mut scenario = scenario("some/folder/carbon.csv");
        forget_folders(&mut scenario);
        assert_eq!(scenario.regional_carbon.as_deref(), Some(Path::new("carbon.csv")));
    }
}

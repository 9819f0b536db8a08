//! What an evaluation rests on, as digests: scenario, grid, program.
//!
//! Always: equal digests mean equal numbers for equal policies, weeks and seeds. The digest of the program is that of the
//! running file: whatever changes in the code changes it. Not here: policies, whose identity comes with them.

use crate::fault::Fault;
use crate::run_dir::sha256_hex;
use crate::setting::forget_folders;
use flexai_env::grid::{DayAheadPersistence, ForecastSource, GridTrace, Signal};
use flexai_env::site::{SiteConfig, SiteSetup};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Digests of what an evaluation rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The scenario with the content of every file that it names, wherever they lie.
    pub scenario: String,
    /// The values of the grid table, whatever its file is called.
    pub grid: String,
    /// The program.
    pub code: String,
}

impl Provenance {
    /// Of a scenario on its grid, by the running program.
    ///
    /// # Errors
    /// A [`Fault`] if a file of the scenario, or the program's own, cannot be read.
    pub fn of(setup: &SiteSetup) -> Result<Self, Fault> {
        let mut scenario = scenario_digest(&setup.config)?;
        let forecast = setup.forecast_source().identity();
        if forecast != DayAheadPersistence.identity() {
            // A forecast is part of what was played; without another one digests stay what they were.
            scenario = sha256_hex(format!("{scenario}\n{forecast}").as_bytes());
        }
        Ok(Self { scenario, grid: grid_digest(&setup.trace), code: code_digest()? })
    }
}

fn scenario_digest(config: &SiteConfig) -> Result<String, Fault> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut named = config.clone();
    named.resolve_files(|path| {
        files.push(path.to_path_buf());
        path.to_path_buf()
    });
    forget_folders(&mut named);
    let text = serde_json::to_string(&named).expect("a scenario has string keys only");
    let contents = files.iter().map(|path| file_digest(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(sha256_hex(format!("{text}\n{}", contents.join("\n")).as_bytes()))
}

fn grid_digest(trace: &GridTrace) -> String {
    let mut digest = Sha256::new();
    digest.update(trace.start().to_string());
    digest.update((trace.len() as u64).to_le_bytes());
    for signal in Signal::all() {
        digest.update(signal.column_name());
        let bytes: Vec<u8> = trace.column(signal).iter().flat_map(|x| x.to_bits().to_le_bytes()).collect();
        digest.update(&bytes);
    }
    hexadecimal(&digest.finalize())
}

/// Digest of the running program, read once.
fn code_digest() -> Result<String, Fault> {
    static DIGEST: OnceLock<Result<String, Fault>> = OnceLock::new();
    let read = || {
        // Where the system has this link it leads to the program that runs, even if a new build has taken its place since:
        // a long training run must not be lost at its end for that.
        file_digest(Path::new("/proc/self/exe")).or_else(|_| {
            let path =
                std::env::current_exe().map_err(|e| Fault::of_io(Path::new("flexai"), "find the program", &e))?;
            file_digest(&path)
        })
    };
    DIGEST.get_or_init(read).clone()
}

/// SHA-256 of a file.
///
/// # Errors
/// A [`Fault`] if it cannot be read.
pub fn file_digest(path: &Path) -> Result<String, Fault> {
    let bytes = std::fs::read(path).map_err(|e| Fault::of_io(path, "read the file", &e))?;
    Ok(sha256_hex(&bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flexai_env::grid::{Period, SourceKind, TraceSource};

    fn trace(name: &str, price: f64) -> GridTrace {
        let source = TraceSource { name: name.into(), kind: SourceKind::Real };
        let mut trace = GridTrace::holes(source, Period(0), 10);
        trace.set(Signal::IntradayPrice, 3, Some(price));
        trace
    }

    #[test]
    fn the_digest_of_a_grid_follows_its_values_and_not_its_name() {
        let digest = grid_digest(&trace("a", 50.0));
        assert_eq!(digest, grid_digest(&trace("b", 50.0)));
        assert_ne!(digest, grid_digest(&trace("a", 50.5)));
        assert_eq!(digest.len(), 64);
    }

    #[test]
    fn the_digest_of_a_scenario_follows_the_content_of_its_files_and_not_their_folder() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |folder: &Path, text: &str| {
            let path = folder.join("carbon.csv");
            std::fs::write(&path, text).unwrap();
            SiteConfig { regional_carbon: Some(path), ..SiteConfig::default() }
        };
        let first = scenario_digest(&write(here.path(), "a")).unwrap();
        assert_eq!(first, scenario_digest(&write(there.path(), "a")).unwrap());
        assert_ne!(first, scenario_digest(&write(there.path(), "b")).unwrap());
        assert_ne!(first, scenario_digest(&SiteConfig::default()).unwrap());
        let other = SiteConfig { carbon_price_gbp_per_tonne: 86.0, ..write(here.path(), "a") };
        assert_ne!(first, scenario_digest(&other).unwrap());
        std::fs::remove_file(here.path().join("carbon.csv")).unwrap();
        let gone = SiteConfig { regional_carbon: Some(here.path().join("carbon.csv")), ..SiteConfig::default() };
        assert!(scenario_digest(&gone).unwrap_err().to_string().contains("carbon.csv: cannot read the file"));
    }
}

//! Grid tables and scenarios by name or path.

use super::files::locate_files;
use crate::config::{Config, ConfigError, Faults, load_config};
use crate::fault::Fault;
use flexai_env::grid::{GridTrace, ImportOptions, Signal, Split, embedded_trace, read_trace};
use flexai_env::site::{SiteConfig, SiteSetup};
use std::path::Path;
use std::sync::Arc;

/// Name of the grid that needs no file.
pub const EMBEDDED_GRID: &str = "embedded";

impl Config for SiteConfig {
    fn validate(&self) -> Faults {
        let mut faults = Faults::default();
        for (key, message) in SiteConfig::validate(self) {
            faults.push(&key, format!("`{key}` {message}"));
        }
        faults
    }
}

/// Reads a scenario file; paths in it count from its own folder.
///
/// # Errors
/// [`ConfigError`] with every fault of the file.
pub fn load_scenario(path: &Path, overrides: &[String]) -> Result<SiteConfig, ConfigError> {
    let mut scenario: SiteConfig = load_config(path, overrides)?;
    locate_files(&mut scenario, path.parent().unwrap_or(Path::new("")));
    Ok(scenario)
}

/// The embedded synthetic grid, or a table read from a path.
///
/// # Errors
/// A [`Fault`] naming line, column and what was expected.
pub fn load_grid(name: &str) -> Result<Arc<GridTrace>, Fault> {
    if name == EMBEDDED_GRID {
        return Ok(Arc::new(embedded_trace()));
    }
    let options =
        ImportOptions { required: vec![Signal::IntradayPrice, Signal::CarbonIntensity], ..ImportOptions::default() };
    let (trace, _report) = read_trace(Path::new(name), &options).map_err(as_fault)?;
    Ok(Arc::new(trace))
}

/// Errors of the environment bring place and hint in their own text.
pub(super) fn as_fault(error: impl std::error::Error) -> Fault {
    let text = error.to_string();
    let (body, hint) = match text.split_once("\n\nhint: ") {
        Some((body, hint)) => (body.to_string(), Some(hint.to_string())),
        None => (text, None),
    };
    let (place, message) = body.split_once(": ").map_or(("grid", body.as_str()), |(place, rest)| (place, rest));
    Fault { hint, ..Fault::new(place, message) }
}

/// Where training windows and fits may lie: the train split, or anywhere if the table has nothing of it.
pub fn training_range(grid: &GridTrace) -> std::ops::Range<usize> {
    let train = Split::Train.indices(grid);
    if train.is_empty() { 0..grid.len() } else { train }
}

/// A scenario on a grid; training windows lie in the train split, or anywhere if the table has nothing of it.
///
/// # Errors
/// A [`Fault`] if the scenario cannot run on the grid.
pub fn site_setup(scenario: SiteConfig, grid: Arc<GridTrace>) -> Result<Arc<SiteSetup>, Fault> {
    let training = training_range(&grid);
    SiteSetup::new(scenario, grid, training).map(Arc::new).map_err(as_fault)
}

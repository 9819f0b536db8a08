//! Prophets of several targets as one forecaster, for the registry of members.
//!
//! In: a trace to fit, or bytes. Out: [`ProphetSet`]. Always: one Prophet per target, in the order of [`Target::ALL`].
//! Not here: the single Prophet (`forecaster.rs`), its file (`file.rs`).

use super::super::contract::{Distribution, Forecaster, Provenance, Target};
use super::file::ProphetFileError;
use super::forecaster::{ProphetFitError, ProphetForecaster, ProphetOptions};
use flexai_env::grid::{ForecastGap, GridTrace, Knowledge};
use std::ops::Range;
use std::path::Path;

/// One Prophet per target.
#[derive(Debug, Clone)]
pub struct ProphetSet {
    prophets: Vec<ProphetForecaster>,
}

impl ProphetSet {
    /// Fits every target that Prophet covers to a range of a trace, as chosen on the validation split.
    ///
    /// # Errors
    /// [`ProphetFitError`] of the first that cannot be fitted.
    pub fn fit(trace: &GridTrace, range: Range<usize>) -> Result<Self, ProphetFitError> {
        let covered = Target::ALL.into_iter().filter_map(|target| ProphetOptions::of(target).map(|o| (target, o)));
        let fitted = covered.map(|(target, o)| ProphetForecaster::fit(trace, range.clone(), target, &o));
        Ok(Self { prophets: fitted.collect::<Result<_, _>>()? })
    }

    /// The Prophet of a target.
    pub fn of(&self, target: Target) -> Option<&ProphetForecaster> {
        self.prophets.iter().find(|prophet| prophet.target() == target)
    }

    /// One line of JSON per target, as [`ProphetForecaster::to_json`] writes it.
    pub fn to_json_lines(&self) -> String {
        self.prophets.iter().map(|prophet| prophet.to_json() + "\n").collect()
    }

    /// Reads [`ProphetSet::to_json_lines`]; `path` is for messages.
    ///
    /// # Errors
    /// [`ProphetFileError::Damaged`].
    pub fn from_json_lines(text: &str, path: &Path) -> Result<Self, ProphetFileError> {
        let prophets =
            text.lines().map(|line| ProphetForecaster::from_json(line, path)).collect::<Result<Vec<_>, _>>()?;
        let damaged = |reason: &str| ProphetFileError::Damaged { path: path.to_path_buf(), reason: reason.into() };
        if prophets.is_empty() {
            return Err(damaged("it is empty"));
        }
        let twice = |i: usize| prophets[..i].iter().any(|before| before.target() == prophets[i].target());
        if (0..prophets.len()).any(twice) {
            return Err(damaged("it holds a target twice"));
        }
        Ok(Self { prophets })
    }
}

impl Forecaster for ProphetSet {
    fn name(&self) -> &str {
        "prophet"
    }

    fn covers(&self, target: Target) -> bool {
        self.of(target).is_some()
    }

    fn predict(
        &self,
        known: &Knowledge<'_>,
        target: Target,
        first: usize,
        out: &mut [Distribution],
    ) -> Result<Provenance, ForecastGap> {
        let prophet = self.of(target).expect("a forecaster is asked for what it covers");
        prophet.predict(known, target, first, out)
    }
}

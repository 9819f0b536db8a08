//! Regional carbon intensity: one half-hourly series per region of the Carbon Intensity API, with its holes.
//!
//! In: values by region and period, read from a publisher's format or simulated. Out: values by region and index.
//! Always: a hole is `None` (NaN in the fast columns), never a number; the label measured or simulated stays with the values.
//! Not here: files (`regional_import.rs`), the model that simulates (`regional_model.rs`).

use super::calendar::Period;
use super::regional_import::RegionalError;
use super::regions::Region;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Half-hourly carbon intensity of all regions, g/kWh.
///
/// The API publishes no `actual` for regions: a published value is the API's own `forecast`, the last one stored before
/// delivery. It is the best that exists and stands for the outturn, but it was never measured at a meter, and it is a
/// model of generation and power flow itself.
#[derive(Debug, Clone)]
pub struct RegionalCarbon {
    name: String,
    source: RegionalSource,
    start: Period,
    len: usize,
    columns: Vec<Vec<f64>>,
}

/// Where regional values come from; every report that rests on them names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegionalSource {
    /// Published by the Carbon Intensity API (its regional forecast, see [`RegionalCarbon`]).
    Measured,
    /// Made from the national value by [`RegionalModel`](super::regional_model::RegionalModel).
    Simulated,
}

impl RegionalSource {
    /// The label in reports.
    pub fn label(self) -> &'static str {
        match self {
            RegionalSource::Measured => "measured",
            RegionalSource::Simulated => "simulated",
        }
    }
}

impl fmt::Display for RegionalSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl RegionalCarbon {
    /// `len` periods from `start` in which every region is a hole; `name` is the file or parameter set behind it.
    pub fn holes(name: impl Into<String>, source: RegionalSource, start: Period, len: usize) -> Self {
        Self { name: name.into(), source, start, len, columns: vec![vec![f64::NAN; len]; Region::COUNT] }
    }

    /// Name of the file or parameter set.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Measured or simulated.
    pub fn source(&self) -> RegionalSource {
        self.source
    }

    /// The first period.
    pub fn start(&self) -> Period {
        self.start
    }

    /// The period after the last one.
    pub fn end(&self) -> Period {
        self.start + self.len as i64
    }

    /// Number of periods.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no period at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The period at index `t`.
    pub fn period(&self, t: usize) -> Period {
        self.start + t as i64
    }

    /// The index of a period, if it is held.
    pub fn index_of(&self, period: Period) -> Option<usize> {
        usize::try_from(period - self.start).ok().filter(|t| *t < self.len)
    }

    /// Carbon intensity of a region at `t`, g/kWh; `None` in a hole and beyond the end.
    pub fn get(&self, region: Region, t: usize) -> Option<f64> {
        self.column(region).get(t).copied().filter(|x| !x.is_nan())
    }

    /// Carbon intensity of a region in a period, g/kWh; `None` in a hole and outside.
    pub fn at(&self, region: Region, period: Period) -> Option<f64> {
        self.get(region, self.index_of(period)?)
    }

    /// All values of a region, g/kWh; NaN is a hole.
    pub fn column(&self, region: Region) -> &[f64] {
        &self.columns[region.index()]
    }

    /// Number of periods without a value for a region.
    pub fn holes_of(&self, region: Region) -> usize {
        self.column(region).iter().filter(|x| x.is_nan()).count()
    }

    /// Writes one value in g/kWh; `None` makes a hole.
    ///
    /// # Panics
    /// If `t` lies beyond the end.
    pub fn set(&mut self, region: Region, t: usize, value: Option<f64>) {
        self.columns[region.index()][t] = value.unwrap_or(f64::NAN);
    }

    /// Both tables as one, e.g., two downloads of the 14 days that the API gives at a time.
    ///
    /// Where both hold a value they must agree; periods between them are holes.
    ///
    /// # Errors
    /// [`RegionalError::Conflict`] where two values differ, [`RegionalError::Gap`] if more than a year lies between them,
    /// [`RegionalError::MixedSources`] if one is simulated and the other is not.
    pub fn joined_with(&self, other: &RegionalCarbon) -> Result<RegionalCarbon, RegionalError> {
        if self.source != other.source {
            return Err(RegionalError::MixedSources { one: self.name.clone(), other: other.name.clone() });
        }
        let (first, second) = if self.start <= other.start { (self, other) } else { (other, self) };
        super::regional_import::check_gap(&second.name, first.end() - 1, second.start)?;
        let len = first.end().max(second.end()) - first.start;
        let mut both = Self::holes(format!("{} + {}", self.name, other.name), self.source, first.start, len as usize);
        for table in [first, second] {
            let shift = (table.start - first.start) as usize;
            for region in Region::all() {
                for (t, value) in table.column(region).iter().enumerate().filter(|(_, x)| !x.is_nan()) {
                    let held = &mut both.columns[region.index()][t + shift];
                    if !held.is_nan() && held != value {
                        let (period, one, other) = (table.period(t), *held, *value);
                        let name = second.name.clone();
                        return Err(RegionalError::Conflict { table: name, region, period, one, other });
                    }
                    *held = *value;
                }
            }
        }
        Ok(both)
    }
}

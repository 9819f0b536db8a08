//! Grid signals: the GB settlement calendar, traces, their import and splits, and the synthetic generator.
//!
//! In: tables of published half-hourly values, or parameters fitted to one. Out: [`GridTrace`]s with explicit holes.
//! Not here: the site that consumes power (`site/`), tariffs (`market/`).

pub mod calendar;
pub mod compare;
mod error;
pub mod export;
pub mod forecast;
pub mod import;
pub mod knowledge;
pub mod marginal;
pub mod publishers;
pub mod regional;
pub mod regional_fit;
pub mod regional_import;
pub mod regional_model;
pub mod regions;
mod report;
pub mod signal;
pub mod solar_fit;
pub mod solar_site;
pub mod splits;
pub mod statistics;
pub mod synthetic;
pub mod trace;

#[cfg(test)]
mod real_fit;
#[cfg(test)]
mod real_regional;
#[cfg(test)]
mod real_solar;
#[cfg(test)]
pub(crate) mod real_table;

pub use calendar::{Date, LocalStamp, PERIODS_PER_DAY, PERIODS_PER_WEEK, Period};
pub use compare::{Comparison, ComparisonRow, Tolerance, compare};
pub use error::TraceError;
pub use export::{save_trace, write_trace};
pub use forecast::{DayAheadPersistence, ForecastGap, ForecastSource, Freshness};
pub use import::{ImportOptions, MissingPeriods, parse_trace, read_trace};
pub use knowledge::{Availability, InformationSet, Knowledge};
pub use marginal::{MARGINAL_LABEL, curtailment_share, marginal_intensity, wind_share};
pub use regional::{RegionalCarbon, RegionalSource};
pub use regional_fit::{RegionalFitError, RegionalScore, fit_regional, score_regional};
pub use regional_import::{RegionalError, parse_regional, read_regional};
pub use regional_model::{RegionalModel, RegionalParameterError, RegionalParameters, region_from_national};
pub use regions::{Region, RegionError, RegionSpec};
pub use report::{ClockChange, HoleReport, TraceReport};
pub use signal::Signal;
pub use solar_fit::{SolarFit, SolarFitError, fit_solar};
pub use solar_site::{SolarPlace, SolarTable, clear_sky_kw_per_m2, site_solar_factor};
pub use splits::{SkippedWeek, Split, TrainingStarts, Week, WindowShape, scored_weeks, training_starts};
pub use synthetic::{FitDescription, FitError, SyntheticParameters, embedded_trace, fit, generate};
pub use trace::{GridTrace, Presence, SourceKind, TraceSource};

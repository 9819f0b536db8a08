//! Synthetic GB-like grid: the embedded default, so that the workbench runs without anybody's data.
//!
//! In: fitted parameters, a start, a length, a seed. Out: a [`GridTrace`](super::GridTrace) with every signal and no hole.
//! Always: the same parameters, start, length and seed give the same trace; the file holds fitted parameters only.
//! Not here: real tables (`import.rs`), how alike the two are (`compare.rs`).

use super::calendar::Date;
use super::trace::GridTrace;

mod days;
mod fit;
mod fit_market;
mod generate;
mod noise;
mod parameters;
mod shape;

pub use fit::{FitDescription, FitError, fit};
pub use generate::generate;
pub use noise::{Memory, Noise, Process, Volatility};
pub use parameters::{
    CarbonParameters, DayAheadParameters, DemandParameters, FitOrigin, ForecastError, ForecastParameters,
    GenerationParameters, ImbalanceParameters, IntradayParameters, LevelParameters, PremiumParameters, SolarParameters,
    SyntheticError, SyntheticParameters, WindParameters,
};
pub use shape::{Curve, Regime, SeasonalProfile, sun_height};

/// The grid that needs no file: the calendar of the public table and two days more, from the embedded parameters.
pub fn embedded_trace() -> GridTrace {
    const EMBEDDED_SEED: u64 = 2020;
    let start = Date::utc_midnight(Date { year: 2020, month: 1, day: 1 });
    let end = Date::utc_midnight(Date { year: 2024, month: 7, day: 3 });
    generate(&SyntheticParameters::embedded(), start, (end - start) as usize, EMBEDDED_SEED)
}

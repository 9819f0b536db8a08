//! Forecasts of grid signals, fitted to history and judged like a forecaster's.
//!
//! In: [`Knowledge`] of a moment. Out: a distribution for each coming period, when it was issued and what it used.
//! Always: a forecaster reads nothing but `Knowledge` and what it was fitted to; the same moment gives the same bytes.
//! Not here: what an environment observes of it (`flexai-env`, `ForecastSource`), commands and pages (`train/`).

mod contract;
pub mod lstm;
pub mod prophet;

pub use contract::{Distribution, Forecaster, LEVELS, Provenance, Target};

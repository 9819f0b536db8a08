//! Forecasts of grid signals, fitted to history and judged like a forecaster's.
//!
//! In: [`Knowledge`] of a moment. Out: a distribution for each coming period, when it was issued and what it used.
//! Always: a forecaster reads nothing but `Knowledge` and what it was fitted to; the same moment gives the same bytes.
//! Not here: what an environment observes of it (`flexai-env`, `ForecastSource`), commands and pages (`train/`).

mod backtest;
mod boosted;
mod conformal;
mod contract;
mod ensemble;
mod exported_rows;
mod features;
mod fitted;
mod floors;
mod folds;
mod lead;
pub mod lstm;
mod member;
mod moment;
mod prepared;
pub mod prophet;
mod reference;
mod regression;
mod residuals;
mod ridge;
mod rolling;
mod rows;
mod selection;
mod significance;
#[cfg(test)]
mod tests;

pub use backtest::{Backtest, Fan, Horizon, Score};
pub use boosted::{BoostError, BoostedOptions};
pub use contract::{Distribution, Forecaster, LEVELS, Provenance, Target};
pub use ensemble::{Ensemble, Standing};
pub use exported_rows::ExportedRows;
pub use fitted::{FORMAT, FittedForecasts, FoldFiles, ForecastFileError, ForecastManifest, MemberFile};
pub use member::{Fit, FitError, FitOptions, History, KINDS, Load, Member, MemberKind};
pub use prepared::{LEADS, Preparation, PreparedForecasts};
pub use reference::{NoForecast, PerfectForesight};
pub use ridge::RidgeOptions;
pub use rolling::EnsembleOptions;
pub use selection::{Alone, Selection};
pub use significance::{DieboldMariano, diebold_mariano};

//! Prophet: trend with changepoints, seasonalities and regressors, for wind, solar output and carbon intensity.
//!
//! In: a trace to fit. Out: [`ProphetForecaster`]s, in memory or in files.
//! Always: the same data give the same bytes. Not here: prices, workload (`lstm/`).

mod correction;
mod design;
mod file;
mod forecaster;
mod inputs;
mod intervals;
pub(super) mod member;
mod model;
mod quadratic;
mod recent;
mod set;
mod solver;
mod tier;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod real_tests;
#[cfg(test)]
mod tests;

pub use design::{Clock, Regressor, Seasonalities};
pub use file::ProphetFileError;
pub use forecaster::{ProphetFitError, ProphetForecaster, ProphetOptions};
pub use model::AdditiveOptions;
pub use set::ProphetSet;
pub use solver::MapOptimizer;

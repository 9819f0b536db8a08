//! LSTM for workload demand: quantiles of the next 24 hours of a half-hourly series.
//!
//! In: series of traces or of the generator. Out: [`WorkloadForecasts`], chosen per series against honest floors.
//! Always: trained with Burn (feature `training`), used without. Not here: grid signals (`prophet/`).

mod features;
#[cfg(feature = "training")]
mod fit;
mod floors;
mod forecasts;
mod network;
mod options;
mod score;
mod series;
mod sources;
#[cfg(feature = "training")]
mod train;

#[cfg(all(test, feature = "training"))]
mod tests;

#[cfg(feature = "training")]
pub use fit::{LstmFitError, fit_all};
pub use floors::Floor;
pub use forecasts::{Choice, SeriesEntry, WorkloadFileError, WorkloadForecaster, WorkloadForecasts};
pub use options::LstmOptions;
pub use score::{FloorForecaster, SeriesScore, score};
pub use series::{HISTORY, HORIZON, Part, SeriesForecaster, ShortHistory, WeekClock, WorkloadSeries};
pub use sources::{generated_workload, read_workload};

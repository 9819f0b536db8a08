//! One data-centre site as an environment: `FlexSite-v1`.
//!
//! `config` is the scenario file, `setup` joins it with a grid trace, `grid_features` and `observation` make what a
//! policy sees, `state` moves jobs and battery, `ledger` counts pounds, carbon and energy, `env` is the Gym face.

mod config;
mod describe;
mod env;
mod episode;
mod grid_features;
mod ledger;
mod observation;
mod reward;
mod setup;
mod state;

pub use config::{InformationConfig, RewardConfig, RewardMode, SiteConfig, SolarConfig};
pub use describe::describe;
pub use env::FlexSite;
pub(crate) use env::build;
pub use episode::{Episode, EpisodeEnd, WindowChoice};
pub use grid_features::GRID_FEATURES;
pub use ledger::{INFO_KEYS, Ledger, Settled, StepAccount};
pub use observation::{SiteView, observation_schema};
pub use setup::{FORECAST_LEN, HISTORY, SetupError, SiteSetup};
pub use state::{SiteAction, SiteState};

#[cfg(test)]
mod tests;

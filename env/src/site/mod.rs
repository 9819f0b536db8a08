//! Data-centre sites as an environment: `FlexSite-v1` is one of them, `FlexFleet-v1` several.
//!
//! `config` is the scenario file, `setup` joins it with a grid trace, `grid_features` and `observation` make what a
//! policy sees, `ahead` what a planner asks, `action` what it can say, `episode` plays all sites for a period, `state` moves jobs and battery of one,
//! `migration` moves jobs between them, `gate` keeps classes from running, `flex` sells turn-down and answers
//! events, `settlement` prices what is left over,
//! `ledger` counts pounds, carbon and energy, `describe` writes the page, `reward` tells the agent, `env` is the Gym face.

mod action;
mod ahead;
mod config;
mod course;
pub mod describe;
mod env;
mod episode;
mod flex;
mod gate;
mod grid_features;
mod ledger;
mod memory;
mod migration;
mod observation;
mod privileged;
mod reward;
mod settlement;
mod setup;
mod state;

pub use action::{ActionLayout, SiteAction};
pub use ahead::SettlementAhead;
pub use config::{
    ControlsConfig, InformationConfig, MAX_SITES, MigrationConfig, RewardConfig, RewardMode, SiteConfig, SitePlan,
    SolarConfig,
};
pub use course::{SiteCourse, courses};
pub use describe::{EnvPage, describe};
pub use env::{FlexFleet, default_scenario};
pub(crate) use env::{build_fleet, build_site};
pub use episode::{Episode, EpisodeEnd, WindowChoice};
pub use flex::{DeskView, FlexDesk};
pub use grid_features::GRID_FEATURES;
pub use ledger::{COST_TERMS, INFO_FIELDS, INFO_KEYS, InfoField, Ledger, Settled, StepAccount};
pub use observation::{FleetView, SiteView, observation_schema};
pub use settlement::LEFT_LATE_HOURS;
pub use setup::{FORECAST_LEN, HISTORY, Outlook, Place, SetupError, SiteSetup};
pub use state::{FifoPeriod, SiteState, Transfer};

/// Whether an id is one of a site environment.
pub fn is_site_env(id: &str) -> bool {
    id.starts_with("FlexSite") || id.starts_with("FlexFleet")
}

#[cfg(test)]
mod gaming;
#[cfg(test)]
mod leaks;
#[cfg(test)]
mod migration_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod random_scenarios;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod tests;

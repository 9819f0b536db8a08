//! What a command works on: a training configuration, a scenario, a grid.
//!
//! In: paths and overrides. Out: checked values, ready to use.
//! Always: a scenario named by path is written into the resolved configuration, so that a run directory needs no other
//! file but its grid table and the files that the scenario names, which it knows by their whole paths.

mod curriculum;
mod files;
mod forecast;
mod grid;
mod train_config;

pub use curriculum::LessonConfig;
pub use files::forget_folders;
pub use forecast::{
    SIMPLE_FORECAST, fitted_identity, forecast_label, forecast_source, is_forecast_word, site_setup_with,
};
pub use grid::{EMBEDDED_GRID, load_grid, load_scenario, site_setup, training_range};
pub use train_config::{CheckpointConfig, EnvConfig, EvaluationConfig, TrainConfig, load_train_config};

//! Hyperparameter search over a training configuration: `flexai sweep`.
//!
//! In: a sweep file. Out: a folder with a journal, a run directory per trial and seed, a ranked table, the best
//! configuration.
//! Always: scores come from the validation split; a sweep that was stopped or killed, and goes on, ends with the table of
//! one that was not, at any number of runs at a time.
//! Not here: training (`commands`), the picture (`figures`).

mod base;
mod config;
mod drive;
mod folder;
mod journal;
mod parzen;
mod process;
mod record;
mod sampler;
mod space;
mod table;

pub use base::{base_point, check_base, value_of};
pub use config::{
    Direction, ObjectiveConfig, OverSeeds, PruningConfig, SamplerConfig, SamplerKind, SweepConfig, VALIDATION,
    check_metric,
};
pub use drive::{Heard, Runner, Sweep, Task};
pub use folder::SweepDir;
pub use journal::{Event, JOURNAL_VERSION, Journal, RunResult, RunStatus};
pub use process::{Processes, run_folder};
pub use record::{Record, Row, Standing};
pub use sampler::{Found, suggest};
pub use space::{Dimension, Domain, Point, dimensions, shown};
pub use table::{best_toml, sweep_csv, sweep_json, sweep_table};

//! Let's Wait Awhile, Great Britain 2020: how much CO2 jobs save by waiting for cleaner half-hours.
//!
//! In: the carbon intensity the paper was published with, and forecast errors. Out: every cell of its tables for Great
//! Britain, ours beside the published number, each with what may lie between them.
//! Always: schedulers plan when a job is issued, from the forecast alone; [`JobPool`](crate::workload::JobPool) executes
//! the plans under its own rules; emissions are the energy it served times the true intensity.
//! Not here: the pool (`workload/pool.rs`), the table a person reads (`flexai bench wait-awhile`).
//!
//! Source: Wiesner, Behnke, Scheinert, Gontarska and Thamsen, "Let's Wait Awhile: How Temporal Workload Shifting Can
//! Reduce Carbon Emissions in the Cloud", Middleware '21; data and simulation: dos-group/lets-wait-awhile on GitHub,
//! commit 5e0d155.
//!
//! | file | holds |
//! |---|---|
//! | `carbon` | the series of carbon intensity |
//! | `jobs` | the nightly jobs, the ML jobs, the rules of their deadlines |
//! | `schedule` | the two schedulers: cheapest start, cheapest half-hours |
//! | `execute` | a plan, executed by the pool |
//! | `noise` | forecast errors |
//! | `reference` | the published numbers |
//! | `report` | the cells |

mod carbon;
mod error;
mod execute;
mod jobs;
mod noise;
#[cfg(test)]
mod real_series;
mod reference;
mod report;
mod schedule;

pub use carbon::{CarbonSeries, HALF_HOURS, START};
pub use error::WaitAwhileError;
pub use execute::{Execution, JOB_POWER, execute};
pub use jobs::{DeadlineRule, ML_JOBS_CSV, MlJob, Task, ml_jobs, ml_tasks, nightly_tasks};
pub use noise::{NUMPY_SEEDS, Noise};
pub use report::{Cell, PoolCheck, Report, WaitAwhile};
pub use schedule::{Forecast, Plan, Strategy};

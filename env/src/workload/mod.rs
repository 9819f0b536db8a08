//! Workload: interactive load that cannot wait, and discrete jobs that can.
//!
//! `class` describes a job class, `generator` draws arrivals, `job` is one of them, `pool` serves them, `power_curve`
//! slows them.

mod class;
mod generator;
mod job;
mod pool;
mod power_curve;
pub mod traces;

pub use class::{InteractiveConfig, JobClassConfig, ValueStep, WorkloadConfig};
pub use generator::{ArrivalStream, JobGenerator};
pub use job::{ClassRules, Job};
pub use pool::{ByJob, ClassView, Dispatch, JobPool, MAX_CLASSES, Served, Shares, URGENCY};
pub use power_curve::PowerCurve;

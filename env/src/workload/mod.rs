//! Workload: interactive load that cannot wait, and discrete jobs that can.
//!
//! `class` describes a job class, `generator` draws arrivals, `pool` serves the jobs.

mod class;
mod generator;
mod pool;

pub use class::{InteractiveConfig, JobClassConfig, WorkloadConfig};
pub use generator::{Arrivals, JobGenerator};
pub use pool::{ClassView, Job, JobPool, MAX_CLASSES, Served};

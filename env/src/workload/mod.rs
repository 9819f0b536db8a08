//! Workload: interactive load that cannot wait, and discrete jobs that can.
//!
//! `class` describes a job class, `source` names traces to play instead; `generator` draws arrivals, with sizes from
//! `sampler` by the tables of `tables`, or plays them by `playback`; `demand` says when interactive requests come and
//! `interactive` what serving them takes; `job` is one job, `pool` serves them, `power_curve` slows them.
//! `traces` reads published tables, `fit` and `fit_demand` fit `parameters` to them, `compare` sets both side by side.

mod class;
mod compare;
mod demand;
mod expected;
mod fit;
mod fit_demand;
mod generator;
mod interactive;
mod job;
mod parameters;
mod playback;
mod pool;
mod power_curve;
mod sampler;
mod source;
mod tables;
pub mod traces;

pub use class::{
    ArrivalModel, DemandModel, InteractiveConfig, JobClassConfig, JobProfile, Service, SizeModel, SlackModel,
    ValueStep, WorkloadConfig,
};
pub use compare::{WorkloadComparison, WorkloadFigure, compare_workload};
pub use expected::ArrivalProfile;
pub use fit::{JobSample, TRAIN_SHARE, TracePart, WorkloadTables, fit_workload};
pub use generator::{ArrivalStream, JobGenerator};
pub use interactive::{InteractiveDemand, InteractiveModel, InteractiveService};
pub use job::{ClassRules, Job};
pub use parameters::{
    ArrivalCalendar, CalendarName, Calendars, DemandBook, DemandParameters, FitOrigin, ParameterError,
    ProfileParameters, ServingParameters, TrainingParameters, WorkloadParameters,
};
pub use pool::{ByJob, ClassView, Dispatch, JobPool, MAX_CLASSES, Served, Shares, URGENCY};
pub use power_curve::PowerCurve;
pub use source::{DeadlineSource, InteractiveTraceConfig, JobTraceConfig, TraceConfig, WorkloadSource};

#[cfg(test)]
mod real_fit;
#[cfg(test)]
mod real_play;

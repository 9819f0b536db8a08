//! Planning: what lies ahead of a site, as numbers that an optimiser can work with.
//!
//! In: what a policy knows now, or a whole window for those who may know the future. Out: [`SiteHorizon`]s, and the
//! linear program that dispatches them. `solver/` solves it.
//! Always: one model for oracle and MPC, so that they differ by what they know and by nothing else.
//! Not here: who decides (`rivals/`).

mod battery_plan;
mod dispatch_model;
mod horizon;
mod job_plan;
mod linear_program;
mod mps;
mod outlook;
#[cfg(test)]
mod outlook_tests;
#[cfg(test)]
mod plan_tests;
mod queues;
pub mod solver;
mod thrift;

pub use battery_plan::{BatteryAdvice, BatteryPlan};
pub use dispatch_model::{
    DispatchModel, EarningsCurve, JobGroup, JobGroups, PeriodColumns, PeriodPlan, Pool, SiteExtras, Wanted,
};
pub use horizon::{BatteryHorizon, ClassHorizon, EndValue, SiteHorizon};
pub use job_plan::{ClassAdvice, JobPlan};
pub use linear_program::{Column, ColumnId, LinearProgram, Row, RowId};
pub use outlook::{ForecastChoice, Outlook, OutlookOptions};
pub(crate) use thrift::thrifty;

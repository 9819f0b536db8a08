//! Evaluation: policies and rivals on the same weeks with the same jobs.
//!
//! `plan` chooses the weeks, `play` plays them on all cores, `report` makes the numbers, `table` shows them,
//! `trace` is what pictures are drawn from.
//! Always: paired by week and job seed; FIFO is always among the players, because savings are against it.

mod parts;
mod plan;
mod play;
mod report;
mod table;
mod trace;

pub use parts::CostParts;
pub use plan::{EvaluationPlan, WeekRange};
pub use play::{PlayedWeek, play_policies};
pub use report::{Evaluation, Interval, PolicyReport, Versus, WeekReport, evaluate};
pub use table::{evaluation_table, remarks, verdict};
pub use trace::{GridStep, GridWeek, StepTrace, WeekTrace};

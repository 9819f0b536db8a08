//! Evaluation: policies and rivals on the same weeks with the same jobs.
//!
//! `plan` chooses the weeks, `play` plays them on all cores, `report` makes the numbers, `table` shows them.
//! Always: paired by week and job seed; FIFO is always among the players, because savings are against it.

mod plan;
mod play;
mod report;
mod table;

pub use plan::{EvaluationPlan, WeekRange};
pub use play::{PlayedWeek, play_policies};
pub use report::{Evaluation, Interval, PolicyReport, Versus, WeekReport, evaluate};
pub use table::{evaluation_table, remarks, verdict};

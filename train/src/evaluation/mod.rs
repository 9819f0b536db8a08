//! Evaluation: policies and rivals on the same weeks with the same jobs.
//!
//! `plan` chooses the weeks, `play` plays them on all cores while `watch` looks on, `cache` keeps them, `bound` asks perfect
//! foresight, `summary` and `against` make the numbers of `report`, `engine` does all of it. `record` writes them with
//! the half-hours of `trace`, `joint` puts several together, `table` and `leaderboard` show them. `provenance` says what they rest on.
//! Always: paired by week and job seed; FIFO is always among the players, because savings are against it.

mod against;
mod bound;
mod cache;
mod columns;
mod engine;
mod joint;
mod leaderboard;
mod parts;
mod plan;
mod play;
mod provenance;
mod record;
mod report;
mod summary;
mod table;
mod trace;
mod tuning;
mod watch;

pub use bound::{Bound, PerfectForesight, WindowBound};
pub use cache::Cache;
pub use engine::{Means, evaluate};
pub use joint::join;
pub use leaderboard::{BEGIN, END, leaderboard, with_leaderboard};
pub use parts::CostParts;
pub use plan::{EvaluationPlan, WeekRange};
pub use play::{Contestant, PlayedWeek, play_policies};
pub use provenance::{Provenance, file_digest};
pub use record::{EVALUATION_FILE, EvaluationRecord, TRACES_FILE};
pub use report::{
    ClassReport, DecisionTime, Evaluation, GapReport, Interval, OracleReport, OracleWeek, PolicyReport, ProfilePoint,
    Versus, WeekReport,
};
pub use table::{evaluation_table, remarks, verdict};
pub use trace::{GridStep, GridWeek, StepTrace, WeekTrace, grid_weeks};
pub use tuning::{Search, Tuned, TuningStep, tune, tuning_plan};
pub use watch::{ClassCount, Seen};

#[cfg(test)]
mod tests;

//! `--report DIR`: the page of an evaluation, with its figures and its numbers beside it.
//!
//! In: an evaluation that was just made or loaded. Out: `index.html`, `figures/`, `evaluation.json`, `traces.json`.
//! Not here: what the page looks like (`report/`).

use super::Failure;
use super::figure::rival_levels;
use super::policy_source::Player;
use crate::evaluation::{EvaluationPlan, EvaluationRecord};
use crate::fault::Fault;
use crate::metrics::read_metrics;
use crate::report::{LearningRun, Report, ReportInput};
use crate::run_dir::RunDir;
use flexai_env::grid::{Date, PERIODS_PER_WEEK, calendar};
use std::path::{Path, PathBuf};

/// Tag of the learning curve.
const LEARNING_TAG: &str = "eval/saving_pct";

/// What a page tells beside the numbers of the evaluation.
#[derive(Debug, Clone, Default)]
pub(super) struct About {
    /// Day of the first figure.
    pub(super) day: Option<Date>,
    /// Training runs among the policies.
    pub(super) learning: Vec<LearningRun>,
}

/// Writes page, figures, numbers and half-hours; returns the page's path.
pub(super) fn write_report(folder: &Path, record: &EvaluationRecord, about: &About) -> Result<PathBuf, Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).map(|argument| quoted(&argument)).collect();
    let reproduce = [
        ("command".to_string(), format!("flexai {}", arguments.join(" "))),
        ("workbench".to_string(), env!("CARGO_PKG_VERSION").to_string()),
    ];
    let report = Report::new(&ReportInput {
        evaluation: &record.evaluation,
        grid: &record.grid,
        traces: &record.traces,
        day: about.day,
        learning: &about.learning,
        reproduce: &reproduce,
    })?;
    record.save(folder)?;
    Ok(report.write(folder)?)
}

/// The date that `--day` names.
pub(super) fn date_of_day(text: &str) -> Result<Date, Fault> {
    text.parse().map_err(|_| {
        let message = format!("`{text}` is no date, expected one like 2024-02-14");
        Fault::new("--day", message).hint("write year, month and day")
    })
}

/// A day that lies in a week to be played; asked before anything is played.
pub(super) fn played_day(text: &str, plan: &EvaluationPlan) -> Result<Date, Failure> {
    let date = date_of_day(text)?;
    let day = calendar::local_day(date.to_days());
    let holds = |monday: flexai_env::grid::Period| monday < day.end && day.start < monday + PERIODS_PER_WEEK as i64;
    if plan.weeks.iter().any(|week| holds(week.period)) {
        return Ok(date);
    }
    let mondays: Vec<String> =
        plan.weeks.iter().map(|week| Date::from_days(week.period.utc_day()).to_string()).collect();
    let message = format!("{date} lies in none of the weeks, which begin on {}", mondays.join(", "));
    Err(Fault::new("--day", message).hint("choose a day of these weeks, or leave it out").into())
}

/// The training runs among the policies; what is no run directory has no curve.
pub(super) fn learning_runs(players: &[Player], texts: &[String]) -> Vec<LearningRun> {
    let run = |(player, text): (&Player, &String)| {
        let run = RunDir::open(Path::new(text)).ok()?;
        let value =
            |values: &[(String, f64)]| values.iter().find(|(tag, _)| tag == LEARNING_TAG).map(|(_, value)| *value);
        let lines = read_metrics(&run.metrics()).ok()?;
        let points = lines.iter().filter_map(|line| Some((line.step as f64, value(&line.values)?))).collect();
        let levels = rival_levels(&run).into_iter().map(|level| (level.name, level.value)).collect();
        let y_name = "saved against FIFO on validation weeks, %".to_string();
        Some(LearningRun { name: player.trained()?.name.clone(), y_name, points, levels })
    };
    players.iter().zip(texts).filter_map(run).collect()
}

/// An argument as a shell takes it.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:+@%".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_string();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_quoted_where_a_shell_would_part_it() {
        assert_eq!(quoted("runs/a-1"), "runs/a-1");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}

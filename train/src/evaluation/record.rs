//! An evaluation with what its pictures are drawn from, on disk.
//!
//! In: an [`EvaluationRecord`] and a folder. Out: `evaluation.json`, what `evaluate --json` prints, and `traces.json`.
//! Always: `traces.json` names each number once (columns) and keeps six decimals: Wh, and a millionth of a pound.
//! Not here: drawing.

use super::columns::{from_columns, to_columns};
use super::report::Evaluation;
use super::trace::{GridWeek, WeekTrace};
use crate::fault::Fault;
use crate::run_dir::replace_file;
use flexai_env::grid::PERIODS_PER_WEEK;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;

/// The numbers of an evaluation.
pub const EVALUATION_FILE: &str = "evaluation.json";
/// Its half-hours.
pub const TRACES_FILE: &str = "traces.json";
/// Decimals kept of half-hours.
const DECIMALS: i32 = 6;

/// An evaluation, the grid of its weeks, and what every policy did with the first job seed.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationRecord {
    /// The numbers.
    pub evaluation: Evaluation,
    /// The grid, week by week; empty if only the numbers are at hand.
    pub grid: Vec<GridWeek>,
    /// Every policy in every week, with the first job seed; empty if only the numbers are at hand.
    pub traces: Vec<WeekTrace>,
}

#[derive(Serialize, Deserialize)]
struct TracesFile {
    grid: Vec<GridColumns>,
    traces: Vec<WeekColumns>,
}

#[derive(Serialize, Deserialize)]
struct GridColumns {
    week: String,
    columns: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct WeekColumns {
    policy: String,
    week: String,
    seed: usize,
    columns: Map<String, Value>,
}

impl EvaluationRecord {
    /// Writes both files into a folder, which is made if need be.
    ///
    /// # Errors
    /// A [`Fault`] naming the file that cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), Fault> {
        std::fs::create_dir_all(folder).map_err(|e| Fault::of_io(folder, "make the folder", &e))?;
        let mut text = serde_json::to_string_pretty(&self.evaluation).expect("an evaluation has string keys only");
        text.push('\n');
        replace_file(&folder.join(EVALUATION_FILE), text.as_bytes())?;
        let grid = self
            .grid
            .iter()
            .map(|week| GridColumns { week: week.week.clone(), columns: to_columns(&week.steps, Some(DECIMALS)) });
        let traces = self.traces.iter().map(|week| WeekColumns {
            policy: week.policy.clone(),
            week: week.week.clone(),
            seed: week.seed,
            columns: to_columns(&week.steps, Some(DECIMALS)),
        });
        let file = TracesFile { grid: grid.collect(), traces: traces.collect() };
        let text = serde_json::to_string(&file).expect("traces have string keys only");
        replace_file(&folder.join(TRACES_FILE), text.as_bytes())
    }

    /// Reads a folder written by [`EvaluationRecord::save`], or a file with what `evaluate --json` printed; that file,
    /// and a folder without traces, give the numbers alone.
    ///
    /// # Errors
    /// A [`Fault`] naming the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Fault> {
        let file = if path.is_dir() { path.join(EVALUATION_FILE) } else { path.to_path_buf() };
        let evaluation: Evaluation = read_json(&file, "an evaluation as `flexai evaluate` writes it")?;
        let traces = path.join(TRACES_FILE);
        if !path.is_dir() || !traces.is_file() {
            return Ok(Self { evaluation, grid: Vec::new(), traces: Vec::new() });
        }
        let stored: TracesFile = read_json(&traces, "traces as `flexai evaluate` writes them")?;
        let wrong = |text: String| Fault::of_path(&traces, text).hint("make the evaluation anew");
        let grid = stored.grid.into_iter().map(|week| {
            let steps = whole_week(&week.week, from_columns(week.columns)).map_err(wrong)?;
            Ok(GridWeek { week: week.week, steps })
        });
        let grid = grid.collect::<Result<_, Fault>>()?;
        let traces = stored.traces.into_iter().map(|week| {
            let what = format!("{} in {}", week.policy, week.week);
            let steps = whole_week(&what, from_columns(week.columns)).map_err(wrong)?;
            Ok(WeekTrace { policy: week.policy, week: week.week, seed: week.seed, steps })
        });
        let traces = traces.collect::<Result<_, Fault>>()?;
        Ok(Self { evaluation, grid, traces })
    }
}

/// The half-hours of a week, every one of them.
fn whole_week<T>(what: &str, steps: Result<Vec<T>, String>) -> Result<Vec<T>, String> {
    match steps {
        Ok(steps) if steps.len() != PERIODS_PER_WEEK => {
            Err(format!("{what} has {} half-hours, expected {PERIODS_PER_WEEK}", steps.len()))
        }
        steps => steps.map_err(|text| format!("{what}: {text}")),
    }
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path, expected: &str) -> Result<T, Fault> {
    let bytes = std::fs::read(path).map_err(|e| Fault::of_io(path, "read the evaluation", &e))?;
    serde_json::from_slice(&bytes).map_err(|e| {
        let message = format!("{e}, expected {expected}");
        Fault::of_path(path, message).hint("name a folder or JSON file made by `flexai evaluate` of this version")
    })
}

//! Microsoft Philly jobs with the classes and deadlines that the authors of Chronus (SoCC 2021) gave them.
//!
//! In: `gpu_jobs_philly_deadlines`. Out: jobs with deadlines and steps of value.
//! Always: jobs without a GPU are left out and counted; best-effort jobs have no deadline.

use super::error::WorkloadTraceError;
use super::jobs::{LONGEST_MIN, MOST_GPUS};
use super::table::{CsvTable, Row};

/// How much a deadline matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qos {
    /// Worth nothing after the first deadline.
    Strict,
    /// Loses value from deadline to deadline.
    Soft,
    /// Has no deadline.
    Best,
}

/// One job.
#[derive(Debug, Clone, PartialEq)]
pub struct PhillyJob {
    /// Minutes from the start of the trace.
    pub submit_min: f64,
    /// Minutes it runs.
    pub duration_min: f64,
    /// GPUs.
    pub gpus: f64,
    /// Class.
    pub qos: Qos,
    /// Minutes from submission to the first deadline.
    pub deadline_first_min: Option<f64>,
    /// Minutes from submission to the last deadline.
    pub deadline_last_min: Option<f64>,
    /// Deadlines in minutes from submission, and the value until each; empty for best effort.
    pub value_steps: Vec<(f64, f64)>,
}

/// The trace.
#[derive(Debug, Clone, PartialEq)]
pub struct PhillyTrace {
    /// In the order of the table.
    pub jobs: Vec<PhillyJob>,
    /// Rows without a GPU.
    pub without_gpu: usize,
}

impl Qos {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Strict, Self::Soft, Self::Best];

    /// The word of the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Soft => "soft",
            Self::Best => "best",
        }
    }
}

/// Reads the trace.
///
/// # Errors
/// [`WorkloadTraceError`] naming the line, what was found and what was expected.
pub fn read_philly(table: &CsvTable) -> Result<PhillyTrace, WorkloadTraceError> {
    let [submit, duration, gpus, qos_column] = table.columns(["submit_min", "duration_min", "gpus", "qos"])?;
    let [first, last] = table.columns(["deadline_first_min", "deadline_last_min"])?;
    let [deadlines, values] = table.columns(["deadline_list_min", "value_list"])?;
    let mut trace = PhillyTrace { jobs: Vec::new(), without_gpu: 0 };
    table.each_row(|row| {
        let qos = Qos::ALL.into_iter().find(|qos| qos.name() == row.text(qos_column));
        let qos = qos.ok_or_else(|| row.bad_word(qos_column, "strict, soft or best"))?;
        let mut job = PhillyJob {
            submit_min: row.number(submit, 0.0, LONGEST_MIN)?,
            duration_min: row.number(duration, 1.0, LONGEST_MIN)?,
            gpus: row.number(gpus, 0.0, MOST_GPUS)?,
            qos,
            deadline_first_min: None,
            deadline_last_min: None,
            value_steps: Vec::new(),
        };
        if qos != Qos::Best {
            let until = row.number(first, 0.0, LONGEST_MIN)?;
            job.deadline_first_min = Some(until);
            job.deadline_last_min = Some(row.number(last, until, LONGEST_MIN)?);
            let list = |column| numbers(row, column);
            let (ends, worth) = (list(deadlines)?, list(values)?);
            if ends.len() != worth.len() {
                return Err(row.bad_word(values, format!("as many values as deadlines ({})", ends.len())));
            }
            job.value_steps = ends.into_iter().zip(worth).collect();
        }
        if job.gpus == 0.0 {
            trace.without_gpu += 1;
        } else {
            trace.jobs.push(job);
        }
        Ok(())
    })?;
    if trace.jobs.is_empty() {
        return Err(table.no_rows("a header and at least one job with a GPU"));
    }
    Ok(trace)
}

/// Numbers separated by dashes.
fn numbers(row: &Row, column: super::table::Column) -> Result<Vec<f64>, WorkloadTraceError> {
    let number = |text: &str| text.parse::<f64>().ok().filter(|x| (0.0..=LONGEST_MIN).contains(x));
    let all: Option<Vec<f64>> = row.text(column).split('-').map(number).collect();
    all.ok_or_else(|| row.bad_word(column, "numbers separated by `-`"))
}

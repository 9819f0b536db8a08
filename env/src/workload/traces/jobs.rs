//! Job traces: every format becomes one list of jobs with a label each.
//!
//! In: Philly with deadlines, PAI, Alibaba pods, image requests, or a table of one's own. Out: a [`JobTrace`].
//! Always: rows that are no GPU job, or that never ran, are left out and counted; jobs are sorted by submission.
//! Not here: which class of a scenario a label belongs to (`playback.rs`).

use super::error::WorkloadTraceError;
use super::images::image_bundles;
use super::philly::{Qos, read_philly};
use super::table::CsvTable;
use serde::{Deserialize, Serialize};

/// Longest plausible time in a trace: ten years in minutes.
pub(super) const LONGEST_MIN: f64 = 5_256_000.0;
/// Most GPUs of one job.
pub(super) const MOST_GPUS: f64 = 100_000.0;

/// Formats of job traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobTraceFormat {
    /// Microsoft Philly with the deadlines of Chronus (SoCC 2021): labels `strict`, `soft`, `best`.
    Philly,
    /// Alibaba PAI jobs as GAIA (ASPLOS 2024) publishes them: label `job`.
    Pai,
    /// Alibaba pods of 2023 (ATC 2023): labels `LS`, `BE`, `Burstable`, `Guaranteed`.
    AlibabaPods,
    /// Image requests of 2024 (Alibaba GenAI), bundled by half-hour: label `images`.
    GenaiImages,
    /// A table of one's own: `submit_min,duration_min`, `gpus` or `power_mw`, and optionally `class`, `deadline_min`.
    Jobs,
}

/// How much power a job asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum JobSize {
    /// GPUs, or shares of them.
    Gpus(f64),
    /// IT power, MW.
    PowerMw(f64),
}

/// One job of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceJob {
    /// Minutes from the start of the trace.
    pub submit_min: f64,
    /// Minutes it ran.
    pub duration_min: f64,
    /// What it ran on.
    pub size: JobSize,
    /// Index into [`JobTrace::labels`].
    pub label: u8,
    /// Minutes from submission to the last deadline; `None` where the trace gives none.
    pub deadline_min: Option<f64>,
}

/// A trace of jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct JobTrace {
    /// Path as given.
    pub name: String,
    /// Its format.
    pub format: JobTraceFormat,
    /// Labels of the source; at most 256.
    pub labels: Vec<String>,
    /// By submission.
    pub jobs: Vec<TraceJob>,
    /// Rows without a GPU.
    pub without_gpu: usize,
    /// Rows of jobs that never ran, or not yet ended.
    pub never_ran: usize,
}

impl JobTraceFormat {
    const ALL: [(Self, &'static str, &'static [&'static str]); 5] = [
        (Self::Philly, "philly", &["submit_min", "qos", "deadline_first_min"]),
        (Self::Pai, "pai", &["submit_h", "duration_h", "units"]),
        (Self::AlibabaPods, "alibaba_pods", &["submit_s", "run_s", "qos"]),
        (Self::GenaiImages, "genai_images", &["gmt_create", "exec_time_seconds"]),
        (Self::Jobs, "jobs", &["submit_min", "duration_min"]),
    ];

    /// The format whose columns a table has.
    ///
    /// # Errors
    /// [`WorkloadTraceError::UnknownFormat`].
    pub fn of_table(table: &CsvTable) -> Result<Self, WorkloadTraceError> {
        let known = Self::ALL.iter().find(|(_, _, columns)| columns.iter().all(|column| table.has(column)));
        known.map(|(format, _, _)| *format).ok_or_else(|| WorkloadTraceError::UnknownFormat {
            table: table.name.clone(),
            found: table.header_text(),
            expected: Self::ALL.map(|(_, name, columns)| format!("{name} ({})", columns.join(","))).join(", "),
        })
    }
}

/// Reads a job trace; without a format it is known by the header.
///
/// # Errors
/// [`WorkloadTraceError`] naming the line, what was found and what was expected.
pub fn read_jobs(table: &CsvTable, format: Option<JobTraceFormat>) -> Result<JobTrace, WorkloadTraceError> {
    let format = format.map_or_else(|| JobTraceFormat::of_table(table), Ok)?;
    let mut trace = match format {
        JobTraceFormat::Philly => philly_jobs(table),
        JobTraceFormat::Pai => pai_jobs(table),
        JobTraceFormat::AlibabaPods => pod_jobs(table),
        JobTraceFormat::GenaiImages => image_jobs(table),
        JobTraceFormat::Jobs => own_jobs(table),
    }?;
    if trace.jobs.is_empty() {
        return Err(table.no_rows("a header and at least one job"));
    }
    trace.jobs.sort_by(|a, b| a.submit_min.total_cmp(&b.submit_min));
    Ok(trace)
}

impl JobTrace {
    fn empty(table: &CsvTable, format: JobTraceFormat, labels: &[&str]) -> Self {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Self { name: table.name.clone(), format, labels, jobs: Vec::new(), without_gpu: 0, never_ran: 0 }
    }

    /// Minutes from the start of the trace to the last submission.
    pub fn span_min(&self) -> f64 {
        self.jobs.last().map_or(0.0, |job| job.submit_min)
    }

    /// The index of a label; adds it if there is room.
    fn label(&mut self, text: &str) -> Option<u8> {
        let at = self.labels.iter().position(|label| label == text).unwrap_or_else(|| {
            self.labels.push(text.to_owned());
            self.labels.len() - 1
        });
        u8::try_from(at).ok()
    }
}

fn philly_jobs(table: &CsvTable) -> Result<JobTrace, WorkloadTraceError> {
    let philly = read_philly(table)?;
    let mut trace = JobTrace::empty(table, JobTraceFormat::Philly, &Qos::ALL.map(Qos::name));
    trace.without_gpu = philly.without_gpu;
    let job = |job: &super::philly::PhillyJob| TraceJob {
        submit_min: job.submit_min,
        duration_min: job.duration_min,
        size: JobSize::Gpus(job.gpus),
        label: job.qos as u8,
        deadline_min: job.deadline_last_min,
    };
    trace.jobs = philly.jobs.iter().map(job).collect();
    Ok(trace)
}

fn pai_jobs(table: &CsvTable) -> Result<JobTrace, WorkloadTraceError> {
    let [submit, duration, units] = table.columns(["submit_h", "duration_h", "units"])?;
    let mut trace = JobTrace::empty(table, JobTraceFormat::Pai, &["job"]);
    table.each_row(|row| {
        let (submit_min, duration_min) =
            (row.number(submit, 0.0, LONGEST_MIN / 60.0)? * 60.0, row.number(duration, 0.0, 8760.0)? * 60.0);
        let gpus = row.number(units, 0.0, MOST_GPUS)?;
        if gpus == 0.0 {
            trace.without_gpu += 1;
        } else if duration_min == 0.0 {
            trace.never_ran += 1;
        } else {
            let size = JobSize::Gpus(gpus);
            trace.jobs.push(TraceJob { submit_min, duration_min, size, label: 0, deadline_min: None });
        }
        Ok(())
    })?;
    Ok(trace)
}

fn pod_jobs(table: &CsvTable) -> Result<JobTrace, WorkloadTraceError> {
    let [submit, run, gpus, qos] = table.columns(["submit_s", "run_s", "gpus", "qos"])?;
    let labels = ["LS", "BE", "Burstable", "Guaranteed"];
    let mut trace = JobTrace::empty(table, JobTraceFormat::AlibabaPods, &labels);
    table.each_row(|row| {
        let submit_min = row.number(submit, 0.0, LONGEST_MIN * 60.0)? / 60.0;
        let label = labels.iter().position(|label| *label == row.text(qos));
        let label = label.ok_or_else(|| row.bad_word(qos, labels.join(", ")))? as u8;
        let gpus = row.number(gpus, 0.0, MOST_GPUS)?;
        match row.optional(run, 0.0, LONGEST_MIN * 60.0)? {
            _ if gpus == 0.0 => trace.without_gpu += 1,
            // Never scheduled, or ended in the second it started.
            None | Some(0.0) => trace.never_ran += 1,
            Some(seconds) => {
                let (duration_min, size) = (seconds / 60.0, JobSize::Gpus(gpus));
                trace.jobs.push(TraceJob { submit_min, duration_min, size, label, deadline_min: None });
            }
        }
        Ok(())
    })?;
    Ok(trace)
}

fn image_jobs(table: &CsvTable) -> Result<JobTrace, WorkloadTraceError> {
    let bundles = image_bundles(table)?;
    let mut trace = JobTrace::empty(table, JobTraceFormat::GenaiImages, &["images"]);
    trace.never_ran = bundles.unfinished;
    let busy = bundles.busy_gpus.iter().enumerate().filter(|(_, gpus)| **gpus > 0.0);
    let job = |(half_hour, gpus): (usize, &f64)| TraceJob {
        // A bundle is complete, and known, at the end of its half-hour.
        submit_min: 30.0 * (half_hour + 1) as f64,
        duration_min: 30.0,
        size: JobSize::Gpus(*gpus),
        label: 0,
        deadline_min: None,
    };
    trace.jobs = busy.map(job).collect();
    Ok(trace)
}

fn own_jobs(table: &CsvTable) -> Result<JobTrace, WorkloadTraceError> {
    let [submit, duration] = table.columns(["submit_min", "duration_min"])?;
    let (power, class, deadline) = (table.column("power_mw"), table.column("class"), table.column("deadline_min"));
    let (size, largest) = match power {
        Some(power) => (power, 1000.0),
        None => (table.columns(["gpus"])?[0], MOST_GPUS),
    };
    let mut trace = JobTrace::empty(table, JobTraceFormat::Jobs, &[]);
    table.each_row(|row| {
        let submit_min = row.number(submit, 0.0, LONGEST_MIN)?;
        let duration_min = row.number(duration, 0.0, LONGEST_MIN)?;
        let amount = row.number(size, 0.0, largest)?;
        let size = if power.is_some() { JobSize::PowerMw(amount) } else { JobSize::Gpus(amount) };
        let deadline_min = deadline.map_or(Ok(None), |column| row.optional(column, 0.0, LONGEST_MIN))?;
        let text = class.map_or("job", |column| row.text(column));
        let too_many = || row.bad_word(class.unwrap_or(submit), "at most 256 different classes");
        let label = trace.label(text).ok_or_else(too_many)?;
        if amount == 0.0 {
            trace.without_gpu += 1;
        } else if duration_min == 0.0 {
            trace.never_ran += 1;
        } else {
            trace.jobs.push(TraceJob { submit_min, duration_min, size, label, deadline_min });
        }
        Ok(())
    })?;
    Ok(trace)
}

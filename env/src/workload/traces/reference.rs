//! Tables that are fitted to but never played: submissions of Helios, energy of ML.ENERGY, power caps, the survey.
//!
//! In: their CSV. Out: typed rows.
//! Always: a cell that the source leaves empty is `None`.

use super::error::WorkloadTraceError;
use super::table::CsvTable;

/// Submissions to the Venus cluster of Helios in one half-hour of local time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeliosHalfHour {
    /// Day of the week, Monday = 0.
    pub weekday: u8,
    /// Half-hour of the day, 0 to 47.
    pub half_hour: u8,
    /// GPU jobs submitted.
    pub gpu_jobs: f64,
    /// GPUs they asked for.
    pub gpus: f64,
}

/// Reads the calendar of submissions.
///
/// # Errors
/// [`WorkloadTraceError`] naming the line, what was found and what was expected.
pub fn read_helios(table: &CsvTable) -> Result<Vec<HeliosHalfHour>, WorkloadTraceError> {
    let [time, jobs, gpus] = table.columns(["time", "submit_gpu_job", "submit_gpu_num"])?;
    table.rows("a header and at least one half-hour", |row| {
        let stamp: jiff::civil::DateTime =
            row.text(time).parse().map_err(|_| row.bad_word(time, "a time as 2020-04-01 00:30"))?;
        Ok(HeliosHalfHour {
            weekday: stamp.date().weekday().to_monday_zero_offset() as u8,
            half_hour: (stamp.hour() as u8) * 2 + u8::from(stamp.minute() >= 30),
            gpu_jobs: row.number(jobs, 0.0, 1e6)?,
            gpus: row.number(gpus, 0.0, 1e6)?,
        })
    })
}

/// One measured configuration of a language model (ML.ENERGY Benchmark v3).
#[derive(Debug, Clone, PartialEq)]
pub struct LlmEnergy {
    /// Task, e.g. `lm-arena-chat`.
    pub task: String,
    /// Model.
    pub model: String,
    /// GPU.
    pub gpu: String,
    /// GPUs of the replica.
    pub gpus: f64,
    /// Most requests in a batch.
    pub batch: f64,
    /// Output tokens per second of the replica.
    pub tokens_per_s: f64,
    /// Median time between tokens of a request, ms.
    pub latency_ms: f64,
    /// Power of one GPU, W.
    pub gpu_w: f64,
    /// GPU energy of an output token, J.
    pub joules_per_token: f64,
}

/// Reads measured language models.
///
/// # Errors
/// As [`read_helios`].
pub fn read_llm_energy(table: &CsvTable) -> Result<Vec<LlmEnergy>, WorkloadTraceError> {
    let [task, model, gpu, gpus] = table.columns(["task", "nickname", "gpu_model", "num_gpus"])?;
    let [batch, rate, latency] =
        table.columns(["max_num_seqs", "output_throughput_tokens_per_sec", "median_itl_ms"])?;
    let [power, energy] = table.columns(["power_per_gpu_w", "energy_per_token_joules"])?;
    table.rows("a header and at least one configuration", |row| {
        Ok(LlmEnergy {
            task: row.text(task).into(),
            model: row.text(model).into(),
            gpu: row.text(gpu).into(),
            gpus: row.number(gpus, 1.0, 1e4)?,
            batch: row.number(batch, 1.0, 1e6)?,
            tokens_per_s: row.number(rate, 1e-6, 1e9)?,
            latency_ms: row.number(latency, 0.0, 1e6)?,
            gpu_w: row.number(power, 1.0, 1e4)?,
            joules_per_token: row.number(energy, 0.0, 1e6)?,
        })
    })
}

/// One measured configuration of an image or video model (ML.ENERGY Benchmark v3).
#[derive(Debug, Clone, PartialEq)]
pub struct DiffusionEnergy {
    /// `text-to-image` or `text-to-video`.
    pub task: String,
    /// Model.
    pub model: String,
    /// GPU.
    pub gpu: String,
    /// Outputs per second of all GPUs together; `None` where it was not measured.
    pub outputs_per_s: Option<f64>,
    /// GPU energy of an output, J.
    pub joules_per_output: f64,
}

/// Reads measured image and video models.
///
/// # Errors
/// As [`read_helios`].
pub fn read_diffusion_energy(table: &CsvTable) -> Result<Vec<DiffusionEnergy>, WorkloadTraceError> {
    let [task, model, gpu, rate, energy] =
        table.columns(["task", "nickname", "gpu_model", "outputs_per_s", "energy_per_output_joules"])?;
    table.rows("a header and at least one configuration", |row| {
        Ok(DiffusionEnergy {
            task: row.text(task).into(),
            model: row.text(model).into(),
            gpu: row.text(gpu).into(),
            outputs_per_s: row.optional(rate, 0.0, 1e6)?,
            joules_per_output: row.number(energy, 0.0, 1e9)?,
        })
    })
}

/// One point of a power cap sweep (Emerald AI field trial, arXiv 2507.00909).
#[derive(Debug, Clone, PartialEq)]
pub struct CapPoint {
    /// Name of the workload.
    pub workload: String,
    /// Cap of a GPU, W.
    pub cap_w: f64,
    /// GPU power as a share of that at the highest cap.
    pub power_share: f64,
    /// Throughput as a share of that at the highest cap.
    pub throughput_share: f64,
}

/// Reads a power cap sweep.
///
/// # Errors
/// As [`read_helios`].
pub fn read_cap_sweep(table: &CsvTable) -> Result<Vec<CapPoint>, WorkloadTraceError> {
    let [workload, cap] = table.columns(["workload", "gpu_power_cap_w"])?;
    let [throughput, power] = table.columns(["normalized_throughput", "normalized_power"])?;
    table.rows("a header and at least one cap", |row| {
        Ok(CapPoint {
            workload: row.text(workload).into(),
            cap_w: row.number(cap, 1.0, 1e4)?,
            power_share: row.number(power, 0.0, 1.5)?,
            throughput_share: row.number(throughput, 0.0, 1.5)?,
        })
    })
}

/// Answers of one option of the survey of GPU users (Chronus, SoCC 2021).
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyAnswer {
    /// Question, e.g. `Q9_max_tolerable_delay_urgent_10h_job`.
    pub question: String,
    /// Option.
    pub option: String,
    /// People who chose it.
    pub count: f64,
}

/// Reads the survey.
///
/// # Errors
/// As [`read_helios`].
pub fn read_survey(table: &CsvTable) -> Result<Vec<SurveyAnswer>, WorkloadTraceError> {
    let [question, option, count] = table.columns(["question", "option", "count"])?;
    table.rows("a header and at least one answer", |row| {
        let count = row.number(count, 0.0, 1e6)?;
        Ok(SurveyAnswer { question: row.text(question).into(), option: row.text(option).into(), count })
    })
}

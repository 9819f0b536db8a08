//! Fits the parameters of the generator to published traces.
//!
//! In: a folder with the tables named in [`WorkloadTables`]. Out: [`WorkloadParameters`].
//! Always: of every trace only the first 70 % of its own time are seen; the rest is left to judge by.
//! Not here: demand of interactive services (`fit_demand.rs`), the comparison (`compare.rs`).

use super::class::JobProfile;
use super::fit_demand::fit_demand;
use super::parameters::{
    ArrivalCalendar, CalendarName, Calendars, DemandBook, FitOrigin, ProfileParameters, ServingParameters,
    TrainingParameters, WorkloadParameters,
};
use super::tables::STANDARD_NORMAL;
use super::traces::{
    CsvTable, HeliosHalfHour, ImageBundles, JobSize, JobTrace, LlmEnergy, PhillyJob, PhillyTrace, Qos, ServiceTrace,
    SurveyAnswer, WorkloadTraceError, image_bundles, read_helios, read_jobs, read_llm_energy, read_philly,
    read_servegen, read_survey,
};
use std::collections::BTreeMap;
use std::path::Path;

/// Share of a trace's own time that is fitted to.
pub const TRAIN_SHARE: f64 = 0.7;
/// Probabilities of all lists of quantiles; dense at the upper end, where the energy is.
const PROBABILITIES: [f64; 32] = [
    0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85,
    0.875, 0.9, 0.91, 0.925, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995, 0.999, 1.0,
];
/// First GPUs of each group of sizes that has durations of its own.
const SIZE_GROUPS: [f64; 4] = [0.0, 2.0, 8.0, 16.0];
/// A group of fewer jobs shares the durations of the group below.
const SMALLEST_GROUP: usize = 40;
/// Bins of equally many half-hours that stand for the sizes of image bundles.
const IMAGE_BINS: usize = 20;
/// What makes a job pre-training.
const PRE_TRAINING: (f64, f64) = (8.0, 12.0);
/// The reference model of interactive inference.
const REFERENCE: (&str, &str, &str) = ("lm-arena-chat", "Llama 3.1 70B Instruct", "H100");
/// Batches beyond this answer too slowly for anybody.
const LARGEST_BATCH: f64 = 512.0;

/// The published tables that are fitted to.
#[derive(Debug, Clone)]
pub struct WorkloadTables {
    /// `gpu_jobs_philly_deadlines_days0-9.csv.gz`.
    pub philly: PhillyTrace,
    /// `ml_jobs_pai_gaia_year_m1-9.csv.gz`.
    pub pai: JobTrace,
    /// `image_requests_genai2024.csv.gz`.
    pub images: ImageBundles,
    /// `gpu_arrivals_helios_venus_30min_apr-jul.csv.gz`.
    pub helios: Vec<HeliosHalfHour>,
    /// `llm_requests_servegen_10min.csv.gz`.
    pub services: Vec<ServiceTrace>,
    /// `energy_llm_mlenergy.csv`.
    pub energy: Vec<LlmEnergy>,
    /// `deadline_tolerance_survey_chronus.csv`.
    pub survey: Vec<SurveyAnswer>,
    folder: String,
}

/// Which part of a trace's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TracePart {
    /// The first 70 %.
    Train,
    /// The rest.
    HeldOut,
}

/// Jobs of one kind.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobSample {
    /// GPUs.
    pub gpus: Vec<f64>,
    /// Hours.
    pub hours: Vec<f64>,
    /// Slack / duration, of jobs with a deadline.
    pub slack_ratio: Vec<f64>,
}

impl WorkloadTables {
    /// Reads all tables of a folder.
    ///
    /// # Errors
    /// [`WorkloadTraceError`] of the first table that is absent or wrong.
    pub fn read(folder: &Path) -> Result<Self, WorkloadTraceError> {
        let table = |file: &str| CsvTable::read(&folder.join(file));
        Ok(Self {
            philly: read_philly(&table("gpu_jobs_philly_deadlines_days0-9.csv.gz")?)?,
            pai: read_jobs(&table("ml_jobs_pai_gaia_year_m1-9.csv.gz")?, None)?,
            images: image_bundles(&table("image_requests_genai2024.csv.gz")?)?,
            helios: read_helios(&table("gpu_arrivals_helios_venus_30min_apr-jul.csv.gz")?)?,
            services: read_servegen(&table("llm_requests_servegen_10min.csv.gz")?)?,
            energy: read_llm_energy(&table("energy_llm_mlenergy.csv")?)?,
            survey: read_survey(&table("deadline_tolerance_survey_chronus.csv")?)?,
            folder: folder.display().to_string(),
        })
    }

    pub(super) fn not_fittable(&self, fault: impl Into<String>) -> WorkloadTraceError {
        WorkloadTraceError::NotFittable { table: self.folder.clone(), fault: fault.into() }
    }

    /// Jobs of a kind in a part of their trace.
    pub fn sample(&self, profile: JobProfile, part: TracePart) -> JobSample {
        let mut sample = JobSample::default();
        let qos = match profile {
            JobProfile::StrictTraining => Some(Qos::Strict),
            JobProfile::SoftTraining => Some(Qos::Soft),
            JobProfile::BestEffort => Some(Qos::Best),
            _ => None,
        };
        if profile == JobProfile::BatchInference {
            let busy = &self.images.busy_gpus;
            let bundles = busy[part.range(busy.len())].iter().filter(|gpus| **gpus > 0.0);
            bundles.for_each(|gpus| sample.add(*gpus, 0.5, None));
            return sample;
        }
        let large = |gpus: f64, hours: f64| {
            profile != JobProfile::PreTraining || (gpus >= PRE_TRAINING.0 && hours >= PRE_TRAINING.1)
        };
        if profile != JobProfile::MlJobs {
            let end = self.philly.jobs.iter().map(|job| job.submit_min).fold(0.0, f64::max);
            let wanted = |job: &&PhillyJob| part.holds(job.submit_min, end) && qos.is_none_or(|qos| job.qos == qos);
            for job in self.philly.jobs.iter().filter(wanted) {
                let hours = job.duration_min / 60.0;
                // A strict job is due at its first deadline, a soft one is worthless after its last.
                let due = if qos == Some(Qos::Strict) { job.deadline_first_min } else { job.deadline_last_min };
                let slack = due.map(|due| ((due - job.duration_min) / job.duration_min).max(0.0));
                if large(job.gpus, hours) {
                    sample.add(job.gpus, hours, slack.filter(|_| qos.is_some()));
                }
            }
        }
        if qos.is_none() {
            let end = self.pai.span_min();
            for job in self.pai.jobs.iter().filter(|job| part.holds(job.submit_min, end)) {
                let (JobSize::Gpus(gpus) | JobSize::PowerMw(gpus), hours) = (job.size, job.duration_min / 60.0);
                if large(gpus, hours) {
                    sample.add(gpus, hours, None);
                }
            }
        }
        sample
    }

    /// Arrivals over the week in a part of their trace.
    pub fn calendar(&self, name: CalendarName, part: TracePart) -> ArrivalCalendar {
        let mut sums = [[0.0; 48]; 2];
        let mut counts = [[0.0; 48]; 2];
        let mut add = |weekday: usize, half_hour: usize, amount: f64| {
            let kind = usize::from(weekday >= 5);
            sums[kind][half_hour] += amount;
            counts[kind][half_hour] += 1.0;
        };
        match name {
            CalendarName::Training => {
                for row in &self.helios[part.range(self.helios.len())] {
                    add(usize::from(row.weekday), usize::from(row.half_hour), row.gpu_jobs);
                }
            }
            CalendarName::Images => {
                let busy = &self.images.busy_gpus;
                for i in part.range(busy.len()) {
                    add((usize::from(self.images.first_weekday) + i / 48) % 7, i % 48, busy[i]);
                }
            }
        }
        let rate = |kind: usize, i: usize| sums[kind][i] / f64::max(counts[kind][i], 1.0);
        // Neighbours smooth what few days leave ragged.
        let smooth = |kind: usize| -> Vec<f64> {
            let at =
                |i: usize| 0.25 * rate(kind, (i + 47) % 48) + 0.5 * rate(kind, i) + 0.25 * rate(kind, (i + 1) % 48);
            (0..48).map(at).collect()
        };
        let (weekday, weekend) = (smooth(0), smooth(1));
        let mean = (5.0 * weekday.iter().sum::<f64>() + 2.0 * weekend.iter().sum::<f64>()) / 336.0;
        let relative = |rates: Vec<f64>| rates.into_iter().map(|rate| rate / mean.max(1e-12)).collect();
        ArrivalCalendar { weekday: relative(weekday), weekend: relative(weekend) }
    }
}

impl TracePart {
    fn holds(self, time: f64, end: f64) -> bool {
        (time < TRAIN_SHARE * end) == (self == Self::Train)
    }

    pub(super) fn range(self, len: usize) -> std::ops::Range<usize> {
        let end = (TRAIN_SHARE * len as f64) as usize;
        if self == Self::Train { 0..end } else { end..len }
    }
}

impl JobSample {
    pub(super) fn add(&mut self, gpus: f64, hours: f64, slack_ratio: Option<f64>) {
        self.gpus.push(gpus);
        self.hours.push(hours);
        self.slack_ratio.extend(slack_ratio);
    }
}

/// Fits all parameters to the train part of the tables.
///
/// # Errors
/// [`WorkloadTraceError::NotFittable`] if a table lacks what is fitted to.
pub fn fit_workload(tables: &WorkloadTables, fitted_on: &str) -> Result<WorkloadParameters, WorkloadTraceError> {
    let mut profiles = BTreeMap::new();
    for profile in JobProfile::ALL {
        let sample = tables.sample(profile, TracePart::Train);
        if sample.hours.len() < SMALLEST_GROUP {
            let (found, name) = (sample.hours.len(), format!("{profile:?}"));
            return Err(tables.not_fittable(format!("{found} jobs of {name}, expected at least {SMALLEST_GROUP}")));
        }
        profiles.insert(profile, fit_profile(profile, &sample));
    }
    let calendar = |name| tables.calendar(name, TracePart::Train);
    let demand = |services: &[&str]| fit_demand(tables, services);
    Ok(WorkloadParameters {
        origin: origin(fitted_on),
        probabilities: PROBABILITIES.to_vec(),
        training: TrainingParameters { kw_per_gpu: 1.05, duration_estimate_log_sd: estimate_log_sd(tables)? },
        survey_slack_ratio: survey_slack(tables)?,
        profiles,
        calendars: Calendars { training: calendar(CalendarName::Training), images: calendar(CalendarName::Images) },
        demand: DemandBook {
            both: demand(&["m-large", "m-mid"])?,
            m_large: demand(&["m-large"])?,
            m_mid: demand(&["m-mid"])?,
        },
        serving: fit_serving(tables)?,
    })
}

fn origin(fitted_on: &str) -> FitOrigin {
    let sources = [
        "Microsoft Philly 2017 with deadlines of Chronus (SoCC 2021), S-Lab-System-Group/ChronusArtifact @ bc7e15f",
        "Alibaba PAI 2020 as of GAIA (ASPLOS 2024), umassos/GAIA @ 62a5efc",
        "Alibaba GenAI image requests 2024, alibaba/clusterdata cluster-trace-v2026-GenAI",
        "SenseTime Helios Venus 2020 (Lucid), S-Lab-System-Group/Lucid @ 63685a3",
        "Alibaba Cloud Model Studio, alibaba/ServeGen @ f891d11 (arXiv 2505.09999)",
        "ML.ENERGY Benchmark v3 of 2026-02-16, ml-energy/leaderboard @ 0cd52da",
        "survey of 106 GPU users 2021, Chronus (SoCC 2021)",
    ];
    let split = format!("the first {:.0} % of each trace's own time", 100.0 * TRAIN_SHARE);
    FitOrigin { fitted_on: fitted_on.into(), split, sources: sources.map(String::from).to_vec() }
}

/// Quantiles of a sample; `values` must not be empty.
pub(super) fn quantiles(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    let last = (values.len() - 1) as f64;
    let at = |p: &f64| {
        let (low, within) = ((p * last) as usize, (p * last).fract());
        values[low] + within * (values[(low + 1).min(values.len() - 1)] - values[low])
    };
    PROBABILITIES.iter().map(at).collect()
}

fn fit_profile(profile: JobProfile, sample: &JobSample) -> ProfileParameters {
    let bundled = profile == JobProfile::BatchInference;
    let gpus = if bundled { bins(&sample.gpus) } else { sample.gpus.clone() };
    let mut counts: BTreeMap<u64, f64> = BTreeMap::new();
    gpus.iter().for_each(|gpus| *counts.entry(gpus.to_bits()).or_default() += 1.0);
    let values: Vec<f64> = counts.keys().map(|bits| f64::from_bits(*bits)).collect();
    let total: f64 = counts.values().sum();
    // Groups with too few jobs join the group below; the lowest group joins the next one.
    let group_of = |gpus: f64| SIZE_GROUPS.iter().rposition(|first| gpus >= *first).unwrap_or(0);
    let mut hours: [Vec<f64>; SIZE_GROUPS.len()] = Default::default();
    sample.gpus.iter().zip(&sample.hours).for_each(|(gpus, h)| hours[group_of(*gpus)].push(*h));
    let mut lists: Vec<Vec<f64>> = Vec::new();
    let mut list_of = [0; SIZE_GROUPS.len()];
    for (group, hours) in hours.into_iter().enumerate() {
        match lists.last_mut() {
            Some(last) if hours.len() < SMALLEST_GROUP || last.len() < SMALLEST_GROUP => last.extend(hours),
            _ => lists.push(hours),
        }
        list_of[group] = lists.len() - 1;
    }
    ProfileParameters {
        calendar: if bundled { CalendarName::Images } else { CalendarName::Training },
        jobs: sample.hours.len(),
        gpu_shares: counts.values().map(|count| count / total).collect(),
        size_groups: values.iter().map(|gpus| list_of[group_of(*gpus)]).collect(),
        gpus: values,
        duration_hours: lists.into_iter().map(quantiles).collect(),
        slack_ratio: if sample.slack_ratio.is_empty() { Vec::new() } else { quantiles(sample.slack_ratio.clone()) },
    }
}

/// Means of equally large parts of the sorted values: few numbers with the same mean.
fn bins(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let edge = |bin: usize| bin * sorted.len() / IMAGE_BINS;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    (0..IMAGE_BINS).map(|bin| mean(&sorted[edge(bin)..edge(bin + 1)])).collect()
}

fn answers<'a>(tables: &'a WorkloadTables, question: &str) -> Result<Vec<&'a SurveyAnswer>, WorkloadTraceError> {
    let found: Vec<&SurveyAnswer> = tables.survey.iter().filter(|a| a.question.starts_with(question)).collect();
    if found.iter().map(|answer| answer.count).sum::<f64>() > 0.0 {
        return Ok(found);
    }
    Err(tables.not_fittable(format!("the survey has no answers to {question}")))
}

/// Slack / duration that users tolerate for an urgent job of 10 hours.
fn survey_slack(tables: &WorkloadTables) -> Result<Vec<f64>, WorkloadTraceError> {
    let answers = answers(tables, "Q9")?;
    let total: f64 = answers.iter().map(|answer| answer.count).sum();
    let mut steps = Vec::new();
    for answer in answers {
        let mut words = answer.option.split_whitespace();
        let amount = words.next().and_then(|word| word.parse::<f64>().ok());
        let unit = words.next().map(|unit| if unit == "h" { 1.0 } else { 1.0 / 60.0 });
        let hours = amount.zip(unit).map(|(amount, unit)| amount * unit);
        let fault = || format!("the survey's option `{}` is no time, expected, e.g., `30 min`", answer.option);
        steps.push((hours.ok_or_else(|| tables.not_fittable(fault()))? / 10.0, answer.count / total));
    }
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let at = |p: &f64| {
        let mut below = 0.0;
        let step = steps.iter().find(|(_, share)| {
            below += share;
            below >= *p - 1e-9
        });
        step.or(steps.last()).map_or(0.0, |(ratio, _)| *ratio)
    };
    Ok(PROBABILITIES.iter().map(at).collect())
}

/// Spread of a lognormal error that comes nearest to the errors users report.
fn estimate_log_sd(tables: &WorkloadTables) -> Result<f64, WorkloadTraceError> {
    let answers = answers(tables, "Q7")?;
    let total: f64 = answers.iter().map(|answer| answer.count).sum();
    // The options come in order: below 10, 25, 50, 100 %, and more.
    let bounds: [f64; 4] = [0.10, 0.25, 0.50, 1.00];
    if answers.len() != bounds.len() + 1 {
        return Err(tables.not_fittable(format!("the survey has {} options to Q7, expected 5", answers.len())));
    }
    let mut below = 0.0;
    let shares: Vec<f64> = answers.iter().map(|answer| answer.count / total).collect();
    let reported: Vec<(f64, f64)> = bounds
        .iter()
        .zip(shares)
        .map(|(bound, share)| {
            below += share;
            (bound.ln_1p(), below)
        })
        .collect();
    let inside = |edge: f64, sd: f64| STANDARD_NORMAL.mean_of(|z| f64::from(u8::from((sd * z).abs() <= edge)));
    let misfit = |sd: f64| reported.iter().map(|(edge, share)| (inside(*edge, sd) - share).powi(2)).sum::<f64>();
    let candidates = (10..200).map(|i| f64::from(i) / 200.0);
    Ok(candidates.min_by(|a, b| misfit(*a).total_cmp(&misfit(*b))).unwrap_or(0.0))
}

/// The measured replica of the reference model, by rising load.
fn fit_serving(tables: &WorkloadTables) -> Result<ServingParameters, WorkloadTraceError> {
    let (task, model, gpu) = REFERENCE;
    let mut rows: Vec<&LlmEnergy> = tables
        .energy
        .iter()
        .filter(|row| row.task == task && row.model == model && row.gpu == gpu && row.batch <= LARGEST_BATCH)
        .collect();
    rows.sort_by(|a, b| a.batch.total_cmp(&b.batch));
    if rows.len() < 2 {
        return Err(
            tables.not_fittable(format!("{} measured batches of {model} on {gpu}, expected 2 or more", rows.len()))
        );
    }
    let column = |of: fn(&LlmEnergy) -> f64| rows.iter().map(|row| of(row)).collect();
    Ok(ServingParameters {
        reference: format!("{model} on {gpu}, {task}, vLLM"),
        gpus: rows[0].gpus,
        node_factor: 1.5,
        idle_kw_per_gpu: 0.19,
        batch: column(|row| row.batch),
        tokens_per_s: column(|row| row.tokens_per_s),
        latency_ms: column(|row| row.latency_ms),
        gpu_w: column(|row| row.gpu_w),
    })
}

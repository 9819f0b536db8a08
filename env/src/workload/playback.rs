//! Plays traces: jobs and demand of a published table, week after week, in copies shifted by whole days.
//!
//! In: a trace and a scenario. Out: what arrives in a half-hour of the local week.
//! Always: minute 0 of a trace is a Monday 00:00 UK local time; whole weeks of it are repeated, counted from Monday
//! 1969-12-29; the job seed chooses the shifts; a class gets as many copies as its share of the energy needs, and no job
//! changes its size for that.
//! Not here: reading (`traces/`).

use super::class::{SHORTEST_JOB_HOURS, WorkloadConfig};
use super::fit_demand::{half_hour_rate, mean_output_tokens};
use super::parameters::WorkloadParameters;
use super::pool::MAX_CLASSES;
use super::source::{DeadlineSource, InteractiveTraceConfig, JobTraceConfig};
use super::traces::{CsvTable, JobSize, JobTrace, JobTraceFormat, WorkloadTraceError, read_jobs, read_service};
use crate::core::{SeedTree, StreamRng};
use crate::grid::LocalStamp;
use crate::units::PERIOD_HOURS;
use rand::Rng;

const PERIODS_PER_WEEK: usize = 336;
const PERIODS_PER_DAY: usize = 48;
const MINUTES_PER_DAY: f64 = 1440.0;
/// No class takes more copies; a trace so thin is a mistake of units.
const MOST_COPIES: f64 = 1e5;

/// A job as a trace plays it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PlayedJob {
    pub(super) class: u8,
    pub(super) power_mw: f64,
    pub(super) work_periods: f64,
    /// Periods from release to deadline; `None` leaves it to the class.
    pub(super) due_periods: Option<i32>,
}

/// The jobs of one trace.
#[derive(Debug, Clone)]
pub(super) struct JobPlayback {
    /// Whole weeks of half-hours.
    calendar: WeekCalendar,
    /// Index of the first job of each half-hour, and the end.
    starts: Vec<u32>,
    jobs: Vec<PlayedJob>,
    /// By class.
    copies: [f64; MAX_CLASSES],
    shift_days: Option<u32>,
    /// Distinguishes the shifts of several traces.
    name_seed: u64,
    fixed_scale: bool,
}

/// Where a half-hour of the local calendar lies in a trace of whole weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WeekCalendar {
    weeks: usize,
}

impl WeekCalendar {
    fn of_periods(table: &str, periods: usize, skipped: u32) -> Result<Self, WorkloadTraceError> {
        let weeks = periods / PERIODS_PER_WEEK;
        if weeks > 0 {
            return Ok(Self { weeks });
        }
        let days = periods as f64 / PERIODS_PER_DAY as f64;
        Err(WorkloadTraceError::TooShort { table: table.into(), days, skipped })
    }

    fn days(self) -> usize {
        7 * self.weeks
    }

    /// Index of a local half-hour, for a trace shifted by whole days.
    fn at(self, local: LocalStamp, shift_days: usize) -> usize {
        // Local day 0 is 1970-01-01, a Thursday: three days after a Monday.
        let day = (i64::from(local.day) + 3 + shift_days as i64).rem_euclid(self.days() as i64) as usize;
        day * PERIODS_PER_DAY + usize::from(local.half_hour)
    }
}

/// The shift of a copy, in days.
fn shift(fixed: Option<u32>, copy: usize, copies: usize, days: usize, seed: u64) -> usize {
    match fixed {
        Some(first) => (first as usize + copy * days / copies.max(1)) % days,
        None => (SeedTree::new(seed).child("shift", copy as u64).seed() % days as u64) as usize,
    }
}

impl JobPlayback {
    /// Reads all traces of a scenario and gives each class its copies; second, which classes they cover.
    pub(super) fn read_all(
        config: &WorkloadConfig,
        parameters: &WorkloadParameters,
    ) -> Result<(Vec<Self>, [bool; MAX_CLASSES]), WorkloadTraceError> {
        let mut all = Vec::new();
        for (i, trace) in config.trace.jobs.iter().enumerate() {
            let table = CsvTable::read(&trace.path)?;
            all.push(Self::new(config, trace, &read_jobs(&table, trace.format)?, parameters, i as u64)?);
        }
        let mut covered = [false; MAX_CLASSES];
        for (c, class) in config.classes.iter().enumerate() {
            let wanted_mw = config.mean_it_mw * class.energy_share;
            let given: f64 = all.iter().filter(|t| t.fixed_scale).map(|t| t.mean_mw(c) * t.copies[c]).sum();
            let of_one_copy: f64 = all.iter().filter(|t| !t.fixed_scale).map(|t| t.mean_mw(c)).sum();
            for trace in all.iter_mut().filter(|t| !t.fixed_scale) {
                let copies = (wanted_mw - given).max(0.0) / of_one_copy;
                trace.copies[c] = if copies.is_finite() { copies.min(MOST_COPIES) } else { 0.0 };
            }
            covered[c] = all.iter().any(|trace| trace.mean_mw(c) > 0.0);
        }
        Ok((all, covered))
    }

    fn new(
        config: &WorkloadConfig,
        plan: &JobTraceConfig,
        trace: &JobTrace,
        parameters: &WorkloadParameters,
        number: u64,
    ) -> Result<Self, WorkloadTraceError> {
        let classes = class_of_labels(config, plan, trace)?;
        let skipped_min = f64::from(plan.skip_days) * MINUTES_PER_DAY;
        // A trace lasts to the end of the day of its last submission.
        let days = ((trace.span_min() - skipped_min) / MINUTES_PER_DAY + 1.0).max(0.0) as usize;
        let calendar = WeekCalendar::of_periods(&trace.name, days * PERIODS_PER_DAY, plan.skip_days)?;
        let mw_per_gpu = plan.kw_per_gpu.unwrap_or(parameters.training.kw_per_gpu) / 1000.0;
        let mut buckets: Vec<(u32, PlayedJob)> = Vec::new();
        for job in &trace.jobs {
            let Some(class) = classes[usize::from(job.label)] else { continue };
            let submitted = job.submit_min - skipped_min;
            let small = matches!(job.size, JobSize::Gpus(gpus) if gpus < plan.gpus_min);
            // It is known from the first half-hour that starts after it was submitted.
            let release = (submitted / 30.0).ceil();
            let outside = submitted < 0.0 || release >= (calendar.days() * PERIODS_PER_DAY) as f64;
            if small || outside || job.duration_min < 60.0 * plan.duration_hours_min {
                continue;
            }
            let scale = config.classes[usize::from(class)].gpu_scale;
            let power_mw = match job.size {
                JobSize::Gpus(gpus) => gpus * mw_per_gpu * scale,
                JobSize::PowerMw(power) => power * scale,
            };
            let longest_min = 60.0 * 168.0;
            let work_periods = (job.duration_min.clamp(60.0 * SHORTEST_JOB_HOURS, longest_min)) / 30.0;
            let deadline = job.deadline_min.filter(|_| plan.deadlines == DeadlineSource::Trace);
            let due = |deadline: f64| ((submitted + deadline) / 30.0).floor() - release;
            // Whatever the trace says, a job can be finished by its deadline if it starts at once.
            let due_periods = deadline.map(|d| due(d).max(work_periods.ceil()) as i32);
            buckets.push((release as u32, PlayedJob { class, power_mw, work_periods, due_periods }));
        }
        buckets.sort_by_key(|(release, _)| *release);
        let periods = calendar.days() * PERIODS_PER_DAY;
        let first = |period: usize| buckets.partition_point(|(release, _)| (*release as usize) < period) as u32;
        Ok(Self {
            calendar,
            starts: (0..=periods).map(first).collect(),
            jobs: buckets.into_iter().map(|(_, job)| job).collect(),
            copies: [plan.scale.unwrap_or(0.0); MAX_CLASSES],
            shift_days: plan.shift_days,
            name_seed: number,
            fixed_scale: plan.scale.is_some(),
        })
    }

    /// Mean IT power of a class in one copy, MW.
    fn mean_mw(&self, class: usize) -> f64 {
        let jobs = self.jobs.iter().filter(|job| usize::from(job.class) == class);
        let energy = jobs.map(|job| job.power_mw * job.work_periods).sum::<f64>();
        energy / (self.calendar.days() * PERIODS_PER_DAY) as f64
    }

    /// Its jobs of a class.
    pub(super) fn jobs_of(&self, class: usize) -> impl Iterator<Item = &PlayedJob> {
        self.jobs.iter().filter(move |job| usize::from(job.class) == class)
    }

    /// Work of a class that all copies bring on average, MWh by half-hour of the local day.
    pub(super) fn mean_day_mwh(&self, class: usize) -> [f64; PERIODS_PER_DAY] {
        let mut day = [0.0; PERIODS_PER_DAY];
        let per_day = self.copies[class] * PERIOD_HOURS / self.calendar.days() as f64;
        for (at, range) in self.starts.windows(2).enumerate() {
            for job in &self.jobs[range[0] as usize..range[1] as usize] {
                if usize::from(job.class) == class {
                    day[at % PERIODS_PER_DAY] += job.power_mw * job.work_periods * per_day;
                }
            }
        }
        day
    }

    /// Hands over the jobs of a local half-hour, of all copies.
    pub(super) fn play(
        &self,
        phase: u64,
        local: LocalStamp,
        rng: &mut StreamRng,
        mut take: impl FnMut(&PlayedJob, &mut StreamRng),
    ) {
        let most = self.copies.iter().copied().fold(0.0, f64::max).ceil() as usize;
        let seed = phase.wrapping_add(self.name_seed);
        for copy in 0..most {
            let shift = shift(self.shift_days, copy, most, self.calendar.days(), seed);
            let at = self.calendar.at(local, shift);
            for job in &self.jobs[self.starts[at] as usize..self.starts[at + 1] as usize] {
                let left = self.copies[usize::from(job.class)] - copy as f64;
                // Of the last copy so many jobs are kept as the fraction says.
                if left >= 1.0 || (left > 0.0 && f64::from(rng.next_u32()) < left * f64::from(u32::MAX)) {
                    take(job, rng);
                }
            }
        }
    }

    /// Longest job, hours.
    pub(super) fn longest_hours(&self) -> f64 {
        self.jobs.iter().map(|job| job.work_periods * PERIOD_HOURS).fold(0.0, f64::max)
    }
}

/// The class of each label; `None` leaves its jobs out.
fn class_of_labels(
    config: &WorkloadConfig,
    plan: &JobTraceConfig,
    trace: &JobTrace,
) -> Result<Vec<Option<u8>>, WorkloadTraceError> {
    let index = |name: &str| config.classes.iter().position(|class| class.name == name).map(|c| c as u8);
    let expected = || config.classes.iter().map(|class| class.name.as_str()).collect::<Vec<_>>().join(", ");
    let of_label = |label: &String| -> Result<Option<u8>, WorkloadTraceError> {
        match plan.classes.get(label).map(String::as_str) {
            Some("") => Ok(None),
            Some(class) => index(class).map(Some).ok_or_else(|| WorkloadTraceError::UnknownClass {
                table: trace.name.clone(),
                label: label.clone(),
                class: class.into(),
                expected: expected(),
            }),
            None => {
                let usual = index(label).or_else(|| index(usual_class(trace.format, label)));
                usual.map(Some).ok_or_else(|| WorkloadTraceError::UnmappedLabel {
                    table: trace.name.clone(),
                    label: label.clone(),
                    expected: expected(),
                })
            }
        }
    };
    trace.labels.iter().map(of_label).collect()
}

fn usual_class(format: JobTraceFormat, label: &str) -> &'static str {
    match (format, label) {
        (JobTraceFormat::Philly, "strict") | (JobTraceFormat::AlibabaPods, "LS" | "Guaranteed") => "strict_training",
        (JobTraceFormat::Philly, "soft") | (JobTraceFormat::Pai, _) => "soft_training",
        (JobTraceFormat::Philly | JobTraceFormat::AlibabaPods, _) => "best_effort",
        (JobTraceFormat::GenaiImages, _) => "batch_inference",
        (JobTraceFormat::Jobs, _) => "",
    }
}

/// The demand of one trace, by half-hour of whole weeks.
#[derive(Debug, Clone)]
pub(super) struct DemandPlayback {
    calendar: WeekCalendar,
    /// Relative tokens, mean 1.
    loads: Vec<f64>,
    output_tokens: f64,
    shift_days: Option<u32>,
}

impl DemandPlayback {
    /// Reads a demand trace. A half-hour whose rate the source lacks takes the mean of the nearest known ones before and
    /// after it, as the publishers advise.
    pub(super) fn read(plan: &InteractiveTraceConfig, default_tokens: f64) -> Result<Self, WorkloadTraceError> {
        let table = CsvTable::read(&plan.path)?;
        let trace = read_service(&table, plan.format, plan.service.as_deref())?;
        let periods = (trace.windows.len() as f64 * trace.window_s / 1800.0) as usize;
        let calendar = WeekCalendar::of_periods(&table.name, periods, 0)?;
        let periods = calendar.days() * PERIODS_PER_DAY;
        let rates: Vec<Option<f64>> = (0..periods).map(|i| half_hour_rate(&trace, i)).collect();
        let known = |i: usize| rates[i];
        let bridged = |i: usize| {
            let (before, after) = ((0..i).rev().find_map(known), (i..periods).find_map(known));
            match (rates[i], before, after) {
                (Some(rate), _, _) => rate,
                (None, Some(a), Some(b)) => 0.5 * (a + b),
                (None, a, b) => a.or(b).unwrap_or(0.0),
            }
        };
        let loads: Vec<f64> = (0..periods).map(bridged).collect();
        let mean = loads.iter().sum::<f64>() / periods as f64;
        if mean <= 0.0 {
            return Err(table.no_demand());
        }
        let tokens_known = trace.windows.iter().any(|window| window.output_tokens.is_some_and(|tokens| tokens > 0.0));
        Ok(Self {
            calendar,
            loads: loads.iter().map(|rate| rate / mean).collect(),
            output_tokens: if tokens_known { mean_output_tokens(&trace) } else { default_tokens },
            shift_days: plan.shift_days,
        })
    }

    /// Relative load and output tokens per request in a local half-hour.
    pub(super) fn at(&self, phase: u64, local: LocalStamp) -> (f64, f64) {
        let shift = shift(self.shift_days, 0, 1, self.calendar.days(), phase);
        (self.loads[self.calendar.at(local, shift)], self.output_tokens)
    }

    /// All loads, equally likely.
    pub(super) fn loads(&self) -> Vec<(f64, f64)> {
        self.loads.iter().map(|load| (*load, 1.0)).collect()
    }
}

#[cfg(test)]
#[path = "playback_tests.rs"]
mod tests;

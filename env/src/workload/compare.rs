//! Sets the generator beside the traces it was fitted to.
//!
//! In: tables and parameters. Out: figures of the fitted part of each trace, of its held-out part, and of drawn jobs.
//! Always: the generator has seen the first 70 % of each trace only. It is judged on that part, and on the held-out part
//! apart, because some traces drift. Not here: printing (`flexai data check-workload`).

use super::class::{InteractiveConfig, JobProfile, WorkloadConfig};
use super::demand::{DemandNoise, DemandSource};
use super::fit::{JobSample, TracePart, WorkloadTables};
use super::fit_demand::token_series;
use super::parameters::{CalendarName, WorkloadParameters};
use super::sampler::SizeSampler;
use super::tables::QuantileTable;
use super::{DemandModel, Service};
use crate::core::SeedTree;
use crate::grid::LocalStamp;
use rand::Rng;
use serde::Serialize;

/// Jobs drawn of each profile.
const DRAWS: usize = 100_000;
/// Weeks of demand drawn.
const WEEKS: usize = 400;

/// All figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkloadComparison {
    /// In the order they are shown.
    pub figures: Vec<WorkloadFigure>,
}

/// One figure of traces and generator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkloadFigure {
    /// What it is, with its unit.
    pub name: String,
    /// Of the first 70 % of the trace, which were fitted to.
    pub trace: f64,
    /// Of its last 30 %, which the fit has not seen.
    pub held_out: f64,
    /// Of the generator.
    pub generated: f64,
    /// Largest distance from a trace, in its unit.
    pub tolerance: f64,
    /// Whether the generator is within it of the fitted part.
    pub ok: bool,
    /// Whether it is within it of the held-out part; where not, the trace has drifted.
    pub held_out_ok: bool,
}

impl WorkloadComparison {
    /// Figures out of tolerance.
    pub fn misfits(&self) -> impl Iterator<Item = &WorkloadFigure> {
        self.figures.iter().filter(|figure| !figure.ok)
    }

    fn add(&mut self, name: String, [trace, held_out, generated]: [f64; 3], tolerance: f64) {
        let [ok, held_out_ok] = [trace, held_out].map(|figure| (generated - figure).abs() <= tolerance);
        self.figures.push(WorkloadFigure { name, trace, held_out, generated, tolerance, ok, held_out_ok });
    }

    /// A figure that may be off by a share of the trace's.
    fn add_relative(&mut self, name: String, values: [f64; 3], share: f64) {
        self.add(name, values, share * values[0].abs());
    }
}

/// Compares drawn jobs, calendars and demand with the tables.
pub fn compare_workload(tables: &WorkloadTables, parameters: &WorkloadParameters) -> WorkloadComparison {
    let mut comparison = WorkloadComparison { figures: Vec::new() };
    for profile in JobProfile::ALL {
        compare_jobs(&mut comparison, tables, parameters, profile);
    }
    compare_shares(&mut comparison, tables, parameters);
    for (name, label) in [(CalendarName::Training, "training"), (CalendarName::Images, "images")] {
        compare_calendar(&mut comparison, tables, parameters, name, label);
    }
    for (service, names, label) in [
        (Service::MLarge, &["m-large"][..], "m-large"),
        (Service::MMid, &["m-mid"][..], "m-mid"),
        (Service::Both, &["m-large", "m-mid"][..], "both services"),
    ] {
        compare_demand(&mut comparison, tables, parameters, service, names, label);
    }
    comparison
}

/// The fitted part of a trace, its held-out part, and jobs drawn by the generator.
fn samples(tables: &WorkloadTables, parameters: &WorkloadParameters, profile: JobProfile) -> [JobSample; 3] {
    let [train, held_out] = [TracePart::Train, TracePart::HeldOut].map(|part| tables.sample(profile, part));
    let mut drawn = JobSample::default();
    let mut rng = SeedTree::new(0).stream("workload comparison");
    let sizes = SizeSampler::of_profile(profile, parameters, 1.0);
    let fitted = parameters.profile(profile);
    let slack = fitted.has_slack().then(|| QuantileTable::of_points(&parameters.probabilities, &fitted.slack_ratio));
    for _ in 0..DRAWS {
        let (gpus, hours) = sizes.draw(&mut rng);
        drawn.add(gpus, hours, slack.as_ref().map(|table| table.at(rng.next_u32())));
    }
    [train, held_out, drawn]
}

/// A quantile of some values; 0 if there are none.
fn quantile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(((sorted.len().saturating_sub(1)) as f64 * p).round() as usize).copied().unwrap_or(0.0)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn gpu_hours(sample: &JobSample, counts: impl Fn(f64, f64) -> bool) -> f64 {
    let jobs = sample.gpus.iter().zip(&sample.hours);
    jobs.filter(|(gpus, hours)| counts(**gpus, **hours)).map(|(gpus, hours)| gpus * hours).sum()
}

fn compare_jobs(
    comparison: &mut WorkloadComparison,
    tables: &WorkloadTables,
    parameters: &WorkloadParameters,
    profile: JobProfile,
) {
    let samples = samples(tables, parameters, profile);
    let name = |what: &str| format!("{profile:?}: {what}");
    let of = |pick: &dyn Fn(&JobSample) -> f64| [pick(&samples[0]), pick(&samples[1]), pick(&samples[2])];
    comparison.add_relative(name("duration P50 (h)"), of(&|s| quantile(&s.hours, 0.5)), 0.10);
    comparison.add_relative(name("duration P90 (h)"), of(&|s| quantile(&s.hours, 0.9)), 0.10);
    comparison.add_relative(name("GPUs mean"), of(&|s| mean(&s.gpus)), 0.10);
    comparison.add_relative(name("GPUs P90"), of(&|s| quantile(&s.gpus, 0.9)), 0.15);
    comparison.add_relative(
        name("GPU-hours per job"),
        of(&|s| gpu_hours(s, |_, _| true) / s.hours.len().max(1) as f64),
        0.15,
    );
    let share = |s: &JobSample, counts: &dyn Fn(f64, f64) -> bool| gpu_hours(s, counts) / gpu_hours(s, |_, _| true);
    comparison.add(name("share of GPU-hours in jobs >= 12 h"), of(&|s| share(s, &|_, hours| hours >= 12.0)), 0.08);
    comparison.add(name("share of GPU-hours in jobs > 1 GPU"), of(&|s| share(s, &|gpus, _| gpus > 1.0)), 0.08);
    if !samples[0].slack_ratio.is_empty() {
        comparison.add_relative(name("slack / duration P50"), of(&|s| quantile(&s.slack_ratio, 0.5)), 0.05);
        comparison.add_relative(name("slack / duration P90"), of(&|s| quantile(&s.slack_ratio, 0.9)), 0.05);
    }
}

/// Shares of the Philly classes in GPU-hours, with jobs as frequent as in the train part.
fn compare_shares(comparison: &mut WorkloadComparison, tables: &WorkloadTables, parameters: &WorkloadParameters) {
    let classes = [JobProfile::StrictTraining, JobProfile::SoftTraining, JobProfile::BestEffort];
    let samples = classes.map(|profile| samples(tables, parameters, profile));
    let energy = |class: usize, source: usize| -> f64 {
        let sample = &samples[class][source];
        let all = gpu_hours(sample, |_, _| true);
        // Drawn jobs stand for as many as were fitted to.
        if source == 2 { all / DRAWS as f64 * parameters.profile(classes[class]).jobs as f64 } else { all }
    };
    for (class, profile) in classes.iter().enumerate() {
        let share = |source: usize| energy(class, source) / (0..3).map(|c| energy(c, source)).sum::<f64>();
        comparison.add(format!("{profile:?}: share of Philly's GPU-hours"), [0, 1, 2].map(share), 0.03);
    }
}

fn compare_calendar(
    comparison: &mut WorkloadComparison,
    tables: &WorkloadTables,
    parameters: &WorkloadParameters,
    name: CalendarName,
    label: &str,
) {
    let (train, held_out) = (tables.calendar(name, TracePart::Train), tables.calendar(name, TracePart::HeldOut));
    let drawn = parameters.calendar(name);
    let span = |of: &dyn Fn(usize, bool) -> f64, hours: std::ops::Range<usize>, weekend: bool| {
        let len = hours.len() as f64 * 2.0;
        (2 * hours.start..2 * hours.end).map(|i| of(i, weekend)).sum::<f64>() / len
    };
    for (hours, weekend, what) in [
        (0..8, false, "weekday 00-08 h"),
        (8..20, false, "weekday 08-20 h"),
        (20..24, false, "weekday 20-24 h"),
        (0..24, true, "weekend"),
    ] {
        let values = [
            span(&|i, w| train.at(i, w), hours.clone(), weekend),
            span(&|i, w| held_out.at(i, w), hours.clone(), weekend),
            span(&|i, w| drawn.at(i, w), hours, weekend),
        ];
        comparison.add(format!("{label}: relative arrival rate, {what}"), values, 0.15);
    }
}

fn compare_demand(
    comparison: &mut WorkloadComparison,
    tables: &WorkloadTables,
    parameters: &WorkloadParameters,
    service: Service,
    names: &[&str],
    label: &str,
) {
    let named = |name: &&str| tables.services.iter().find(|trace| trace.service == *name);
    let services: Vec<_> = names.iter().filter_map(named).collect();
    let known = |part: TracePart| token_series(&services, part).into_iter().flatten().collect::<Vec<f64>>();
    let series = [known(TracePart::Train), known(TracePart::HeldOut), drawn_demand(parameters, service)];
    let of = |pick: &dyn Fn(&[f64]) -> f64| [pick(&series[0]), pick(&series[1]), pick(&series[2])];
    let spread = |values: &[f64]| {
        let m = mean(values);
        mean(&values.iter().map(|x| (x - m).powi(2)).collect::<Vec<_>>()).sqrt() / m
    };
    let over_mean = |values: &[f64], p: f64| quantile(values, p) / mean(values);
    comparison.add(format!("{label}: spread of the half-hourly load / mean"), of(&spread), 0.10);
    comparison.add(format!("{label}: load P5 / mean"), of(&|v| over_mean(v, 0.05)), 0.12);
    comparison.add(format!("{label}: load P95 / mean"), of(&|v| over_mean(v, 0.95)), 0.20);
    let step = |values: &[f64]| {
        let steps: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
        mean(&steps) / mean(values)
    };
    comparison.add(format!("{label}: mean step between half-hours / mean"), of(&step), 0.05);
}

fn drawn_demand(parameters: &WorkloadParameters, service: Service) -> Vec<f64> {
    let interactive = InteractiveConfig { service, demand: DemandModel::Fitted, ..InteractiveConfig::default() };
    let config = WorkloadConfig { interactive, ..WorkloadConfig::default() };
    let source = DemandSource::new(&config, parameters, None);
    let mut rng = SeedTree::new(1).stream("workload comparison");
    let mut noise = DemandNoise::new(&mut rng);
    let period = |i: usize, noise: &mut DemandNoise, rng: &mut crate::core::StreamRng| {
        let (day, half_hour) = ((i / 48) as i32, (i % 48) as u8);
        let local = LocalStamp { half_hour, weekday: (day % 7) as u8, day, month: 1, day_of_year: 1 };
        source.draw(noise, rng, 0, local).tokens
    };
    (0..WEEKS * 336).map(|i| period(i, &mut noise, &mut rng)).collect()
}

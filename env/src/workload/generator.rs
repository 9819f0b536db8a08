//! Draws jobs and the interactive load, period by period.
//!
//! In: class descriptions, local time, a named random stream. Out: what arrives in the next period.
//! Always: the same seed and window give the same arrivals, whoever acts; the mean IT energy is that of the config.
//! Not here: serving the jobs (`pool.rs`).

use super::class::{INTERACTIVE_NOISE_CUT, JobClassConfig, SHORTEST_JOB_HOURS, WorkloadConfig};
use super::job::Job;
use crate::core::{SeedTree, StreamRng};
use crate::grid::LocalStamp;
use crate::units::{Megawatts, PERIOD_HOURS};
use rand_distr::{Distribution, Normal, Poisson, StandardNormal};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// How strongly the noise of interactive load persists from one period to the next.
const INTERACTIVE_NOISE_PERSISTENCE: f64 = 0.9;
/// Draws that estimate the mean work of a job, from a stream of its own: the same for everybody.
const CALIBRATION_DRAWS: usize = 20_000;

/// Draws arrivals for a workload.
#[derive(Debug, Clone)]
pub struct JobGenerator {
    config: WorkloadConfig,
    jobs_per_period: Vec<f64>,
}

/// Where a course of arrivals stands; a saved one continues exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArrivalStream {
    jobs: StreamRng,
    interactive: StreamRng,
    noise: f64,
}

impl ArrivalStream {
    /// The course of arrivals of a seed.
    pub fn new(seed: SeedTree) -> Self {
        let mut interactive = seed.stream("interactive");
        let noise = StandardNormal.sample(&mut interactive);
        Self { jobs: seed.stream("jobs"), interactive, noise }
    }
}

impl ArrivalStream {
    /// Whether a saved course can go on.
    pub(crate) fn is_sound(&self) -> bool {
        self.noise.is_finite()
    }
}

impl JobGenerator {
    /// Prepares the arrival rates so that each class brings its share of the energy.
    pub fn new(config: &WorkloadConfig) -> Self {
        let rate = |class: &JobClassConfig| {
            let energy_mwh = config.mean_it_mw * class.energy_share * PERIOD_HOURS;
            energy_mwh / mean_work_mwh(class)
        };
        Self { config: config.clone(), jobs_per_period: config.classes.iter().map(rate).collect() }
    }

    /// Jobs of a class that will hardly ever be at a site at once, wait as they may: those that arrive at the busiest time
    /// of the week for as long as a mean job may stay, and six standard deviations more.
    pub fn most_jobs(&self, class: usize) -> usize {
        let config = &self.config.classes[class];
        let mean = |median: f64, log_sd: f64| median * (0.5 * log_sd * log_sd).exp();
        let hours = mean(config.duration_hours_median, config.duration_log_sd).min(config.duration_hours_max);
        let slack = config.slack_hours + config.slack_share_of_duration * hours;
        let stay = (mean(hours, config.duration_estimate_log_sd) + slack) / PERIOD_HOURS + 1.0;
        let weekly = config.weekend_factor.max(1.0) * 7.0 / (5.0 + 2.0 * config.weekend_factor);
        let jobs = self.jobs_per_period[class] * (1.0 + config.daily_amplitude) * weekly * stay;
        (jobs + 6.0 * jobs.sqrt()).ceil() as usize + 8
    }

    /// Draws what arrives in period `t`, at a local time: hands over the jobs, returns the interactive IT load.
    pub fn draw(
        &self,
        stream: &mut ArrivalStream,
        local: LocalStamp,
        t: i32,
        mut arrive: impl FnMut(Job),
    ) -> Megawatts {
        for (c, class) in self.config.classes.iter().enumerate() {
            let rate = self.jobs_per_period[c] * arrival_shape(class, local);
            let count = if rate > 0.0 {
                Poisson::new(rate).expect("a positive finite rate").sample(&mut stream.jobs) as usize
            } else {
                0
            };
            for _ in 0..count {
                arrive(draw_job(class, c as u8, t, &mut stream.jobs));
            }
        }
        self.draw_interactive(stream, local)
    }

    fn draw_interactive(&self, stream: &mut ArrivalStream, local: LocalStamp) -> Megawatts {
        let interactive = &self.config.interactive;
        let mean = self.config.mean_it_mw * interactive.energy_share;
        let innovation = (1.0 - INTERACTIVE_NOISE_PERSISTENCE.powi(2)).sqrt();
        let hour = f64::from(local.half_hour) / 2.0;
        let cycle = 1.0 + interactive.daily_amplitude * (TAU * (hour - interactive.peak_hour) / 24.0).cos();
        let fresh: f64 = StandardNormal.sample(&mut stream.interactive);
        stream.noise = INTERACTIVE_NOISE_PERSISTENCE * stream.noise + innovation * fresh;
        Megawatts(
            mean * cycle
                * (1.0 + interactive.noise * stream.noise.clamp(-INTERACTIVE_NOISE_CUT, INTERACTIVE_NOISE_CUT)),
        )
    }
}

/// Relative arrival rate of a class; its mean over a week is 1.
fn arrival_shape(class: &JobClassConfig, local: LocalStamp) -> f64 {
    let hour = f64::from(local.half_hour) / 2.0;
    let daily = 1.0 + class.daily_amplitude * (TAU * (hour - class.peak_hour) / 24.0).cos();
    let weekly_mean = (5.0 + 2.0 * class.weekend_factor) / 7.0;
    let weekly = if local.weekday >= 5 { class.weekend_factor } else { 1.0 };
    daily * weekly / weekly_mean
}

fn draw_job(class: &JobClassConfig, index: u8, release: i32, rng: &mut StreamRng) -> Job {
    let (power_mw, hours) = draw_size(class, rng);
    let estimate = hours / PERIOD_HOURS;
    let slack = (class.slack_hours + class.slack_share_of_duration * hours) / PERIOD_HOURS;
    let deadline = release + (estimate + slack).ceil() as i32;
    let mut job = Job::new(index, power_mw, estimate, release, deadline);
    if class.duration_estimate_log_sd > 0.0 {
        let error: f64 = StandardNormal.sample(rng);
        let true_hours = hours * (class.duration_estimate_log_sd * error.clamp(-2.5, 2.5)).exp();
        job.work_periods = true_hours.max(SHORTEST_JOB_HOURS) / PERIOD_HOURS;
        job.left_periods = job.work_periods;
    }
    if class.data_gb_median > 0.0 {
        job.data_gb = class.data_gb_median as f32;
    }
    job
}

fn draw_size(class: &JobClassConfig, rng: &mut StreamRng) -> (f64, f64) {
    let log = |sd: f64| Normal::new(0.0, sd).expect("a spread checked by the config").sample(rng);
    let [power, duration] = [class.power_log_sd, class.duration_log_sd].map(log);
    let power_mw = class.power_mw_median * power.clamp(-2.5 * class.power_log_sd, 2.5 * class.power_log_sd).exp();
    (power_mw, (class.duration_hours_median * duration.exp()).clamp(SHORTEST_JOB_HOURS, class.duration_hours_max))
}

fn mean_work_mwh(class: &JobClassConfig) -> f64 {
    let mut rng = SeedTree::new(0).stream("mean work of a job class");
    let total: f64 = (0..CALIBRATION_DRAWS)
        .map(|_| {
            let (power_mw, hours) = draw_size(class, &mut rng);
            power_mw * hours
        })
        .sum();
    total / CALIBRATION_DRAWS as f64
}

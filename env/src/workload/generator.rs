//! Draws jobs and the interactive load of an episode.
//!
//! In: class descriptions, local time, a named random stream. Out: [`Arrivals`], fixed before the first step.
//! Always: the same seed and window give the same arrivals, whoever acts; the mean IT energy is that of the config.
//! Not here: serving the jobs (`pool.rs`).

use super::class::{JobClassConfig, SHORTEST_JOB_HOURS, WorkloadConfig};
use super::pool::Job;
use crate::core::SeedTree;
use crate::grid::LocalStamp;
use crate::units::PERIOD_HOURS;
use rand_distr::{Distribution, Normal, Poisson, StandardNormal};
use std::f64::consts::TAU;

/// How strongly the noise of interactive load persists from one period to the next.
const INTERACTIVE_NOISE_PERSISTENCE: f64 = 0.9;
/// Draws that estimate the mean work of a job, from a stream of its own: the same for everybody.
const CALIBRATION_DRAWS: usize = 20_000;

/// Everything that arrives in an episode.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arrivals {
    /// Interactive IT load of each period, MW.
    pub interactive_mw: Vec<f64>,
    /// All jobs, by release.
    pub jobs: Vec<Job>,
    /// Jobs of period `t` are `jobs[first_of[t] .. first_of[t + 1]]`.
    pub first_of: Vec<u32>,
}

/// Draws arrivals for a workload.
#[derive(Debug, Clone)]
pub struct JobGenerator {
    config: WorkloadConfig,
    jobs_per_period: Vec<f64>,
}

impl Arrivals {
    /// Jobs released in period `t` of the episode.
    pub fn released(&self, t: usize) -> &[Job] {
        &self.jobs[self.first_of[t] as usize..self.first_of[t + 1] as usize]
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

    /// Draws the arrivals of consecutive periods given their local times.
    pub fn draw(&self, seed: SeedTree, locals: impl ExactSizeIterator<Item = LocalStamp> + Clone, out: &mut Arrivals) {
        self.draw_interactive(seed, locals.clone(), &mut out.interactive_mw);
        out.jobs.clear();
        out.first_of.clear();
        out.first_of.push(0);
        let mut rng = seed.stream("jobs");
        for (t, local) in locals.enumerate() {
            for (c, class) in self.config.classes.iter().enumerate() {
                let rate = self.jobs_per_period[c] * arrival_shape(class, local);
                let count = if rate > 0.0 {
                    Poisson::new(rate).expect("a positive finite rate").sample(&mut rng) as usize
                } else {
                    0
                };
                for _ in 0..count {
                    out.jobs.push(draw_job(class, c as u8, t as i32, &mut rng));
                }
            }
            out.first_of.push(out.jobs.len() as u32);
        }
    }

    fn draw_interactive(&self, seed: SeedTree, locals: impl Iterator<Item = LocalStamp>, out: &mut Vec<f64>) {
        let interactive = &self.config.interactive;
        let mean = self.config.mean_it_mw * interactive.energy_share;
        let mut rng = seed.stream("interactive");
        let innovation = (1.0 - INTERACTIVE_NOISE_PERSISTENCE.powi(2)).sqrt();
        let mut noise: f64 = StandardNormal.sample(&mut rng);
        out.clear();
        for local in locals {
            let hour = f64::from(local.half_hour) / 2.0;
            let cycle = 1.0 + interactive.daily_amplitude * (TAU * (hour - interactive.peak_hour) / 24.0).cos();
            let fresh: f64 = StandardNormal.sample(&mut rng);
            noise = INTERACTIVE_NOISE_PERSISTENCE * noise + innovation * fresh;
            out.push(mean * cycle * (1.0 + interactive.noise * noise.clamp(-3.0, 3.0)));
        }
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

fn draw_job(class: &JobClassConfig, index: u8, release: i32, rng: &mut crate::core::StreamRng) -> Job {
    let (power_mw, hours) = draw_size(class, rng);
    let work_mwh = power_mw * hours;
    let deadline = release + ((hours + class.slack_hours) / PERIOD_HOURS).ceil() as i32;
    Job {
        class: index,
        power_mw,
        work_mwh,
        remaining_mwh: work_mwh,
        release,
        deadline,
        running: false,
        granted_mw: 0.0,
    }
}

fn draw_size(class: &JobClassConfig, rng: &mut crate::core::StreamRng) -> (f64, f64) {
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

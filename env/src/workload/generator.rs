//! Draws jobs and the interactive demand, period by period.
//!
//! In: class descriptions or traces, local time, named random streams. Out: what arrives in the next period.
//! Always: the same seed and window give the same arrivals, whoever acts; the mean IT energy is that of the config.
//! Not here: serving the jobs (`pool.rs`), sizes (`sampler.rs`), traces (`playback.rs`).

use super::class::{ArrivalModel, JobClassConfig, SHORTEST_JOB_HOURS, WorkloadConfig};
use super::demand::{DemandNoise, DemandSource};
use super::expected::ArrivalProfile;
use super::interactive::{InteractiveDemand, InteractiveModel};
use super::job::{ClassRules, Job};
use super::parameters::WorkloadParameters;
use super::playback::{DemandPlayback, JobPlayback, PlayedJob};
use super::sampler::{SizeSampler, SlackSampler};
use super::source::WorkloadSource;
use super::tables::{PoissonCount, QuantileTable, STANDARD_NORMAL};
use super::traces::WorkloadTraceError;
use crate::core::{SeedTree, StreamRng};
use crate::grid::LocalStamp;
use crate::units::PERIOD_HOURS;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Errors of estimates are cut here, in standard deviations.
const WORST_ESTIMATE: f64 = 2.5;
/// Saturday and Sunday.
const FIRST_WEEKEND_DAY: u8 = 5;

/// Draws that estimate how long a job may stay.
const STAY_DRAWS: usize = 4096;
/// Jobs, drawn or of a trace, that the mean course of a class is made from, at most.
const PROFILE_JOBS: usize = 2048;

/// Draws arrivals for a workload.
#[derive(Debug, Clone)]
pub struct JobGenerator {
    /// One per class; empty where a trace covers it.
    classes: Vec<ClassGenerator>,
    traces: Vec<JobPlayback>,
    demand: DemandSource,
}

/// Draws the jobs of one class.
#[derive(Debug, Clone)]
struct ClassGenerator {
    index: u8,
    /// By kind of day and half-hour.
    counts: Box<[[PoissonCount; 48]; 2]>,
    sizes: SizeSampler,
    slack: SlackSampler,
    /// True duration / estimate, if durations are estimates.
    surprise: Option<QuantileTable>,
    jobs_per_period: f64,
    busiest_jobs_per_period: f64,
    /// How long a mean job may stay.
    stay_periods: f64,
    /// Whether jobs are drawn, not played.
    drawn: bool,
    /// Work that arrives on average, MWh per period by kind of day and half-hour.
    expected_mwh: Box<[[f64; 48]; 2]>,
    /// Mean course of the work of the class.
    profile: ArrivalProfile,
}

/// Where a course of arrivals stands; a saved one continues exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArrivalStream {
    jobs: StreamRng,
    interactive: StreamRng,
    noise: DemandNoise,
    /// Chooses the shifts of traces.
    phase: u64,
}

impl ArrivalStream {
    /// The course of arrivals of a seed.
    pub fn new(seed: SeedTree) -> Self {
        let mut interactive = seed.stream("interactive");
        let noise = DemandNoise::new(&mut interactive);
        Self { jobs: seed.stream("jobs"), interactive, noise, phase: seed.child("trace shifts", 0).seed() }
    }

    /// Reads a word of each of its parts, which brings them into the cache.
    pub(crate) fn warm(&self) -> u64 {
        (self.jobs.get_word_pos() ^ self.interactive.get_word_pos()) as u64 ^ self.phase
    }

    /// Whether a saved course can go on.
    pub(crate) fn is_sound(&self) -> bool {
        self.noise.is_sound()
    }
}

impl JobGenerator {
    /// Prepares the arrival rates so that each class brings its share of the energy; reads traces if the scenario plays
    /// them.
    ///
    /// # Errors
    /// [`WorkloadTraceError`] if a trace cannot be read or does not fit the scenario.
    pub fn new(config: &WorkloadConfig) -> Result<Self, WorkloadTraceError> {
        let parameters = WorkloadParameters::embedded();
        let played = config.source == WorkloadSource::Trace;
        let (traces, covered) =
            if played { JobPlayback::read_all(config, parameters)? } else { (Vec::new(), Default::default()) };
        let plan = config.trace.interactive.as_ref().filter(|_| played);
        let default_tokens = parameters.demand_of(config.interactive.service).output_tokens;
        let demand_trace = plan.map(|plan| DemandPlayback::read(plan, default_tokens)).transpose()?;
        let classes = config.classes.iter().enumerate().map(|(c, class)| {
            let energy_mwh = config.mean_it_mw * class.energy_share * PERIOD_HOURS;
            let mut generator = ClassGenerator::new(class, c as u8, energy_mwh, !covered[c], parameters);
            generator.expect(class, &traces);
            generator
        });
        let classes = classes.collect();
        Ok(Self { classes, traces, demand: DemandSource::new(config, parameters, demand_trace) })
    }

    /// Jobs of a class that will hardly ever be at a site at once, wait as they may: those that arrive at the busiest time
    /// of the week for as long as a mean job may stay, and six standard deviations more. What traces bring is not counted.
    pub fn most_jobs(&self, class: usize) -> usize {
        let class = &self.classes[class];
        let jobs = class.busiest_jobs_per_period * class.stay_periods;
        (jobs + 6.0 * jobs.sqrt()).ceil() as usize + 8
    }

    /// Draws what arrives in period `t`, at a local time: hands over the jobs, returns the interactive demand.
    pub fn draw(
        &self,
        stream: &mut ArrivalStream,
        local: LocalStamp,
        t: i32,
        mut arrive: impl FnMut(Job),
    ) -> InteractiveDemand {
        let kind = usize::from(local.weekday >= FIRST_WEEKEND_DAY);
        for class in self.classes.iter().filter(|class| class.drawn) {
            let count = class.counts[kind][usize::from(local.half_hour)].draw(&mut stream.jobs);
            for _ in 0..count {
                arrive(class.draw_job(t, &mut stream.jobs));
            }
        }
        let ArrivalStream { jobs, interactive, noise, phase } = stream;
        for trace in &self.traces {
            trace.play(*phase, local, jobs, |played, rng| {
                arrive(self.classes[usize::from(played.class)].play_job(played, t, rng));
            });
        }
        self.demand.draw(noise, interactive, *phase, local)
    }

    /// Mean power of the work of a class that arrives in a half-hour of the local calendar, MW: what would serve it in
    /// the half-hour itself. Of played traces the mean over all days, because their shift is not known.
    pub fn expected_arrivals_mw(&self, class: usize, local: LocalStamp) -> f64 {
        let kind = usize::from(local.weekday >= FIRST_WEEKEND_DAY);
        self.classes[class].expected_mwh[kind][usize::from(local.half_hour)] / PERIOD_HOURS
    }

    /// The mean course of the work of a class after its arrival.
    pub fn arrival_profile(&self, class: usize) -> &ArrivalProfile {
        &self.classes[class].profile
    }

    /// Mean interactive IT load of a half-hour of the local day, MW.
    pub fn expected_interactive_mw(&self, local: LocalStamp) -> f64 {
        self.demand.expected_mw(usize::from(local.half_hour))
    }

    /// Share of a deviation from the expected interactive load that is still expected so many periods later.
    pub fn interactive_persistence(&self, periods: usize) -> f64 {
        self.demand.persistence(periods)
    }

    /// How interactive demand is served.
    pub fn interactive(&self) -> &InteractiveModel {
        &self.demand.model
    }

    /// Mean number of jobs per period that the generator draws; those of traces are not among them.
    pub fn drawn_jobs_per_period(&self) -> f64 {
        self.classes.iter().filter(|class| class.drawn).map(|class| class.jobs_per_period).sum()
    }

    /// The longest that a job can be, in hours.
    pub fn longest_hours(&self) -> f64 {
        let drawn = self.classes.iter().filter(|class| class.drawn).map(|class| class.sizes.longest());
        drawn.chain(self.traces.iter().map(JobPlayback::longest_hours)).fold(0.0, f64::max)
    }
}

impl ClassGenerator {
    fn new(class: &JobClassConfig, index: u8, energy_mwh: f64, drawn: bool, parameters: &WorkloadParameters) -> Self {
        let sizes = SizeSampler::new(class, parameters);
        let sd = class.duration_estimate_log_sd;
        let error = |z: f64| (sd * z.clamp(-WORST_ESTIMATE, WORST_ESTIMATE)).exp();
        let surprise = (sd > 0.0).then(|| STANDARD_NORMAL.map(error));
        let lengthened = surprise.as_ref().map_or(1.0, QuantileTable::mean);
        let jobs_per_period = energy_mwh / (sizes.mean_work() * lengthened);
        let rate = |half_hour, weekend| jobs_per_period * arrival_shape(class, parameters, half_hour, weekend);
        let count = |weekend: bool| std::array::from_fn(|half_hour| PoissonCount::new(rate(half_hour, weekend)));
        let slots = (0..48).flat_map(|half_hour| [rate(half_hour, false), rate(half_hour, true)]);
        let slack = SlackSampler::new(class, parameters);
        Self {
            index,
            busiest_jobs_per_period: slots.fold(0.0, f64::max),
            stay_periods: mean_stay(&sizes, &slack, lengthened),
            counts: Box::new([count(false), count(true)]),
            sizes,
            slack,
            surprise,
            jobs_per_period,
            drawn,
            expected_mwh: Box::new([false, true].map(|weekend| {
                std::array::from_fn(|half_hour| energy_mwh * arrival_shape(class, parameters, half_hour, weekend))
            })),
            profile: ArrivalProfile::default(),
        }
    }

    /// Works out what is to be expected of the class, drawn or played.
    fn expect(&mut self, class: &JobClassConfig, traces: &[JobPlayback]) {
        let rules = ClassRules::new(class);
        let mut rng = SeedTree::new(u64::from(self.index)).stream("expected jobs");
        if self.drawn {
            let jobs: Vec<Job> = (0..PROFILE_JOBS).map(|_| self.draw_job(0, &mut rng)).collect();
            self.profile = ArrivalProfile::of_jobs(jobs.into_iter(), &rules);
            return;
        }
        let own = usize::from(self.index);
        let played: Vec<&PlayedJob> = traces.iter().flat_map(|trace| trace.jobs_of(own)).collect();
        let every = played.len().div_ceil(PROFILE_JOBS).max(1);
        let jobs: Vec<Job> = played.iter().step_by(every).map(|job| self.play_job(job, 0, &mut rng)).collect();
        self.profile = ArrivalProfile::of_jobs(jobs.into_iter(), &rules);
        let day = traces.iter().map(|trace| trace.mean_day_mwh(own));
        let day = day.fold([0.0; 48], |sum, mwh| std::array::from_fn(|half_hour| sum[half_hour] + mwh[half_hour]));
        *self.expected_mwh = [day; 2];
    }

    #[inline]
    fn draw_job(&self, release: i32, rng: &mut StreamRng) -> Job {
        let (power_mw, hours) = self.sizes.draw(rng);
        let estimate = hours / PERIOD_HOURS;
        let slack = self.slack.draw(hours, rng) / PERIOD_HOURS;
        let mut job = Job::new(self.index, power_mw, estimate, release, release + ceil(estimate + slack));
        if let Some(surprise) = &self.surprise {
            job.work_periods = (estimate * surprise.at(rng.next_u32())).max(SHORTEST_JOB_HOURS / PERIOD_HOURS);
            job.left_periods = job.work_periods;
        }
        job
    }

    /// A job of a trace: its duration is the truth, of which there may be an estimate.
    fn play_job(&self, played: &PlayedJob, release: i32, rng: &mut StreamRng) -> Job {
        let work = played.work_periods;
        let error = self.surprise.as_ref().map_or(1.0, |surprise| surprise.at(rng.next_u32()));
        let estimate = work / error;
        let own = || ceil(estimate + self.slack.draw(estimate * PERIOD_HOURS, rng) / PERIOD_HOURS);
        let due = played.due_periods.unwrap_or_else(own);
        let mut job = Job::new(self.index, played.power_mw, work, release, release + due);
        job.estimate_periods = estimate;
        job
    }
}

/// Periods that a job may stay on average if it waits as long as it may, over draws of their own: the same for everybody.
fn mean_stay(sizes: &SizeSampler, slack: &SlackSampler, lengthened: f64) -> f64 {
    let mut rng = SeedTree::new(0).stream("mean stay of a job");
    let hours: f64 = (0..STAY_DRAWS)
        .map(|_| {
            let (_, hours) = sizes.draw(&mut rng);
            hours * lengthened.max(1.0) + slack.draw(hours, &mut rng)
        })
        .sum();
    hours / STAY_DRAWS as f64 / PERIOD_HOURS + 1.0
}

/// The next whole number, of small positive numbers.
#[inline]
fn ceil(x: f64) -> i32 {
    let whole = x as i32;
    whole + i32::from(x > f64::from(whole))
}

/// Relative arrival rate of a class; its mean over a week is 1.
fn arrival_shape(class: &JobClassConfig, parameters: &WorkloadParameters, half_hour: usize, weekend: bool) -> f64 {
    if class.arrival_model == ArrivalModel::Fitted {
        return parameters.calendar(parameters.profile(class.profile).calendar).at(half_hour, weekend);
    }
    let hour = half_hour as f64 / 2.0;
    let daily = 1.0 + class.daily_amplitude * (TAU * (hour - class.peak_hour) / 24.0).cos();
    let weekly_mean = (5.0 + 2.0 * class.weekend_factor) / 7.0;
    daily * if weekend { class.weekend_factor } else { 1.0 } / weekly_mean
}

#[cfg(test)]
#[path = "generator_tests.rs"]
mod tests;

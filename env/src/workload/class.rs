//! Job classes: tables `[workload]`, `[workload.interactive]` and `[[workload.classes]]` of a scenario.
//!
//! Sources of the defaults: class mix and deadlines as the standard scenario of the design; job sizes in the range of
//! the Philly and PAI traces (duration P50 about 1 h, P90 about 6-10 h), scaled to a site of 8 MW.

use super::parameters::WorkloadParameters;
use super::power_curve::PowerCurve;
use super::source::{TraceConfig, WorkloadSource};
use crate::grid::Region;
use serde::{Deserialize, Serialize};

/// No job is shorter than this at full power.
pub(super) const SHORTEST_JOB_HOURS: f64 = 0.25;
/// The noise of interactive load is cut at this many standard deviations.
pub(super) const INTERACTIVE_NOISE_CUT: f64 = 3.0;

/// Everything that asks for compute at a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkloadConfig {
    /// Mean IT load of interactive inference and jobs together.
    pub mean_it_mw: f64,
    /// Where jobs and demand come from.
    pub source: WorkloadSource,
    /// Published traces, played if `source` is `trace`.
    #[serde(skip_serializing_if = "TraceConfig::is_empty")]
    pub trace: TraceConfig,
    /// The load that cannot wait.
    pub interactive: InteractiveConfig,
    /// The classes of jobs, most urgent first; the order is that of actions and observations.
    pub classes: Vec<JobClassConfig>,
}

/// Interactive inference: requests come in by the day and the week, and a reserved fleet answers them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InteractiveConfig {
    /// Share of the mean IT energy.
    pub energy_share: f64,
    /// How requests come.
    pub demand: DemandModel,
    /// Whose requests, if `demand` is `fitted`.
    pub service: Service,
    /// Local hour of the peak. (The origin of the clock of the fitted services is not published.)
    pub peak_hour: f64,
    /// Amplitude of the daily cycle of requests, as a share of their mean, if `demand` is `sine`.
    pub daily_amplitude: f64,
    /// Standard deviation of the autocorrelated noise of requests, as a share of their mean, if `demand` is `sine`.
    pub noise: f64,
    /// The fleet is sized so that it answers this many times the mean load within the latency limit. (Fleets are
    /// reserved for the peak and stay: +-5 % in 31 days of the DLRM trace, NSDI 2025; peak/mean 1.8 of ServeGen m-mid.)
    pub fleet_headroom: f64,
    /// Longest median time between two tokens of a request, ms; 50 is the bound of ML.ENERGY's chat figures.
    pub latency_limit_ms_per_token: f64,
    /// Lowest share of the requested tokens that may be served at reduced level: 0.9, Flex 1 of the Phoenix field trial
    /// (arXiv 2507.00909).
    pub throughput_floor: f64,
    /// What a million output tokens that are not served would have earned, GBP: the order of the list prices of hosted
    /// models of 70 billion parameters in 2024.
    pub unserved_gbp_per_million_tokens: f64,
    /// What is lost on a million output tokens that come too slowly, GBP: half of the price, as batch tiers are sold.
    pub slow_gbp_per_million_tokens: f64,
}

/// How interactive requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DemandModel {
    /// Daily cycle and noise fitted to ServeGen.
    #[default]
    Fitted,
    /// A cosine over the day with noise.
    Sine,
}

/// Services of ServeGen that demand was fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// `m-large` and `m-mid` on one fleet, weighed by their tokens.
    #[default]
    Both,
    /// `m-large`: few long answers, bursts.
    MLarge,
    /// `m-mid`: many short answers.
    MMid,
}

/// One class of jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobClassConfig {
    /// Snake-case name; actions and observations are named after it.
    pub name: String,
    /// Share of the mean IT energy.
    pub energy_share: f64,
    /// What kind of jobs the fitted models below mean.
    pub profile: JobProfile,
    /// How power and duration are drawn.
    pub size_model: SizeModel,
    /// Each fitted job, and each of a trace, stands for so many times its GPUs.
    pub gpu_scale: f64,
    /// How slack is drawn.
    pub slack_model: SlackModel,
    /// How arrivals follow day and week.
    pub arrival_model: ArrivalModel,
    /// Median IT power of a job; of lognormal sizes, as the four keys after it.
    pub power_mw_median: f64,
    /// Standard deviation of the logarithm of power.
    pub power_log_sd: f64,
    /// Median duration at full power.
    pub duration_hours_median: f64,
    /// Standard deviation of the logarithm of duration.
    pub duration_log_sd: f64,
    /// Durations are cut here.
    pub duration_hours_max: f64,
    /// How long a job may wait, in hours: deadline = release + duration + slack.
    pub slack_hours: f64,
    /// More slack, in proportion to the duration: 1 lets a job of 6 hours wait for 6 hours more.
    pub slack_share_of_duration: f64,
    /// Standard deviation of the logarithm of (true duration / estimate): only the estimate is known until the job ends,
    /// and the deadline counts from it. 0 means that durations are known; 0.26 fits what 94 GPU users say of their own
    /// estimates (Chronus survey, 2021).
    pub duration_estimate_log_sd: f64,
    /// Whether a started job may be paused.
    pub interruptible: bool,
    /// Work lost when a running job is paused, in minutes at full power.
    pub checkpoint_minutes: f64,
    /// Lowest power of a running job as a share of its full power; 1 means that it cannot be slowed.
    pub power_floor: f64,
    /// How throughput falls with power.
    pub power_curve: PowerCurve,
    /// Who gets scarce capacity first: 0 before 1 before 2; equal numbers in the order of the list.
    pub priority: u8,
    /// What finishing later costs although the deadline is met, in steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub value_steps: Vec<ValueStep>,
    /// May run only while on-site solar exceeds 80 % of its capacity, unless it must run.
    pub green_only: bool,
    /// Whether a waiting job may move to another site.
    pub migratable: bool,
    /// Median data that moves with a job.
    pub data_gb_median: f64,
    /// Regions whose sites may hold the job's data; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub residency: Vec<Region>,
    /// Above this carbon intensity the class should not run; `None` means it does not care.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carbon_threshold_gco2_kwh: Option<f64>,
    /// Amplitude of the daily cycle of arrivals, as a share of the mean rate.
    pub daily_amplitude: f64,
    /// Local hour of the arrival peak.
    pub peak_hour: f64,
    /// Arrival rate at weekends relative to weekdays.
    pub weekend_factor: f64,
}

/// Kinds of jobs that were fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobProfile {
    /// Philly, label `strict`.
    StrictTraining,
    /// Philly, label `soft`.
    SoftTraining,
    /// Philly, label `best`.
    BestEffort,
    /// Philly and PAI jobs of at least 8 GPUs and 12 hours.
    PreTraining,
    /// Image requests, bundled by half-hour.
    BatchInference,
    /// All PAI jobs.
    #[default]
    MlJobs,
}

/// How power and duration of a job are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeModel {
    /// Lognormal, by medians and spreads of the class.
    #[default]
    Lognormal,
    /// From the quantiles of the profile; durations are still cut at `duration_hours_max`.
    Fitted,
}

/// How slack of a job is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlackModel {
    /// `slack_hours + slack_share_of_duration x duration`.
    #[default]
    Class,
    /// Slack / duration from the deadlines of the profile's trace.
    Fitted,
    /// Slack / duration that 106 GPU users tolerate for an urgent job of 10 hours: the pessimistic case.
    Survey,
}

/// How arrivals follow day and week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalModel {
    /// A cosine over the day and a factor for weekends.
    #[default]
    Cosine,
    /// The calendar of the profile: submissions to Helios for training, image requests for batch inference.
    Fitted,
}

/// A step down in the value of a job: table `[[workload.classes.value_steps]]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueStep {
    /// Share of the job's slack after which it applies, 0 to 1.
    pub slack_used: f64,
    /// What is lost then, per MWh of the job's work.
    pub loss_gbp_per_mwh: f64,
}

impl Default for InteractiveConfig {
    fn default() -> Self {
        Self {
            energy_share: 0.40,
            demand: DemandModel::default(),
            service: Service::default(),
            peak_hour: 15.0,
            daily_amplitude: 0.15,
            noise: 0.03,
            fleet_headroom: 1.8,
            latency_limit_ms_per_token: 50.0,
            throughput_floor: 0.9,
            unserved_gbp_per_million_tokens: 0.5,
            slow_gbp_per_million_tokens: 0.25,
        }
    }
}

impl Default for JobClassConfig {
    fn default() -> Self {
        Self {
            name: "jobs".into(),
            energy_share: 0.10,
            profile: JobProfile::default(),
            size_model: SizeModel::default(),
            gpu_scale: 1.0,
            slack_model: SlackModel::default(),
            arrival_model: ArrivalModel::default(),
            power_mw_median: 0.10,
            power_log_sd: 0.5,
            duration_hours_median: 1.0,
            duration_log_sd: 0.7,
            duration_hours_max: 12.0,
            slack_hours: 4.0,
            slack_share_of_duration: 0.0,
            duration_estimate_log_sd: 0.0,
            interruptible: true,
            checkpoint_minutes: 0.0,
            power_floor: 1.0,
            power_curve: PowerCurve::Linear,
            priority: 0,
            value_steps: Vec::new(),
            green_only: false,
            migratable: false,
            data_gb_median: 0.0,
            residency: Vec::new(),
            carbon_threshold_gco2_kwh: None,
            daily_amplitude: 0.4,
            peak_hour: 15.0,
            weekend_factor: 1.0,
        }
    }
}

impl Default for WorkloadConfig {
    fn default() -> Self {
        Self {
            mean_it_mw: 8.0,
            source: WorkloadSource::default(),
            trace: TraceConfig::default(),
            interactive: InteractiveConfig::default(),
            classes: standard_classes(),
        }
    }
}

/// The classes of the standard scenario.
fn standard_classes() -> Vec<JobClassConfig> {
    let class = JobClassConfig::default();
    vec![
        JobClassConfig {
            name: "strict_training".into(),
            profile: JobProfile::StrictTraining,
            energy_share: 0.10,
            slack_hours: 1.0,
            duration_hours_median: 1.5,
            interruptible: false,
            power_floor: 0.75,
            power_curve: PowerCurve::FineTuning,
            ..class.clone()
        },
        JobClassConfig {
            name: "soft_training".into(),
            profile: JobProfile::SoftTraining,
            energy_share: 0.15,
            slack_hours: 4.0,
            duration_hours_median: 1.5,
            power_floor: 0.75,
            power_curve: PowerCurve::FineTuning,
            carbon_threshold_gco2_kwh: Some(200.0),
            ..class.clone()
        },
        JobClassConfig {
            name: "batch_inference".into(),
            profile: JobProfile::BatchInference,
            energy_share: 0.10,
            slack_hours: 4.0,
            duration_hours_median: 0.5,
            duration_log_sd: 0.5,
            power_floor: 0.67,
            power_curve: PowerCurve::Inference,
            carbon_threshold_gco2_kwh: Some(200.0),
            ..class.clone()
        },
        JobClassConfig {
            name: "pre_training".into(),
            profile: JobProfile::PreTraining,
            energy_share: 0.15,
            slack_hours: 4.0,
            power_mw_median: 0.20,
            duration_hours_median: 6.0,
            duration_log_sd: 0.5,
            duration_hours_max: 24.0,
            checkpoint_minutes: 5.0,
            power_floor: 0.67,
            power_curve: PowerCurve::PreTraining,
            carbon_threshold_gco2_kwh: Some(180.0),
            daily_amplitude: 0.2,
            ..class.clone()
        },
        JobClassConfig {
            name: "best_effort".into(),
            profile: JobProfile::BestEffort,
            energy_share: 0.10,
            slack_hours: 24.0,
            duration_hours_median: 0.75,
            power_floor: 0.67,
            power_curve: PowerCurve::FineTuning,
            carbon_threshold_gco2_kwh: Some(150.0),
            ..class
        },
    ]
}

impl WorkloadConfig {
    /// Largest interactive IT load that can be drawn, MW: the top of its daily cycle at three standard deviations of its
    /// noise, where the noise is cut.
    pub fn interactive_peak_mw(&self) -> f64 {
        let load = &self.interactive;
        let noise = 1.0 + load.noise * INTERACTIVE_NOISE_CUT;
        self.mean_it_mw * load.energy_share * (1.0 + load.daily_amplitude) * noise
    }

    /// Faults as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut faults = Faults(Vec::new());
        faults.check(positive(self.mean_it_mw), "mean_it_mw", self.mean_it_mw, "more than 0");
        self.interactive.check(&mut faults);
        self.classes.iter().for_each(|class| class.check(&mut faults));
        let count = self.classes.len();
        faults.check(count <= super::pool::MAX_CLASSES, "classes", count as f64, "at most 16 classes");
        faults.0.extend(self.trace.validate(self.source));
        let total = self.interactive.energy_share + self.classes.iter().map(|c| c.energy_share).sum::<f64>();
        faults.check((total - 1.0).abs() < 1e-6, "classes", total, "energy shares that add up to 1");
        let mut names: Vec<&str> = self.classes.iter().map(|c| c.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
            faults.0.push(("workload.classes".into(), format!("`{}` is named twice, expected unique names", twice[0])));
        }
        faults.0
    }
}

/// Collects faults of the table `[workload]` in one form of words.
struct Faults(Vec<(String, String)>);

impl Faults {
    fn check(&mut self, holds: bool, key: &str, found: f64, expected: &str) {
        if !holds {
            self.0.push((format!("workload.{key}"), format!("is {found}, expected {expected}")));
        }
    }
}

fn share(x: f64) -> bool {
    (0.0..=1.0).contains(&x)
}

fn hour(x: f64) -> bool {
    (0.0..=24.0).contains(&x)
}

fn positive(x: f64) -> bool {
    x > 0.0 && x.is_finite()
}

impl InteractiveConfig {
    fn check(&self, faults: &mut Faults) {
        let mut check = |holds, key: &str, found, expected| {
            faults.check(holds, &format!("interactive.{key}"), found, expected);
        };
        check(share(self.energy_share), "energy_share", self.energy_share, "0 to 1");
        check(share(self.daily_amplitude), "daily_amplitude", self.daily_amplitude, "0 to 1");
        check(hour(self.peak_hour), "peak_hour", self.peak_hour, "0 to 24");
        check((0.0..0.3).contains(&self.noise), "noise", self.noise, "0 to 0.3");
        check((1.0..=10.0).contains(&self.fleet_headroom), "fleet_headroom", self.fleet_headroom, "1 to 10");
        let (limit, floor) = (self.latency_limit_ms_per_token, self.throughput_floor);
        let fastest = WorkloadParameters::embedded().serving.fastest_ms_per_token();
        let expected = format!("{fastest:.1} (the fastest that was measured, over the throughput floor) to 1000");
        check((fastest / floor..=1000.0).contains(&limit), "latency_limit_ms_per_token", limit, &expected);
        check((0.5..=1.0).contains(&floor), "throughput_floor", floor, "0.5 to 1");
        for (key, found) in [
            ("unserved_gbp_per_million_tokens", self.unserved_gbp_per_million_tokens),
            ("slow_gbp_per_million_tokens", self.slow_gbp_per_million_tokens),
        ] {
            check((0.0..=1e4).contains(&found), key, found, "0 to 10000");
        }
    }
}

impl JobClassConfig {
    fn check(&self, faults: &mut Faults) {
        let mut check = |holds, key: &str, found, expected| {
            faults.check(holds, &format!("classes.{}.{key}", self.name), found, expected);
        };
        let spread = |x: f64| (0.0..=2.0).contains(&x);
        let median = self.duration_hours_median;
        let longest = self.duration_hours_max;
        let long_enough = longest >= median.max(SHORTEST_JOB_HOURS) && longest <= 168.0;
        let floor = self.power_floor;
        check(share(self.energy_share), "energy_share", self.energy_share, "0 to 1");
        check(positive(self.gpu_scale) && self.gpu_scale <= 1e6, "gpu_scale", self.gpu_scale, "more than 0, to 1e6");
        if self.slack_model == SlackModel::Fitted && !WorkloadParameters::embedded().profile(self.profile).has_slack() {
            let key = format!("workload.classes.{}.slack_model", self.name);
            let text =
                "is \"fitted\", but the trace behind its `profile` has no deadlines, expected \"class\" or \"survey\"";
            faults.0.push((key, text.into()));
        }
        let mut check = |holds, key: &str, found, expected| {
            faults.check(holds, &format!("classes.{}.{key}", self.name), found, expected);
        };
        check(positive(self.power_mw_median), "power_mw_median", self.power_mw_median, "more than 0");
        check(spread(self.power_log_sd), "power_log_sd", self.power_log_sd, "0 to 2");
        check(positive(median), "duration_hours_median", median, "more than 0");
        check(spread(self.duration_log_sd), "duration_log_sd", self.duration_log_sd, "0 to 2");
        check(long_enough, "duration_hours_max", longest, "the median, at least 0.25, to 168");
        check((0.0..=168.0).contains(&self.slack_hours), "slack_hours", self.slack_hours, "0 to 168");
        let minutes = self.checkpoint_minutes;
        check((0.0..=60.0).contains(&minutes), "checkpoint_minutes", minutes, "0 to 60");
        let lowest = self.power_curve.lowest_floor().max(0.01);
        let expected = format!("{lowest:.3} to 1 (below, the power curve does not hold)");
        check(floor >= lowest - 1e-9 && floor <= 1.0, "power_floor", floor, &expected);
        let more = self.slack_share_of_duration;
        check((0.0..=10.0).contains(&more), "slack_share_of_duration", more, "0 to 10");
        let estimate = self.duration_estimate_log_sd;
        check((0.0..=1.0).contains(&estimate), "duration_estimate_log_sd", estimate, "0 to 1");
        let data = self.data_gb_median;
        check(data >= 0.0 && data.is_finite(), "data_gb_median", data, "0 or more");
        for step in &self.value_steps {
            check(share(step.slack_used), "value_steps.slack_used", step.slack_used, "0 to 1");
            let loss = step.loss_gbp_per_mwh;
            check(loss >= 0.0 && loss.is_finite(), "value_steps.loss_gbp_per_mwh", loss, "0 or more");
        }
        check(share(self.daily_amplitude), "daily_amplitude", self.daily_amplitude, "0 to 1");
        check(hour(self.peak_hour), "peak_hour", self.peak_hour, "0 to 24");
        check(positive(self.weekend_factor), "weekend_factor", self.weekend_factor, "more than 0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(change: impl Fn(&mut WorkloadConfig)) -> Vec<String> {
        let mut config = WorkloadConfig::default();
        change(&mut config);
        config.validate().into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn a_class_whose_longest_job_is_shorter_than_the_shortest_is_refused() {
        let found = faults(|c| {
            c.classes[0].duration_hours_median = 0.1;
            c.classes[0].duration_hours_max = 0.2;
        });
        assert_eq!(found, ["workload.classes.strict_training.duration_hours_max"]);
    }

    #[test]
    fn a_peak_hour_that_is_no_hour_is_refused() {
        let found = faults(|c| {
            c.interactive.peak_hour = f64::NAN;
            c.classes[4].peak_hour = 25.0;
        });
        assert_eq!(found, ["workload.interactive.peak_hour", "workload.classes.best_effort.peak_hour"]);
    }
}

//! Parameters of the workload generator: fitted to published traces, committed as text, embedded in the program.
//!
//! In: TOML. Out: quantiles of job sizes and slack, calendars, demand of interactive services, a serving replica.
//! Always: the file holds fitted figures only, no row of any trace; what is unsound is refused with its key.
//! Not here: the fit (`fit.rs`), the draw (`generator.rs`).

use super::class::{JobProfile, Service};
use crate::files::rounded_toml;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

const NOTE: &str = "# Parameters of the workload generator: fitted figures only, no row of any trace; `serving` holds the\n\
                    # published means of ten measured batches of its reference model. Made by `flexai data fit-workload`.\n\n";

/// Everything the generator knows from published traces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadParameters {
    /// When and to what it was fitted.
    pub origin: FitOrigin,
    /// Probabilities of every list of quantiles, from 0 to 1.
    pub probabilities: Vec<f64>,
    /// Power and estimates of training jobs.
    pub training: TrainingParameters,
    /// Slack / duration that users tolerate for an urgent job, quantiles.
    pub survey_slack_ratio: Vec<f64>,
    /// Sizes and slack by kind of job.
    pub profiles: BTreeMap<JobProfile, ProfileParameters>,
    /// Arrivals over the week.
    pub calendars: Calendars,
    /// Demand of interactive services.
    pub demand: DemandBook,
    /// A replica that serves it.
    pub serving: ServingParameters,
}

/// When and to what parameters were fitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitOrigin {
    /// Day of the fit, e.g. `2026-11-22`.
    pub fitted_on: String,
    /// Which part of each trace was seen.
    pub split: String,
    /// Tables and their publishers.
    pub sources: Vec<String>,
}

/// What training jobs have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingParameters {
    /// IT power of a busy GPU with its share of the node, kW: HGX H100 node of 8.4 kW in training / 8 (Latif et al.,
    /// IEEE Access 2025).
    pub kw_per_gpu: f64,
    /// Spread of the logarithm of (true duration / users' estimate), from the survey of GPU users (Chronus, 2021).
    pub duration_estimate_log_sd: f64,
}

/// Sizes and slack of one kind of job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileParameters {
    /// Calendar of its arrivals.
    pub calendar: CalendarName,
    /// Jobs that were fitted to.
    pub jobs: usize,
    /// GPUs of a job.
    pub gpus: Vec<f64>,
    /// Share of the jobs with so many GPUs.
    pub gpu_shares: Vec<f64>,
    /// By entry of `gpus`: which list of `duration_hours` holds.
    pub size_groups: Vec<usize>,
    /// Quantiles of the duration in hours, by group of sizes: large jobs last longer.
    pub duration_hours: Vec<Vec<f64>>,
    /// Quantiles of slack / duration; empty where the trace has no deadlines.
    pub slack_ratio: Vec<f64>,
}

/// Names of calendars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarName {
    /// Submissions of GPU jobs to Helios.
    Training,
    /// Image requests.
    Images,
}

/// Arrivals over the week, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendars {
    /// Of training jobs.
    pub training: ArrivalCalendar,
    /// Of batch inference.
    pub images: ArrivalCalendar,
}

/// Relative arrival rate by half-hour of the local day; its mean over a week is 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrivalCalendar {
    /// Monday to Friday.
    pub weekday: Vec<f64>,
    /// Saturday and Sunday.
    pub weekend: Vec<f64>,
}

/// Demand by service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemandBook {
    /// Both services on one fleet.
    pub both: DemandParameters,
    /// ServeGen `m-large`.
    pub m_large: DemandParameters,
    /// ServeGen `m-mid`.
    pub m_mid: DemandParameters,
}

/// Requests of one service: daily cycle x noise, around a mean that the scenario sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemandParameters {
    /// Output tokens of a request, weighed by requests.
    pub output_tokens: f64,
    /// Relative rate over the day, less 1: cosine of the first harmonic from its peak, cosine and sine of the second.
    pub daily: [f64; 3],
    /// Quantiles of the half-hourly rate over that of its time of day.
    pub noise_ratio: Vec<f64>,
    /// Share of the slow part in the variance of the noise, as normal scores.
    pub slow_share: f64,
    /// Autocorrelation from one half-hour to the next, slow part.
    pub slow_root: f64,
    /// The same, fast part.
    pub fast_root: f64,
}

/// A replica of the reference model under rising load: ML.ENERGY Benchmark v3, GPU power without the node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServingParameters {
    /// Model and GPU.
    pub reference: String,
    /// GPUs of a replica.
    pub gpus: f64,
    /// Power of the node per power of its GPUs: 8.4 kW / (8 x 0.7 kW), HGX H100 (Latif et al., 2025).
    pub node_factor: f64,
    /// IT power of a GPU with its share of an idle node, kW: idle server 1.51 kW / 8 (Acme A100, NSDI 2024, P5).
    pub idle_kw_per_gpu: f64,
    /// Requests in a batch.
    pub batch: Vec<f64>,
    /// Output tokens per second of the replica.
    pub tokens_per_s: Vec<f64>,
    /// Median time between two tokens of a request, ms.
    pub latency_ms: Vec<f64>,
    /// Power of one GPU, W.
    pub gpu_w: Vec<f64>,
}

/// Why a parameter file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {fault}\n\nhint: make the file anew with `flexai data fit-workload DIR --out FILE`")]
pub struct ParameterError {
    /// Name of the file.
    pub file: String,
    /// What was found and what was expected.
    pub fault: String,
}

static EMBEDDED: LazyLock<WorkloadParameters> = LazyLock::new(|| {
    let text = include_str!("workload_parameters.toml");
    WorkloadParameters::from_toml("workload_parameters.toml", text).expect("the embedded file is tested")
});

impl WorkloadParameters {
    /// The parameters that ship with the program.
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// Reads parameters from text; `file` names it in errors.
    ///
    /// # Errors
    /// [`ParameterError`] naming the key.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, ParameterError> {
        let refused = |fault: String| ParameterError { file: file.into(), fault };
        let parameters: Self = toml::from_str(text).map_err(|e| refused(e.to_string()))?;
        parameters.fault().map_or(Ok(parameters), |fault| Err(refused(fault)))
    }

    /// The text form, rounded to five digits.
    pub fn to_toml(&self) -> String {
        format!("{NOTE}{}", rounded_toml(self))
    }

    /// Of one kind of job.
    ///
    /// # Panics
    /// Never: [`WorkloadParameters::from_toml`] made sure that all are there.
    pub fn profile(&self, profile: JobProfile) -> &ProfileParameters {
        &self.profiles[&profile]
    }

    /// Of one service.
    pub fn demand_of(&self, service: Service) -> &DemandParameters {
        match service {
            Service::Both => &self.demand.both,
            Service::MLarge => &self.demand.m_large,
            Service::MMid => &self.demand.m_mid,
        }
    }

    /// The calendar of a name.
    pub fn calendar(&self, name: CalendarName) -> &ArrivalCalendar {
        match name {
            CalendarName::Training => &self.calendars.training,
            CalendarName::Images => &self.calendars.images,
        }
    }

    /// What is unsound, if anything.
    fn fault(&self) -> Option<String> {
        let grid = &self.probabilities;
        let whole = grid.first() == Some(&0.0) && grid.last() == Some(&1.0) && rises(grid, true);
        if !whole {
            return Some("`probabilities` do not rise from 0 to 1".into());
        }
        let quantiles = |key: String, values: &[f64]| {
            let sound = values.len() == grid.len() && rises(values, false) && values.iter().all(|x| usable(*x));
            (!sound).then(|| format!("`{key}` is no list of {} quantiles that do not fall", grid.len()))
        };
        for name in JobProfile::ALL {
            let Some(profile) = self.profiles.get(&name) else {
                return Some(format!("`profiles` lack {name:?}, expected {} of them", JobProfile::ALL.len()));
            };
            let n = profile.gpus.len();
            let shares = &profile.gpu_shares;
            let groups = profile.size_groups.iter().all(|group| *group < profile.duration_hours.len());
            let positive = |values: &[f64]| values.iter().all(|x| *x > 0.0 && usable(*x));
            let counts = (1..=60_000).contains(&n) && shares.len() == n && profile.size_groups.len() == n;
            if !(counts && groups && positive(shares) && positive(&profile.gpus)) {
                return Some(format!(
                    "`profiles` of {name:?}: `gpus`, `gpu_shares` and `size_groups` do not fit together"
                ));
            }
            let durations =
                profile.duration_hours.iter().find_map(|q| quantiles(format!("{name:?} duration_hours"), q));
            let slack = || quantiles(format!("{name:?} slack_ratio"), &profile.slack_ratio);
            if let Some(fault) = durations.or_else(|| if profile.has_slack() { slack() } else { None }) {
                return Some(fault);
            }
        }
        quantiles("survey_slack_ratio".into(), &self.survey_slack_ratio)
            .or_else(|| self.calendars.training.fault("training"))
            .or_else(|| self.calendars.images.fault("images"))
            .or_else(|| self.demand_fault())
            .or_else(|| self.serving.fault())
    }

    fn demand_fault(&self) -> Option<String> {
        let root = |x: f64| (0.0..1.0).contains(&x);
        let sound = |d: &&DemandParameters| {
            d.output_tokens > 0.0
                && usable(d.output_tokens)
                && d.daily.iter().map(|x| x.abs()).sum::<f64>() < 1.0
                && d.noise_ratio.len() == self.probabilities.len()
                && rises(&d.noise_ratio, false)
                && d.noise_ratio.iter().all(|x| *x > 0.0 && usable(*x))
                && (0.0..=1.0).contains(&d.slow_share)
                && root(d.slow_root)
                && root(d.fast_root)
        };
        let all = [&self.demand.both, &self.demand.m_large, &self.demand.m_mid];
        let bad = all.iter().find(|d| !sound(d));
        bad.map(|d| format!("`demand` has {d:?}, expected amplitudes and roots below 1, ratios above 0"))
    }
}

fn usable(x: f64) -> bool {
    x.is_finite() && (0.0..=1e7).contains(&x)
}

fn rises(values: &[f64], strictly: bool) -> bool {
    values.windows(2).all(|w| if strictly { w[0] < w[1] } else { w[0] <= w[1] })
}

impl JobProfile {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::StrictTraining,
        Self::SoftTraining,
        Self::BestEffort,
        Self::PreTraining,
        Self::BatchInference,
        Self::MlJobs,
    ];
}

impl ProfileParameters {
    /// Whether its trace has deadlines.
    pub fn has_slack(&self) -> bool {
        !self.slack_ratio.is_empty()
    }
}

impl ArrivalCalendar {
    /// Relative rate in a half-hour of the local day.
    pub fn at(&self, half_hour: usize, weekend: bool) -> f64 {
        if weekend { self.weekend[half_hour] } else { self.weekday[half_hour] }
    }

    fn fault(&self, name: &str) -> Option<String> {
        let day = |values: &[f64]| values.len() == 48 && values.iter().all(|x| usable(*x));
        let sound = day(&self.weekday) && day(&self.weekend) && self.weekday.iter().sum::<f64>() > 0.0;
        (!sound).then(|| format!("`calendars.{name}` is no list of 48 rates, 0 or more, for each kind of day"))
    }
}

impl ServingParameters {
    /// Time between tokens at the smallest batch, ms.
    pub fn fastest_ms_per_token(&self) -> f64 {
        self.latency_ms[0]
    }

    fn fault(&self) -> Option<String> {
        let curve = |values: &[f64]| values.len() == self.batch.len() && values.iter().all(|x| *x > 0.0 && usable(*x));
        let curves = curve(&self.batch) && curve(&self.tokens_per_s) && curve(&self.latency_ms) && curve(&self.gpu_w);
        let enough = self.batch.len() >= 2 && rises(&self.tokens_per_s, true) && rises(&self.latency_ms, true);
        let scale = [self.gpus, self.node_factor, self.idle_kw_per_gpu].iter().all(|x| *x > 0.0 && usable(*x));
        (!(curves && enough && scale)).then(|| "`serving` holds no rising curve of throughput and latency".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_survives_the_round_trip() {
        let parameters = WorkloadParameters::embedded();
        let again = WorkloadParameters::from_toml("copy.toml", &parameters.to_toml()).expect("our own text is good");
        assert_eq!(again, *parameters);
    }

    #[test]
    fn unsound_parameters_are_refused_by_key() {
        let words = |change: &dyn Fn(&mut WorkloadParameters)| {
            let mut parameters = WorkloadParameters::embedded().clone();
            change(&mut parameters);
            WorkloadParameters::from_toml("north.toml", &parameters.to_toml()).expect_err("unsound").to_string()
        };
        assert_eq!(
            words(&|p| p.probabilities[3] = 0.0),
            "north.toml: `probabilities` do not rise from 0 to 1\n\nhint: make the file anew with `flexai data \
             fit-workload DIR --out FILE`"
        );
        assert!(words(&|p| p.survey_slack_ratio[4] = -1.0).contains("`survey_slack_ratio` is no list of"));
        assert!(words(&|p| p.serving.gpu_w.truncate(1)).contains("`serving` holds no rising curve"));
        assert!(words(&|p| p.demand.both.slow_root = 1.0).contains("expected amplitudes and roots below 1"));
        assert!(words(&|p| p.calendars.images.weekend.clear()).contains("`calendars.images`"));
        assert!(words(&|p| p.profiles.retain(|name, _| *name != JobProfile::MlJobs)).contains("lack MlJobs"));
    }
}

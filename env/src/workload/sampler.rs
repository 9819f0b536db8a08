//! Draws power and duration of jobs of one class.
//!
//! In: a class, or a fitted profile. Out: one random number per quantity becomes MW and hours.
//! Always: the mean work is known exactly. Not here: when jobs arrive (`generator.rs`).

use super::class::{JobClassConfig, JobProfile, SHORTEST_JOB_HOURS, SizeModel, SlackModel};
use super::parameters::WorkloadParameters;
use super::tables::{Choice, QuantileTable};
use crate::core::StreamRng;
use rand::Rng;

/// Powers and durations of a class.
#[derive(Debug, Clone)]
pub(super) struct SizeSampler {
    powers: Powers,
    /// Hours at full power, by group of sizes.
    durations: Vec<QuantileTable>,
}

#[derive(Debug, Clone)]
enum Powers {
    /// Any power; one group of durations.
    Smooth(QuantileTable),
    /// These numbers, each with its chance and its group of durations.
    Listed { choice: Choice, chances: Vec<f64>, list: Vec<(f64, usize)> },
}

impl SizeSampler {
    pub(super) fn new(class: &JobClassConfig, parameters: &WorkloadParameters) -> Self {
        match class.size_model {
            SizeModel::Lognormal => {
                let (power, spread) = (class.power_mw_median, class.power_log_sd);
                let edge = (2.5 * spread).exp();
                let hours = QuantileTable::lognormal(
                    class.duration_hours_median,
                    class.duration_log_sd,
                    SHORTEST_JOB_HOURS,
                    class.duration_hours_max,
                );
                let power = QuantileTable::lognormal(power, spread, power / edge, power * edge);
                Self { powers: Powers::Smooth(power), durations: vec![hours] }
            }
            SizeModel::Fitted => {
                let mw_per_gpu = parameters.training.kw_per_gpu / 1000.0 * class.gpu_scale;
                Self::of_profile(class.profile, parameters, mw_per_gpu)
                    .cut_durations(SHORTEST_JOB_HOURS, class.duration_hours_max)
            }
        }
    }

    /// Sizes of a profile, GPUs times `per_gpu`.
    pub(super) fn of_profile(profile: JobProfile, parameters: &WorkloadParameters, per_gpu: f64) -> Self {
        let profile = parameters.profile(profile);
        let table = |quantiles: &Vec<f64>| QuantileTable::of_points(&parameters.probabilities, quantiles);
        let gpus = profile.gpus.iter().map(|gpus| gpus * per_gpu);
        let list = gpus.zip(profile.size_groups.iter().copied()).collect();
        Self {
            powers: Powers::Listed {
                choice: Choice::new(&profile.gpu_shares),
                chances: profile.gpu_shares.clone(),
                list,
            },
            durations: profile.duration_hours.iter().map(table).collect(),
        }
    }

    fn cut_durations(mut self, shortest: f64, longest: f64) -> Self {
        self.durations = self.durations.iter().map(|table| table.map(|hours| hours.clamp(shortest, longest))).collect();
        self
    }

    /// Power and hours of a job.
    #[inline]
    pub(super) fn draw(&self, rng: &mut StreamRng) -> (f64, f64) {
        let (first, second) = (rng.next_u32(), rng.next_u32());
        match &self.powers {
            Powers::Smooth(table) => (table.at(first), self.durations[0].at(second)),
            Powers::Listed { choice, list, .. } => {
                let (power, group) = list[choice.at(first)];
                (power, self.durations[group].at(second))
            }
        }
    }

    /// Mean of power x hours.
    pub(super) fn mean_work(&self) -> f64 {
        match &self.powers {
            Powers::Smooth(table) => table.mean() * self.durations[0].mean(),
            Powers::Listed { chances, list, .. } => {
                let hours: Vec<f64> = self.durations.iter().map(QuantileTable::mean).collect();
                let work = chances.iter().zip(list).map(|(chance, (power, group))| chance * power * hours[*group]);
                work.sum::<f64>() / chances.iter().sum::<f64>()
            }
        }
    }

    /// Longest duration, hours.
    pub(super) fn longest(&self) -> f64 {
        self.durations.iter().map(QuantileTable::largest).fold(0.0, f64::max)
    }
}

/// Slack of the jobs of a class.
#[derive(Debug, Clone)]
pub(super) enum SlackSampler {
    /// A constant, and a share of the duration; hours.
    Fixed { hours: f64, share: f64 },
    /// A share of the duration.
    Ratio(QuantileTable),
}

impl SlackSampler {
    pub(super) fn new(class: &JobClassConfig, parameters: &WorkloadParameters) -> Self {
        let table = |quantiles: &[f64]| Self::Ratio(QuantileTable::of_points(&parameters.probabilities, quantiles));
        match class.slack_model {
            SlackModel::Class => Self::Fixed { hours: class.slack_hours, share: class.slack_share_of_duration },
            SlackModel::Survey => table(&parameters.survey_slack_ratio),
            SlackModel::Fitted => table(&parameters.profile(class.profile).slack_ratio),
        }
    }

    /// Hours of slack of a job of so many hours.
    #[inline]
    pub(super) fn draw(&self, hours: f64, rng: &mut StreamRng) -> f64 {
        match self {
            Self::Fixed { hours: slack, share } => slack + share * hours,
            Self::Ratio(table) => table.at(rng.next_u32()) * hours,
        }
    }
}

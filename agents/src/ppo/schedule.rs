//! How a number goes over a run, when an update ends early, and which optimiser steps: choices by name.
//!
//! In: words of a configuration. Out: numbers between the first and the last value.
//! Always: the first update has the first value exactly. Not here: which number follows which schedule (`config.rs`).

use serde::{Deserialize, Serialize};

/// The way from a first value to a last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// The first value throughout.
    #[default]
    Constant,
    /// In equal steps.
    Linear,
    /// Along half a wave: slow at both ends.
    Cosine,
}

impl Schedule {
    /// The value when `remaining` of the run is left: 1 at its start, 0 at its end.
    pub fn value(self, first: f64, last: f64, remaining: f64) -> f64 {
        match self {
            Self::Constant => first,
            _ if remaining >= 1.0 => first,
            Self::Linear => last + (first - last) * remaining,
            Self::Cosine => last + (first - last) * 0.5 * (1.0 - (std::f64::consts::PI * remaining).cos()),
        }
    }
}

/// When an update stops because the policy has moved far enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKlRule {
    /// After an epoch whose last minibatch is beyond the target (CleanRL).
    #[default]
    Epoch,
    /// At once, before the step of a minibatch that is beyond 1.5 times the target (Stable-Baselines3).
    Minibatch,
}

/// How far beyond the target a minibatch may be.
const MINIBATCH_FACTOR: f64 = 1.5;

impl TargetKlRule {
    /// Whether a minibatch with this divergence is not to be learnt from, and ends the update.
    pub(super) fn skips(self, target: Option<f64>, approx_kl: f64) -> bool {
        self == Self::Minibatch && target.is_some_and(|target| approx_kl > MINIBATCH_FACTOR * target)
    }

    /// Whether an epoch whose last minibatch has this divergence ends the update.
    pub(super) fn ends_after(self, target: Option<f64>, approx_kl: f64) -> bool {
        self == Self::Epoch && target.is_some_and(|target| approx_kl > target)
    }
}

/// What turns gradients into steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerChoice {
    /// Adam (Kingma and Ba 2015).
    #[default]
    Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019), of every parameter.
    AdamW,
    /// Muon (Jordan et al. 2024) for the weights of hidden layers, `adamw` for all else.
    Muon,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schedule_starts_at_the_first_value_and_ends_at_the_last_or_stays() {
        for (schedule, half, end) in
            [(Schedule::Constant, 2.0, 2.0), (Schedule::Linear, 1.5, 1.0), (Schedule::Cosine, 1.5, 1.0)]
        {
            assert_eq!(schedule.value(2.0, 1.0, 1.0), 2.0);
            assert!((schedule.value(2.0, 1.0, 0.5) - half).abs() < 1e-12, "{schedule:?}");
            assert!((schedule.value(2.0, 1.0, 0.0) - end).abs() < 1e-12, "{schedule:?}");
        }
        // (1 - cos(pi 3/4)) / 2 = 0.8536: a cosine is above the line in the first half, below it in the second.
        assert!((Schedule::Cosine.value(1.0, 0.0, 0.75) - 0.853_553_390_593).abs() < 1e-9);
        assert!(Schedule::Cosine.value(1.0, 0.0, 0.25) < 0.25);
    }

    #[test]
    fn the_two_rules_look_at_different_moments_and_limits() {
        let (epoch, minibatch) = (TargetKlRule::Epoch, TargetKlRule::Minibatch);
        assert!(epoch.ends_after(Some(0.1), 0.11) && !epoch.skips(Some(0.1), 9.0));
        assert!(!minibatch.ends_after(Some(0.1), 9.0) && !minibatch.skips(Some(0.1), 0.149));
        assert!(minibatch.skips(Some(0.1), 0.151));
        assert!(!minibatch.skips(None, 9.0) && !epoch.ends_after(None, 9.0));
    }

    #[test]
    fn choices_are_written_in_small_letters() {
        assert_eq!(serde_json::to_string(&Schedule::Cosine).unwrap(), "\"cosine\"");
        assert_eq!(serde_json::to_string(&TargetKlRule::Minibatch).unwrap(), "\"minibatch\"");
        assert_eq!(serde_json::to_string(&OptimizerChoice::AdamW).unwrap(), "\"adamw\"");
    }
}

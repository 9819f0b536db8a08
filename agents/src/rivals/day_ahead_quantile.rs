//! Day-ahead quantile rule: what a practitioner would write first.
//!
//! In: the price now and the day-ahead prices known around it. Out: run a class, charge or discharge if the price is
//! low or high among them. Always: only prices that are known; network and policy charges count in both.
//! Not here: ranks of prices (`price_rank.rs`).

use super::price_rank::{PriceRank, Quantiles};
use super::rival::{OptionSpec, RivalPolicy};
use crate::planning::thrifty;
use crate::policy::{Policy, Situation};
use serde::{Deserialize, Serialize};

/// Quantiles of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DayAheadQuantileOptions {
    /// Classes that may wait less than `long_hours` run at or below this quantile.
    pub run_short: f64,
    /// The other classes run at or below this one.
    pub run_long: f64,
    /// Slack in hours from which a class counts as patient.
    pub long_hours: f64,
    /// The battery charges at or below this quantile.
    pub charge: f64,
    /// And discharges at or above this one.
    pub discharge: f64,
    /// How many periods of the past are compared with.
    pub periods_back: usize,
}

impl Default for DayAheadQuantileOptions {
    /// Chosen on the 179 weeks of the real train split by
    /// `flexai tune day_ahead_quantile --grid TABLE --weeks 300 --seed 1 --draws 60 --rounds 5` (2026-11-23).
    fn default() -> Self {
        Self { run_short: 0.50, run_long: 0.20, long_hours: 8.0, charge: 0.25, discharge: 0.80, periods_back: 0 }
    }
}

/// The rule.
#[derive(Debug, Clone)]
pub struct DayAheadQuantile {
    quantiles: Quantiles,
    periods_back: usize,
    rank: PriceRank,
}

impl DayAheadQuantileOptions {
    fn quantiles(&self) -> Quantiles {
        let Self { run_short, run_long, long_hours, charge, discharge, .. } = *self;
        Quantiles { run_short, run_long, long_hours, charge, discharge }
    }
}

impl RivalPolicy for DayAheadQuantile {
    type Options = DayAheadQuantileOptions;
    const NAME: &'static str = "day_ahead_quantile";
    const SUMMARY: &'static str = "run and charge when the price is low against the known day-ahead prices";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::tuned("run_short", "impatient classes run at or below this quantile", RUN),
        OptionSpec::tuned("run_long", "patient classes run at or below this quantile", RUN),
        OptionSpec::tuned("long_hours", "slack in hours from which a class is patient", &["0.5", "2", "8"]),
        OptionSpec::tuned("charge", "the battery charges at or below this quantile", CHARGE),
        OptionSpec::tuned("discharge", "and discharges at or above this one", DISCHARGE),
        OptionSpec::tuned(
            "periods_back",
            "half-hours of the past that are compared with",
            &["0", "6", "12", "18", "24", "36", "48"],
        ),
    ];

    fn new(options: Self::Options) -> Self {
        Self { quantiles: options.quantiles(), periods_back: options.periods_back, rank: PriceRank::default() }
    }

    fn fault(options: &Self::Options) -> Option<String> {
        options.quantiles().fault()
    }
}

/// Quantiles to run at that tuning tries.
pub(super) const RUN: &[&str] =
    &["0.0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3", "0.35", "0.4", "0.45", "0.5", "0.6", "0.7", "0.8"];
/// Quantiles to charge at that tuning tries.
pub(super) const CHARGE: &[&str] = &["0.0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3", "0.35", "0.4", "0.45", "0.5"];
/// Quantiles to discharge at that tuning tries.
pub(super) const DISCHARGE: &[&str] =
    &["0.5", "0.55", "0.6", "0.65", "0.7", "0.75", "0.8", "0.85", "0.9", "0.95", "1.0"];

impl Policy for DayAheadQuantile {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        fleet.decide_each(action, |site| {
            let rank = self.rank.among_day_ahead(site, self.periods_back);
            thrifty(site, self.quantiles.decide(rank, site))
        });
    }
}

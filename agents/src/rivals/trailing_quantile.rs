//! Trailing quantile rule: the day-ahead rule for those who see no day-ahead prices.
//!
//! In: the price now and the prices of the last days. Out: run a class, charge or discharge if the price is low or high
//! among them. Always: nothing but the past is looked at, even where more is known.
//! Not here: ranks of prices (`price_rank.rs`).

use super::day_ahead_quantile::{CHARGE, DISCHARGE, RUN};
use super::price_rank::{PriceRank, Quantiles};
use super::rival::{OptionSpec, RivalPolicy};
use crate::planning::thrifty;
use crate::policy::{Policy, Situation};
use serde::{Deserialize, Serialize};

/// Quantiles of the rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrailingQuantileOptions {
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
    /// How many days of the past are compared with.
    pub days: usize,
}

impl Default for TrailingQuantileOptions {
    /// Chosen on the 179 weeks of the real train split by
    /// `flexai tune trailing_quantile --grid TABLE --weeks 300 --seed 1 --draws 60 --rounds 5` (2026-11-23).
    fn default() -> Self {
        Self { run_short: 0.6, run_long: 0.4, long_hours: 8.0, charge: 0.45, discharge: 0.8, days: 7 }
    }
}

/// The rule.
#[derive(Debug, Clone)]
pub struct TrailingQuantile {
    quantiles: Quantiles,
    days: usize,
    rank: PriceRank,
}

impl TrailingQuantileOptions {
    fn quantiles(&self) -> Quantiles {
        let Self { run_short, run_long, long_hours, charge, discharge, .. } = *self;
        Quantiles { run_short, run_long, long_hours, charge, discharge }
    }
}

impl RivalPolicy for TrailingQuantile {
    type Options = TrailingQuantileOptions;
    const NAME: &'static str = "trailing_quantile";
    const SUMMARY: &'static str =
        "run and charge when the price is low against those of the last days; nothing ahead is known";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::tuned("run_short", "impatient classes run at or below this quantile", RUN),
        OptionSpec::tuned("run_long", "patient classes run at or below this quantile", RUN),
        OptionSpec::tuned("long_hours", "slack in hours from which a class is patient", &["0.5", "2", "8"]),
        OptionSpec::tuned("charge", "the battery charges at or below this quantile", CHARGE),
        OptionSpec::tuned("discharge", "and discharges at or above this one", DISCHARGE),
        OptionSpec::fixed("days", "days of the past that are compared with"),
    ];

    fn new(options: Self::Options) -> Self {
        Self { quantiles: options.quantiles(), days: options.days, rank: PriceRank::default() }
    }

    fn fault(options: &Self::Options) -> Option<String> {
        let days = (!(1..=28).contains(&options.days)).then(|| format!("`days` is {}, expected 1 to 28", options.days));
        options.quantiles().fault().or(days)
    }
}

impl Policy for TrailingQuantile {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        fleet.decide_each(action, |site| {
            let rank = self.rank.among_past(site, self.days);
            thrifty(site, self.quantiles.decide(rank, site))
        });
    }
}

//! Storage arbitrage: the battery alone buys low and sells high, whatever schedules the jobs.
//!
//! In: prices known now. Out: battery set-points; the rest of the action is that of another rival (`jobs`).
//! Always: only prices that are known. Not here: joining two policies (`beside.rs`), ranks of prices (`price_rank.rs`).

use super::beside::Beside;
use super::choice::ChosenRival;
use super::price_rank::{PriceRank, battery_at, share_fault};
use super::rival::{OptionSpec, RivalPolicy};
use crate::policy::{Policy, PolicySource, Situation};
use flexai_env::site::{SiteAction, SiteConfig};
use serde::{Deserialize, Serialize};

/// How the battery is decided, and who schedules the jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArbitrageOptions {
    /// How the battery is decided.
    pub method: ArbitrageMethod,
    /// Quantile of the price at or below which it charges.
    pub charge: f64,
    /// Quantile at or above which it discharges.
    pub discharge: f64,
    /// How many periods of the past are compared with.
    pub periods_back: usize,
    /// The rival that schedules the jobs.
    pub jobs: String,
}

/// How the battery is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArbitrageMethod {
    /// By quantiles of the price now among the known day-ahead prices.
    #[default]
    Quantile,
}

impl Default for ArbitrageOptions {
    fn default() -> Self {
        Self { method: ArbitrageMethod::Quantile, charge: 0.25, discharge: 0.80, periods_back: 0, jobs: "fifo".into() }
    }
}

/// The rule beside a rival.
pub struct Arbitrage(Beside);

impl RivalPolicy for Arbitrage {
    type Options = ArbitrageOptions;
    const NAME: &'static str = "arbitrage";
    const SUMMARY: &'static str = "the battery alone buys low and sells high, beside any rival that schedules the jobs";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::fixed("method", "how the battery is decided: quantile (of the known day-ahead prices)"),
        OptionSpec::tuned("charge", "quantile at or below which it charges", super::day_ahead_quantile::CHARGE),
        OptionSpec::tuned(
            "discharge",
            "quantile at or above which it discharges",
            super::day_ahead_quantile::DISCHARGE,
        ),
        OptionSpec::tuned(
            "periods_back",
            "half-hours of the past that are compared with",
            &["0", "6", "12", "18", "24", "36", "48"],
        ),
        OptionSpec::fixed("jobs", "the rival that schedules the jobs, e.g. ctss or day_ahead_quantile(run_short=0.4)"),
    ];

    fn new(options: ArbitrageOptions) -> Self {
        let jobs = ChosenRival::parse(&options.jobs).expect("the options have no faults");
        let batteries: Box<dyn Policy> = match options.method {
            ArbitrageMethod::Quantile => Box::new(BatteryQuantile { options, rank: PriceRank::default() }),
        };
        Self(Beside::new(Self::NAME, batteries, jobs.make()))
    }

    fn fault(options: &ArbitrageOptions) -> Option<String> {
        let jobs = ChosenRival::parse(&options.jobs).err().map(|error| format!("`jobs`: {error}"));
        share_fault("charge", options.charge).or(share_fault("discharge", options.discharge)).or(jobs)
    }

    fn unfit(options: &ArbitrageOptions, scenario: &SiteConfig) -> Option<String> {
        if scenario.sites().iter().all(|site| site.battery.capacity_mwh <= 0.0) {
            return Some(format!("needs a battery, but scenario `{}` has none", scenario.name));
        }
        ChosenRival::parse(&options.jobs).ok().and_then(|jobs| jobs.unfit(scenario))
    }
}

impl Policy for Arbitrage {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn begin_episode(&mut self, seed: u64) {
        self.0.begin_episode(seed);
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        self.0.decide(situation, action);
    }
}

/// The battery by quantiles of the price, all jobs at once.
struct BatteryQuantile {
    options: ArbitrageOptions,
    rank: PriceRank,
}

impl Policy for BatteryQuantile {
    fn name(&self) -> &str {
        Arbitrage::NAME
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        fleet.decide_each(action, |site| {
            let rank = self.rank.among_day_ahead(site, self.options.periods_back);
            let battery = battery_at(rank, self.options.charge, self.options.discharge);
            SiteAction { battery, ..SiteAction::fifo() }
        });
    }
}

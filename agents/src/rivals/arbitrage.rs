//! Storage arbitrage: the battery alone buys low and sells high, whatever schedules the jobs.
//!
//! In: prices known now. Out: battery set-points; the rest of the action is that of another rival (`jobs`). FIFO as that
//! rival works at the power that takes the least energy where power may be capped; the baseline never does.
//! Always: only what is known is looked at; where nothing is known the battery rests. Not here: joining two policies
//! (`beside.rs`), ranks of prices (`price_rank.rs`), the linear program (`planning/dispatch_model/`).

use super::beside::Beside;
use super::choice::ChosenRival;
use super::fifo::Fifo;
use super::mpc::set_point;
use super::planner::FORECAST;
use super::price_rank::{PriceRank, battery_at, share_fault};
use super::rival::{OptionSpec, RivalPolicy, first_fault};
use crate::planning::solver::{InteriorPoint, Limits, Solver};
use crate::planning::{DispatchModel, ForecastChoice, Outlook, OutlookOptions, SiteHorizon, Wanted, thrifty};
use crate::policy::{Policy, PolicySource, Situation};
use flexai_env::core::StateError;
use flexai_env::site::{SiteAction, SiteConfig, SiteView};
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
    /// Periods that the linear program looks ahead, the present one included.
    pub horizon: usize,
    /// Where its prices come from.
    pub forecast: ForecastChoice,
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
    /// By a linear program over what lies ahead, the load being what it is expected to be.
    Lp,
}

impl Default for ArbitrageOptions {
    /// Chosen on the 179 weeks of the real train split by
    /// `flexai tune arbitrage --grid TABLE --weeks 300 --seed 1 --draws 60 --rounds 5` (2026-11-23).
    fn default() -> Self {
        Self {
            method: ArbitrageMethod::Quantile,
            charge: 0.2,
            discharge: 0.75,
            periods_back: 0,
            horizon: OutlookOptions::default().horizon,
            forecast: ForecastChoice::default(),
            jobs: "fifo".into(),
        }
    }
}

impl ArbitrageOptions {
    fn outlook(&self) -> OutlookOptions {
        OutlookOptions { horizon: self.horizon, forecast: self.forecast, ..OutlookOptions::default() }
    }
}

/// The rule beside a rival.
pub struct Arbitrage(Beside);

impl RivalPolicy for Arbitrage {
    type Options = ArbitrageOptions;
    const NAME: &'static str = "arbitrage";
    const SUMMARY: &'static str = "the battery alone buys low and sells high, beside any rival that schedules the jobs; \
                                   beside fifo it takes the saving of power caps";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::fixed("method", "how the battery is decided: quantile (of the known day-ahead prices), or lp"),
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
        OptionSpec::fixed("horizon", "half-hours that the linear program looks ahead"),
        OptionSpec::fixed("forecast", FORECAST),
        OptionSpec::fixed("jobs", "the rival that schedules the jobs, e.g. ctss or day_ahead_quantile(run_short=0.4)"),
    ];

    fn new(options: ArbitrageOptions) -> Self {
        let jobs = ChosenRival::parse(&options.jobs).expect("the options have no faults");
        let batteries: Box<dyn Policy> = match options.method {
            ArbitrageMethod::Quantile => Box::new(BatteryQuantile { options, rank: PriceRank::default() }),
            ArbitrageMethod::Lp => Box::new(BatteryProgram::new(&options)),
        };
        // Every other rival decides on power caps by itself.
        let jobs = if jobs.rival().name == Fifo::NAME { Box::new(ThriftyFifo) } else { jobs.make() };
        Self(Beside::new(Self::NAME, batteries, jobs))
    }

    fn fault(options: &ArbitrageOptions) -> Option<String> {
        let jobs = ChosenRival::parse(&options.jobs).err().map(|error| format!("`jobs`: {error}"));
        let shares = share_fault("charge", options.charge).or(share_fault("discharge", options.discharge));
        shares.or(first_fault(options.outlook().validate())).or(jobs)
    }

    fn sees_the_future(options: &ArbitrageOptions) -> bool {
        let looks_ahead = options.method == ArbitrageMethod::Lp && options.forecast == ForecastChoice::Perfect;
        looks_ahead || ChosenRival::parse(&options.jobs).is_ok_and(|jobs| jobs.sees_the_future())
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

    fn save_state(&self) -> Vec<u8> {
        self.0.save_state()
    }

    fn load_state(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        self.0.load_state(bytes)
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        self.0.decide(situation, action);
    }
}

/// All jobs at once, with the least energy for them.
struct ThriftyFifo;

impl Policy for ThriftyFifo {
    fn name(&self) -> &str {
        Fifo::NAME
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        fleet.decide_each(action, |site| thrifty(site, SiteAction::fifo()));
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

/// The battery by a linear program in which the load is given, all jobs at once.
struct BatteryProgram {
    outlook: Outlook,
    horizon: SiteHorizon,
    model: DispatchModel,
    solver: InteriorPoint,
}

impl BatteryProgram {
    fn new(options: &ArbitrageOptions) -> Self {
        Self {
            outlook: Outlook::new(options.outlook()),
            horizon: SiteHorizon::default(),
            model: DispatchModel::default(),
            solver: InteriorPoint::default(),
        }
    }

    /// Set-point for the present period; `None` if there is no plan.
    fn set_point(&mut self, site: &SiteView<'_>) -> Option<f64> {
        self.outlook.fill_site(site, &mut self.horizon).ok()?;
        self.horizon.classes.clear();
        // Jobs as they come: those that are there now, then what is expected to arrive.
        let there: f64 = (0..site.config().workload.classes.len()).map(|c| site.class(c).available_mw).sum();
        let most = self.horizon.it_capacity_mw;
        for (k, load) in self.horizon.interactive_mw.iter_mut().enumerate() {
            let jobs = if k == 0 { there } else { self.outlook.arrivals_mw()[k] };
            *load = (*load + jobs).min(most);
        }
        let sites = std::slice::from_ref(&self.horizon);
        let program = self.model.build(Wanted { sites, ..Wanted::default() });
        let solution = self.solver.solve(program, &Limits::default(), None).ok()?;
        Some(set_point(&self.horizon.battery, &self.model.plan(&solution.values, 0, 0)))
    }
}

impl Policy for BatteryProgram {
    fn name(&self) -> &str {
        Arbitrage::NAME
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        fleet.decide_each(action, |site| {
            let battery = self.set_point(site).unwrap_or(0.0);
            SiteAction { battery, ..SiteAction::fifo() }
        });
    }
}

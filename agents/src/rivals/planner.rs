//! Fast planner: the battery by dynamic programming, jobs by the cheapest slots before their deadlines.
//!
//! In: what is known now, and a forecast made from it. Out: an action, and the prices behind it ([`PlannerAdvice`]).
//! Always: sites one by one; power caps off, nothing sold, nothing moved; where nothing is known to forecast from it
//! acts like FIFO and counts that. Microseconds per decision, no allocation once buffers have grown.
//! Not here: the two plans (`planning/`).

use super::rival::{OptionSpec, RivalPolicy, first_fault};
use crate::planning::{
    BatteryAdvice, BatteryPlan, ClassAdvice, ForecastChoice, JobPlan, Outlook, OutlookOptions, SiteHorizon, thrifty,
};
use crate::policy::{Policy, Situation};
use flexai_env::grid::ForecastSource;
use flexai_env::site::{SiteAction, SiteView};
use flexai_env::workload::MAX_CLASSES;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Asked for on top of a sum of powers so that rounding cuts no job off, MW; far less than the smallest job.
const ROUNDING_MW: f64 = 2e-5;

/// How the planner plans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlannerOptions {
    /// Periods that are looked ahead, the present one included.
    pub horizon: usize,
    /// Where prices, carbon and sun come from.
    pub forecast: ForecastChoice,
    /// Share of the work expected to arrive that has slots ahead kept for it.
    pub reserve: f64,
    /// Work left at the end of the horizon costs this quantile of the forecast; without it, the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_end_quantile: Option<f64>,
    /// Charge left at the end of the horizon is worth this quantile of the forecast; without it, the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_end_quantile: Option<f64>,
    /// Whether what an event pays and charges for a MWh counts as part of the price while it lasts.
    pub event_prices: bool,
}

/// What the planner would do at a site, and at which prices it would do otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannerAdvice {
    /// Set-point of the battery and what its charge is worth.
    pub battery: BatteryAdvice,
    /// Power and price per class.
    pub classes: [ClassAdvice; MAX_CLASSES],
    /// Share of the power of each class that runs now.
    pub run: [f64; MAX_CLASSES],
    /// Full price now as forecast, GBP/MWh.
    pub price: f64,
}

/// Plans each site anew in every period.
#[derive(Debug, Clone)]
pub struct Planner {
    options: PlannerOptions,
    outlook: Outlook,
    horizon: SiteHorizon,
    jobs: JobPlan,
    battery: BatteryPlan,
    net_load_mw: Vec<f64>,
    blind: u64,
}

impl Default for PlannerOptions {
    fn default() -> Self {
        let outlook = OutlookOptions::default();
        Self {
            horizon: outlook.horizon,
            forecast: outlook.forecast,
            reserve: 0.75,
            work_end_quantile: outlook.work_end_quantile,
            charge_end_quantile: outlook.charge_end_quantile,
            event_prices: outlook.event_prices,
        }
    }
}

impl PlannerOptions {
    /// What of them concerns the outlook.
    pub fn outlook(&self) -> OutlookOptions {
        OutlookOptions {
            horizon: self.horizon,
            forecast: self.forecast,
            work_end_quantile: self.work_end_quantile,
            charge_end_quantile: self.charge_end_quantile,
            event_prices: self.event_prices,
            ..OutlookOptions::default()
        }
    }

    /// Faults as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut faults = self.outlook().validate();
        if !(0.0..=10.0).contains(&self.reserve) {
            faults.push(("reserve".into(), format!("is {}, expected 0 to 10", self.reserve)));
        }
        faults
    }
}

impl Default for Planner {
    fn default() -> Self {
        Self::new(PlannerOptions::default())
    }
}

impl Planner {
    /// A planner with the forecast that its options name.
    pub fn new(options: PlannerOptions) -> Self {
        let outlook = Outlook::new(options.outlook());
        Self::over(options, outlook)
    }

    /// A planner with a forecast source of one's own.
    pub fn with_source(options: PlannerOptions, source: Arc<dyn ForecastSource>) -> Self {
        let outlook = Outlook::with_source(options.outlook(), source);
        Self::over(options, outlook)
    }

    fn over(options: PlannerOptions, outlook: Outlook) -> Self {
        Self {
            options,
            outlook,
            horizon: SiteHorizon::default(),
            jobs: JobPlan::default(),
            battery: BatteryPlan::default(),
            net_load_mw: Vec::new(),
            blind: 0,
        }
    }

    /// How it plans.
    pub fn options(&self) -> &PlannerOptions {
        &self.options
    }

    /// Decisions for which nothing was known to forecast from, so that it acted like FIFO.
    pub fn blind_decisions(&self) -> u64 {
        self.blind
    }

    /// What to do at a site now, and why.
    pub fn advise(&mut self, site: &SiteView<'_>) -> PlannerAdvice {
        if self.outlook.fill_site(site, &mut self.horizon).is_err() {
            self.blind += 1;
            return PlannerAdvice {
                battery: BatteryAdvice::default(),
                classes: [ClassAdvice::default(); MAX_CLASSES],
                run: [1.0; MAX_CLASSES],
                price: 0.0,
            };
        }
        self.jobs.solve(site, &self.horizon, &self.outlook, self.options.reserve);
        let (load, solar) = (self.jobs.load_mw(), &self.horizon.solar_mw);
        self.net_load_mw.clear();
        self.net_load_mw.extend(load.iter().zip(solar).map(|(it, sun)| it * self.horizon.pue - sun));
        let battery = self.battery.solve(&self.horizon, &self.net_load_mw);
        let classes = *self.jobs.classes();
        let mut run = [0.0; MAX_CLASSES];
        for (c, run) in run[..self.horizon.classes.len()].iter_mut().enumerate() {
            *run = run_share(classes[c].run_mw, site.class(c).available_mw);
        }
        PlannerAdvice { battery, classes, run, price: self.horizon.price[0] }
    }
}

/// The share of the available power that runs a sum of jobs whole.
pub(super) fn run_share(run_mw: f64, available_mw: f64) -> f64 {
    if available_mw > 0.0 { ((run_mw + ROUNDING_MW) / available_mw).min(1.0) } else { 0.0 }
}

impl PlannerAdvice {
    /// As an action.
    pub fn action(&self) -> SiteAction {
        SiteAction { battery: self.battery.set_point, run: self.run, ..SiteAction::fifo() }
    }
}

/// What the option `forecast` means.
pub(super) const FORECAST: &str = "day_ahead_persistence, or perfect: a cheat that measures what forecasts are worth";
/// Quantiles of the forecast that tuning tries for what is left at the end.
pub(super) const ENDS: &[&str] = &["0.25", "0.4", "0.5", "0.6"];

impl RivalPolicy for Planner {
    type Options = PlannerOptions;
    const NAME: &'static str = "planner";
    const SUMMARY: &'static str =
        "cheapest slots before each deadline and the battery by dynamic programming, on a forecast";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::fixed("horizon", "half-hours that are looked ahead"),
        OptionSpec::fixed("forecast", FORECAST),
        OptionSpec::tuned(
            "reserve",
            "capacity kept for work to come, as a share of it",
            &["0", "0.5", "1", "1.5", "2"],
        ),
        OptionSpec::tuned(
            "work_end_quantile",
            "work left at the end costs this quantile of the forecast; none: its mean",
            ENDS,
        ),
        OptionSpec::tuned(
            "charge_end_quantile",
            "charge left is worth this quantile of the forecast; none: its mean",
            ENDS,
        ),
        OptionSpec::fixed("event_prices", "count what an event pays as part of the price while it lasts"),
    ];

    fn new(options: PlannerOptions) -> Self {
        Planner::new(options)
    }

    fn fault(options: &PlannerOptions) -> Option<String> {
        first_fault(options.validate())
    }

    fn sees_the_future(options: &PlannerOptions) -> bool {
        options.forecast == ForecastChoice::Perfect
    }
}

impl Policy for Planner {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        fleet.decide_each(action, |site| thrifty(site, self.advise(site).action()));
    }
}

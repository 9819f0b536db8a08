//! CTSS as it was first stated: every job goes where price x carbon is least, under carbon threshold, deadline, capacity.
//!
//! In: forecasts of price and carbon intensity, the jobs of a site. Out: the share of each class that runs now.
//! Always: earliest deadline first; a deadline beats a threshold; the battery stays idle. Power is the same in all slots
//! of a job, so that price x power x carbon ranks them as price x carbon does.
//!
//! The objective has a defect: at a negative price the product is the lower the *dirtier* the grid is. Prices below zero
//! therefore count as zero; `clamp=false` shows the defect.

use super::rival::{OptionSpec, RivalPolicy, without_jobs};
use super::slots::{Slots, Wish};
use crate::policy::{Policy, Situation};
use flexai_env::grid::Signal;
use flexai_env::site::{SiteAction, SiteConfig, SiteView};
use serde::{Deserialize, Serialize};

/// No job is looked at further ahead than this, in periods.
const HORIZON: usize = 144;

/// What counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CtssOptions {
    /// Whether a negative price counts as zero.
    pub clamp: bool,
    /// Whether network and policy charges are part of the price.
    pub charges: bool,
    /// Whether the carbon thresholds of the classes count.
    pub thresholds: bool,
}

impl Default for CtssOptions {
    fn default() -> Self {
        Self { clamp: true, charges: false, thresholds: true }
    }
}

/// The rule and its buffers.
#[derive(Debug, Clone)]
pub struct Ctss {
    options: CtssOptions,
    price: Vec<f64>,
    carbon: Vec<f64>,
    slots: Slots,
    /// Deadline, class and place in its queue of every job.
    jobs: Vec<(i32, usize, usize)>,
}

impl RivalPolicy for Ctss {
    type Options = CtssOptions;
    const NAME: &'static str = "ctss";
    const SUMMARY: &'static str = "each job in the slots of least price x carbon before its deadline, under threshold and capacity, battery idle, full power";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::fixed("clamp", "count negative prices as 0; without it dirty slots win at negative prices"),
        OptionSpec::fixed("charges", "count network and policy charges as part of the price"),
        OptionSpec::fixed("thresholds", "prefer slots below the class's carbon threshold"),
    ];

    fn new(options: CtssOptions) -> Self {
        Self { options, price: Vec::new(), carbon: Vec::new(), slots: Slots::default(), jobs: Vec::new() }
    }

    fn unfit(_options: &CtssOptions, scenario: &SiteConfig) -> Option<String> {
        without_jobs(scenario)
    }
}

/// What a slot costs: price x carbon.
fn score(price: f64, carbon: f64, clamp: bool) -> f64 {
    if clamp { price.max(0.0) * carbon } else { price * carbon }
}

impl Ctss {
    fn decide_site(&mut self, site: &SiteView<'_>) -> SiteAction {
        self.collect_jobs(site);
        let now = site.period() as i32;
        let last = self.jobs.iter().map(|(deadline, _, _)| deadline - now).max().unwrap_or(1);
        let periods = (last.max(1) as usize).min(HORIZON);
        if !self.forecast(site, periods) {
            return SiteAction::fifo();
        }
        let place = site.place();
        let room_mw = (place.it_limit(site.now() - 1).value() - site.interactive_mw()).max(0.0);
        let clamp = self.options.clamp;
        let scores = self.price.iter().zip(&self.carbon).map(|(price, carbon)| score(*price, *carbon, clamp));
        self.slots.open(scores, &self.carbon, room_mw);
        let mut decision = SiteAction::default();
        let classes = &site.config().workload.classes;
        for &(deadline, class, at) in &self.jobs {
            let (job, rules) = (&site.jobs(class)[at], &place.rules[class]);
            let threshold = classes[class].carbon_threshold_gco2_kwh.filter(|_| self.options.thresholds);
            let wish = Wish {
                power_mw: job.power_mw,
                periods: job.expected_periods(rules),
                window: (deadline - now).max(1) as usize,
                threshold,
                in_one_piece: !rules.interruptible,
            };
            let runs_now = if job.must_run { self.slots.take_at_once(&wish) } else { self.slots.take(&wish) };
            if runs_now {
                decision.run[class] += job.usable_mw(rules);
            }
        }
        for (class, run) in decision.run.iter_mut().enumerate().take(classes.len()) {
            let available = site.class(class).available_mw;
            *run = if available > 0.0 { (*run / available).min(1.0) } else { 0.0 };
        }
        decision
    }

    fn collect_jobs(&mut self, site: &SiteView<'_>) {
        self.jobs.clear();
        for class in 0..site.config().workload.classes.len() {
            let queue = site.jobs(class).iter().enumerate();
            self.jobs.extend(queue.map(|(at, job)| (job.deadline, class, at)));
        }
        self.jobs.sort_unstable();
    }

    /// Expected price and regional carbon intensity of the coming periods; false if nothing is known.
    fn forecast(&mut self, site: &SiteView<'_>, periods: usize) -> bool {
        let (known, place, source) = (site.known(), site.place(), site.forecast_source());
        self.price.resize(periods, 0.0);
        self.carbon.resize(periods, 0.0);
        let paid = site.config().tariff.paid_price.signal();
        let made = source.forecast(&known, paid, &mut self.price).is_ok()
            && source.forecast(&known, Signal::CarbonIntensity, &mut self.carbon).is_ok();
        self.carbon.iter_mut().for_each(|carbon| *carbon = place.regional_carbon(*carbon).max(0.0));
        if self.options.charges {
            // The calendar of charges reaches as far as deadlines do, past the end of the table.
            let tariff = &site.config().tariff;
            let charges = |k| tariff.charges(known.local(site.now() + k));
            self.price.iter_mut().enumerate().for_each(|(k, price)| *price += charges(k));
        }
        made
    }
}

impl Policy for Ctss {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        fleet.decide_each(action, |site| self.decide_site(site));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_a_negative_price_the_dirty_slot_wins_unless_prices_are_clamped() {
        let (clean, dirty) = (50.0, 300.0);
        assert!(score(-10.0, dirty, false) < score(-10.0, clean, false), "the defect");
        assert_eq!(score(-10.0, dirty, true), score(-10.0, clean, true));
        assert_eq!(score(40.0, clean, true), 2000.0);
    }
}

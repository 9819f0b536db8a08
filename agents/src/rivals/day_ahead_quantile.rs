//! Day-ahead quantile rule: what a practitioner would write first.
//!
//! In: the price now and the day-ahead prices known around it. Out: run a class, charge or discharge if the price is
//! low or high among them. Always: only prices that are known; network and policy charges count in both.
//!
//! The quantiles were chosen on the train split; see `DayAheadQuantile::default`.

use crate::policy::{Policy, Situation};
use flexai_env::grid::Signal;
use flexai_env::market::PaidPrice;
use flexai_env::site::{SiteAction, SiteView};

/// Quantiles of the rule.
#[derive(Debug, Clone, PartialEq)]
pub struct DayAheadQuantile {
    /// Classes that may wait less than [`DayAheadQuantile::long_hours`] run at or below this quantile.
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
    window: Vec<f64>,
}

impl Default for DayAheadQuantile {
    /// Chosen on 50 weeks of the real train split by `cargo run --release -p flexai --example tune_rule` (2026-11-22).
    fn default() -> Self {
        Self {
            run_short: 0.50,
            run_long: 0.20,
            long_hours: 8.0,
            charge: 0.25,
            discharge: 0.80,
            periods_back: 0,
            window: Vec::with_capacity(128),
        }
    }
}

impl DayAheadQuantile {
    /// Share of the known prices around now that are below the price now; 0.5 if there is nothing to compare with.
    fn rank(&mut self, site: &SiteView<'_>) -> f64 {
        let known = site.known();
        let now = known.now();
        let Some((_, index)) = known.latest(price_now(site), now) else {
            return 0.5;
        };
        let price = index + site.charges(now);
        let from = now.saturating_sub(self.periods_back);
        self.window.clear();
        let ahead = (from..known.day_ahead_until())
            .filter_map(|t| known.get(Signal::DayAheadPrice, t).map(|p| p + site.charges(t)));
        self.window.extend(ahead);
        if self.window.is_empty() {
            // No day-ahead prices at all: the last day of the index has to do.
            let past = (now.saturating_sub(48)..now)
                .filter_map(|t| known.get(Signal::IntradayPrice, t).map(|p| p + site.charges(t)));
            self.window.extend(past);
        }
        if self.window.is_empty() {
            return 0.5;
        }
        self.window.iter().filter(|p| **p < price).count() as f64 / self.window.len() as f64
    }

    fn decide_site(&mut self, site: &SiteView<'_>) -> SiteAction {
        let rank = self.rank(site);
        let battery = if rank <= self.charge {
            1.0
        } else if rank >= self.discharge {
            -1.0
        } else {
            0.0
        };
        let mut decision = SiteAction { battery, ..SiteAction::default() };
        for (run, class) in decision.run.iter_mut().zip(&site.config().workload.classes) {
            let quantile = if class.slack_hours >= self.long_hours { self.run_long } else { self.run_short };
            *run = if rank <= quantile { 1.0 } else { 0.0 };
        }
        decision
    }
}

/// The auction price where that is paid; the index elsewhere, which is as close as one gets to an imbalance price that
/// nobody knows yet.
fn price_now(site: &SiteView<'_>) -> Signal {
    match site.config().tariff.paid_price {
        PaidPrice::DayAhead => Signal::DayAheadPrice,
        PaidPrice::Intraday | PaidPrice::Imbalance | PaidPrice::Mixed => Signal::IntradayPrice,
    }
}

impl Policy for DayAheadQuantile {
    fn name(&self) -> &str {
        "day_ahead_quantile"
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let fleet = situation.site.expect("rivals of the site are only offered for site environments");
        fleet.decide_each(action, |site| self.decide_site(site));
    }
}

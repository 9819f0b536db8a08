//! How the price now stands among other prices, and what a rule of quantiles makes of it.
//!
//! In: what a site knows. Out: the share of prices below the one now; a decision by quantiles of that share.
//! Always: only prices that are known; network and policy charges count in all of them.
//! Not here: which prices are looked at, and the quantiles (`day_ahead_quantile.rs`, `trailing_quantile.rs`).

use flexai_env::grid::Signal;
use flexai_env::market::PaidPrice;
use flexai_env::site::{SiteAction, SiteView};
use std::ops::Range;

/// Share below the price now where there is nothing to compare with.
const UNDECIDED: f64 = 0.5;

/// Compares the price now with others; keeps its buffer.
#[derive(Debug, Clone, Default)]
pub(super) struct PriceRank {
    window: Vec<f64>,
}

/// What a rule of quantiles does at a price of some rank.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quantiles {
    /// Classes that may wait less than `long_hours` run at or below this quantile.
    pub(super) run_short: f64,
    /// The other classes run at or below this one.
    pub(super) run_long: f64,
    /// Slack in hours from which a class counts as patient.
    pub(super) long_hours: f64,
    /// The battery charges at or below this quantile.
    pub(super) charge: f64,
    /// And discharges at or above this one.
    pub(super) discharge: f64,
}

impl PriceRank {
    /// The share of day-ahead prices below the price now: from `periods_back` before now on as far as they are known.
    ///
    /// Without any of them the last day of the index has to do.
    pub(super) fn among_day_ahead(&mut self, site: &SiteView<'_>, periods_back: usize) -> f64 {
        let now = site.now();
        let known = now.saturating_sub(periods_back)..site.known().day_ahead_until();
        self.fill(site, Signal::DayAheadPrice, known);
        if self.window.is_empty() {
            self.fill(site, Signal::IntradayPrice, now.saturating_sub(48)..now);
        }
        self.share_below_now(site)
    }

    /// The share of the prices of the last days below the price now; nothing ahead is looked at.
    pub(super) fn among_past(&mut self, site: &SiteView<'_>, days: usize) -> f64 {
        let now = site.now();
        self.fill(site, price_now(site), now.saturating_sub(48 * days)..now);
        self.share_below_now(site)
    }

    fn fill(&mut self, site: &SiteView<'_>, signal: Signal, periods: Range<usize>) {
        let known = site.known();
        self.window.clear();
        self.window.extend(periods.filter_map(|t| known.get(signal, t).map(|price| price + site.charges(t))));
    }

    fn share_below_now(&self, site: &SiteView<'_>) -> f64 {
        let now = site.now();
        let price = site.known().latest(price_now(site), now).map(|(_, index)| index + site.charges(now));
        price.map_or(UNDECIDED, |price| share_below(&self.window, price))
    }
}

/// The share of prices below one of them, or of nothing: undecided.
fn share_below(prices: &[f64], price: f64) -> f64 {
    if prices.is_empty() {
        return UNDECIDED;
    }
    prices.iter().filter(|other| **other < price).count() as f64 / prices.len() as f64
}

/// The auction price where that is paid; the index elsewhere, which is as close as one gets to an imbalance price that
/// nobody knows yet.
fn price_now(site: &SiteView<'_>) -> Signal {
    match site.config().tariff.paid_price {
        PaidPrice::DayAhead if site.config().information.day_ahead_prices => Signal::DayAheadPrice,
        _ => Signal::IntradayPrice,
    }
}

impl Quantiles {
    /// The decision of a site at a price of this rank.
    pub(super) fn decide(&self, rank: f64, site: &SiteView<'_>) -> SiteAction {
        let mut decision =
            SiteAction { battery: battery_at(rank, self.charge, self.discharge), ..SiteAction::default() };
        for (run, class) in decision.run.iter_mut().zip(&site.config().workload.classes) {
            let quantile = if class.slack_hours >= self.long_hours { self.run_long } else { self.run_short };
            *run = if rank <= quantile { 1.0 } else { 0.0 };
        }
        decision
    }

    /// The first of them that is out of range.
    pub(super) fn fault(&self) -> Option<String> {
        let shares = [
            ("run_short", self.run_short),
            ("run_long", self.run_long),
            ("charge", self.charge),
            ("discharge", self.discharge),
        ];
        let slack = (self.long_hours.is_nan() || self.long_hours < 0.0)
            .then(|| format!("`long_hours` is {}, expected 0 or more", self.long_hours));
        shares.iter().find_map(|(key, share)| share_fault(key, *share)).or(slack)
    }
}

/// Charge at a low rank, discharge at a high one.
pub(super) fn battery_at(rank: f64, charge: f64, discharge: f64) -> f64 {
    if rank <= charge {
        1.0
    } else if rank >= discharge {
        -1.0
    } else {
        0.0
    }
}

/// What is wrong with an option that should be a share.
pub(super) fn share_fault(key: &str, share: f64) -> Option<String> {
    (!(0.0..=1.0).contains(&share)).then(|| format!("`{key}` is {share}, expected 0 to 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rank_of_a_price_is_the_share_of_the_others_below_it() {
        let prices = [10.0, 20.0, 30.0, 40.0];
        assert_eq!([5.0, 10.0, 20.0, 35.0, 99.0].map(|p| share_below(&prices, p)), [0.0, 0.0, 0.25, 0.75, 1.0]);
        assert_eq!(share_below(&[], 10.0), 0.5);
    }

    #[test]
    fn a_battery_charges_at_a_low_rank_and_discharges_at_a_high_one() {
        assert_eq!([0.0, 0.2, 0.3, 0.8, 1.0].map(|rank| battery_at(rank, 0.2, 0.8)), [1.0, 1.0, 0.0, -1.0, -1.0]);
    }
}

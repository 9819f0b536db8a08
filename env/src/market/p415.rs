//! P415: what turn-down sold on the wholesale market is settled at, and what of it is rewarded.
//!
//! In: baseline, meter, the FIFO counterfactual, what was sold, prices. Out: a [`P415Settlement`], each term apart.
//! Always: nothing without a notification; volume claimed elsewhere is taken off first; a baseline that was moved, up or
//! down, changes what is settled but never raises what is rewarded above a settlement on FIFO itself. Not here: the baseline itself (`baseline.rs`), the rebound, which the site
//! pays for in its import.
//!
//! Signs: turn-down is positive; money is positive where the virtual trading party (VTP) or the site earns it.
//!
//! Source: BSC modification P415 in the words of the market notes (section 3.3), read 2026-11-22 from secondary sources;
//! the algebra of BSC Section T was not readable.

use crate::grid::Period;
use crate::units::{MegawattHours, Megawatts, PoundsPerMegawattHour};
use serde::{Deserialize, Serialize};

/// First half-hour of 2024-11-07, the day P415 went live; clocks show UTC in November.
const LIVE_SINCE: Period = Period(961_632);

/// How turn-down is sold: table `[p415]` of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct P415Config {
    /// Whether the site takes part.
    pub enabled: bool,
    /// Periods between the notification of an offer and its delivery; at least 2, so that neither the system price nor
    /// the site's own meter of the period can be known.
    pub notice_periods: usize,
    /// Largest offer. The default is what a site of 9.6 MW can turn down at most, 40 % (London trial, December 2025).
    pub max_offer_mw: f64,
    /// The index that notified volume is sold at.
    pub sold_at: SoldAt,
    /// Energy at the transmission boundary per energy at the meter; 1 for no losses.
    pub loss_multiplier: f64,
    /// Who compensates the supplier.
    pub supplier_compensation: SupplierCompensation,
    /// What the supplier is compensated at. 98 is from one third-party repository, unverified.
    pub scrp_gbp_per_mwh: f64,
    /// Trading and market fees per MWh sold. No figure was found; 0 leaves revenue gross of them.
    pub fees_gbp_per_mwh: f64,
    /// The site's share of what its VTP nets. No published contract was found, so the default is 1: claims are tested
    /// against an upper bound, which falls in proportion with any real share.
    pub site_share: f64,
    /// Whether the baseline is moved by the in-day adjustment; off where there is wholesale activity alone (unverified).
    pub in_day_adjustment: bool,
}

/// An index that volume is sold at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoldAt {
    /// Market index price of the period.
    #[default]
    Intraday,
    /// Day-ahead auction price of the period.
    DayAhead,
}

/// Who pays the supplier for energy it bought and could not sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupplierCompensation {
    /// All suppliers, by volume: the rule that Ofgem chose (2023-10-06).
    #[default]
    Mutualised,
    /// The VTP: the alternative that was rejected.
    Direct,
}

/// What a period is settled from. Energies at the meter unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct P415Inputs {
    /// Baseline of the half-hour.
    pub baseline: MegawattHours,
    /// What the baseline would be had the site acted like FIFO all along.
    pub fifo_baseline: MegawattHours,
    /// Import as metered.
    pub metered: MegawattHours,
    /// Import of the FIFO counterfactual.
    pub fifo_import: MegawattHours,
    /// Turn-down notified and sold, at the transmission boundary; `None` without a notification.
    pub sold: Option<MegawattHours>,
    /// Price it was sold at.
    pub sell_price: PoundsPerMegawattHour,
    /// System price.
    pub imbalance_price: PoundsPerMegawattHour,
    /// Turn-down of the half-hour that a flexibility event or a token has paid for.
    pub already_claimed: MegawattHours,
}

/// Settlement of one period; all zero without a notification.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct P415Settlement {
    /// Baseline less meter, at the boundary.
    pub deviation_mwh: f64,
    /// FIFO import less meter, at the boundary: what was turned down in truth.
    pub true_turn_down_mwh: f64,
    /// Baseline less FIFO import, at the boundary; `deviation = true turn-down + baseline error`.
    pub baseline_error_mwh: f64,
    /// The deviation without what is claimed elsewhere: the volume credited to the VTP.
    pub eligible_mwh: f64,
    /// The volume that is rewarded: the smallest of those against the two baselines and FIFO's import.
    pub rewarded_mwh: f64,
    /// What was sold.
    pub sold_mwh: f64,
    /// From the sale.
    pub wholesale_gbp: f64,
    /// From what was delivered beyond the sale; negative where less was.
    pub imbalance_gbp: f64,
    /// From (mostly: to) the supplier.
    pub compensation_gbp: f64,
    /// Fees, negative.
    pub fees_gbp: f64,
    /// The site's share of the four terms: what the market would have paid.
    pub revenue_settled_gbp: f64,
    /// What the agent is rewarded with.
    pub revenue_rewarded_gbp: f64,
    /// What is settled and not rewarded.
    pub baseline_error_gbp: f64,
    /// What the supplier receives, from the VTP or from all suppliers.
    pub supplier_compensation_gbp: f64,
    /// The part of it that is levied on all suppliers.
    pub levied_gbp: f64,
    /// Energy the supplier's position is corrected to, at the boundary.
    pub supplier_deemed_mwh: f64,
}

/// Offers between their notification and their delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfferQueue {
    /// MW by period, a ring.
    offers: Vec<f64>,
    at: usize,
}

impl Default for P415Config {
    fn default() -> Self {
        Self {
            enabled: false,
            notice_periods: 2,
            max_offer_mw: 3.84,
            sold_at: SoldAt::Intraday,
            loss_multiplier: 1.0,
            supplier_compensation: SupplierCompensation::Mutualised,
            scrp_gbp_per_mwh: 98.0,
            fees_gbp_per_mwh: 0.0,
            site_share: 1.0,
            in_day_adjustment: false,
        }
    }
}

impl P415Config {
    /// Faults as `(key, message)`.
    pub fn validate(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut check = |ok: bool, key: &str, found: f64, expected: &str| {
            if !ok {
                faults.push((format!("p415.{key}"), format!("is {found}, expected {expected}")));
            }
        };
        let amount = |x: f64| x >= 0.0 && x.is_finite();
        check((2..=96).contains(&self.notice_periods), "notice_periods", self.notice_periods as f64, "2 to 96");
        check(amount(self.max_offer_mw), "max_offer_mw", self.max_offer_mw, "0 or more");
        let losses = self.loss_multiplier;
        check((0.5..=1.5).contains(&losses), "loss_multiplier", losses, "between 0.5 and 1.5");
        check(amount(self.scrp_gbp_per_mwh), "scrp_gbp_per_mwh", self.scrp_gbp_per_mwh, "0 or more");
        check(amount(self.fees_gbp_per_mwh), "fees_gbp_per_mwh", self.fees_gbp_per_mwh, "0 or more");
        check((0.0..=1.0).contains(&self.site_share), "site_share", self.site_share, "between 0 and 1");
        faults
    }

    /// Settles one period.
    ///
    /// Settled: sold x price + (eligible - sold) x system price - compensation - fees, times the site's share.
    ///
    /// Rewarded: the same rule with three changes. It is reckoned against the baseline, against that of a site that acts
    /// like FIFO, and against FIFO's import, and the smallest amount counts. So neither an inflated nor a deflated
    /// baseline gains anything (where compensation or a negative price makes volume a loss, a low baseline is what would
    /// pay), not even by making up for a half-hour in which the honest baseline is low by chance. What was sold but not delivered can lose
    /// money, but not earn any: a trade on the difference of two prices is no flexibility. And taking more than FIFO
    /// earns nothing at any price: the bill has paid for it, and no compensation flows back for it.
    pub fn settle(&self, inputs: &P415Inputs) -> P415Settlement {
        let Some(sold) = inputs.sold.map(|sold| sold.0) else { return P415Settlement::default() };
        let at_boundary = |energy: MegawattHours| energy.0 * self.loss_multiplier;
        let claimed = at_boundary(inputs.already_claimed);
        let deviation = at_boundary(inputs.baseline - inputs.metered);
        let true_turn_down = at_boundary(inputs.fifo_import - inputs.metered);
        let eligible = unclaimed(deviation, claimed);
        let volumes = [
            eligible,
            unclaimed(at_boundary(inputs.fifo_baseline - inputs.metered), claimed),
            unclaimed(true_turn_down, claimed),
        ];
        let rewarded = volumes.into_iter().fold(f64::INFINITY, f64::min);
        let (sell, imbalance) = (inputs.sell_price.0, inputs.imbalance_price.0);
        let scrp = match self.supplier_compensation {
            SupplierCompensation::Mutualised => 0.0,
            SupplierCompensation::Direct => self.scrp_gbp_per_mwh,
        };
        let wholesale_gbp = sold * sell;
        let fees_gbp = -sold * self.fees_gbp_per_mwh;
        let net = |volume: f64| wholesale_gbp + (volume - sold) * imbalance - volume * scrp + fees_gbp;
        let honest = |volume: f64| net(volume) - (sold - volume).max(0.0) * (sell - imbalance).max(0.0);
        let earned = |volume: f64| honest(volume).min(if volume < 0.0 { honest(0.0) } else { f64::INFINITY });
        let revenue_settled_gbp = self.site_share * net(eligible);
        let revenue_rewarded_gbp = self.site_share * volumes.map(earned).into_iter().fold(f64::INFINITY, f64::min);
        let supplier_compensation_gbp = eligible * self.scrp_gbp_per_mwh;
        P415Settlement {
            deviation_mwh: deviation,
            true_turn_down_mwh: true_turn_down,
            baseline_error_mwh: at_boundary(inputs.baseline - inputs.fifo_import),
            eligible_mwh: eligible,
            rewarded_mwh: rewarded,
            sold_mwh: sold,
            wholesale_gbp,
            imbalance_gbp: (eligible - sold) * imbalance,
            compensation_gbp: -eligible * scrp,
            fees_gbp,
            revenue_settled_gbp,
            revenue_rewarded_gbp,
            baseline_error_gbp: revenue_settled_gbp - revenue_rewarded_gbp,
            supplier_compensation_gbp,
            levied_gbp: supplier_compensation_gbp - eligible * scrp,
            supplier_deemed_mwh: at_boundary(inputs.metered) + eligible,
        }
    }
}

/// What a report must say about P415 figures of a period; `None` where the rule was live.
pub fn p415_label(period: Period) -> Option<&'static str> {
    (period < LIVE_SINCE).then_some("counterfactual: P415 went live on 2024-11-07, after this period")
}

/// A deviation without the turn-down that is paid for elsewhere; what is no turn-down has nothing to take off.
fn unclaimed(deviation: f64, claimed: f64) -> f64 {
    if deviation > 0.0 { (deviation - claimed.max(0.0)).max(0.0) } else { deviation }
}

impl OfferQueue {
    /// A queue without offers.
    pub fn new(notice_periods: usize) -> Self {
        Self { offers: vec![0.0; notice_periods.max(1)], at: 0 }
    }

    /// Notifies an offer for the period `notice_periods` from now, and gives what was sold for the present one.
    ///
    /// The offer is cut to 0 ..= `max_offer_mw`; an offer of nothing (or of no number) is no notification.
    pub fn advance(&mut self, config: &P415Config, offer: Megawatts) -> Option<MegawattHours> {
        let offer = if offer.0 > 0.0 { offer.0.min(config.max_offer_mw) } else { 0.0 };
        let due = std::mem::replace(&mut self.offers[self.at], offer);
        self.at = (self.at + 1) % self.offers.len();
        (due > 0.0).then(|| Megawatts(due).over_period() * config.loss_multiplier)
    }

    /// The offer notified for the period `ahead` from now (0 is the present one, not yet advanced past).
    pub fn pending(&self, ahead: usize) -> Megawatts {
        if ahead < self.offers.len() {
            Megawatts(self.offers[(self.at + ahead) % self.offers.len()])
        } else {
            Megawatts::ZERO
        }
    }

    /// Periods of notice.
    pub fn len(&self) -> usize {
        self.offers.len()
    }

    /// Never: there is one period of notice at least.
    pub fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// Whether a saved queue is whole.
    pub fn is_sound(&self) -> bool {
        self.at < self.offers.len() && self.offers.iter().all(|mw| *mw >= 0.0 && mw.is_finite())
    }

    /// Withdraws everything, at the start of an episode.
    pub fn clear(&mut self) {
        self.offers.fill(0.0);
        self.at = 0;
    }
}

#[cfg(test)]
#[path = "p415_tests.rs"]
mod tests;

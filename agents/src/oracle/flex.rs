//! What flexibility can earn at most in a period, by the period's import.
//!
//! In: events, P415 and FIFO's import. Out: a curve per period that earns, or charges, anything.
//! Always: rewards are the smallest of three settlements, one of which has FIFO's import as its baseline; that one alone
//! is looked at, so that nothing earns more than the curve. An offer needs notice only, which who knows the future gives.
//! Not here: the hull of the curve (`planning/`).

use crate::planning::EarningsCurve;
use flexai_env::grid::Signal;
use flexai_env::market::events::{EventInputs, EventKind, FlexEvent};
use flexai_env::market::{P415Config, SoldAt, SupplierCompensation};
use flexai_env::site::{Place, SiteCourse, SiteSetup, WindowChoice};
use flexai_env::units::{MegawattHours, Megawatts, PERIOD_HOURS};

/// Curves of the periods of a window where flexibility counts.
pub(super) fn earnings(
    setup: &SiteSetup,
    window: WindowChoice,
    place: &Place,
    course: &SiteCourse,
) -> Vec<(usize, EarningsCurve)> {
    if !setup.config.has_flex() {
        return Vec::new();
    }
    let p415 = &setup.config.p415;
    let mut curves = Vec::new();
    for t in 0..window.periods {
        let at = window.start + t;
        let fifo = course.fifo[t].import_mwh;
        let event = setup.events().active_at(setup.trace.period(at));
        // No offer can have been made before the window began.
        let offer = (p415.enabled && t >= p415.notice_periods).then(|| Offer::new(setup, p415, at, event.is_some()));
        let turned_down = |import: f64| {
            let of_event = event.map_or(0.0, |event| event_gbp(event, place, fifo, import));
            of_event + offer.as_ref().map_or(0.0, |offer| offer.best_gbp(fifo - import))
        };
        let mut imports = vec![0.0, fifo];
        imports.extend(event.into_iter().flat_map(|event| event_turns(event, place, fifo)));
        imports.extend(offer.iter().flat_map(|offer| offer.turns(fifo)).map(|turned_down| fifo - turned_down));
        imports.push(most_import(place, at));
        imports.retain(|import| *import >= 0.0);
        imports.sort_by(f64::total_cmp);
        imports.dedup();
        let points: Vec<(f64, f64)> = imports.into_iter().map(|import| (import, turned_down(import))).collect();
        if points.iter().any(|point| point.1 != 0.0) {
            curves.push((t, EarningsCurve { points, turn_mwh: fifo }));
        }
    }
    curves
}

/// No site draws more in a period: its machines and battery at full power, with the data it may send.
fn most_import(place: &Place, _at: usize) -> f64 {
    let config = &place.config;
    let full = config.it_capacity_mw * config.pue + config.battery.charge_power().value();
    full.max(config.import_limit_mw) * PERIOD_HOURS * 4.0
}

fn event_gbp(event: &FlexEvent, place: &Place, fifo: f64, import: f64) -> f64 {
    let fifo = MegawattHours(fifo);
    event
        .settle(&EventInputs {
            baseline: fifo,
            fifo_baseline: fifo,
            metered: MegawattHours(import),
            fifo_import: fifo,
            already_claimed: MegawattHours::ZERO,
            import_limit: Megawatts(place.config.import_limit_mw),
        })
        .revenue_rewarded_gbp
}

/// Imports at which an event's settlement turns.
fn event_turns(event: &FlexEvent, place: &Place, fifo: f64) -> Vec<f64> {
    match event.kind {
        EventKind::TurnDown(_) => vec![fifo - event.requested(MegawattHours(fifo)).value()],
        EventKind::Constraint { .. } => {
            let cap = event.import_cap(Megawatts(place.config.import_limit_mw));
            cap.map(|cap| cap.over_period().value()).into_iter().collect()
        }
    }
}

/// Turn-down on offer in a period, sold as well as it can be.
struct Offer {
    /// Earned by each MWh turned down.
    each: f64,
    /// Earned on top by each MWh that was sold.
    sold: f64,
    /// Most that can be sold, MWh at the boundary.
    most: f64,
    share: f64,
    losses: f64,
    /// Whether something else may claim a part of what is turned down.
    claimed: bool,
}

impl Offer {
    fn new(setup: &SiteSetup, config: &P415Config, at: usize, claimed: bool) -> Self {
        let signal = match config.sold_at {
            SoldAt::Intraday => Signal::IntradayPrice,
            SoldAt::DayAhead => Signal::DayAheadPrice,
        };
        let sell = setup.trace.column(signal)[at];
        let imbalance = setup.trace.column(Signal::ImbalancePrice)[at];
        let compensation = match config.supplier_compensation {
            SupplierCompensation::Mutualised => 0.0,
            SupplierCompensation::Direct => config.scrp_gbp_per_mwh,
        };
        Self {
            each: imbalance - compensation,
            sold: (sell - imbalance - config.fees_gbp_per_mwh).max(0.0),
            most: config.max_offer_mw * PERIOD_HOURS * config.loss_multiplier,
            share: config.site_share,
            losses: config.loss_multiplier,
            claimed,
        }
    }

    /// The most that a turn-down can earn, over all offers and none.
    ///
    /// For a volume v and an offer s the rule pays `v each + s (sell - imbalance - fees)` if v >= s, and no more than
    /// `v each + v (sell - imbalance - fees)` if v < s and selling earns more than the system price; the best offer is
    /// then the volume itself, and next to nothing elsewhere.
    fn best_gbp(&self, turned_down: f64) -> f64 {
        let volume = turned_down.max(0.0) * self.losses;
        let earns = |volume: f64| (volume * self.each + volume.min(self.most) * self.sold).max(0.0);
        let best = earns(volume);
        // Of a volume of which others claim a part, the part that earns most is left.
        let best = if self.claimed { best.max(earns(volume.min(self.most))) } else { best };
        self.share * if self.most > 0.0 { best } else { 0.0 }
    }

    /// Turn-downs at which the earnings turn.
    fn turns(&self, fifo: f64) -> Vec<f64> {
        let full = self.most / self.losses;
        let mut turns = vec![full];
        // Where what was earned up to the offer is lost again.
        if self.each < 0.0 && self.sold + self.each > 0.0 {
            turns.push(full * self.sold / -self.each);
        }
        turns.retain(|turned_down| *turned_down < fifo);
        turns
    }
}

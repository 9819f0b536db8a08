//! The flexibility desk of a site: its meter and baseline, offers sold ahead, grid events.
//!
//! In: what was metered in a period, what FIFO would have taken, the offer for a later one. Out: flexibility revenue.
//! Always: no half-hour of turn-down is paid twice: an event's delivery is taken off before P415 is settled; rewards pay
//! for turn-down against FIFO alone. Not here: the rules themselves (`market/`).

use super::ledger::StepAccount;
use super::setup::{Place, SiteSetup};
use crate::grid::{LocalStamp, Period, Signal};
use crate::market::MeterHistory;
use crate::market::events::{EventInputs, EventKind, FlexEvent};
use crate::market::{OfferQueue, P415Inputs, SoldAt};
use crate::units::{MegawattHours, Megawatts, PoundsPerMegawattHour};
use serde::{Deserialize, Serialize};

/// What a site has sold and metered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlexDesk {
    meter: MeterHistory,
    /// What FIFO's meter would have read: the baseline of a site that does nothing for its baseline.
    fifo_meter: MeterHistory,
    offers: OfferQueue,
}

/// The readings of a period.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metered {
    /// Import as metered.
    pub(super) import_mwh: f64,
    /// Import that FIFO takes in its own course.
    pub(super) fifo_import_mwh: f64,
    /// Turn-down offered for a later period.
    pub(super) offer: Megawatts,
}

/// What a desk can tell at the start of a period, for observations.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DeskView {
    /// Turn-down sold for this period.
    pub sold_mw: f64,
    /// Turn-down sold for the periods after it.
    pub pending_mw: f64,
    /// Baseline of this period.
    pub baseline_mw: f64,
    /// Baseline of the period that an offer made now is for.
    pub offer_baseline_mw: f64,
}

impl FlexDesk {
    pub(super) fn new(setup: &SiteSetup) -> Self {
        Self {
            meter: MeterHistory::new(setup.config.baseline.clone()),
            fifo_meter: MeterHistory::new(setup.config.baseline.clone()),
            offers: OfferQueue::new(setup.config.p415.notice_periods),
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.meter.clear();
        self.fifo_meter.clear();
        self.offers.clear();
    }

    /// Whether a saved desk belongs to a scenario, at index `at` of the trace.
    pub(super) fn fits(&self, setup: &SiteSetup, at: usize) -> bool {
        let today = setup.trace.local(at).day;
        [&self.meter, &self.fifo_meter].iter().all(|m| m.has_config(&setup.config.baseline) && m.is_sound(today))
            && self.offers.is_sound()
            && self.offers.len() == setup.config.p415.notice_periods
    }

    /// Takes in a period in which nothing is settled: the history before an episode.
    pub(super) fn watch(&mut self, setup: &SiteSetup, at: usize, import_mwh: f64) {
        let local = setup.trace.local(at);
        let event = setup.events().active_at(setup.trace.period(at)).is_some();
        for meter in [&mut self.meter, &mut self.fifo_meter] {
            meter.push(local, MegawattHours(import_mwh));
            if event {
                meter.mark_event_day(local.day);
            }
        }
    }

    /// What the desk can tell about index `at` of the trace.
    pub(super) fn view(&self, setup: &SiteSetup, at: usize) -> DeskView {
        let notice = setup.config.p415.notice_periods;
        let stamp = |t: usize| setup.trace.local(t.min(setup.trace.len() - 1));
        let baseline = |t: usize| self.meter.baseline(stamp(t)).map_or(0.0, |b| b.per_period().0);
        DeskView {
            sold_mw: self.offers.pending(0).0,
            pending_mw: (1..notice).map(|ahead| self.offers.pending(ahead).0).sum(),
            baseline_mw: baseline(at),
            offer_baseline_mw: baseline(at + notice),
        }
    }

    /// Settles a period and enters it into the account.
    pub(super) fn settle(
        &mut self,
        setup: &SiteSetup,
        place: &Place,
        at: usize,
        metered: Metered,
        account: &mut StepAccount,
    ) {
        let period = setup.trace.period(at);
        let local = setup.trace.local(at);
        let event = setup.events().active_at(period);
        let claimed = event.map_or(0.0, |event| self.settle_event(place, event, period, local, metered, account));
        self.settle_offer(setup, at, local, metered, claimed, account);
        self.meter.push(local, MegawattHours(metered.import_mwh));
        self.fifo_meter.push(local, MegawattHours(metered.fifo_import_mwh));
        if event.is_some() || account.flex_sold_mwh > 0.0 {
            // The same days serve both baselines, so that a site that acts like FIFO has FIFO's.
            self.meter.mark_event_day(local.day);
            self.fifo_meter.mark_event_day(local.day);
        }
    }

    /// Bytes of its buffers.
    pub(super) fn buffer_bytes(&self) -> usize {
        self.meter.buffer_bytes() + self.fifo_meter.buffer_bytes() + self.offers.len() * size_of::<f64>()
    }

    /// Returns the turn-down that is paid for and must not be paid again.
    fn settle_event(
        &self,
        place: &Place,
        event: &FlexEvent,
        period: Period,
        local: LocalStamp,
        metered: Metered,
        account: &mut StepAccount,
    ) -> f64 {
        let since_start = place.config.baseline.in_day_adjustment.then_some((period - event.start) as usize);
        let fifo_import = MegawattHours(metered.fifo_import_mwh);
        let reckon = |meter| baseline(meter, local, since_start, fifo_import).max(MegawattHours::ZERO);
        let (baseline, fifo_baseline) = (reckon(&self.meter), reckon(&self.fifo_meter));
        let inputs = |baseline, fifo_baseline, metered| EventInputs {
            baseline,
            fifo_baseline,
            metered,
            fifo_import,
            already_claimed: MegawattHours::ZERO,
            import_limit: Megawatts(place.config.import_limit_mw),
        };
        let settled = event.settle(&inputs(baseline, fifo_baseline, MegawattHours(metered.import_mwh)));
        account.flex_revenue_gbp += settled.revenue_rewarded_gbp;
        account.flex_settled_gbp += settled.revenue_settled_gbp;
        account.flex_delivered_mwh += settled.rewarded_mwh;
        account.event_requested_mwh += settled.requested_mwh;
        account.event_shortfall_mwh += settled.shortfall_mwh + settled.breach_mwh;
        if matches!(event.kind, EventKind::TurnDown(_)) {
            account.baseline_error_mwh = (baseline - fifo_import).0;
        }
        // FIFO takes no notice of the event; its own consumption is its baseline.
        account.fifo_cost_gbp -= event.settle(&inputs(fifo_import, fifo_import, fifo_import)).revenue_rewarded_gbp;
        settled.claimed_mwh
    }

    fn settle_offer(
        &mut self,
        setup: &SiteSetup,
        at: usize,
        local: LocalStamp,
        metered: Metered,
        claimed_mwh: f64,
        account: &mut StepAccount,
    ) {
        let config = &setup.config.p415;
        if !config.enabled {
            return;
        }
        let Some(sold) = self.offers.advance(config, metered.offer) else { return };
        let since_start = config.in_day_adjustment.then_some(0);
        let fifo_import = MegawattHours(metered.fifo_import_mwh);
        let settled = config.settle(&P415Inputs {
            baseline: baseline(&self.meter, local, since_start, fifo_import),
            fifo_baseline: baseline(&self.fifo_meter, local, since_start, fifo_import),
            metered: MegawattHours(metered.import_mwh),
            fifo_import,
            sold: Some(sold),
            sell_price: PoundsPerMegawattHour(match config.sold_at {
                SoldAt::Intraday => setup.trace.column(Signal::IntradayPrice)[at],
                SoldAt::DayAhead => setup.trace.column(Signal::DayAheadPrice)[at],
            }),
            imbalance_price: PoundsPerMegawattHour(setup.trace.column(Signal::ImbalancePrice)[at]),
            already_claimed: MegawattHours(claimed_mwh),
        });
        account.flex_revenue_gbp += settled.revenue_rewarded_gbp;
        account.flex_settled_gbp += settled.revenue_settled_gbp;
        account.flex_sold_mwh += settled.sold_mwh;
        account.flex_delivered_mwh += settled.rewarded_mwh.max(0.0);
        // The same error as that of an event in the same half-hour, if there is one, so that it is counted once.
        account.baseline_error_mwh = settled.baseline_error_mwh;
    }
}

/// Baseline of a half-hour, moved by the in-day adjustment where one applies to an event so many periods old. Without
/// enough history FIFO stands in: it is what the site would have taken.
fn baseline(
    meter: &MeterHistory,
    local: LocalStamp,
    since_start: Option<usize>,
    fifo_import: MegawattHours,
) -> MegawattHours {
    let adjustment = since_start.and_then(|periods| meter.in_day_adjustment(periods)).unwrap_or(MegawattHours::ZERO);
    meter.baseline(local).map_or(fifo_import, |baseline| baseline + adjustment)
}

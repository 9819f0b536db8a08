//! What a scored episode leaves over, and its price.
//!
//! Always: linear, the same for every policy; work and battery charge at the mean full price of the following 24 hours.
//! Not here: training episodes, whose end is bootstrapped.

use super::ledger::{Settled, StepAccount};
use super::setup::Place;
use super::state::{SiteState, initial_stored};
use crate::battery::{BatteryHealth, operate_within};
use crate::units::{MegawattHours, Megawatts};
use crate::workload::JobPool;

/// Hours of lateness charged for work that is late and still undone at the end of a scored episode: half of the day
/// over which leftovers are settled.
pub const LEFT_LATE_HOURS: f64 = 12.0;

/// Settles a site after the last of `periods`; `end` is the index of the period after it in the trace.
pub(super) fn settle(place: &Place, state: &SiteState, periods: i32, end: usize, account: &mut StepAccount) {
    let left = state.queued();
    let late = state.jobs.late(periods);
    let import_mwh = left_over_mwh(place, left, state.stored);
    account.settlement_gbp = import_mwh * place.settlement_price(end) + left_late_gbp(place, late);
    account.settled = Settled {
        energy_gbp: import_mwh * place.settlement_mean(end, |t| place.paid_price(t)),
        charges_gbp: import_mwh * place.settlement_mean(end, |t| place.charges(t)),
        carbon_t: import_mwh * place.settlement_mean(end, |t| place.carbon(t)) / 1000.0,
    };
    account.fifo_cost_gbp += fifo_settlement_gbp(place, &state.fifo_jobs, periods, end);
    let (late, by_estimate) = state.jobs.late_jobs(periods);
    account.jobs_late += late as f64;
    account.jobs_late_by_estimate += by_estimate as f64;
}

/// FIFO's settlement: its battery is untouched, but leaks and ages as everybody's does.
pub(super) fn fifo_settlement_gbp(place: &Place, jobs: &JobPool, periods: i32, end: usize) -> f64 {
    let import_mwh = left_over_mwh(place, jobs.queued(), idle_stored(place, periods));
    import_mwh * place.settlement_price(end) + left_late_gbp(place, jobs.late(periods))
}

/// What a battery that nobody uses holds after a number of periods.
fn idle_stored(place: &Place, periods: i32) -> MegawattHours {
    let battery = &place.config.battery;
    let mut stored = initial_stored(place);
    if battery.self_discharge_per_day == 0.0 && !battery.fade.shrinks_capacity {
        return stored;
    }
    let mut health = BatteryHealth::new(battery);
    for _ in 0..periods {
        let [idle, none] = [Megawatts::ZERO; 2];
        let flow = operate_within(battery, health.capacity(battery), stored, idle, none, none);
        health.advance(battery, &flow);
        stored = flow.stored;
    }
    stored
}

fn left_late_gbp(place: &Place, late: MegawattHours) -> f64 {
    late.0 * LEFT_LATE_HOURS * place.config.lateness_gbp_per_mwh_hour
}

/// Import that work left over and missing charge will need, less what surplus charge will spare.
fn left_over_mwh(place: &Place, left: MegawattHours, stored: MegawattHours) -> f64 {
    let battery = &place.config.battery;
    let surplus = stored - initial_stored(place);
    let charge_mwh =
        if surplus.0 < 0.0 { surplus.0 / battery.charge_efficiency } else { surplus.0 * battery.discharge_efficiency };
    left.0 * place.config.pue - charge_mwh
}

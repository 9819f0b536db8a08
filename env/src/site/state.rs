//! The moving parts of a site, and the physics of one period.
//!
//! In: an action. Out: a [`StepAccount`].
//! Always: energy and work are conserved; must-run work beats the action; import limit beats the battery's set-point.
//! Not here: rewards (`reward.rs`), observations (`observation.rs`).

use super::episode::{Episode, EpisodeEnd};
use super::ledger::{Settled, StepAccount};
use super::setup::SiteSetup;
use crate::battery::{BatteryFlow, deliverable, operate};
use crate::units::{MegawattHours, Megawatts, PERIOD_HOURS};
use crate::workload::{JobPool, MAX_CLASSES, Served};
use serde::{Deserialize, Serialize};

/// Hours of lateness charged for work that is late and still undone at the end of a scored episode: half of the day
/// over which leftovers are settled.
const LEFT_LATE_HOURS: f64 = 12.0;

/// What to do in one period.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SiteAction {
    /// Battery set-point as a share of its power, -1 discharge .. 1 charge.
    pub battery: f64,
    /// Share of each class's waiting power to run now, 0 .. 1.
    pub run: [f64; MAX_CLASSES],
}

/// Jobs, battery and clock of a site.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SiteState {
    /// Released, unfinished jobs.
    pub jobs: JobPool,
    /// Energy in the battery.
    pub stored: MegawattHours,
    /// Periods played.
    pub t: usize,
}

impl SiteAction {
    /// Run everything now, leave the battery alone.
    pub fn fifo() -> Self {
        Self { battery: 0.0, run: [1.0; MAX_CLASSES] }
    }

    /// The flat action: the battery's set-point, and per class `2 run - 1`.
    pub fn write(&self, out: &mut [f32]) {
        out[0] = self.battery as f32;
        for (x, run) in out[1..].iter_mut().zip(&self.run) {
            *x = (2.0 * run - 1.0) as f32;
        }
    }
}

impl SiteState {
    /// Goes to the first decision of an episode.
    pub fn start(&mut self, setup: &SiteSetup, episode: &Episode) {
        let classes = setup.config.workload.classes.len();
        if self.jobs.classes() != classes {
            self.jobs = JobPool::new(classes);
        }
        self.jobs.copy_from(&episode.initial_jobs);
        self.stored = setup.config.battery.initial_stored();
        self.t = 0;
        self.release(episode);
    }

    /// Lets the jobs of the present period arrive.
    fn release(&mut self, episode: &Episode) {
        if self.t < episode.window.periods {
            for job in episode.arrivals.released(self.t) {
                self.jobs.push(*job);
            }
        }
    }

    /// Plays one period; the account holds the settlement too if this was the last period of a scored episode.
    pub fn advance(&mut self, setup: &SiteSetup, episode: &Episode, action: &SiteAction) -> StepAccount {
        let at = episode.window.start + self.t;
        let interactive = Megawatts(episode.arrivals.interactive_mw[self.t]);
        let classes = &setup.config.workload.classes;
        let capacity = it_limit(setup, at) - interactive;
        let served = self.jobs.serve(classes, &action.run, capacity, self.t as i32);
        let it = interactive.over_period() + served.energy;
        let facility = it * setup.config.pue;
        let solar = Megawatts(setup.solar_mw(at)).over_period();
        let flow = self.operate_battery(setup, action, facility, solar);
        self.stored = flow.stored;
        let mut account = account_energy(setup, at, it, solar, &flow);
        account_jobs(setup, at, &served, &mut account);
        let fifo = &episode.fifo[self.t];
        account.fifo_cost_gbp = fifo.cost_gbp;
        account.shifted_mwh = 0.5 * (account.it_mwh - fifo.it_mwh).abs();
        self.t += 1;
        if self.t == episode.window.periods && episode.window.end == EpisodeEnd::Settle {
            self.settle(setup, episode, &mut account);
        }
        self.release(episode);
        account
    }

    fn operate_battery(
        &self,
        setup: &SiteSetup,
        action: &SiteAction,
        facility: MegawattHours,
        solar: MegawattHours,
    ) -> BatteryFlow {
        let battery = &setup.config.battery;
        let net = facility.per_period() - solar.per_period();
        let over = net - Megawatts(setup.config.import_limit_mw);
        let mut set_point = Megawatts(action.battery.clamp(-1.0, 1.0) * battery.power_mw);
        if over.0 > 0.0 {
            // The battery carries what the grid connection cannot.
            set_point = set_point.min(-over.min(deliverable(battery, self.stored)));
        }
        operate(battery, self.stored, set_point, -over, net.max(Megawatts::ZERO))
    }

    fn settle(&self, setup: &SiteSetup, episode: &Episode, account: &mut StepAccount) {
        let window = &episode.window;
        account.settlement_gbp = settlement_gbp(setup, &self.jobs, self.stored, window.start, window.periods);
        account.settled = settled(setup, &self.jobs, self.stored, window.start + window.periods);
        account.fifo_cost_gbp += episode.fifo_settlement_gbp;
        account.jobs_late += self.jobs.late_jobs(window.periods as i32) as f64;
    }

    /// Charge for work that is late during a period.
    pub(super) fn lateness_gbp(setup: &SiteSetup, late: MegawattHours) -> f64 {
        late.0 * PERIOD_HOURS * setup.config.lateness_gbp_per_mwh_hour
    }
}

/// IT power that capacity, grid connection and sun allow in period `at` of the trace.
pub(super) fn it_limit(setup: &SiteSetup, at: usize) -> Megawatts {
    let supply = (setup.config.import_limit_mw + setup.solar_mw(at)) / setup.config.pue;
    Megawatts(setup.config.it_capacity_mw.min(supply))
}

/// Value of what an episode leaves over, pounds; positive is paid.
///
/// Work is served at the mean full price of the following 24 hours; missing charge is bought at that price, surplus
/// charge earns it; work that is late already is charged as late until the middle of those 24 hours.
pub(super) fn settlement_gbp(
    setup: &SiteSetup,
    jobs: &JobPool,
    stored: MegawattHours,
    start: usize,
    periods: usize,
) -> f64 {
    let price = setup.settlement_price(start + periods);
    let late = jobs.late(periods as i32);
    let lateness = late.0 * LEFT_LATE_HOURS * setup.config.lateness_gbp_per_mwh_hour;
    left_over_mwh(setup, jobs, stored) * price + lateness
}

/// Import that work left over and missing charge will need, less what surplus charge will spare.
fn left_over_mwh(setup: &SiteSetup, jobs: &JobPool, stored: MegawattHours) -> f64 {
    let battery = &setup.config.battery;
    let surplus = stored - battery.initial_stored();
    let charge_mwh =
        if surplus.0 < 0.0 { surplus.0 / battery.charge_efficiency } else { surplus.0 * battery.discharge_efficiency };
    jobs.queued().0 * setup.config.pue - charge_mwh
}

/// The settlement of an episode ending before `end`, by what it will be paid for.
fn settled(setup: &SiteSetup, jobs: &JobPool, stored: MegawattHours, end: usize) -> Settled {
    let import_mwh = left_over_mwh(setup, jobs, stored);
    let energy_gbp = import_mwh * setup.settlement_mean(end, |t| setup.paid_price(t));
    let charges_gbp = import_mwh * setup.settlement_mean(end, |t| setup.charges(t));
    let carbon_t = import_mwh * setup.settlement_mean(end, |t| setup.carbon(t)) / 1000.0;
    Settled { energy_gbp, charges_gbp, carbon_t }
}

fn account_energy(
    setup: &SiteSetup,
    at: usize,
    it: MegawattHours,
    solar: MegawattHours,
    flow: &BatteryFlow,
) -> StepAccount {
    let facility = it * setup.config.pue;
    let load = facility + flow.charged - flow.discharged;
    let used = load.min(solar).max(MegawattHours::ZERO);
    let import = load - used;
    let limit = Megawatts(setup.config.import_limit_mw).over_period();
    let carbon_t = import.0 * setup.carbon(at) / 1000.0;
    StepAccount {
        energy_gbp: import.0 * setup.paid_price(at),
        charges_gbp: import.0 * setup.charges(at),
        carbon_gbp: carbon_t * setup.config.carbon_price_gbp_per_tonne,
        wear_gbp: flow.discharged.0 * setup.config.battery.wear_gbp_per_mwh,
        carbon_t,
        import_mwh: import.0,
        it_mwh: it.0,
        facility_mwh: facility.0,
        solar_used_mwh: used.0,
        solar_curtailed_mwh: (solar - used).0,
        charged_mwh: flow.charged.0,
        discharged_mwh: flow.discharged.0,
        battery_lost_mwh: flow.lost.0,
        import_breach_mwh: (import - limit).0.max(0.0),
        ..StepAccount::default()
    }
}

fn account_jobs(setup: &SiteSetup, at: usize, served: &Served, account: &mut StepAccount) {
    account.lateness_gbp = SiteState::lateness_gbp(setup, served.late);
    account.late_mwh = served.late.0;
    account.checkpoint_lost_mwh = served.lost.0;
    account.jobs_in_time = f64::from(served.finished_in_time);
    account.jobs_late = f64::from(served.finished_late);
    let carbon = setup.carbon(at);
    let classes = setup.config.workload.classes.iter().enumerate();
    account.threshold_breach_mwh = classes
        .filter(|(_, class)| class.carbon_threshold_gco2_kwh.is_some_and(|threshold| carbon > threshold))
        .map(|(c, _)| served.by_class_mwh[c])
        .sum();
}

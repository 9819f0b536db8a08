//! The moving parts of a site, and the physics of one period.
//!
//! In: an action. Out: a [`StepAccount`].
//! Always: energy and work are conserved; must-run work beats the action; import limit beats the battery's set-point.
//! Not here: moving jobs between sites (`migration.rs`), rewards (`reward.rs`), observations (`observation.rs`).

use super::action::SiteAction;
use super::flex::{FlexDesk, Metered};
use super::ledger::StepAccount;
use super::setup::{Place, SiteSetup};
use crate::battery::{BatteryFlow, BatteryHealth, deliverable, operate_within};
use crate::core::SeedTree;
use crate::units::{MegawattHours, Megawatts, PERIOD_HOURS};
use crate::workload::{
    ArrivalStream, InteractiveDemand, InteractiveService, Job, JobPool, MAX_CLASSES, Served, Shares,
};
use serde::{Deserialize, Serialize};

/// Jobs, battery and clock of a site, and the course that FIFO takes beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteState {
    /// Released, unfinished jobs.
    pub jobs: JobPool,
    /// The same under FIFO: every job at arrival, at home, at full power.
    pub fifo_jobs: JobPool,
    /// Energy in the battery.
    pub stored: MegawattHours,
    /// Age and wear of the battery.
    pub health: BatteryHealth,
    /// Meter, offers and events, where flexibility is sold or asked for.
    pub desk: Option<FlexDesk>,
    /// Interactive IT load of the present period.
    pub interactive: Megawatts,
    /// Interactive requests of the present period, and what serving them takes.
    pub demand: InteractiveDemand,
    /// Jobs on their way here.
    pub inbound: Vec<Transfer>,
    /// Data that the link still has to send, and to receive.
    pub(super) link_gb: LinkBacklog,
    /// IT energy of each class in the last period, less what FIFO gave it, MWh.
    pub(super) ahead_mwh: [f64; MAX_CLASSES],
    stream: ArrivalStream,
}

/// A job between two sites.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// First period in which it may run.
    pub arrives: i32,
    /// The job.
    pub job: Job,
}

/// Data waiting for a site's link, GB.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct LinkBacklog {
    /// To be sent.
    pub out: f64,
    /// To be received.
    pub into: f64,
}

/// What FIFO does in one period.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FifoPeriod {
    /// IT energy, interactive and jobs.
    pub it_mwh: f64,
    /// Import from the grid.
    pub import_mwh: f64,
    /// Cost as the score counts it, without the settlement of the end.
    pub cost_gbp: f64,
    /// IT energy of each class.
    pub by_class_mwh: [f64; MAX_CLASSES],
}

/// Jobs sent away in one period.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Sent {
    /// Their number.
    pub jobs: u32,
    /// Their data.
    pub data_gb: f64,
    /// Work thrown away because running jobs were moved.
    pub lost: MegawattHours,
}

impl SiteState {
    /// An empty site.
    pub fn new(setup: &SiteSetup, place: &Place) -> Self {
        // Jobs that may move gather where they are wanted: twice as many as arrive here, or the queue grows.
        let factor = |class: usize| {
            let moves = setup.places().len() > 1 && place.config.workload.classes[class].migratable;
            if moves { 2 } else { 1 }
        };
        let room = |class: usize| place.generator.most_jobs(class) * factor(class);
        let classes = 0..place.rules.len();
        Self {
            jobs: JobPool::with_room(classes.clone().map(room)),
            fifo_jobs: JobPool::with_room(classes.clone().map(room)),
            stored: initial_stored(place),
            health: BatteryHealth::new(&place.config.battery),
            desk: setup.config.has_flex().then(|| FlexDesk::new(setup)),
            interactive: Megawatts::ZERO,
            demand: InteractiveDemand::default(),
            inbound: Vec::with_capacity(classes.map(|class| (factor(class) - 1) * room(class)).sum()),
            link_gb: LinkBacklog::default(),
            ahead_mwh: [0.0; MAX_CLASSES],
            stream: ArrivalStream::new(SeedTree::new(0)),
        }
    }

    /// Forgets everything and lets FIFO play the periods before an episode that starts at index `start` of the trace,
    /// so that it begins with jobs in progress.
    pub(super) fn begin(&mut self, setup: &SiteSetup, place: &Place, seed: SeedTree, start: usize) {
        self.jobs.clear();
        self.fifo_jobs.clear();
        self.inbound.clear();
        self.link_gb = LinkBacklog::default();
        self.ahead_mwh = [0.0; MAX_CLASSES];
        self.health = BatteryHealth::new(&place.config.battery);
        self.stored = initial_stored(place);
        self.stream = ArrivalStream::new(seed);
        if let Some(desk) = &mut self.desk {
            desk.clear();
        }
        for at in start - setup.warm_up()..start {
            let t = at as i32 - start as i32;
            self.draw(setup, place, at, t, |_| ());
            let fifo = self.advance_fifo(setup, place, at, t, 0);
            if let Some(desk) = &mut self.desk {
                desk.watch(setup, at, fifo.import_mwh);
            }
        }
        self.fifo_jobs.refresh(&place.rules, 0);
        self.jobs.copy_from(&self.fifo_jobs);
    }

    /// Lets the work of a period arrive at FIFO, and shows it to `see`.
    pub(super) fn draw(&mut self, setup: &SiteSetup, place: &Place, at: usize, t: i32, mut see: impl FnMut(Job)) {
        let Self { fifo_jobs, stream, .. } = self;
        self.demand = place.generator.draw(stream, setup.trace.local(at), t, |job| {
            see(job);
            fifo_jobs.append(&place.rules, job);
        });
        self.interactive = within_machines(place, self.demand.power_mw);
    }

    /// Lets the work of period `t`, index `at` of the trace, arrive in both courses.
    pub(super) fn arrive(&mut self, setup: &SiteSetup, place: &Place, at: usize, t: i32) {
        let Self { jobs, fifo_jobs, stream, inbound, .. } = self;
        self.demand = place.generator.draw(stream, setup.trace.local(at), t, |job| {
            jobs.push(&place.rules, job, t);
            fifo_jobs.append(&place.rules, job);
        });
        self.interactive = within_machines(place, self.demand.power_mw);
        if !inbound.is_empty() {
            jobs.merge(&place.rules, inbound, |transfer| (transfer.arrives <= t).then_some(transfer.job), t);
            inbound.retain(|transfer| transfer.arrives > t);
        }
    }

    /// Whether a saved site belongs to a scenario, at index `at` of the trace.
    pub(super) fn fits(&self, setup: &SiteSetup, place: &Place, at: usize) -> bool {
        let classes = place.rules.len();
        let battery = &place.config.battery;
        let desk = self.desk.as_ref();
        let amount = |x: f64| x >= 0.0 && x.is_finite();
        desk.is_some() == setup.config.has_flex()
            && desk.is_none_or(|desk| desk.fits(setup, at))
            && [&self.jobs, &self.fifo_jobs].iter().all(|jobs| jobs.is_sound(classes))
            && self.inbound.iter().all(|t| usize::from(t.job.class) < classes && t.job.is_sound())
            && (0.0..=battery.capacity_mwh).contains(&self.stored.0)
            && self.health.is_sound()
            && amount(self.interactive.0)
            && amount(self.link_gb.out)
            && amount(self.link_gb.into)
            && self.stream.is_sound()
    }

    /// Brings what sites work on into the cache, all at once; see [`JobPool::warm_sums`].
    ///
    /// `at` is the index in the trace of the period to be played.
    pub(super) fn warm(sites: &[Self], places: &[Place], at: usize) {
        let mut sum = 0;
        for (site, place) in sites.iter().zip(places) {
            sum ^= place.warm(at) ^ site.stream.warm() ^ site.interactive.0.to_bits();
            sum ^= site.inbound.len() as u64;
            sum ^= site.jobs.warm_sums() ^ site.fifo_jobs.warm_sums() ^ site.stored.0.to_bits();
            sum ^= site.link_gb.out.to_bits() ^ site.demand.tokens.to_bits();
        }
        for site in sites {
            sum ^= site.jobs.warm_queues() ^ site.fifo_jobs.warm_queues();
        }
        for site in sites {
            sum ^= site.jobs.warm_jobs() ^ site.fifo_jobs.warm_jobs();
        }
        std::hint::black_box(sum);
    }

    /// Bytes of its buffers.
    pub(super) fn buffer_bytes(&self) -> usize {
        self.jobs.buffer_bytes()
            + self.fifo_jobs.buffer_bytes()
            + self.inbound.capacity() * size_of::<Transfer>()
            + self.desk.as_ref().map_or(0, FlexDesk::buffer_bytes)
    }

    /// Work truly left here or on its way here.
    pub fn queued(&self) -> MegawattHours {
        self.jobs.queued() + MegawattHours(self.inbound.iter().map(|transfer| transfer.job.left_mwh()).sum())
    }

    /// Plays one period, of both courses; `gated` marks the classes that may not run unless they must.
    pub(super) fn advance(
        &mut self,
        setup: &SiteSetup,
        place: &Place,
        at: usize,
        t: i32,
        action: &SiteAction,
        gated: u16,
        sent: Sent,
    ) -> StepAccount {
        let limit = import_limit(setup, place, at);
        let battery = &place.config.battery;
        let service = self.serve_interactive(place, action);
        let interactive = Megawatts(service.power_mw);
        let transfer = MegawattHours(sent.data_gb * place.config.migration.energy_kwh_per_gb / 1000.0);
        // Data on its way out takes its power before the jobs do.
        let left = limit - (transfer * place.config.pue).per_period();
        let firm = place.it_limit_within(left, at) - interactive;
        // What must run may draw on the battery beyond the grid connection; what can wait may not.
        let carried = left + self.deliverable(place);
        let capacity = place.it_limit_within(carried, at) - interactive;
        let mut run = action.run;
        close(&mut run, gated);
        let mut dispatch = Shares::new(&run, &action.cap);
        let served = self.jobs.serve_within(&place.rules, &place.priority, &mut dispatch, capacity, firm, t);
        let it = interactive.over_period() + served.energy;
        let flow = self.operate_battery(place, at, action, limit, (it + transfer) * place.config.pue);
        self.stored = flow.stored;
        self.health.advance(battery, &flow);
        let mut account = account_energy(place, at, it, transfer, limit, &flow);
        self.account_jobs(place, at, &served, gated, sent, &mut account);
        self.account_inference(place, &service, &mut account);
        account.value_lost_gbp += self.value_lost_on_the_way(place, t + 1);
        let fifo = self.advance_fifo(setup, place, at, t, gated);
        let classes = served.by_class_mwh.iter().zip(&fifo.by_class_mwh);
        self.ahead_mwh.iter_mut().zip(classes).for_each(|(ahead, (own, fifo))| *ahead = own - fifo);
        account.fifo_cost_gbp = fifo.cost_gbp;
        account.shifted_mwh = 0.5 * (account.it_mwh - fifo.it_mwh).abs();
        if let Some(desk) = &mut self.desk {
            let offer = Megawatts(action.offer * setup.config.p415.max_offer_mw);
            let metered = Metered { import_mwh: account.import_mwh, fifo_import_mwh: fifo.import_mwh, offer };
            desk.settle(setup, place, at, metered, &mut account);
        }
        account
    }

    /// Jobs on their way lose value as those that wait do.
    fn value_lost_on_the_way(&self, place: &Place, next: i32) -> f64 {
        if place.rules.iter().all(|rules| rules.value_steps.is_empty()) {
            return 0.0;
        }
        let jobs = self.inbound.iter().map(|transfer| &transfer.job);
        jobs.map(|job| job.value_lost_gbp(&place.rules[usize::from(job.class)], next)).sum()
    }

    /// Plays one period of FIFO.
    pub(super) fn advance_fifo(
        &mut self,
        setup: &SiteSetup,
        place: &Place,
        at: usize,
        t: i32,
        gated: u16,
    ) -> FifoPeriod {
        let mut run = [1.0; MAX_CLASSES];
        close(&mut run, gated);
        let capacity = place.it_limit_within(import_limit(setup, place, at), at) - self.interactive;
        let served = self.fifo_jobs.serve_at_once(&place.rules, &place.priority, &run, gated == 0, capacity, t);
        let it_mwh = self.interactive.over_period().0 + served.energy.0;
        let net = it_mwh * place.config.pue - Megawatts(place.solar_mw(at)).over_period().0;
        let import_mwh = net.max(0.0);
        let curtails = net < 0.0 && place.curtails(at);
        let export_mwh = if curtails { 0.0 } else { (-net).max(0.0).min(place.export_limit().over_period().0) };
        let energy = import_mwh * place.full_price(at) - export_mwh * place.export_price(at) + place.fixed_gbp(at);
        let mut service = lateness_gbp(place, served.late) + served.value_lost_gbp;
        service += self.inference_gbp_at(place, SiteAction::fifo().serve);
        FifoPeriod { it_mwh, import_mwh, cost_gbp: energy + service, by_class_mwh: served.by_class_mwh }
    }

    /// Largest power that the battery can deliver over the coming period.
    fn deliverable(&self, place: &Place) -> Megawatts {
        let battery = &place.config.battery;
        deliverable(battery, self.stored.min(self.health.capacity(battery)))
    }

    fn operate_battery(
        &self,
        place: &Place,
        at: usize,
        action: &SiteAction,
        limit: Megawatts,
        facility: MegawattHours,
    ) -> BatteryFlow {
        let battery = &place.config.battery;
        let net = facility.per_period() - Megawatts(place.solar_mw(at));
        let over = net - limit;
        let mut set_point = battery.set_point(action.battery);
        if over.0 > 0.0 {
            // The battery carries what the grid connection cannot.
            set_point = set_point.min(-over.min(self.deliverable(place)));
        }
        let most = battery.discharge_limit(net, place.export_limit());
        operate_within(battery, self.health.capacity(battery), self.stored, set_point, -over, most)
    }

    /// Serves the interactive demand: at full speed, or as the action says where the scenario has that control.
    fn serve_interactive(&self, place: &Place, action: &SiteAction) -> InteractiveService {
        let mut service = if place.config.controls.power_cap {
            place.generator.interactive().serve(&self.demand, action.serve)
        } else {
            InteractiveService { power_mw: self.demand.power_mw, latency_ms_per_token: 0.0, served_share: 1.0 }
        };
        let power = within_machines(place, service.power_mw).0;
        if power < service.power_mw {
            service.served_share *= power / service.power_mw;
            service.power_mw = power;
        }
        service
    }

    /// The least power that the present demand can be served with.
    pub(super) fn least_interactive(&self, place: &Place) -> Megawatts {
        let least = SiteAction { serve: 0.0, ..SiteAction::fifo() };
        Megawatts(self.serve_interactive(place, &least).power_mw)
    }

    fn account_inference(&self, place: &Place, service: &InteractiveService, account: &mut StepAccount) {
        let millions = self.demand.inferences / 1e6;
        account.interactive_mwh = Megawatts(service.power_mw).over_period().0;
        account.inferences_millions = millions * service.served_share;
        account.inferences_unserved_millions = millions * (1.0 - service.served_share);
        account.inferences_slow_millions = if is_slow(place, service) { account.inferences_millions } else { 0.0 };
        account.inference_gbp = self.inference_gbp(place, service);
    }

    /// Charge for inference in the coming period if it is served at a level.
    pub(super) fn inference_gbp_at(&self, place: &Place, level: f64) -> f64 {
        let action = SiteAction { serve: level, ..SiteAction::fifo() };
        self.inference_gbp(place, &self.serve_interactive(place, &action))
    }

    /// Charge for the tokens that were not served, and for those that came too slowly.
    fn inference_gbp(&self, place: &Place, service: &InteractiveService) -> f64 {
        let config = &place.config.workload.interactive;
        let slow =
            if is_slow(place, service) { service.served_share * config.slow_gbp_per_million_tokens } else { 0.0 };
        let unserved = (1.0 - service.served_share) * config.unserved_gbp_per_million_tokens;
        self.demand.tokens / 1e6 * (slow + unserved)
    }

    fn account_jobs(
        &self,
        place: &Place,
        at: usize,
        served: &Served,
        gated: u16,
        sent: Sent,
        account: &mut StepAccount,
    ) {
        account.lateness_gbp = lateness_gbp(place, served.late);
        account.value_lost_gbp = served.value_lost_gbp;
        account.migration_gbp = sent.data_gb * place.config.migration.cost_gbp_per_gb;
        account.jobs_migrated = f64::from(sent.jobs);
        account.late_mwh = served.late.0;
        account.late_by_estimate_mwh = served.late_by_estimate.0;
        account.checkpoint_lost_mwh = served.lost.0 + sent.lost.0;
        account.work_mwh = served.work.0;
        account.jobs_in_time = f64::from(served.finished_in_time);
        account.jobs_late = f64::from(served.finished_late);
        account.jobs_late_by_estimate = f64::from(served.finished_late_by_estimate);
        account.live_jobs = self.jobs.len() as f64;
        let carbon = place.carbon(at);
        for (c, class) in place.config.workload.classes.iter().enumerate() {
            if class.carbon_threshold_gco2_kwh.is_some_and(|threshold| carbon > threshold) {
                account.threshold_breach_mwh += served.by_class_mwh[c];
            }
            if class.green_only && gated & (1 << c) != 0 {
                account.green_breach_mwh += served.by_class_mwh[c];
            }
        }
    }
}

/// Energy in the battery at the start of an episode: no more than a battery that has aged before can hold.
pub(super) fn initial_stored(place: &Place) -> MegawattHours {
    let battery = &place.config.battery;
    if battery.fade.shrinks_capacity {
        battery.initial_stored().min(BatteryHealth::new(battery).capacity(battery))
    } else {
        battery.initial_stored()
    }
}

/// What may be drawn from the grid in a period: the connection, or less if the grid asks for it.
fn import_limit(setup: &SiteSetup, place: &Place, at: usize) -> Megawatts {
    let connection = Megawatts(place.config.import_limit_mw);
    if place.config.events.is_empty() {
        return connection;
    }
    let event = setup.events().active_at(setup.trace.period(at));
    event.and_then(|event| event.import_cap(connection)).unwrap_or(connection)
}

/// Whether half of the requests wait longer for a token than the limit says.
fn is_slow(place: &Place, service: &InteractiveService) -> bool {
    service.latency_ms_per_token > place.config.workload.interactive.latency_limit_ms_per_token
}

/// Interactive power that the machines of a site can give; what is beyond goes unserved.
fn within_machines(place: &Place, power_mw: f64) -> Megawatts {
    Megawatts(power_mw.min(place.config.it_capacity_mw))
}

fn close(run: &mut [f64; MAX_CLASSES], gated: u16) {
    if gated != 0 {
        run.iter_mut().enumerate().filter(|(c, _)| gated & (1 << c) != 0).for_each(|(_, share)| *share = 0.0);
    }
}

/// Charge for work that is late during a period.
pub(super) fn lateness_gbp(place: &Place, late: MegawattHours) -> f64 {
    late.0 * PERIOD_HOURS * place.config.lateness_gbp_per_mwh_hour
}

fn account_energy(
    place: &Place,
    at: usize,
    it: MegawattHours,
    transfer: MegawattHours,
    limit: Megawatts,
    flow: &BatteryFlow,
) -> StepAccount {
    let solar = Megawatts(place.solar_mw(at)).over_period();
    let facility = (it + transfer) * place.config.pue;
    let load = facility + flow.charged - flow.discharged;
    let surplus = (solar - load).max(MegawattHours::ZERO);
    // The sun serves the site first. What it leaves feeds the grid unless that costs money; a battery does what it is told.
    let sun_left = solar - facility - flow.charged;
    let curtails = sun_left.0 > 0.0 && place.curtails(at);
    let offered = if curtails { flow.discharged.min(surplus) } else { surplus };
    let export = offered.min(place.export_limit().over_period());
    // Below zero the battery delivers more than the facility takes: then even the sun is for export alone.
    let curtailed = (surplus - export).min(solar);
    let used = solar - curtailed;
    let import = (load - solar).max(MegawattHours::ZERO);
    let carbon_t = import.0 * place.carbon(at) / 1000.0;
    StepAccount {
        energy_gbp: import.0 * place.paid_price(at) - export.0 * place.export_price(at) + place.fixed_gbp(at),
        charges_gbp: import.0 * place.charges(at),
        carbon_gbp: carbon_t * place.config.carbon_price_gbp_per_tonne,
        wear_gbp: flow.discharged.0 * place.config.battery.wear_gbp_per_mwh,
        carbon_t,
        import_mwh: import.0,
        export_mwh: export.0,
        it_mwh: it.0,
        transfer_mwh: transfer.0,
        facility_mwh: facility.0,
        solar_used_mwh: used.0,
        solar_curtailed_mwh: curtailed.0,
        charged_mwh: flow.charged.0,
        discharged_mwh: flow.discharged.0,
        battery_lost_mwh: flow.lost.0,
        import_breach_mwh: (import - limit.over_period()).0.max(0.0),
        ..StepAccount::default()
    }
}

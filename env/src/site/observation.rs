//! What a policy sees: the one crossing from physics (`f64`) to tensors (`f32`).
//!
//! In: a setup and an episode. Out: a flat observation, and a [`SiteView`] per site for rules that think in pounds and MW.
//! Always: both read only what is known when the period is decided. The interactive load and the jobs of the present
//! period are known at its start. Not here: the grid part (`grid_features.rs`).

use super::action::{ActionLayout, SiteAction};
use super::config::SiteConfig;
use super::episode::Episode;
use super::flex::DeskView;
use super::gate::gated_classes;
use super::grid_features::{GRID_FEATURES, grid_schema};
use super::setup::{FORECAST_LEN, Place, SiteSetup};
use super::state::SiteState;
use crate::core::{ObservationField, ObservationSchema};
use crate::grid::{ForecastSource, Knowledge};
use crate::market::events::FlexEvent;
use crate::units::{MegawattHours, Megawatts, PERIOD_HOURS};
use crate::workload::{ClassView, Job, URGENCY};

/// Site numbers that do not belong to a class.
const SITE_FEATURES: usize = 4;
/// Site numbers that only a fleet has.
const FLEET_FEATURES: usize = 5;
/// Numbers about the next event.
const EVENT_FEATURES: usize = 7;
/// Numbers about what was sold, and baselines.
const DESK_FEATURES: usize = 4;
/// Numbers per job class.
const CLASS_FEATURES: usize = 7;
const CLIP: f64 = 5.0;

/// The sites of an environment at the moment of decision.
#[derive(Clone, Copy)]
pub struct FleetView<'a> {
    setup: &'a SiteSetup,
    episode: &'a Episode,
    layout: &'a ActionLayout,
}

/// What a site knows at the moment of decision, in natural units, for rules and planners.
#[derive(Clone, Copy)]
pub struct SiteView<'a> {
    pub(super) setup: &'a SiteSetup,
    pub(super) place: &'a Place,
    pub(super) episode: &'a Episode,
    pub(super) state: &'a SiteState,
}

impl<'a> FleetView<'a> {
    pub(super) fn new(setup: &'a SiteSetup, episode: &'a Episode, layout: &'a ActionLayout) -> Self {
        Self { setup, episode, layout }
    }

    /// The scenario.
    pub fn config(&self) -> &'a SiteConfig {
        &self.setup.config
    }

    /// Number of sites.
    pub fn len(&self) -> usize {
        self.episode.sites.len()
    }

    /// Never: there is one site at least.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One site.
    pub fn site(&self, i: usize) -> SiteView<'a> {
        let (place, state) = (&self.setup.places()[i], &self.episode.sites[i]);
        SiteView { setup: self.setup, place, episode: self.episode, state }
    }

    /// Asks `decide` for each site's action and writes the flat action of all.
    pub fn decide_each(&self, action: &mut [f32], mut decide: impl FnMut(&SiteView<'a>) -> SiteAction) {
        for (i, flat) in action.chunks_mut(self.layout.width()).enumerate() {
            self.layout.write(&decide(&self.site(i)), flat);
        }
    }

    /// Replaces the battery set-points of one flat action by those of another.
    pub fn take_batteries(&self, from: &[f32], into: &mut [f32]) {
        self.layout.copy_battery(from, into);
    }

    /// Writes the observation.
    pub(super) fn encode(&self, out: &mut [f32]) {
        let at = self.episode.at().min(self.setup.trace.len() - 1);
        let (grid, sites) = out.split_at_mut(GRID_FEATURES);
        grid.copy_from_slice(self.setup.grid_features(at));
        let width = sites.len() / self.len();
        let config = &self.setup.config;
        let flex = flex_features(config);
        for (i, out) in sites.chunks_mut(width).enumerate() {
            let (out, shared) = out.split_at_mut(width - fleet_features(self.len()));
            let (own, flex) = out.split_at_mut(out.len() - flex);
            let site = self.site(i);
            site.encode(at, own);
            if !flex.is_empty() {
                site.encode_desk(at, flex);
            }
            if !shared.is_empty() {
                site.encode_place(at, shared);
            }
        }
    }
}

impl<'a> SiteView<'a> {
    /// The scenario as this site sees it.
    pub fn config(&self) -> &'a SiteConfig {
        &self.place.config
    }

    /// The site and what it meets; its prices of the future are for the score alone.
    pub fn place(&self) -> &'a Place {
        self.place
    }

    /// Index of the period in the trace.
    pub fn now(&self) -> usize {
        self.episode.at()
    }

    /// Grid values known now.
    pub fn known(&self) -> Knowledge<'a> {
        self.setup.knowledge(self.now())
    }

    /// What is forecast by.
    pub fn forecast_source(&self) -> &'a dyn ForecastSource {
        self.setup.forecast_source().as_ref()
    }

    /// Forecast of the full price from now on, GBP/MWh.
    pub fn forecast(&self) -> &'a [f32] {
        self.place.forecast(self.now())
    }

    /// Network and policy charges in period `t` of the trace, or beyond its end.
    pub fn charges(&self, t: usize) -> f64 {
        let known = self.trace_len() + FORECAST_LEN;
        if t < known { self.place.charges(t) } else { self.place.config.tariff.charges(self.local(t)) }
    }

    /// Energy in the battery, MWh.
    pub fn stored_mwh(&self) -> f64 {
        self.state.stored.value()
    }

    /// Interactive IT load of the period, MW.
    pub fn interactive_mw(&self) -> f64 {
        self.state.interactive.value()
    }

    /// What inferences unserved or too slow would cost in the coming period, GBP, if interactive inference were served at
    /// this level, from 0 (on few replicas, capped) to 1.
    pub fn inference_gbp(&self, level: f64) -> f64 {
        self.state.inference_gbp_at(self.place, level)
    }

    /// Summary of a job class.
    pub fn class(&self, class: usize) -> &'a ClassView {
        self.state.jobs.view(class)
    }

    /// Jobs of a class, earliest deadline first; their periods count from the start of the episode. Rules that play
    /// fair look at their estimates, not at their true work.
    pub fn jobs(&self, class: usize) -> &'a [Job] {
        self.state.jobs.jobs(class)
    }

    /// Whether the scenario keeps a class from running now unless it must.
    pub fn is_gated(&self, class: usize) -> bool {
        gated_classes(self.place, self.now()) & (1 << class) != 0
    }

    /// What was sold ahead, and baselines; all zero where no flexibility is sold or asked for.
    pub fn desk(&self) -> DeskView {
        let at = self.now().min(self.setup.trace.len() - 1);
        self.state.desk.as_ref().map_or_else(DeskView::default, |desk| desk.view(self.setup, at))
    }

    /// The running event, or the next one that is published.
    pub fn event(&self) -> Option<&'a FlexEvent> {
        let now = self.setup.trace.period(self.now().min(self.setup.trace.len() - 1));
        self.setup.events().next_visible(now, now)
    }

    /// Periods since the start of the episode.
    pub fn period(&self) -> usize {
        self.episode.t
    }

    fn encode(&self, at: usize, out: &mut [f32]) {
        let config = &self.place.config;
        let (site, classes) = out.split_at_mut(SITE_FEATURES);
        for (c, row) in classes.chunks_mut(CLASS_FEATURES).enumerate() {
            self.encode_class(c, row);
        }
        let must_run_mw = self.state.jobs.must_run().value();
        let capacity = config.battery.capacity_mwh;
        let charge = if capacity > 0.0 { 2.0 * self.stored_mwh() / capacity - 1.0 } else { 0.0 };
        let interactive = self.interactive_mw();
        let limit = self.place.it_limit(at.saturating_sub(1)).value();
        put(site, 0, charge);
        put(site, 1, interactive / config.it_capacity_mw);
        put(site, 2, must_run_mw / config.it_capacity_mw);
        put(site, 3, (limit - interactive - must_run_mw) / config.it_capacity_mw);
    }

    fn encode_class(&self, c: usize, out: &mut [f32]) {
        let view = self.class(c);
        let [per_mw, per_mwh] = self.place.class_scales[c];
        put(out, 0, per_mw * view.available_mw);
        put(out, 1, per_mw * view.must_run_mw);
        put(out, 2, per_mw * view.running_mw);
        put(out, 3, per_mwh * view.queued_mwh);
        view.urgent_mwh.iter().enumerate().for_each(|(i, mwh)| put(out, 4 + i, per_mwh * mwh));
    }

    fn encode_desk(&self, at: usize, out: &mut [f32]) {
        let capacity = self.place.config.it_capacity_mw;
        let now = self.setup.trace.period(at);
        let (event, desk) = out.split_at_mut(EVENT_FEATURES);
        event.fill(0.0);
        if let Some(next) = self.event() {
            let running = next.covers(now);
            let ahead = if running { 0.0 } else { (next.start - now) as f64 };
            put(event, 0, f64::from(u8::from(running)));
            put(event, 1, f64::from(u8::from(!running)));
            put(event, 2, ahead / 48.0);
            put(event, 3, (next.end() - now.max(next.start)) as f64 / 20.0);
            let baseline = MegawattHours(capacity * PERIOD_HOURS);
            put(event, 4, next.requested(baseline).0 / baseline.0);
            put(event, 5, next.import_cap(Megawatts(1.0)).map_or(0.0, |share| 1.0 - share.0));
            put(event, 6, (next.price_gbp_per_mwh + next.penalty_gbp_per_mwh) / 1000.0);
        }
        let view = self.desk();
        put(desk, 0, view.sold_mw / capacity);
        put(desk, 1, view.pending_mw / capacity);
        put(desk, 2, view.baseline_mw / capacity);
        put(desk, 3, view.offer_baseline_mw / capacity);
    }

    /// How the site differs from the first one, whose prices the grid features hold.
    fn encode_place(&self, at: usize, out: &mut [f32]) {
        let (own, first) = (self.place.outlook(at), self.setup.places()[0].outlook(at));
        let scale = 0.1 * f64::from(first.mean_gbp_per_mwh).abs().max(30.0);
        let now = |place: &Place| f64::from(place.forecast_now(at));
        put(out, 0, (now(self.place) - now(&self.setup.places()[0])) / scale);
        put(out, 1, f64::from(own.mean_4h_gbp_per_mwh - first.mean_4h_gbp_per_mwh) / scale);
        put(out, 2, f64::from(own.mean_gbp_per_mwh - first.mean_gbp_per_mwh) / scale);
        let capacity = self.place.config.it_capacity_mw;
        let inbound: f64 = self.state.inbound.iter().map(|transfer| transfer.job.power_mw).sum();
        put(out, 3, inbound / capacity);
        let solar = self.place.config.solar.capacity_mwp;
        put(out, 4, if solar > 0.0 { self.place.solar_mw(at.saturating_sub(1)) / solar } else { 0.0 });
    }
}

/// Numbers of a site whose scenario sells flexibility or is asked for it.
fn flex_features(config: &SiteConfig) -> usize {
    if config.has_flex() { EVENT_FEATURES + DESK_FEATURES } else { 0 }
}

fn fleet_features(sites: usize) -> usize {
    if sites > 1 { FLEET_FEATURES } else { 0 }
}

fn put(out: &mut [f32], i: usize, x: f64) {
    out[i] = x.clamp(-CLIP, CLIP) as f32;
}

/// Length of the observation of a scenario.
pub(super) fn observation_len(config: &SiteConfig) -> usize {
    let sites = config.sites.len().max(1);
    let classes = config.workload.classes.len();
    let site = SITE_FEATURES + classes * CLASS_FEATURES + flex_features(config) + fleet_features(sites);
    GRID_FEATURES + sites * site
}

/// Name, unit and scaling of each index.
pub fn observation_schema(config: &SiteConfig) -> ObservationSchema {
    let mut fields = grid_schema();
    if config.sites.is_empty() {
        fields.extend(site_schema(config, "", 1));
    }
    for plan in &config.sites {
        fields.extend(site_schema(config, &format!("{}_", plan.name), config.sites.len()));
    }
    ObservationSchema { fields }
}

fn site_schema(config: &SiteConfig, prefix: &str, sites: usize) -> Vec<ObservationField> {
    let mut fields = Vec::new();
    let mut add = |name: String, unit: &str, scaling: &str| {
        fields.push(ObservationField { name: format!("{prefix}{name}"), unit: unit.into(), scaling: scaling.into() });
    };
    add("battery_charge".into(), "MWh", "2 x / capacity - 1");
    add("interactive_load".into(), "MW", "/ IT capacity");
    add("must_run_load".into(), "MW", "/ IT capacity");
    add("free_capacity".into(), "MW", "after interactive and must-run load, / IT capacity");
    for class in &config.workload.classes {
        let name = &class.name;
        add(format!("{name}_available"), "MW", "/ (2 x mean power of the class)");
        add(format!("{name}_must_run"), "MW", "/ (2 x mean power of the class)");
        add(format!("{name}_running"), "MW", "/ (2 x mean power of the class)");
        add(format!("{name}_queued"), "MWh", "/ (2 x typical queue of the class)");
        for share in URGENCY {
            let percent = (100.0 * share) as u32;
            add(format!("{name}_slack_below_{percent}_percent"), "MWh", "/ (2 x typical queue of the class)");
        }
    }
    if flex_features(config) > 0 {
        let published = "of the running or next published event; 0 without one";
        add("event_running".into(), "1", "0 or 1");
        add("event_ahead".into(), "1", "0 or 1");
        add("event_starts_in".into(), "periods", "/ 48; of the next published event");
        add("event_periods_left".into(), "periods", &format!("/ 20, {published}"));
        add("event_depth".into(), "1", &format!("share of the baseline, or power / IT capacity, {published}"));
        add("event_import_cut".into(), "1", &format!("1 - cap / import limit, {published}"));
        add("event_price".into(), "GBP/MWh", &format!("payment and penalty / 1000, {published}"));
        add("turn_down_sold".into(), "MW", "for this period, / IT capacity");
        add("turn_down_pending".into(), "MW", "for the periods after it, summed, / IT capacity");
        add("baseline".into(), "MW", "of this period, / IT capacity; 0 if there is none");
        add("offer_baseline".into(), "MW", "of the period that an offer is for, / IT capacity; 0 if there is none");
    }
    if fleet_features(sites) > 0 {
        let scaling = "less that of the first site, / max(3, 10 % of its mean over the coming day)";
        add("price_now".into(), "GBP/MWh", scaling);
        add("price_4h".into(), "GBP/MWh", scaling);
        add("price_24h".into(), "GBP/MWh", scaling);
        add("inbound".into(), "MW", "power of the jobs on their way here, / IT capacity");
        add("solar_last".into(), "1", "output / capacity");
    }
    fields
}

//! What a policy sees: the one crossing from physics (`f64`) to tensors (`f32`).
//!
//! In: a setup, an episode, a state. Out: a flat observation, and a [`SiteView`] for rules that think in pounds and MW.
//! Always: both read only what is known when the period is decided. The interactive load and the jobs of the present
//! period are known at its start. Not here: the grid part (`grid_features.rs`).

use super::episode::Episode;
use super::grid_features::{GRID_FEATURES, grid_schema};
use super::setup::SiteSetup;
use super::state::{SiteState, it_limit};
use crate::core::{ObservationField, ObservationSchema};
use crate::grid::Knowledge;
use crate::units::PERIOD_HOURS;
use crate::workload::{ClassView, Job, JobClassConfig};

/// Site numbers that do not belong to a class.
const SITE_FEATURES: usize = 4;
/// Numbers per job class.
const CLASS_FEATURES: usize = 7;
/// Urgency is observed as work whose slack is below these shares of the class's slack.
const URGENCY: [f64; 3] = [0.25, 0.5, 0.75];
const CLIP: f64 = 5.0;

/// What is known at the moment of decision, in natural units, for rules and planners.
#[derive(Clone, Copy)]
pub struct SiteView<'a> {
    setup: &'a SiteSetup,
    episode: &'a Episode,
    state: &'a SiteState,
}

impl<'a> SiteView<'a> {
    pub(super) fn new(setup: &'a SiteSetup, episode: &'a Episode, state: &'a SiteState) -> Self {
        Self { setup, episode, state }
    }

    /// The scenario.
    pub fn config(&self) -> &'a super::config::SiteConfig {
        &self.setup.config
    }

    /// Index of the period in the trace.
    pub fn now(&self) -> usize {
        self.episode.window.start + self.state.t
    }

    /// Grid values known now.
    pub fn known(&self) -> Knowledge<'a> {
        self.setup.knowledge(self.now())
    }

    /// Forecast of the full price from now on, GBP/MWh.
    pub fn forecast(&self) -> &'a [f32] {
        self.setup.forecast(self.now())
    }

    /// Network and policy charges in period `t` of the trace.
    pub fn charges(&self, t: usize) -> f64 {
        self.setup.charges(t)
    }

    /// Energy in the battery, MWh.
    pub fn stored_mwh(&self) -> f64 {
        self.state.stored.value()
    }

    /// Interactive IT load of the period, MW.
    pub fn interactive_mw(&self) -> f64 {
        self.episode.arrivals.interactive_mw[self.state.t.min(self.episode.window.periods - 1)]
    }

    /// Summary of a job class.
    pub fn class(&self, class: usize) -> ClassView {
        self.state.jobs.view(&self.setup.config.workload.classes, class, self.state.t as i32)
    }

    /// Jobs of a class, earliest deadline first; their periods count from the start of the episode.
    pub fn jobs(&self, class: usize) -> &'a [Job] {
        self.state.jobs.jobs(class)
    }

    /// Periods since the start of the episode.
    pub fn period(&self) -> usize {
        self.state.t
    }

    /// Writes the observation.
    pub(super) fn encode(&self, out: &mut [f32]) {
        let at = self.now().min(self.setup.trace.len() - 1);
        out[..GRID_FEATURES].copy_from_slice(self.setup.grid_features(at));
        self.encode_site(at, &mut out[GRID_FEATURES..]);
    }

    fn encode_site(&self, at: usize, out: &mut [f32]) {
        let config = &self.setup.config;
        let (site, classes) = out.split_at_mut(SITE_FEATURES);
        let mut must_run_mw = 0.0;
        for (c, class) in config.workload.classes.iter().enumerate() {
            let row = &mut classes[c * CLASS_FEATURES..(c + 1) * CLASS_FEATURES];
            must_run_mw += self.encode_class(c, class, row);
        }
        let capacity = config.battery.capacity_mwh;
        let charge = if capacity > 0.0 { 2.0 * self.stored_mwh() / capacity - 1.0 } else { 0.0 };
        let interactive = self.interactive_mw();
        let limit = it_limit(self.setup, at.saturating_sub(1)).value();
        put(site, 0, charge);
        put(site, 1, interactive / config.it_capacity_mw);
        put(site, 2, must_run_mw / config.it_capacity_mw);
        put(site, 3, (limit - interactive - must_run_mw) / config.it_capacity_mw);
    }

    /// Writes a class's numbers and returns the power of its jobs that must run.
    fn encode_class(&self, c: usize, class: &JobClassConfig, out: &mut [f32]) -> f64 {
        let now = self.state.t as i32;
        let slack_periods = (class.slack_hours / PERIOD_HOURS).max(1.0);
        let mut urgent = [0.0; 3];
        let mut running_mw = 0.0;
        for job in self.state.jobs.jobs(c) {
            let slack = job.slack(now);
            for (sum, share) in urgent.iter_mut().zip(URGENCY) {
                *sum += if slack < share * slack_periods { job.remaining_mwh } else { 0.0 };
            }
            running_mw += if job.running { job.usable_mw() } else { 0.0 };
        }
        let view = self.class(c);
        let mean_mw = (class.energy_share * self.setup.config.workload.mean_it_mw).max(1e-6);
        let typical_mwh = mean_mw * (0.5 * class.slack_hours + class.duration_hours_median);
        put(out, 0, 0.5 * view.available_mw / mean_mw);
        put(out, 1, 0.5 * view.must_run_mw / mean_mw);
        put(out, 2, 0.5 * running_mw / mean_mw);
        put(out, 3, 0.5 * view.queued_mwh / typical_mwh);
        urgent.iter().enumerate().for_each(|(i, mwh)| put(out, 4 + i, 0.5 * mwh / typical_mwh));
        view.must_run_mw
    }
}

fn put(out: &mut [f32], i: usize, x: f64) {
    out[i] = x.clamp(-CLIP, CLIP) as f32;
}

/// Length of the observation for a number of job classes.
pub(super) fn observation_len(classes: usize) -> usize {
    GRID_FEATURES + SITE_FEATURES + classes * CLASS_FEATURES
}

/// Name, unit and scaling of each index.
pub fn observation_schema(setup: &SiteSetup) -> ObservationSchema {
    let mut fields = grid_schema();
    let mut add = |name: String, unit: &str, scaling: &str| {
        fields.push(ObservationField { name, unit: unit.into(), scaling: scaling.into() });
    };
    add("battery_charge".into(), "MWh", "2 x / capacity - 1");
    add("interactive_load".into(), "MW", "/ IT capacity");
    add("must_run_load".into(), "MW", "/ IT capacity");
    add("free_capacity".into(), "MW", "after interactive and must-run load, / IT capacity");
    for class in &setup.config.workload.classes {
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
    ObservationSchema { fields }
}

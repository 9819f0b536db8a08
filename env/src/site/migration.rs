//! Geographic migration: waiting jobs, and running ones if the scenario lets them, move to another site.
//!
//! In: how much each site sends and how willing each is to receive. Out: jobs in transit, and what sending costs.
//! Always: jobs are conserved; a job moves only where its data may be held and where it can still meet its deadline;
//! links carry no more than their bandwidth. Not here: what the transfer's energy costs (`state.rs`).

use super::action::SiteAction;
use super::config::MAX_SITES;
use super::setup::Place;
use super::state::{Sent, SiteState, Transfer};
use crate::units::{MegawattHours, PERIOD_HOURS};
use crate::workload::{ClassRules, Job};

/// GB that a link of 1 Gbit/s carries in one period.
const GB_PER_GBIT_PERIOD: f64 = PERIOD_HOURS * 3600.0 / 8.0;

/// Moves jobs at the start of period `t`; returns what each site sent.
pub(super) fn migrate(places: &[Place], states: &mut [SiteState], actions: &[SiteAction], t: i32) -> [Sent; MAX_SITES] {
    let mut sent = [Sent::default(); MAX_SITES];
    if actions.iter().all(|a| a.send == 0.0) || actions.iter().all(|a| a.receive == 0.0) {
        return sent;
    }
    // What a site offers: its will to receive, less its load; sites that receive nothing are out of the question.
    let mut scores = [f64::NEG_INFINITY; MAX_SITES];
    for ((score, action), (place, state)) in scores.iter_mut().zip(actions).zip(places.iter().zip(states.iter())) {
        if action.receive > 0.0 {
            *score = action.receive - expected_load(place, state);
        }
    }
    for from in 0..places.len() {
        if actions[from].send > 0.0 {
            sent[from] = send_from(from, places, states, actions[from].send, t, &mut scores);
        }
    }
    sent
}

/// Lets the links of a site carry for one period.
pub(super) fn drain_link(place: &Place, state: &mut SiteState) {
    let carried = place.config.migration.bandwidth_gbit_per_s * GB_PER_GBIT_PERIOD;
    state.link_gb.out = (state.link_gb.out - carried).max(0.0);
    state.link_gb.into = (state.link_gb.into - carried).max(0.0);
}

/// Load of a site as a share of its IT capacity if it ran everything it holds and expects.
fn expected_load(place: &Place, state: &SiteState) -> f64 {
    let jobs: f64 = (0..place.rules.len()).map(|c| state.jobs.view(c).available_mw).sum();
    let inbound: f64 = state.inbound.iter().map(|transfer| transfer.job.power_mw).sum();
    (state.interactive.0 + jobs + inbound) / place.config.it_capacity_mw
}

fn send_from(
    from: usize,
    places: &[Place],
    states: &mut [SiteState],
    share: f64,
    t: i32,
    scores: &mut [f64; MAX_SITES],
) -> Sent {
    let mut sent = Sent::default();
    let bandwidth = places[from].config.migration.bandwidth_gbit_per_s * GB_PER_GBIT_PERIOD;
    for (class, rules) in places[from].rules.iter().enumerate() {
        if !places[from].config.workload.classes[class].migratable {
            continue;
        }
        let open = sites_open_to(class, from, places);
        let view = states[from].jobs.view(class);
        let mut budget_mw = share * (view.available_mw - view.must_run_mw);
        let mut moved = false;
        // The most patient jobs first: they lose least by the journey.
        for at in (0..states[from].jobs.jobs(class).len()).rev() {
            let job = &states[from].jobs.jobs(class)[at];
            let usable = job.usable_mw(rules);
            if usable > budget_mw + 1e-9 || !may_leave(job, rules, &places[from]) {
                continue;
            }
            let journey = Journey::new(job, rules, t, bandwidth, states[from].link_gb.out);
            let Some((to, arrives)) = journey.destination(open, states, scores) else { continue };
            let mut job = states[from].jobs.remove(class, at);
            moved = true;
            budget_mw -= usable;
            scores[from] += usable / places[from].config.it_capacity_mw;
            scores[to] -= usable / places[to].config.it_capacity_mw;
            sent.jobs += 1;
            sent.data_gb += f64::from(job.data_gb);
            sent.lost += stop(&mut job, rules);
            states[from].link_gb.out += f64::from(job.data_gb);
            states[to].link_gb.into += f64::from(job.data_gb);
            states[to].inbound.push(Transfer { arrives, job });
        }
        if moved {
            states[from].jobs.refresh_class(class, rules, t);
        }
    }
    sent
}

/// One bit per other site that may hold the data of a class.
fn sites_open_to(class: usize, from: usize, places: &[Place]) -> u32 {
    let bit = |(to, place): (usize, &Place)| u32::from(to != from && place.may_hold(class)) << to;
    places.iter().enumerate().map(bit).sum()
}

fn may_leave(job: &Job, rules: &ClassRules, place: &Place) -> bool {
    let started = job.left_periods < job.work_periods;
    !job.must_run
        && (!job.running || (place.config.migration.running_jobs && rules.interruptible))
        && (rules.interruptible || !started)
}

/// What a job's journey depends on, wherever it goes.
struct Journey {
    t: i32,
    /// Latest arrival from which its deadline can be met.
    latest: f64,
    data_gb: f64,
    bandwidth: f64,
    /// Data to send, its own included.
    out_gb: f64,
}

impl Journey {
    fn new(job: &Job, rules: &ClassRules, t: i32, bandwidth: f64, out_gb: f64) -> Self {
        let needed = job.expected_periods(rules) + if job.running { job.lost_by_pausing(rules) } else { 0.0 };
        let (latest, data_gb) = (f64::from(job.deadline) - needed, f64::from(job.data_gb));
        Self { t, latest, data_gb, bandwidth, out_gb: out_gb + data_gb }
    }

    /// First period after so much data has passed a link.
    fn after(&self, gb: f64) -> i32 {
        let periods = gb / self.bandwidth;
        let whole = periods as i32;
        self.t + (whole + i32::from(periods > f64::from(whole))).max(1)
    }

    /// The site with the best score among those that are open to the job and that it reaches in time for its deadline,
    /// and when it gets there.
    fn destination(&self, mut open: u32, states: &[SiteState], scores: &[f64; MAX_SITES]) -> Option<(usize, i32)> {
        if f64::from(self.after(self.out_gb)) > self.latest {
            return None;
        }
        loop {
            let mut best = (f64::NEG_INFINITY, usize::MAX);
            for (to, score) in scores[..states.len()].iter().enumerate() {
                if *score > best.0 && open & (1 << to) != 0 {
                    best = (*score, to);
                }
            }
            let to = best.1;
            if to == usize::MAX {
                return None;
            }
            let arrives = self.after(self.out_gb.max(states[to].link_gb.into + self.data_gb));
            if f64::from(arrives) <= self.latest {
                return Some((to, arrives));
            }
            open &= !(1 << to);
        }
    }
}

/// Stops a job for the journey; returns the work that is thrown away.
fn stop(job: &mut Job, rules: &ClassRules) -> MegawattHours {
    if !job.running {
        return MegawattHours::ZERO;
    }
    let lost = job.lost_by_pausing(rules);
    job.left_periods += lost;
    job.running = false;
    MegawattHours(lost * job.power_mw * PERIOD_HOURS)
}

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
    let mut load: [f64; MAX_SITES] =
        std::array::from_fn(|i| states.get(i).map_or(0.0, |s| expected_load(&places[i], s)));
    for from in 0..places.len() {
        if actions[from].send > 0.0 {
            sent[from] = send_from(from, places, states, actions, t, &mut load);
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
    actions: &[SiteAction],
    t: i32,
    load: &mut [f64; MAX_SITES],
) -> Sent {
    let mut sent = Sent::default();
    for (class, rules) in places[from].rules.iter().enumerate() {
        if !places[from].config.workload.classes[class].migratable {
            continue;
        }
        let view = states[from].jobs.view(class);
        let mut budget_mw = actions[from].send * (view.available_mw - view.must_run_mw);
        let mut moved = false;
        // The most patient jobs first: they lose least by the journey.
        for at in (0..states[from].jobs.jobs(class).len()).rev() {
            let job = states[from].jobs.jobs(class)[at];
            let usable = job.usable_mw(rules);
            if usable > budget_mw + 1e-9 {
                continue;
            }
            if !may_leave(&job, rules, &places[from]) {
                continue;
            }
            let Some((to, arrives)) = destination(from, &job, rules, places, states, actions, t, load) else {
                continue;
            };
            let mut job = states[from].jobs.remove(class, at);
            moved = true;
            budget_mw -= usable;
            load[from] -= usable / places[from].config.it_capacity_mw;
            load[to] += usable / places[to].config.it_capacity_mw;
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

fn may_leave(job: &Job, rules: &ClassRules, place: &Place) -> bool {
    let started = job.left_periods < job.work_periods;
    !job.must_run
        && (!job.running || (place.config.migration.running_jobs && rules.interruptible))
        && (rules.interruptible || !started)
}

/// The willing site with the most room among those that may hold the job's data and reach its deadline.
fn destination(
    from: usize,
    job: &Job,
    rules: &ClassRules,
    places: &[Place],
    states: &[SiteState],
    actions: &[SiteAction],
    t: i32,
    load: &[f64; MAX_SITES],
) -> Option<(usize, i32)> {
    let mut best: Option<(f64, usize, i32)> = None;
    for to in (0..places.len()).filter(|to| *to != from && actions[*to].receive > 0.0) {
        let score = actions[to].receive - load[to];
        if best.is_some_and(|(found, ..)| found >= score) || !places[to].may_hold(usize::from(job.class)) {
            continue;
        }
        let backlog = states[from].link_gb.out.max(states[to].link_gb.into) + f64::from(job.data_gb);
        let bandwidth = places[from].config.migration.bandwidth_gbit_per_s * GB_PER_GBIT_PERIOD;
        let arrives = t + (backlog / bandwidth).ceil().max(1.0) as i32;
        let needed = job.expected_periods(rules) + if job.running { job.lost_by_pausing(rules) } else { 0.0 };
        if f64::from(job.deadline - arrives) >= needed {
            best = Some((score, to, arrives));
        }
    }
    best.map(|(_, to, arrives)| (to, arrives))
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

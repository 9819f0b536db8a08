//! Geographic migration: waiting jobs, and running ones if the scenario lets them, move to another site.
//!
//! In: how much each site sends and how willing each is to receive. Out: jobs in transit, and what sending costs.
//! Always: jobs are conserved; a job moves only where its data may be held and where it can still meet its deadline;
//! links carry no more than their bandwidth; whoever came from another site stays for a while. Not here: what the transfer's energy costs (`state.rs`).

use super::action::SiteAction;
use super::config::MAX_SITES;
use super::setup::Place;
use super::state::{Sent, SiteState, Transfer};
use crate::units::{MegawattHours, PERIOD_HOURS};
use crate::workload::{ClassRules, Job, MAX_CLASSES};

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
    let holders: [u32; MAX_CLASSES] = std::array::from_fn(|class| sites_holding(class, places));
    for from in 0..places.len() {
        if actions[from].send > 0.0 {
            sent[from] = send_from(from, places, states, actions[from].send, t, &holders, &mut scores);
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
    holders: &[u32; MAX_CLASSES],
    scores: &mut [f64; MAX_SITES],
) -> Sent {
    let mut sent = Sent::default();
    let place = &places[from];
    let bandwidth = place.config.migration.bandwidth_gbit_per_s * GB_PER_GBIT_PERIOD;
    let (mut open, mut offers) = (0, Offers::of(0, &[]));
    for (class, rules) in place.rules.iter().enumerate() {
        if !place.config.workload.classes[class].migratable {
            continue;
        }
        let others = holders[class] & !(1 << from);
        if open != others {
            (open, offers) = (others, Offers::of(others, &scores[..places.len()]));
        }
        let view = states[from].jobs.view(class);
        let budget_mw = share * (view.available_mw - view.must_run_mw);
        let stops = place.config.migration.running_jobs && rules.interruptible;
        let may_leave = |job: &Job| {
            let started = job.left_periods < job.work_periods;
            (job.settled <= t) & !job.must_run & (!job.running | stops) & (rules.interruptible | !started)
        };
        let mut leaving = states[from].jobs.leaving(class);
        // The most patient jobs first: they lose least by the journey.
        leaving.ask(rules, may_leave, budget_mw, |job, usable| {
            let out_gb = states[from].link_gb.out + rules.data_gb;
            let journey = Journey::new(job, rules, t, bandwidth, out_gb);
            let Some((to, arrives)) = journey.destination(&offers, states) else { return false };
            scores[from] += usable / place.config.it_capacity_mw;
            scores[to] -= usable / places[to].config.it_capacity_mw;
            offers.put(to, key(scores[to]), places.len());
            let mut job = *job;
            sent.jobs += 1;
            sent.data_gb += rules.data_gb;
            sent.lost += stop(&mut job, rules);
            job.settled = arrives + place.config.migration.min_stay_periods.cast_signed();
            states[from].link_gb.out = out_gb;
            let receiver = &mut states[to];
            receiver.link_gb.into += rules.data_gb;
            receiver.inbound.push(Transfer { arrives, job });
            true
        });
        states[from].jobs.stay(leaving, rules);
    }
    sent
}

/// What the sites that are open to a job offer, as whole numbers that order as their scores do: which site leads cannot be
/// predicted, and the largest of whole numbers is found without a branch.
#[derive(Clone, Copy)]
struct Offers {
    keys: [i64; MAX_SITES],
    /// Who offers most, the first of equals; [`NOBODY`] if no site receives anything.
    best: usize,
}

/// No site at all.
const NOBODY: usize = usize::MAX;
/// What a site offers that is closed or receives nothing.
const NOTHING: i64 = key(f64::NEG_INFINITY);

/// Orders as scores do.
const fn key(score: f64) -> i64 {
    // Of the two zeros the positive one.
    let bits = (score + 0.0).to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

impl Offers {
    /// One bit per site that is open.
    fn of(open: u32, scores: &[f64]) -> Self {
        let mut offers = Self { keys: [NOTHING; MAX_SITES], best: NOBODY };
        for (site, score) in scores.iter().enumerate() {
            offers.keys[site] = if open >> site & 1 == 1 { key(*score) } else { NOTHING };
        }
        offers.lead(scores.len());
        offers
    }

    /// A site offers something else.
    fn put(&mut self, site: usize, key: i64, sites: usize) {
        self.keys[site] = key;
        self.lead(sites);
    }

    fn lead(&mut self, sites: usize) {
        let (mut most, mut best) = (NOTHING, NOBODY);
        for (site, key) in self.keys[..sites].iter().enumerate() {
            best = if *key > most { site } else { best };
            most = most.max(*key);
        }
        self.best = best;
    }
}

/// One bit per site that may hold the data of a class.
fn sites_holding(class: usize, places: &[Place]) -> u32 {
    let known = |place: &Place| class < place.rules.len() && place.may_hold(class);
    places.iter().enumerate().map(|(site, place)| u32::from(known(place)) << site).sum()
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
        let latest = f64::from(job.deadline) - needed;
        Self { t, latest, data_gb: rules.data_gb, bandwidth, out_gb }
    }

    /// First period after so much data has passed a link.
    fn after(&self, gb: f64) -> i32 {
        let periods = gb / self.bandwidth;
        let whole = periods as i32;
        self.t + (whole + i32::from(periods > f64::from(whole))).max(1)
    }

    /// The site with the best score among those that are open to the job and that it reaches in time for its deadline,
    /// and when it gets there.
    fn destination(&self, offers: &Offers, states: &[SiteState]) -> Option<(usize, i32)> {
        let in_time = |to: usize| {
            let arrives = self.after(self.out_gb.max(states[to].link_gb.into + self.data_gb));
            (f64::from(arrives) <= self.latest).then_some((to, arrives))
        };
        if offers.best == NOBODY {
            return None;
        }
        let first = in_time(offers.best);
        // Its own link may be too slow, wherever it goes.
        if first.is_some() || f64::from(self.after(self.out_gb)) > self.latest {
            return first;
        }
        let mut left = *offers;
        loop {
            left.put(left.best, NOTHING, states.len());
            if left.best == NOBODY {
                return None;
            }
            if let Some(found) = in_time(left.best) {
                return Some(found);
            }
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

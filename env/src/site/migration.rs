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
    let place = &places[from];
    let bandwidth = place.config.migration.bandwidth_gbit_per_s * GB_PER_GBIT_PERIOD;
    let (own, mut others) = Others::around(from, states);
    for (class, rules) in place.rules.iter().enumerate() {
        if !place.config.workload.classes[class].migratable {
            continue;
        }
        let open = sites_open_to(class, from, places);
        let mut lead = Lead::among(open, scores);
        let view = own.jobs.view(class);
        let mut budget_mw = share * (view.available_mw - view.must_run_mw);
        let link_gb = &mut own.link_gb;
        // The most patient jobs first: they lose least by the journey.
        own.jobs.take_out(class, rules, |job| {
            if job.settled > t {
                return false;
            }
            let usable = job.usable_mw(rules);
            if usable > budget_mw + 1e-9 || !may_leave(job, rules, place) {
                return false;
            }
            let journey = Journey::new(job, rules, t, bandwidth, link_gb.out);
            let Some((to, arrives)) = journey.destination(open, &lead, &others, scores) else { return false };
            budget_mw -= usable;
            scores[from] += usable / place.config.it_capacity_mw;
            scores[to] -= usable / places[to].config.it_capacity_mw;
            lead.follow(to, open, scores);
            let mut job = *job;
            sent.jobs += 1;
            sent.data_gb += rules.data_gb;
            sent.lost += stop(&mut job, rules);
            link_gb.out += rules.data_gb;
            job.settled = arrives + place.config.migration.min_stay_periods.cast_signed();
            let receiver = others.get_mut(to);
            receiver.link_gb.into += rules.data_gb;
            receiver.inbound.push(Transfer { arrives, job });
            true
        });
    }
    sent
}

/// All sites but one.
struct Others<'a> {
    before: &'a mut [SiteState],
    after: &'a mut [SiteState],
}

impl<'a> Others<'a> {
    /// A site, and the others.
    fn around(from: usize, states: &'a mut [SiteState]) -> (&'a mut SiteState, Self) {
        let (before, rest) = states.split_at_mut(from);
        let (own, after) = rest.split_first_mut().expect("the site is one of them");
        (own, Self { before, after })
    }

    fn get(&self, site: usize) -> &SiteState {
        if site < self.before.len() { &self.before[site] } else { &self.after[site - self.before.len() - 1] }
    }

    fn get_mut(&mut self, site: usize) -> &mut SiteState {
        let own = self.before.len();
        if site < own { &mut self.before[site] } else { &mut self.after[site - own - 1] }
    }
}

/// The site that offers most, and how much the next one offers: whoever receives a job offers a little less, and leads on
/// until the next one offers more.
struct Lead {
    best: Offer,
    next: Offer,
}

/// What a site offers.
#[derive(Clone, Copy)]
struct Offer {
    score: f64,
    site: usize,
}

/// No site at all, which offers less than any.
const NOBODY: Offer = Offer { score: f64::NEG_INFINITY, site: usize::MAX };

impl Offer {
    /// The first of equals is the better one.
    fn beats(&self, other: &Offer) -> bool {
        self.score > other.score || (self.score == other.score && self.site < other.site)
    }
}

impl Lead {
    fn among(open: u32, scores: &[f64; MAX_SITES]) -> Self {
        let mut lead = Self { best: NOBODY, next: NOBODY };
        let mut left = open;
        while left != 0 {
            let site = left.trailing_zeros() as usize;
            left &= left - 1;
            let score = scores[site];
            if score > lead.best.score {
                (lead.best, lead.next) = (Offer { score, site }, lead.best);
            } else if score > lead.next.score {
                lead.next = Offer { score, site };
            }
        }
        lead
    }

    /// Takes in that the score of a site fell.
    fn follow(&mut self, site: usize, open: u32, scores: &[f64; MAX_SITES]) {
        let now = Offer { score: scores[site], site };
        if site == self.best.site && now.beats(&self.next) {
            self.best = now;
        } else {
            *self = Self::among(open, scores);
        }
    }
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
        let latest = f64::from(job.deadline) - needed;
        Self { t, latest, data_gb: rules.data_gb, bandwidth, out_gb: out_gb + rules.data_gb }
    }

    /// First period after so much data has passed a link.
    fn after(&self, gb: f64) -> i32 {
        let periods = gb / self.bandwidth;
        let whole = periods as i32;
        self.t + (whole + i32::from(periods > f64::from(whole))).max(1)
    }

    /// The site with the best score among those that are open to the job and that it reaches in time for its deadline,
    /// and when it gets there.
    fn destination(
        &self,
        mut open: u32,
        lead: &Lead,
        others: &Others<'_>,
        scores: &[f64; MAX_SITES],
    ) -> Option<(usize, i32)> {
        let mut to = lead.best.site;
        while to != NOBODY.site {
            let arrives = self.after(self.out_gb.max(others.get(to).link_gb.into + self.data_gb));
            if f64::from(arrives) <= self.latest {
                return Some((to, arrives));
            }
            if f64::from(self.after(self.out_gb)) > self.latest {
                // Its own link is too slow, wherever it goes.
                return None;
            }
            open &= !(1 << to);
            to = Lead::among(open, scores).best.site;
        }
        None
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

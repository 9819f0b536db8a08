//! The work of each class ahead: jobs that are there by their estimates, jobs to come by what the generator expects.
//!
//! In: a site at the moment of decision. Out: the curves of [`ClassHorizon`].
//! Always: a job is counted by what is believed to be left of it; what has not arrived is a mean, spread over time as
//! the jobs of its class are. Not here: prices (`outlook.rs`).

use super::horizon::{ClassHorizon, SiteHorizon};
use flexai_env::site::SiteView;
use flexai_env::units::PERIOD_HOURS;
use flexai_env::workload::{ClassRules, Job};

/// Slack that is less than a whole number of periods by no more than this is one.
const ROUNDING: f64 = 1e-9;

/// Expected arrivals, and buffers.
#[derive(Debug, Clone, Default)]
pub(super) struct Queues {
    /// By class, then by period.
    by_class_mw: Vec<f64>,
    total_mw: Vec<f64>,
}

impl Queues {
    /// Works out what is expected to arrive in each period of the horizon.
    pub(super) fn expect_arrivals(&mut self, site: &SiteView<'_>, periods: usize, factor: f64) {
        let generator = &site.place().generator;
        let classes = site.config().workload.classes.len();
        self.by_class_mw.clear();
        self.by_class_mw.resize(classes * periods, 0.0);
        self.total_mw.clear();
        self.total_mw.resize(periods, 0.0);
        for k in 1..periods {
            let local = site.local(site.now() + k);
            for c in 0..classes {
                let power = factor * generator.expected_arrivals_mw(c, local);
                self.by_class_mw[c * periods + k] = power;
                self.total_mw[k] += power;
            }
        }
    }

    pub(super) fn arrivals_mw(&self) -> &[f64] {
        &self.total_mw
    }

    pub(super) fn class_arrivals_mw(&self, class: usize) -> &[f64] {
        let periods = self.total_mw.len();
        &self.by_class_mw[class * periods..(class + 1) * periods]
    }

    /// Fills when the scenario will keep classes from running; `carbon` is the expected intensity at the site.
    pub(super) fn fill_gates(&self, site: &SiteView<'_>, carbon: &[f64], horizon: &mut SiteHorizon) {
        horizon.classes.resize(site.config().workload.classes.len(), ClassHorizon::default());
        for (c, class) in horizon.classes.iter_mut().enumerate() {
            fill_gates(class, site, carbon, &horizon.solar_mw, c);
        }
    }

    /// Fills the work of the classes of a horizon.
    pub(super) fn fill(&self, site: &SiteView<'_>, horizon: &mut SiteHorizon) {
        let periods = horizon.price.len();
        for (c, class) in horizon.classes.iter_mut().enumerate() {
            for curve in [&mut class.earliest_mwh, &mut class.latest_mwh, &mut class.due_mwh, &mut class.most_mw] {
                curve.clear();
                curve.resize(periods, 0.0);
            }
            class.least_energy_per_work = 1.0;
            class.tail_periods = 0;
            let rules = &site.place().rules[c];
            site.jobs(c).iter().for_each(|job| add_job(class, job, rules, site.period() as i32));
            let arrivals = &self.by_class_mw[c * periods..(c + 1) * periods];
            add_arrivals(class, arrivals, site, c);
            for curve in [&mut class.earliest_mwh, &mut class.latest_mwh, &mut class.due_mwh] {
                accumulate(curve);
            }
        }
    }
}

/// Adds what a job contributes period by period; sums are made afterwards.
fn add_job(class: &mut ClassHorizon, job: &Job, rules: &ClassRules, now: i32) {
    let periods = class.most_mw.len();
    let (work, energy) = (job.expected_periods(rules), job.power_mw * PERIOD_HOURS);
    let left = f64::from(job.deadline - now);
    let started = job.must_run && job.left_periods < job.work_periods;
    // What cannot be paused, or is too late already, must run from now on. The environment lets jobs wait whole periods,
    // and looks at what a pause would lose.
    let at_stake = if job.running { job.lost_by_pausing(rules) } else { 0.0 };
    let slack =
        if started && !rules.interruptible { 0.0 } else { (left - work - at_stake + ROUNDING).max(0.0).floor() };
    let lasts = work.ceil().max(1.0) as usize;
    for k in 0..lasts.min(periods) {
        class.earliest_mwh[k] += energy * (work - k as f64).clamp(0.0, 1.0);
    }
    let open = (left.max(work).ceil().max(1.0) as usize).min(periods);
    let must = |end: usize| (end as f64 - slack).clamp(0.0, work);
    for k in slack as usize..open {
        class.latest_mwh[k] += energy * (must(k + 1) - must(k));
    }
    let usable = job.usable_mw(rules);
    for k in 0..open {
        // Where the class is kept from running only what must does.
        let may = if k == 0 { !class.gated[0] || job.must_run } else { !class.gated[k] || (k + 1) as f64 > slack };
        class.most_mw[k] += if !may {
            0.0
        } else if k == 0 {
            usable
        } else {
            job.power_mw
        };
    }
    let due = (left.max(1.0) as usize).saturating_sub(1);
    if due < periods {
        class.due_mwh[due] += energy * work;
    }
}

/// Adds work that has not arrived, in the same way.
fn add_arrivals(class: &mut ClassHorizon, arrivals_mw: &[f64], site: &SiteView<'_>, c: usize) {
    let profile = site.place().generator.arrival_profile(c);
    let periods = arrivals_mw.len();
    for (k, power) in arrivals_mw.iter().enumerate().skip(1) {
        let mwh = power * PERIOD_HOURS;
        let curves = [
            (&mut class.earliest_mwh, &profile.earliest),
            (&mut class.latest_mwh, &profile.latest),
            (&mut class.due_mwh, &profile.due),
        ];
        // The curves of the horizon are summed up later, those of the profile are sums.
        for (curve, shares) in curves {
            curve[k] += mwh * shares[0];
            let steps = shares.windows(2).map(|pair| pair[1] - pair[0]);
            curve[(k + 1).min(periods)..].iter_mut().zip(steps).for_each(|(x, step)| *x += mwh * step);
        }
        // Where the class is kept from running only what must does.
        let must_mw = |age: usize| {
            let before = age.checked_sub(1).map_or(0.0, |before| profile.latest[before]);
            (profile.latest[age] - before) / PERIOD_HOURS
        };
        for (age, open_mw) in profile.open_mw.iter().enumerate().take(periods - k) {
            class.most_mw[k + age] += mwh * if class.gated[k + age] { must_mw(age) } else { *open_mw };
        }
    }
}

/// Whether the scenario will keep the class from running, as far as can be expected.
fn fill_gates(class: &mut ClassHorizon, site: &SiteView<'_>, carbon: &[f64], solar_mw: &[f64], c: usize) {
    let config = site.config();
    let rule = &config.workload.classes[c];
    let threshold = rule.carbon_threshold_gco2_kwh.filter(|_| config.controls.enforce_thresholds);
    let enough_mw = config.controls.green_share * config.solar.capacity_mwp;
    let gated = |k: usize| match k {
        0 => site.is_gated(c),
        // The sun of the period before decides.
        _ => threshold.is_some_and(|most| carbon[k] > most) || (rule.green_only && solar_mw[k - 1] <= enough_mw),
    };
    class.gated.clear();
    class.gated.extend((0..solar_mw.len()).map(gated));
}

fn accumulate(curve: &mut [f64]) {
    let mut sum = 0.0;
    for value in curve {
        sum += *value;
        *value = sum;
    }
}

//! Which waiting work should run now, by the cheapest slots before each deadline.
//!
//! In: a site, its horizon, the work still expected. Out: per class the power to run now, and the load ahead.
//! Always: earliest deadline first, all classes together; a job takes the cheapest slots that are free before its
//! deadline, in one piece if it cannot be paused; so does work that has not arrived, as one mean job per class and period
//! of arrival, because it will want the same cheap slots. Nothing is allocated
//! once buffers have grown. Not here: the battery (`battery_plan.rs`), what must run (the environment sees to that).
//!
//! The pool runs the waiting jobs of a class in the order of their deadlines, whoever asked for the power. So a class
//! runs the first so many of its jobs for which the sum of gains is largest, not each job that would gain by itself.

use super::horizon::SiteHorizon;
use super::outlook::Outlook;
use flexai_env::site::SiteView;
use flexai_env::units::PERIOD_HOURS;
use flexai_env::workload::{Job, MAX_CLASSES};

/// Power below this is none, MW.
const NO_POWER_MW: f64 = 1e-9;
/// Work below this is done, periods.
const DONE_PERIODS: f64 = 1e-9;

/// What a class should do now.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ClassAdvice {
    /// Power to run, of what must and what can wait, MW.
    pub run_mw: f64,
    /// Waiting work runs now below this full price, on average, GBP/MWh; 0 if nothing waits.
    pub run_below: f64,
    /// Power of the jobs that this is the mean of, MW.
    pub waiting_mw: f64,
}

/// A class on its way through its jobs.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Next job, and period whose arrivals come next.
    at: usize,
    arrival: usize,
    /// Power of the waiting jobs so far, gain if they all run now, and the best of both so far.
    power_mw: f64,
    gain_gbp: f64,
    best_mw: f64,
    best_gbp: f64,
    /// Sum of power x price below which it runs.
    run_below: f64,
}

/// A slot by its price.
#[derive(Debug, Clone, Copy)]
struct Slot {
    price: f64,
    period: usize,
}

/// Plans the jobs of one site after another in the same buffers.
#[derive(Debug, Clone, Default)]
pub struct JobPlan {
    /// Cheapest first, the present one not among them.
    order: Vec<Slot>,
    price: Vec<f64>,
    price_sum: Vec<f64>,
    free_mw: Vec<f64>,
    load_mw: Vec<f64>,
    /// Slots that a job would take if it waits.
    taken: Vec<(usize, f64)>,
    classes: [ClassAdvice; MAX_CLASSES],
}

impl JobPlan {
    /// Plans the jobs of a site; `reserve` is the share of the work expected to arrive that has slots kept for it.
    pub fn solve(&mut self, site: &SiteView<'_>, horizon: &SiteHorizon, outlook: &Outlook, reserve: f64) {
        self.begin(horizon, outlook.arrivals_mw());
        let classes = horizon.classes.len();
        let mut progress = [Progress { arrival: 1, ..Progress::default() }; MAX_CLASSES];
        let must_run: f64 = (0..classes).map(|c| site.class(c).must_run_mw).sum();
        self.free_mw[0] -= must_run;
        let now = site.period() as i32;
        let profile = |c: usize| site.place().generator.arrival_profile(c);
        // All classes together, the earliest deadline first.
        loop {
            let job = |c: usize| site.jobs(c).get(progress[c].at).map(|job| (job.deadline - now, false, c));
            let due = |c: usize| progress[c].arrival as i32 + profile(c).due_periods as i32;
            let coming = |c: usize| (progress[c].arrival < self.price.len()).then(|| (due(c), true, c));
            let next = (0..classes).flat_map(|c| job(c).into_iter().chain(coming(c))).min();
            let Some((due, is_coming, c)) = next else { break };
            if is_coming {
                let from = progress[c].arrival;
                progress[c].arrival += 1;
                let mwh = reserve * outlook.class_arrivals_mw(c)[from] * PERIOD_HOURS;
                let power_mw = mwh * profile(c).open_mw[0];
                if power_mw > NO_POWER_MW {
                    let mean = Piece { power_mw, work: mwh / PERIOD_HOURS / power_mw, from, left: f64::from(due) };
                    self.find_slots(&mean, horizon, &horizon.classes[c].gated);
                    self.book(power_mw);
                }
                continue;
            }
            let job = &site.jobs(c)[progress[c].at];
            progress[c].at += 1;
            self.place(site, horizon, c, job, &mut progress[c]);
        }
        for (c, progress) in progress[..classes].iter().enumerate() {
            let must_run = site.class(c).must_run_mw;
            self.classes[c] = ClassAdvice {
                run_mw: must_run + progress.best_mw,
                run_below: if progress.power_mw > 0.0 { progress.run_below / progress.power_mw } else { 0.0 },
                waiting_mw: progress.power_mw,
            };
        }
    }

    /// What each class should do now.
    pub fn classes(&self) -> &[ClassAdvice; MAX_CLASSES] {
        &self.classes
    }

    /// IT power expected in each period: interactive, and jobs as planned; MW.
    pub fn load_mw(&self) -> &[f64] {
        &self.load_mw
    }

    fn begin(&mut self, horizon: &SiteHorizon, arrivals_mw: &[f64]) {
        let periods = horizon.price.len();
        self.price.clear();
        self.price.extend((0..periods).map(|k| {
            // Where the sun does more than the load that cannot wait, work costs what export would have earned.
            let firm = (horizon.interactive_mw[k] + arrivals_mw[k]) * horizon.pue;
            let surplus = horizon.solar_mw[k] > firm;
            if surplus { horizon.export_price[k].min(horizon.price[k]) } else { horizon.price[k] }
        }));
        self.price_sum.clear();
        self.price_sum.push(0.0);
        for k in 0..periods {
            self.price_sum.push(self.price_sum[k] + self.price[k]);
        }
        self.order.clear();
        self.order.extend((1..periods).map(|period| Slot { price: self.price[period], period }));
        self.order.sort_unstable_by(|a, b| a.price.total_cmp(&b.price).then(a.period.cmp(&b.period)));
        self.free_mw.clear();
        self.free_mw.extend((0..periods).map(|k| {
            let supply = (horizon.import_limit_mw[k] + horizon.solar_mw[k]) / horizon.pue;
            supply.min(horizon.it_capacity_mw) - horizon.interactive_mw[k]
        }));
        self.load_mw.clear();
        self.load_mw.extend_from_slice(&horizon.interactive_mw);
    }

    /// Finds slots for a job and says whether it should run now.
    fn place(&mut self, site: &SiteView<'_>, horizon: &SiteHorizon, c: usize, job: &Job, progress: &mut Progress) {
        let rules = &site.place().rules[c];
        let work = job.expected_periods(rules);
        let usable = job.usable_mw(rules);
        let left = f64::from(job.deadline - site.period() as i32);
        if job.must_run {
            self.load_mw[0] += usable;
            let started = !rules.interruptible || left <= work;
            self.place_rest(job, work - 1.0, left, started, horizon, &horizon.classes[c].gated);
            return;
        }
        let gated = &horizon.classes[c].gated;
        if gated[0] {
            self.place_rest(job, work, left, false, horizon, gated);
            return;
        }
        let first = work.min(1.0);
        let (waiting, running) = if rules.interruptible {
            self.cost_of_pieces(job, work, first, left, horizon, gated)
        } else {
            self.cost_of_block(job, work, left, horizon)
        };
        let energy = job.power_mw * PERIOD_HOURS;
        let at_stake = if job.running { job.lost_by_pausing(rules) * self.price[0].max(0.0) } else { 0.0 };
        let gain = energy * (waiting + at_stake - running);
        progress.power_mw += usable;
        progress.gain_gbp += gain;
        progress.run_below += usable * (self.price[0] + (waiting + at_stake - running) / first);
        let fits = self.free_mw[0] >= usable - NO_POWER_MW;
        if fits && progress.gain_gbp >= progress.best_gbp {
            (progress.best_gbp, progress.best_mw) = (progress.gain_gbp, progress.power_mw);
        }
        if gain >= 0.0 && fits {
            self.free_mw[0] -= usable;
            self.load_mw[0] += usable;
            self.place_rest(job, work - 1.0, left, !rules.interruptible, horizon, gated);
        } else {
            self.book(job.power_mw);
        }
    }

    /// Cost per MWh-period of an interruptible job if it waits now, and if it runs now; notes the slots it would take.
    fn cost_of_pieces(
        &mut self,
        job: &Job,
        work: f64,
        first: f64,
        left: f64,
        horizon: &SiteHorizon,
        gated: &[bool],
    ) -> (f64, f64) {
        let later = self.find_slots(&Piece { power_mw: job.power_mw, work, from: 1, left }, horizon, gated);
        // What does not fit anywhere would be late.
        let waiting = later.cost + later.missing * (self.price[0].max(0.0) + 2.0 * horizon.lateness_gbp_per_mwh_hour);
        // Running now frees the dearest slots.
        let late_price = self.price[0].max(0.0) + 2.0 * horizon.lateness_gbp_per_mwh_hour;
        let left_price = self.left_price(horizon);
        let (mut missing, mut left_over) = (later.missing, later.left_over);
        let (mut rest, mut sum) = (first, 0.0);
        let mut spare = |amount: &mut f64, price: f64| {
            let part = amount.min(rest);
            (rest, sum, *amount) = (rest - part, sum + part * price, *amount - part);
            rest <= DONE_PERIODS
        };
        let mut done = spare(&mut missing, late_price);
        for (period, share) in self.taken.iter().rev() {
            if done || (self.price[*period] < left_price && spare(&mut left_over, left_price)) {
                break;
            }
            done = spare(&mut { *share }, self.price[*period]);
        }
        if !done {
            spare(&mut left_over, left_price);
        }
        (waiting, waiting - sum + first * self.price[0])
    }

    /// The same of a job in one piece: the cheapest start now and later.
    fn cost_of_block(&mut self, job: &Job, work: f64, left: f64, horizon: &SiteHorizon) -> (f64, f64) {
        let running = self.block_cost(0, work, horizon);
        let latest = (left - work).max(0.0) as usize;
        let mut best = (f64::INFINITY, 1);
        for start in 1..=latest.min(self.price.len() - 1) {
            let cost = self.block_cost(start, work, horizon);
            if cost < best.0 && self.is_free(start, work, job.power_mw) {
                best = (cost, start);
            }
        }
        self.taken.clear();
        if best.0.is_infinite() {
            // No later start fits; the last one will have to be made to fit.
            return (running + work * horizon.lateness_gbp_per_mwh_hour, running);
        }
        let mut rest = work;
        for period in best.1..self.price.len() {
            if rest <= DONE_PERIODS {
                break;
            }
            self.taken.push((period, rest.min(1.0)));
            rest -= 1.0;
        }
        (best.0, running)
    }

    /// Price of a block of work; what lies beyond the horizon costs what is left there.
    fn block_cost(&self, start: usize, work: f64, horizon: &SiteHorizon) -> f64 {
        let periods = self.price.len();
        let whole = (work as usize).min(periods - start);
        let end = start + whole;
        let cost = self.price_sum[end] - self.price_sum[start];
        let rest = work - whole as f64;
        let rest_price = if end < periods { self.price[end] } else { self.left_price(horizon) };
        cost + rest * rest_price
    }

    fn is_free(&self, start: usize, work: f64, power_mw: f64) -> bool {
        let end = (start + work.ceil() as usize).min(self.price.len());
        self.free_mw[start..end].iter().all(|free| *free >= power_mw - NO_POWER_MW)
    }

    /// Books slots for what is left of a job after now.
    fn place_rest(&mut self, job: &Job, work: f64, left: f64, at_once: bool, horizon: &SiteHorizon, gated: &[bool]) {
        if work <= DONE_PERIODS {
            return;
        }
        if at_once {
            self.taken.clear();
            let mut rest = work;
            for period in 1..self.price.len() {
                if rest <= DONE_PERIODS {
                    break;
                }
                self.taken.push((period, rest.min(1.0)));
                rest -= 1.0;
            }
        } else {
            self.find_slots(&Piece { power_mw: job.power_mw, work, from: 1, left }, horizon, gated);
        }
        self.book(job.power_mw);
    }

    /// Notes the cheapest free slots for some work.
    fn find_slots(&mut self, piece: &Piece, horizon: &SiteHorizon, gated: &[bool]) -> Found {
        self.taken.clear();
        let Piece { power_mw, work, from, left } = *piece;
        let mut found = Found { missing: work, ..Found::default() };
        let end = left.max(0.0) as usize;
        let beyond = (left - self.price.len() as f64).max(0.0);
        let left_price = self.left_price(horizon);
        for slot in &self.order {
            if slot.price > left_price && beyond > 0.0 && found.left_over == 0.0 {
                found.leave(beyond, left_price);
            }
            if found.missing <= DONE_PERIODS {
                break;
            }
            let free = self.free_mw[slot.period];
            if slot.period >= end || slot.period < from || free <= NO_POWER_MW || gated[slot.period] {
                continue;
            }
            let share = found.missing.min(if free >= power_mw { 1.0 } else { free / power_mw });
            self.taken.push((slot.period, share));
            found.missing -= share;
            found.cost += share * slot.price;
        }
        if found.missing > DONE_PERIODS && found.left_over == 0.0 {
            found.leave(beyond, left_price);
        }
        found
    }

    /// Enters the slots noted last into the plan.
    fn book(&mut self, power_mw: f64) {
        for (period, share) in &self.taken {
            self.free_mw[*period] -= share * power_mw;
            self.load_mw[*period] += share * power_mw;
        }
        self.taken.clear();
    }

    /// What work left at the end costs, per MWh of facility energy.
    fn left_price(&self, horizon: &SiteHorizon) -> f64 {
        horizon.end.work_gbp_per_mwh / horizon.pue
    }
}

/// Work that looks for slots, in periods from now on: its power, its length, when it may begin and must be done.
#[derive(Debug, Clone, Copy)]
struct Piece {
    power_mw: f64,
    work: f64,
    from: usize,
    left: f64,
}

/// Slots found for a job; work in periods.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    missing: f64,
    left_over: f64,
    cost: f64,
}

impl Found {
    /// Leaves as much as may be for after the horizon.
    fn leave(&mut self, most: f64, price: f64) {
        let part = self.missing.min(most);
        self.left_over += part;
        self.missing -= part;
        self.cost += part * price;
    }
}

//! Jobs waiting and running: serves them for one period after another.
//!
//! In: per class how much to run, and the compute capacity. Out: energy served, jobs finished, lateness.
//! Always: work served + work left = work released + work lost at checkpoints; inside a class the earliest deadline
//! goes first; a job whose latest start has come runs first; a late job stays, counted, never lost.
//! Not here: what the energy costs (`site/ledger.rs`).
//!
//! One pass over the jobs serves a period and sums up what the next one will ask: urgency, power, queues. The sums are
//! kept per class, so that observing and deciding never look at a single job again.

use super::job::{ClassRules, Job};
use crate::units::{MegawattHours, Megawatts, PERIOD_HOURS};
use serde::{Deserialize, Serialize};

/// Most classes a site can have; keeps `serve` free of allocation.
pub const MAX_CLASSES: usize = 16;
/// Urgency is counted as work whose slack is below these shares of the class's slack.
pub const URGENCY: [f64; 3] = [0.25, 0.5, 0.75];
/// Work left below this is rounding, not work (periods at full power; 0.001 Wh of a job of 2 MW). It is served on top of
/// what was granted, so that it must not be seen above the capacity either.
const DONE_PERIODS: f64 = 1e-9;
/// Jobs per class that fit before a queue grows.
const QUEUE_CAPACITY: usize = 256;

/// What one period of serving brought.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Served {
    /// IT energy served.
    pub energy: MegawattHours,
    /// Work done, as IT energy at full power: more than `energy` where jobs were slowed along a good power curve.
    pub work: MegawattHours,
    /// Work lost because running jobs were paused.
    pub lost: MegawattHours,
    /// Work past its deadline after this period.
    pub late: MegawattHours,
    /// Of this, work of jobs that would have been in time had their estimate been true.
    pub late_by_estimate: MegawattHours,
    /// Jobs finished by their deadline.
    pub finished_in_time: u32,
    /// Jobs finished after their deadline.
    pub finished_late: u32,
    /// Of these, jobs that would have been in time had their estimate been true.
    pub finished_late_by_estimate: u32,
    /// Value lost because jobs passed a step of their value, pounds.
    pub value_lost_gbp: f64,
    /// Work that had to run by its deadline but found no capacity.
    pub refused: MegawattHours,
    /// IT energy served, MWh by class.
    pub by_class_mwh: [f64; MAX_CLASSES],
}

/// What a class holds now, for observations and rules; work is what it is believed to be.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ClassView {
    /// Jobs released and unfinished.
    pub jobs: u32,
    /// Power if all of them ran.
    pub available_mw: f64,
    /// Power of those that must run now.
    pub must_run_mw: f64,
    /// Power of those that ran in the period before.
    pub running_mw: f64,
    /// Their work left.
    pub queued_mwh: f64,
    /// Their work whose slack is below [`URGENCY`] of the class's slack.
    pub urgent_mwh: [f64; 3],
    /// Work truly left; equal to `queued_mwh` where durations are known.
    pub true_mwh: f64,
}

/// Who decides which waiting jobs run; jobs that must run are no matter of opinion.
pub trait Dispatch {
    /// Power for a waiting job, of the `usable_mw` that it can use; 0 leaves it waiting.
    ///
    /// Jobs of a class come earliest deadline first. The pool grants no more than the capacity and no less than the
    /// floor of the class.
    fn grant(&mut self, job: &Job, usable_mw: f64) -> f64;

    /// Whether it will leave all further jobs of the class waiting.
    fn is_spent(&self) -> bool {
        false
    }

    /// Before the jobs of a class.
    fn begin_class(&mut self, _class: usize, _rules: &ClassRules, _view: &ClassView) {}
}

/// Runs a share of each class's waiting power, earliest deadline first.
#[derive(Debug, Clone, Copy)]
pub struct Shares<'a> {
    run: &'a [f64],
    cap: &'a [f64],
    wanted_mw: f64,
    floor: f64,
    speed: f64,
}

impl<'a> Shares<'a> {
    /// `run` and `cap` hold a number in `[0, 1]` per class: share of the waiting power, and power cap of each job (raised
    /// to the floor of its class). An empty `cap` caps nothing.
    pub fn new(run: &'a [f64], cap: &'a [f64]) -> Self {
        Self { run, cap, wanted_mw: 0.0, floor: 1.0, speed: 1.0 }
    }
}

impl Dispatch for Shares<'_> {
    fn begin_class(&mut self, class: usize, rules: &ClassRules, view: &ClassView) {
        self.floor = rules.power_floor;
        self.speed = self.cap.get(class).map_or(1.0, |cap| cap.clamp(rules.power_floor, 1.0));
        self.wanted_mw = self.run[class].clamp(0.0, 1.0) * view.available_mw - view.must_run_mw;
    }

    fn is_spent(&self) -> bool {
        self.wanted_mw <= 0.0
    }

    /// The last job of the share is slowed if its class allows, else rounded to on or off.
    fn grant(&mut self, _job: &Job, usable_mw: f64) -> f64 {
        let (full, floor) = (usable_mw, self.floor * usable_mw);
        let share = if self.wanted_mw >= full {
            full
        } else if self.wanted_mw >= floor {
            self.wanted_mw
        } else if self.wanted_mw >= 0.5 * floor && self.wanted_mw > 0.0 {
            floor
        } else {
            return 0.0;
        };
        self.wanted_mw -= share;
        share.min(self.speed * full)
    }
}

/// Decides job by job: the function gives the power share of a job.
pub struct ByJob<F: FnMut(&Job) -> f64>(pub F);

impl<F: FnMut(&Job) -> f64> Dispatch for ByJob<F> {
    fn grant(&mut self, job: &Job, usable_mw: f64) -> f64 {
        (self.0)(job).clamp(0.0, 1.0) * usable_mw
    }
}

/// All released, unfinished jobs of a site.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct JobPool {
    /// One queue per class, earliest deadline first.
    queues: Vec<Vec<Job>>,
    /// Sums per class for the coming period; saved too, because sums in another order round differently.
    views: [ClassView; MAX_CLASSES],
    /// Whether queues are out of order and only the power and the work of `views` hold; see [`JobPool::serve_at_once`].
    rough: bool,
}

impl JobPool {
    /// Empty queues for a number of classes.
    pub fn new(classes: usize) -> Self {
        Self::with_room((0..classes).map(|_| QUEUE_CAPACITY))
    }

    /// Empty queues, one per class, with room for so many jobs before a queue grows.
    pub fn with_room(jobs: impl IntoIterator<Item = usize>) -> Self {
        let queues = jobs.into_iter().map(Vec::with_capacity).collect();
        Self { queues, views: [ClassView::default(); MAX_CLASSES], rough: false }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.queues.len()
    }

    /// Whether a saved pool has the queues of a number of classes, each with its own jobs, and sums that are numbers.
    pub(crate) fn is_sound(&self, classes: usize) -> bool {
        let own =
            |(c, queue): (usize, &Vec<Job>)| queue.iter().all(|job| usize::from(job.class) == c && job.is_sound());
        let sums = |v: &ClassView| v.available_mw + v.must_run_mw + v.running_mw + v.queued_mwh + v.true_mwh;
        self.queues.len() == classes
            && self.queues.iter().enumerate().all(own)
            && self.views.iter().all(|view| sums(view).is_finite() && view.urgent_mwh.iter().all(|x| x.is_finite()))
    }

    /// The jobs of a class, earliest deadline first.
    pub fn jobs(&self, class: usize) -> &[Job] {
        &self.queues[class]
    }

    /// Bytes of its buffers.
    pub fn buffer_bytes(&self) -> usize {
        let jobs: usize = self.queues.iter().map(Vec::capacity).sum();
        jobs * size_of::<Job>() + self.queues.capacity() * size_of::<Vec<Job>>()
    }

    /// Jobs of all classes.
    pub fn len(&self) -> usize {
        self.queues.iter().map(Vec::len).sum()
    }

    /// Whether nothing waits or runs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Summary of a class.
    pub fn view(&self, class: usize) -> &ClassView {
        &self.views[class]
    }

    /// Power of all jobs that must run now.
    pub fn must_run(&self) -> Megawatts {
        Megawatts(self.views[..self.queues.len()].iter().map(|v| v.must_run_mw).sum())
    }

    /// Work truly left, all classes together.
    pub fn queued(&self) -> MegawattHours {
        MegawattHours(self.views[..self.queues.len()].iter().map(|v| v.true_mwh).sum())
    }

    /// Jobs past their deadline at the start of period `now`; those of them that a wrong estimate made late come second.
    pub fn late_jobs(&self, now: i32) -> (usize, usize) {
        let late = self.queues.iter().flatten().filter(|j| j.deadline <= now);
        late.fold((0, 0), |(all, overran), job| (all + 1, overran + usize::from(job.overran)))
    }

    /// Work past its deadline at the start of period `now`.
    pub fn late(&self, now: i32) -> MegawattHours {
        let late = self.queues.iter().flatten().filter(|j| j.deadline <= now);
        MegawattHours(late.map(Job::left_mwh).sum())
    }

    /// Forgets all jobs.
    pub fn clear(&mut self) {
        self.queues.iter_mut().for_each(Vec::clear);
        self.views = [ClassView::default(); MAX_CLASSES];
        self.rough = false;
    }

    /// Takes over the jobs of another pool.
    pub fn copy_from(&mut self, other: &JobPool) {
        for (mine, theirs) in self.queues.iter_mut().zip(&other.queues) {
            mine.clear();
            mine.extend_from_slice(theirs);
        }
        self.views = other.views;
        self.rough = other.rough;
    }

    /// Adds a job at its place by deadline; `now` is the period that is decided next.
    pub fn push(&mut self, rules: &[ClassRules], mut job: Job, now: i32) {
        let class = usize::from(job.class);
        self.views[class].add(&mut job, &rules[class], now);
        let queue = &mut self.queues[class];
        queue.push(job);
        // A new job is due after almost all others, so that its place is found fastest from the end.
        sink(queue, job);
    }

    /// Adds a job that may be due before many others, as one from another site is.
    pub fn insert(&mut self, rules: &[ClassRules], mut job: Job, now: i32) {
        let class = usize::from(job.class);
        self.views[class].add(&mut job, &rules[class], now);
        let queue = &mut self.queues[class];
        let at = queue.partition_point(|other| other.deadline <= job.deadline);
        queue.insert(at, job);
    }

    /// Takes out a job; its class must be summed up again with [`JobPool::refresh_class`].
    pub fn remove(&mut self, class: usize, at: usize) -> Job {
        self.queues[class].remove(at)
    }

    /// Sums up all classes anew, as seen at the start of period `now`.
    pub fn refresh(&mut self, rules: &[ClassRules], now: i32) {
        if self.rough {
            self.queues.iter_mut().for_each(|queue| sort_by_deadline(queue));
            self.rough = false;
        }
        for (class, rules) in rules.iter().enumerate() {
            self.refresh_class(class, rules, now);
        }
    }

    /// Sums up one class anew.
    pub fn refresh_class(&mut self, class: usize, rules: &ClassRules, now: i32) {
        self.views[class] = ClassView::of(&mut self.queues[class], rules, now);
    }

    /// Shifts all periods so that `by` becomes period 0.
    pub fn rebase(&mut self, by: i32) {
        for job in self.queues.iter_mut().flatten() {
            job.release -= by;
            job.deadline -= by;
        }
    }

    /// Adds a job for [`JobPool::serve_at_once`], which needs no order as long as there is room for all.
    pub fn append(&mut self, rules: &[ClassRules], job: Job) {
        let class = usize::from(job.class);
        self.views[class].add_roughly(&job, &rules[class]);
        self.queues[class].push(job);
        self.rough = true;
    }

    /// Serves period `now` as FIFO does: everything, at full power, as far as there is room.
    ///
    /// The same as [`JobPool::serve`] with shares of `run`; where nothing is held back, as `all` says, and the capacity
    /// is enough, all jobs simply run, and neither order nor urgency is looked at.
    pub fn serve_at_once(
        &mut self,
        rules: &[ClassRules],
        priority: &[u8],
        run: &[f64],
        all: bool,
        capacity: Megawatts,
        now: i32,
    ) -> Served {
        let available: f64 = self.views[..self.queues.len()].iter().map(|v| v.available_mw).sum();
        if !all || available > capacity.0 {
            if self.rough {
                self.refresh(rules, now);
            }
            return self.serve(rules, priority, &mut Shares::new(run, &[]), capacity, now);
        }
        let mut served = Served::default();
        for (class, (queue, rules)) in self.queues.iter_mut().zip(rules).enumerate() {
            let mut round = Round::new(rules, now, &mut served);
            round.serve_all(queue);
            let (view, energy_mwh) = (round.view, round.energy_mwh);
            self.views[class] = view;
            served.energy += MegawattHours(energy_mwh);
            served.work += MegawattHours(energy_mwh);
            served.by_class_mwh[class] = energy_mwh;
        }
        self.rough = true;
        served
    }

    /// Serves period `now`: what must run first, then what `dispatch` grants, classes in the order of `priority`.
    ///
    /// `capacity` is the IT power left for jobs. Afterwards the summaries are those of period `now + 1`.
    pub fn serve(
        &mut self,
        rules: &[ClassRules],
        priority: &[u8],
        dispatch: &mut impl Dispatch,
        capacity: Megawatts,
        now: i32,
    ) -> Served {
        self.serve_within(rules, priority, dispatch, capacity, capacity, now)
    }

    /// The same where what can wait may use less than `capacity`: no more than brings the total to `optional`.
    pub fn serve_within(
        &mut self,
        rules: &[ClassRules],
        priority: &[u8],
        dispatch: &mut impl Dispatch,
        capacity: Megawatts,
        optional: Megawatts,
        now: i32,
    ) -> Served {
        let mut served = Served::default();
        let capacity_mw = capacity.0.max(0.0);
        let must_run_mw = self.must_run().0;
        served.refused = Megawatts((must_run_mw - capacity_mw).max(0.0)).over_period();
        let mut room = Room { must_run_mw: capacity_mw, optional_mw: (optional.0 - must_run_mw).max(0.0) };
        for class in priority.iter().map(|c| usize::from(*c)) {
            dispatch.begin_class(class, &rules[class], &self.views[class]);
            let mut round = Round::new(&rules[class], now, &mut served);
            round.serve_queue(&mut self.queues[class], dispatch, &mut room);
            let (view, energy_mwh, work_mwh) = (round.view, round.energy_mwh, round.work_mwh);
            self.views[class] = view;
            served.energy += MegawattHours(energy_mwh);
            served.work += MegawattHours(work_mwh);
            served.by_class_mwh[class] = energy_mwh;
        }
        served
    }
}

/// 1 or 0, without a branch.
pub(super) fn one_if(flag: bool) -> f64 {
    f64::from(u8::from(flag))
}

/// The smaller of two numbers, neither of which is NaN: one instruction where `f64::min` takes seven.
pub(super) fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// Insertion sort: stable, without allocation, and queues are nearly in order.
fn sort_by_deadline(queue: &mut [Job]) {
    for end in 1..queue.len() {
        let job = queue[end];
        sink(&mut queue[..=end], job);
    }
}

/// Moves the last job of a queue, the rest of which is in order, to its place by deadline, behind its equals.
fn sink(queue: &mut [Job], job: Job) {
    let mut at = queue.len() - 1;
    while at > 0 && queue[at - 1].deadline > job.deadline {
        queue[at] = queue[at - 1];
        at -= 1;
    }
    queue[at] = job;
}

impl ClassView {
    /// Counts power and true work of a job.
    fn add_roughly(&mut self, job: &Job, rules: &ClassRules) {
        self.jobs += 1;
        self.available_mw += job.usable_mw(rules);
        self.true_mwh += job.left_mwh();
    }

    /// Sums up a queue as seen at the start of period `now`, and marks who must run.
    ///
    /// The sums are local numbers and free of branches on purpose: nobody can predict which job runs.
    fn of(queue: &mut [Job], rules: &ClassRules, now: i32) -> Self {
        let [mut available, mut must_run, mut running, mut queued, mut truth] = [0.0; 5];
        let [mut first, mut second, mut third] = [0.0; 3];
        let urgent = rules.urgent_slack;
        for job in queue.iter_mut() {
            let usable = job.usable_mw(rules);
            let expected = job.expected_periods(rules);
            let slack = f64::from(job.deadline - now) - expected;
            let energy_per_period = job.power_mw * PERIOD_HOURS;
            let expected_mwh = expected * energy_per_period;
            job.must_run = job.is_due(rules, slack);
            available += usable;
            must_run += one_if(job.must_run) * usable;
            running += one_if(job.running) * usable;
            queued += expected_mwh;
            truth += job.left_periods * energy_per_period;
            first += if slack < urgent[0] { expected_mwh } else { 0.0 };
            second += if slack < urgent[1] { expected_mwh } else { 0.0 };
            third += if slack < urgent[2] { expected_mwh } else { 0.0 };
        }
        Self {
            jobs: queue.len() as u32,
            available_mw: available,
            must_run_mw: must_run,
            running_mw: running,
            queued_mwh: queued,
            urgent_mwh: [first, second, third],
            true_mwh: truth,
        }
    }

    /// Counts one more job as seen at the start of period `now`, and marks whether it must run.
    fn add(&mut self, job: &mut Job, rules: &ClassRules, now: i32) {
        let usable = job.usable_mw(rules);
        let expected = job.expected_periods(rules);
        let slack = f64::from(job.deadline - now) - expected;
        let energy_per_period = job.power_mw * PERIOD_HOURS;
        let expected_mwh = expected * energy_per_period;
        job.must_run = job.is_due(rules, slack);
        self.jobs += 1;
        self.available_mw += usable;
        self.must_run_mw += if job.must_run { usable } else { 0.0 };
        self.running_mw += if job.running { usable } else { 0.0 };
        self.queued_mwh += expected_mwh;
        self.true_mwh += job.left_periods * energy_per_period;
        for (sum, urgent) in self.urgent_mwh.iter_mut().zip(rules.urgent_slack) {
            *sum += if slack < urgent { expected_mwh } else { 0.0 };
        }
    }
}

/// Power still to be had in a period: what must run has its share reserved before anything optional.
struct Room {
    must_run_mw: f64,
    optional_mw: f64,
}

/// One class in one period.
struct Round<'a> {
    rules: &'a ClassRules,
    now: i32,
    view: ClassView,
    energy_mwh: f64,
    work_mwh: f64,
    served: &'a mut Served,
}

impl<'a> Round<'a> {
    fn new(rules: &'a ClassRules, now: i32, served: &'a mut Served) -> Self {
        Self { rules, now, view: ClassView::default(), energy_mwh: 0.0, work_mwh: 0.0, served }
    }

    /// Serves, ends the period for every job, drops the finished ones, and sums up the rest for the next period.
    fn serve_queue(&mut self, queue: &mut Vec<Job>, dispatch: &mut impl Dispatch, room: &mut Room) {
        let mut kept = 0;
        let ages = !self.rules.value_steps.is_empty();
        for at in 0..queue.len() {
            // Moved up before it changes: reading back what was just written in parts would stall the processor.
            if kept < at {
                queue[kept] = queue[at];
            }
            let job = &mut queue[kept];
            if !job.must_run && !job.running && !ages && (room.optional_mw <= 0.0 || dispatch.is_spent()) {
                // It waits on, and nothing about it changes but the time.
                kept += 1;
                continue;
            }
            let usable = job.usable_mw(self.rules);
            let granted = if job.must_run {
                let power = lesser(usable, room.must_run_mw);
                room.must_run_mw -= power;
                power
            } else if room.optional_mw > 0.0 {
                let wanted = dispatch.grant(job, usable);
                let all = wanted >= usable && usable <= room.optional_mw;
                let power = if all { usable } else { self.fit(wanted, usable, room.optional_mw) };
                room.optional_mw -= power;
                power
            } else {
                0.0
            };
            self.run(job, granted, usable);
            if self.finish(job) {
                continue;
            }
            self.grow_older(job);
            kept += 1;
        }
        queue.truncate(kept);
        self.view = ClassView::of(queue, self.rules, self.now + 1);
    }

    /// Runs every job at full power.
    fn serve_all(&mut self, queue: &mut Vec<Job>) {
        let mut kept = 0;
        for at in 0..queue.len() {
            if kept < at {
                queue[kept] = queue[at];
            }
            let job = &mut queue[kept];
            let progress = lesser(job.left_periods, 1.0);
            job.left_periods -= progress;
            job.running = true;
            self.energy_mwh += progress * job.power_mw * PERIOD_HOURS;
            if self.finish(job) {
                continue;
            }
            self.grow_older(job);
            self.view.add_roughly(job, self.rules);
            kept += 1;
        }
        queue.truncate(kept);
    }

    /// What of a grant fits between the floor of the class and the room left.
    fn fit(&self, wanted: f64, usable: f64, room: f64) -> f64 {
        let floor = self.rules.power_floor * usable;
        if wanted.is_nan() || wanted <= 0.0 {
            0.0
        } else if wanted.clamp(floor, usable) <= room {
            wanted.clamp(floor, usable)
        } else if floor <= room {
            room
        } else {
            0.0
        }
    }

    /// Runs a job at a power for the period, or pauses it.
    fn run(&mut self, job: &mut Job, granted_mw: f64, usable_mw: f64) {
        if granted_mw > 0.0 {
            let period_share = lesser(job.left_periods, 1.0);
            let mut progress = period_share;
            let mut energy = period_share * job.power_mw * PERIOD_HOURS;
            if granted_mw < usable_mw {
                let share = granted_mw / usable_mw;
                progress *= self.rules.power_curve.throughput(share);
                energy *= share;
            }
            job.left_periods -= progress;
            self.energy_mwh += energy;
            self.work_mwh += progress * job.power_mw * PERIOD_HOURS;
            job.running = true;
        } else if job.running {
            let lost = job.lost_by_pausing(self.rules);
            job.left_periods += lost;
            self.served.lost += MegawattHours(lost * job.power_mw * PERIOD_HOURS);
            job.running = false;
        }
    }

    /// Counts lateness and steps of value of an unfinished job at the end of the period.
    fn grow_older(&mut self, job: &mut Job) {
        let next = self.now + 1;
        if job.deadline <= next {
            let served = job.work_periods - job.left_periods;
            job.overran |= job.deadline == next && served + 1e-9 >= job.estimate_periods;
            let late = MegawattHours(job.left_mwh());
            self.served.late += late;
            self.served.late_by_estimate += if job.overran { late } else { MegawattHours::ZERO };
        }
        if !self.rules.value_steps.is_empty() {
            self.served.value_lost_gbp += job.value_lost_gbp(self.rules, next);
        }
    }

    /// Counts a finished job; true if it is finished.
    fn finish(&mut self, job: &Job) -> bool {
        let late = job.deadline <= self.now;
        if job.left_periods <= DONE_PERIODS {
            // What rounding left is served too, so that energies add up exactly.
            let rest = job.left_mwh();
            self.energy_mwh += rest;
            self.work_mwh += rest;
            self.served.finished_in_time += u32::from(!late);
            self.served.finished_late += u32::from(late);
            self.served.finished_late_by_estimate += u32::from(late && job.overran);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

//! One class in one period: serves its queue, ends the period for every job, drops the finished ones.
//!
//! Always: no more is granted than there is room for, and no less than the floor of the class; what must run has its
//! share before anything optional. Not here: the order of classes (`pool.rs`).

use super::MAX_CLASSES;
use super::dispatch::Dispatch;
use super::summary::ClassView;
use crate::units::{MegawattHours, PERIOD_HOURS};
use crate::workload::job::{ClassRules, Job, lesser};

/// Work left below this is rounding, not work (periods at full power; 0.001 Wh of a job of 2 MW). It is served on top of
/// what was granted, so that it must not be seen above the capacity either.
const DONE_PERIODS: f64 = 1e-9;

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

/// Power still to be had in a period: what must run has its share reserved before anything optional.
pub(super) struct Room {
    pub(super) must_run_mw: f64,
    pub(super) optional_mw: f64,
}

/// One class in one period.
pub(super) struct Round<'a> {
    rules: &'a ClassRules,
    now: i32,
    pub(super) view: ClassView,
    pub(super) energy_mwh: f64,
    pub(super) work_mwh: f64,
    served: &'a mut Served,
}

impl<'a> Round<'a> {
    pub(super) fn new(rules: &'a ClassRules, now: i32, served: &'a mut Served) -> Self {
        Self { rules, now, view: ClassView::default(), energy_mwh: 0.0, work_mwh: 0.0, served }
    }

    /// Serves, ends the period for every job, drops the finished ones, and sums up the rest for the next period.
    pub(super) fn serve_queue(&mut self, queue: &mut Vec<Job>, dispatch: &mut impl Dispatch, room: &mut Room) {
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
            if ages || job.deadline <= self.now + 1 {
                self.grow_older(job);
            }
            kept += 1;
        }
        queue.truncate(kept);
        self.view = ClassView::of(queue, self.rules, self.now + 1);
    }

    /// Runs every job at full power.
    pub(super) fn serve_all(&mut self, queue: &mut Vec<Job>) {
        let (rules, next) = (self.rules, self.now + 1);
        let ages = !rules.value_steps.is_empty();
        let mut kept = 0;
        // Local numbers stay in registers.
        let (mut energy, mut available, mut truth) = (0.0, 0.0, 0.0);
        for at in 0..queue.len() {
            if kept < at {
                queue[kept] = queue[at];
            }
            let job = &mut queue[kept];
            let progress = lesser(job.left_periods, 1.0);
            job.left_periods -= progress;
            job.running = true;
            energy += progress * job.power_mw * PERIOD_HOURS;
            if job.left_periods <= DONE_PERIODS {
                energy += job.left_mwh();
                self.count_finished(job);
                continue;
            }
            if ages || job.deadline <= next {
                self.grow_older(job);
            }
            available += job.usable_mw(rules);
            truth += job.left_mwh();
            kept += 1;
        }
        queue.truncate(kept);
        self.energy_mwh = energy;
        self.view = ClassView { jobs: kept as u32, available_mw: available, true_mwh: truth, ..ClassView::default() };
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
    #[inline(always)]
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
        if job.left_periods <= DONE_PERIODS {
            // What rounding left is served too, so that energies add up exactly.
            let rest = job.left_mwh();
            self.energy_mwh += rest;
            self.work_mwh += rest;
            self.count_finished(job);
            return true;
        }
        false
    }

    #[inline]
    fn count_finished(&mut self, job: &Job) {
        let late = job.deadline <= self.now;
        self.served.finished_in_time += u32::from(!late);
        self.served.finished_late += u32::from(late);
        self.served.finished_late_by_estimate += u32::from(late && job.overran);
    }
}

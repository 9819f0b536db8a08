//! Jobs waiting and running: serves them for one period after another.
//!
//! In: per class how much to run, and the compute capacity. Out: energy served, jobs finished, lateness.
//! Always: work served + work remaining = work released + work lost at checkpoints; inside a class the earliest
//! deadline goes first; a job whose latest start has come runs first; a late job stays, counted, never lost.
//! Not here: what the energy costs (`site/ledger.rs`).

use super::class::JobClassConfig;
use crate::units::{MegawattHours, Megawatts, PERIOD_HOURS};
use serde::{Deserialize, Serialize};

/// Work left below this is rounding, not work (1 Wh).
const DONE_MWH: f64 = 1e-6;

/// One job. Periods count from the start of the episode and may be negative for work brought along.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Index of its class.
    pub class: u8,
    /// IT power at full speed.
    pub power_mw: f64,
    /// IT energy it asked for.
    pub work_mwh: f64,
    /// IT energy still to be served.
    pub remaining_mwh: f64,
    /// First period in which it may run.
    pub release: i32,
    /// First period in which it must be finished.
    pub deadline: i32,
    /// Whether it ran in the period before.
    pub running: bool,
    /// Power granted in the period being served; 0 between periods.
    pub granted_mw: f64,
}

/// What one period of serving brought.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Served {
    /// IT energy served.
    pub energy: MegawattHours,
    /// Work lost because running jobs were paused.
    pub lost: MegawattHours,
    /// Work past its deadline after this period.
    pub late: MegawattHours,
    /// Jobs finished by their deadline.
    pub finished_in_time: u32,
    /// Jobs finished after their deadline.
    pub finished_late: u32,
    /// Work that had to run by its deadline but found no capacity.
    pub refused: MegawattHours,
    /// IT energy served, MWh by class.
    pub by_class_mwh: [f64; MAX_CLASSES],
}

/// What a class holds now, for observations and rules.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ClassView {
    /// Jobs released and unfinished.
    pub jobs: u32,
    /// Power if all of them ran.
    pub available_mw: f64,
    /// Power of those that must run now.
    pub must_run_mw: f64,
    /// Their work left.
    pub queued_mwh: f64,
}

/// All released, unfinished jobs of a site.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct JobPool {
    /// One queue per class, earliest deadline first.
    queues: Vec<Vec<Job>>,
}

impl Job {
    /// Periods it could still wait before it must run at full power without pause; negative if it is too late.
    pub fn slack(&self, now: i32) -> f64 {
        f64::from(self.deadline - now) - self.remaining_mwh / (self.power_mw * PERIOD_HOURS)
    }

    /// Power it can use in one period: full power, or what finishes it.
    pub fn usable_mw(&self) -> f64 {
        self.power_mw.min(self.remaining_mwh / PERIOD_HOURS)
    }

    fn must_run(&self, class: &JobClassConfig, now: i32) -> bool {
        // Its latest start has come: what a wait would leave does not fit into the periods after this one.
        let later = f64::from(self.deadline - now - 1) + 1e-9;
        let left = self.remaining_mwh + if self.running { self.lost_by_pausing(class) } else { 0.0 };
        left > self.power_mw * PERIOD_HOURS * later || (self.running && !class.interruptible)
    }

    /// Work since the last checkpoint, which a pause throws away; never more than was done.
    fn lost_by_pausing(&self, class: &JobClassConfig) -> f64 {
        (class.checkpoint_minutes / 60.0 * self.power_mw).min(self.work_mwh - self.remaining_mwh).max(0.0)
    }
}

impl JobPool {
    /// Empty queues for a number of classes.
    pub fn new(classes: usize) -> Self {
        Self { queues: (0..classes).map(|_| Vec::with_capacity(128)).collect() }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.queues.len()
    }

    /// Jobs past their deadline at the start of period `now`.
    pub fn late_jobs(&self, now: i32) -> usize {
        self.queues.iter().flatten().filter(|j| j.deadline <= now).count()
    }

    /// Forgets all jobs.
    pub fn clear(&mut self) {
        self.queues.iter_mut().for_each(Vec::clear);
    }

    /// Takes over the jobs of another pool.
    pub fn copy_from(&mut self, other: &JobPool) {
        for (mine, theirs) in self.queues.iter_mut().zip(&other.queues) {
            mine.clear();
            mine.extend_from_slice(theirs);
        }
    }

    /// Adds a job at its place by deadline.
    pub fn push(&mut self, job: Job) {
        let queue = &mut self.queues[usize::from(job.class)];
        let at = queue.partition_point(|j| j.deadline <= job.deadline);
        queue.insert(at, job);
    }

    /// The jobs of a class, earliest deadline first.
    pub fn jobs(&self, class: usize) -> &[Job] {
        &self.queues[class]
    }

    /// Work not yet served, all classes together.
    pub fn queued(&self) -> MegawattHours {
        MegawattHours(self.queues.iter().flatten().map(|j| j.remaining_mwh).sum())
    }

    /// Work past its deadline at the start of period `now`.
    pub fn late(&self, now: i32) -> MegawattHours {
        let late = self.queues.iter().flatten().filter(|j| j.deadline <= now);
        MegawattHours(late.map(|j| j.remaining_mwh).sum())
    }

    /// Shifts all periods so that `by` becomes period 0.
    pub fn rebase(&mut self, by: i32) {
        for job in self.queues.iter_mut().flatten() {
            job.release -= by;
            job.deadline -= by;
        }
    }

    /// Summary of a class.
    pub fn view(&self, classes: &[JobClassConfig], class: usize, now: i32) -> ClassView {
        let mut view = ClassView::default();
        for job in &self.queues[class] {
            let usable = job.usable_mw();
            view.jobs += 1;
            view.available_mw += usable;
            view.queued_mwh += job.remaining_mwh;
            if job.must_run(&classes[class], now) {
                view.must_run_mw += usable;
            }
        }
        view
    }

    /// Serves one period: what must run first, then of each class up to the share `run[class]` of what is available.
    ///
    /// `run` is in `[0, 1]` per class; `capacity` is the IT power left for jobs.
    pub fn serve(&mut self, classes: &[JobClassConfig], run: &[f64], capacity: Megawatts, now: i32) -> Served {
        let mut served = Served::default();
        let mut left_mw = capacity.0.max(0.0);
        let mut granted_mw = [0.0_f64; MAX_CLASSES];
        let must_run_total: f64 = (0..classes.len()).map(|c| self.must_run_mw(classes, c, now)).sum();
        served.refused = Megawatts((must_run_total - left_mw).max(0.0)).over_period();
        for (c, class) in classes.iter().enumerate() {
            granted_mw[c] = self.serve_must_run(c, class, now, &mut left_mw, &mut served);
        }
        for (c, class) in classes.iter().enumerate() {
            self.serve_optional(c, class, run[c], granted_mw[c], now, &mut left_mw, &mut served);
        }
        for (queue, class) in self.queues.iter_mut().zip(classes) {
            settle_queue(queue, class, now, &mut served);
        }
        served.late = self.late(now + 1);
        served
    }

    fn must_run_mw(&self, classes: &[JobClassConfig], class: usize, now: i32) -> f64 {
        let jobs = self.queues[class].iter().filter(|j| j.must_run(&classes[class], now));
        jobs.map(Job::usable_mw).sum()
    }

    fn serve_must_run(
        &mut self,
        c: usize,
        class: &JobClassConfig,
        now: i32,
        left_mw: &mut f64,
        served: &mut Served,
    ) -> f64 {
        let mut granted = 0.0;
        for job in &mut self.queues[c] {
            if job.must_run(class, now) {
                let power = job.usable_mw().min(*left_mw);
                granted += run_job(job, power, left_mw, served);
            }
        }
        granted
    }

    /// The last job of the share is slowed if its class allows, else rounded to on or off.
    fn serve_optional(
        &mut self,
        c: usize,
        class: &JobClassConfig,
        share: f64,
        already_mw: f64,
        now: i32,
        left_mw: &mut f64,
        served: &mut Served,
    ) {
        let waiting: f64 = self.queues[c].iter().filter(|j| j.granted_mw == 0.0).map(Job::usable_mw).sum();
        let mut wanted = share.clamp(0.0, 1.0) * (waiting + already_mw) - already_mw;
        for job in &mut self.queues[c] {
            if job.granted_mw > 0.0 || job.must_run(class, now) {
                continue;
            }
            let full = job.usable_mw();
            let floor = class.power_floor * full;
            let power = if wanted >= full {
                full
            } else if wanted >= floor {
                wanted
            } else if wanted >= 0.5 * floor {
                floor
            } else {
                continue;
            };
            let power = if power <= *left_mw {
                power
            } else if *left_mw >= floor {
                *left_mw
            } else {
                continue;
            };
            wanted -= run_job(job, power, left_mw, served);
        }
    }
}

/// Most classes a site can have; keeps `serve` free of allocation.
pub const MAX_CLASSES: usize = 16;

/// Runs a job at a power for one period and returns that power.
fn run_job(job: &mut Job, power_mw: f64, left_mw: &mut f64, served: &mut Served) -> f64 {
    let energy = power_mw * PERIOD_HOURS;
    job.granted_mw = power_mw;
    job.remaining_mwh -= energy;
    *left_mw -= power_mw;
    served.energy += MegawattHours(energy);
    served.by_class_mwh[usize::from(job.class)] += energy;
    power_mw
}

/// Ends the period for a queue: pauses cost work, finished jobs leave and are counted.
fn settle_queue(queue: &mut Vec<Job>, class: &JobClassConfig, now: i32, served: &mut Served) {
    for job in queue.iter_mut() {
        let ran = job.granted_mw > 0.0;
        if job.running && !ran {
            let lost = job.lost_by_pausing(class);
            job.remaining_mwh += lost;
            served.lost += MegawattHours(lost);
        }
        job.running = ran;
        job.granted_mw = 0.0;
    }
    queue.retain(|job| {
        let unfinished = job.remaining_mwh > DONE_MWH;
        if !unfinished {
            // What rounding left is served too, so that energies add up exactly.
            served.energy += MegawattHours(job.remaining_mwh);
            if job.deadline > now {
                served.finished_in_time += 1;
            } else {
                served.finished_late += 1;
            }
        }
        unfinished
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(interruptible: bool, checkpoint_minutes: f64, power_floor: f64) -> JobClassConfig {
        JobClassConfig { interruptible, checkpoint_minutes, power_floor, ..JobClassConfig::default() }
    }

    fn job(power_mw: f64, hours: f64, deadline: i32) -> Job {
        let work_mwh = power_mw * hours;
        Job {
            class: 0,
            power_mw,
            work_mwh,
            remaining_mwh: work_mwh,
            release: 0,
            deadline,
            running: false,
            granted_mw: 0.0,
        }
    }

    fn pool(jobs: &[Job]) -> JobPool {
        let mut pool = JobPool::new(1);
        jobs.iter().for_each(|j| pool.push(*j));
        pool
    }

    const ROOM: Megawatts = Megawatts(100.0);

    #[test]
    fn a_job_waits_until_its_latest_start_and_then_runs_to_its_deadline() {
        let classes = [class(true, 0.0, 1.0)];
        let mut pool = pool(&[job(1.0, 1.0, 4)]);
        let energies: Vec<f64> = (0..4).map(|t| pool.serve(&classes, &[0.0], ROOM, t).energy.0).collect();
        assert_eq!(energies, [0.0, 0.0, 0.5, 0.5]);
        assert_eq!(pool.queued(), MegawattHours(0.0));
    }

    #[test]
    fn the_earliest_deadline_is_served_first_inside_a_class() {
        let classes = [class(true, 0.0, 1.0)];
        let mut pool = pool(&[job(1.0, 1.0, 40), job(1.0, 1.0, 20)]);
        pool.serve(&classes, &[0.5], ROOM, 0);
        assert_eq!(pool.jobs(0)[0].remaining_mwh, 0.5);
        assert_eq!(pool.jobs(0)[1].remaining_mwh, 1.0);
    }

    #[test]
    fn a_started_job_that_cannot_be_interrupted_goes_on() {
        let classes = [class(false, 0.0, 1.0)];
        let mut pool = pool(&[job(1.0, 1.0, 40)]);
        pool.serve(&classes, &[1.0], ROOM, 0);
        assert_eq!(pool.serve(&classes, &[0.0], ROOM, 1).energy, MegawattHours(0.5));
    }

    #[test]
    fn pausing_a_running_job_loses_the_work_since_its_checkpoint() {
        let classes = [class(true, 6.0, 1.0)];
        let mut pool = pool(&[job(1.0, 2.0, 40)]);
        pool.serve(&classes, &[1.0], ROOM, 0);
        let paused = pool.serve(&classes, &[0.0], ROOM, 1);
        assert!((paused.lost.0 - 0.1).abs() < 1e-12);
        assert!((pool.queued().0 - 1.6).abs() < 1e-12);
        assert_eq!(pool.serve(&classes, &[0.0], ROOM, 2).lost, MegawattHours(0.0));
    }

    #[test]
    fn a_job_that_a_pause_would_make_late_goes_on() {
        let classes = [class(true, 6.0, 1.0)];
        let mut pool = pool(&[job(1.0, 1.0, 3)]);
        pool.serve(&classes, &[1.0], ROOM, 0);
        // One of two periods is left to wait for, but the pause would add 0.1 MWh to the 0.5 MWh that fit after it.
        assert_eq!(pool.view(&classes, 0, 1).must_run_mw, 1.0);
        let last = pool.serve(&classes, &[0.0], ROOM, 1);
        assert_eq!((last.lost, last.finished_in_time, last.finished_late), (MegawattHours(0.0), 1, 0));
    }

    #[test]
    fn a_job_is_slowed_only_down_to_its_power_floor() {
        let classes = [class(true, 0.0, 0.75)];
        let share = |run: f64| {
            let mut pool = pool(&[job(1.0, 2.0, 40)]);
            pool.serve(&classes, &[run], ROOM, 0).energy.0
        };
        assert_eq!(share(0.8), 0.4);
        assert_eq!(share(0.5), 0.375);
        assert_eq!(share(0.3), 0.0);
    }

    #[test]
    fn a_job_without_capacity_is_late_counted_and_kept() {
        let classes = [class(true, 0.0, 1.0)];
        let mut pool = pool(&[job(1.0, 0.5, 1)]);
        let first = pool.serve(&classes, &[1.0], Megawatts(0.4), 0);
        assert_eq!(first.energy, MegawattHours(0.2));
        assert!((first.late.0 - 0.3).abs() < 1e-12 && (first.refused.0 - 0.3).abs() < 1e-12);
        let second = pool.serve(&classes, &[0.0], ROOM, 1);
        assert!((second.energy.0 - 0.3).abs() < 1e-12);
        assert_eq!((second.finished_late, second.late), (1, MegawattHours(0.0)));
    }
}

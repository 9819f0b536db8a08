//! A plan, executed by the pool of the site: its classes, its deadlines, its conservation of work.
//!
//! In: tasks and when each should run. Out: the energy that the pool served in every half-hour.
//! Always: capacity is unlimited and there is no battery, as in the paper; what must run runs whatever the plan says.
//! Not here: making plans (`schedule.rs`), carbon (`report.rs`).

use super::carbon::HALF_HOURS;
use super::jobs::Task;
use super::schedule::{Plan, Strategy};
use crate::units::{Megawatts, PERIOD_HOURS};
use crate::workload::{ByJob, ClassRules, Job, JobClassConfig, JobPool};

/// Power of an ML job: 2036.6 W, the authors' notebook (an average of their GPU servers). It cancels out of every saving.
pub const JOB_POWER: Megawatts = Megawatts(2036.6e-6);
/// The only class.
const CLASS: u8 = 0;

/// What came of a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Execution {
    /// Half-hours of jobs served, by half-hour: energy over that of one job.
    pub active: Vec<f64>,
    /// Jobs finished by their deadline.
    pub finished_in_time: u32,
    /// Jobs finished after their deadline.
    pub finished_late: u32,
    /// Jobs that the pool still holds at the end.
    pub unfinished: usize,
    /// Work lost to pauses, MWh.
    pub lost_mwh: f64,
    /// Largest difference between energy served and energy planned in any half-hour, in half-hours of one job.
    pub deviation: f64,
}

impl Execution {
    /// Grams per kWh summed over all half-hours that jobs ran.
    pub fn emissions(&self, gco2_kwh: &[f64]) -> f64 {
        self.active.iter().zip(gco2_kwh).map(|(active, carbon)| active * carbon).sum()
    }

    /// Most jobs that ran at once.
    pub fn peak_jobs(&self) -> f64 {
        self.active.iter().copied().fold(0.0, f64::max)
    }
}

/// Runs tasks, sorted by release, through the pool as planned.
pub fn execute(tasks: &[Task], plan: &Plan, strategy: Strategy) -> Execution {
    let class = JobClassConfig { interruptible: strategy == Strategy::Interruptible, ..JobClassConfig::default() };
    let rules = [ClassRules::new(&class)];
    let first = first_by_release(tasks);
    let mut pool = JobPool::new(rules.len());
    let mut result = Execution { active: vec![0.0; HALF_HOURS], ..Execution::default() };
    let per_job = JOB_POWER.0 * PERIOD_HOURS;
    for t in 0..HALF_HOURS {
        for task in &tasks[first[t]..first[t + 1]] {
            let job = Job::new(CLASS, JOB_POWER.0, f64::from(task.duration), task.release, task.deadline);
            pool.push(&rules, job, t as i32);
        }
        if pool.is_empty() {
            continue;
        }
        let mut by_plan = ByJob(|job: &Job| {
            // Tasks alike in release, duration and deadline have the same plan, so that any of them will do.
            let release = job.release as usize;
            let alike = |task: &Task| task.deadline == job.deadline && f64::from(task.duration) == job.work_periods;
            let at = tasks[first[release]..first[release + 1]].iter().position(alike);
            at.map_or(0.0, |at| f64::from(u8::from(plan.runs(first[release] + at, t - release))))
        });
        let served = pool.serve(&rules, &[CLASS], &mut by_plan, Megawatts(f64::INFINITY), t as i32);
        result.active[t] = served.energy.0 / per_job;
        result.finished_in_time += served.finished_in_time;
        result.finished_late += served.finished_late;
        result.lost_mwh += served.lost.0;
    }
    result.unfinished = pool.len();
    result.deviation = deviation(tasks, plan, &result.active);
    result
}

/// Where the tasks of each half-hour begin in the list, and where the list ends.
fn first_by_release(tasks: &[Task]) -> Vec<usize> {
    debug_assert!(tasks.is_sorted_by_key(|task| task.release));
    let mut first = Vec::with_capacity(HALF_HOURS + 1);
    let mut at = 0;
    for t in 0..=HALF_HOURS {
        while tasks.get(at).is_some_and(|task| (task.release as usize) < t) {
            at += 1;
        }
        first.push(at);
    }
    first
}

fn deviation(tasks: &[Task], plan: &Plan, active: &[f64]) -> f64 {
    let mut planned = vec![0_u32; active.len()];
    for (index, task) in tasks.iter().enumerate() {
        for (count, runs) in planned[task.release as usize..].iter_mut().zip(plan.window(index)) {
            *count += u32::from(*runs);
        }
    }
    active.iter().zip(planned).map(|(active, planned)| (active - f64::from(planned)).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::carbon::tests::made_up;
    use super::super::jobs::{DeadlineRule, ml_jobs, ml_tasks, nightly_tasks};
    use super::super::schedule::Forecast;
    use super::*;

    #[test]
    fn the_pool_serves_exactly_the_plan_of_every_ml_job() {
        let forecast = Forecast::new(made_up().gco2_kwh().to_vec());
        let jobs = ml_jobs();
        let half_hours: i32 = jobs.iter().map(|job| job.duration).sum();
        for rule in [DeadlineRule::AtOnce, DeadlineRule::NextWorkday, DeadlineRule::SemiWeekly] {
            for (spare, strategy) in
                [0, 1].into_iter().flat_map(|s| [(s, Strategy::NonInterruptible), (s, Strategy::Interruptible)])
            {
                let tasks = ml_tasks(&jobs, rule, spare);
                let plan = Plan::new(&tasks, strategy, &forecast);
                let done = execute(&tasks, &plan, strategy);
                let work: f64 = done.active.iter().sum();
                let what = format!("{rule:?} {strategy:?} {spare}");
                assert_eq!((done.finished_in_time, done.finished_late, done.unfinished), (3387, 0, 0), "{what}");
                assert!((work - f64::from(half_hours)).abs() < 1e-6, "{what}: {work}");
                assert!(done.deviation < 1e-9 && done.lost_mwh == 0.0, "{what}: {}", done.deviation);
            }
        }
    }

    #[test]
    fn jobs_that_cannot_wait_run_when_they_are_issued() {
        let jobs = ml_jobs();
        let tasks = ml_tasks(&jobs, DeadlineRule::AtOnce, 0);
        let plan = Plan::new(&tasks, Strategy::NonInterruptible, &Forecast::new(vec![1.0; HALF_HOURS]));
        let done = execute(&tasks, &plan, Strategy::NonInterruptible);
        // 14:00 on 2 January 2020: counted from the job list itself.
        let t = 48 + 28;
        let running = jobs.iter().filter(|job| job.arrival <= t && t < job.arrival + job.duration).count();
        assert!((done.active[t as usize] - running as f64).abs() < 1e-9 && running > 5, "{running}");
    }

    #[test]
    fn a_plan_that_ends_too_late_is_overruled_by_the_deadline_and_the_deviation_shows_it() {
        let tasks = [Task { release: 0, duration: 2, deadline: 4 }];
        let late = Plan::new(
            &[Task { release: 0, duration: 2, deadline: 8 }],
            Strategy::NonInterruptible,
            &Forecast::new(vec![9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 1.0, 1.0]),
        );
        let done = execute(&tasks, &late, Strategy::NonInterruptible);
        let near = |t: usize, x: f64| (done.active[t] - x).abs() < 1e-9;
        assert!(near(1, 0.0) && near(2, 1.0) && near(3, 1.0) && near(6, 0.0));
        assert_eq!((done.finished_in_time, done.finished_late), (1, 0));
        assert!((done.deviation - 1.0).abs() < 1e-9);
    }

    #[test]
    fn nightly_jobs_all_run_once() {
        let forecast = Forecast::new(made_up().gco2_kwh().to_vec());
        for half_width in [0, 1, 16] {
            let tasks = nightly_tasks(half_width);
            let plan = Plan::new(&tasks, Strategy::NonInterruptible, &forecast);
            let done = execute(&tasks, &plan, Strategy::NonInterruptible);
            assert_eq!((done.finished_in_time as usize, done.unfinished), (tasks.len(), 0));
            assert!(done.deviation < 1e-9 && (done.peak_jobs() - 1.0).abs() < 1e-9);
        }
    }
}

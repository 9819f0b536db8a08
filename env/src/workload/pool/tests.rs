//! A pool serves, pauses, slows and finishes jobs as their class says.

use super::*;
use crate::units::PERIOD_HOURS;
use crate::workload::{JobClassConfig, PowerCurve};

fn class(interruptible: bool, checkpoint_minutes: f64, power_floor: f64) -> JobClassConfig {
    JobClassConfig { interruptible, checkpoint_minutes, power_floor, ..JobClassConfig::default() }
}

fn job(power_mw: f64, hours: f64, deadline: i32) -> Job {
    Job::new(0, power_mw, hours / PERIOD_HOURS, 0, deadline)
}

/// A pool of one class.
struct OneClass {
    pool: JobPool,
    rules: [ClassRules; 1],
}

fn pool(class: &JobClassConfig, jobs: &[Job]) -> OneClass {
    let (mut pool, rules) = (JobPool::new(1), [ClassRules::new(class)]);
    jobs.iter().for_each(|j| pool.push(&rules, *j, 0));
    OneClass { pool, rules }
}

impl OneClass {
    fn serve(&mut self, run: f64, room: Megawatts, now: i32) -> Served {
        self.pool.serve(&self.rules, &[0], &mut Shares::new(&[run], &[]), room, now)
    }
}

const ROOM: Megawatts = Megawatts(100.0);

#[test]
fn a_job_waits_until_its_latest_start_and_then_runs_to_its_deadline() {
    let mut pool = pool(&class(true, 0.0, 1.0), &[job(1.0, 1.0, 4)]);
    let energies: Vec<f64> = (0..4).map(|t| pool.serve(0.0, ROOM, t).energy.0).collect();
    assert_eq!(energies, [0.0, 0.0, 0.5, 0.5]);
    assert_eq!(pool.pool.queued(), MegawattHours(0.0));
}

#[test]
fn the_earliest_deadline_is_served_first_inside_a_class() {
    let mut pool = pool(&class(true, 0.0, 1.0), &[job(1.0, 1.0, 40), job(1.0, 1.0, 20)]);
    pool.serve(0.5, ROOM, 0);
    assert_eq!(pool.pool.jobs(0)[0].left_mwh(), 0.5);
    assert_eq!(pool.pool.jobs(0)[1].left_mwh(), 1.0);
}

#[test]
fn a_started_job_that_cannot_be_interrupted_goes_on() {
    let mut pool = pool(&class(false, 0.0, 1.0), &[job(1.0, 1.0, 40)]);
    pool.serve(1.0, ROOM, 0);
    assert_eq!(pool.serve(0.0, ROOM, 1).energy, MegawattHours(0.5));
}

#[test]
fn pausing_a_running_job_loses_the_work_since_its_checkpoint() {
    let mut pool = pool(&class(true, 6.0, 1.0), &[job(1.0, 2.0, 40)]);
    pool.serve(1.0, ROOM, 0);
    let paused = pool.serve(0.0, ROOM, 1);
    assert!((paused.lost.0 - 0.1).abs() < 1e-12);
    assert!((pool.pool.queued().0 - 1.6).abs() < 1e-12);
    assert_eq!(pool.serve(0.0, ROOM, 2).lost, MegawattHours(0.0));
}

#[test]
fn a_job_that_a_pause_would_make_late_goes_on() {
    let mut pool = pool(&class(true, 6.0, 1.0), &[job(1.0, 1.0, 3)]);
    pool.serve(1.0, ROOM, 0);
    // One of two periods is left to wait for, but the pause would add 0.1 MWh to the 0.5 MWh that fit after it.
    assert_eq!(pool.pool.view(0).must_run_mw, 1.0);
    let last = pool.serve(0.0, ROOM, 1);
    assert_eq!((last.lost, last.finished_in_time, last.finished_late), (MegawattHours(0.0), 1, 0));
}

#[test]
fn a_job_is_slowed_only_down_to_its_power_floor() {
    let class = class(true, 0.0, 0.75);
    let share = |run: f64| {
        let mut pool = pool(&class, &[job(1.0, 2.0, 40)]);
        pool.serve(run, ROOM, 0).energy.0
    };
    assert_eq!(share(0.8), 0.4);
    assert_eq!(share(0.5), 0.375);
    assert_eq!(share(0.3), 0.0);
}

#[test]
fn a_job_without_capacity_is_late_counted_and_kept() {
    let mut pool = pool(&class(true, 0.0, 1.0), &[job(1.0, 0.5, 1)]);
    let first = pool.serve(1.0, Megawatts(0.4), 0);
    assert_eq!(first.energy, MegawattHours(0.2));
    assert!((first.late.0 - 0.3).abs() < 1e-12 && (first.refused.0 - 0.3).abs() < 1e-12);
    let second = pool.serve(0.0, ROOM, 1);
    assert!((second.energy.0 - 0.3).abs() < 1e-12);
    assert_eq!((second.finished_late, second.late), (1, MegawattHours(0.0)));
}

#[test]
fn a_job_that_nearly_fits_does_not_exceed_the_capacity() {
    let short = Megawatts(2.0 * (1.0 - 4e-7));
    let mut pool = pool(&class(true, 0.0, 1.0), &[job(2.0, 0.5, 1)]);
    let first = pool.serve(1.0, short, 0);
    // What is missing is not rounding: 0.4 Wh, which the next period brings.
    assert!(first.energy.0 <= short.over_period().0 + 1e-9, "{:?}", first.energy);
    assert_eq!((first.finished_in_time, pool.pool.len()), (0, 1));
    let second = pool.serve(1.0, short, 1);
    assert!((first.energy.0 + second.energy.0 - 1.0).abs() < 1e-12);
    assert_eq!((second.finished_late, pool.pool.len()), (1, 0));
}

#[test]
fn slowing_along_a_measured_curve_does_more_work_than_its_share_of_energy() {
    let class = JobClassConfig { power_curve: PowerCurve::Inference, ..class(true, 0.0, 0.7) };
    let mut pool = pool(&class, &[job(1.0, 2.0, 40)]);
    let served = pool.serve(0.8, ROOM, 0);
    assert_eq!(served.energy, MegawattHours(0.4));
    assert!(served.work.0 > 0.44 && served.work.0 < 0.5, "{:?}", served.work);
    assert!((pool.pool.queued().0 - (2.0 - served.work.0)).abs() < 1e-12);
}

#[test]
fn the_summary_kept_is_the_summary_made_anew() {
    let class = JobClassConfig { duration_estimate_log_sd: 0.3, ..class(true, 6.0, 0.7) };
    let jobs: Vec<Job> = (0..40)
        .map(|i| Job {
            left_periods: 1.0 + 0.37 * f64::from(i % 7),
            work_periods: 1.0 + 0.37 * f64::from(i % 7),
            ..job(0.1 + 0.01 * f64::from(i), 1.0, 4 + i % 11)
        })
        .collect();
    let mut pool = pool(&class, &jobs);
    for t in 0..12 {
        pool.serve(0.1 * f64::from(t % 10), Megawatts(3.0), t);
        let kept = *pool.pool.view(0);
        pool.pool.refresh(&pool.rules, t + 1);
        assert_eq!(kept, *pool.pool.view(0), "after period {t}");
    }
}

#[test]
fn what_cannot_be_interrupted_goes_on_after_it_was_starved_of_capacity() {
    let mut pool = pool(&class(false, 0.0, 1.0), &[job(1.0, 2.0, 40)]);
    pool.serve(1.0, ROOM, 0);
    assert_eq!(pool.serve(1.0, Megawatts(0.0), 1).energy, MegawattHours(0.0));
    assert_eq!(pool.pool.view(0).must_run_mw, 1.0);
    assert_eq!(pool.serve(0.0, ROOM, 2).energy, MegawattHours(0.5));
}

#[test]
fn the_truth_of_a_duration_is_revealed_at_the_end_only() {
    let class = JobClassConfig { duration_estimate_log_sd: 0.3, ..class(true, 0.0, 1.0) };
    let estimated = job(1.0, 1.0, 4);
    let longer = Job { work_periods: 3.0, left_periods: 3.0, ..estimated };
    let shorter = Job { work_periods: 1.5, left_periods: 1.5, ..estimated };
    let course = |job: Job| {
        let mut pool = pool(&class, &[job]);
        let mut seen = Vec::new();
        for t in 0..2 {
            seen.push((pool.pool.view(0).available_mw, pool.pool.view(0).queued_mwh, pool.pool.view(0).must_run_mw));
            pool.serve(1.0, ROOM, t);
        }
        seen
    };
    assert_eq!(course(longer), course(estimated));
    assert_eq!(course(shorter), course(estimated));
}

#[test]
fn lateness_that_a_wrong_estimate_caused_is_counted_apart() {
    let class = JobClassConfig { duration_estimate_log_sd: 0.3, ..class(true, 0.0, 1.0) };
    let longer = Job { work_periods: 4.0, left_periods: 4.0, ..job(1.0, 1.0, 2) };
    let mut surprised = pool(&class, &[longer]);
    // It looks as if two periods would do, so it runs from the start, and still is not done at its deadline.
    let late: Vec<f64> = (0..3).map(|t| surprised.serve(0.0, ROOM, t).late_by_estimate.0).collect();
    assert_eq!(late, [0.0, 1.0, 0.5]);
    assert_eq!(surprised.serve(0.0, ROOM, 3).finished_late_by_estimate, 1);
    // Starved of capacity, the same job is late by no fault of its estimate.
    let mut starved = pool(&class, &[longer]);
    starved.serve(0.0, Megawatts(0.0), 0);
    let served = starved.serve(0.0, Megawatts(0.0), 1);
    assert_eq!((served.late, served.late_by_estimate), (MegawattHours(2.0), MegawattHours(0.0)));
}

#[test]
fn a_job_loses_value_once_when_it_passes_a_step() {
    let step = |slack_used, loss_gbp_per_mwh| crate::workload::ValueStep { slack_used, loss_gbp_per_mwh };
    let class = JobClassConfig { value_steps: vec![step(0.5, 10.0), step(1.0, 30.0)], ..class(true, 0.0, 1.0) };
    // One hour of work, four of slack: the first step comes after two hours of waiting and the hour it needs.
    let mut pool = pool(&class, &[job(2.0, 1.0, 10)]);
    let lost: Vec<f64> = (0..9).map(|t| pool.serve(0.0, ROOM, t).value_lost_gbp).collect();
    assert_eq!(lost.iter().sum::<f64>(), 20.0);
    assert_eq!(lost[5], 20.0, "{lost:?}");
}

#[test]
fn running_everything_at_once_is_what_serving_full_shares_does() {
    let class = JobClassConfig { duration_estimate_log_sd: 0.3, ..class(true, 6.0, 0.7) };
    let rules = [ClassRules::new(&class)];
    let (mut ordered, mut rough) = (JobPool::new(1), JobPool::new(1));
    for t in 0..60 {
        for i in 0..(t * 7) % 5 {
            let hours = 0.4 + 0.3 * f64::from((t + 3 * i) % 6);
            let job = Job { release: t, deadline: t + 4 + (5 * i) % 7, ..job(0.2 + 0.05 * f64::from(i), hours, 0) };
            ordered.push(&rules, job, t);
            rough.append(&rules, job);
        }
        // Now and then there is not room for all.
        let room = Megawatts(if t % 9 < 3 { 0.6 } else { 5.0 });
        let a = ordered.serve(&rules, &[0], &mut Shares::new(&[1.0], &[]), room, t);
        let b = rough.serve_at_once(&rules, &[0], &[1.0], true, room, t);
        assert!((a.energy.0 - b.energy.0).abs() < 1e-12 && (a.late.0 - b.late.0).abs() < 1e-12, "period {t}");
        assert_eq!((a.finished_in_time, a.finished_late), (b.finished_in_time, b.finished_late), "period {t}");
        assert!((ordered.queued().0 - rough.queued().0).abs() < 1e-12);
    }
}

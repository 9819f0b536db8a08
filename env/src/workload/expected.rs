//! What is to be expected of work that has not arrived yet, for those who plan.
//!
//! In: jobs drawn from the distribution of a class. Out: how much of their work can be done, must be done and is due by
//! the periods after their arrival.
//! Always: the same for everybody and known beforehand; nothing here has seen a job that will arrive.
//! Not here: when they arrive (`generator.rs`).

use super::job::{ClassRules, Job};
use crate::units::PERIOD_HOURS;

/// Periods after its arrival that a profile covers: a week.
const PROFILE_PERIODS: usize = 336;

/// The mean course of a MWh of work of a class after its arrival; index 0 is the end of the period it arrives in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ArrivalProfile {
    /// Share of it that can be done by then if it runs at once.
    pub earliest: Vec<f64>,
    /// Share of it that must be done by then for nothing to be late.
    pub latest: Vec<f64>,
    /// Share of it whose deadline lies there or before.
    pub due: Vec<f64>,
    /// Power of its jobs whose deadline has not passed at the start of the period, MW.
    pub open_mw: Vec<f64>,
    /// Mean periods from arrival to deadline, by work.
    pub due_periods: f64,
}

impl ArrivalProfile {
    /// The mean over jobs released in period 0, weighted by their work.
    pub(super) fn of_jobs(jobs: impl Iterator<Item = Job>, rules: &ClassRules) -> Self {
        let zeros = || vec![0.0; PROFILE_PERIODS];
        let mut profile = Self { earliest: zeros(), latest: zeros(), due: zeros(), open_mw: zeros(), due_periods: 0.0 };
        let mut total_mwh = 0.0;
        for job in jobs {
            let work = job.expected_periods(rules);
            total_mwh += work * job.power_mw * PERIOD_HOURS;
            profile.add(&job, work);
        }
        let per_mwh = if total_mwh > 0.0 { 1.0 / total_mwh } else { 0.0 };
        for curve in [&mut profile.earliest, &mut profile.latest, &mut profile.due] {
            let mut sum = 0.0;
            for value in curve.iter_mut() {
                sum += *value * per_mwh;
                *value = sum;
            }
        }
        profile.open_mw.iter_mut().for_each(|mw| *mw *= per_mwh);
        profile.due_periods = profile.due.iter().map(|share| 1.0 - share).sum::<f64>() + 1.0;
        profile
    }

    /// Adds what a job contributes period by period.
    fn add(&mut self, job: &Job, work: f64) {
        let energy = job.power_mw * PERIOD_HOURS;
        let open = (job.deadline.max(1) as usize).min(PROFILE_PERIODS);
        // The environment lets jobs wait whole periods.
        let slack = (f64::from(job.deadline) - work).max(0.0).floor();
        for age in 0..(work.ceil() as usize).min(PROFILE_PERIODS) {
            self.earliest[age] += energy * (work - age as f64).min(1.0);
        }
        for age in 0..open {
            let must = |end: f64| (end - slack).clamp(0.0, work);
            self.latest[age] += energy * (must(age as f64 + 1.0) - must(age as f64));
            self.open_mw[age] += job.power_mw;
        }
        if open == job.deadline.max(1) as usize {
            self.due[open - 1] += energy * work;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::JobClassConfig;

    #[test]
    fn a_job_of_three_half_hours_with_two_to_spare_must_run_from_the_third_on() {
        let rules = ClassRules::new(&JobClassConfig::default());
        let profile = ArrivalProfile::of_jobs([Job::new(0, 2.0, 3.0, 0, 5)].into_iter(), &rules);
        let third = 1.0 / 3.0;
        let near = |found: &[f64], expected: &[f64]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(near(&profile.earliest, &[third, 2.0 * third, 1.0, 1.0, 1.0, 1.0]), "{:?}", &profile.earliest[..6]);
        assert!(near(&profile.latest, &[0.0, 0.0, third, 2.0 * third, 1.0, 1.0]), "{:?}", &profile.latest[..6]);
        assert!(near(&profile.due, &[0.0, 0.0, 0.0, 0.0, 1.0, 1.0]), "{:?}", &profile.due[..6]);
        assert!((profile.due_periods - 5.0).abs() < 1e-12);
        // 2 MW for 3 MWh of work, until the deadline.
        assert!(near(&profile.open_mw, &[2.0 * third; 5]) && profile.open_mw[5] == 0.0, "{:?}", &profile.open_mw[..6]);
    }
}

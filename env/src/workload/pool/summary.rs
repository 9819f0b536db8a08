//! What a queue comes to: power, work and urgency of its jobs.
//!
//! In: the jobs of a class at the start of a period. Out: a [`ClassView`], and each job's mark whether it must run.
//! Always: a job added later counts as if it had been there, up to rounding.

use crate::units::PERIOD_HOURS;
use crate::workload::job::{ClassRules, Job, lesser, one_if};
use serde::{Deserialize, Serialize};

/// Urgency is counted as work whose slack is below these shares of the class's slack.
pub const URGENCY: [f64; 3] = [0.25, 0.5, 0.75];

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

impl ClassView {
    /// Counts power and true work of a job.
    pub(super) fn add_roughly(&mut self, job: &Job, rules: &ClassRules) {
        self.jobs += 1;
        self.available_mw += job.usable_mw(rules);
        self.true_mwh += job.left_mwh();
    }

    /// Sums up a queue as seen at the start of period `now`, and marks who must run.
    pub(super) fn of(queue: &mut [Job], rules: &ClassRules, now: i32) -> Self {
        if rules.uncertain || rules.checkpoint_periods > 0.0 {
            Self::of_kind::<false>(queue, rules, now)
        } else {
            Self::of_kind::<true>(queue, rules, now)
        }
    }

    /// `PLAIN` says that durations are known and that pausing throws nothing away.
    ///
    /// The sums are local numbers and free of branches on purpose: nobody can predict which job runs.
    fn of_kind<const PLAIN: bool>(queue: &mut [Job], rules: &ClassRules, now: i32) -> Self {
        let [mut available, mut must_run, mut running, mut queued, mut truth] = [0.0; 5];
        let [mut first, mut second, mut third] = [0.0; 3];
        let urgent = rules.urgent_slack;
        for job in queue.iter_mut() {
            let sight = Sight::of::<PLAIN>(job, rules, now);
            job.must_run = sight.must_run;
            available += sight.usable_mw;
            must_run += one_if(sight.must_run) * sight.usable_mw;
            running += one_if(job.running) * sight.usable_mw;
            queued += sight.expected_mwh;
            if !PLAIN {
                truth += sight.true_mwh;
            }
            first += if sight.slack < urgent[0] { sight.expected_mwh } else { 0.0 };
            second += if sight.slack < urgent[1] { sight.expected_mwh } else { 0.0 };
            third += if sight.slack < urgent[2] { sight.expected_mwh } else { 0.0 };
        }
        Self {
            jobs: queue.len() as u32,
            available_mw: available,
            must_run_mw: must_run,
            running_mw: running,
            queued_mwh: queued,
            urgent_mwh: [first, second, third],
            true_mwh: if PLAIN { queued } else { truth },
        }
    }

    /// Counts one more job as seen at the start of period `now`, and marks whether it must run.
    pub(super) fn add(&mut self, job: &mut Job, rules: &ClassRules, now: i32) {
        let sight = Sight::of::<false>(job, rules, now);
        job.must_run = sight.must_run;
        self.jobs += 1;
        self.available_mw += sight.usable_mw;
        self.must_run_mw += one_if(sight.must_run) * sight.usable_mw;
        self.running_mw += one_if(job.running) * sight.usable_mw;
        self.queued_mwh += sight.expected_mwh;
        self.true_mwh += sight.true_mwh;
        let [first, second, third] = &mut self.urgent_mwh;
        *first += if sight.slack < rules.urgent_slack[0] { sight.expected_mwh } else { 0.0 };
        *second += if sight.slack < rules.urgent_slack[1] { sight.expected_mwh } else { 0.0 };
        *third += if sight.slack < rules.urgent_slack[2] { sight.expected_mwh } else { 0.0 };
    }
}

/// A job as a class counts it at the start of a period.
struct Sight {
    usable_mw: f64,
    slack: f64,
    expected_mwh: f64,
    true_mwh: f64,
    must_run: bool,
}

impl Sight {
    #[inline(always)]
    fn of<const PLAIN: bool>(job: &Job, rules: &ClassRules, now: i32) -> Self {
        let (usable_mw, expected) = if PLAIN {
            (job.power_mw * lesser(job.left_periods, 1.0), job.left_periods)
        } else {
            (job.usable_mw(rules), job.expected_periods(rules))
        };
        let slack = f64::from(job.deadline - now) - expected;
        let energy_per_period = job.power_mw * PERIOD_HOURS;
        Self {
            usable_mw,
            slack,
            expected_mwh: expected * energy_per_period,
            true_mwh: job.left_periods * energy_per_period,
            must_run: if PLAIN { job.is_due_without_stake(rules, slack) } else { job.is_due(rules, slack) },
        }
    }
}

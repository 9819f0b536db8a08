//! One job and the rules of its class.
//!
//! Always: work is counted in settlement periods at full power, so that no division by power is needed to tell how
//! urgent a job is. Not here: queues (`pool.rs`), where jobs come from (`generator.rs`).

use super::class::{JobClassConfig, ValueStep};
use super::pool::URGENCY;
use super::power_curve::PowerCurve;
use crate::units::PERIOD_HOURS;
use serde::{Deserialize, Serialize};

/// Slack below zero by no more than this is rounding, in periods; less than what a pool takes for done.
const ROUNDING_PERIODS: f64 = 1e-10;
/// What a job is believed to need at least once it has outlived its estimate, in periods.
const OVERRUN_PERIODS: f64 = 1.0;

/// No period of an episode is further away than this: half a century.
const FAR_PERIODS: i32 = 1_000_000;

/// One job. Periods count from the start of the episode and may be negative for work brought along.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// IT power at full speed.
    pub power_mw: f64,
    /// Work it truly needs, in periods at full power.
    pub work_periods: f64,
    /// Work still to be served, in periods at full power; truly, which nobody knows if durations are unknown.
    pub left_periods: f64,
    /// What `work_periods` is believed to be; equal to it where durations are known.
    pub estimate_periods: f64,
    /// First period in which it may run.
    pub release: i32,
    /// First period in which it must be finished.
    pub deadline: i32,
    /// First period in which it may move to another site: where it came from one, it stays for a while.
    pub settled: i32,
    /// Index of its class.
    pub class: u8,
    /// Whether it ran in the period before.
    pub running: bool,
    /// Whether its latest start has come (kept by the pool).
    pub must_run: bool,
    /// It would have been in time if its estimate had been true.
    pub overran: bool,
}

/// What serving needs to know of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassRules {
    /// Whether a started job may be paused.
    pub interruptible: bool,
    /// Work lost when a running job is paused, in periods at full power.
    pub checkpoint_periods: f64,
    /// Data that moves with a job, GB.
    pub data_gb: f64,
    /// Lowest power share of a running job.
    pub power_floor: f64,
    /// Throughput by power share.
    pub power_curve: PowerCurve,
    /// Slack below which a job counts as urgent, by degree.
    pub urgent_slack: [f64; 3],
    /// Durations are estimates.
    pub uncertain: bool,
    /// Steps of value.
    pub value_steps: Vec<ValueStep>,
}

impl ClassRules {
    /// The rules of a configured class.
    pub fn new(class: &JobClassConfig) -> Self {
        let slack_hours = class.slack_hours + class.slack_share_of_duration * class.duration_hours_median;
        Self {
            interruptible: class.interruptible,
            checkpoint_periods: class.checkpoint_minutes / 60.0 / PERIOD_HOURS,
            data_gb: class.data_gb_median,
            power_floor: class.power_floor,
            power_curve: class.power_curve,
            urgent_slack: URGENCY.map(|share| share * (slack_hours / PERIOD_HOURS).max(1.0)),
            uncertain: class.duration_estimate_log_sd > 0.0,
            value_steps: class.value_steps.clone(),
        }
    }
}

impl Job {
    /// A job of known duration.
    pub fn new(class: u8, power_mw: f64, work_periods: f64, release: i32, deadline: i32) -> Self {
        Self {
            power_mw,
            work_periods,
            left_periods: work_periods,
            estimate_periods: work_periods,
            release,
            deadline,
            settled: release,
            class,
            running: false,
            must_run: false,
            overran: false,
        }
    }

    /// Whether a saved job can be served: positive power and work, periods that are no accident.
    pub(crate) fn is_sound(&self) -> bool {
        let amounts = [self.power_mw, self.work_periods, self.estimate_periods];
        let near = |period: i32| (-FAR_PERIODS..=FAR_PERIODS).contains(&period);
        amounts.iter().all(|x| *x >= 0.0 && x.is_finite())
            // A pause can give back a rounding error more than was done.
            && (0.0..=self.work_periods * (1.0 + 1e-9)).contains(&self.left_periods)
            && near(self.release)
            && near(self.deadline)
            && near(self.settled)
    }

    /// IT energy it truly needs at full power, MWh.
    pub fn work_mwh(&self) -> f64 {
        self.work_periods * self.power_mw * PERIOD_HOURS
    }

    /// IT energy truly left at full power, MWh.
    pub fn left_mwh(&self) -> f64 {
        self.left_periods * self.power_mw * PERIOD_HOURS
    }

    /// Work believed to be left, in periods at full power.
    pub fn expected_periods(&self, rules: &ClassRules) -> f64 {
        if rules.uncertain && self.work_periods != self.estimate_periods {
            let surprise = self.work_periods - self.estimate_periods;
            (self.left_periods - surprise).max(OVERRUN_PERIODS)
        } else {
            self.left_periods
        }
    }

    /// Periods it could still wait before it must run at full power without pause; negative if it is too late.
    pub fn slack(&self, rules: &ClassRules, now: i32) -> f64 {
        f64::from(self.deadline - now) - self.expected_periods(rules)
    }

    /// Power to keep free for it in one period: full power, or what finishes it.
    ///
    /// Of an uncertain job nobody knows whether it ends within the period, so that it needs its full power.
    pub fn usable_mw(&self, rules: &ClassRules) -> f64 {
        if rules.uncertain { self.power_mw } else { self.power_mw * lesser(self.left_periods, 1.0) }
    }

    /// Work since the last checkpoint, which a pause throws away; never more than was done. In periods.
    pub fn lost_by_pausing(&self, rules: &ClassRules) -> f64 {
        // What was lost before can leave more than the whole work.
        lesser(rules.checkpoint_periods, (self.work_periods - self.left_periods).max(0.0))
    }

    /// Value lost because a step of it lies at the start of period `next`, in pounds; wherever the unfinished job is.
    pub fn value_lost_gbp(&self, rules: &ClassRules, next: i32) -> f64 {
        let slack = (f64::from(self.deadline - self.release) - self.estimate_periods).max(0.0);
        let due = |step: &&ValueStep| f64::from(self.deadline) - (1.0 - step.slack_used) * slack;
        let passed = rules.value_steps.iter().filter(|step| due(step).ceil() as i32 == next);
        passed.map(|step| step.loss_gbp_per_mwh * self.work_mwh()).sum()
    }

    /// Whether it must run in a period at whose start it has this slack: what a wait would leave does not fit into the
    /// periods after it.
    pub(super) fn is_due(&self, rules: &ClassRules, slack: f64) -> bool {
        let checkpoint = rules.checkpoint_periods > 0.0;
        let at_stake = if checkpoint { one_if(self.running) * self.lost_by_pausing(rules) } else { 0.0 };
        self.is_due_without_stake(rules, slack - at_stake)
    }

    /// The same where a wait throws nothing away.
    pub(super) fn is_due_without_stake(&self, rules: &ClassRules, slack: f64) -> bool {
        let started = self.left_periods < self.work_periods;
        (slack < 1.0 - ROUNDING_PERIODS) | (started & !rules.interruptible)
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

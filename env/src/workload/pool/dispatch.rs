//! Which waiting jobs run: by shares of a class, or job by job.
//!
//! In: the jobs of a class, earliest deadline first. Out: the power wished for each.
//! Not here: jobs that must run, capacity, floors (`round.rs`).

use super::summary::ClassView;
use crate::workload::job::{ClassRules, Job};

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

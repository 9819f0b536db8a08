//! Jobs that leave a queue before it is served.
//!
//! In: the queue of a class, who may leave it, and where each could go. Out: the queue without those who left.
//! Always: the most patient job is asked first; the order of those who stay is kept. Not here: where they go
//! (`site/migration.rs`).

use super::summary::ClassView;
use crate::workload::job::{ClassRules, Job, one_if};

/// Class of a job that has left its queue and is about to be dropped from it.
const GONE: u8 = u8::MAX;
/// A budget is exceeded by no more than this, which is rounding.
const BUDGET_ROUNDING_MW: f64 = 1e-9;

/// The queue of a class while jobs leave it.
pub(crate) struct Leaving {
    pub(super) class: usize,
    queue: Vec<Job>,
    /// The first one who has left, or its length.
    first: usize,
}

impl Leaving {
    pub(super) fn new(class: usize, queue: Vec<Job>) -> Self {
        Self { class, first: queue.len(), queue }
    }

    /// Asks each job that `may` leave and whose usable power fits into what is left of `budget_mw` whether it `leaves`.
    pub(crate) fn ask(
        &mut self,
        rules: &ClassRules,
        may: impl Fn(&Job) -> bool,
        mut budget_mw: f64,
        mut leaves: impl FnMut(&Job, f64) -> bool,
    ) {
        for (at, job) in self.queue.iter_mut().enumerate().rev() {
            let usable = job.usable_mw(rules);
            // One question for all that keeps a job here: nobody can predict which it is.
            if may(job) & (usable <= budget_mw + BUDGET_ROUNDING_MW) && leaves(job, usable) {
                budget_mw -= usable;
                job.class = GONE;
                self.first = at;
            }
        }
    }

    /// Drops those who left, and sums up the power of those who stay.
    pub(super) fn close_ranks(self, rules: &ClassRules, view: &mut ClassView) -> Vec<Job> {
        let Self { mut queue, first, .. } = self;
        if first == queue.len() {
            return queue;
        }
        let (mut kept, mut available, mut must_run) = (first, 0.0, 0.0);
        for job in &queue[..first] {
            let usable = job.usable_mw(rules);
            available += usable;
            must_run += one_if(job.must_run) * usable;
        }
        for at in first..queue.len() {
            let job = &queue[at];
            // Without a branch: nobody can predict who has left.
            let stays = job.class != GONE;
            let usable = one_if(stays) * job.usable_mw(rules);
            available += usable;
            must_run += one_if(job.must_run) * usable;
            queue[kept] = queue[at];
            kept += usize::from(stays);
        }
        queue.truncate(kept);
        view.jobs = kept as u32;
        view.available_mw = available;
        view.must_run_mw = must_run;
        queue
    }
}

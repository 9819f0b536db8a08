//! Jobs waiting and running: serves them for one period after another.
//!
//! In: per class how much to run, and the compute capacity. Out: energy served, jobs finished, lateness.
//! Always: work served + work left = work released + work lost at checkpoints; inside a class the earliest deadline
//! goes first; a job whose latest start has come runs first; a late job stays, counted, never lost.
//! Not here: what the energy costs (`site/ledger.rs`); who is chosen (`dispatch.rs`), how a class is served (`round.rs`),
//! what its queue comes to (`summary.rs`), who moves away (`leaving.rs`).
//!
//! One pass over the jobs serves a period and sums up what the next one will ask: urgency, power, queues. The sums are
//! kept per class, so that observing and deciding never look at a single job again.

mod batch;
mod dispatch;
mod leaving;
mod round;
mod summary;

pub use dispatch::{ByJob, Dispatch, Shares};
pub use round::Served;
pub use summary::{ClassView, URGENCY};

use super::job::{ClassRules, Job};
use crate::units::{MegawattHours, Megawatts};
use batch::{Batch, MOST};
pub(crate) use leaving::Leaving;
use round::{Room, Round};
use serde::{Deserialize, Serialize};

/// Most classes a site can have; keeps `serve` free of allocation.
pub const MAX_CLASSES: usize = 16;
/// Jobs per class that fit before a queue grows.
const QUEUE_CAPACITY: usize = 256;

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

    /// Reads a word of each of its sums. This and the next two fetch a pool in three rounds, one load of a round not waiting
    /// for another: what has left the cache since the period before then comes back all at once, and not line by line as it
    /// is worked on.
    pub(crate) fn warm_sums(&self) -> u64 {
        let sums = self.views[..self.queues.len()].iter().map(|view| view.true_mwh.to_bits());
        sums.fold(u64::from(self.rough), |sum, bits| sum ^ bits)
    }

    /// Reads how long each queue is.
    pub(crate) fn warm_queues(&self) -> u64 {
        self.queues.iter().fold(0, |sum, queue| sum ^ queue.len() as u64)
    }

    /// Reads a word of every cache line of its jobs.
    pub(crate) fn warm_jobs(&self) -> u64 {
        let jobs = self.queues.iter().flat_map(|queue| queue.iter());
        jobs.fold(0, |sum, job| sum ^ job.left_periods.to_bits())
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

    /// Adds those of `items` that are jobs which come now, as `job` says; they may be due before many others, as those
    /// from other sites are.
    ///
    /// They are put in order of class and deadline and then merged into each queue in one pass from its end, behind their
    /// equals: as if they had been added one by one.
    pub(crate) fn merge<T>(&mut self, rules: &[ClassRules], items: &[T], job: impl Fn(&T) -> Option<Job>, now: i32) {
        for items in items.chunks(MOST) {
            let mut batch = Batch::new();
            for (at, item) in items.iter().enumerate() {
                if let Some(mut job) = job(item) {
                    let class = usize::from(job.class);
                    self.views[class].add(&mut job, &rules[class], now);
                    batch.push(at, &job);
                }
            }
            batch.merge_into(&mut self.queues, |at| job(&items[at]).expect("it came when it was asked before"));
        }
    }

    /// Hands out the queue of a class, for jobs to leave it in the period for which it is summed up.
    pub(crate) fn leaving(&mut self, class: usize) -> Leaving {
        Leaving::new(class, std::mem::take(&mut self.queues[class]))
    }

    /// Takes back a queue that was handed out.
    ///
    /// Of the sums those are made anew that serving looks at, available power and that of jobs that must run; the others
    /// hold again once the period is served.
    pub(crate) fn stay(&mut self, leaving: Leaving, rules: &ClassRules) {
        let class = leaving.class;
        self.queues[class] = leaving.close_ranks(rules, &mut self.views[class]);
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

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

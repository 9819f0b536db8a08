//! Jobs that come to the queues together.
//!
//! In: jobs of any class, in the order of their coming. Out: queues, earliest deadline first, that hold them.
//! Always: a job stands behind those of the same deadline that were there before it, of queue and batch; nothing is
//! allocated. Not here: sums of a class (`summary.rs`).

use crate::workload::job::Job;

/// Jobs that are merged in one pass; more come in several.
pub(super) const MOST: usize = 64;

/// Which jobs come, and in which order they stand.
pub(super) struct Batch {
    /// Class, deadline, place among those that come, and whether it must run: a number that sorts as these do.
    keys: [u64; MOST],
    len: usize,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self { keys: [0; MOST], len: 0 }
    }

    /// Takes in the job at a place below [`MOST`], each place once.
    pub(super) fn push(&mut self, place: usize, job: &Job) {
        let deadline = u64::from(job.deadline.cast_unsigned() ^ (1 << 31));
        let order = u64::from(job.class) << 40 | deadline << 8;
        self.keys[self.len] = order | (place as u64) << 1 | u64::from(job.must_run);
        self.len += 1;
    }

    /// Puts all jobs where they belong; `job` hands out the one at a place.
    pub(super) fn merge_into(&mut self, queues: &mut [Vec<Job>], job: impl Fn(usize) -> Job) {
        let keys = &mut self.keys[..self.len];
        keys.sort_unstable();
        for same in keys.chunk_by(|a, b| a >> 40 == b >> 40) {
            let class = (same[0] >> 40) as usize;
            let coming = |key: &u64| Job { must_run: key & 1 == 1, ..job((key & 0xff) as usize >> 1) };
            merge(&mut queues[class], same.iter().map(coming));
        }
    }
}

/// Merges jobs, earliest deadline first, into a queue from its end: no job is moved twice.
fn merge(queue: &mut Vec<Job>, jobs: impl DoubleEndedIterator<Item = Job> + Clone) {
    let mut left = queue.len();
    queue.extend(jobs.clone());
    let mut at = queue.len();
    for job in jobs.rev() {
        while left > 0 && queue[left - 1].deadline > job.deadline {
            left -= 1;
            at -= 1;
            queue[at] = queue[left];
        }
        at -= 1;
        queue[at] = job;
    }
}

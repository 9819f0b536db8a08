//! The queues of work: one class at one site, or pooled over several.
//!
//! Always: what any schedule of the jobs does keeps these rows. With `done` the work done by the end of a period:
//! - `done <= earliest`; work in a period is at most what jobs before their deadline can take, plus what was late.
//! - `late >= due - done`: work past its deadline pays for each period.
//! - Work short of `latest` cannot be caught up, because no job runs faster than at full power: it is late when its
//!   deadline comes, which is no more than `tail_periods` away. So `latest - done` is at most the late work summed over
//!   these periods (sums are differences of a running sum, which keeps the rows short).

use super::{DispatchModel, Pool};
use crate::planning::horizon::{ClassHorizon, EndValue, SiteHorizon};
use crate::planning::linear_program::ColumnId;
use flexai_env::units::PERIOD_HOURS;
use std::ops::Range;

const PERIODS_PER_DAY: usize = 48;
const NONE: f64 = f64::NEG_INFINITY;
const FREE: f64 = f64::INFINITY;

/// Columns of late work.
#[derive(Debug, Clone, Default)]
pub(super) struct QueueColumns {
    /// By queue: its class, and a column per period where work can be late.
    pub(super) late: Vec<(usize, Vec<Option<ColumnId>>)>,
    /// Buffers of queues of earlier programs.
    spare: Vec<Vec<Option<ColumnId>>>,
    done: Vec<ColumnId>,
    sums: Vec<Option<ColumnId>>,
}

impl QueueColumns {
    pub(super) fn clear(&mut self) {
        self.spare.extend(self.late.drain(..).map(|(_, late)| late));
    }

    /// An empty list of columns, in an old buffer if there is one.
    pub(super) fn spare_column(&mut self) -> Vec<Option<ColumnId>> {
        let mut late = self.spare.pop().unwrap_or_default();
        late.clear();
        late
    }
}

impl DispatchModel {
    /// Adds the queue of a class whose work is done at some sites.
    pub(super) fn add_queue(
        &mut self,
        class: &ClassHorizon,
        c: usize,
        sites: Range<usize>,
        end: &EndValue,
        lateness: f64,
    ) {
        let mut late = self.queues.spare_column();
        let (mut done, mut sums) = (std::mem::take(&mut self.queues.done), std::mem::take(&mut self.queues.sums));
        done.clear();
        sums.clear();
        self.add_done(class, c, sites.clone(), end, &mut done);
        self.add_late(class, end, lateness, &done, &mut late, &mut sums);
        for t in 0..self.length {
            if let Some(before) = t.checked_sub(1).and_then(|t| late[t]) {
                let room = class.most_mw[t].max(0.0) * PERIOD_HOURS;
                self.scratch.clear();
                for s in sites.clone() {
                    self.scratch.push((self.work(s, c, t), 1.0));
                }
                self.scratch.push((before, -1.0));
                self.program.row(NONE, room, self.scratch.iter().copied());
            } else if sites.len() > 1 {
                self.scratch.clear();
                for s in sites.clone() {
                    self.scratch.push((self.work(s, c, t), 1.0));
                }
                self.program.row(NONE, class.most_mw[t].max(0.0) * PERIOD_HOURS, self.scratch.iter().copied());
            }
        }
        self.queues.late.push((c, late));
        (self.queues.done, self.queues.sums) = (done, sums);
    }

    /// Adds the work done so far, and what is left at the end.
    fn add_done(
        &mut self,
        class: &ClassHorizon,
        c: usize,
        sites: Range<usize>,
        end: &EndValue,
        done: &mut Vec<ColumnId>,
    ) {
        for t in 0..self.length {
            let now = self.program.implied_column(0.0, [0.0, class.earliest_mwh[t]], [true, false]);
            self.scratch.clear();
            self.scratch.push((now, 1.0));
            self.scratch.extend(done.last().map(|before| (*before, -1.0)));
            for s in sites.clone() {
                self.scratch.push((self.work(s, c, t), -1.0));
            }
            self.program.row(0.0, 0.0, self.scratch.iter().copied());
            done.push(now);
        }
        if let (Some(last), Some(all)) = (done.last(), class.earliest_mwh.last()) {
            self.program.add_cost(*last, -end.work_gbp_per_mwh);
            self.program.offset += end.work_gbp_per_mwh * all;
        }
    }

    fn add_late(
        &mut self,
        class: &ClassHorizon,
        end: &EndValue,
        lateness: f64,
        done: &[ColumnId],
        late: &mut Vec<Option<ColumnId>>,
        sums: &mut Vec<Option<ColumnId>>,
    ) {
        let per_period = lateness * PERIOD_HOURS;
        let mut most_sum = 0.0;
        for (t, now) in done.iter().enumerate() {
            let due = class.due_mwh[t];
            most_sum += due;
            let at_end = if t + 1 == self.length { end.late_gbp_per_mwh } else { 0.0 };
            let column =
                (due > 0.0).then(|| self.program.implied_column(per_period + at_end, [0.0, due], [false, true]));
            if let Some(column) = column {
                self.program.row(due, FREE, [(*now, 1.0), (column, 1.0)]);
            }
            let before: Option<ColumnId> = sums.last().copied().flatten();
            let sum = column.map(|column| {
                let sum = self.program.implied_column(0.0, [0.0, most_sum], [true, true]);
                let carried = before.map(|before| (before, -1.0));
                self.program.row(0.0, 0.0, [(sum, 1.0), (column, -1.0)].into_iter().chain(carried));
                sum
            });
            late.push(column);
            sums.push(sum);
        }
        for (t, now) in done.iter().enumerate() {
            let latest = class.latest_mwh[t];
            // What is due is bounded by the row of `late` already.
            if latest <= class.due_mwh[t] {
                continue;
            }
            // Up to the end of a day: sums at the same few places keep the factors of the program sparse.
            let tail = t + class.tail_periods + 1;
            let until = if class.tail_periods == 0 { self.length } else { tail.next_multiple_of(PERIODS_PER_DAY) };
            let until = sums[until.min(self.length) - 1].map(|sum| (sum, 1.0));
            let before = t.checked_sub(1).and_then(|t| sums[t]).map(|sum| (sum, -1.0));
            let charged = until.into_iter().chain(until.and(before));
            self.program.row(latest, FREE, [(*now, 1.0)].into_iter().chain(charged));
        }
    }

    /// Adds the queue of a class whose work may be done at several sites.
    ///
    /// Moving it costs neither time nor energy here. What is left over is settled where that is cheapest.
    pub(super) fn add_pool(&mut self, pool: &Pool, sites: &[SiteHorizon]) {
        let least = |of: fn(&SiteHorizon) -> f64| sites.iter().map(of).fold(f64::INFINITY, f64::min);
        let end = EndValue {
            work_gbp_per_mwh: least(|site| site.end.work_gbp_per_mwh),
            late_gbp_per_mwh: least(|site| site.end.late_gbp_per_mwh),
            ..EndValue::default()
        };
        let lateness = least(|site| site.lateness_gbp_per_mwh_hour);
        self.add_queue(&pool.work, pool.class, 0..sites.len(), &end, lateness);
        for (s, site) in sites.iter().enumerate() {
            if pool.may_hold.get(s).copied().unwrap_or(true) {
                continue;
            }
            // Only its own work can be done here.
            let class = &site.classes[pool.class];
            let mut before: Option<ColumnId> = None;
            for t in 0..self.length {
                let done = self.program.implied_column(0.0, [0.0, class.earliest_mwh[t]], [true, false]);
                let work = (self.work(s, pool.class, t), -1.0);
                let carried = before.map(|before| (before, -1.0));
                self.program.row(0.0, 0.0, [(done, 1.0), work].into_iter().chain(carried));
                before = Some(done);
            }
        }
    }
}

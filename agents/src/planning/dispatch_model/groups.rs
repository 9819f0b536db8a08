//! Jobs one by one, or a few with a window in common: tighter than a queue where jobs are long against their slack.
//!
//! Always: a group works within its window, no more in a period than its jobs together can. What it has not done at its
//! deadline is late, and pays for each period until it is done; all late work of a class is one stock, which may be done
//! at any power.

use super::{DispatchModel, JobGroups};
use crate::planning::horizon::SiteHorizon;
use crate::planning::linear_program::ColumnId;
use flexai_env::units::PERIOD_HOURS;

const NONE: f64 = f64::NEG_INFINITY;

/// Columns of the class at hand, by period.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupColumns {
    /// Work of groups in each period.
    work: Vec<Vec<ColumnId>>,
    /// What becomes late at the end of each period, MWh at most.
    missed: Vec<Vec<ColumnId>>,
    missed_mwh: Vec<f64>,
}

impl GroupColumns {
    fn clear(&mut self, periods: usize) {
        for columns in [&mut self.work, &mut self.missed] {
            columns.iter_mut().for_each(Vec::clear);
            columns.resize(periods, Vec::new());
        }
        self.missed_mwh.clear();
        self.missed_mwh.resize(periods, 0.0);
    }
}

impl DispatchModel {
    pub(super) fn add_groups(&mut self, groups: &JobGroups, site: &SiteHorizon) {
        let mut columns = std::mem::take(&mut self.groups);
        columns.clear(self.length);
        let left_gbp = site.end.work_gbp_per_mwh;
        for group in &groups.groups {
            // What is left of work that is due later costs the same whenever it was left.
            let worth = if group.due { 0.0 } else { -left_gbp };
            self.scratch.clear();
            for (i, most) in group.most_mwh.iter().enumerate().filter(|(_, most)| **most > 0.0) {
                let column = self.program.column(worth, 0.0, most.min(group.work_mwh));
                self.scratch.push((column, 1.0));
                columns.work[group.first + i].push(column);
            }
            if group.due {
                let missed = self.program.implied_column(0.0, [0.0, group.work_mwh], [false, true]);
                let last = group.first + group.most_mwh.len() - 1;
                columns.missed[last].push(missed);
                columns.missed_mwh[last] += group.work_mwh;
                self.scratch.push((missed, 1.0));
                self.program.row(group.work_mwh, group.work_mwh, self.scratch.iter().copied());
            } else {
                self.program.offset += left_gbp * group.work_mwh;
                self.program.row(NONE, group.work_mwh, self.scratch.iter().copied());
            }
        }
        self.add_late_stock(groups, site, &columns);
        self.groups = columns;
    }

    /// The stock of late work, and the work of the class in each period.
    fn add_late_stock(&mut self, groups: &JobGroups, site: &SiteHorizon, columns: &GroupColumns) {
        let mut held: Option<ColumnId> = None;
        let mut most = groups.late_mwh;
        let mut late_columns = self.queues.spare_column();
        for t in 0..self.length {
            let at_start = if t == 0 { groups.late_mwh } else { 0.0 };
            // Late work done in this period, of what was late before it.
            let done = (most > 0.0).then(|| self.program.implied_column(0.0, [0.0, most], [false, true]));
            if let (Some(done), Some(held)) = (done, held) {
                self.program.row(NONE, 0.0, [(done, 1.0), (held, -1.0)]);
            } else if let Some(done) = done {
                self.program.row(NONE, at_start, [(done, 1.0)]);
            }
            most += columns.missed_mwh[t];
            let settled =
                if t + 1 == self.length { site.end.late_gbp_per_mwh + site.end.work_gbp_per_mwh } else { 0.0 };
            let charge = site.lateness_gbp_per_mwh_hour * PERIOD_HOURS + settled;
            let late = (most > 0.0).then(|| self.program.implied_column(charge, [0.0, most], [false, true]));
            if let Some(late) = late {
                self.scratch.clear();
                self.scratch.push((late, 1.0));
                self.scratch.extend(held.map(|held| (held, -1.0)));
                self.scratch.extend(done.map(|done| (done, 1.0)));
                self.scratch.extend(columns.missed[t].iter().map(|missed| (*missed, -1.0)));
                self.program.row(at_start, at_start, self.scratch.iter().copied());
            }
            let work = self.work(groups.site, groups.class, t);
            self.scratch.clear();
            self.scratch.push((work, 1.0));
            self.scratch.extend(done.map(|done| (done, -1.0)));
            self.scratch.extend(columns.work[t].iter().map(|column| (*column, -1.0)));
            let sum = self.program.row(0.0, 0.0, self.scratch.iter().copied());
            self.sums[(groups.site * self.length + t) * self.classes + groups.class] = Some(sum);
            late_columns.push(late);
            held = late;
        }
        self.queues.late.push((groups.class, late_columns));
    }
}

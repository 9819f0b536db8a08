//! The dispatch of sites over a horizon as a linear program: when to run, charge, discharge, import.
//!
//! In: a [`SiteHorizon`] per site; for fleets the pooled work of classes that migrate. Out: a [`LinearProgram`], and where
//! its columns lie. Energies in MWh per period.
//! Always: whatever the environment lets a policy do is a point of the program that costs no more; see each file for what
//! is relaxed. A rebuilt model reuses its buffers.
//! Not here: who solves it (`solver/`), what the horizon holds (`horizon.rs`).
//!
//! Relaxed: jobs are a divisible queue between the curves of their class; they neither pause at a cost nor round to whole
//! jobs; where energy has a negative price, wasting it and running the battery both ways at once are held only by the
//! convex hull, unless [`Wanted::binaries`] asks for the truth.

mod earnings;
mod energy;
mod groups;
#[cfg(test)]
mod tests;
mod work;

pub use earnings::EarningsCurve;

use super::horizon::{ClassHorizon, SiteHorizon};
use super::linear_program::{ColumnId, LinearProgram, RowId};
use flexai_env::workload::MAX_CLASSES;

/// A linear program that dispatches sites.
#[derive(Debug, Clone, Default)]
pub struct DispatchModel {
    program: LinearProgram,
    /// By site, then period.
    periods: Vec<PeriodColumns>,
    /// Work, by site, period, class.
    work: Vec<ColumnId>,
    /// Work late, by class of each queue and period, and sums of it.
    queues: work::QueueColumns,
    groups: groups::GroupColumns,
    /// Rows that sum up the work of groups, by site, period, class.
    sums: Vec<Option<RowId>>,
    sites: usize,
    length: usize,
    classes: usize,
    scratch: Vec<(ColumnId, f64)>,
}

/// What is dispatched.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The sites; all with the same classes and length.
    pub sites: &'a [SiteHorizon],
    /// Classes whose work may be done at several sites; the curves of these classes in `sites` then only say how much of
    /// the work is there from the start.
    pub pools: &'a [Pool],
    /// Jobs one by one, or in groups with a window in common, of classes that are no queue then; by site and class.
    pub groups: &'a [JobGroups],
    /// By site; empty if there is nothing to add.
    pub extras: &'a [SiteExtras],
    /// Whether choices that no linear program can state become binaries.
    pub binaries: bool,
}

/// Work of one class, all sites together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pool {
    /// Position of the class.
    pub class: usize,
    /// Its curves, all sites together.
    pub work: ClassHorizon,
    /// By site: whether it may hold the work of other sites.
    pub may_hold: Vec<bool>,
}

/// All jobs of a class at a site, in groups.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobGroups {
    /// Position of the site.
    pub site: usize,
    /// Position of the class.
    pub class: usize,
    /// Work that is late before the first period, MWh.
    pub late_mwh: f64,
    /// The groups.
    pub groups: Vec<JobGroup>,
}

/// Jobs that may run in the same window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobGroup {
    /// First period of the window.
    pub first: usize,
    /// Most work in each period of the window, MWh.
    pub most_mwh: Vec<f64>,
    /// Work of the group, MWh.
    pub work_mwh: f64,
    /// Whether the deadline comes with the end of the window; else the window ends with the horizon.
    pub due: bool,
}

/// What only those add who know the future.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SiteExtras {
    /// Facility energy that may be drawn without doing work that lasts, MWh in each period; empty for none.
    pub spare_mwh: Vec<f64>,
    /// Whether the battery may lose charge, as one does whose capacity shrinks.
    pub loses_charge: bool,
    /// What a period's import earns from flexibility, where it earns anything; in the order of periods.
    pub earnings: Vec<(usize, EarningsCurve)>,
}

/// Columns of a site in a period; absent where they could only be 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeriodColumns {
    /// Import from the grid.
    pub import: ColumnId,
    /// Export to the grid.
    pub export: Option<ColumnId>,
    /// Sun that is not used, and energy wasted.
    pub unused: Option<ColumnId>,
    /// Drawn by the battery.
    pub charge: Option<ColumnId>,
    /// Delivered by the battery.
    pub discharge: Option<ColumnId>,
    /// In the battery at the end of the period.
    pub stored: Option<ColumnId>,
    /// Whose price is what a MWh more of load costs.
    pub balance: RowId,
    /// Whose price is what a MWh more in store is worth, less than 0.
    pub storage: Option<RowId>,
}

/// What a site does in a period.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PeriodPlan {
    /// Import from the grid.
    pub import_mwh: f64,
    /// Export to the grid.
    pub export_mwh: f64,
    /// Drawn by the battery.
    pub charge_mwh: f64,
    /// Delivered by the battery.
    pub discharge_mwh: f64,
    /// In the battery at the end.
    pub stored_mwh: f64,
    /// Work done, by class, IT energy at full power.
    pub work_mwh: [f64; MAX_CLASSES],
}

impl Wanted<'_> {
    /// Whether a class of a site is a queue of its own.
    fn is_queue(&self, site: usize, class: usize) -> bool {
        !self.is_pooled(class) && self.groups.iter().all(|groups| groups.site != site || groups.class != class)
    }

    fn is_pooled(&self, class: usize) -> bool {
        self.pools.iter().any(|pool| pool.class == class)
    }
}

impl DispatchModel {
    /// Builds the program anew, in the buffers of the last one.
    ///
    /// # Panics
    /// If the vectors of the sites differ in length: horizons are ours.
    pub fn build(&mut self, wanted: Wanted<'_>) -> &LinearProgram {
        self.program.clear();
        self.periods.clear();
        self.work.clear();
        self.sums.clear();
        self.queues.clear();
        self.sites = wanted.sites.len();
        self.length = wanted.sites.first().map_or(0, |site| site.price.len());
        self.classes = wanted.sites.first().map_or(0, |site| site.classes.len());
        let same = |site: &SiteHorizon| site.price.len() == self.length && site.classes.len() == self.classes;
        assert!(wanted.sites.iter().all(same), "sites share their length and classes");
        self.sums.resize(self.sites * self.length * self.classes, None);
        let nothing = SiteExtras::default();
        for (s, site) in wanted.sites.iter().enumerate() {
            let extras = wanted.extras.get(s).unwrap_or(&nothing);
            self.add_energy(s, site, extras, &wanted);
        }
        for (s, site) in wanted.sites.iter().enumerate() {
            for c in 0..self.classes {
                if wanted.is_queue(s, c) {
                    self.add_queue(&site.classes[c], c, s..s + 1, &site.end, site.lateness_gbp_per_mwh_hour);
                }
            }
        }
        for pool in wanted.pools {
            self.add_pool(pool, wanted.sites);
        }
        for groups in wanted.groups {
            self.add_groups(groups, &wanted.sites[groups.site]);
        }
        &self.program
    }

    /// The program as last built.
    pub fn program(&self) -> &LinearProgram {
        &self.program
    }

    /// Periods of the horizon.
    pub fn periods(&self) -> usize {
        self.length
    }

    /// Columns of a site in a period.
    pub fn columns(&self, site: usize, t: usize) -> &PeriodColumns {
        &self.periods[site * self.length + t]
    }

    /// The work of a class at a site in a period.
    pub fn work(&self, site: usize, class: usize, t: usize) -> ColumnId {
        self.work[(site * self.length + t) * self.classes + class]
    }

    /// Row whose price is what a MWh of work costs, of a class that is looked at job by job.
    pub fn work_row(&self, site: usize, class: usize, t: usize) -> Option<RowId> {
        self.sums[(site * self.length + t) * self.classes + class]
    }

    /// What a site does in a period at a point of the program.
    pub fn plan(&self, values: &[f64], site: usize, t: usize) -> PeriodPlan {
        let columns = self.columns(site, t);
        let of = |column: Option<ColumnId>| column.map_or(0.0, |column| values[column.0]);
        let mut work_mwh = [0.0; MAX_CLASSES];
        for (c, work) in work_mwh.iter_mut().enumerate().take(self.classes) {
            *work = values[self.work(site, c, t).0];
        }
        PeriodPlan {
            import_mwh: values[columns.import.0],
            export_mwh: of(columns.export),
            charge_mwh: of(columns.charge),
            discharge_mwh: of(columns.discharge),
            stored_mwh: of(columns.stored),
            work_mwh,
        }
    }

    /// Late work of a class over all sites at the end of a period.
    pub fn late_mwh(&self, values: &[f64], class: usize, t: usize) -> f64 {
        let queues = self.queues.late.iter().filter(|(c, _)| *c == class);
        queues.filter_map(|(_, late)| late[t]).map(|column| values[column.0]).sum()
    }
}

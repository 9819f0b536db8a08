//! What lies ahead of a site: prices, load, sun, battery, and the work of each class, period by period.
//!
//! Always: energies are MWh per period (half an hour), powers MW, prices GBP/MWh with charges and carbon price; index 0 is
//! the period that is decided now. Not here: where the numbers come from (`outlook.rs` for what is known, `oracle/` for
//! what will be).
//!
//! The work of a class is seen as one divisible queue between two curves: what could be done by then if everything ran at
//! once, and what must be done by then if nothing is to be late. Any schedule of the jobs themselves lies between them, so
//! that the optimum over the queue is never above the best schedule of the jobs.

/// A site over the coming periods; all vectors have the same length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SiteHorizon {
    /// What one MWh of import costs, charges and carbon price included.
    pub price: Vec<f64>,
    /// What one MWh of export earns.
    pub export_price: Vec<f64>,
    /// IT power of interactive inference, MW.
    pub interactive_mw: Vec<f64>,
    /// Output of the panels, MW.
    pub solar_mw: Vec<f64>,
    /// Largest import, MW; less than the connection while the grid asks for it.
    pub import_limit_mw: Vec<f64>,
    /// Largest export, MW.
    pub export_limit_mw: f64,
    /// Largest IT power, MW.
    pub it_capacity_mw: f64,
    /// Facility power per IT power.
    pub pue: f64,
    /// Charge for a MWh of work that is late by an hour.
    pub lateness_gbp_per_mwh_hour: f64,
    /// The battery.
    pub battery: BatteryHorizon,
    /// The job classes, in the order of the scenario.
    pub classes: Vec<ClassHorizon>,
    /// What is left at the end of the horizon is worth.
    pub end: EndValue,
}

/// A battery and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BatteryHorizon {
    /// Stored now, MWh.
    pub stored_mwh: f64,
    /// Stored at the start of the episode, against which a scored week is settled, MWh.
    pub initial_mwh: f64,
    /// Most that it holds, MWh.
    pub capacity_mwh: f64,
    /// Charge that stays in store, MWh.
    pub reserve_mwh: f64,
    /// Most that it draws in a period, MWh.
    pub charge_mwh: f64,
    /// Most that it delivers in a period, MWh.
    pub discharge_mwh: f64,
    /// Energy stored per energy drawn.
    pub charge_efficiency: f64,
    /// Energy delivered per energy taken out of store.
    pub discharge_efficiency: f64,
    /// Share of the charge that is still there after a period.
    pub kept_per_period: f64,
    /// Wear per MWh delivered, GBP.
    pub wear_gbp_per_mwh: f64,
    /// Whether it may deliver into the grid.
    pub exports: bool,
}

/// The work of a class. Work is IT energy at full power.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClassHorizon {
    /// Work that can be done by the end of each period, cumulative, MWh.
    pub earliest_mwh: Vec<f64>,
    /// Work that must be done by the end of each period for nothing to be late, cumulative, MWh.
    pub latest_mwh: Vec<f64>,
    /// Work whose deadline lies at the end of each period or before, cumulative, MWh.
    pub due_mwh: Vec<f64>,
    /// Power of all jobs that may run in each period before their deadline, MW; where the scenario keeps the class from
    /// running, of those that may have to run.
    pub most_mw: Vec<f64>,
    /// Whether the scenario keeps the class from running unless it must. `most_mw` says all that the model needs of it.
    pub gated: Vec<bool>,
    /// Work that counts in `latest_mwh` has its deadline within so many periods from there; 0 if nobody knows.
    pub tail_periods: usize,
    /// Least IT energy per work: 1 unless jobs can be slowed to a better efficiency.
    pub least_energy_per_work: f64,
}

/// What is left at the end of the horizon is worth, GBP.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EndValue {
    /// Cost of a MWh of work (IT) left undone; PUE included.
    pub work_gbp_per_mwh: f64,
    /// Charge that counts as neither missing nor surplus, MWh.
    pub reference_mwh: f64,
    /// Cost of a MWh missing in store.
    pub missing_gbp_per_mwh: f64,
    /// Worth of a surplus MWh in store.
    pub surplus_gbp_per_mwh: f64,
    /// Charge for a MWh of work (IT) left undone whose deadline has passed, on top.
    pub late_gbp_per_mwh: f64,
}

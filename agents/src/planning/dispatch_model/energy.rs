//! Grid, sun and battery of a site.
//!
//! Always: never tighter than the environment's physics. Import beyond the limit happens there only where interactive
//! load alone exceeds it, and counts no pound; so the limit here is the larger of the two. What the battery must deliver
//! there when the connection is too small it may deliver here.
//!
//! With the net load `n = load + charge - discharge - sun` import is `max(n, 0)`. Where a MWh of import costs less than
//! nothing this is not convex (one would throw the sun away and import); import is then kept below the chord of
//! `max(n, 0)` over all `n` that can be, and charge and discharge below the line between their limits.

use super::{DispatchModel, EarningsCurve, PeriodColumns, SiteExtras, Wanted};
use crate::planning::horizon::{BatteryHorizon, SiteHorizon};
use crate::planning::linear_program::ColumnId;
use flexai_env::units::PERIOD_HOURS;

const NONE: f64 = f64::NEG_INFINITY;

/// Constants of a site's period, MWh.
struct Moment {
    /// Facility energy of interactive inference.
    firm: f64,
    sun: f64,
    spare: f64,
    export_limit: f64,
    import_limit: f64,
    /// Whether energy may be worth nothing or less.
    worthless: bool,
}

impl DispatchModel {
    pub(super) fn add_energy(&mut self, s: usize, site: &SiteHorizon, extras: &SiteExtras, wanted: &Wanted<'_>) {
        let mut stored = None;
        // What is in store at least: reserve and charge at the start leak away.
        let mut least = site.battery.stored_mwh.min(site.battery.reserve_mwh);
        let mut earnings = extras.earnings.iter().peekable();
        for t in 0..site.price.len() {
            let curve = earnings.next_if(|(at, _)| *at == t).map(|(_, curve)| curve);
            let moment = Moment::new(site, extras, t, curve.is_some());
            least *= site.battery.kept_per_period;
            let columns = self.add_columns(site, &moment, t, least, stored, extras.loses_charge);
            self.periods.push(columns);
            for (c, class) in site.classes.iter().enumerate() {
                let room = (site.it_capacity_mw - site.interactive_mw[t]).max(0.0) * PERIOD_HOURS;
                let most = room / class.least_energy_per_work.max(1e-9);
                self.work.push(if wanted.is_queue(s, c) {
                    let own = class.most_mw[t].max(0.0) * PERIOD_HOURS + late_before(class, t);
                    self.program.column(0.0, 0.0, most.min(own))
                } else {
                    // The sum of the work of groups is in no need of bounds.
                    let sum_of_groups = !wanted.is_pooled(c);
                    self.program.implied_column(0.0, [0.0, most], [sum_of_groups; 2])
                });
            }
            self.add_balance(s, site, &moment, t);
            if moment.worthless {
                self.add_hull(site, &moment, s, t, wanted.binaries);
            }
            if moment.export_limit > 0.0 && !site.battery.exports && columns.discharge.is_some() {
                self.limit_discharge(site, &moment, s, t);
            }
            if let Some(curve) = curve {
                self.add_earnings(columns.import, curve, wanted.binaries);
            }
            stored = columns.stored;
        }
        if let Some(stored) = stored {
            self.settle_charge(site, stored, least);
        }
    }

    fn add_columns(
        &mut self,
        site: &SiteHorizon,
        moment: &Moment,
        t: usize,
        least: f64,
        before: Option<ColumnId>,
        loses_charge: bool,
    ) -> PeriodColumns {
        let program = &mut self.program;
        let import = program.column(site.price[t], 0.0, moment.import_limit);
        let export =
            (moment.export_limit > 0.0).then(|| program.column(-site.export_price[t], 0.0, moment.export_limit));
        let wasted = moment.sun + moment.spare;
        let unused = (wasted > 0.0)
            .then(|| program.implied_column(0.0, [0.0, wasted], [false, !moment.worthless && wasted > moment.sun]));
        let battery = &site.battery;
        let mut columns = PeriodColumns {
            import,
            export,
            unused,
            charge: None,
            discharge: None,
            stored: None,
            balance: crate::planning::RowId(0),
            storage: None,
        };
        if battery.capacity_mwh > 0.0 {
            let charge = program.column(0.0, 0.0, battery.charge_mwh);
            let discharge = program.column(battery.wear_gbp_per_mwh, 0.0, battery.discharge_mwh);
            let stored = program.column(0.0, least, battery.capacity_mwh.max(least));
            (columns.charge, columns.discharge, columns.stored) = (Some(charge), Some(discharge), Some(stored));
            let kept = battery.kept_per_period;
            let (held, brought) = match before {
                Some(before) => (Some((before, -kept)), 0.0),
                None => (None, kept * battery.stored_mwh),
            };
            let lower = if loses_charge { NONE } else { brought };
            let moved =
                [(stored, 1.0), (charge, -battery.charge_efficiency), (discharge, 1.0 / battery.discharge_efficiency)];
            columns.storage = Some(program.row(lower, brought, moved.into_iter().chain(held)));
        }
        columns
    }

    /// Supply is load; and the machines hold no more than they can.
    fn add_balance(&mut self, s: usize, site: &SiteHorizon, moment: &Moment, t: usize) {
        let columns = self.periods[s * self.length + t];
        let work = &self.work[(s * self.length + t) * self.classes..];
        let jobs = work.iter().zip(&site.classes).map(|(column, class)| (*column, class.least_energy_per_work));
        self.scratch.clear();
        self.scratch.extend(jobs);
        let load = self.scratch.iter().map(|(column, energy)| (*column, -site.pue * energy));
        let supply = [
            (Some(columns.import), 1.0),
            (columns.export, -1.0),
            (columns.unused, -1.0),
            (columns.discharge, 1.0),
            (columns.charge, -1.0),
        ];
        let supply = supply.into_iter().filter_map(|(column, sign)| Some((column?, sign)));
        let needed = moment.firm - moment.sun;
        let balance = self.program.row(needed, needed, supply.chain(load));
        self.periods[s * self.length + t].balance = balance;
        let room = (site.it_capacity_mw - site.interactive_mw[t]).max(0.0) * PERIOD_HOURS;
        self.program.row(NONE, room, self.scratch.iter().copied());
    }

    /// Convex hull of what cannot be at once where energy is worth nothing or less.
    fn add_hull(&mut self, site: &SiteHorizon, moment: &Moment, s: usize, t: usize, binaries: bool) {
        let columns = self.periods[s * self.length + t];
        let program = &mut self.program;
        let battery = &site.battery;
        if let (Some(charge), Some(discharge)) = (columns.charge, columns.discharge) {
            let (most, much) = (battery.charge_mwh, battery.discharge_mwh);
            if binaries && most > 0.0 && much > 0.0 {
                let charges = program.binary(0.0);
                program.row(NONE, 0.0, [(charge, 1.0), (charges, -most)]);
                program.row(NONE, much, [(discharge, 1.0), (charges, much)]);
            } else if most > 0.0 && much > 0.0 {
                program.row(NONE, 1.0, [(charge, 1.0 / most), (discharge, 1.0 / much)]);
            }
        }
        let Some(unused) = columns.unused else { return };
        let delivered = if battery.exports { -moment.export_limit } else { 0.0 };
        let lowest = (moment.firm - moment.sun).min(delivered).min(0.0);
        let highest = moment.import_limit;
        if lowest >= 0.0 || highest <= 0.0 {
            // The sun is always used up.
            if lowest >= 0.0 {
                program.set_bounds(unused, 0.0, moment.spare);
            }
            return;
        }
        if binaries {
            let imports = program.binary(0.0);
            program.row(NONE, 0.0, [(columns.import, 1.0), (imports, -highest)]);
            program.row(NONE, moment.sun + moment.spare, [(unused, 1.0), (imports, moment.sun)]);
        }
        // import <= slope (n - lowest), where n = import - export - (unused - spare) at most.
        let slope = highest / (highest - lowest);
        let net = [(Some(columns.import), 1.0 - slope), (Some(unused), slope), (columns.export, slope)];
        let net = net.into_iter().filter_map(|(column, a)| Some((column?, a)));
        program.row(NONE, slope * (moment.spare - lowest), net);
    }

    /// A battery that may not export delivers no more than the net load, although the sun may be exported.
    fn limit_discharge(&mut self, site: &SiteHorizon, moment: &Moment, s: usize, t: usize) {
        let columns = self.periods[s * self.length + t];
        let Some(discharge) = columns.discharge else { return };
        // discharge <= max(n, 0) with the net load n = jobs + lowest .. highest before the battery.
        let lowest = moment.firm - moment.sun;
        let highest = site.it_capacity_mw * PERIOD_HOURS * site.pue - moment.sun + moment.spare;
        if lowest >= site.battery.discharge_mwh || highest <= 0.0 {
            return;
        }
        let slope = if lowest >= 0.0 { 1.0 } else { highest / (highest - lowest) };
        let work = &self.work[(s * self.length + t) * self.classes..];
        let jobs = work.iter().zip(&site.classes);
        let jobs = jobs.map(|(column, class)| (*column, -slope * site.pue * class.least_energy_per_work));
        let constant = slope * (lowest + moment.spare - lowest.min(0.0));
        self.program.row(NONE, constant, [(discharge, 1.0)].into_iter().chain(jobs));
    }

    /// Charge missing or left at the end, against the reference.
    fn settle_charge(&mut self, site: &SiteHorizon, stored: ColumnId, least: f64) {
        let (end, most) = (&site.end, site.battery.capacity_mwh);
        let (missing, surplus) = (end.missing_gbp_per_mwh, end.surplus_gbp_per_mwh);
        let program = &mut self.program;
        if missing >= surplus {
            let short = program.implied_column(missing, [0.0, end.reference_mwh.max(0.0)], [false, missing > 0.0]);
            let rest = (most - end.reference_mwh).max(0.0);
            let more = program.implied_column(-surplus, [0.0, rest], [false, missing > 0.0]);
            program.row(end.reference_mwh, end.reference_mwh, [(stored, 1.0), (short, 1.0), (more, -1.0)]);
            return;
        }
        // A negative price: the cost is concave in what is stored, its hull the line between the ends.
        let cost = |held: f64| {
            let left = held - end.reference_mwh;
            if left < 0.0 { -left * missing } else { -left * surplus }
        };
        let slope = if most > least { (cost(most) - cost(least)) / (most - least) } else { 0.0 };
        program.add_cost(stored, slope);
        program.offset += cost(least) - slope * least;
    }

    fn add_earnings(&mut self, import: ColumnId, curve: &EarningsCurve, binaries: bool) {
        let upper = self.program.columns()[import.0].upper;
        curve.add_to(&mut self.program, import, upper, binaries);
    }
}

impl Moment {
    fn new(site: &SiteHorizon, extras: &SiteExtras, t: usize, earns: bool) -> Self {
        let firm = site.interactive_mw[t] * PERIOD_HOURS * site.pue;
        let sun = site.solar_mw[t] * PERIOD_HOURS;
        let spare = extras.spare_mwh.get(t).copied().unwrap_or(0.0);
        let export_limit = site.export_limit_mw * PERIOD_HOURS;
        let worthless = earns || site.price[t] < 0.0 || (export_limit > 0.0 && site.export_price[t] < 0.0);
        let forced = firm - sun + if worthless { spare } else { 0.0 };
        let import_limit = (site.import_limit_mw[t] * PERIOD_HOURS).max(forced).max(0.0);
        Self { firm, sun, spare, export_limit, import_limit, worthless }
    }
}

/// Work that can be late at the start of a period.
fn late_before(class: &crate::planning::ClassHorizon, t: usize) -> f64 {
    if t == 0 { 0.0 } else { class.due_mwh[t - 1] }
}

impl BatteryHorizon {
    /// Whether there is one.
    pub fn exists(&self) -> bool {
        self.capacity_mwh > 0.0
    }
}

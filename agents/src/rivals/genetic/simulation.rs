//! What a plan would cost: a site over a horizon, one divisible queue per class, in about a microsecond.
//!
//! In: a [`SiteHorizon`] and genes. Out: pounds.
//! Always: limits hold as in the environment: what must run runs first, the rest shares what machines and connection
//! leave, in the order of the classes; the import limit beats the battery's set-point.
//! Not here: single jobs; the environment knows them, the plan does not.

use super::genes::Layout;
use crate::planning::SiteHorizon;
use flexai_env::units::PERIOD_HOURS;
use flexai_env::workload::MAX_CLASSES;

/// Plays plans on one horizon.
pub(super) struct Simulation<'a> {
    horizon: &'a SiteHorizon,
    layout: Layout,
    /// Decisions of the first period where an earlier plan has made them: battery, then run shares.
    fixed: Option<&'a [f64]>,
}

/// Where a plan has come to.
struct Course {
    stored_mwh: f64,
    done_mwh: [f64; MAX_CLASSES],
}

impl<'a> Simulation<'a> {
    pub(super) fn new(horizon: &'a SiteHorizon, layout: Layout, fixed: Option<&'a [f64]>) -> Self {
        Self { horizon, layout, fixed }
    }

    /// Cost of the horizon and of what is left at its end.
    pub(super) fn cost(&self, genes: &[f64]) -> f64 {
        let mut course = Course { stored_mwh: self.horizon.battery.stored_mwh, done_mwh: [0.0; MAX_CLASSES] };
        let mut cost = 0.0;
        for k in 0..self.layout.periods {
            let (battery, run) = match self.fixed {
                Some(fixed) if k == 0 => (fixed[0], &fixed[1..]),
                _ => (genes[k], self.layout.run(genes, k)),
            };
            let it_mwh = self.serve(&mut course, k, run, &mut cost);
            self.draw(&mut course, k, battery, it_mwh, &mut cost);
        }
        cost + self.left_over(&course)
    }

    /// Serves the classes for a period; IT energy with the interactive load.
    fn serve(&self, course: &mut Course, k: usize, run: &[f64], cost: &mut f64) -> f64 {
        let h = self.horizon;
        let interactive = h.interactive_mw[k] * PERIOD_HOURS;
        let supply_mw = ((h.import_limit_mw[k] + h.solar_mw[k]) / h.pue).min(h.it_capacity_mw);
        let mut room = (supply_mw * PERIOD_HOURS - interactive).max(0.0);
        let mut wanted = [0.0; MAX_CLASSES];
        let mut served = 0.0;
        for (c, class) in h.classes.iter().enumerate() {
            let possible = (class.earliest_mwh[k] - course.done_mwh[c]).min(class.most_mw[k] * PERIOD_HOURS).max(0.0);
            let must = (class.latest_mwh[k] - course.done_mwh[c]).clamp(0.0, possible);
            let share = if class.gated[k] { 0.0 } else { run[c] };
            wanted[c] = (share * possible - must).max(0.0);
            let firm = must.min(room);
            room -= firm;
            served += firm;
            course.done_mwh[c] += firm;
        }
        for (c, class) in h.classes.iter().enumerate() {
            let more = wanted[c].min(room);
            room -= more;
            served += more;
            course.done_mwh[c] += more;
            let late = (class.due_mwh[k] - course.done_mwh[c]).max(0.0);
            *cost += late * PERIOD_HOURS * h.lateness_gbp_per_mwh_hour;
        }
        interactive + served
    }

    /// Moves the battery and pays for the period.
    fn draw(&self, course: &mut Course, k: usize, battery: f64, it_mwh: f64, cost: &mut f64) {
        let (h, b) = (self.horizon, &self.horizon.battery);
        let net = h.pue * it_mwh - h.solar_mw[k] * PERIOD_HOURS;
        let limit = h.import_limit_mw[k] * PERIOD_HOURS;
        let export_limit = h.export_limit_mw * PERIOD_HOURS;
        let kept = course.stored_mwh * b.kept_per_period;
        let over = (net - limit).max(0.0);
        let (mut charged, mut discharged) = (0.0, 0.0);
        if battery > 0.0 && over == 0.0 {
            let room = (b.capacity_mwh - kept).max(0.0) / b.charge_efficiency;
            charged = (battery * b.charge_mwh).min((limit - net).max(0.0)).min(room);
        } else {
            let takes = (net + if b.exports { export_limit } else { 0.0 }).max(0.0);
            let there = (kept - b.reserve_mwh).max(0.0) * b.discharge_efficiency;
            discharged = (-battery * b.discharge_mwh).max(over).min(b.discharge_mwh).min(takes).min(there);
        }
        course.stored_mwh = kept + charged * b.charge_efficiency - discharged / b.discharge_efficiency;
        let load = net + charged - discharged;
        let export = (-load).clamp(0.0, export_limit);
        *cost += load.max(0.0) * h.price[k] - export * h.export_price[k].max(0.0);
        *cost += discharged * b.wear_gbp_per_mwh;
    }

    fn left_over(&self, course: &Course) -> f64 {
        let (end, last) = (&self.horizon.end, self.layout.periods - 1);
        let mut cost = 0.0;
        for (c, class) in self.horizon.classes.iter().enumerate() {
            let done = course.done_mwh[c];
            cost += (class.earliest_mwh[last] - done).max(0.0) * end.work_gbp_per_mwh;
            cost += (class.due_mwh[last] - done).max(0.0) * end.late_gbp_per_mwh;
        }
        let surplus = course.stored_mwh - end.reference_mwh;
        cost + (-surplus).max(0.0) * end.missing_gbp_per_mwh - surplus.max(0.0) * end.surplus_gbp_per_mwh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planning::{BatteryHorizon, ClassHorizon, EndValue};

    /// Two periods at 100 and 20 pounds, 1 MW of interactive load, 1 MWh of work that may wait, a battery of 2 MWh.
    fn horizon() -> SiteHorizon {
        SiteHorizon {
            price: vec![100.0, 20.0],
            export_price: vec![0.0; 2],
            interactive_mw: vec![1.0; 2],
            solar_mw: vec![0.0; 2],
            import_limit_mw: vec![6.0; 2],
            it_capacity_mw: 4.0,
            pue: 1.0,
            lateness_gbp_per_mwh_hour: 200.0,
            battery: BatteryHorizon {
                stored_mwh: 1.0,
                capacity_mwh: 2.0,
                charge_mwh: 1.0,
                discharge_mwh: 1.0,
                charge_efficiency: 0.5,
                discharge_efficiency: 1.0,
                kept_per_period: 1.0,
                wear_gbp_per_mwh: 10.0,
                ..BatteryHorizon::default()
            },
            classes: vec![ClassHorizon {
                earliest_mwh: vec![1.0, 1.0],
                latest_mwh: vec![0.0, 1.0],
                due_mwh: vec![0.0, 1.0],
                most_mw: vec![2.0, 2.0],
                gated: vec![false; 2],
                least_energy_per_work: 1.0,
                ..ClassHorizon::default()
            }],
            end: EndValue {
                work_gbp_per_mwh: 50.0,
                reference_mwh: 1.0,
                missing_gbp_per_mwh: 40.0,
                surplus_gbp_per_mwh: 30.0,
                late_gbp_per_mwh: 2400.0,
            },
            ..SiteHorizon::default()
        }
    }

    /// Cost of battery and run genes, one per period each.
    fn cost(horizon: &SiteHorizon, genes: [f64; 4]) -> f64 {
        let layout = Layout { periods: 2, classes: 1, run_periods: 1 };
        Simulation::new(horizon, layout, None).cost(&genes)
    }

    #[test]
    fn a_plan_costs_what_its_energy_wear_and_leftovers_cost() {
        let h = horizon();
        // At once: 1.5 MWh at 100 and 0.5 at 20; nothing left, charge as at the start.
        assert!((cost(&h, [0.0, 0.0, 1.0, 1.0]) - 160.0).abs() < 1e-9);
        // Waiting: 0.5 MWh at 100, then it must run: 1.5 at 20.
        assert!((cost(&h, [0.0, 0.0, 0.0, 0.0]) - 80.0).abs() < 1e-9);
        // The battery delivers what the load takes, 0.5 MWh, for 5 pounds of wear; 0.5 MWh are missing at the end.
        assert!((cost(&h, [-1.0, 0.0, 0.0, 0.0]) - (0.0 + 5.0 + 30.0 + 20.0)).abs() < 1e-9);
        // It draws 1 MWh at 20 and stores half of it.
        assert!((cost(&h, [0.0, 1.0, 0.0, 0.0]) - (50.0 + 50.0 - 15.0)).abs() < 1e-9);
    }

    #[test]
    fn limits_beat_the_plan() {
        let mut h = horizon();
        // Machines for half of the work per period: half of it waits although it was to run, or is late.
        h.it_capacity_mw = 2.0;
        assert!((cost(&h, [0.0, 0.0, 1.0, 1.0]) - (100.0 + 20.0)).abs() < 1e-9);
        let late = 0.5 * 0.5 * 200.0 + 0.5 * (50.0 + 2400.0);
        assert!((cost(&h, [0.0, 0.0, 0.0, 1.0]) - (50.0 + 20.0 + late)).abs() < 1e-9);
        // A gate holds back all but what must run.
        let mut gated = horizon();
        gated.classes[0].gated[0] = true;
        assert_eq!(cost(&gated, [0.0, 0.0, 1.0, 1.0]), cost(&horizon(), [0.0, 0.0, 0.0, 0.0]));
        // Charging stops at the import limit: 0.5 MWh of load leave 0.25 of 0.75.
        let mut narrow = horizon();
        narrow.import_limit_mw = vec![1.5, 6.0];
        assert!((cost(&narrow, [1.0, 0.0, 0.0, 0.0]) - (75.0 + 30.0 - 0.125 * 30.0)).abs() < 1e-9);
    }

    #[test]
    fn a_period_that_was_decided_before_stays_as_it_was() {
        let h = horizon();
        let layout = Layout { periods: 2, classes: 1, run_periods: 1 };
        let fixed = [-1.0, 0.0];
        let again = Simulation::new(&h, layout, Some(&fixed)).cost(&[1.0, 0.0, 1.0, 0.0]);
        assert_eq!(again, cost(&h, [-1.0, 0.0, 0.0, 0.0]));
    }
}

//! What the signals of the played weeks allow, whatever a policy does.
//!
//! In: the grid's half-hours and FIFO's course. Out: ceilings and shares of half-hours.
//! Always: a ceiling is stated with what it takes: all load free within its day, and machines to match.
//! Not here: the optimum of the scenario itself (the oracle).

use super::view::View;
use crate::evaluation::{GridStep, GridWeek, StepTrace};

/// Half-hours of a day into which a ceiling packs the day's whole energy.
const PACKED: [usize; 3] = [24, 16, 8];

/// All energy of each day in its cheapest, or its cleanest, half-hours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ceiling {
    /// Hours of the day that are used.
    pub(crate) hours: f64,
    /// Machines needed, as a multiple of the mean load.
    pub(crate) machines: f64,
    /// Energy cost saved at the price paid, per cent; `None` if it is not positive to begin with.
    pub(crate) cost_pct: Option<f64>,
    /// Emissions saved, per cent.
    pub(crate) carbon_pct: Option<f64>,
}

/// Ceilings for a flat load; empty without half-hours.
pub(crate) fn ceilings(grid: &[GridWeek]) -> Vec<Ceiling> {
    let days: Vec<&[GridStep]> = grid.iter().flat_map(|week| week.steps.chunks_exact(48)).collect();
    if days.is_empty() {
        return Vec::new();
    }
    let ceiling = |packed: usize| Ceiling {
        hours: packed as f64 / 2.0,
        machines: 48.0 / packed as f64,
        cost_pct: saved(&days, packed, |step| step.price_gbp_per_mwh),
        carbon_pct: saved(&days, packed, |step| step.carbon_gco2_kwh),
    };
    PACKED.into_iter().map(ceiling).collect()
}

fn saved(days: &[&[GridStep]], packed: usize, pick: fn(&GridStep) -> f64) -> Option<f64> {
    let (mut flat, mut best) = (0.0, 0.0);
    for day in days {
        let mut values: Vec<f64> = day.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        flat += values.iter().sum::<f64>() / values.len() as f64;
        best += values[..packed].iter().sum::<f64>() / packed as f64;
    }
    (flat > 0.0 && best.is_finite()).then(|| 100.0 * (1.0 - best / flat))
}

/// Per cent of the half-hours with a property; `None` without half-hours.
pub(crate) fn share_of_steps(grid: &[GridWeek], has: impl Fn(&GridStep) -> bool) -> Option<f64> {
    let steps = || grid.iter().flat_map(|week| &week.steps);
    let all = steps().count();
    (all > 0).then(|| 100.0 * steps().filter(|step| has(step)).count() as f64 / all as f64)
}

/// The deepest turn-down against FIFO that a policy held for some hours, MW; `None` without traces.
pub(crate) fn deepest_turn_down_mw(view: &View<'_>, policy: &str, half_hours: usize) -> Option<f64> {
    let base = |week: &str, seed: usize| {
        view.traces.iter().find(|trace| trace.policy == "fifo" && trace.week == week && trace.seed == seed)
    };
    let mut deepest: Option<f64> = None;
    for trace in view.traces.iter().filter(|trace| trace.policy == policy) {
        let Some(base) = base(&trace.week, trace.seed) else { continue };
        let net = |step: &StepTrace| 2.0 * (step.import_mwh - step.export_mwh);
        let less: Vec<f64> = base.steps.iter().zip(&trace.steps).map(|(b, s)| net(b) - net(s)).collect();
        for window in less.windows(half_hours) {
            let held = window.iter().copied().fold(f64::INFINITY, f64::min);
            deepest = Some(deepest.map_or(held, |best| best.max(held)));
        }
    }
    deepest
}

/// The highest import that a policy held for some hours, MW; `None` without traces.
pub(crate) fn highest_draw_mw(view: &View<'_>, policy: &str, half_hours: usize) -> Option<f64> {
    let lowest = |window: &[StepTrace]| window.iter().map(|step| 2.0 * step.import_mwh).fold(f64::INFINITY, f64::min);
    let traces = view.traces.iter().filter(|trace| trace.policy == policy);
    let held = traces.flat_map(|trace| trace.steps.windows(half_hours).map(lowest));
    held.filter(|mw| mw.is_finite()).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_a_day_into_its_cheap_half_saves_what_hand_arithmetic_says() {
        let step = |t: usize| GridStep {
            period: String::new(),
            price_gbp_per_mwh: if t.is_multiple_of(2) { 50.0 } else { 150.0 },
            full_price_gbp_per_mwh: 0.0,
            carbon_gco2_kwh: 100.0,
            solar_mw: 0.0,
            event: false,
        };
        let grid = [GridWeek { week: "w".into(), steps: (0..336).map(step).collect() }];
        let found = ceilings(&grid);
        assert_eq!((found[0].hours, found[0].machines), (12.0, 2.0));
        assert!((found[0].cost_pct.expect("a mean of 100") - 50.0).abs() < 1e-9);
        assert!(found[0].carbon_pct.expect("a mean of 100").abs() < 1e-9);
        assert_eq!(share_of_steps(&grid, |s| s.price_gbp_per_mwh > 100.0), Some(50.0));
        assert!(ceilings(&[]).is_empty());
    }
}

//! A battery's schedule by dynamic programming, in microseconds.
//!
//! In: a horizon and the load of the site. Out: what to do now, and what a MWh in store is worth.
//! Always: energy is priced exactly as it is moved; nothing is interpolated and nothing allocated once buffers have
//! grown. Not here: where the load comes from (`job_plan.rs`).
//!
//! Charge lives on a grid through the present charge whose step makes a full charge and a full discharge whole numbers of
//! levels, so that plans end on levels. With the standard battery a half-hour stores 1.9 MWh or takes 2.105: 9 and 10
//! steps of 0.2105 MWh, which is 0.28 % less than what a half-hour can charge. [`ChargeGrid::new`] looks for the smallest
//! such pair whose rates are right to within [`RATE_ERROR`].

use super::horizon::{BatteryHorizon, EndValue, SiteHorizon};
use flexai_env::units::PERIOD_HOURS;

/// Largest relative error of the charging rate on the grid, if the number of levels allows it.
const RATE_ERROR: f64 = 0.003;
/// Fewest and most levels from empty to full.
const LEVELS: [usize; 2] = [40, 512];
/// An advantage of less than this is none, GBP.
const TIE_GBP: f64 = 1e-9;
/// Steps that rounding has made a little too short still count, in steps.
const ROUNDING: f64 = 1e-9;

/// What a battery should do now.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BatteryAdvice {
    /// Set-point as a share of the power of its direction: -1 discharge .. 1 charge.
    pub set_point: f64,
    /// Charging pays below this price, GBP/MWh.
    pub charge_below: f64,
    /// Discharging pays above this price, GBP/MWh.
    pub discharge_above: f64,
}

/// Levels of charge.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct ChargeGrid {
    /// MWh in store per level.
    step: f64,
    /// Levels that a half-hour can charge, and discharge.
    charge: usize,
    discharge: usize,
    /// Number of levels, that of the present charge, and the charge of level 0.
    levels: usize,
    present: usize,
    lowest_mwh: f64,
}

/// One thing a battery can do in a period: by how many levels, at what cost against doing nothing.
#[derive(Debug, Clone, Copy)]
struct Move {
    levels: usize,
    up: bool,
}

/// Plans one battery after another in the same buffers.
#[derive(Debug, Clone, Default)]
pub struct BatteryPlan {
    value: Vec<f64>,
    before: Vec<f64>,
    moves: Vec<Move>,
    /// Cost of moving by 0, 1, 2 .. levels up and down in a period.
    up_gbp: Vec<f64>,
    down_gbp: Vec<f64>,
}

impl ChargeGrid {
    /// A grid through the charge that is there now; `None` without a battery that can be used.
    fn new(battery: &BatteryHorizon) -> Option<Self> {
        let stored_per_charge = battery.charge_mwh * battery.charge_efficiency;
        let taken_per_discharge = battery.discharge_mwh / battery.discharge_efficiency;
        let usable = battery.capacity_mwh - battery.reserve_mwh;
        if usable <= 0.0 || stored_per_charge <= 0.0 || taken_per_discharge <= 0.0 {
            return None;
        }
        let (step, charge, discharge) = aligned_step(stored_per_charge, taken_per_discharge, usable);
        let stored = battery.stored_mwh.clamp(battery.reserve_mwh, battery.capacity_mwh);
        let below = ((stored - battery.reserve_mwh) / step + ROUNDING) as usize;
        let above = ((battery.capacity_mwh - stored) / step + ROUNDING) as usize;
        let lowest_mwh = stored - below as f64 * step;
        Some(Self { step, charge, discharge, levels: below + above + 1, present: below, lowest_mwh })
    }

    fn energy(&self, level: usize) -> f64 {
        self.lowest_mwh + level as f64 * self.step
    }
}

/// Step, levels per full charge and levels per full discharge: the coarsest grid that is good enough, else the best.
fn aligned_step(charge: f64, discharge: f64, usable: f64) -> (f64, usize, usize) {
    let mut best = (f64::INFINITY, 1.0, 1, 1);
    for n in 1.. {
        let step = discharge / n as f64;
        let levels = usable / step;
        if levels > LEVELS[1] as f64 && best.0 < f64::INFINITY {
            break;
        }
        let m = (charge / step).round().max(1.0);
        let error = (m * step / charge - 1.0).abs();
        if levels >= LEVELS[0] as f64 && error < best.0 {
            best = (error, step, m as usize, n);
            if error <= RATE_ERROR {
                break;
            }
        }
    }
    (best.1, best.2, best.3)
}

impl BatteryPlan {
    /// Plans over the horizon beside a load of the facility less sun, MW by period; negative is a surplus of sun.
    pub fn solve(&mut self, horizon: &SiteHorizon, net_load_mw: &[f64]) -> BatteryAdvice {
        let battery = &horizon.battery;
        let Some(grid) = ChargeGrid::new(battery) else {
            let price = horizon.price[0];
            return BatteryAdvice { set_point: 0.0, charge_below: price, discharge_above: price };
        };
        self.value.clear();
        self.value.extend((0..grid.levels).map(|level| end_cost(&horizon.end, grid.energy(level))));
        self.before.clear();
        self.before.resize(grid.levels, 0.0);
        // What leaks away is lost at what charge is worth in the end.
        let leak = (1.0 - battery.kept_per_period) * horizon.end.surplus_gbp_per_mwh;
        for t in (1..horizon.price.len()).rev() {
            self.price_moves(horizon, &grid, t, net_load_mw[t]);
            self.step_back(&grid, leak);
        }
        self.price_moves(horizon, &grid, 0, net_load_mw[0]);
        self.advise(battery, &grid)
    }

    /// What can be done in a period, and at what cost.
    fn price_moves(&mut self, horizon: &SiteHorizon, grid: &ChargeGrid, t: usize, net_mw: f64) {
        let battery = &horizon.battery;
        let net = net_mw * PERIOD_HOURS;
        let export = horizon.export_limit_mw * PERIOD_HOURS;
        let room = (horizon.import_limit_mw[t] * PERIOD_HOURS - net).max(0.0);
        let taken = (net + if battery.exports { export } else { 0.0 }).max(0.0);
        let levels = |mwh: f64| (mwh / grid.step + ROUNDING) as usize;
        let most_up = grid.charge.min(levels(room * battery.charge_efficiency));
        let most_down = grid.discharge.min(levels(taken / battery.discharge_efficiency));
        let (price, export_price) = (horizon.price[t], horizon.export_price[t]);
        let grid_cost = |load: f64| {
            if load >= 0.0 { price * load } else { -export_price * (-load).min(export) }
        };
        let idle = grid_cost(net);
        self.up_gbp.clear();
        let drawn = grid.step / battery.charge_efficiency;
        self.up_gbp.extend((0..=most_up).map(|levels| grid_cost(net + levels as f64 * drawn) - idle));
        self.down_gbp.clear();
        let given = grid.step * battery.discharge_efficiency;
        let wear = battery.wear_gbp_per_mwh * given;
        self.down_gbp.extend((0..=most_down).map(|n| grid_cost(net - n as f64 * given) - idle + n as f64 * wear));
        // Costs are straight but for where import turns into export, so that the ends, the bend and the middle will do.
        let up_bend = levels((-net).max(0.0) * battery.charge_efficiency).min(most_up);
        let down_bend = levels(net.max(0.0) / battery.discharge_efficiency).min(most_down);
        self.moves.clear();
        let mut add = |levels: usize, up: bool| {
            if levels > 0 && !self.moves.iter().any(|known| known.levels == levels && known.up == up) {
                self.moves.push(Move { levels, up });
            }
        };
        for levels in [most_up, most_up / 2, up_bend] {
            add(levels, true);
        }
        for levels in [most_down, most_down / 2, down_bend] {
            add(levels, false);
        }
    }

    /// Value of every level one period earlier.
    fn step_back(&mut self, grid: &ChargeGrid, leak: f64) {
        let Self { value, before, moves, up_gbp, down_gbp } = self;
        before.copy_from_slice(value);
        for one in moves.iter() {
            let k = one.levels.min(grid.levels - 1);
            if one.up {
                let cost = up_gbp[one.levels];
                let reach = grid.levels - one.levels.min(grid.levels);
                before[..reach]
                    .iter_mut()
                    .zip(&value[one.levels.min(grid.levels)..])
                    .for_each(|(b, v)| lower(b, v + cost));
                // Where there is less room it charges up to the top.
                for short in 1..k.min(one.levels) {
                    lower(&mut before[grid.levels - 1 - short], value[grid.levels - 1] + up_gbp[short]);
                }
            } else {
                let cost = down_gbp[one.levels];
                let from = one.levels.min(grid.levels);
                before[from..].iter_mut().zip(value.iter()).for_each(|(b, v)| lower(b, v + cost));
                for short in 1..k.min(one.levels) {
                    lower(&mut before[short], value[0] + down_gbp[short]);
                }
            }
        }
        if leak > 0.0 {
            before.iter_mut().enumerate().for_each(|(level, b)| *b += leak * grid.energy(level));
        }
        std::mem::swap(value, before);
    }

    /// The best move from the present charge.
    fn advise(&self, battery: &BatteryHorizon, grid: &ChargeGrid) -> BatteryAdvice {
        let (present, top) = (grid.present, grid.levels - 1);
        let mut best = (self.value[present] - TIE_GBP, 0.0);
        for one in &self.moves {
            let room = if one.up { top - present } else { present };
            let levels = one.levels.min(room);
            let (cost, after) = if one.up {
                (self.up_gbp[levels], self.value[present + levels])
            } else {
                (self.down_gbp[levels], self.value[present - levels])
            };
            if levels > 0 && cost + after < best.0 {
                best = (cost + after, self.set_point(battery, grid, one, levels, room));
            }
        }
        let worth = |low: usize| (self.value[low] - self.value[low + 1]) / grid.step;
        let (more, less) = match top {
            0 => (0.0, 0.0),
            _ => (worth(present.min(top - 1)), worth(present.max(1) - 1)),
        };
        BatteryAdvice {
            set_point: best.1,
            charge_below: battery.charge_efficiency * more,
            discharge_above: less / battery.discharge_efficiency + battery.wear_gbp_per_mwh,
        }
    }

    /// Full power where as much is moved as can be, so that the site's own limits cut it exactly.
    fn set_point(&self, battery: &BatteryHorizon, grid: &ChargeGrid, one: &Move, levels: usize, room: usize) -> f64 {
        let most = if one.up { self.up_gbp.len() } else { self.down_gbp.len() } - 1;
        if levels == most || levels == room {
            return if one.up { 1.0 } else { -1.0 };
        }
        let stored = levels as f64 * grid.step;
        if one.up {
            (stored / battery.charge_efficiency / battery.charge_mwh).min(1.0)
        } else {
            -(stored * battery.discharge_efficiency / battery.discharge_mwh).min(1.0)
        }
    }
}

/// Cost of ending with a charge.
fn end_cost(end: &EndValue, stored_mwh: f64) -> f64 {
    let surplus = stored_mwh - end.reference_mwh;
    if surplus < 0.0 { -surplus * end.missing_gbp_per_mwh } else { -surplus * end.surplus_gbp_per_mwh }
}

fn lower(value: &mut f64, to: f64) {
    if to < *value {
        *value = to;
    }
}

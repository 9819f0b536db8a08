//! The two plans of the fast planner against brute force and hand-made cases.

use super::*;
use flexai_env::core::SeedTree;
use rand::RngExt;

/// A site with a battery of 4 levels that a half-hour moves by one, without losses.
fn tiny(prices: &[f64], stored_mwh: f64) -> SiteHorizon {
    let n = prices.len();
    SiteHorizon {
        price: prices.to_vec(),
        export_price: vec![0.0; n],
        interactive_mw: vec![2.0; n],
        solar_mw: vec![0.0; n],
        import_limit_mw: vec![100.0; n],
        it_capacity_mw: 10.0,
        pue: 1.0,
        battery: BatteryHorizon {
            stored_mwh,
            initial_mwh: stored_mwh,
            capacity_mwh: 3.0,
            charge_mwh: 1.0,
            discharge_mwh: 1.0,
            charge_efficiency: 1.0,
            discharge_efficiency: 1.0,
            kept_per_period: 1.0,
            wear_gbp_per_mwh: 4.0,
            ..BatteryHorizon::default()
        },
        end: EndValue { missing_gbp_per_mwh: 50.0, surplus_gbp_per_mwh: 50.0, ..EndValue::default() },
        ..SiteHorizon::default()
    }
}

/// Least cost of charging, resting or discharging a whole MWh per period, and the first moves that reach it.
fn brute_force(horizon: &SiteHorizon, load_mwh: &[f64], t: usize, stored: f64) -> (f64, Vec<i32>) {
    let Some(price) = horizon.price.get(t) else {
        return (-50.0 * stored, vec![0]);
    };
    let mut best = (f64::INFINITY, Vec::new());
    for step in [-1, 0, 1] {
        let moved = f64::from(step);
        let import = load_mwh[t] + moved;
        if !(0.0..=3.0).contains(&(stored + moved)) || import < 0.0 || import > 0.5 * horizon.import_limit_mw[t] {
            continue;
        }
        let wear = if step < 0 { 4.0 } else { 0.0 };
        let cost = price * moved + wear + brute_force(horizon, load_mwh, t + 1, stored + moved).0;
        if cost < best.0 - 1e-9 {
            best = (cost, vec![step]);
        } else if cost < best.0 + 1e-9 {
            best.1.push(step);
        }
    }
    best
}

#[test]
fn the_battery_plan_begins_as_the_best_of_all_plans_does() {
    let mut rng = SeedTree::new(8).stream("battery plans");
    let mut plan = BatteryPlan::default();
    let (mut charged, mut discharged) = (0, 0);
    for round in 0..300 {
        let prices: Vec<f64> = (0..6).map(|_| 100.0 * rng.random::<f64>() - 5.0).collect();
        let stored = f64::from(rng.random_range(0..4_u32));
        let mut horizon = tiny(&prices, stored);
        // Sometimes the load is too small to take a discharge, or the connection too small for a charge.
        let load_mw: Vec<f64> = (0..6).map(|_| [4.0, 0.0][usize::from(rng.random::<f64>() < 0.3)]).collect();
        if round % 2 == 0 {
            horizon.import_limit_mw = (0..6).map(|_| [4.0, 100.0][usize::from(rng.random::<f64>() < 0.6)]).collect();
        }
        let load_mwh: Vec<f64> = load_mw.iter().map(|mw| 0.5 * mw).collect();
        let advice = plan.solve(&horizon, &load_mw);
        let (_, best) = brute_force(&horizon, &load_mwh, 0, stored);
        // On a finer grid than brute force's only whole moves are ever best.
        let found = advice.set_point;
        assert!(best.iter().any(|step| (f64::from(*step) - found).abs() < 1e-9), "{found} of {best:?}: {horizon:?}");
        charged += usize::from(found > 0.0);
        discharged += usize::from(found < 0.0);
        if advice.set_point == 0.0 && (0.5..2.5).contains(&stored) && load_mw[0] > 0.0 && round % 2 == 1 {
            assert!(advice.charge_below <= prices[0] + 1e-6 && prices[0] <= advice.discharge_above + 1e-6);
        }
    }
    assert!(charged > 30 && discharged > 30, "{charged} charged, {discharged} discharged");
}

#[test]
fn a_standard_battery_earns_what_the_linear_program_says_to_within_a_percent() {
    let mut rng = SeedTree::new(9).stream("battery plans");
    let (mut planned, mut optimal) = (0.0, 0.0);
    let standard = BatteryHorizon {
        capacity_mwh: 16.0,
        charge_mwh: 2.0,
        discharge_mwh: 2.0,
        charge_efficiency: 0.95,
        discharge_efficiency: 0.95,
        wear_gbp_per_mwh: 10.0,
        ..tiny(&[0.0], 0.0).battery
    };
    for _ in 0..10 {
        let day = |t: usize| 40.0 * (t as f64 / 48.0 * std::f64::consts::TAU).sin();
        let prices: Vec<f64> = (0..48).map(|t| 100.0 + day(t) + 40.0 * rng.random::<f64>()).collect();
        let mut horizon = SiteHorizon { interactive_mw: vec![10.0; 48], ..tiny(&prices, 8.0) };
        horizon.battery = BatteryHorizon { stored_mwh: 8.0, ..standard };
        horizon.end = EndValue { missing_gbp_per_mwh: 90.0, surplus_gbp_per_mwh: 90.0, ..EndValue::default() };
        let mut model = DispatchModel::default();
        let program = model.build(Wanted { sites: std::slice::from_ref(&horizon), ..Wanted::default() });
        use super::solver::Solver;
        let solved = solver::InteriorPoint::default().solve(program, &solver::Limits::default(), None).unwrap();
        let idle: f64 = prices.iter().map(|price| 5.0 * price).sum::<f64>() - 8.0 * 90.0;
        optimal += idle - solved.objective;
        planned += idle - carry_out(horizon);
    }
    assert!(planned > 0.99 * optimal && planned < optimal + 1e-6, "{planned} of {optimal} GBP");
}

/// Plans anew in every period, with the physics of the battery between; returns the cost.
fn carry_out(mut horizon: SiteHorizon) -> f64 {
    let (mut plan, mut cost) = (BatteryPlan::default(), 0.0);
    while !horizon.price.is_empty() {
        let load = vec![10.0; horizon.price.len()];
        let set_point = plan.solve(&horizon, &load).set_point;
        let battery = &mut horizon.battery;
        let charged = (2.0 * set_point.max(0.0)).min((16.0 - battery.stored_mwh) / 0.95);
        let discharged = (2.0 * (-set_point).max(0.0)).min(battery.stored_mwh * 0.95);
        battery.stored_mwh += 0.95 * charged - discharged / 0.95;
        cost += horizon.price[0] * (5.0 + charged - discharged) + 10.0 * discharged;
        for series in [&mut horizon.price, &mut horizon.import_limit_mw, &mut horizon.export_price] {
            series.remove(0);
        }
    }
    cost - 90.0 * horizon.battery.stored_mwh
}

#[test]
fn a_site_without_battery_is_told_to_leave_it_alone() {
    let mut horizon = tiny(&[10.0, 90.0], 0.0);
    horizon.battery.capacity_mwh = 0.0;
    assert_eq!(BatteryPlan::default().solve(&horizon, &[4.0, 4.0]).set_point, 0.0);
}

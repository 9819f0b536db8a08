//! Small horizons, reckoned by hand and against every course on a grid.

use super::*;
use crate::planning::solver::{InteriorPoint, Limits, Simplex, Solution, Solver};
use crate::planning::{BatteryHorizon, EndValue};

/// A site of 8 periods without load, sun or battery, at a price.
fn site(price: &[f64]) -> SiteHorizon {
    let n = price.len();
    SiteHorizon {
        price: price.to_vec(),
        export_price: vec![0.0; n],
        interactive_mw: vec![0.0; n],
        solar_mw: vec![0.0; n],
        import_limit_mw: vec![100.0; n],
        it_capacity_mw: 50.0,
        pue: 1.0,
        lateness_gbp_per_mwh_hour: 200.0,
        ..SiteHorizon::default()
    }
}

/// A class with one job: power, periods of work, release, deadline.
fn class(n: usize, power: f64, work: f64, release: i32, deadline: i32) -> ClassHorizon {
    let mwh = power * 0.5;
    let steps = 1..=n as i32;
    ClassHorizon {
        earliest_mwh: steps.clone().map(|t| work.min(f64::from((t - release).max(0))) * mwh).collect(),
        latest_mwh: steps.clone().map(|t| (work - f64::from((deadline - t).max(0))).max(0.0) * mwh).collect(),
        due_mwh: steps.clone().map(|t| if t >= deadline { work * mwh } else { 0.0 }).collect(),
        most_mw: steps.map(|t| if t > release && t <= deadline { power } else { 0.0 }).collect(),
        gated: vec![false; n],
        tail_periods: work as usize,
        least_energy_per_work: 1.0,
    }
}

fn solved(sites: &[SiteHorizon]) -> (DispatchModel, Solution) {
    let mut model = DispatchModel::default();
    model.build(Wanted { sites, ..Wanted::default() });
    let found = InteriorPoint::default().solve(model.program(), &Limits::default(), None).unwrap();
    let check = Simplex.solve(model.program(), &Limits::default(), None).unwrap();
    assert!((found.objective - check.objective).abs() < 1e-5, "{} {}", found.objective, check.objective);
    assert!(model.program().violation(&found.values) < 1e-6);
    (model, found)
}

#[test]
fn a_job_runs_in_the_cheapest_periods_of_its_window_at_its_power() {
    let mut site = site(&[50.0, 10.0, 40.0, 20.0, 60.0, 5.0]);
    site.classes = vec![class(6, 2.0, 2.0, 1, 5)];
    let (model, found) = solved(&[site]);
    assert!((found.objective - 30.0).abs() < 1e-5, "{}", found.objective);
    let done: Vec<f64> = (0..6).map(|t| model.plan(&found.values, 0, t).work_mwh[0]).collect();
    let expected = [0.0, 1.0, 0.0, 1.0, 0.0, 0.0];
    assert!(done.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{done:?}");
}

#[test]
fn being_late_is_paid_by_the_period_and_waiting_longer_than_the_latest_start_counts() {
    // Two periods of work, due by the end of the second: at 900 GBP in both of them waiting pays.
    let mut site = site(&[900.0, 900.0, 10.0, 10.0]);
    site.classes = vec![class(4, 2.0, 2.0, 0, 2)];
    let (_, found) = solved(&[site.clone()]);
    // 2 MWh late for a period, 1 MWh of it for another, at 100 GBP each; 2 MWh at 10 GBP, the late ones at full power.
    // The queue may do them at once: late work has no power of its own.
    assert!((found.objective - 220.0).abs() < 1e-4, "{}", found.objective);
    // At 105 GBP a half-hour it is better to do half of it in time.
    site.price = vec![150.0, 105.0, 10.0, 10.0];
    let (_, found) = solved(&[site]);
    assert!((found.objective - (105.0 + 100.0 + 10.0)).abs() < 1e-4, "{}", found.objective);
}

#[test]
fn a_battery_stores_what_efficiencies_and_wear_allow_and_its_end_is_settled() {
    let mut site = site(&[10.0, 100.0]);
    site.interactive_mw = vec![8.0; 2];
    site.battery = BatteryHorizon {
        stored_mwh: 1.0,
        initial_mwh: 1.0,
        capacity_mwh: 4.0,
        charge_mwh: 2.0,
        discharge_mwh: 2.0,
        charge_efficiency: 0.8,
        discharge_efficiency: 0.5,
        kept_per_period: 1.0,
        wear_gbp_per_mwh: 10.0,
        ..BatteryHorizon::default()
    };
    site.end = EndValue {
        reference_mwh: 1.0,
        missing_gbp_per_mwh: 20.0 / 0.8,
        surplus_gbp_per_mwh: 20.0 * 0.5,
        ..EndValue::default()
    };
    let (model, found) = solved(&[site]);
    // 2 MWh at 10 GBP become 1.6 in store; with the 1 MWh from before that is 1.3 delivered for 90 each after wear, and
    // the 1 MWh that is missing then costs 25.
    let expected = 10.0 * (4.0 + 2.0) + 100.0 * (4.0 - 1.3) + 13.0 + 25.0;
    assert!((found.objective - expected).abs() < 1e-4, "{} {expected}", found.objective);
    assert!((model.plan(&found.values, 0, 1).discharge_mwh - 1.3).abs() < 1e-4);
    // A MWh more of load costs the price of the period.
    let price = found.duals[model.columns(0, 0).balance.0];
    assert!((price - 10.0).abs() < 1e-3, "{price}");
}

#[test]
fn a_negative_price_pays_for_no_more_than_the_hull_of_what_can_be() {
    let mut site = site(&[-50.0]);
    site.interactive_mw = vec![4.0];
    site.solar_mw = vec![10.0];
    site.import_limit_mw = vec![6.0];
    let mut model = DispatchModel::default();
    let sites = [site];
    model.build(Wanted { sites: &sites, ..Wanted::default() });
    // The truth is an import of 0; net load lies between -3 and 3 MWh, so that the chord gives half of nothing.
    let found = InteriorPoint::default().solve(model.program(), &Limits::default(), None).unwrap();
    assert!(found.objective.abs() < 1e-6, "{}", found.objective);
}

#[test]
fn a_negative_settlement_price_is_guarded_by_the_line_between_the_ends() {
    let mut site = site(&[0.0]);
    site.battery = BatteryHorizon {
        stored_mwh: 2.0,
        capacity_mwh: 4.0,
        charge_mwh: 0.0,
        discharge_mwh: 0.0,
        charge_efficiency: 1.0,
        discharge_efficiency: 1.0,
        kept_per_period: 1.0,
        ..BatteryHorizon::default()
    };
    site.end =
        EndValue { reference_mwh: 2.0, missing_gbp_per_mwh: -20.0, surplus_gbp_per_mwh: -10.0, ..EndValue::default() };
    let (_, found) = solved(&[site]);
    // Truly 0; the line runs from -40 (empty) to 20 (full) and has -10 in the middle.
    assert!((found.objective + 10.0).abs() < 1e-5, "{}", found.objective);
}

#[test]
fn pooled_work_goes_where_it_is_cheapest_and_may_be_held() {
    let cheap = SiteHorizon { classes: vec![class(2, 0.0, 0.0, 0, 2)], it_capacity_mw: 2.0, ..site(&[10.0, 10.0]) };
    let dear = SiteHorizon { classes: vec![class(2, 4.0, 1.0, 0, 2)], ..site(&[50.0, 30.0]) };
    let sites = [cheap, dear];
    let mut pool = Pool { class: 0, work: class(2, 4.0, 1.0, 0, 2), may_hold: vec![true, true] };
    let mut model = DispatchModel::default();
    let mut cost = |pool: &Pool| {
        model.build(Wanted { sites: &sites, pools: std::slice::from_ref(pool), ..Wanted::default() });
        InteriorPoint::default().solve(model.program(), &Limits::default(), None).unwrap().objective
    };
    // 2 MWh, of which the cheap site takes 1 MWh in each period.
    assert!((cost(&pool) - 20.0).abs() < 1e-5);
    pool.may_hold[0] = false;
    assert!((cost(&pool) - 60.0).abs() < 1e-5);
}

#[test]
fn a_rebuilt_model_is_the_same_as_a_new_one() {
    let mut first = site(&[50.0, 10.0, 40.0, 20.0, 60.0, 5.0]);
    first.classes = vec![class(6, 2.0, 2.0, 1, 5), class(6, 1.0, 3.0, 0, 6)];
    let second = site(&[1.0, 2.0]);
    let mut model = DispatchModel::default();
    let sites = [first];
    let program = model.build(Wanted { sites: &sites, ..Wanted::default() }).clone();
    model.build(Wanted { sites: &[second], ..Wanted::default() });
    assert_ne!(model.program(), &program);
    assert_eq!(model.build(Wanted { sites: &sites, ..Wanted::default() }), &program);
}

/// Charges and discharges of a period, AC side, MWh; a MWh drawn becomes half a MWh in store.
const FLOWS: [f64; 9] = [-1.0, -0.75, -0.5, -0.25, 0.0, 0.5, 1.0, 1.5, 2.0];
const CAPACITY: f64 = 1.0;
const INITIAL: f64 = 0.5;
const WEAR: f64 = 2.0;

/// The least cost over all courses on a grid fine enough for every corner of the program.
fn by_trying_all(price: &[f64], load: &[f64], sun: &[f64], end: &EndValue) -> f64 {
    // Job 1: 1 MWh over periods 0 to 2, half a MWh each at most; job 2: 1.5 MWh over periods 1 to 3, 1 MWh each at most.
    let halves = |most: i32| (0..=most).map(|k| 0.5 * f64::from(k));
    let mut jobs = Vec::new();
    for (a, b) in halves(1).flat_map(|a| halves(1).map(move |b| (a, b))) {
        for (d, e) in halves(2).flat_map(|d| halves(2).map(move |e| (d, e))) {
            let (c, f) = (1.0 - a - b, 1.5 - d - e);
            if (0.0..=0.5).contains(&c) && (0.0..=1.0).contains(&f) {
                jobs.push([a, b + d, c + e, f]);
            }
        }
    }
    let mut best = f64::INFINITY;
    for course in 0..FLOWS.len().pow(4) {
        let flows: [f64; 4] = std::array::from_fn(|t| FLOWS[course / FLOWS.len().pow(t as u32) % FLOWS.len()]);
        let mut stored = INITIAL;
        let held = flows.iter().all(|flow| {
            stored += if *flow > 0.0 { 0.5 * flow } else { *flow };
            (0.0..=CAPACITY).contains(&stored)
        });
        if !held {
            continue;
        }
        let missing = INITIAL - stored;
        let settled = if missing > 0.0 { missing * end.missing_gbp_per_mwh } else { missing * end.surplus_gbp_per_mwh };
        let wear: f64 = flows.iter().map(|flow| WEAR * (-flow).max(0.0)).sum();
        for job in &jobs {
            let net: [f64; 4] = std::array::from_fn(|t| load[t] + job[t] - sun[t]);
            if (0..4).any(|t| flows[t] < 0.0 && -flows[t] > net[t].max(0.0) || net[t] + flows[t] > 4.0) {
                continue;
            }
            let import: f64 = (0..4).map(|t| price[t] * (net[t] + flows[t]).max(0.0)).sum();
            best = best.min(import + wear + settled);
        }
    }
    best
}

#[test]
fn jobs_and_a_battery_cost_what_the_best_of_all_courses_costs() {
    use rand::RngExt;
    let mut rng = flexai_env::core::SeedTree::new(6).stream("prices");
    for round in 0..12 {
        let price: Vec<f64> = (0..4).map(|_| f64::from(rng.random_range(1..60))).collect();
        let load: Vec<f64> = (0..4).map(|_| 0.5 * f64::from(rng.random_range(0..4))).collect();
        let sun: Vec<f64> = (0..4).map(|_| 0.5 * f64::from(rng.random_range(0..3))).collect();
        let end = EndValue {
            reference_mwh: INITIAL,
            missing_gbp_per_mwh: 40.0,
            surplus_gbp_per_mwh: 15.0,
            work_gbp_per_mwh: 1000.0,
            late_gbp_per_mwh: 1000.0,
        };
        let mut site = site(&price);
        site.interactive_mw = load.iter().map(|mwh| mwh / 0.5).collect();
        site.solar_mw = sun.iter().map(|mwh| mwh / 0.5).collect();
        site.import_limit_mw = vec![8.0; 4];
        site.end = end;
        site.classes = vec![class(4, 1.0, 2.0, 0, 3), class(4, 2.0, 1.5, 1, 4)];
        site.battery = BatteryHorizon {
            stored_mwh: INITIAL,
            initial_mwh: INITIAL,
            capacity_mwh: CAPACITY,
            charge_mwh: 2.0,
            discharge_mwh: 1.0,
            charge_efficiency: 0.5,
            discharge_efficiency: 1.0,
            kept_per_period: 1.0,
            wear_gbp_per_mwh: WEAR,
            ..BatteryHorizon::default()
        };
        let (_, found) = solved(std::slice::from_ref(&site));
        let best = by_trying_all(&price, &load, &sun, &end);
        assert!((found.objective - best).abs() < 1e-6 * best.abs().max(1.0), "{round}: {} {best}", found.objective);
        // Job by job it is the same.
        let job = |first, most: Vec<f64>, work_mwh| JobGroup { first, most_mwh: most, work_mwh, due: true };
        let groups = [
            JobGroups { groups: vec![job(0, vec![0.5; 3], 1.0)], ..JobGroups::default() },
            JobGroups { class: 1, groups: vec![job(1, vec![1.0; 3], 1.5)], ..JobGroups::default() },
        ];
        let mut model = DispatchModel::default();
        model.build(Wanted { sites: std::slice::from_ref(&site), groups: &groups, ..Wanted::default() });
        let by_job = InteriorPoint::default().solve(model.program(), &Limits::default(), None).unwrap();
        assert!((by_job.objective - best).abs() < 1e-5, "{round}: {} {best}", by_job.objective);
        assert!(by_job.bound <= best + 1e-6);
    }
}

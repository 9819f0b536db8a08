//! Random programs: solvers against each other, against every choice, and certificates against points.

use super::*;
use crate::planning::{ColumnId, LinearProgram};
use flexai_env::core::{SeedTree, StreamRng};
use rand::RngExt;

/// A random program with a known point, bounds on all columns, equalities, ranges and one-sided rows.
fn random_program(rng: &mut StreamRng, integers: bool) -> (LinearProgram, Vec<f64>) {
    let n = rng.random_range(1..if integers { 7 } else { 25 });
    let mut program = LinearProgram::default();
    program.offset = rng.random_range(-5.0..5.0);
    let mut point = Vec::new();
    for _ in 0..n {
        let cost = rng.random_range(-10.0..10.0);
        if integers && rng.random_bool(0.6) {
            program.binary(cost);
            point.push(f64::from(u8::from(rng.random_bool(0.5))));
        } else {
            let lower = rng.random_range(-4.0..2.0);
            let upper = lower + rng.random_range(0.0..6.0);
            program.column(cost, lower, upper);
            point.push(rng.random_range(lower..=upper));
        }
    }
    for _ in 0..rng.random_range(0..2 * n) {
        let mut terms = Vec::new();
        for j in 0..n {
            if rng.random_bool(0.4) {
                terms.push((ColumnId(j), rng.random_range(-3.0..3.0)));
            }
        }
        let sum: f64 = terms.iter().map(|(c, a)| a * point[c.0]).sum();
        let (below, above) = (rng.random_range(0.0..2.0), rng.random_range(0.0..2.0));
        let (lower, upper) = match rng.random_range(0..5) {
            0 if !integers => (sum, sum),
            1 => (sum - below, f64::INFINITY),
            2 => (f64::NEG_INFINITY, sum + above),
            _ => (sum - below, sum + above),
        };
        program.row(lower, upper, terms);
    }
    (program, point)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * (1.0 + a.abs().max(b.abs()))
}

#[test]
fn any_prices_give_a_bound_below_every_point() {
    let mut rng = SeedTree::new(3).stream("certificates");
    for _ in 0..500 {
        let (program, point) = random_program(&mut rng, false);
        let prices: Vec<f64> = program.rows().iter().map(|_| rng.random_range(-4.0..4.0)).collect();
        let bound = lower_bound(&program, &prices);
        assert!(bound <= program.cost_of(&point), "{bound} {}", program.cost_of(&point));
    }
}

#[test]
fn both_solvers_agree_on_random_programs_and_the_certificate_meets_the_optimum() {
    let mut rng = SeedTree::new(4).stream("programs");
    for round in 0..300 {
        let (program, point) = random_program(&mut rng, false);
        let interior = InteriorPoint::default().solve(&program, &Limits::default(), None).unwrap();
        let simplex = Simplex.solve(&program, &Limits::default(), None).unwrap();
        assert!(close(interior.objective, simplex.objective), "{round}: {interior:?} {simplex:?}");
        assert!(close(interior.bound, simplex.objective), "{round}: {} {}", interior.bound, simplex.objective);
        assert!(interior.bound <= program.cost_of(&point) && interior.bound <= simplex.objective + 1e-6);
        assert!(program.violation(&interior.values) < 1e-6 && program.violation(&simplex.values) < 1e-6);
        #[cfg(feature = "highs")]
        {
            let highs = Highs.solve(&program, &Limits::default(), None).unwrap();
            assert!(close(highs.objective, simplex.objective) && close(highs.bound, simplex.objective), "{highs:?}");
        }
    }
}

/// The least cost over all choices of the integers, each solved as a program of its own.
fn by_enumeration(program: &LinearProgram) -> f64 {
    let integers: Vec<usize> = (0..program.columns().len()).filter(|j| program.columns()[*j].integer).collect();
    let mut best = f64::INFINITY;
    for choice in 0..1_u32 << integers.len() {
        let mut fixed = program.clone();
        for (bit, j) in integers.iter().enumerate() {
            let x = f64::from(choice >> bit & 1);
            fixed.set_bounds(ColumnId(*j), x, x);
        }
        if let Ok(found) = InteriorPoint::default().solve(&fixed, &Limits::default(), None)
            && found.status != Status::Feasible
        {
            best = best.min(found.objective);
        }
    }
    best
}

#[test]
fn programs_with_integers_are_solved_as_by_trying_every_choice_and_the_relaxation_bounds_them() {
    let mut rng = SeedTree::new(5).stream("integers");
    for round in 0..100 {
        let (program, point) = random_program(&mut rng, true);
        let start = (round % 2 == 0).then_some(&point[..]);
        let found = Simplex.solve(&program, &Limits { gap: 0.0, ..Limits::default() }, start).unwrap();
        let best = by_enumeration(&program);
        assert!(close(found.objective, best), "{round}: {} {best}", found.objective);
        assert!(found.bound <= best + 1e-6 && found.objective <= program.cost_of(&point) + 1e-6);
        #[cfg(feature = "highs")]
        {
            let highs = Highs.solve(&program, &Limits { gap: 0.0, ..Limits::default() }, start).unwrap();
            assert!(close(highs.objective, best) && highs.bound <= best + 1e-6, "{round}: {highs:?}");
        }
        let relaxed = InteriorPoint::default().solve(&program, &Limits::default(), None).unwrap();
        assert!(relaxed.bound <= best + 1e-6, "{round}: {} {best}", relaxed.bound);
    }
}

#[test]
fn a_program_without_a_point_is_refused_by_both() {
    let mut program = LinearProgram::default();
    let x = program.column(1.0, 0.0, 1.0);
    program.row(2.0, f64::INFINITY, [(x, 1.0)]);
    let limits = Limits::default();
    let expected = |solver| SolveError::Infeasible { solver, rows: 1 };
    assert_eq!(InteriorPoint::default().solve(&program, &limits, None), Err(expected("clarabel")));
    assert_eq!(Simplex.solve(&program, &limits, None), Err(expected("microlp")));
    let text = expected("microlp").to_string();
    assert_eq!(text, "microlp: no point keeps all 1 rows of the program");
}

#[test]
fn the_price_of_a_row_says_what_a_unit_more_costs() {
    let mut program = LinearProgram::default();
    let (x, y) = (program.column(3.0, 0.0, 4.0), program.column(5.0, 0.0, 10.0));
    program.row(6.0, f64::INFINITY, [(x, 1.0), (y, 1.0)]);
    let found = InteriorPoint::default().solve(&program, &Limits::default(), None).unwrap();
    assert!(close(found.objective, 22.0) && close(found.duals[0], 5.0), "{found:?}");
}

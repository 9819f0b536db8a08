//! Linear programs by Clarabel's interior-point method.
//!
//! Always: one thread; bound and prices come with a certificate, so that the method's tolerance never makes a bound too
//! high. Integers are taken as real numbers. Not here: programs with integers (`simplex.rs`).

use super::certificate::lower_bound;
use super::{Limits, Solution, SolveError, Solver, Status};
use crate::planning::LinearProgram;
use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, SupportedConeT, ZeroConeT,
};

/// Clarabel, with its buffers.
#[derive(Debug, Clone, Default)]
pub struct InteriorPoint {
    /// What the method sees as its rows: rows of the program, and bounds of its columns.
    right: Vec<f64>,
    /// Entries by column of the method's matrix: row, coefficient.
    first: Vec<usize>,
    rows: Vec<usize>,
    terms: Vec<f64>,
    /// For each row of the program: its place as an upper and as a lower bound.
    places: Vec<[Option<usize>; 2]>,
    next: Vec<usize>,
}

const NAME: &str = "clarabel";
/// Steps of iterative refinement after each solve. One does for nearly all programs, and each costs as much as the solve; a
/// program that does not converge gets the method's own number.
const FEW_REFINEMENTS: u32 = 1;
const MOST_REFINEMENTS: u32 = 10;
/// Sides of a row or column.
const UPPER: usize = 0;
const LOWER: usize = 1;

impl Solver for InteriorPoint {
    fn name(&self) -> &'static str {
        NAME
    }

    fn solve(
        &mut self,
        program: &LinearProgram,
        limits: &Limits,
        _start: Option<&[f64]>,
    ) -> Result<Solution, SolveError> {
        let equalities = self.lay_out(program);
        let n = program.columns().len();
        let inequalities = self.right.len() - equalities;
        let (first, rows, terms) = (self.first.clone(), self.rows.clone(), self.terms.clone());
        let matrix = CscMatrix::new(self.right.len(), n, first, rows, terms);
        let quadratic = CscMatrix::<f64>::zeros((n, n));
        let costs: Vec<f64> = program.columns().iter().map(|column| column.cost).collect();
        let cones: [SupportedConeT<f64>; 2] = [ZeroConeT(equalities), NonnegativeConeT(inequalities)];
        let no_point = |reason: String| SolveError::NoPoint { solver: NAME, reason };
        let run = |refinements| {
            let settings = settings(limits, refinements);
            let mut solver = DefaultSolver::new(&quadratic, &costs, &matrix, &self.right, &cones, settings)
                .map_err(|error| no_point(error.to_string()))?;
            solver.solve();
            Ok(solver)
        };
        let mut solver = run(FEW_REFINEMENTS)?;
        if matches!(solver.solution.status, SolverStatus::InsufficientProgress | SolverStatus::NumericalError) {
            solver = run(MOST_REFINEMENTS)?;
        }
        let found = &solver.solution;
        let status = match found.status {
            SolverStatus::Solved if program.has_integers() => Status::Relaxed,
            SolverStatus::Solved => Status::Optimal,
            SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => {
                return Err(SolveError::Infeasible { solver: NAME, rows: program.rows().len() });
            }
            SolverStatus::DualInfeasible | SolverStatus::AlmostDualInfeasible => {
                return Err(SolveError::Unbounded { solver: NAME, columns: n });
            }
            _ if found.x.iter().all(|x| x.is_finite()) => Status::Feasible,
            other => return Err(no_point(format!("the search ended with {other:?}"))),
        };
        let duals = self.prices(&found.z);
        Ok(Solution {
            objective: program.cost_of(&found.x),
            bound: lower_bound(program, &duals),
            values: found.x.clone(),
            duals,
            status,
            iterations: u64::from(found.iterations),
        })
    }
}

fn settings(limits: &Limits, refinements: u32) -> DefaultSettings<f64> {
    DefaultSettings {
        verbose: false,
        max_threads: 1,
        direct_solve_method: "qdldl".into(),
        tol_gap_abs: limits.tolerance,
        tol_gap_rel: limits.tolerance,
        tol_feas: limits.tolerance,
        time_limit: limits.seconds.unwrap_or(f64::INFINITY),
        presolve_enable: false,
        iterative_refinement_max_iter: refinements,
        ..DefaultSettings::default()
    }
}

impl InteriorPoint {
    /// Lays the program out as `A x + s = b`: equalities first, then what is at most 0. Returns the number of equalities.
    fn lay_out(&mut self, program: &LinearProgram) -> usize {
        self.right.clear();
        self.places.clear();
        for row in program.rows() {
            let equal = row.lower == row.upper;
            self.places.push([equal.then_some(self.right.len()), None]);
            if equal {
                self.right.push(row.upper);
            }
        }
        let equalities = self.right.len();
        for (row, place) in program.rows().iter().zip(&mut self.places) {
            if row.lower == row.upper {
                continue;
            }
            for (side, bound) in [(UPPER, row.upper), (LOWER, -row.lower)] {
                if bound.is_finite() {
                    place[side] = Some(self.right.len());
                    self.right.push(bound);
                }
            }
        }
        self.fill_matrix(program);
        equalities
    }

    /// Fills the matrix column by column, and gives the bounds of columns their rows.
    fn fill_matrix(&mut self, program: &LinearProgram) {
        let n = program.columns().len();
        let bounded = |bound: f64, implied: bool| bound.is_finite() && !implied;
        self.next.clear();
        self.next.resize(n + 1, 0);
        for (row, place) in program.rows().iter().zip(&self.places) {
            let copies = place.iter().flatten().count();
            for (column, _) in program.terms(row) {
                self.next[column.0 + 1] += copies;
            }
        }
        for (column, count) in program.columns().iter().zip(&mut self.next[1..]) {
            for (bound, implied) in [(column.upper, column.implied[1]), (-column.lower, column.implied[0])] {
                *count += usize::from(bounded(bound, implied));
            }
        }
        for j in 0..n {
            self.next[j + 1] += self.next[j];
        }
        self.first.clone_from(&self.next);
        self.rows.clear();
        self.rows.resize(self.first[n], 0);
        self.terms.clear();
        self.terms.resize(self.first[n], 0.0);
        let Self { right, rows, terms, places, next, .. } = self;
        let mut put = |column: usize, row: usize, a: f64| {
            (rows[next[column]], terms[next[column]]) = (row, a);
            next[column] += 1;
        };
        // In the order of the method's rows: equalities, inequalities, bounds.
        for wanted in [true, false] {
            for (row, place) in program.rows().iter().zip(places.iter()) {
                if (row.lower == row.upper) != wanted {
                    continue;
                }
                for (side, sign) in [(UPPER, 1.0), (LOWER, -1.0)] {
                    let Some(at) = place[side] else { continue };
                    program.terms(row).iter().for_each(|(column, a)| put(column.0, at, sign * a));
                }
            }
        }
        for (j, column) in program.columns().iter().enumerate() {
            let sides = [(column.upper, column.implied[1], 1.0), (-column.lower, column.implied[0], -1.0)];
            for (bound, implied, sign) in sides {
                if bounded(bound, implied) {
                    put(j, right.len(), sign);
                    right.push(bound);
                }
            }
        }
    }

    /// Prices of the program's rows from the method's own.
    fn prices(&self, z: &[f64]) -> Vec<f64> {
        let of = |at: Option<usize>| at.map_or(0.0, |at| z[at]);
        self.places.iter().map(|place| of(place[LOWER]) - of(place[UPPER])).collect()
    }
}

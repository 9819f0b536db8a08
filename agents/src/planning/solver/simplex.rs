//! Programs with integers, and small ones without, by microlp's simplex method and branch and bound.
//!
//! Always: nothing is random; with a limit on nodes and none on time a search is reproducible. Gives no prices.

use super::{Limits, Solution, SolveError, Solver, Status};
use crate::planning::LinearProgram;
use microlp::{
    ComparisonOp, Error, OptimizationDirection, Problem, SolutionStatus, SolveOptions, SolveOutcome, TerminationReason,
    Variable,
};
use std::time::Duration;

/// microlp.
#[derive(Debug, Clone, Copy, Default)]
pub struct Simplex;

const NAME: &str = "microlp";
/// Bounds of the search are taken for true within this share: it prunes and keeps rows within 1e-7.
const DOUBT: f64 = 1e-7;

impl Solver for Simplex {
    fn name(&self) -> &'static str {
        NAME
    }

    fn solve(
        &mut self,
        program: &LinearProgram,
        limits: &Limits,
        start: Option<&[f64]>,
    ) -> Result<Solution, SolveError> {
        let (problem, variables) = translate(program);
        let mut options = SolveOptions::default();
        options.time_limit = limits.seconds.map(Duration::from_secs_f64);
        options.node_limit = limits.nodes;
        options.mip_gap = limits.gap;
        options.warm_start = start.filter(|_| program.has_integers()).map(|start| hint(program, &variables, start));
        let outcome = problem.solve_with(options).map_err(|error| fault(program, &error))?;
        let solution = match outcome {
            SolveOutcome::Solution(solution) => solution,
            SolveOutcome::Interrupted(interrupted) => {
                let reason = format!("the search ended with {:?}", interrupted.termination_reason());
                return Err(SolveError::NoPoint { solver: NAME, reason });
            }
        };
        let values: Vec<f64> = variables.iter().map(|variable| solution.var_value(*variable)).collect();
        let objective = program.cost_of(&values);
        let bound = solution.stats().best_bound.map_or(f64::NEG_INFINITY, |bound| bound + program.offset);
        let finished =
            matches!(solution.termination_reason(), TerminationReason::ProvenOptimal | TerminationReason::MipGap)
                || solution.status() == SolutionStatus::Optimal;
        Ok(Solution {
            objective,
            bound: bound.min(objective) - DOUBT * objective.abs().max(1.0),
            duals: Vec::new(),
            status: if finished { Status::Optimal } else { Status::Feasible },
            iterations: solution.stats().lp_iterations,
            values,
        })
    }
}

fn translate(program: &LinearProgram) -> (Problem, Vec<Variable>) {
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let variables: Vec<Variable> = program
        .columns()
        .iter()
        .map(|column| match column.integer {
            // Integers of our programs are counts and choices.
            true => problem.add_integer_var(column.cost, (column.lower as i32, column.upper as i32)),
            false => problem.add_var(column.cost, (column.lower, column.upper)),
        })
        .collect();
    for row in program.rows() {
        let terms: Vec<(Variable, f64)> = program.terms(row).iter().map(|(c, a)| (variables[c.0], *a)).collect();
        if row.lower == row.upper {
            problem.add_constraint(&terms[..], ComparisonOp::Eq, row.upper);
            continue;
        }
        if row.upper.is_finite() {
            problem.add_constraint(&terms[..], ComparisonOp::Le, row.upper);
        }
        if row.lower.is_finite() {
            problem.add_constraint(&terms[..], ComparisonOp::Ge, row.lower);
        }
    }
    (problem, variables)
}

/// The integers of a start; the rest follows from them.
fn hint(program: &LinearProgram, variables: &[Variable], start: &[f64]) -> Vec<(Variable, f64)> {
    let integers = program.columns().iter().zip(variables).zip(start).filter(|((column, _), _)| column.integer);
    integers.map(|((column, variable), x)| (*variable, x.round().clamp(column.lower, column.upper))).collect()
}

fn fault(program: &LinearProgram, error: &Error) -> SolveError {
    match error {
        Error::Infeasible => SolveError::Infeasible { solver: NAME, rows: program.rows().len() },
        Error::Unbounded => SolveError::Unbounded { solver: NAME, columns: program.columns().len() },
        other => SolveError::NoPoint { solver: NAME, reason: other.to_string() },
    }
}

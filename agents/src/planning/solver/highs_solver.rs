//! Programs with many integers by HiGHS, where it was built in (feature `highs`).
//!
//! Always: one thread and one seed; bounds of programs without integers come with a certificate. HiGHS tells the bound of
//! a search itself.

use super::certificate::lower_bound;
use super::{Limits, Solution, SolveError, Solver, Status};
use crate::planning::LinearProgram;
use highs::{HighsModelStatus, HighsSolutionStatus, HighsStatus, Model, RowProblem, Sense};

/// HiGHS.
#[derive(Debug, Clone, Copy, Default)]
pub struct Highs;

const NAME: &str = "highs";
/// Bounds of a search are taken for true within this share: it keeps rows within 1e-7.
const DOUBT: f64 = 1e-7;

impl Solver for Highs {
    fn name(&self) -> &'static str {
        NAME
    }

    fn solve(
        &mut self,
        program: &LinearProgram,
        limits: &Limits,
        start: Option<&[f64]>,
    ) -> Result<Solution, SolveError> {
        let fault = |status: HighsStatus| SolveError::NoPoint { solver: NAME, reason: format!("it says {status:?}") };
        let mut model = translate(program).try_optimise(Sense::Minimise).map_err(fault)?;
        set_limits(&mut model, limits);
        if program.has_integers() && start.is_some() {
            model.try_set_solution(start, None, None, None).map_err(fault)?;
        }
        let solved = model.try_solve().map_err(fault)?;
        let status = match solved.status() {
            HighsModelStatus::Optimal => Status::Optimal,
            HighsModelStatus::Infeasible => {
                return Err(SolveError::Infeasible { solver: NAME, rows: program.rows().len() });
            }
            HighsModelStatus::Unbounded => {
                return Err(SolveError::Unbounded { solver: NAME, columns: program.columns().len() });
            }
            _ if solved.primal_solution_status() == HighsSolutionStatus::Feasible => Status::Feasible,
            other => {
                return Err(SolveError::NoPoint { solver: NAME, reason: format!("the search ended with {other:?}") });
            }
        };
        let found = solved.get_solution();
        let values = found.columns().to_vec();
        let objective = program.cost_of(&values);
        let (bound, duals) = if program.has_integers() {
            let told = solved.double_info_value(c"mip_dual_bound").map_err(fault)? + program.offset;
            (told.min(objective) - DOUBT * objective.abs().max(1.0), Vec::new())
        } else {
            (lower_bound(program, found.dual_rows()), found.dual_rows().to_vec())
        };
        let iterations = solved.simplex_iteration_count().max(0) as u64;
        Ok(Solution { values, objective, bound, duals, status, iterations })
    }
}

fn translate(program: &LinearProgram) -> RowProblem {
    let mut problem = RowProblem::default();
    let columns: Vec<_> = program
        .columns()
        .iter()
        .map(|column| problem.add_column_with_integrality(column.cost, column.lower..=column.upper, column.integer))
        .collect();
    for row in program.rows() {
        let terms = program.terms(row).iter().map(|(column, a)| (columns[column.0], *a));
        problem.add_row(row.lower..=row.upper, terms);
    }
    problem
}

fn set_limits(model: &mut Model, limits: &Limits) {
    model.make_quiet();
    model.set_option("threads", 1);
    model.set_option("parallel", "off");
    model.set_option("random_seed", 0);
    model.set_option("mip_rel_gap", limits.gap);
    if let Some(seconds) = limits.seconds {
        model.set_option("time_limit", seconds);
    }
    if let Some(nodes) = limits.nodes {
        model.set_option("mip_max_nodes", nodes.min(i32::MAX as u64) as i32);
    }
}

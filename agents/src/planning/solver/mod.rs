//! Solvers of linear programs, behind one trait.
//!
//! In: a [`LinearProgram`], limits, a start if there is one. Out: a [`Solution`] with a bound that holds.
//! Always: the same program and limits give the same solution, unless a time limit ends the search.
//! Not here: the programs (`dispatch_model/`), how long a solution took (rooms below `train/` know no clock).

mod certificate;
#[cfg(feature = "highs")]
mod highs_solver;
mod interior_point;
mod simplex;
#[cfg(test)]
mod tests;

pub use certificate::lower_bound;
#[cfg(feature = "highs")]
pub use highs_solver::Highs;
pub use interior_point::InteriorPoint;
pub use simplex::Simplex;

use super::LinearProgram;

/// The solver of programs with integers: HiGHS where it was built in.
#[cfg(feature = "highs")]
pub type IntegerSolver = Highs;
/// The solver of programs with integers.
#[cfg(not(feature = "highs"))]
pub type IntegerSolver = Simplex;

/// Solves linear programs.
pub trait Solver: Send {
    /// Name in reports.
    fn name(&self) -> &'static str;

    /// Minimises a program. `start` holds a value per column, from which a solver may start.
    ///
    /// # Errors
    /// [`SolveError`] if there is nothing to return: no point, or a fault of the program.
    fn solve(
        &mut self,
        program: &LinearProgram,
        limits: &Limits,
        start: Option<&[f64]>,
    ) -> Result<Solution, SolveError>;
}

/// When a search ends early.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Time for the search; with one, results depend on the machine.
    pub seconds: Option<f64>,
    /// Nodes of a branch and bound.
    pub nodes: Option<u64>,
    /// Relative gap between the best point and the bound at which a program with integers counts as solved.
    pub gap: f64,
    /// Relative accuracy asked of an interior-point method.
    pub tolerance: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { seconds: None, nodes: None, gap: 1e-6, tolerance: 1e-8 }
    }
}

/// What a solver found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Solution {
    /// Value of each column.
    pub values: Vec<f64>,
    /// Cost of these values.
    pub objective: f64,
    /// No point of the program costs less.
    pub bound: f64,
    /// Price of each row: what the optimum rises by where a unit more is asked for. Empty if the solver gives none.
    pub duals: Vec<f64>,
    /// How far the search came.
    pub status: Status,
    /// Steps of the method.
    pub iterations: u64,
}

impl Solution {
    /// Distance between objective and bound, relative to the objective.
    pub fn gap(&self) -> f64 {
        (self.objective - self.bound) / self.objective.abs().max(1e-9)
    }
}

/// How far a search came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// The optimum, or one within the gap that was asked for.
    #[default]
    Optimal,
    /// The optimum with integers taken as real numbers.
    Relaxed,
    /// A point; limits or rounding ended the search.
    Feasible,
}

/// Why there is no solution.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SolveError {
    /// Nothing keeps all rows.
    #[error("{solver}: no point keeps all {rows} rows of the program")]
    Infeasible {
        /// Who says so.
        solver: &'static str,
        /// Their number.
        rows: usize,
    },
    /// The cost falls without end.
    #[error("{solver}: the cost of the program falls without end, expected bounds on all {columns} columns")]
    Unbounded {
        /// Who says so.
        solver: &'static str,
        /// Their number.
        columns: usize,
    },
    /// The search ended without a point.
    #[error("{solver}: {reason}, expected a point of the program\n\nhint: allow more time or nodes")]
    NoPoint {
        /// Who says so.
        solver: &'static str,
        /// In its words.
        reason: String,
    },
}

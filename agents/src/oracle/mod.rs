//! The oracle: what a window would have cost at best, had everything been known before it began.
//!
//! In: a scenario and a window. Out: a lower bound on J, certified, and a plan.
//! Always: no policy's J is below the bound. What the model cannot state it leaves out in the policy's favour; the list is
//! at [`Kind::Bound`]. Not here: the linear program (`planning/`), the score (`flexai`).

mod flex;
mod future;
mod groups;
mod replay;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod variety;

pub use future::{Future, future};
pub use replay::PlanReplay;

use crate::planning::solver::{IntegerSolver, InteriorPoint, Limits, Solution, SolveError, Solver, Status};
use crate::planning::{DispatchModel, PeriodPlan, Wanted};
use flexai_env::site::{SiteSetup, WindowChoice};

/// Rounding of what the environment adds up is below this share of it.
const ROUNDING: f64 = 1e-10;

/// How hard the oracle tries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OracleOptions {
    /// Whether choices that no linear program can state are searched; `limits` says for how long.
    pub integers: bool,
    /// Limits of the solvers.
    pub limits: Limits,
    /// A class whose jobs take no more columns than this is looked at job by job, or deadline by deadline; another is a
    /// queue, whose bound is looser where jobs are long against their slack. (Where jobs may not pause it can be tighter: it knows what must run.)
    pub detail: usize,
}

impl Default for OracleOptions {
    fn default() -> Self {
        Self { integers: false, limits: Limits::default(), detail: 13_000 }
    }
}

/// What the best course costs, at least.
#[derive(Debug, Clone, PartialEq)]
pub struct OracleResult {
    /// No policy's J over the window is lower; GBP, settlement included.
    pub bound_gbp: f64,
    /// The bound of the linear program alone.
    pub linear_gbp: f64,
    /// Whether the bound can be met.
    pub kind: Kind,
    /// Distance of the plan's cost in the model from the bound, relative to the cost; of the search for integers, if
    /// there was one.
    pub gap: f64,
    /// By site, then period: what the model would do.
    pub plan: Vec<Vec<PeriodPlan>>,
    /// Name of the solver that proved the bound.
    pub solver: &'static str,
    /// Steps of all solvers together.
    pub iterations: u64,
    /// Columns and rows of the last program.
    pub size: [usize; 2],
}

/// What a bound is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A policy can reach it, but for the gap: there are no jobs, and nothing was relaxed.
    Optimum,
    /// It may be out of reach, because something is relaxed in the policy's favour: jobs are divisible, are paused without
    /// loss and stop gates only by their power; value steps, bandwidth, energy and charge of migration cost nothing; a
    /// fading battery keeps its capacity; FIFO's import is the baseline of what flexibility earns; where energy is worth
    /// nothing or less, what cannot be at once is held by its convex hull.
    Bound,
}

/// The least that a window can cost.
///
/// # Errors
/// [`SolveError`] if a solver fails.
pub fn oracle(setup: &SiteSetup, window: WindowChoice, options: &OracleOptions) -> Result<OracleResult, SolveError> {
    let future = future(setup, window, options.detail);
    let mut model = DispatchModel::default();
    model.build(future.wanted(false));
    let linear = InteriorPoint::default().solve(model.program(), &options.limits, None)?;
    let mut result = future.result(&model, &linear, "clarabel");
    if options.integers {
        model.build(future.wanted(true));
        if model.program().has_integers() {
            future.search(&mut model, &options.limits, &mut result)?;
        }
    }
    if future.exact && result.gap <= options.limits.gap.max(1e-5) {
        let searched = options.integers || !future.has_choices;
        result.kind = if searched { Kind::Optimum } else { Kind::Bound };
    }
    Ok(result)
}

impl Future {
    /// What the model is built from.
    pub fn wanted(&self, binaries: bool) -> Wanted<'_> {
        Wanted { sites: &self.sites, pools: &self.pools, groups: &self.groups, extras: &self.extras, binaries }
    }

    /// The bound that a solution proves.
    fn bound_gbp(&self, bound: f64) -> f64 {
        let bound = bound + self.fixed_gbp;
        bound - ROUNDING * self.size_gbp
    }

    fn result(&self, model: &DispatchModel, found: &Solution, solver: &'static str) -> OracleResult {
        let bound_gbp = self.bound_gbp(found.bound);
        let cost = found.objective + self.fixed_gbp;
        OracleResult {
            bound_gbp,
            linear_gbp: bound_gbp,
            kind: Kind::Bound,
            gap: (cost - bound_gbp).max(0.0) / cost.abs().max(1e-9),
            plan: self.plan(model, &found.values),
            solver,
            iterations: found.iterations,
            size: [model.program().columns().len(), model.program().rows().len()],
        }
    }

    fn plan(&self, model: &DispatchModel, values: &[f64]) -> Vec<Vec<PeriodPlan>> {
        let of_site = |s| (0..model.periods()).map(|t| model.plan(values, s, t)).collect();
        (0..self.sites.len()).map(of_site).collect()
    }

    /// Searches the choices; a search that found no point leaves the result of the linear program.
    fn search(&self, model: &mut DispatchModel, limits: &Limits, result: &mut OracleResult) -> Result<(), SolveError> {
        // The interior-point method relaxes the choices too; its rounded point is where the search starts.
        let relaxed = InteriorPoint::default().solve(model.program(), limits, None)?;
        let relaxed_gbp = self.bound_gbp(relaxed.bound);
        if relaxed_gbp > result.bound_gbp {
            result.bound_gbp = relaxed_gbp;
        }
        result.iterations += relaxed.iterations;
        let mut solver = IntegerSolver::default();
        let found = match solver.solve(model.program(), limits, Some(&relaxed.values)) {
            Ok(found) => found,
            Err(SolveError::NoPoint { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let better = self.result(model, &found, solver.name());
        result.iterations += found.iterations;
        result.plan = better.plan;
        result.size = better.size;
        if better.bound_gbp > result.bound_gbp {
            (result.bound_gbp, result.solver) = (better.bound_gbp, better.solver);
        }
        let cost = found.objective + self.fixed_gbp;
        result.gap = (cost - result.bound_gbp).max(0.0) / cost.abs().max(1e-9);
        debug_assert!(found.status != Status::Relaxed);
        Ok(())
    }
}

//! Perfect foresight: what no policy's J can be below, for every week and job seed of a plan.
//!
//! In: a [`Bound`]. Out: an [`OracleReport`]. Always: cached like the weeks of the players.
//! Not here: how a bound is found (`flexai_agents::oracle`), and that nobody is below it (`against.rs`).

use super::cache::Cache;
use super::plan::EvaluationPlan;
use super::report::{OracleReport, OracleWeek};
use crate::fault::Fault;
use flexai_agents::oracle::{Kind, OracleOptions, oracle};
use flexai_env::site::{SiteSetup, WindowChoice};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What is known of the best J of a window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WindowBound {
    /// No J is below it.
    pub bound_gbp: f64,
    /// Whether a schedule is known to reach it.
    pub is_optimum: bool,
}

/// Finds a lower bound on J with all of the future known.
pub trait Bound: Sync {
    /// What tells it from every bound that finds other numbers.
    fn identity(&self) -> String;

    /// What solves it.
    fn solver(&self) -> String;

    /// The bound of a window.
    ///
    /// # Errors
    /// Why there is none.
    fn bound(&self, setup: &SiteSetup, window: WindowChoice) -> Result<WindowBound, String>;
}

/// The certified bound of the dispatch model.
#[derive(Debug, Clone, Default)]
pub struct PerfectForesight {
    /// How it is solved.
    pub options: OracleOptions,
}

impl Bound for PerfectForesight {
    fn identity(&self) -> String {
        format!("perfect foresight {:?}", self.options)
    }

    fn solver(&self) -> String {
        if self.options.integers { "clarabel, microlp" } else { "clarabel" }.into()
    }

    fn bound(&self, setup: &SiteSetup, window: WindowChoice) -> Result<WindowBound, String> {
        let found = oracle(setup, window, &self.options).map_err(|error| error.to_string())?;
        Ok(WindowBound { bound_gbp: found.bound_gbp, is_optimum: found.kind == Kind::Optimum })
    }
}

/// Bounds of all weeks and job seeds; `progress` is called once for each, from any thread.
///
/// # Errors
/// A [`Fault`] naming the first week and job seed without a bound.
pub(super) fn oracle_report(
    plan: &EvaluationPlan,
    bound: &dyn Bound,
    cache: Option<&Cache>,
    progress: &(dyn Fn() + Sync),
) -> Result<OracleReport, Fault> {
    let (windows, seeds) = (plan.windows(), plan.job_seeds.len());
    let player = format!("bound {}", bound.identity());
    let find = |window: &WindowChoice| {
        let week = plan.setup.trace.period(window.start).to_string();
        let key = cache.map(|cache| (cache, cache.key(&player, week.clone(), window.job_seed)));
        let known = key.as_ref().and_then(|(cache, key)| cache.load(key));
        let found = match known {
            Some(found) => found,
            None => {
                let found = bound.bound(&plan.setup, *window).map_err(|text| {
                    let message = format!("the week of {week} with job seed {} has none: {text}", window.job_seed);
                    Fault { exit_code: 1, ..Fault::new("oracle", message).hint("--no-oracle evaluates without it") }
                })?;
                if let Some((cache, key)) = &key {
                    cache.store(key, &found);
                }
                found
            }
        };
        progress();
        Ok((week, found))
    };
    let found: Vec<Result<(String, WindowBound), Fault>> = windows.par_iter().map(find).collect();
    let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
    let kind = if found.iter().all(|(_, bound)| bound.is_optimum) { "optimum" } else { "bound" };
    let total_gbp = found.iter().map(|(_, bound)| bound.bound_gbp).sum::<f64>() / seeds as f64;
    let week = |(i, (week, bound)): (usize, (String, WindowBound))| OracleWeek {
        week,
        seed: i % seeds,
        bound_gbp: bound.bound_gbp,
    };
    Ok(OracleReport {
        kind: kind.into(),
        solver: bound.solver(),
        total_gbp,
        per_week: found.into_iter().enumerate().map(week).collect(),
    })
}

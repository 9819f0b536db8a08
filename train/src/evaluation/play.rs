//! Plays every policy on every week with every job seed, on all cores.
//!
//! Always: the order of results does not depend on the number of threads.

use super::plan::EvaluationPlan;
use flexai_agents::policy::{PolicySource, WeekOutcome, play_week};
use flexai_env::site::{EpisodeEnd, FlexSite, WindowChoice};
use rayon::prelude::*;
use std::sync::Arc;

/// Outcomes of each policy in week-major order: all seeds of the first week, then those of the second.
///
/// `progress` is called once per week played, from any thread.
pub fn play_policies(
    plan: &EvaluationPlan,
    policies: &[&dyn PolicySource],
    progress: &(dyn Fn() + Sync),
) -> Vec<Vec<WeekOutcome>> {
    let windows: Vec<WindowChoice> = plan
        .weeks
        .iter()
        .flat_map(|week| {
            plan.job_seeds.iter().map(|seed| WindowChoice {
                start: week.start,
                periods: flexai_env::grid::PERIODS_PER_WEEK,
                job_seed: *seed,
                end: EpisodeEnd::Settle,
            })
        })
        .collect();
    let jobs: Vec<(usize, WindowChoice)> =
        (0..policies.len()).flat_map(|p| windows.iter().map(move |window| (p, *window))).collect();
    let outcomes: Vec<WeekOutcome> = jobs
        .par_iter()
        .map_init(
            || FlexSite::new(Arc::clone(&plan.setup)),
            |site, (p, window)| {
                let mut policy = policies[*p].make();
                let outcome = play_week(site, policy.as_mut(), *window);
                progress();
                outcome
            },
        )
        .collect();
    outcomes.chunks(windows.len()).map(<[WeekOutcome]>::to_vec).collect()
}

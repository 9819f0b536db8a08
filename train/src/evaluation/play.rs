//! Plays every policy on every week with every job seed, on all cores.
//!
//! Always: the order of results does not depend on the number of threads; the clock of decisions runs here, because the
//! rooms below know no clock.

use super::plan::EvaluationPlan;
use flexai_agents::policy::{Policy, PolicySource, Situation, play_week};
use flexai_env::site::{EpisodeEnd, FlexFleet, Ledger, WindowChoice};
use rayon::prelude::*;
use std::sync::Arc;
use std::time::Instant;

/// What a policy made of one scored week.
#[derive(Debug, Clone, PartialEq)]
pub struct PlayedWeek {
    /// Sums over the week.
    pub ledger: Ledger,
    /// Time of each decision in nanoseconds; a figure of the machine, not of the policy.
    pub decision_ns: Vec<u64>,
}

/// A policy whose decisions are timed.
struct Timed {
    policy: Box<dyn Policy>,
    decision_ns: Vec<u64>,
}

impl Policy for Timed {
    fn name(&self) -> &str {
        self.policy.name()
    }

    fn begin_episode(&mut self, seed: u64) {
        self.policy.begin_episode(seed);
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let begin = Instant::now();
        self.policy.decide(situation, action);
        self.decision_ns.push(begin.elapsed().as_nanos() as u64);
    }
}

/// Outcomes of each policy in week-major order: all seeds of the first week, then those of the second.
///
/// `progress` is called once per week played, from any thread.
pub fn play_policies(
    plan: &EvaluationPlan,
    policies: &[&dyn PolicySource],
    progress: &(dyn Fn() + Sync),
) -> Vec<Vec<PlayedWeek>> {
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
    let outcomes: Vec<PlayedWeek> = jobs
        .par_iter()
        .map_init(
            || FlexFleet::new(Arc::clone(&plan.setup)),
            |site, (p, window)| {
                let mut policy = Timed { policy: policies[*p].make(), decision_ns: Vec::with_capacity(window.periods) };
                let ledger = play_week(site, &mut policy, *window).ledger;
                progress();
                PlayedWeek { ledger, decision_ns: policy.decision_ns }
            },
        )
        .collect();
    outcomes.chunks(windows.len()).map(<[PlayedWeek]>::to_vec).collect()
}

//! Plays every policy on every week with every job seed, on all cores.
//!
//! Always: the order of results does not depend on the number of threads; the clock of decisions runs here, because the
//! rooms below know no clock.

use super::cache::Cache;
use super::plan::EvaluationPlan;
use super::watch::{Seen, Watch};
use crate::clock::{thread_cpu, thread_cpu_cost};
use flexai_agents::policy::{Policy, PolicySource, Situation, play_week_seen};
use flexai_env::site::{FlexFleet, Ledger, WindowChoice};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who plays.
pub struct Contestant<'a> {
    /// Makes the policy.
    pub source: &'a dyn PolicySource,
    /// `network` or `rival`.
    pub kind: &'a str,
    /// What tells it from every policy that decides differently.
    pub identity: String,
}

/// What a policy made of one scored week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlayedWeek {
    /// Sums over the week.
    pub ledger: Ledger,
    /// Time of each decision in nanoseconds; a figure of the machine, not of the policy.
    pub decision_ns: Vec<u64>,
    /// CPU time of all decisions in nanoseconds; a figure of the machine too, but not of its other programs.
    pub cpu_ns: u64,
    /// What was seen beside the ledger.
    pub seen: Seen,
}

/// A policy whose decisions are timed.
struct Timed {
    policy: Box<dyn Policy>,
    decision_ns: Vec<u64>,
    cpu: Duration,
    /// What asking for the CPU time takes.
    clock: Duration,
}

impl Policy for Timed {
    fn name(&self) -> &str {
        self.policy.name()
    }

    fn begin_episode(&mut self, seed: u64) {
        self.policy.begin_episode(seed);
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        let cpu = thread_cpu();
        let begin = Instant::now();
        self.policy.decide(situation, action);
        self.decision_ns.push(begin.elapsed().as_nanos() as u64);
        self.cpu += thread_cpu().saturating_sub(cpu + self.clock);
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
    play_all(plan, policies.len(), progress, |site, p, window| play(site, policies[p], window))
}

/// The same, with weeks that were played before taken from a cache.
pub(super) fn play_contestants(
    plan: &EvaluationPlan,
    contestants: &[Contestant<'_>],
    cache: Option<&Cache>,
    progress: &(dyn Fn() + Sync),
) -> Vec<Vec<PlayedWeek>> {
    play_all(plan, contestants.len(), progress, |site, p, window| {
        let Contestant { source, identity, .. } = &contestants[p];
        let Some(cache) = cache else { return play(site, *source, window) };
        let key = cache.key(identity, plan.setup.trace.period(window.start).to_string(), window.job_seed);
        cache.load(&key).unwrap_or_else(|| {
            let week = play(site, *source, window);
            cache.store(&key, &week);
            week
        })
    })
}

fn play_all(
    plan: &EvaluationPlan,
    players: usize,
    progress: &(dyn Fn() + Sync),
    play: impl Fn(&mut FlexFleet, usize, WindowChoice) -> PlayedWeek + Sync,
) -> Vec<Vec<PlayedWeek>> {
    let windows = plan.windows();
    let jobs: Vec<(usize, WindowChoice)> =
        (0..players).flat_map(|p| windows.iter().map(move |window| (p, *window))).collect();
    let outcomes: Vec<PlayedWeek> = jobs
        .par_iter()
        .map_init(
            || FlexFleet::new(Arc::clone(&plan.setup)),
            |site, (p, window)| {
                let week = play(site, *p, *window);
                progress();
                week
            },
        )
        .collect();
    outcomes.chunks(windows.len()).map(<[PlayedWeek]>::to_vec).collect()
}

/// Plays one week.
fn play(site: &mut FlexFleet, source: &dyn PolicySource, window: WindowChoice) -> PlayedWeek {
    let decision_ns = Vec::with_capacity(window.periods);
    let mut policy = Timed { policy: source.make(), decision_ns, cpu: Duration::ZERO, clock: thread_cpu_cost() };
    let mut watch = Watch::new(site.setup(), window.periods);
    let ledger = play_week_seen(site, &mut policy, window, &mut |site| watch.see(site)).ledger;
    PlayedWeek { ledger, decision_ns: policy.decision_ns, cpu_ns: policy.cpu.as_nanos() as u64, seen: watch.done() }
}

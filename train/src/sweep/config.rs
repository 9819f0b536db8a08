//! The sweep file: `configs/sweep/*.toml`.
//!
//! In: TOML. Out: what is searched, how, and how long.
//! Always: every default is written here; the score can come from the validation weeks alone.
//! Not here: the training configuration it begins with (`base.rs`).

use super::space::{Dimension, dimensions};
use crate::config::{Config, Faults};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A search over the keys of a training configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SweepConfig {
    /// Name of the sweep, for its folder.
    pub name: String,
    /// Training configuration to begin with, relative to the sweep file.
    pub base: PathBuf,
    /// Changes of the base for all trials, as `train --set` takes them.
    pub overrides: Vec<String>,
    /// Seed of the draws of points.
    pub seed: u64,
    /// Points tried.
    pub trials: usize,
    /// Training seeds of each point, all different.
    pub seeds: Vec<u64>,
    /// Whether the first trial is the base as it is; it is always trained to the end.
    pub include_base: bool,
    /// Points drawn together, before any of them is known; also the field of a round of pruning.
    pub generation: usize,
    /// Runs at a time, each on one thread; as many as cores if not set. It changes no result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel: Option<usize>,
    /// What is best.
    pub objective: ObjectiveConfig,
    /// How points are drawn.
    pub sampler: SamplerConfig,
    /// Who is trained to the end.
    pub pruning: PruningConfig,
    /// Keys of the training configuration and their values.
    pub space: toml::Table,
}

/// Table `[objective]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// `validation` (the score that marks a run's best checkpoint), or a tag `eval/..` of `metrics.jsonl` at that
    /// checkpoint.
    pub metric: String,
    /// Whether more is better; if not set, what the metric's name says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// What the seeds of a point come to.
    pub over_seeds: OverSeeds,
}

/// Which scores are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Higher ones.
    Maximize,
    /// Lower ones.
    Minimize,
}

/// How the scores of several seeds become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverSeeds {
    /// Their mean.
    Mean,
    /// The worst of them.
    Worst,
}

/// Table `[sampler]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplerConfig {
    /// How.
    pub kind: SamplerKind,
    /// Trials drawn at random before the estimator is used (`tpe`).
    pub startup: usize,
    /// Share of the trials that count as good, in (0, 1); 25 at most (`tpe`).
    pub good_share: f64,
    /// Candidates per dimension (`tpe`).
    pub candidates: usize,
}

/// How points are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplerKind {
    /// Every point by itself.
    Random,
    /// By a tree-structured Parzen estimator.
    Tpe,
}

/// Table `[pruning]`: synchronous successive halving within each generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PruningConfig {
    /// Shares of the run's steps at which only the best go on, ascending, in (0, 1); empty means that all do.
    pub rungs: Vec<f64>,
    /// One in so many goes on, one at least.
    pub eta: usize,
}

impl Default for SweepConfig {
    fn default() -> Self {
        Self {
            name: "sweep".into(),
            base: PathBuf::new(),
            overrides: Vec::new(),
            seed: 1,
            trials: 20,
            seeds: vec![1],
            include_base: true,
            generation: 4,
            parallel: None,
            objective: ObjectiveConfig::default(),
            sampler: SamplerConfig::default(),
            pruning: PruningConfig::default(),
            space: toml::Table::new(),
        }
    }
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self { metric: VALIDATION.into(), direction: None, over_seeds: OverSeeds::Mean }
    }
}

impl Default for SamplerConfig {
    fn default() -> Self {
        Self { kind: SamplerKind::Tpe, startup: 8, good_share: 0.2, candidates: 24 }
    }
}

impl Default for PruningConfig {
    fn default() -> Self {
        Self { rungs: Vec::new(), eta: 2 }
    }
}

/// The score that `train` marks its best checkpoint by.
pub const VALIDATION: &str = "validation";
/// What a site is judged by on its validation weeks.
const SITE_METRICS: [&str; 4] =
    ["eval/saving_pct", "eval/cost_gbp_per_week", "eval/carbon_t_per_week", "eval/jobs_late_per_week"];
/// What every other environment is judged by on its validation episodes.
const CLASSIC_METRICS: [&str; 1] = ["eval/return_mean"];

/// Checks a metric for an environment: what was found and expected, and what to do.
///
/// # Errors
/// Sentence and hint.
pub fn check_metric(metric: &str, is_site: bool) -> Result<(), (String, String)> {
    let known: &[&str] = if is_site { &SITE_METRICS } else { &CLASSIC_METRICS };
    if metric == VALIDATION || known.contains(&metric) {
        return Ok(());
    }
    let listed = known.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let hint =
        format!("use \"{VALIDATION}\", or one of {listed}; `flexai evaluate --split test` reports, once, at the end");
    let found = if metric.to_lowercase().contains("test") {
        format!(
            "\"{metric}\", but settings chosen on the test weeks would be reported on the very weeks they were chosen on; \
             expected a score of the validation split"
        )
    } else {
        format!("\"{metric}\", expected a score of the validation split")
    };
    Err((found, hint))
}

impl ObjectiveConfig {
    /// Whether more is better.
    pub fn direction(&self) -> Direction {
        let natural = match self.metric.as_str() {
            "eval/cost_gbp_per_week" | "eval/carbon_t_per_week" | "eval/jobs_late_per_week" => Direction::Minimize,
            _ => Direction::Maximize,
        };
        self.direction.unwrap_or(natural)
    }
}

impl SweepConfig {
    /// The dimensions of the search; those of a checked configuration have no fault.
    pub fn dimensions(&self) -> Vec<Dimension> {
        dimensions(&self.space).0
    }

    /// The shares of the steps at which a run stops, the whole run at last.
    pub fn stops(&self) -> Vec<f64> {
        self.pruning.rungs.iter().copied().chain([1.0]).collect()
    }

    /// Number of generations.
    pub fn generations(&self) -> usize {
        self.trials.div_ceil(self.generation)
    }

    /// How many of a field go on after a stop: one in `eta`, one at least; the base takes nobody's place.
    pub fn going_on(&self, field: usize, with_base: bool) -> usize {
        let others = field - usize::from(with_base);
        (others / self.pruning.eta).max(1).min(others) + usize::from(with_base)
    }

    /// Whether a trial is the base as it is, which is never pruned, so that the table tells what the search gained.
    pub fn is_base(&self, trial: usize) -> bool {
        self.include_base && trial == 0
    }

    /// The trials of a generation.
    pub fn trials_of(&self, generation: usize) -> std::ops::Range<usize> {
        let begin = generation * self.generation;
        begin..(begin + self.generation).min(self.trials)
    }
}

impl Config for SweepConfig {
    fn validate(&self) -> Faults {
        let (dimensions, mut faults) = dimensions(&self.space);
        if self.base.as_os_str().is_empty() {
            let hint = "add a line such as base = \"../train/quickstart.toml\"";
            faults.push_with_hint("base", "`base` is missing, expected the path of a training configuration", hint);
        }
        let at_least_one = [
            ("trials", self.trials),
            ("generation", self.generation),
            ("parallel", self.parallel.unwrap_or(1)),
            ("sampler.candidates", self.sampler.candidates),
        ];
        for (key, found) in at_least_one {
            faults.require(found >= 1, key, || format!("`{key}` is {found}, expected 1 or more"));
        }
        let seeds = &self.seeds;
        let twice = seeds.iter().enumerate().any(|(i, seed)| seeds[..i].contains(seed));
        faults.require(!seeds.is_empty() && !twice, "seeds", || {
            format!("`seeds` is {seeds:?}, expected at least one seed, all different")
        });
        let share = self.sampler.good_share;
        faults.require(share > 0.0 && share < 1.0, "sampler.good_share", || {
            format!("`sampler.good_share` is {share}, expected a number in (0, 1)")
        });
        let (rungs, eta) = (&self.pruning.rungs, self.pruning.eta);
        let ascending = rungs.windows(2).all(|pair| pair[0] < pair[1]);
        faults.require(ascending && rungs.iter().all(|rung| *rung > 0.0 && *rung < 1.0), "pruning.rungs", || {
            format!("`pruning.rungs` is {rungs:?}, expected shares of the steps in (0, 1), ascending")
        });
        faults.require(eta >= 2, "pruning.eta", || format!("`pruning.eta` is {eta}, expected 2 or more"));
        // Whether it fits the environment is known with the base; here whether it can be a validation score at all.
        if let Err((found, hint)) = check_metric(&self.objective.metric, true)
            && check_metric(&self.objective.metric, false).is_err()
        {
            faults.push_with_hint("objective.metric", format!("`objective.metric` is {found}"), hint);
        }
        for dimension in &dimensions {
            if let Some(reason) = refused_key(&dimension.key) {
                let key = &dimension.key;
                faults.push_with_hint(
                    &format!("space.{key}"),
                    format!("`{key}` cannot be searched: {reason}, expected a key of what learns"),
                    "search keys of [ppo], [network], [plan] or [scenario.reward]; set others once, in `overrides`",
                );
            }
        }
        faults
    }
}

/// Why a key must be the same for all trials; `None` for one that may be searched.
fn refused_key(key: &str) -> Option<&'static str> {
    let under = |table: &str| key == table || key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'));
    if under("seed") {
        return Some("the seeds of a point are listed in `seeds`");
    }
    let name_or_place = ["name", "device", "checkpoint"].into_iter().any(under);
    if name_or_place {
        return Some("it says nothing about how well a policy learns");
    }
    let measures = ["env", "evaluation"].into_iter().any(under) || (under("scenario") && !under("scenario.reward"));
    measures.then_some("it changes what the score measures, so that scores would not compare")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_located;

    const GOOD: &str = "base = \"a.toml\"\n[space]\n\"ppo.gamma\" = { uniform = [0.9, 0.99] }\n";

    fn faults(text: &str) -> String {
        parse_located::<SweepConfig>("s.toml", text, &[]).map(|_| String::new()).unwrap_or_else(|e| e.to_string())
    }

    #[test]
    fn every_fault_is_reported_with_its_line() {
        assert_eq!(faults(GOOD), "");
        let text = "trials = 0\nseeds = [1, 1]\n[pruning]\nrungs = [0.5, 0.2]\neta = 1\n[space]\n\
                    \"env.grid\" = { choice = [\"a\", \"b\"] }\nseed = { int_uniform = [1, 9] }\n";
        let found = faults(text);
        for words in [
            "s.toml: `base` is missing, expected the path of a training configuration",
            "s.toml:1:10: `trials` is 0, expected 1 or more",
            "s.toml:2:9: `seeds` is [1, 1], expected at least one seed, all different",
            "s.toml:4:9: `pruning.rungs` is [0.5, 0.2], expected shares of the steps in (0, 1), ascending",
            "s.toml:5:7: `pruning.eta` is 1, expected 2 or more",
            "s.toml:7:14: `env.grid` cannot be searched: it changes what the score measures",
            "s.toml:8:8: `seed` cannot be searched: the seeds of a point are listed in `seeds`",
        ] {
            assert!(found.contains(words), "{words}\n{found}");
        }
    }

    #[test]
    fn a_score_of_the_test_split_is_refused_with_the_reason() {
        for metric in ["test", "eval/test_saving_pct"] {
            let found = faults(&format!("{GOOD}[objective]\nmetric = \"{metric}\"\n"));
            assert!(
                found.contains(&format!("`objective.metric` is \"{metric}\", but settings chosen on the test weeks"))
            );
            assert!(found.contains("expected a score of the validation split\n\nhint: use \"validation\""), "{found}");
        }
        assert!(
            faults(&format!("{GOOD}[objective]\nmetric = \"losses/entropy\"\n"))
                .contains("is \"losses/entropy\", expected")
        );
        assert!(check_metric("eval/return_mean", true).is_err() && check_metric("eval/return_mean", false).is_ok());
    }

    #[test]
    fn costs_are_minimised_unless_told_otherwise() {
        let of = |metric: &str| ObjectiveConfig { metric: metric.into(), ..ObjectiveConfig::default() }.direction();
        assert_eq!((of("validation"), of("eval/cost_gbp_per_week")), (Direction::Maximize, Direction::Minimize));
    }

    #[test]
    fn the_last_generation_may_be_smaller() {
        let config = SweepConfig { trials: 10, ..SweepConfig::default() };
        assert_eq!((config.generations(), config.trials_of(1), config.trials_of(2)), (3, 4..8, 8..10));
        assert_eq!((config.going_on(5, false), config.going_on(5, true), config.going_on(1, true)), (2, 3, 1));
    }
}

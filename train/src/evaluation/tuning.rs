//! Chooses the options of a rival on weeks of the train split.
//!
//! In: a rival, weeks, the values that each option may take. Out: the options of least J, and what was tried.
//! Always: the train split alone is played; weeks, jobs and draws come from named streams of one seed, so that the same
//! call chooses the same options at any number of threads. Not here: which values are tried (the rival says so).

use super::plan::{EvaluationPlan, WeekRange};
use super::play::play_policies;
use crate::fault::Fault;
use flexai_agents::policy::PolicySource;
use flexai_agents::rivals::{ChosenRival, OptionSpec};
use flexai_env::core::SeedTree;
use flexai_env::grid::{PERIODS_PER_DAY, PERIODS_PER_WEEK, Split, Week};
use flexai_env::site::SiteSetup;
use rand::RngExt;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long to search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Seed of weeks, jobs and draws.
    pub seed: u64,
    /// Draws of all options at once, before anything else.
    pub draws: usize,
    /// Rounds over all options, one after another.
    pub rounds: usize,
    /// Only these options; empty means all that can be tuned.
    pub only: Vec<String>,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Tuned {
    /// The rival by the options of least J.
    pub best: ChosenRival,
    /// Its mean J per week, pounds.
    pub cost_gbp_per_week: f64,
    /// That of the rival it began with.
    pub start_gbp_per_week: f64,
    /// Sets of options that were played.
    pub played: usize,
    /// What was chosen on the way.
    pub steps: Vec<TuningStep>,
}

/// One option, or one draw of all, and what it came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TuningStep {
    /// `draw`, or the option.
    pub option: String,
    /// The best value of it; the whole rival for a draw.
    pub value: String,
    /// Mean J per week with it, pounds.
    pub cost_gbp_per_week: f64,
}

/// Weeks of the train split, drawn at random, with jobs that no evaluation and no training sees.
///
/// # Errors
/// A [`Fault`] if the table has no such week.
pub fn tuning_plan(setup: Arc<SiteSetup>, weeks: usize, seed: u64) -> Result<EvaluationPlan, Fault> {
    let mut plan = EvaluationPlan::new(setup, WeekRange::Split(Split::Train), None, 1)?;
    // What a week leaves over is settled at the prices of the day after: that day belongs to the split too.
    let settled = |week: &Week| week.period + (PERIODS_PER_WEEK + PERIODS_PER_DAY) as i64;
    plan.weeks.retain(|week| settled(week) <= plan.range.end);
    if plan.weeks.is_empty() {
        let table = plan.setup.trace.source().name.clone();
        let message = "no week of the train split can be scored with the day that settles it, expected one at least";
        return Err(Fault::new(table, message).hint("take a longer table"));
    }
    let tree = SeedTree::new(seed);
    let mut draws = tree.stream("tuning weeks");
    let all = plan.weeks.len();
    for i in 0..weeks.min(all) {
        plan.weeks.swap(i, draws.random_range(i..all));
    }
    plan.weeks.truncate(weeks);
    plan.weeks.sort_by_key(|week| week.start);
    plan.job_seeds = vec![tree.child("tuning jobs", 0).seed()];
    Ok(plan)
}

/// Searches the options of a rival; `progress` hears of every step.
pub fn tune(
    plan: &EvaluationPlan,
    start: &ChosenRival,
    search: &Search,
    progress: &mut dyn FnMut(&TuningStep),
) -> Tuned {
    let mut tuner = Tuner { plan, known: BTreeMap::new() };
    let options: Vec<&OptionSpec> = start.rival().options.iter().filter(|option| is_searched(option, search)).collect();
    let mut best = start.clone();
    let mut least = tuner.costs(std::slice::from_ref(start))[0];
    let start_gbp_per_week = least;
    let mut steps = Vec::new();
    let mut note = |option: &str, value: String, cost_gbp_per_week: f64| {
        let step = TuningStep { option: option.to_string(), value, cost_gbp_per_week };
        progress(&step);
        steps.push(step);
    };
    let drawn = draw(start, &options, search);
    if let Some((rival, cost)) = tuner.better(&drawn, least) {
        (best, least) = (rival, cost);
        note("draw", best.spelled_out(), least);
    }
    for _ in 0..search.rounds {
        let mut changed = false;
        for option in &options {
            let variants: Vec<ChosenRival> =
                option.tries.iter().filter_map(|value| with(&best, option, value)).collect();
            if let Some((rival, cost)) = tuner.better(&variants, least) {
                (best, least, changed) = (rival, cost, true);
            }
            note(option.key, value_of(&best, option.key), least);
        }
        if !changed {
            break;
        }
    }
    let played = tuner.known.len();
    Tuned { best: best.renamed(), cost_gbp_per_week: least, start_gbp_per_week, played, steps }
}

fn is_searched(option: &OptionSpec, search: &Search) -> bool {
    !option.tries.is_empty() && (search.only.is_empty() || search.only.iter().any(|key| key == option.key))
}

/// Plays sets of options, each once.
struct Tuner<'a> {
    plan: &'a EvaluationPlan,
    known: BTreeMap<String, f64>,
}

impl Tuner<'_> {
    /// Mean J per week of each, pounds.
    fn costs(&mut self, rivals: &[ChosenRival]) -> Vec<f64> {
        let mut new: Vec<&ChosenRival> = Vec::new();
        for rival in rivals {
            let name = rival.spelled_out();
            if !self.known.contains_key(&name) && !new.iter().any(|other| other.spelled_out() == name) {
                new.push(rival);
            }
        }
        let sources: Vec<&dyn PolicySource> = new.iter().map(|rival| *rival as &dyn PolicySource).collect();
        if !sources.is_empty() {
            for (rival, weeks) in new.iter().zip(play_policies(self.plan, &sources, &|| ())) {
                let sum: f64 = weeks.iter().map(|week| week.ledger.total.cost_gbp()).sum();
                self.known.insert(rival.spelled_out(), sum / weeks.len() as f64);
            }
        }
        rivals.iter().map(|rival| self.known[&rival.spelled_out()]).collect()
    }

    /// The cheapest of them if it is cheaper than `least`; the first among equals.
    fn better(&mut self, rivals: &[ChosenRival], least: f64) -> Option<(ChosenRival, f64)> {
        let costs = self.costs(rivals);
        let cheapest = rivals.iter().zip(costs).min_by(|a, b| a.1.total_cmp(&b.1));
        cheapest.filter(|(_, cost)| *cost < least).map(|(rival, cost)| (rival.clone(), cost))
    }
}

/// A rival with one option changed; `None` if the options then do not fit together.
fn with(rival: &ChosenRival, option: &OptionSpec, value: &str) -> Option<ChosenRival> {
    let mut changed = rival.clone();
    changed.set(option.key, value).ok()?;
    changed.check().ok().map(|()| changed)
}

fn value_of(rival: &ChosenRival, key: &str) -> String {
    rival.options().get(key).map_or("none".into(), flexai_agents::rivals::shown)
}

/// Rivals with all options drawn at random.
fn draw(start: &ChosenRival, options: &[&OptionSpec], search: &Search) -> Vec<ChosenRival> {
    let mut stream = SeedTree::new(search.seed).stream("tuning draws");
    let mut drawn = Vec::new();
    for _ in 0..search.draws {
        let mut rival = Some(start.clone());
        for option in options {
            let value = option.tries[stream.random_range(0..option.tries.len())];
            rival = rival.and_then(|rival| with(&rival, option, value));
        }
        drawn.extend(rival);
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::{EMBEDDED_GRID, load_grid, site_setup};
    use flexai_env::site::SiteConfig;

    fn plan(weeks: usize, seed: u64) -> EvaluationPlan {
        let setup = site_setup(SiteConfig::default(), load_grid(EMBEDDED_GRID).unwrap()).unwrap();
        tuning_plan(setup, weeks, seed).unwrap()
    }

    #[test]
    fn tuning_is_repeatable_never_dearer_than_its_start_and_plays_training_weeks_only() {
        let plan = plan(2, 5);
        let train = Split::Train.periods();
        assert_eq!(plan.weeks.len(), 2);
        assert!(plan.weeks.iter().all(|week| train.contains(&week.period)));
        let all = self::plan(10_000, 5);
        let last = all.weeks.last().unwrap().period;
        assert_eq!(last.to_string(), "2023-12-18T00:00:00Z", "the week after it is settled on a day of validation");
        let start = ChosenRival::parse("day_ahead_quantile:charge=0.0,discharge=1.0").unwrap();
        let only = vec!["charge".to_string(), "discharge".to_string()];
        let search = Search { seed: 5, draws: 3, rounds: 2, only };
        let [first, second] = [(); 2].map(|()| tune(&plan, &start, &search, &mut |_| ()));
        assert_eq!(first.best.spelled_out(), second.best.spelled_out());
        assert_eq!(first.steps, second.steps);
        assert!(first.cost_gbp_per_week < first.start_gbp_per_week, "an idle battery is not the best one");
        let least = first.steps.iter().map(|step| step.cost_gbp_per_week).fold(f64::INFINITY, f64::min);
        assert_eq!(least, first.cost_gbp_per_week);
        assert_eq!(first.best.options()["run_short"], start.options()["run_short"], "what is not searched stays");
    }

    #[test]
    fn the_seed_chooses_the_weeks_and_the_jobs() {
        let [a, b, c] = [1, 1, 2].map(|seed| plan(8, seed));
        assert_eq!((&a.weeks, &a.job_seeds), (&b.weeks, &b.job_seeds));
        assert_ne!(a.weeks, c.weeks);
        assert_ne!(a.job_seeds, c.job_seeds);
        assert!(a.weeks.windows(2).all(|pair| pair[0].start < pair[1].start), "no week twice");
    }
}

//! The whole evaluation: plays everybody, asks the oracle, makes the numbers.
//!
//! In: a plan, contestants, and what helps: cache and bound. Out: an [`EvaluationRecord`].
//! Always: FIFO is among the contestants.

use super::against::compare_all;
use super::bound::{Bound, oracle_report};
use super::cache::Cache;
use super::plan::EvaluationPlan;
use super::play::{Contestant, PlayedWeek, play_contestants};
use super::provenance::Provenance;
use super::record::EvaluationRecord;
use super::report::{Evaluation, PolicyReport};
use super::summary::summarise;
use super::trace::{WeekTrace, grid_weeks};
use crate::fault::Fault;
use crate::setting::forecast_label;
use flexai_env::grid::{PERIODS_PER_WEEK, Period};
use flexai_env::site::SiteSetup;

/// What an evaluation may use beside the players.
#[derive(Clone, Copy, Default)]
pub struct Means<'a> {
    /// Where played weeks are kept.
    pub cache: Option<&'a Cache>,
    /// Perfect foresight.
    pub bound: Option<&'a dyn Bound>,
}

/// Plays and reports; `progress` is called once for every week played or bounded, from any thread.
///
/// # Errors
/// A [`Fault`] if a file cannot be read, a cost is no finite number, or somebody beats perfect foresight.
///
/// # Panics
/// Without FIFO among the contestants.
pub fn evaluate(
    plan: &EvaluationPlan,
    contestants: &[Contestant<'_>],
    means: Means<'_>,
    progress: &(dyn Fn() + Sync),
) -> Result<EvaluationRecord, Fault> {
    let provenance = Provenance::of(&plan.setup)?;
    let outcomes = play_contestants(plan, contestants, means.cache, progress);
    let oracle = means.bound.map(|bound| oracle_report(plan, bound, means.cache, progress)).transpose()?;
    let fifo = contestants.iter().position(|c| c.source.name() == "fifo").expect("the caller always adds FIFO");
    let reports = contestants.iter().zip(&outcomes).map(|(who, weeks)| summarise(plan, who, weeks, &outcomes[fifo]));
    let mut evaluation = Evaluation { oracle, ..heading(plan, provenance, reports.collect()) };
    evaluation.labels.extend(contestants.iter().filter(|who| who.source.sees_the_future()).map(cheat_label));
    compare_all(&mut evaluation)?;
    Ok(EvaluationRecord { evaluation, grid: grid_weeks(plan), traces: traces(plan, contestants, outcomes) })
}

/// What must be said of a player that looks up what nobody could know.
fn cheat_label(contestant: &Contestant<'_>) -> String {
    let name = contestant.source.name();
    format!("cheat: {name} sees the future; it measures what a forecast is worth, and no policy can do what it does")
}

/// The evaluation without an oracle.
fn heading(plan: &EvaluationPlan, provenance: Provenance, policies: Vec<PolicyReport>) -> Evaluation {
    let setup = &plan.setup;
    let iso = |period: Period| period.to_string();
    let places = setup.places();
    let ends = plan.weeks.iter().filter(|w| !setup.settles_on_following_day(w.start + PERIODS_PER_WEEK));
    Evaluation {
        scenario: setup.config.name.clone(),
        scenario_digest: provenance.scenario,
        grid: setup.trace.source().name.clone(),
        grid_digest: provenance.grid,
        code_digest: provenance.code,
        grid_kind: format!("{:?}", setup.trace.source().kind).to_lowercase(),
        split: plan.split.map_or("dates", |split| split.name()).into(),
        from: iso(plan.range.start),
        to: iso(plan.range.end),
        forecast: Some(setup.forecast_source().identity()),
        labels: labels(setup),
        weeks: plan.weeks.len(),
        seeds: plan.job_seeds.len(),
        job_seeds: plan.job_seeds.iter().map(u64::to_string).collect(),
        skipped_weeks: plan.skipped.iter().map(|s| format!("{}: {}", s.period, s.reason)).collect(),
        sites: Some(places.len()),
        battery_mwh: Some(places.iter().map(|place| place.config.battery.capacity_mwh).sum()),
        export_limit_mw: Some(places.iter().map(|place| place.export_limit().0).sum()),
        settled_on_last_day: ends.map(|w| iso(w.period)).collect(),
        oracle: None,
        policies,
    }
}

/// Labels of the scenario, and what the forecast is.
fn labels(setup: &SiteSetup) -> Vec<String> {
    let of_scenario = setup.labels().into_iter().map(str::to_owned);
    of_scenario.chain(forecast_label(setup.forecast_source().as_ref())).collect()
}

/// Every week with the first job seed.
fn traces(plan: &EvaluationPlan, contestants: &[Contestant<'_>], outcomes: Vec<Vec<PlayedWeek>>) -> Vec<WeekTrace> {
    let of_policy = |(contestant, weeks): (&Contestant<'_>, Vec<PlayedWeek>)| {
        let first_seed = weeks.into_iter().step_by(plan.job_seeds.len());
        let trace = |(week, played): (&flexai_env::grid::Week, PlayedWeek)| WeekTrace {
            policy: contestant.source.name().into(),
            week: week.period.to_string(),
            seed: 0,
            steps: played.seen.steps,
        };
        plan.weeks.iter().zip(first_seed).map(trace).collect::<Vec<_>>()
    };
    contestants.iter().zip(outcomes).flat_map(of_policy).collect()
}

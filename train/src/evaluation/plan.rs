//! Which weeks are played.
//!
//! In: a setup and a range of dates. Out: the weeks from Monday 00:00 UTC that can be scored, and the others with reasons.

use crate::fault::Fault;
use flexai_env::core::SeedTree;
use flexai_env::grid::{PERIODS_PER_WEEK, Period, SkippedWeek, Split, Week, WindowShape, scored_weeks};
use flexai_env::site::{EpisodeEnd, SiteSetup, WindowChoice};
use std::ops::Range;
use std::sync::Arc;

/// Dates to evaluate on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeekRange {
    /// A split of the shared calendar.
    Split(Split),
    /// From the first period up to the last, exclusive.
    Dates(Range<Period>),
}

/// More job seeds than this are a slip of the finger; the half-hours of every week are kept for each.
const MOST_SEEDS: usize = 1000;

/// Weeks and job seeds, on a scenario and its grid.
#[derive(Debug, Clone)]
pub struct EvaluationPlan {
    /// Scenario and grid.
    pub setup: Arc<SiteSetup>,
    /// The split asked for, if it was one.
    pub split: Option<Split>,
    /// First and last date asked for, exclusive.
    pub range: Range<Period>,
    /// Weeks that can be scored.
    pub weeks: Vec<Week>,
    /// Weeks that cannot, with reasons.
    pub skipped: Vec<SkippedWeek>,
    /// Seeds of the jobs; each week is played with each.
    pub job_seeds: Vec<u64>,
}

impl EvaluationPlan {
    /// Chooses the weeks of a range; at most `limit` of them, spread evenly, if a limit is given.
    ///
    /// # Errors
    /// A [`Fault`] if no week can be scored, or there are more job seeds than can be kept in memory.
    pub fn new(setup: Arc<SiteSetup>, range: WeekRange, limit: Option<usize>, seeds: usize) -> Result<Self, Fault> {
        if seeds > MOST_SEEDS {
            let message = format!("is {seeds}, expected at most {MOST_SEEDS}");
            return Err(Fault::new("job seeds per week (--seeds)", message).hint("a few are enough"));
        }
        let (split, range) = match range {
            WeekRange::Split(split) => (Some(split), split.periods()),
            WeekRange::Dates(dates) => (None, dates),
        };
        let missing = |t: usize| setup.missing(t);
        let shape = WindowShape { tail: 0, ..WindowShape::scored_week(setup.history()) };
        let (mut weeks, skipped) = scored_weeks(&setup.trace, range.clone(), shape, &missing);
        if weeks.is_empty() {
            let table = setup.trace.source().name.clone();
            let reason = skipped.first().map_or("the range holds no Monday to Sunday".into(), |s| s.reason.clone());
            let message = format!("no week between {} and {} can be scored: {reason}", range.start, range.end);
            return Err(
                Fault::new(table, message).hint("choose other dates, or look for holes with `flexai data check`")
            );
        }
        if let Some(limit) = limit.filter(|limit| *limit < weeks.len()) {
            let all = weeks.len();
            weeks = (0..limit).map(|i| weeks[i * all / limit]).collect();
        }
        // Job seeds of evaluations are drawn apart from everything that training sees.
        let tree = SeedTree::new(0);
        let job_seeds = (0..seeds as u64).map(|i| tree.child("evaluation jobs", i).seed()).collect();
        Ok(Self { setup, split, range, weeks, skipped, job_seeds })
    }

    /// What is played, in week-major order: all seeds of the first week, then those of the second.
    pub fn windows(&self) -> Vec<WindowChoice> {
        let of = |week: &Week, seed: &u64| WindowChoice {
            start: week.start,
            periods: PERIODS_PER_WEEK,
            job_seed: *seed,
            end: EpisodeEnd::Settle,
        };
        self.weeks.iter().flat_map(|week| self.job_seeds.iter().map(move |seed| of(week, seed))).collect()
    }
}

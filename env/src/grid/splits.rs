//! Which parts of a trace serve training, validation and test, and which windows in them are usable.
//!
//! In: a trace, a range of periods, and a check that names a missing signal. Out: scored weeks and training starts.
//! Always: a window with a hole in a checked signal is left out and counted, never repaired.
//! Not here: which signals a scenario needs (`site/`), what happens inside a window.

use super::calendar::{Date, PERIODS_PER_DAY, PERIODS_PER_WEEK, Period};
use super::trace::GridTrace;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// Names the signal that is missing at an index; `None` if the period is usable.
pub type MissingSignal<'a> = &'a dyn Fn(usize) -> Option<&'static str>;

/// The fixed parts of the shared real table. Choose on validation; test is only reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// 2020-01-08 to 2023-12-31: all fitting and training.
    Train,
    /// 2024-01-01 to 2024-03-31: all choosing.
    Validation,
    /// 2024-04-01 to 2024-06-30: reported only.
    Test,
}

impl Split {
    /// All three.
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    /// First period, and the period after the last one; days are UTC.
    pub fn periods(self) -> Range<Period> {
        let midnight = |year, month, day| Date { year, month, day }.utc_midnight();
        match self {
            Split::Train => midnight(2020, 1, 8)..midnight(2024, 1, 1),
            Split::Validation => midnight(2024, 1, 1)..midnight(2024, 4, 1),
            Split::Test => midnight(2024, 4, 1)..midnight(2024, 7, 1),
        }
    }

    /// The part of a trace that lies in this split, as indices.
    pub fn indices(self, trace: &GridTrace) -> Range<usize> {
        let periods = self.periods();
        trace.indices(periods.start, periods.end)
    }

    /// The split's name.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A usable scored week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Week {
    /// Index of its first period in the trace.
    pub start: usize,
    /// Its first period: Monday 00:00 UTC.
    pub period: Period,
}

/// A scored week that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedWeek {
    /// Its first period: Monday 00:00 UTC.
    pub period: Period,
    /// Why, in words.
    pub reason: String,
}

/// Where training episodes may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainingStarts {
    /// Usable start indices, ascending.
    pub starts: Vec<usize>,
    /// Starts whose window fits the range but is left out, for a hole or for want of history.
    pub skipped: usize,
}

/// The periods a window needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowShape {
    /// Periods before the start that the trace must hold; holes in them do not matter.
    pub history: usize,
    /// Periods of the window.
    pub length: usize,
    /// Periods after the window that must be usable too (the settlement of what is left over).
    pub tail: usize,
}

impl WindowShape {
    /// A scored week with its settlement day.
    pub fn scored_week(history: usize) -> Self {
        Self { history, length: PERIODS_PER_WEEK, tail: PERIODS_PER_DAY }
    }
}

/// The weeks from Monday 00:00 UTC that lie inside `range`, usable or skipped with a reason.
///
/// Length is that of `shape`. The tail may reach beyond the range, but not beyond the trace.
pub fn scored_weeks(
    trace: &GridTrace,
    range: Range<Period>,
    shape: WindowShape,
    missing: MissingSignal<'_>,
) -> (Vec<Week>, Vec<SkippedWeek>) {
    let (mut weeks, mut skipped) = (Vec::new(), Vec::new());
    let days_to_monday = (7 - i64::from(range.start.utc_weekday())) % 7;
    let part_of_day = i64::from(range.start.utc_half_hour());
    let mut period = range.start - part_of_day + days_to_monday * PERIODS_PER_DAY as i64;
    if period < range.start {
        period += PERIODS_PER_WEEK as i64;
    }
    while period + shape.length as i64 <= range.end {
        match usable_window(trace, period, shape, missing) {
            Ok(start) => weeks.push(Week { start, period }),
            Err(reason) => skipped.push(SkippedWeek { period, reason }),
        }
        period += PERIODS_PER_WEEK as i64;
    }
    (weeks, skipped)
}

fn usable_window(
    trace: &GridTrace,
    period: Period,
    shape: WindowShape,
    missing: MissingSignal<'_>,
) -> Result<usize, String> {
    let earliest = period - shape.history as i64;
    if earliest < trace.start() {
        return Err(format!("it needs the trace from {earliest} on, which starts at {}", trace.start()));
    }
    let end = period + (shape.length + shape.tail) as i64;
    if end > trace.end() {
        return Err(format!("it needs the trace up to {end}, which ends at {}", trace.end()));
    }
    let start = (period - trace.start()) as usize;
    let holes = (start..start + shape.length + shape.tail).filter_map(|t| missing(t).map(|name| (t, name)));
    let mut holes = holes.peekable();
    match holes.peek().copied() {
        None => Ok(start),
        Some((t, name)) => {
            Err(format!("`{name}` is missing from {} on, in {} period(s)", trace.period(t), holes.count()))
        }
    }
}

/// All starts inside `range` whose window, tail included, lies inside it and has no hole in a checked signal.
pub fn training_starts(
    trace: &GridTrace,
    range: Range<Period>,
    shape: WindowShape,
    missing: MissingSignal<'_>,
) -> TrainingStarts {
    let indices = trace.indices(range.start, range.end);
    let needed = shape.length + shape.tail;
    // `holes[i]` counts the unusable periods before the i-th one of the range.
    let mut holes = vec![0_u32; indices.len() + 1];
    for (i, t) in indices.clone().enumerate() {
        holes[i + 1] = holes[i] + u32::from(missing(t).is_some());
    }
    let candidates = (indices.len() + 1).saturating_sub(needed.max(1));
    let usable = |i: &usize| indices.start + i >= shape.history && holes[i + needed] == holes[*i];
    let starts: Vec<usize> = (0..candidates).filter(usable).map(|i| indices.start + i).collect();
    let skipped = candidates - starts.len();
    TrainingStarts { starts, skipped }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{Signal, SourceKind, TraceSource};

    fn period(text: &str) -> Period {
        text.parse().expect("a period")
    }

    /// Five weeks from Wednesday 2024-01-03 on, price present everywhere.
    fn trace() -> GridTrace {
        let source = TraceSource { name: "made by hand".into(), kind: SourceKind::Synthetic };
        let len = 5 * PERIODS_PER_WEEK;
        GridTrace::holes(source, period("2024-01-03T00:00:00Z"), len)
            .with_columns([(Signal::IntradayPrice, vec![50.0; len])])
    }

    fn check(trace: &GridTrace) -> impl Fn(usize) -> Option<&'static str> {
        |t| trace.get(Signal::IntradayPrice, t).is_none().then_some("price_gbp_mwh")
    }

    #[test]
    fn splits_touch_without_overlap_and_validation_and_test_hold_13_weeks_each() {
        let [train, validation, test] = Split::ALL.map(Split::periods);
        assert_eq!((train.end, validation.end), (validation.start, test.start));
        assert_eq!(train.end - train.start, 1454 * 48);
        for split in [validation, test] {
            assert_eq!((split.end - split.start, split.start.utc_weekday()), (13 * 336, 0));
        }
    }

    #[test]
    fn weeks_start_on_monday_and_need_their_tail_and_history() {
        let trace = trace();
        let all = trace.start()..trace.end();
        let shape = WindowShape::scored_week(0);
        let (weeks, skipped) = scored_weeks(&trace, all.clone(), shape, &check(&trace));
        assert_eq!(weeks.iter().map(|w| w.start).collect::<Vec<_>>(), [240, 576, 912, 1248]);
        assert!(weeks.iter().all(|w| w.period.utc_weekday() == 0) && skipped.is_empty());
        let (weeks, skipped) = scored_weeks(&trace, all.clone(), WindowShape::scored_week(241), &check(&trace));
        assert_eq!((weeks.len(), skipped.len()), (3, 1));
        assert_eq!(
            skipped[0].reason,
            "it needs the trace from 2024-01-02T23:30:00Z on, which starts at 2024-01-03T00:00:00Z"
        );
        let long = WindowShape { tail: 97, ..shape };
        let (_, skipped) = scored_weeks(&trace, all, long, &check(&trace));
        assert_eq!(
            skipped[0].reason,
            "it needs the trace up to 2024-02-07T00:30:00Z, which ends at 2024-02-07T00:00:00Z"
        );
    }

    #[test]
    fn a_range_that_starts_on_monday_after_midnight_skips_to_the_next_monday() {
        let trace = trace();
        let range = period("2024-01-08T00:30:00Z")..trace.end();
        let (weeks, _) = scored_weeks(&trace, range, WindowShape::scored_week(0), &check(&trace));
        assert_eq!(weeks[0].period, period("2024-01-15T00:00:00Z"));
    }

    #[test]
    fn a_hole_in_week_or_tail_skips_the_week_by_name() {
        let mut trace = trace();
        trace.set(Signal::IntradayPrice, 576 + 336 + 47, None);
        let (weeks, skipped) =
            scored_weeks(&trace, trace.start()..trace.end(), WindowShape::scored_week(0), &check(&trace));
        // The hole lies in the settlement day of the second week, which is Monday of the third.
        assert_eq!(weeks.iter().map(|w| w.start).collect::<Vec<_>>(), [240, 1248]);
        assert_eq!(skipped[0].reason, "`price_gbp_mwh` is missing from 2024-01-22T23:30:00Z on, in 1 period(s)");
    }

    #[test]
    fn training_starts_equal_a_brute_force_search() {
        let mut trace = trace();
        for t in [100, 101, 700, 1500] {
            trace.set(Signal::IntradayPrice, t, None);
        }
        let range = trace.start() + 30..trace.end() - 20;
        let shape = WindowShape { history: 48, length: 336, tail: 2 };
        let found = training_starts(&trace, range.clone(), shape, &check(&trace));
        let fits = |t: &usize| trace.period(*t) >= range.start && trace.period(t + 338) <= range.end;
        let whole = |t: &usize| *t >= 48 && (*t..t + 338).all(|i| trace.get(Signal::IntradayPrice, i).is_some());
        let candidates: Vec<usize> = (0..trace.len() - 338).filter(fits).collect();
        let expected: Vec<usize> = candidates.iter().copied().filter(whole).collect();
        assert_eq!(found.starts, expected);
        assert_eq!(found.skipped, candidates.len() - expected.len());
    }

    #[test]
    fn a_range_shorter_than_the_window_has_no_starts() {
        let trace = trace();
        let range = trace.start()..trace.start() + 335;
        let shape = WindowShape { history: 0, length: 336, tail: 0 };
        let none = training_starts(&trace, range, shape, &check(&trace));
        assert_eq!(none, TrainingStarts { starts: Vec::new(), skipped: 0 });
    }
}

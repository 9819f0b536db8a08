//! What a grid table holds and what it lacks, counted while it is read.
//!
//! In: a trace. Out: rows, dates, holes per signal, clock-change days, columns nobody knows.
//! Always: it only counts; nothing is filled in.

use super::calendar::{Date, Period, local_day, periods_in_local_day};
use super::signal::Signal;
use super::trace::GridTrace;
use serde::Serialize;

/// What a table holds and what it lacks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TraceReport {
    /// Rows of the file.
    pub rows: usize,
    /// First period.
    pub first: Period,
    /// Last period.
    pub last: Period,
    /// Half-hours that the file leaves out and the trace holds as holes.
    pub inserted_periods: usize,
    /// Holes of each column that is there, in the order of the joined table.
    pub holes: Vec<HoleReport>,
    /// Known columns that are not there.
    pub absent_columns: Vec<String>,
    /// Columns that nobody knows; they were ignored.
    pub unknown_columns: Vec<String>,
    /// Whole local days of 46 or 50 periods.
    pub clock_changes: Vec<ClockChange>,
}

/// Holes of one signal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HoleReport {
    /// The signal.
    pub signal: Signal,
    /// Column name, unit included.
    pub column: String,
    /// Empty cells.
    pub count: usize,
    /// Where the first run of empty cells starts.
    pub first_run_start: Option<Period>,
    /// Where the longest run of empty cells starts.
    pub longest_run_start: Option<Period>,
    /// Periods in the longest run.
    pub longest_run: usize,
}

/// A local day on which the clock changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClockChange {
    /// Local date, `YYYY-MM-DD`.
    pub date: String,
    /// Its settlement periods: 46 or 50.
    pub periods: usize,
}

impl TraceReport {
    /// Counts a trace; `present` lists the columns that the file has.
    ///
    /// # Panics
    /// If the trace is empty: the import refuses that first.
    pub(super) fn count(
        trace: &GridTrace,
        rows: usize,
        inserted_periods: usize,
        present: &[Signal],
        unknown_columns: Vec<String>,
    ) -> Self {
        assert!(!trace.is_empty(), "an imported trace has rows");
        let holes = |signal: Signal| HoleReport::count(trace, signal);
        let absent = Signal::all().filter(|s| !present.contains(s));
        Self {
            rows,
            first: trace.start(),
            last: trace.end() - 1,
            inserted_periods,
            holes: Signal::all().filter(|s| present.contains(s)).map(holes).collect(),
            absent_columns: absent.map(|s| s.column_name().to_string()).collect(),
            unknown_columns,
            clock_changes: clock_changes(trace),
        }
    }

    /// The holes of one signal; `None` if its column is not there at all.
    pub fn holes_of(&self, signal: Signal) -> Option<&HoleReport> {
        self.holes.iter().find(|h| h.signal == signal)
    }
}

impl HoleReport {
    fn count(trace: &GridTrace, signal: Signal) -> Self {
        let mut report = Self {
            signal,
            column: signal.column_name().to_string(),
            count: 0,
            first_run_start: None,
            longest_run_start: None,
            longest_run: 0,
        };
        let mut run = 0;
        for (t, x) in trace.column(signal).iter().enumerate() {
            if !x.is_nan() {
                run = 0;
                continue;
            }
            run += 1;
            report.count += 1;
            report.first_run_start.get_or_insert(trace.period(t));
            if run > report.longest_run {
                report.longest_run = run;
                report.longest_run_start = Some(trace.period(t + 1 - run));
            }
        }
        report
    }
}

fn clock_changes(trace: &GridTrace) -> Vec<ClockChange> {
    let days = trace.local(0).day..=trace.local(trace.len() - 1).day;
    let whole = |day: &i32| {
        let periods = local_day(*day);
        periods.start >= trace.start() && periods.end <= trace.end()
    };
    days.filter(whole)
        .map(|day| ClockChange { date: Date::from_days(day).to_string(), periods: periods_in_local_day(day) })
        .filter(|change| change.periods != super::calendar::PERIODS_PER_DAY)
        .collect()
}

//! A half-hourly series of workload demand, its weekly clock, and its parts.
//!
//! In: values. Out: [`WorkloadSeries`], cut by its own time into 70 % fit, 15 % validation, 15 % test.
//! Always: NaN is a hole. Not here: where series come from (`sources.rs`).

use super::super::contract::Distribution;
use std::ops::Range;

/// Half-hours of a day and of a week.
pub(super) const DAY: usize = 48;
pub(super) const WEEK: usize = 7 * DAY;
/// Half-hours that are forecast.
pub const HORIZON: usize = 48;
/// Half-hours of history that a forecast needs.
pub const HISTORY: usize = WEEK;

/// Half-hour of a week, Monday 00:00 first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeekClock {
    half_hour_of_week: usize,
}

impl WeekClock {
    /// Weekday from Monday = 0, and half-hour of the day.
    pub fn new(weekday: u8, half_hour: u8) -> Self {
        Self { half_hour_of_week: (usize::from(weekday) * DAY + usize::from(half_hour)) % WEEK }
    }

    /// So many half-hours later.
    pub fn plus(self, half_hours: usize) -> Self {
        Self { half_hour_of_week: (self.half_hour_of_week + half_hours) % WEEK }
    }

    /// So many half-hours earlier.
    pub(super) fn minus(self, half_hours: usize) -> Self {
        self.plus(WEEK - half_hours % WEEK)
    }

    /// Share of the day that is over, 0 to 1.
    pub(super) fn day_share(self) -> f64 {
        (self.half_hour_of_week % DAY) as f64 / DAY as f64
    }

    /// Saturday or Sunday.
    pub(super) fn is_weekend(self) -> bool {
        self.half_hour_of_week >= 5 * DAY
    }
}

/// A part of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first 70 %.
    Fit,
    /// The next 15 %: all choosing.
    Validation,
    /// The last 15 %: reported only.
    Test,
}

/// A series of workload demand.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkloadSeries {
    /// Short name.
    pub name: String,
    /// What a value is.
    pub unit: String,
    /// Clock of the first value. Where a trace has no date its first half-hour counts as Monday 00:00.
    pub start: WeekClock,
    /// Values per half-hour; NaN is a hole.
    pub values: Vec<f64>,
}

impl WorkloadSeries {
    /// Indices of a part.
    pub fn part(&self, part: Part) -> Range<usize> {
        let len = self.values.len();
        let (first, second) = (len * 70 / 100, len * 85 / 100);
        match part {
            Part::Fit => 0..first,
            Part::Validation => first..second,
            Part::Test => second..len,
        }
    }

    /// First forecast periods of a part: what is forecast lies inside of it, and a week lies before.
    pub fn origins(&self, part: Part) -> Range<usize> {
        let range = self.part(part);
        let first = range.start.max(HISTORY);
        first..(range.end + 1).saturating_sub(HORIZON).max(first)
    }
}

/// Why there is no forecast.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the history holds {found} values, {known} of them known, expected at least {HISTORY} half-hours and one known value"
)]
pub struct ShortHistory {
    /// Length of the history.
    pub found: usize,
    /// Values in its last week that are no holes.
    pub known: usize,
}

/// Forecasts the next 24 hours of a series from its past.
pub trait SeriesForecaster: Send + Sync {
    /// Short name for reports.
    fn name(&self) -> &str;

    /// What is expected of the 48 half-hours after `history`, the first of which begins at `next`.
    ///
    /// # Errors
    /// [`ShortHistory`].
    fn forecast(&self, history: &[f64], next: WeekClock) -> Result<[Distribution; HORIZON], ShortHistory>;
}

//! Dates and times as publishers spell them.
//!
//! In: texts. Out: dates, UTC half-hours, moments in seconds since 1970-01-01T00:00Z.
//! Always: a settlement period that its day does not have is refused; years outside 1990 to 2100 are damage.

use super::Source;
use super::error::{Place, PublishError};
use crate::grid::calendar::{Date, Period, local_midnight, periods_in_local_day};

const SECONDS_PER_PERIOD: i64 = 1800;
const YEARS: std::ops::RangeInclusive<i32> = 1990..=2100;
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Half-hours from 11:00 of the day before to a local midnight; the clock never changes between the two.
const DAY_AHEAD_LEAD: i64 = 26;

/// Texts that name a date, for messages.
const DATE_FORMS: &str =
    "a date such as 2024-01-31, 31 January 2024, 31-JAN-2024, 31/01/2024 or 20240131, in 1990 to 2100";

/// A date in any spelling of the publishers; none of them writes the month first.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let text = text.strip_suffix("T00:00:00").unwrap_or(text);
    let (year, month, day) = if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        (&text[..4], number_of_month(&text[4..6])?, &text[6..])
    } else {
        let mut parts = text.split(['/', '-', ' ']);
        let (first, month, last) = (parts.next()?, number_of_month(parts.next()?)?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        if first.len() == 4 { (first, month, last) } else { (last, month, first) }
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if year.len() != 4 || !digits(year) || day.is_empty() || day.len() > 2 || !digits(day) {
        return None;
    }
    let (year, day) = (year.parse::<i16>().ok()?, day.parse::<i8>().ok()?);
    let date = jiff::civil::Date::new(year, month, day).ok().filter(|_| YEARS.contains(&i32::from(year)))?;
    Some(Date { year: i32::from(date.year()), month: date.month() as u8, day: date.day() as u8 })
}

fn number_of_month(text: &str) -> Option<i8> {
    let lower = text.to_lowercase();
    let by_name = MONTHS.iter().position(|name| *name == lower || (lower.len() == 3 && name.starts_with(&lower)));
    match by_name {
        Some(index) => Some(index as i8 + 1),
        None if text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        None => None,
    }
}

/// Seconds since 1970-01-01T00:00Z of a time with its zone.
pub(super) fn parse_moment(text: &str) -> Option<i64> {
    let second = text.parse::<jiff::Timestamp>().ok()?.as_second();
    in_range(second)
}

/// Seconds since 1970-01-01T00:00Z of a time that is UTC whether it says so or not.
fn parse_utc(text: &str) -> Option<i64> {
    parse_moment(text).or_else(|| {
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        in_range(jiff::tz::Offset::UTC.to_timestamp(civil).ok()?.as_second())
    })
}

fn in_range(second: i64) -> Option<i64> {
    let first = |year: i32| Date { year, month: 1, day: 1 }.utc_midnight().0 * SECONDS_PER_PERIOD;
    (first(*YEARS.start())..first(*YEARS.end() + 1)).contains(&second).then_some(second)
}

/// The half-hour that contains a moment, if the moment is its start.
pub(super) fn period_at(second: i64) -> Option<Period> {
    (second.rem_euclid(SECONDS_PER_PERIOD) == 0).then(|| Period(second.div_euclid(SECONDS_PER_PERIOD)))
}

/// Seconds since 1970-01-01T00:00Z at the start of a period.
pub(super) fn second_of(period: Period) -> i64 {
    period.0 * SECONDS_PER_PERIOD
}

/// 11:00 UK local time on the day before a local date, in seconds since 1970-01-01T00:00Z: the workbench takes
/// day-ahead forecasts of the date as known from then on (`knowledge.rs`).
pub(super) fn day_ahead_cutoff(day: i32) -> i64 {
    second_of(local_midnight(day) - DAY_AHEAD_LEAD)
}

impl Source<'_> {
    pub(super) fn date(&self, place: Place, column: &str, text: &str) -> Result<Date, PublishError> {
        parse_date(text).ok_or_else(|| self.bad_stamp(place, column, text, DATE_FORMS))
    }

    /// The half-hour of a UK-local settlement date and period.
    pub(super) fn settlement(&self, place: Place, date: Date, period: i64) -> Result<Period, PublishError> {
        let day = date.to_days();
        let periods = periods_in_local_day(day);
        if period < 1 || period > periods as i64 {
            let (table, found, date) = (self.table.to_string(), period.to_string(), date.to_string());
            return Err(PublishError::BadSettlementPeriod { table, place, found, date, periods });
        }
        Ok(local_midnight(day) + (period - 1))
    }

    /// The half-hour of two cells, date and period.
    pub(super) fn settlement_cells(
        &self,
        place: Place,
        date: (&str, &str),
        period: (&str, &str),
    ) -> Result<Period, PublishError> {
        let date = self.date(place, date.0, date.1)?;
        let number = period.1.parse::<i64>();
        let number = number.map_err(|_| self.bad_field(place, period.0, period.1, "a settlement period, 1 to 50"))?;
        self.settlement(place, date, number)
    }

    /// The half-hour that starts at a UTC time, with or without its zone mark.
    pub(super) fn utc_start(&self, place: Place, column: &str, text: &str) -> Result<Period, PublishError> {
        let expected = "a UTC time on a half-hour in 1990 to 2100, e.g., 2024-01-31T00:30:00Z";
        parse_utc(text).and_then(period_at).ok_or_else(|| self.bad_stamp(place, column, text, expected))
    }

    /// A UTC time in seconds since 1970-01-01T00:00Z.
    pub(super) fn moment(&self, place: Place, column: &str, text: &str) -> Result<i64, PublishError> {
        let expected = "a time with its zone in 1990 to 2100, e.g., 2024-01-31T08:46:43Z";
        parse_moment(text).ok_or_else(|| self.bad_stamp(place, column, text, expected))
    }

    /// The half-hour of a row that names it by start time, by settlement date and period, or by both alike.
    pub(super) fn period_of_row(
        &self,
        place: Place,
        start: Option<&str>,
        settlement: Option<(&str, i64)>,
    ) -> Result<Period, PublishError> {
        let stamp = start.map(|text| self.utc_start(place, "startTime", text)).transpose()?;
        let settled = match settlement {
            Some((date, period)) => Some(self.settlement(place, self.date(place, "settlementDate", date)?, period)?),
            None => None,
        };
        match (stamp, settled) {
            (Some(stamp), Some(settlement)) if stamp != settlement => {
                Err(PublishError::Disagreeing { table: self.table.to_string(), place, stamp, settlement })
            }
            (Some(period), _) | (None, Some(period)) => Ok(period),
            (None, None) => {
                let expected = "a start time, or settlementDate and settlementPeriod";
                Err(self.bad_field(place, "startTime", "", expected))
            }
        }
    }
}

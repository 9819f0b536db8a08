//! GB settlement calendar: half-hour periods, and the local clock that people and settlement live by.
//!
//! In: UTC period starts. Out: local half-hour, weekday and date in Europe/London, settlement period numbers.
//! Always: a period is 30 minutes of elapsed time; a local day has 46, 48 or 50 of them; the time-zone rules are bundled.
//! Not here: the present time (`orchestrator/`), bank holidays.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Add, AddAssign, Range, Sub};
use std::str::FromStr;
use std::sync::LazyLock;

/// Settlement periods in a day without a clock change.
pub const PERIODS_PER_DAY: usize = 48;
/// Settlement periods in a week of 7 x 24 hours.
pub const PERIODS_PER_WEEK: usize = 7 * PERIODS_PER_DAY;

const SECONDS_PER_PERIOD: i64 = 1800;
const PERIODS_PER_DAY_I64: i64 = PERIODS_PER_DAY as i64;

static LONDON: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::get("Europe/London").expect("the time-zone rules are compiled into the program"));

/// A settlement period, named by its start: half-hours since 1970-01-01T00:00Z.
///
/// Text form, in files and in JSON: `2024-01-01T00:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Period(pub i64);

/// Where a period lies on the local clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LocalStamp {
    /// Half-hour of the local clock, `0..48`; in autumn two hours carry the same numbers, in spring two are left out.
    pub half_hour: u8,
    /// Weekday of the local date, Monday = 0.
    pub weekday: u8,
    /// Local date, days since 1970-01-01.
    pub day: i32,
    /// Month of the local date, `1..=12`.
    pub month: u8,
    /// Day of the year of the local date, `1..=366`.
    pub day_of_year: u16,
}

/// A text that names no settlement period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no period start: {reason}\n\nhint: write UTC on a half-hour, e.g., 2024-01-01T00:30:00Z")]
pub struct PeriodError {
    /// What was read.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Period {
    /// Half-hours since 1970-01-01T00:00Z.
    pub fn index(self) -> i64 {
        self.0
    }

    /// The period that starts with the UTC day `day`, counted in days since 1970-01-01.
    pub fn utc_midnight(day: i32) -> Self {
        Period(i64::from(day) * PERIODS_PER_DAY_I64)
    }

    /// UTC date of the start, days since 1970-01-01.
    pub fn utc_day(self) -> i32 {
        self.0.div_euclid(PERIODS_PER_DAY_I64) as i32
    }

    /// Weekday of the UTC date, Monday = 0.
    pub fn utc_weekday(self) -> u8 {
        weekday(self.utc_day())
    }

    /// Half-hour of the UTC clock, `0..48`.
    pub fn utc_half_hour(self) -> u8 {
        self.0.rem_euclid(PERIODS_PER_DAY_I64) as u8
    }

    /// The settlement period of the local day, from 1; up to 46, 48 or 50.
    pub fn settlement_period(self) -> u8 {
        (self - local_midnight(self.local().day) + 1) as u8
    }

    /// Where the start lies on the local clock.
    pub fn local(self) -> LocalStamp {
        let half_hours = self.0 + self.offset();
        let day = half_hours.div_euclid(PERIODS_PER_DAY_I64) as i32;
        let date = Date::from_days(day);
        LocalStamp {
            half_hour: half_hours.rem_euclid(PERIODS_PER_DAY_I64) as u8,
            weekday: weekday(day),
            day,
            month: date.month,
            day_of_year: (day - Date { year: date.year, month: 1, day: 1 }.to_days() + 1) as u16,
        }
    }

    /// How far the local clock is ahead of UTC, in half-hours.
    fn offset(self) -> i64 {
        i64::from(LONDON.to_offset(self.timestamp()).seconds()) / SECONDS_PER_PERIOD
    }

    fn timestamp(self) -> Timestamp {
        let end = if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
        self.0.checked_mul(SECONDS_PER_PERIOD).and_then(|s| Timestamp::from_second(s).ok()).unwrap_or(end)
    }
}

/// The first period of a local date, given in days since 1970-01-01.
pub fn local_midnight(day: i32) -> Period {
    // The clock changes at 01:00 UTC, so midnight exists exactly once, and the second look uses its own offset.
    let guess = Period::utc_midnight(day);
    Period(guess.0 - Period(guess.0 - guess.offset()).offset())
}

/// The periods of a local date: 46, 48 or 50 of them.
pub fn local_day(day: i32) -> Range<Period> {
    local_midnight(day)..local_midnight(day + 1)
}

/// Number of settlement periods of a local date.
pub fn periods_in_local_day(day: i32) -> usize {
    (local_midnight(day + 1) - local_midnight(day)) as usize
}

/// Weekday of a date in days since 1970-01-01, a Thursday; Monday = 0.
fn weekday(day: i32) -> u8 {
    (i64::from(day) + 3).rem_euclid(7) as u8
}

/// A proleptic Gregorian date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Year of the common era.
    pub year: i32,
    /// Month, `1..=12`.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
}

impl Date {
    /// The date of a number of days since 1970-01-01.
    pub fn from_days(days: i32) -> Self {
        // Years are counted from March, so that the leap day comes last; 719,468 days lie before 1970-01-01.
        let shifted = i64::from(days) + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u8;
        let year = (year_of_era + era * 400 + i64::from(month <= 2)) as i32;
        Date { year, month, day }
    }

    /// Days since 1970-01-01.
    pub fn to_days(self) -> i32 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted_month = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        (era * 146_097 + day_of_era - 719_468) as i32
    }

    /// The first UTC period of the date.
    pub fn utc_midnight(self) -> Period {
        Period::utc_midnight(self.to_days())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let refuse = || PeriodError { text: text.to_string(), reason: "it is no date of the form YYYY-MM-DD" };
        let date: jiff::civil::Date = text.parse().map_err(|_| refuse())?;
        if text.len() != 10 {
            return Err(refuse());
        }
        Ok(Date { year: i32::from(date.year()), month: date.month() as u8, day: date.day() as u8 })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half_hour = self.utc_half_hour();
        write!(f, "{}T{:02}:{:02}:00Z", Date::from_days(self.utc_day()), half_hour / 2, half_hour % 2 * 30)
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    /// Reads `2024-01-01T00:30:00Z` or `2024-01-01T00:30Z`.
    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let refuse = |reason| PeriodError { text: text.to_string(), reason };
        if !text.ends_with('Z') {
            return Err(refuse("it does not end in `Z`, so its time zone is unknown"));
        }
        let stamp: Timestamp = text.parse().map_err(|_| refuse("it is no ISO-8601 time"))?;
        if stamp.as_second().rem_euclid(SECONDS_PER_PERIOD) != 0 || stamp.subsec_nanosecond() != 0 {
            return Err(refuse("it does not lie on a half-hour"));
        }
        Ok(Period(stamp.as_second().div_euclid(SECONDS_PER_PERIOD)))
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Add<i64> for Period {
    type Output = Period;
    fn add(self, periods: i64) -> Period {
        Period(self.0 + periods)
    }
}

impl AddAssign<i64> for Period {
    fn add_assign(&mut self, periods: i64) {
        self.0 += periods;
    }
}

impl Sub<i64> for Period {
    type Output = Period;
    fn sub(self, periods: i64) -> Period {
        Period(self.0 - periods)
    }
}

impl Sub for Period {
    type Output = i64;
    fn sub(self, other: Period) -> i64 {
        self.0 - other.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i32 {
        text.parse::<Date>().expect("a date").to_days()
    }

    fn period(text: &str) -> Period {
        text.parse().expect("a period")
    }

    #[test]
    fn spring_clock_change_day_has_46_settlement_periods() {
        assert_eq!(periods_in_local_day(day("2023-03-26")), 46);
        assert_eq!(periods_in_local_day(day("2024-03-31")), 46);
    }

    #[test]
    fn autumn_clock_change_day_has_50_settlement_periods() {
        assert_eq!(periods_in_local_day(day("2023-10-29")), 50);
        assert_eq!(periods_in_local_day(day("2024-10-27")), 50);
        let last = period("2023-10-29T23:30:00Z");
        assert_eq!(last.settlement_period(), 50);
        assert_eq!((last + 1).settlement_period(), 1);
    }

    #[test]
    fn all_other_days_of_five_years_have_48() {
        let changes = (day("2020-01-01")..day("2025-01-01")).filter(|d| periods_in_local_day(*d) != 48).count();
        assert_eq!(changes, 10);
    }

    #[test]
    fn local_midnight_in_summer_is_23_utc_the_day_before() {
        assert_eq!(local_midnight(day("2023-07-01")), period("2023-06-30T23:00:00Z"));
        assert_eq!(local_midnight(day("2023-03-26")), period("2023-03-26T00:00:00Z"));
        assert_eq!(local_midnight(day("2023-03-27")), period("2023-03-26T23:00:00Z"));
        assert_eq!(local_midnight(day("2023-10-30")), period("2023-10-30T00:00:00Z"));
    }

    #[test]
    fn local_clock_leaves_out_an_hour_in_spring_and_repeats_one_in_autumn() {
        let spring = period("2024-03-31T00:30:00Z");
        assert_eq!((spring.local().half_hour, (spring + 1).local().half_hour), (1, 4));
        let autumn = period("2024-10-27T00:30:00Z");
        assert_eq!((autumn.local().half_hour, (autumn + 1).local().half_hour), (3, 2));
    }

    #[test]
    fn stamps_agree_with_jiff_on_every_period_of_a_leap_year() {
        let start = period("2024-01-01T00:00:00Z");
        for p in (0..366 * 48).map(|t| start + t) {
            let civil = LONDON.to_datetime(p.timestamp());
            let stamp = p.local();
            assert_eq!(stamp.half_hour, (civil.hour() * 2 + civil.minute() / 30) as u8);
            assert_eq!(stamp.weekday, civil.date().weekday().to_monday_zero_offset() as u8);
            assert_eq!(stamp.month, civil.month() as u8);
            assert_eq!(stamp.day_of_year, civil.date().day_of_year() as u16);
            assert_eq!(Date::from_days(stamp.day).to_string(), civil.date().to_string());
        }
    }

    #[test]
    fn dates_survive_the_round_trip_across_centuries() {
        for days in -200_000..200_000 {
            assert_eq!(Date::from_days(days).to_days(), days);
        }
        assert_eq!(Date::from_days(0).to_string(), "1970-01-01");
    }

    #[test]
    fn text_form_survives_the_round_trip() {
        for text in ["2024-02-29T23:30:00Z", "1969-12-31T23:30:00Z", "1970-01-01T00:00:00Z"] {
            assert_eq!(period(text).to_string(), text);
        }
        assert_eq!(period("2024-01-01T00:30Z"), period("2024-01-01T00:30:00Z"));
        let json = serde_json::to_string(&Period(1)).expect("serialises");
        assert_eq!(json, "\"1970-01-01T00:30:00Z\"");
        assert_eq!(serde_json::from_str::<Period>(&json).expect("deserialises"), Period(1));
    }

    #[test]
    fn a_text_without_zone_or_off_the_half_hour_is_refused_in_words() {
        let error = "2024-01-01T00:00:00".parse::<Period>().expect_err("no zone");
        assert_eq!(
            error.to_string(),
            "`2024-01-01T00:00:00` is no period start: it does not end in `Z`, so its time zone is unknown\n\n\
             hint: write UTC on a half-hour, e.g., 2024-01-01T00:30:00Z"
        );
        let error = "2024-01-01T00:15:00Z".parse::<Period>().expect_err("a quarter past");
        assert_eq!(error.reason, "it does not lie on a half-hour");
        let error = "2024-13-01T00:00:00Z".parse::<Period>().expect_err("month 13");
        assert_eq!(error.reason, "it is no ISO-8601 time");
    }

    #[test]
    fn monday_is_weekday_zero() {
        assert_eq!(period("2024-04-01T00:00:00Z").utc_weekday(), 0);
        assert_eq!(period("2024-04-01T00:00:00Z").local().weekday, 0);
        assert_eq!(period("2024-03-31T22:30:00Z").local().weekday, 6);
        assert_eq!(period("2024-04-07T23:00:00Z").local().weekday, 0);
    }
}

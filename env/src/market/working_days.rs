//! Working days of England and Wales, which a baseline tells from the others.
//!
//! In: a local date. Out: whether it is a working day: Monday to Friday and no bank holiday.
//! Always: rules from 1978 on, with the one-off days up to 2026. Not here: Scotland and Northern Ireland.
//!
//! Source: Banking and Financial Dealings Act 1971 and royal proclamations, as listed on gov.uk/bank-holidays; recalled,
//! and checked against the days of 2020 to 2026 by the tests.

use crate::grid::Date;

const MONDAY: i32 = 0;
/// One-off bank holidays: millennium, golden jubilee, royal wedding, diamond jubilee, platinum jubilee, funeral of
/// Queen Elizabeth II, coronation.
const ONE_OFF: [(i32, u8, u8); 7] =
    [(1999, 12, 31), (2002, 6, 3), (2011, 4, 29), (2012, 6, 5), (2022, 6, 3), (2022, 9, 19), (2023, 5, 8)];
/// Holidays that were moved: year, usual month, new month and day (VE day twice, three jubilees).
const MOVED: [(i32, u8, (u8, u8)); 5] =
    [(1995, 5, (5, 8)), (2020, 5, (5, 8)), (2002, 0, (6, 4)), (2012, 0, (6, 4)), (2022, 0, (6, 2))];
/// Marks the spring holiday in [`MOVED`]; the early May holiday has its month.
const SPRING: u8 = 0;
const EARLY_MAY: u8 = 5;

/// Whether a local date, in days since 1970-01-01, is a working day in England and Wales.
pub fn is_working_day(day: i32) -> bool {
    weekday(day) < 5 && !is_bank_holiday(day)
}

/// Whether a local date, in days since 1970-01-01, is a bank holiday in England and Wales.
///
/// A holiday that falls on a weekend is observed on the following free weekday; the weekend day itself does not count.
pub fn is_bank_holiday(day: i32) -> bool {
    let date = Date::from_days(day);
    let one_off = ONE_OFF.contains(&(date.year, date.month, date.day));
    one_off
        || match date.month {
            1 => day == on_weekday(date_of(date.year, 1, 1)),
            3 | 4 => {
                let easter = easter_sunday(date.year);
                day == easter - 2 || day == easter + 1
            }
            5 | 6 => day == early_may(date.year) || day == spring(date.year),
            8 => day == last_monday(date.year, 8, 31),
            12 => {
                let christmas = on_weekday(date_of(date.year, 12, 25));
                let boxing = on_weekday(date_of(date.year, 12, 26));
                // Where both would be observed on one day, the other moves on to the Tuesday.
                day == christmas || day == boxing.max(christmas + 1)
            }
            _ => false,
        }
}

fn early_may(year: i32) -> i32 {
    moved(year, EARLY_MAY).unwrap_or_else(|| {
        let first = date_of(year, 5, 1);
        first + (MONDAY - weekday(first)).rem_euclid(7)
    })
}

fn spring(year: i32) -> i32 {
    moved(year, SPRING).unwrap_or_else(|| last_monday(year, 5, 31))
}

fn moved(year: i32, which: u8) -> Option<i32> {
    MOVED.iter().find(|m| (m.0, m.1) == (year, which)).map(|(_, _, (month, day))| date_of(year, *month, *day))
}

fn last_monday(year: i32, month: u8, last: u8) -> i32 {
    let end = date_of(year, month, last);
    end - weekday(end)
}

/// The date itself, or the Monday after it if it falls on a weekend.
fn on_weekday(day: i32) -> i32 {
    day + (7 - weekday(day)) * i32::from(weekday(day) > 4)
}

/// Easter Sunday by the Gregorian computus (Meeus, Astronomical Algorithms, chapter 8).
fn easter_sunday(year: i32) -> i32 {
    let golden = year % 19;
    let (century, year_of_century) = (year / 100, year % 100);
    let correction = century - century / 4 - (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + correction + 15) % 30;
    let to_sunday = (32 + 2 * (century % 4) + 2 * (year_of_century / 4) - epact - year_of_century % 4) % 7;
    let late = (golden + 11 * epact + 22 * to_sunday) / 451;
    date_of(year, 3, 22) + epact + to_sunday - 7 * late
}

fn date_of(year: i32, month: u8, day: u8) -> i32 {
    Date { year, month, day }.to_days()
}

/// Monday = 0; 1970-01-01 was a Thursday.
fn weekday(day: i32) -> i32 {
    (day + 3).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bank_holidays(year: i32) -> Vec<String> {
        let days = date_of(year, 1, 1)..date_of(year + 1, 1, 1);
        days.filter(|day| is_bank_holiday(*day)).map(|day| Date::from_days(day).to_string()[5..].to_string()).collect()
    }

    /// As gov.uk lists them for England and Wales.
    #[test]
    fn bank_holidays_of_2020_to_2026_are_the_listed_ones() {
        let listed = [
            (2020, "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28"),
            (2021, "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28"),
            (2022, "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27"),
            (2023, "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26"),
            (2024, "01-01 03-29 04-01 05-06 05-27 08-26 12-25 12-26"),
            (2025, "01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26"),
            (2026, "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28"),
        ];
        for (year, days) in listed {
            assert_eq!(bank_holidays(year).join(" "), days, "{year}");
        }
    }

    #[test]
    fn jubilee_years_have_their_moved_and_extra_days() {
        assert_eq!(bank_holidays(2002).join(" "), "01-01 03-29 04-01 05-06 06-03 06-04 08-26 12-25 12-26");
        assert_eq!(bank_holidays(2012).join(" "), "01-02 04-06 04-09 05-07 06-04 06-05 08-27 12-25 12-26");
        assert_eq!(bank_holidays(2011).join(" "), "01-03 04-22 04-25 04-29 05-02 05-30 08-29 12-26 12-27");
    }

    #[test]
    fn every_year_has_eight_bank_holidays_on_weekdays_and_the_one_off_ones() {
        for year in 1978..2100 {
            let extra = ONE_OFF.iter().filter(|d| d.0 == year).count();
            assert_eq!(bank_holidays(year).len(), 8 + extra, "{year}");
        }
        let days = date_of(1978, 1, 1)..date_of(2100, 1, 1);
        assert!(days.into_iter().filter(|day| is_bank_holiday(*day)).all(|day| weekday(day) < 5));
    }

    #[test]
    fn a_year_of_261_weekdays_and_8_holidays_has_253_working_days() {
        let days = date_of(2021, 1, 1)..date_of(2022, 1, 1);
        assert_eq!(days.filter(|day| is_working_day(*day)).count(), 253);
    }
}

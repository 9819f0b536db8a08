//! NESO 1-day-ahead demand forecast archive: cardinal points of National Demand.
//!
//! In: 11 to 13 points per target date and issue; `1,"2018-01-02",25250,"1A","P",100,230,NA,"2018-01-01T08:46:43Z"`.
//! Out: `da_fc_demand_mw`, interpolated linearly between the points of one issue (the table's notes say so).
//! Always: clock integers are UK local ENDS of half-hours (30 is the first of the day, 2400 the last). A point at a
//! fixed time (`F`) stands in its half-hour, a peak or trough (`P`, `T`) in the middle of its window. Of a date's issues
//! the last one before 11:00 UK time of the day before counts; a date without one is left as holes.
//! Source: NESO data portal, archive of 2018 to 2024 seen 2026-11-22. Read as ends with peaks in mid-window the forecast
//! differs from National Demand by 762 MW in the mean (2020 to mid 2024), read as starts by some 1,040 MW.

use super::csv_rows::{Row, read_csv};
use super::error::{Place, PublishError};
use super::stamps::day_ahead_cutoff;
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::calendar::{Period, local_midnight, periods_in_local_day};
use crate::grid::signal::Signal;
use std::collections::BTreeMap;

const COLUMNS: [&str; 7] =
    ["daysahead", "targetdate", "forecastdemand", "cardinalpoint", "cp_st_time", "cp_end_time", "forecast_timestamp"];

pub(super) const FORMAT: Publisher = Publisher {
    id: "neso-demand-forecast",
    description: "NESO 1-day-ahead demand forecast archive (cardinal points): da_fc_demand_mw, interpolated",
    looks_like: |head| head.is_csv_with(&COLUMNS),
    read,
};

/// Half-hours on the clock of a day without a clock change.
const CLOCK_HALF_HOURS: u16 = 48;

/// One cardinal point; the clock counts half-hours, from 1 (00:30) to 48 (24:00).
#[derive(Clone, PartialEq)]
struct CardinalPoint {
    place: Place,
    name: String,
    first_end: u16,
    last_end: u16,
    mw: f64,
}

/// All issues for one local date, by their time of issue in seconds since 1970-01-01T00:00Z.
type Issues = BTreeMap<i64, Vec<CardinalPoint>>;

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    table.remark(
        "da_fc_demand_mw is interpolated linearly between the day's cardinal points (peaks and troughs in the middle of \
         their window), from the last issue before 11:00 UK time of the day before",
    );
    let mut dates: BTreeMap<i32, Issues> = BTreeMap::new();
    read_csv(source, COLUMNS, |row| {
        table.row();
        if row.number(0)? != Some(1.0) {
            table.count("rows of another lead than one day left out");
            return Ok(());
        }
        let day = source.date(row.place, row.column(1), row.cells[1])?.to_days();
        let issued = source.moment(row.place, row.column(6), row.cells[6])?;
        let Some(point) = cardinal_point(source, row)? else {
            table.count("cardinal points without a value left out");
            return Ok(());
        };
        let points = dates.entry(day).or_default().entry(issued).or_default();
        let same = |earlier: &&CardinalPoint| earlier.name == point.name && earlier.first_end == point.first_end;
        match points.iter().find(same) {
            None => points.push(point),
            Some(earlier) if earlier.mw == point.mw && earlier.last_end == point.last_end => {
                table.count("cardinal points that repeat an equal one");
            }
            Some(earlier) => return Err(conflict(source, day, earlier, &point)),
        }
        Ok(())
    })?;
    dates.iter().try_for_each(|(day, issues)| put_day(source, table, *day, issues))
}

fn cardinal_point(source: &Source<'_>, row: &Row<'_, 7>) -> Result<Option<CardinalPoint>, PublishError> {
    let clock = |i: usize| {
        let text = row.cells[i];
        let time = text.parse::<u16>().ok().filter(|time| time % 100 == 0 || time % 100 == 30);
        let half_hours = time.map(|time| time / 100 * 2 + time % 100 / 30);
        let expected = "a clock time as a number, 30 (00:30) to 2400";
        half_hours
            .filter(|end| (1..=CLOCK_HALF_HOURS).contains(end))
            .ok_or_else(|| source.bad_field(row.place, row.column(i), text, expected))
    };
    let (first_end, last_end, name) = (clock(4)?, clock(5)?, row.cells[3].to_string());
    Ok(row.number(2)?.map(|mw| CardinalPoint { place: row.place, name, first_end, last_end, mw }))
}

fn conflict(source: &Source<'_>, day: i32, earlier: &CardinalPoint, point: &CardinalPoint) -> PublishError {
    PublishError::Conflict {
        table: source.table.to_string(),
        place: point.place,
        earlier_place: earlier.place,
        column: format!("cardinal point {}", super::shortened(&point.name)),
        period: local_midnight(day) + (i64::from(point.first_end) - 1),
        found: point.mw,
        earlier: earlier.mw,
    }
}

fn put_day(source: &Source<'_>, table: &mut TableBuilder, day: i32, issues: &Issues) -> Result<(), PublishError> {
    let chosen = issues.range(..day_ahead_cutoff(day)).next_back();
    let used = chosen.map_or(0, |(_, points)| points.len());
    let all: usize = issues.values().map(Vec::len).sum();
    table.count_all(all - used, "cardinal points of another issue than the one used left out");
    let Some((_, points)) = chosen else {
        table.count("dates without an issue before 11:00 UK time of the day before held as holes");
        return Ok(());
    };
    let anchors = anchors(source, day, points)?;
    for pair in anchors.windows(2) {
        let ((x0, before), (x1, after)) = (pair[0], pair[1]);
        // Both ends are put; the repeat at an anchor is the same number from either side.
        for t in (x0.ceil() as i64)..=(x1.floor() as i64) {
            let share = (t as f64 - x0) / (x1 - x0);
            let mw = before.mw * (1.0 - share) + after.mw * share;
            let period = local_midnight(day) + t;
            if t as f64 != x0 || x0 == anchors[0].0 {
                table.put(before.place, period, Signal::DayAheadForecastDemand, mw)?;
            }
        }
    }
    Ok(())
}

/// Where each point stands, in half-hours from local midnight. A clock time that comes twice, on the day the clocks go
/// back, is the first one after the point before it.
fn anchors<'a>(
    source: &Source<'_>,
    day: i32,
    points: &'a [CardinalPoint],
) -> Result<Vec<(f64, &'a CardinalPoint)>, PublishError> {
    let ends = clock_ends(day);
    let find = |clock: u16, from: usize| (from..ends.len()).find(|t| ends[*t] == clock);
    let mut from = 0;
    let mut anchors = Vec::with_capacity(points.len());
    for point in points {
        let first = find(point.first_end, from);
        let window = first.and_then(|first| find(point.last_end, first).map(|last| (first, last)));
        let Some((first, last)) = window else {
            let found = format!("{} (half-hours {} to {})", point.name, point.first_end, point.last_end);
            let expected = "a window of this day that begins after the point before it";
            return Err(source.bad_field(point.place, "cp_st_time", &found, expected));
        };
        anchors.push(((first + last) as f64 / 2.0, point));
        from = last + 1;
    }
    Ok(anchors)
}

/// The local clock at the end of each half-hour of a date, from 1 (00:30) to 48 (24:00).
fn clock_ends(day: i32) -> Vec<u16> {
    let start: Period = local_midnight(day);
    let periods = periods_in_local_day(day) as i64;
    let end = |t: i64| match (start + t + 1).local().half_hour {
        0 => CLOCK_HALF_HOURS,
        clock => u16::from(clock),
    };
    (0..periods).map(end).collect()
}

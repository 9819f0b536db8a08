//! Events from a list of sessions that took place.
//!
//! In: CSV with the first and last half-hour of each session. Out: events in the order of time.
//! Always: a damaged list is refused with line and reason. Not here: depth and price, which the scenario gives.

use super::config::{ListedEvents, MAX_PERIODS};
use super::{Depth, EventError, EventKind, EventSource, FlexEvent};
use crate::grid::calendar::local_midnight;
use crate::grid::{PERIODS_PER_DAY, Period};
use std::path::Path;

const FIRST: &str = "first_halfhour_start_utc";
const LAST: &str = "last_halfhour_start_utc";

/// Reads the list that a scenario names.
pub(super) fn read(config: &ListedEvents) -> Result<Vec<FlexEvent>, EventError> {
    let table = config.path.clone();
    let bytes =
        std::fs::read(Path::new(&table)).map_err(|e| EventError::Unreadable { table, reason: e.to_string() })?;
    parse(config, &bytes)
}

/// Reads a list from memory.
pub(super) fn parse(config: &ListedEvents, bytes: &[u8]) -> Result<Vec<FlexEvent>, EventError> {
    let table = || config.path.clone();
    let not_csv = |e: csv::Error| {
        let line = e.position().map_or(1, csv::Position::line);
        EventError::NotCsv { table: table(), line, reason: e.to_string() }
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let header = reader.headers().map_err(not_csv)?.clone();
    let column = |column: &'static str| {
        let missing =
            || EventError::MissingColumn { table: table(), column, found: header.iter().collect::<Vec<_>>().join(",") };
        header.iter().position(|name| name == column).ok_or_else(missing)
    };
    let (first_cell, last_cell) = (column(FIRST)?, column(LAST)?);
    let mut events: Vec<(FlexEvent, u64)> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(not_csv)?;
        let line = record.position().map_or(0, csv::Position::line);
        let time = |cell: usize, column| {
            record[cell].parse().map_err(|fault| EventError::BadTime { table: table(), line, column, fault })
        };
        let (first, last): (Period, Period) = (time(first_cell, FIRST)?, time(last_cell, LAST)?);
        let periods = (last - first) + 1;
        if !(1..=i64::from(MAX_PERIODS)).contains(&periods) {
            return Err(EventError::Length { table: table(), line, first, last });
        }
        events.push((event(config, first, periods as u32), line));
    }
    events.sort_by_key(|(event, _)| event.start);
    if let Some(pair) = events.windows(2).find(|pair| pair[1].0.start < pair[0].0.end()) {
        return Err(EventError::Overlap { table: table(), line: pair[1].1, start: pair[1].0.start });
    }
    Ok(events.into_iter().map(|(event, _)| event).collect())
}

fn event(config: &ListedEvents, start: Period, periods: u32) -> FlexEvent {
    // From the next midnight back, so that a clock change in the night does not move it.
    let next_midnight = local_midnight(start.local().day - config.published_days_before as i32 + 1);
    let published = next_midnight - (PERIODS_PER_DAY as i64 - (config.published_hour * 2.0).floor() as i64);
    FlexEvent {
        published: published.min(start),
        start,
        periods,
        kind: EventKind::TurnDown(Depth::Share(config.depth_share)),
        price_gbp_per_mwh: config.price_gbp_per_mwh,
        penalty_gbp_per_mwh: config.penalty_gbp_per_mwh,
        source: EventSource::Listed,
    }
}

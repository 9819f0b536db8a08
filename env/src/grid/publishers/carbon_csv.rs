//! National carbon intensity of the Carbon Intensity API, flattened to CSV.
//!
//! In: `from,to,forecast,actual,index` with `2023-01-01 00:00:00+00:00`, UTC half-hours; `to` may be left out.
//! Out: `carbon_actual_gco2_kwh`, `carbon_forecast_gco2_kwh`. Always: the rule of `intensity`: `actual` 0 is a hole.
//! Not here: the export of the API's website, whose stamps are period ends.
//! Source: a download of the year 2023, seen 2026-11-22.

use super::carbon_api::{half_hour, intensity};
use super::csv_rows::read_csv;
use super::error::PublishError;
use super::table::TableBuilder;
use super::{Publisher, Source};

pub(super) const FORMAT: Publisher = Publisher {
    id: "carbon-intensity-csv",
    description: "Carbon Intensity API flattened to CSV (from,to,forecast,actual,index): carbon_actual, carbon_forecast",
    looks_like: |head| head.is_csv_with(&["from", "forecast", "actual"]),
    read,
};

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    read_csv(source, ["from", "?to", "forecast", "actual"], |row| {
        table.row();
        let period = half_hour(source, row.place, row.cells[0], row.cells[1])?;
        intensity(table, row.place, period, row.number(3)?, row.number(2)?)
    })
}

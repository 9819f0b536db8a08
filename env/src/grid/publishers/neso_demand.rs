//! NESO Historic Demand Data, `demanddata_YYYY.csv`.
//!
//! In: `01-JAN-2024,1,21783,23466,..` (to 2024) or quoted `"2025-01-01"` (from 2025); the set of columns grows.
//! Out: `demand_mw` (ND), `tsd_mw` (TSD), `embedded_wind_mw`, `solar_mw` (NESO's estimates of embedded generation).
//! Always: columns are found by name; flows, pumping and capacities have no column in the joined table.
//! Source: NESO data portal, files of 2021 and 2024 seen 2026-11-22.

use super::csv_rows::read_csv;
use super::error::PublishError;
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::signal::Signal;

pub(super) const FORMAT: Publisher = Publisher {
    id: "neso-demand",
    description: "NESO demanddata_YYYY.csv: demand_mw, tsd_mw, embedded_wind_mw, solar_mw",
    looks_like: |head| head.is_csv_with(&["settlement_date", "settlement_period", "nd", "tsd"]),
    read,
};

const COLUMNS: [&str; 6] =
    ["settlement_date", "settlement_period", "nd", "?tsd", "?embedded_wind_generation", "?embedded_solar_generation"];
const SIGNALS: [Signal; 4] = [Signal::Demand, Signal::TransmissionDemand, Signal::EmbeddedWind, Signal::Solar];

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    read_csv(source, COLUMNS, |row| {
        table.row();
        let date = (row.column(0), row.cells[0]);
        let period = source.settlement_cells(row.place, date, (row.column(1), row.cells[1]))?;
        for (i, signal) in SIGNALS.into_iter().enumerate() {
            table.put_some(row.place, period, signal, row.number(i + 2)?)?;
        }
        Ok(())
    })
}

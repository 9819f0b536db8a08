//! NESO Historic Generation Mix and Carbon Intensity, `df_fuel_ckan.csv`.
//!
//! In: `DATETIME` (UTC without a zone mark) and one column per fuel in any order, half-hourly.
//! Out: `carbon_mix_gco2_kwh` at a resolution of 30 minutes, and generation by fuel.
//! Always: `IMPORTS`, `STORAGE` and the `_perc` columns have no column in the joined table.
//! Source: NESO data portal, column names read 2026-11-22.

use super::csv_rows::read_csv;
use super::error::PublishError;
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::signal::Signal;

pub(super) const FORMAT: Publisher = Publisher {
    id: "neso-generation-mix",
    description: "NESO df_fuel_ckan.csv: carbon_mix_gco2_kwh (30 min), generation by fuel",
    looks_like: |head| head.is_csv_with(&["datetime", "carbon_intensity", "gas", "generation"]),
    read,
};

const COLUMNS: [&str; 11] = [
    "datetime",
    "carbon_intensity",
    "?gas",
    "?coal",
    "?nuclear",
    "?wind",
    "?wind_emb",
    "?hydro",
    "?biomass",
    "?other",
    "?solar",
];
const FUELS: [Signal; 9] = [
    Signal::Gas,
    Signal::Coal,
    Signal::Nuclear,
    Signal::Wind,
    Signal::EmbeddedWind,
    Signal::Hydro,
    Signal::Biomass,
    Signal::OtherGeneration,
    Signal::Solar,
];
/// Minutes over which a value of this file is a mean.
pub(super) const HALF_HOURLY: f64 = 30.0;

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    read_csv(source, COLUMNS, |row| {
        table.row();
        let period = source.utc_start(row.place, row.column(0), row.cells[0])?;
        if let Some(carbon) = row.number(1)? {
            table.put(row.place, period, Signal::CarbonIntensity, carbon)?;
            table.put(row.place, period, Signal::CarbonResolution, HALF_HOURLY)?;
        }
        for (i, signal) in FUELS.into_iter().enumerate() {
            table.put_some(row.place, period, signal, row.number(i + 2)?)?;
        }
        Ok(())
    })
}

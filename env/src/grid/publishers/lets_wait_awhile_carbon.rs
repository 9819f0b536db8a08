//! Carbon intensity of the paper Let's Wait Awhile (Middleware '21).
//!
//! In: `2019-12-20T00:00:00Z,120.99`; half-hourly, from 2020-10-31 on every quarter of an hour.
//! Out: `carbon_mix_gco2_kwh` at a resolution of 30 minutes; rows at minute 15 and 45 are left out, as the paper's
//! steps of 30 minutes do. Its level rests on life-cycle factors and cannot be compared with NESO's.
//! Source: dos-group/lets-wait-awhile, data/gb_ci.csv, seen 2026-11-22.

use super::csv_rows::read_csv;
use super::error::PublishError;
use super::lets_wait_awhile_production::is_quarter;
use super::neso_generation_mix::HALF_HOURLY;
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::signal::Signal;

const COLUMNS: [&str; 2] = ["timestamp_utc", "carbon_intensity_gco2_kwh"];

pub(super) const FORMAT: Publisher = Publisher {
    id: "lets-wait-awhile-carbon",
    description: "Let's Wait Awhile carbon intensity CSV: carbon_mix_gco2_kwh (30 min, life-cycle factors)",
    looks_like: |head| head.is_csv_with(&COLUMNS) && head.width() == COLUMNS.len(),
    read,
};

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    table.remark("carbon_mix_gco2_kwh rests on the paper's life-cycle factors: its level is not NESO's");
    read_csv(source, COLUMNS, |row| {
        table.row();
        if is_quarter(row.cells[0]) {
            table.count("rows at minute 15 or 45 left out");
            return Ok(());
        }
        let period = source.utc_start(row.place, row.column(0), row.cells[0])?;
        if let Some(carbon) = row.number(1)? {
            table.put(row.place, period, Signal::CarbonIntensity, carbon)?;
            table.put(row.place, period, Signal::CarbonResolution, HALF_HOURLY)?;
        }
        Ok(())
    })
}

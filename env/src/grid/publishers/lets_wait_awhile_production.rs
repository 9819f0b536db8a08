//! Generation by type of the paper Let's Wait Awhile (Middleware '21), `gb_production.csv`, from ENTSO-E.
//!
//! In: `2019-12-20 00:00:00,2824.0,..` in MW, UTC; half-hourly, from 2020-10-31 on every quarter of an hour.
//! Out: generation by the nearest column: wind = offshore + onshore, other = Other + Fossil Oil, pumped storage (output
//! only: the file has no pumping), net import = FR + NL + IE + BE. Rows at minute 15 and 45 are left out.
//! Always: a sum has all its parts or is a hole.
//! Source: dos-group/lets-wait-awhile, data/gb_production.csv, seen 2026-11-22.

use super::csv_rows::read_csv;
use super::error::PublishError;
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::signal::Signal;

pub(super) const FORMAT: Publisher = Publisher {
    id: "lets-wait-awhile-production",
    description: "Let's Wait Awhile gb_production.csv: generation by type, interconnectors_net_mw",
    looks_like: |head| head.is_csv_with(&["fossil gas", "wind onshore", "wind offshore", "hydro pumped storage"]),
    read,
};

const COLUMNS: [&str; 16] = [
    "",
    "biomass",
    "fossil gas",
    "fossil hard coal",
    "fossil oil",
    "hydro pumped storage",
    "hydro run-of-river and poundage",
    "nuclear",
    "other",
    "solar",
    "wind offshore",
    "wind onshore",
    "fr",
    "nl",
    "ie",
    "be",
];

/// Which columns make up which signal, by their index in [`COLUMNS`].
const PARTS: [(Signal, &[usize]); 10] = [
    (Signal::Biomass, &[1]),
    (Signal::Gas, &[2]),
    (Signal::Coal, &[3]),
    (Signal::PumpedStorage, &[5]),
    (Signal::Hydro, &[6]),
    (Signal::Nuclear, &[7]),
    (Signal::OtherGeneration, &[8, 4]),
    (Signal::Solar, &[9]),
    (Signal::Wind, &[10, 11]),
    (Signal::Interconnectors, &[12, 13, 14, 15]),
];

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    table.remark(
        "wind_mw = offshore + onshore, other_mw = Other + Fossil Oil, interconnectors_net_mw = FR + NL + IE + BE; \
         pumped_storage_mw is output only",
    );
    read_csv(source, COLUMNS, |row| {
        table.row();
        if is_quarter(row.cells[0]) {
            table.count("rows at minute 15 or 45 left out");
            return Ok(());
        }
        let period = source.utc_start(row.place, "time", row.cells[0])?;
        for (signal, parts) in PARTS {
            let values: Result<Vec<Option<f64>>, PublishError> = parts.iter().map(|i| row.number(*i)).collect();
            let sum: Option<f64> = values?.into_iter().sum();
            if sum.is_none() {
                table.count(format!("half-hours of {signal} with an empty cell held as holes"));
            }
            table.put_some(row.place, period, signal, sum)?;
        }
        Ok(())
    })
}

/// Whether a time such as `2020-10-31 00:15:00` lies in the middle of a half-hour.
pub(super) fn is_quarter(text: &str) -> bool {
    matches!(text.get(13..16), Some(":15" | ":45"))
}

//! Market Index Data as the CSV of the former BMRS website (to 2024).
//!
//! In: `MID,APXMIDP,20170101,1,44.90,505.000`. Out: `price_gbp_mwh`.
//! Always: the rules of `index_price`; rows of another record type are left out and counted.
//! Source: Elexon BMRS, seen 2026-11-22.

use super::csv_rows::read_csv;
use super::elexon_portal_mid::index_price;
use super::error::PublishError;
use super::table::TableBuilder;
use super::{Publisher, Source};

const COLUMNS: [&str; 6] = ["record type", "data provider", "settlement date", "settlement period", "price", "volume"];

pub(super) const FORMAT: Publisher = Publisher {
    id: "elexon-bmrs-legacy-mid",
    description: "former BMRS website, Market Index Data CSV: price_gbp_mwh of provider APXMIDP",
    looks_like: |head| head.is_csv_with(&COLUMNS),
    read,
};

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    read_csv(source, COLUMNS, |row| {
        table.row();
        let [kind, provider, date, number, ..] = row.cells;
        if kind != "MID" {
            table.count("rows of another record type than MID left out");
            return Ok(());
        }
        let period = source.settlement_cells(row.place, (row.column(2), date), (row.column(3), number))?;
        index_price(table, row.place, period, provider, row.number(4)?, row.number(5)?)
    })
}

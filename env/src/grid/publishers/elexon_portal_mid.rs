//! Market Index Data as the Elexon Portal's CSV download.
//!
//! In: `01 January 2024,1,APXMIDP ,664.4,36.51` (Latin-1 pound sign in the header, provider padded with a blank).
//! Out: `price_gbp_mwh`. Always: the rules of [`index_price`], which every market-index format shares.
//! Source: Elexon Portal, MID, seen 2026-11-22.

use super::csv_rows::read_csv;
use super::error::{Place, PublishError};
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::calendar::Period;
use crate::grid::signal::Signal;

const COLUMNS: [&str; 5] = [
    "settlement date",
    "settlement period",
    "market index data provider id",
    "market index volume",
    "market index price",
];

pub(super) const FORMAT: Publisher = Publisher {
    id: "elexon-portal-mid",
    description: "Elexon Portal, Market Index Data CSV: price_gbp_mwh of provider APXMIDP",
    looks_like: |head| head.is_csv_with(&COLUMNS),
    read,
};

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    read_csv(source, COLUMNS, |row| {
        table.row();
        let [date, number, provider, ..] = row.cells;
        let period = source.settlement_cells(row.place, (row.column(0), date), (row.column(1), number))?;
        index_price(table, row.place, period, provider, row.number(4)?, row.number(3)?)
    })
}

/// Takes in a market index price.
///
/// The index of the joined table is that of APXMIDP. N2EXMIDP is 0 in nearly every half-hour (all but 120 of 43,590 in
/// 2017-19). A price of 0 with a volume of 0 means that nothing was traded, not that power was free: a hole.
pub(super) fn index_price(
    table: &mut TableBuilder,
    place: Place,
    period: Period,
    provider: &str,
    price: Option<f64>,
    volume: Option<f64>,
) -> Result<(), PublishError> {
    if !provider.trim().eq_ignore_ascii_case("APXMIDP") {
        table.count("rows of another provider than APXMIDP left out");
        return Ok(());
    }
    if price == Some(0.0) && volume == Some(0.0) {
        table.count("rows with price 0 and volume 0 (no trades) held as holes");
        return Ok(());
    }
    table.put_some(place, period, Signal::IntradayPrice, price)
}

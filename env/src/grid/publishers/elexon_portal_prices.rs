//! System prices and net imbalance volume as the Elexon Portal's CSV download.
//!
//! In: `01/01/2019,1,15,15,-1058.307`, day first. Out: `imbalance_price_gbp_mwh`, `niv_mwh`.
//! Always: the rule of [`system_price`], which every system-price format shares.
//! Source: Elexon Portal, SSPSBPNIV, seen 2026-11-22.

use super::csv_rows::read_csv;
use super::error::{Place, PublishError};
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::calendar::Period;
use crate::grid::signal::Signal;

const COLUMNS: [&str; 5] =
    ["settlement date", "settlement period", "system sell price", "system buy price", "net imbalance volume"];

pub(super) const FORMAT: Publisher = Publisher {
    id: "elexon-portal-system-prices",
    description: "Elexon Portal, SSP/SBP/NIV CSV: imbalance_price_gbp_mwh, niv_mwh",
    looks_like: |head| head.is_csv_with(&COLUMNS),
    read,
};

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    read_csv(source, COLUMNS, |row| {
        table.row();
        let [date, number, ..] = row.cells;
        let period = source.settlement_cells(row.place, (row.column(0), date), (row.column(1), number))?;
        let prices = SystemPrices { sell: row.number(2)?, buy: row.number(3)?, volume: row.number(4)?, issued: None };
        system_price(table, row.place, period, prices)
    })
}

/// One half-hour of imbalance settlement.
pub(super) struct SystemPrices {
    pub(super) sell: Option<f64>,
    pub(super) buy: Option<f64>,
    pub(super) volume: Option<f64>,
    /// When this settlement run was made, in seconds since 1970-01-01T00:00Z.
    pub(super) issued: Option<i64>,
}

/// Takes in system prices.
///
/// Since 2015-11-05 there is a single price: both are equal in all 183,366 half-hours of 2016 to 2026 that were looked
/// at. Where they differ the half-hour is older, and which of them a site pays depends on its own position: a hole.
pub(super) fn system_price(
    table: &mut TableBuilder,
    place: Place,
    period: Period,
    prices: SystemPrices,
) -> Result<(), PublishError> {
    if let Some(volume) = prices.volume {
        table.put_issued(place, period, Signal::NetImbalanceVolume, volume, prices.issued)?;
    }
    match (prices.sell, prices.buy) {
        (Some(sell), Some(buy)) if sell != buy => {
            table.count("half-hours with two system prices held as holes (a single price exists since 2015-11-05)");
            Ok(())
        }
        (Some(price), _) | (None, Some(price)) => {
            table.put_issued(place, period, Signal::ImbalancePrice, price, prices.issued)
        }
        (None, None) => Ok(()),
    }
}

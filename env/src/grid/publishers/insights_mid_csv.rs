//! Market Index Data as the CSV of the Elexon Insights website and API.
//!
//! In: `2026-03-24T11:30:00Z,APXMIDP,2026-03-24,24,68.11,2643.250`, newest first. Out: `price_gbp_mwh`.
//! Always: the rules of `index_price`; start time and settlement period must name the same half-hour.
//! Source: Elexon Insights, seen 2026-11-22.

use super::csv_rows::read_csv;
use super::elexon_portal_mid::index_price;
use super::error::PublishError;
use super::table::TableBuilder;
use super::{Publisher, Source};

const COLUMNS: [&str; 6] = ["starttime", "dataprovider", "settlementdate", "settlementperiod", "price", "volume"];

pub(super) const FORMAT: Publisher = Publisher {
    id: "elexon-insights-mid-csv",
    description: "Elexon Insights, Market Index Data CSV of website and API: price_gbp_mwh of provider APXMIDP",
    looks_like: |head| head.is_csv_with(&COLUMNS),
    read,
};

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    read_csv(source, COLUMNS, |row| {
        table.row();
        let [start, provider, date, number, ..] = row.cells;
        let period_number = number.parse::<i64>();
        let period_number = period_number
            .map_err(|_| source.bad_field(row.place, row.column(3), number, "a settlement period, 1 to 50"))?;
        let period = source.period_of_row(row.place, Some(start), Some((date, period_number)))?;
        index_price(table, row.place, period, provider, row.number(4)?, row.number(5)?)
    })
}

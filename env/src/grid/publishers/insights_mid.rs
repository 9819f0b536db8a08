//! Market Index Data as JSON of the Elexon Insights API: `/datasets/MID` and `/balancing/pricing/market-index`.
//!
//! In: rows with `startTime`, `dataProvider`, `settlementDate`, `settlementPeriod`, `price`, `volume`.
//! Out: `price_gbp_mwh`. Always: the rules of `index_price`; start time and settlement period must agree.
//! Source: Elexon Insights API v1, field names read 2026-11-22.

use super::elexon_portal_mid::index_price;
use super::error::{Place, PublishError};
use super::json_rows::read_json;
use super::table::TableBuilder;
use super::{Publisher, Source};
use serde::Deserialize;

pub(super) const FORMAT: Publisher = Publisher {
    id: "elexon-insights-mid",
    description: "Elexon Insights API, Market Index Data JSON: price_gbp_mwh of provider APXMIDP",
    looks_like: |head| head.is_json_with(&["dataprovider", "price", "volume", "settlementperiod"]),
    read,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    start_time: Option<String>,
    data_provider: String,
    settlement_date: String,
    settlement_period: i64,
    price: Option<f64>,
    volume: Option<f64>,
}

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    for (i, row) in read_json::<Row>(source)?.into_iter().enumerate() {
        table.row();
        let (place, settlement) = (Place::Item(i), (row.settlement_date.as_str(), row.settlement_period));
        let period = source.period_of_row(place, row.start_time.as_deref(), Some(settlement))?;
        index_price(table, place, period, &row.data_provider, row.price, row.volume)?;
    }
    Ok(())
}

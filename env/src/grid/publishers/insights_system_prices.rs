//! System prices as JSON of the Elexon Insights API: `/balancing/settlement/system-prices/{date}`.
//!
//! In: rows with settlement date and period, `startTime`, `createdDateTime`, both prices and `netImbalanceVolume`.
//! Out: `imbalance_price_gbp_mwh`, `niv_mwh`. Always: of two settlement runs the one created later counts.
//! Source: Elexon Insights API v1, answer seen 2026-11-22.

use super::elexon_portal_prices::{SystemPrices, system_price};
use super::error::{Place, PublishError};
use super::json_rows::read_json;
use super::table::TableBuilder;
use super::{Publisher, Source};
use serde::Deserialize;

pub(super) const FORMAT: Publisher = Publisher {
    id: "elexon-insights-system-prices",
    description: "Elexon Insights API, system prices JSON: imbalance_price_gbp_mwh, niv_mwh",
    looks_like: |head| head.is_json_with(&["systemsellprice", "netimbalancevolume"]),
    read,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    settlement_date: String,
    settlement_period: i64,
    start_time: Option<String>,
    created_date_time: Option<String>,
    system_sell_price: Option<f64>,
    system_buy_price: Option<f64>,
    net_imbalance_volume: Option<f64>,
}

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    for (i, row) in read_json::<Row>(source)?.into_iter().enumerate() {
        table.row();
        let (place, settlement) = (Place::Item(i), (row.settlement_date.as_str(), row.settlement_period));
        let period = source.period_of_row(place, row.start_time.as_deref(), Some(settlement))?;
        let created = row.created_date_time.as_deref();
        let issued = created.map(|text| source.moment(place, "createdDateTime", text)).transpose()?;
        let (sell, buy) = (row.system_sell_price, row.system_buy_price);
        system_price(table, place, period, SystemPrices { sell, buy, volume: row.net_imbalance_volume, issued })?;
    }
    Ok(())
}

//! Demand outturn as JSON of the Elexon Insights API: `/datasets/INDO` and `/datasets/ITSDO`.
//!
//! In: rows with `dataset`, `startTime`, settlement date and period, `demand` in MW, `publishTime`.
//! Out: `demand_mw` from INDO, `tsd_mw` from ITSDO. Always: of two publications the later counts.
//! Source: Elexon Insights API v1, field names read 2026-11-22.

use super::error::{Place, PublishError};
use super::json_rows::read_json;
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::signal::Signal;
use serde::Deserialize;

pub(super) const FORMAT: Publisher = Publisher {
    id: "elexon-insights-demand-outturn",
    description: "Elexon Insights API, INDO and ITSDO JSON: demand_mw, tsd_mw",
    looks_like: |head| head.is_json_with(&["dataset", "demand"]) && (head.has("indo") || head.has("itsdo")),
    read,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    dataset: String,
    publish_time: Option<String>,
    start_time: Option<String>,
    settlement_date: String,
    settlement_period: i64,
    demand: Option<f64>,
}

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    for (i, row) in read_json::<Row>(source)?.into_iter().enumerate() {
        table.row();
        let place = Place::Item(i);
        let signal = match row.dataset.as_str() {
            "INDO" => Signal::Demand,
            "ITSDO" => Signal::TransmissionDemand,
            other => return Err(source.bad_field(place, "dataset", other, "INDO or ITSDO")),
        };
        let settlement = (row.settlement_date.as_str(), row.settlement_period);
        let period = source.period_of_row(place, row.start_time.as_deref(), Some(settlement))?;
        let published = row.publish_time.as_deref();
        let issued = published.map(|text| source.moment(place, "publishTime", text)).transpose()?;
        if let Some(demand) = row.demand {
            table.put_issued(place, period, signal, demand, issued)?;
        }
    }
    Ok(())
}

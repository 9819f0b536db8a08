//! National carbon intensity as JSON of the Carbon Intensity API.
//!
//! In: `{"data":[{"from":..,"to":..,"intensity":{"forecast":146,"actual":null,"index":"low"}}]}`, UTC half-hours.
//! Out: `carbon_actual_gco2_kwh`, `carbon_forecast_gco2_kwh`. Always: the rule of [`intensity`].
//! Not here: the regional answers.
//! Source: carbon-intensity API definitions, read 2026-11-22.

use super::error::{Place, PublishError};
use super::json_rows::read_json;
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::calendar::Period;
use crate::grid::signal::Signal;
use serde::Deserialize;

pub(super) const FORMAT: Publisher = Publisher {
    id: "carbon-intensity-api",
    description: "Carbon Intensity API, national JSON: carbon_actual_gco2_kwh, carbon_forecast_gco2_kwh",
    looks_like: |head| {
        head.is_json_with(&["from", "to", "intensity", "forecast"]) && !head.has("regions") && !head.has("regionid")
    },
    read,
};

#[derive(Deserialize)]
struct Row {
    from: String,
    to: String,
    intensity: Intensity,
}

#[derive(Deserialize)]
struct Intensity {
    forecast: Option<f64>,
    actual: Option<f64>,
}

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    for (i, row) in read_json::<Row>(source)?.into_iter().enumerate() {
        table.row();
        let place = Place::Item(i);
        let period = half_hour(source, place, &row.from, &row.to)?;
        intensity(table, place, period, row.intensity.actual, row.intensity.forecast)?;
    }
    Ok(())
}

/// The half-hour from one time to another.
pub(super) fn half_hour(source: &Source<'_>, place: Place, from: &str, to: &str) -> Result<Period, PublishError> {
    let period = source.utc_start(place, "from", from)?;
    if !to.is_empty() && source.utc_start(place, "to", to)? != period + 1 {
        return Err(source.bad_field(place, "to", to, "the end of the half-hour that starts at `from`"));
    }
    Ok(period)
}

/// Takes in measured and forecast intensity. A measured 0 is an outage of the publisher (5 half-hours of 2023), since
/// the grid has never been without emissions: a hole.
pub(super) fn intensity(
    table: &mut TableBuilder,
    place: Place,
    period: Period,
    actual: Option<f64>,
    forecast: Option<f64>,
) -> Result<(), PublishError> {
    table.put_some(place, period, Signal::CarbonForecast, forecast)?;
    if actual == Some(0.0) {
        table.count("values of `actual` that read 0 (outage) held as holes");
        return Ok(());
    }
    table.put_some(place, period, Signal::CarbonActual, actual)
}

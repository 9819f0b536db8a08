//! Demand forecasts as JSON of the Elexon Insights API: `/forecast/demand/day-ahead..`, `/datasets/NDF`.
//!
//! In: rows with `startTime`, `publishTime`, `boundary` and the forecast of National Demand in MW, many per half-hour.
//! Out: `da_fc_demand_mw`. Always: of each half-hour the last forecast issued before 11:00 UK time of the day before
//! counts, because that is when the workbench takes it as known; one issued after the half-hour began never counts.
//! Not here: forecasts of transmission system demand, for which the joined table has no column.
//! Source: Elexon Insights API v1, answer seen 2026-11-22.

use super::error::{Place, PublishError};
use super::json_rows::read_json;
use super::stamps::{day_ahead_cutoff, second_of};
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::calendar::Period;
use crate::grid::signal::Signal;
use serde::Deserialize;
use std::collections::BTreeMap;

pub(super) const FORMAT: Publisher = Publisher {
    id: "elexon-insights-demand-forecast",
    description: "Elexon Insights API, demand forecast JSON (day-ahead, NDF): da_fc_demand_mw",
    looks_like: |head| {
        head.is_json_with(&["publishtime", "boundary"]) && (head.has("nationaldemand") || head.has("demand"))
    },
    read,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    dataset: Option<String>,
    start_time: Option<String>,
    settlement_date: String,
    settlement_period: i64,
    boundary: Option<String>,
    publish_time: String,
    national_demand: Option<f64>,
    demand: Option<f64>,
}

/// A forecast of one half-hour.
#[derive(Clone, Copy)]
struct Issue {
    issued: i64,
    value: f64,
    place: Place,
}

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    let mut issues: BTreeMap<Period, Vec<Issue>> = BTreeMap::new();
    for (i, row) in read_json::<Row>(source)?.into_iter().enumerate() {
        table.row();
        let (place, settlement) = (Place::Item(i), (row.settlement_date.as_str(), row.settlement_period));
        let period = source.period_of_row(place, row.start_time.as_deref(), Some(settlement))?;
        let issued = source.moment(place, "publishTime", &row.publish_time)?;
        if row.boundary.as_deref().is_some_and(|boundary| boundary != "N") {
            table.count("rows of another boundary than N (national) left out");
        } else if row.dataset.as_deref().is_some_and(|dataset| dataset != "NDF") {
            table.count("rows of another data set than NDF left out");
        } else if let Some(value) = row.national_demand.or(row.demand) {
            issues.entry(period).or_default().push(Issue { issued, value, place });
        } else {
            table.count("rows without a forecast of National Demand left out");
        }
    }
    let in_time = |period: Period, issue: &&Issue| issue.issued < day_ahead_cutoff(period.local().day);
    let any_in_time = issues.iter().any(|(period, list)| list.iter().any(|issue| in_time(*period, &issue)));
    if any_in_time {
        put_last(table, &issues, in_time)?;
    } else {
        table.remark(
            "NOT day-ahead: no forecast was issued before 11:00 UK time of the day before, so the last one issued \
             before each half-hour stands in; the workbench takes it as known a day earlier than it was, so do not \
             train or judge on it",
        );
        put_last(table, &issues, |period, issue| issue.issued <= second_of(period))?;
    }
    Ok(())
}

/// Takes in, of each half-hour, the last forecast that is eligible.
fn put_last(
    table: &mut TableBuilder,
    issues: &BTreeMap<Period, Vec<Issue>>,
    eligible: impl Fn(Period, &&Issue) -> bool,
) -> Result<(), PublishError> {
    for (period, list) in issues {
        let chosen: Vec<&Issue> = list.iter().filter(|issue| eligible(*period, issue)).collect();
        table.count_all(list.len() - chosen.len(), "forecasts issued too late left out");
        for issue in &chosen {
            table.put_issued(issue.place, *period, Signal::DayAheadForecastDemand, issue.value, Some(issue.issued))?;
        }
        if chosen.is_empty() {
            table.count("half-hours without a forecast issued in time held as holes");
        }
    }
    Ok(())
}

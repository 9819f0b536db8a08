//! Generation by fuel type as JSON of the Elexon Insights API: `/datasets/FUELHH`.
//!
//! In: rows with `startTime`, settlement date and period, `fuelType`, `generation` in MW, `publishTime`; one row per
//! half-hour and fuel. Out: the generation columns and their sum.
//! Always: a sum has all its parts or is a hole; a half-hour in which every fuel reads 0 is a feed outage, so a hole.
//! Source: Elexon Insights API v1, field names read 2026-11-22.

use super::error::{Place, PublishError};
use super::json_rows::read_json;
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::calendar::Period;
use crate::grid::signal::Signal;
use serde::Deserialize;
use std::collections::BTreeMap;

pub(super) const FORMAT: Publisher = Publisher {
    id: "elexon-insights-fuelhh",
    description: "Elexon Insights API, FUELHH JSON: gas_mw, coal_mw, .. interconnectors_net_mw, fuelhh_total_mw",
    looks_like: |head| head.is_json_with(&["fueltype", "generation", "settlementperiod"]),
    read,
};

/// Which fuels make up which column; interconnectors (INT..) and the total are sums of their own.
const PARTS: [(Signal, &[&str]); 8] = [
    (Signal::Gas, &["CCGT", "OCGT"]),
    (Signal::Coal, &["COAL"]),
    (Signal::Nuclear, &["NUCLEAR"]),
    (Signal::Wind, &["WIND"]),
    (Signal::Hydro, &["NPSHYD"]),
    (Signal::PumpedStorage, &["PS"]),
    (Signal::Biomass, &["BIOMASS"]),
    (Signal::OtherGeneration, &["OTHER", "OIL"]),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    publish_time: Option<String>,
    start_time: Option<String>,
    settlement_date: String,
    settlement_period: i64,
    fuel_type: String,
    generation: Option<f64>,
}

/// Output of one fuel in one half-hour.
#[derive(Clone, Copy)]
struct Output {
    mw: f64,
    place: Place,
    issued: Option<i64>,
}

type Outputs = BTreeMap<Period, BTreeMap<String, Output>>;

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    let mut outputs = Outputs::new();
    for (i, row) in read_json::<Row>(source)?.into_iter().enumerate() {
        table.row();
        let (place, settlement) = (Place::Item(i), (row.settlement_date.as_str(), row.settlement_period));
        let period = source.period_of_row(place, row.start_time.as_deref(), Some(settlement))?;
        let published = row.publish_time.as_deref();
        let issued = published.map(|text| source.moment(place, "publishTime", text)).transpose()?;
        let Some(mw) = row.generation else { continue };
        let fuel = row.fuel_type.trim().to_ascii_uppercase();
        if fuel.is_empty() {
            return Err(source.bad_field(place, "fuelType", &row.fuel_type, "the name of a fuel"));
        }
        let fuels = outputs.entry(period).or_default();
        keep_later(source, table, fuels, (period, fuel), Output { mw, place, issued })?;
    }
    let lives = Lives::of(&outputs);
    table.remark("gas_mw = CCGT + OCGT, other_mw = OTHER + OIL, interconnectors_net_mw = sum of all INT.. fuels");
    outputs.iter().try_for_each(|(period, fuels)| put_columns(table, &lives, *period, fuels))
}

/// Of two outputs of one fuel in one half-hour, the one published later counts.
fn keep_later(
    source: &Source<'_>,
    table: &mut TableBuilder,
    fuels: &mut BTreeMap<String, Output>,
    (period, fuel): (Period, String),
    output: Output,
) -> Result<(), PublishError> {
    let Some(earlier) = fuels.get(&fuel).copied() else {
        fuels.insert(fuel, output);
        return Ok(());
    };
    match (earlier.issued, output.issued) {
        _ if earlier.mw == output.mw => {
            fuels.insert(fuel, Output { issued: earlier.issued.max(output.issued), ..earlier });
            table.count("values that repeat an equal one of the same half-hour");
        }
        (Some(before), Some(now)) if before != now => {
            if now > before {
                fuels.insert(fuel, output);
            }
            table.count("values issued anew later: the last issue counts");
        }
        _ => {
            return Err(PublishError::Conflict {
                table: source.table.to_string(),
                place: output.place,
                earlier_place: earlier.place,
                column: fuel,
                period,
                found: output.mw,
                earlier: earlier.mw,
            });
        }
    }
    Ok(())
}

/// First and last half-hour of each fuel in the file: between the two it must be there for a sum to be whole.
struct Lives(BTreeMap<String, (Period, Period)>);

impl Lives {
    fn of(outputs: &Outputs) -> Self {
        let mut lives: BTreeMap<String, (Period, Period)> = BTreeMap::new();
        for (period, fuels) in outputs {
            for fuel in fuels.keys() {
                lives.entry(fuel.clone()).and_modify(|life| life.1 = *period).or_insert((*period, *period));
            }
        }
        Self(lives)
    }

    /// Whether the fuel is to be expected in this half-hour.
    fn expects(&self, fuel: &str, period: Period) -> bool {
        self.0.get(fuel).is_some_and(|(first, last)| (*first..=*last).contains(&period))
    }

    /// Whether the file holds every fuel that a column is made of.
    fn knows_all(&self) -> bool {
        PARTS.iter().flat_map(|(_, parts)| parts.iter()).all(|fuel| self.0.contains_key(*fuel))
    }
}

fn put_columns(
    table: &mut TableBuilder,
    lives: &Lives,
    period: Period,
    fuels: &BTreeMap<String, Output>,
) -> Result<(), PublishError> {
    if fuels.len() > 1 && fuels.values().all(|output| output.mw == 0.0) {
        table.count("half-hours in which every fuel reads 0 (feed outage) held as holes");
        return Ok(());
    }
    let Some(place) = fuels.values().next().map(|output| output.place) else { return Ok(()) };
    for (signal, parts) in PARTS {
        let values: Vec<f64> = parts.iter().filter_map(|fuel| fuels.get(*fuel).map(|output| output.mw)).collect();
        if values.len() == parts.len() {
            table.put(place, period, signal, values.iter().sum())?;
        } else if !values.is_empty() {
            table.count(format!("half-hours of {signal} without all of {} held as holes", parts.join(" + ")));
        }
    }
    let expected = |fuel: &&String| lives.expects(fuel, period);
    let absent = |fuel: &&String| !fuels.contains_key(*fuel);
    let linked = |fuel: &str| fuel.starts_with("INT");
    let missing: Vec<&String> = lives.0.keys().filter(expected).filter(absent).collect();
    let links: Vec<f64> = fuels.iter().filter(|(fuel, _)| linked(fuel)).map(|(_, output)| output.mw).collect();
    if missing.iter().any(|fuel| linked(fuel)) {
        table.count("half-hours of interconnectors_net_mw in which one is missing held as holes");
    } else if !links.is_empty() {
        table.put(place, period, Signal::Interconnectors, links.iter().sum())?;
    }
    let core = PARTS.iter().flat_map(|(_, parts)| parts.iter()).all(|fuel| fuels.contains_key(*fuel));
    if missing.is_empty() && core {
        table.put(place, period, Signal::FuelTotal, fuels.values().map(|output| output.mw).sum())?;
    } else if lives.knows_all() {
        table.count("half-hours of fuelhh_total_mw in which a fuel is missing held as holes");
    }
    Ok(())
}

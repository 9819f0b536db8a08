//! Every publisher's file of the shared material imports, and equals the joined table where both hold a value.

use super::super::{PublishedTable, merge, read_published};
use crate::grid::calendar::Period;
use crate::grid::real_table::{joined, shared};
use crate::grid::signal::Signal;

fn raw(name: &str) -> Option<PublishedTable> {
    let path = shared(&format!("data/{name}"))?;
    Some(read_published(&path, None).expect("the publisher's file is good"))
}

/// Rounding alone: the joined table holds prices and volumes to two decimals, PV_Live to one.
const HALF_A_HUNDREDTH: f64 = 0.005 + 1e-9;
const HALF_A_TENTH: f64 = 0.05 + 1e-9;

/// Half-hours that both tables hold, those of them that are equal, and those that the joined table lacks.
fn compared(table: &PublishedTable, signal: Signal) -> Option<(usize, usize, usize)> {
    compared_within(table, signal, 0.0)
}

/// The same; values count as equal if they differ by `rounding` at most.
fn compared_within(table: &PublishedTable, signal: Signal, rounding: f64) -> Option<(usize, usize, usize)> {
    let (trace, _) = joined()?;
    let (mut both, mut equal, mut new) = (0, 0, 0);
    for (period, value) in table.values(signal) {
        let Some(t) = trace.index_of(period) else { continue };
        match trace.get(signal, t) {
            None => new += 1,
            Some(known) => {
                both += 1;
                equal += usize::from((known - value).abs() <= rounding);
            }
        }
    }
    Some((both, equal, new))
}

fn noted(table: &PublishedTable, words: &str) -> usize {
    table.notes().iter().filter(|note| note.reason.contains(words)).map(|note| note.count).sum()
}

fn span(table: &PublishedTable) -> (String, String) {
    (table.first().to_string(), table.last().to_string())
}

#[test]
fn the_portals_market_index_of_2024_equals_the_joined_table() {
    let Some(table) = raw("raw/elexon_portal_MID_2024H1.csv") else { return };
    assert_eq!((table.format(), table.rows()), ("elexon-portal-mid", 17_468));
    assert_eq!(noted(&table, "another provider"), 8734);
    assert_eq!(table.values(Signal::IntradayPrice).count(), 8734);
    assert_eq!(span(&table), ("2024-01-01T00:00:00Z".into(), "2024-06-30T22:30:00Z".into()));
    let Some(found) = compared(&table, Signal::IntradayPrice) else { return };
    assert_eq!(found, (8734, 8734, 0));
}

#[test]
fn the_portals_system_prices_equal_the_joined_table_but_for_later_settlement_runs() {
    let Some(table) = raw("raw/elexon_portal_sspsbp_2019_2024H1.csv.gz") else { return };
    assert_eq!((table.format(), table.rows()), ("elexon-portal-system-prices", 96_382));
    // 97.7 % of the prices, 96.1 % of the volumes: the two downloads saw different settlement runs.
    for (signal, floor) in [(Signal::ImbalancePrice, 0.975), (Signal::NetImbalanceVolume, 0.955)] {
        let Some((both, equal, new)) = compared_within(&table, signal, HALF_A_HUNDREDTH) else { return };
        let share = equal as f64 / both as f64;
        println!("{signal}: {equal} of {both} equal ({:.2} %)", 100.0 * share);
        assert!(both == 78_862 && new == 0 && share > floor, "{signal}: {equal} of {both}, {new} new");
    }
}

#[test]
fn the_half_hours_of_the_portals_system_prices_are_those_of_the_joined_table_and_no_others() {
    let Some(table) = raw("raw/elexon_portal_sspsbp_2019_2024H1.csv.gz") else { return };
    let Some((trace, _)) = joined() else { return };
    let agreement = |shift: i64| {
        let pairs = table.values(Signal::ImbalancePrice).filter_map(|(period, value)| {
            trace
                .get(Signal::ImbalancePrice, trace.index_of(period + shift)?)
                .map(|known| (known - value).abs() <= HALF_A_HUNDREDTH)
        });
        let equal: Vec<bool> = pairs.collect();
        equal.iter().filter(|equal| **equal).count() as f64 / equal.len() as f64
    };
    // One half-hour off, in summer or in winter, would show; some neighbours have the same price.
    for shift in [-2, -1, 1, 2] {
        println!("shifted by {shift}: {:.3} equal", agreement(shift));
        assert!(agreement(shift) < 0.5 * agreement(0), "{shift}: {}", agreement(shift));
    }
}

#[test]
fn nesos_demand_of_2021_and_2024_equals_the_joined_table() {
    for (name, rows) in [("raw/neso_demanddata_2021.csv", 17_520), ("raw/neso_demanddata_2024H1.csv", 8734)] {
        let Some(table) = raw(name) else { return };
        assert_eq!((table.format(), table.rows()), ("neso-demand", rows));
        for signal in [Signal::Demand, Signal::TransmissionDemand, Signal::EmbeddedWind, Signal::Solar] {
            let Some(found) = compared(&table, signal) else { return };
            assert_eq!(found, (rows, rows, 0), "{name} {signal}");
        }
    }
}

#[test]
fn pv_live_of_2023_equals_the_joined_table() {
    let Some(table) = raw("raw/pvlive_national_2023.csv") else { return };
    assert_eq!((table.format(), table.rows()), ("pvlive-csv", 17_568));
    assert_eq!(span(&table), ("2022-12-31T23:30:00Z".into(), "2024-01-01T23:00:00Z".into()));
    let Some(found) = compared_within(&table, Signal::PvLive, HALF_A_TENTH) else { return };
    assert_eq!(found, (17_568, 17_568, 0));
}

#[test]
fn the_carbon_apis_first_weeks_of_2023_equal_the_joined_table() {
    let Some(table) = raw("raw/carbon_intensity_api_national_2023_head.csv") else { return };
    assert_eq!((table.format(), table.rows()), ("carbon-intensity-csv", 999));
    for signal in [Signal::CarbonActual, Signal::CarbonForecast] {
        let Some((both, equal, _)) = compared(&table, signal) else { return };
        assert_eq!((both, equal), (999, 999), "{signal}");
    }
}

#[test]
fn the_parquet_day_has_48_half_hours_whose_prices_are_those_of_the_joined_table() {
    let Some(table) = raw("raw/mg298_DETSYSPRICES_2023-01-01.parquet") else { return };
    assert_eq!((table.format(), table.rows()), ("mg298-detsysprices", 48));
    assert_eq!(span(&table), ("2023-01-01T00:00:00Z".into(), "2023-01-01T23:30:00Z".into()));
    // Read from the file by an independent reader.
    let first = table.first();
    assert_eq!(table.get(Signal::ImbalancePrice, first), Some(-8.07));
    assert_eq!(table.get(Signal::IntradayPrice, first + 2), Some(122.1));
    for signal in [Signal::ImbalancePrice, Signal::IntradayPrice] {
        let Some((both, equal, _)) = compared(&table, signal) else { return };
        println!("parquet {signal}: {equal} of {both} equal");
        assert!(both == 48 && equal >= 46, "{signal}: {equal} of {both}");
    }
}

#[test]
fn the_demand_forecast_archive_is_closer_to_demand_than_its_neighbours_in_time() {
    let Some(table) = raw("raw/neso_1day_ahead_demand_forecast_2018_2024H1.csv.gz") else { return };
    assert_eq!((table.format(), table.rows()), ("neso-demand-forecast", 48_807));
    let Some((trace, _)) = joined() else { return };
    let error = |shift: i64| {
        let pairs = table.values(Signal::DayAheadForecastDemand).filter_map(|(period, value)| {
            trace.get(Signal::Demand, trace.index_of(period + shift)?).map(|known| (known - value).abs())
        });
        let errors: Vec<f64> = pairs.collect();
        errors.iter().sum::<f64>() / errors.len() as f64
    };
    println!("forecast error {:.1} MW; notes {:?}", error(0), table.notes());
    // The joined table's own column, interpolated by somebody else, is 1,089 MW off.
    assert!((755.0..770.0).contains(&error(0)), "{}", error(0));
    assert!(error(1) > error(0) && error(-1) > error(0));
}

#[test]
fn forecasts_of_the_insights_sample_are_minutes_ahead_and_the_table_says_so() {
    let Some(table) = raw("raw/elexon_insights_forecast_demand_2024-01-01_07.json") else { return };
    assert_eq!((table.format(), table.rows()), ("elexon-insights-demand-forecast", 289));
    // Three rows hold null.
    assert_eq!(table.values(Signal::DayAheadForecastDemand).count(), 286);
    assert_eq!(noted(&table, "without a forecast of National Demand"), 3);
    assert!(table.notes().iter().any(|note| note.reason.starts_with("NOT day-ahead")));
}

#[test]
fn the_other_samples_import_with_their_known_figures() {
    let Some(legacy) = raw("raw/elexon_bmrs_legacy_MID_2017_sample.csv") else { return };
    assert_eq!((legacy.format(), legacy.rows()), ("elexon-bmrs-legacy-mid", 399));
    assert_eq!(legacy.get(Signal::IntradayPrice, legacy.first()), Some(44.9));
    let Some(prices) = raw("raw/elexon_insights_system_prices_sample.json") else { return };
    assert_eq!(prices.format(), "elexon-insights-system-prices");
    let midnight: Period = "2026-08-07T23:00:00Z".parse().expect("a period");
    assert_eq!(prices.get(Signal::ImbalancePrice, midnight), Some(91.0));
    let Some(production) = raw("raw/lets_wait_awhile_gb_production.csv.gz") else { return };
    // 18,576 rows at minute 0 or 30 of 21,980.
    assert_eq!((production.rows(), noted(&production, "minute 15 or 45")), (21_980, 3404));
    assert_eq!(production.values(Signal::Gas).count(), 18_576);
    let Some(carbon) = raw("grid/lets_wait_awhile_gb_ci_2020.csv") else { return };
    assert_eq!((carbon.format(), carbon.values(Signal::CarbonIntensity).count()), ("lets-wait-awhile-carbon", 18_576));
    let merged = merge("out.csv", &[production, carbon], None).expect("they share no column");
    // 2019-12-20 to 2021-01-09, both inclusive, without a gap.
    assert_eq!(merged.trace.len(), 387 * 48);
}

#[test]
fn the_joined_table_itself_is_read_as_a_publishers_file_without_loss() {
    let Some(table) = raw("grid/gb_joined_sample_week_2023-01-16.csv") else { return };
    assert_eq!((table.format(), table.rows()), ("joined", 336));
    let merged = merge("out.csv", &[table], None).expect("one table");
    let Some((trace, _)) = joined() else { return };
    let part = trace.slice(trace.indices(merged.trace.start(), merged.trace.end()));
    assert_eq!(part.content_hash(), merged.trace.content_hash());
}

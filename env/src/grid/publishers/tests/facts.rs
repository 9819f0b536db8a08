//! Facts about single formats and about merging, by hand-written files.

use super::super::{Prefer, PublishError, PublishedTable, Publisher, merge, parse_published};
use super::fixtures::{all, fixture};
use crate::grid::calendar::Period;
use crate::grid::export::write_trace;
use crate::grid::import::{ImportOptions, MissingPeriods, parse_trace};
use crate::grid::signal::Signal;

fn period(text: &str) -> Period {
    text.parse().expect("a period")
}

fn read(id: &str, text: impl AsRef<[u8]>) -> Result<PublishedTable, PublishError> {
    Publisher::by_id(id).expect("the format is known").parse("north.dat", text.as_ref())
}

fn good(id: &str) -> PublishedTable {
    read(id, fixture(id)).expect("the fixture is good")
}

fn refused(id: &str, text: impl AsRef<[u8]>) -> String {
    read(id, text).expect_err("the file is bad").to_string()
}

/// All values of a signal, with their times as text.
fn values(table: &PublishedTable, signal: Signal) -> Vec<(String, f64)> {
    table.values(signal).map(|(period, value)| (period.to_string(), value)).collect()
}

fn at(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
    pairs.iter().map(|(text, value)| (text.to_string(), *value)).collect()
}

fn noted(table: &PublishedTable, words: &str) -> usize {
    table.notes().iter().filter(|note| note.reason.contains(words)).map(|note| note.count).sum()
}

#[test]
fn every_format_is_told_from_all_others_by_its_content() {
    for (publisher, bytes) in all() {
        let found = Publisher::of_bytes(&bytes).map(|found| found.id);
        assert_eq!(found, Some(publisher.id));
        assert!(publisher.sniff(&bytes));
        let table = parse_published("north.dat", &bytes, None).expect("the fixture is good");
        assert_eq!((table.format(), table.table()), (publisher.id, "north.dat"));
    }
}

#[test]
fn ids_are_unique_and_an_unknown_one_is_refused_with_all_of_them() {
    let mut ids: Vec<&str> = all().map(|(publisher, _)| publisher.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), super::super::PUBLISHERS.len());
    let text = Publisher::by_id("elexon").expect_err("no such format").to_string();
    assert!(
        text.starts_with("--format: `elexon` is no known format\n\nhint: use one of elexon-portal-mid, "),
        "{text}"
    );
}

#[test]
fn a_file_of_no_known_format_is_refused_with_its_beginning() {
    let text = parse_published("north.dat", b"a,b,c\n1,2,3\n", None).expect_err("no known format").to_string();
    assert_eq!(
        text,
        "north.dat: this is no format of a known publisher; it begins with `a,b,c`\n\n\
         hint: see the known formats with `flexai data import --list` and name one with --format"
    );
}

#[test]
fn market_index_takes_apx_alone_and_holds_half_hours_without_trades_as_holes() {
    let table = good("elexon-portal-mid");
    let expected = at(&[
        ("2024-01-01T00:00:00Z", 36.51),
        ("2024-01-01T00:30:00Z", -45.17),
        // A price of 0 with trades is a price; 11 April is summer time.
        ("2024-04-11T01:00:00Z", 0.0),
    ]);
    assert_eq!(values(&table, Signal::IntradayPrice), expected);
    assert_eq!((table.rows(), noted(&table, "another provider"), noted(&table, "no trades")), (5, 1, 1));
    let legacy = good("elexon-bmrs-legacy-mid");
    let expected = at(&[("2017-01-01T00:00:00Z", 44.9), ("2017-06-30T23:00:00Z", 47.13)]);
    assert_eq!(values(&legacy, Signal::IntradayPrice), expected);
    let website = good("elexon-insights-mid-csv");
    let expected = at(&[("2026-03-24T11:00:00Z", 70.5), ("2026-03-24T11:30:00Z", 68.11)]);
    assert_eq!(values(&website, Signal::IntradayPrice), expected);
    let api = good("elexon-insights-mid");
    assert_eq!(values(&api, Signal::IntradayPrice), at(&[("2024-07-01T11:30:00Z", 61.5)]));
    assert_eq!(noted(&api, "no trades"), 1);
}

#[test]
fn settlement_periods_follow_the_clock_changes_of_2023() {
    let table = good("elexon-portal-system-prices");
    let expected =
        at(&[("2013-11-01T00:00:00Z", 7.0), ("2023-03-26T22:30:00Z", -1058.307), ("2023-10-29T23:30:00Z", 12.5)]);
    assert_eq!(values(&table, Signal::NetImbalanceVolume), expected);
    // Two prices, before 2015: which one a site pays depends on its position.
    assert_eq!((table.values(Signal::ImbalancePrice).count(), noted(&table, "two system prices")), (2, 1));
}

#[test]
fn whole_clock_change_days_have_46_and_50_half_hours_without_gap_or_repeat() {
    let header = "SETTLEMENT_DATE,SETTLEMENT_PERIOD,ND,TSD\n";
    for (spelling, periods, first) in
        [("26-MAR-2023", 46, "2023-03-26T00:00:00Z"), ("\"2023-10-29\"", 50, "2023-10-28T23:00:00Z")]
    {
        let rows: String = (1..=periods).map(|n| format!("{spelling},{n},{},{}\n", 20_000 + n, 21_000 + n)).collect();
        let table = read("neso-demand", format!("{header}{rows}")).expect("a whole day");
        let found: Vec<(Period, f64)> = table.values(Signal::Demand).collect();
        let expected: Vec<_> = (1..=periods).map(|n| (period(first) + (n - 1), 20_000.0 + n as f64)).collect();
        assert_eq!(found, expected);
        let one_more = format!("{header}{rows}{spelling},{},1,1\n", periods + 1);
        let text = refused("neso-demand", one_more);
        let date = if periods == 46 { "2023-03-26" } else { "2023-10-29" };
        let (n, line) = (periods + 1, periods + 2);
        let fault = format!("north.dat:{line}: settlement period {n} of {date}, expected 1 to {periods}\n\nhint: ");
        assert!(text.starts_with(&fault), "{text}");
    }
}

#[test]
fn period_49_of_an_ordinary_day_is_refused_with_its_line() {
    let csv = "SETTLEMENT_DATE,SETTLEMENT_PERIOD,ND,TSD\n01-JAN-2024,1,1,2\n02-JAN-2024,49,1,2\n";
    assert_eq!(
        refused("neso-demand", csv),
        "north.dat:3: settlement period 49 of 2024-01-02, expected 1 to 48\n\n\
         hint: only the day the clocks go back has 50 periods, and the day they go forward has 46"
    );
    let json = String::from_utf8(fixture("elexon-insights-system-prices")).expect("text");
    let text =
        refused("elexon-insights-system-prices", json.replace("\"settlementPeriod\":2", "\"settlementPeriod\":50"));
    assert!(text.starts_with("north.dat: data[2]: settlement period 50 of 2026-08-08, expected 1 to 48"), "{text}");
}

#[test]
fn equal_repeats_are_counted_and_different_ones_refused_with_both_lines() {
    let header = "SETTLEMENT_DATE,SETTLEMENT_PERIOD,ND,TSD\n01-JAN-2024,1,21783,23466\n";
    let table = read("neso-demand", format!("{header}01-JAN-2024,1,21783,23466\n")).expect("equal");
    assert_eq!((table.rows(), noted(&table, "repeat an equal one")), (2, 2));
    assert_eq!(
        refused("neso-demand", format!("{header}2024-01-01,1,21784,23466\n")),
        "north.dat:3: `demand_mw` at 2024-01-01T00:00:00Z is 21784, but 21783 in line 2\n\n\
         hint: keep one of the two rows"
    );
}

#[test]
fn a_later_settlement_run_replaces_an_earlier_one_in_either_order() {
    let table = good("elexon-insights-system-prices");
    let expected = at(&[("2026-08-07T23:00:00Z", 92.5), ("2026-08-07T23:30:00Z", 88.0)]);
    assert_eq!(values(&table, Signal::ImbalancePrice), expected);
    assert_eq!(noted(&table, "issued anew"), 2);
    let json = String::from_utf8(fixture("elexon-insights-system-prices")).expect("text");
    // The second run now claims to be older than the first.
    let older = json.replace("2026-08-20T10:00:00Z", "2026-08-01T10:00:00Z");
    let table = read("elexon-insights-system-prices", older).expect("good");
    assert_eq!(table.get(Signal::ImbalancePrice, period("2026-08-07T23:00:00Z")), Some(91.0));
    let same = json.replace("2026-08-20T10:00:00Z", "2026-08-08T23:44:33Z");
    let text = refused("elexon-insights-system-prices", same);
    assert!(text.contains("is -18, but -18.117487996100632 in data[0]"), "{text}");
}

#[test]
fn all_three_envelopes_of_the_insights_api_give_the_same_values() {
    let json = String::from_utf8(fixture("elexon-insights-system-prices")).expect("text");
    let (_, list) = json.split_once("\"data\":").expect("it has data");
    let list = &list[..list.len() - 1];
    for text in [json.clone(), format!("{{\"data\":{list}}}"), format!(" {list}\n")] {
        let table = parse_published("north.dat", text.as_bytes(), None).expect("good");
        assert_eq!(values(&table, Signal::NetImbalanceVolume), at(&[("2026-08-07T23:00:00Z", -18.0)]));
    }
}

#[test]
fn local_time_labelled_as_utc_is_refused() {
    let json = String::from_utf8(fixture("elexon-insights-mid")).expect("text");
    let text = refused("elexon-insights-mid", json.replace("2024-07-01T12:30:00Z", "2024-07-01T13:30:00Z"));
    let fault = "north.dat: data[3]: the start time is 2024-07-01T13:30:00Z, but the settlement date and period mean \
                 2024-07-01T12:30:00Z\n\nhint: ";
    assert!(text.starts_with(fault), "{text}");
}

#[test]
fn fuels_add_up_and_an_outage_or_a_missing_part_is_a_hole() {
    let table = good("elexon-insights-fuelhh");
    let (first, outage, without_ocgt) =
        (period("2024-01-01T00:00:00Z"), period("2024-01-01T01:00:00Z"), period("2024-01-01T01:30:00Z"));
    // CCGT 101 + OCGT 201; OIL 401 + OTHER 1001; INTFR 1101 + INTNED 1201; PS 801 - 1500.
    assert_eq!(table.get(Signal::Gas, first), Some(302.0));
    assert_eq!(table.get(Signal::OtherGeneration, first), Some(1402.0));
    assert_eq!(table.get(Signal::Interconnectors, first), Some(2302.0));
    assert_eq!(table.get(Signal::PumpedStorage, first), Some(-699.0));
    assert_eq!(table.get(Signal::FuelTotal, first), Some(7800.0 + 12.0 - 1500.0));
    assert!(table.signals().all(|signal| table.get(signal, outage).is_none()));
    assert_eq!((table.get(Signal::Gas, without_ocgt), table.get(Signal::FuelTotal, without_ocgt)), (None, None));
    assert_eq!(table.get(Signal::Coal, without_ocgt), Some(304.0));
    assert_eq!((noted(&table, "feed outage"), noted(&table, "without all of CCGT + OCGT")), (1, 1));
}

#[test]
fn an_interconnector_counts_from_its_first_half_hour_on_and_a_file_of_one_fuel_has_no_total() {
    let json = super::fixtures::fuelhh();
    let rows: Vec<&str> = json.trim_matches(['[', ']']).split("},{").collect();
    let without = |drop: &dyn Fn(&str) -> bool| {
        let kept: Vec<String> =
            rows.iter().filter(|row| !drop(row)).map(|row| format!("{{{}}}", row.trim_matches(['{', '}']))).collect();
        read("elexon-insights-fuelhh", format!("[{}]", kept.join(","))).expect("good")
    };
    let young = without(&|row| row.contains("INTNED") && row.contains("\"settlementPeriod\":1,"));
    assert_eq!(young.get(Signal::Interconnectors, period("2024-01-01T00:00:00Z")), Some(1101.0));
    let broken = without(&|row| row.contains("INTNED") && row.contains("\"settlementPeriod\":2,"));
    assert_eq!(broken.get(Signal::Interconnectors, period("2024-01-01T00:30:00Z")), None);
    assert_eq!(broken.get(Signal::FuelTotal, period("2024-01-01T00:30:00Z")), None);
    let wind = without(&|row| !row.contains("\"WIND\""));
    assert_eq!(wind.signals().collect::<Vec<_>>(), [Signal::Wind]);
}

#[test]
fn the_day_ahead_forecast_is_the_last_issue_before_11_local_of_the_day_before() {
    let table = good("elexon-insights-demand-forecast");
    // 22,200 was issued at 11:00 sharp, and the second half-hour's only forecast a quarter of an hour before it.
    assert_eq!(values(&table, Signal::DayAheadForecastDemand), at(&[("2024-01-02T00:00:00Z", 22_100.0)]));
    assert_eq!((noted(&table, "issued too late"), noted(&table, "without a forecast issued in time")), (2, 1));
    assert!(!table.notes().iter().any(|note| note.reason.contains("NOT day-ahead")));
}

/// A row of Elexon's demand forecasts.
fn demand_forecast(start: &str, settlement_period: u8, publish: &str, mw: u32) -> String {
    let date = &start[..10];
    format!(
        "{{\"startTime\":\"{start}\",\"settlementDate\":\"{date}\",\"settlementPeriod\":{settlement_period},\
         \"boundary\":\"N\",\"publishTime\":\"{publish}\",\"nationalDemand\":{mw}}}"
    )
}

#[test]
fn in_summer_the_cutoff_of_11_local_is_10_utc() {
    let row = |publish, mw| demand_forecast("2024-07-02T10:00:00Z", 23, publish, mw);
    let json = format!("[{},{}]", row("2024-07-01T09:59:00Z", 20_000), row("2024-07-01T10:01:00Z", 21_000));
    let table = read("elexon-insights-demand-forecast", json).expect("good");
    assert_eq!(values(&table, Signal::DayAheadForecastDemand), at(&[("2024-07-02T10:00:00Z", 20_000.0)]));
}

#[test]
fn a_file_of_late_forecasts_says_so_and_never_uses_one_issued_after_the_half_hour_began() {
    let row = |publish, mw| demand_forecast("2024-01-02T00:30:00Z", 2, publish, mw);
    let json = format!("[{},{}]", row("2024-01-02T00:16:00Z", 23_100), row("2024-01-02T00:31:00Z", 99));
    let table = read("elexon-insights-demand-forecast", json).expect("good");
    assert_eq!(values(&table, Signal::DayAheadForecastDemand), at(&[("2024-01-02T00:30:00Z", 23_100.0)]));
    assert!(table.notes().iter().any(|note| note.reason.starts_with("NOT day-ahead: no forecast was issued")));
    let late = format!("[{}]", row("2024-01-02T00:31:00Z", 99));
    let text = refused("elexon-insights-demand-forecast", late);
    assert!(text.contains("1 row(s) of the format `elexon-insights-demand-forecast` hold no usable value"), "{text}");
}

#[test]
fn demand_outturn_goes_by_its_data_set_and_later_publications_count() {
    let table = good("elexon-insights-demand-outturn");
    let start = period("2024-01-01T00:00:00Z");
    assert_eq!(table.get(Signal::Demand, start), Some(21_790.0));
    assert_eq!(table.get(Signal::TransmissionDemand, start), Some(23_466.0));
}

#[test]
fn neso_demand_finds_its_columns_by_name_in_any_order_and_spelling_of_the_date() {
    let table = good("neso-demand");
    let second = period("2024-01-01T00:30:00Z");
    let found = [Signal::Demand, Signal::TransmissionDemand, Signal::EmbeddedWind, Signal::Solar]
        .map(|signal| table.get(signal, second).expect("a value"));
    assert_eq!(found, [22_521.0, 24_103.0, 2834.0, 12.0]);
    let other = "\"TSD\",\"EMBEDDED_SOLAR_GENERATION\",\"VIKING_FLOW\",\"SETTLEMENT_PERIOD\",\"ND\",\"SETTLEMENT_DATE\"\n\
                 24103,12,7,2,22521,\"2024-01-01\"\n";
    let other = read("neso-demand", other).expect("good");
    assert_eq!(values(&other, Signal::Demand), at(&[("2024-01-01T00:30:00Z", 22_521.0)]));
    assert_eq!(other.get(Signal::Solar, second), Some(12.0));
    assert_eq!(other.values(Signal::EmbeddedWind).count(), 0);
}

#[test]
fn cardinal_points_are_ends_of_half_hours_and_the_line_between_them_is_straight() {
    let table = good("neso-demand-forecast");
    let get = |text: &str| table.get(Signal::DayAheadForecastDemand, period(text));
    // 1F ends at 00:30; 1A's half-hours start at 00:30, .., 02:00, so their middle is 01:15, 2.5 half-hours on.
    assert_eq!(get("2018-01-02T00:00:00Z"), Some(24_000.0));
    assert_eq!(get("2018-01-02T00:30:00Z"), Some(24_400.0));
    assert_eq!(get("2018-01-02T01:00:00Z"), Some(24_800.0));
    // DP's half-hours start at 16:30, .., 18:30: its middle is 17:30; 4C's half-hour starts at 23:30.
    assert_eq!(get("2018-01-02T17:30:00Z"), Some(45_000.0));
    assert!(get("2018-01-02T20:30:00Z").is_some_and(|mw| (mw - 35_500.0).abs() < 1e-6));
    assert_eq!(get("2018-01-02T23:30:00Z"), Some(26_000.0));
    assert_eq!(table.values(Signal::DayAheadForecastDemand).count(), 48);
    assert_eq!((noted(&table, "another issue"), noted(&table, "another lead")), (2, 1));
    assert_eq!(noted(&table, "without an issue before 11:00"), 1);
    assert!(table.notes().iter().any(|note| note.reason.contains("interpolated linearly")));
}

#[test]
fn cardinal_points_of_the_day_the_clocks_go_back_tell_the_two_hours_apart() {
    let row = |name: &str, from: u32, to: u32, mw: u32| {
        format!("1,\"2023-10-29\",{mw},\"{name}\",\"T\",{from},{to},NA,\"2023-10-28T08:38:37Z\"\n")
    };
    let header =
        "DAYSAHEAD,TARGETDATE,FORECASTDEMAND,CARDINALPOINT,CP_TYPE,CP_ST_TIME,CP_END_TIME,F_Point,FORECAST_TIMESTAMP\n";
    let rows = [
        row("1F", 30, 30, 20_000),
        row("1S", 100, 130, 19_000),
        row("1A", 100, 230, 21_000),
        row("4C", 2400, 2400, 22_000),
    ];
    let table = read("neso-demand-forecast", format!("{header}{}", rows.concat())).expect("good");
    let get = |text: &str| table.get(Signal::DayAheadForecastDemand, period(text)).expect("a value");
    assert_eq!(table.values(Signal::DayAheadForecastDemand).count(), 50);
    assert_eq!((get("2023-10-28T23:00:00Z"), get("2023-10-29T23:30:00Z")), (20_000.0, 22_000.0));
    // 1S is the first pass (00:00 to 00:30 UTC at its ends), 1A the second (01:00 to 02:30): middles 1.5 and 4.5.
    assert!((get("2023-10-29T00:30:00Z") - 20_000.0).abs() < 1e-6, "{}", get("2023-10-29T00:30:00Z"));
    let wrong = [row("1F", 30, 30, 20_000), row("03", 300, 300, 1), row("1A", 100, 230, 21_000)];
    let text = refused("neso-demand-forecast", format!("{header}{}", wrong.concat()));
    assert!(text.starts_with("north.dat:4: `cp_st_time` is `1A (half-hours 2 to 5)`, expected a window"), "{text}");
}

#[test]
fn the_generation_mix_is_half_hourly_utc_in_any_order_of_columns() {
    let table = good("neso-generation-mix");
    let expected = at(&[("2026-01-01T00:00:00Z", 151.0), ("2026-01-01T00:30:00Z", 149.5)]);
    assert_eq!(values(&table, Signal::CarbonIntensity), expected);
    assert!(table.values(Signal::CarbonResolution).all(|(_, minutes)| minutes == 30.0));
    let second = period("2026-01-01T00:30:00Z");
    assert_eq!((table.get(Signal::Gas, second), table.get(Signal::EmbeddedWind, second)), (Some(9100.0), Some(2100.0)));
}

#[test]
fn a_measured_carbon_intensity_of_0_is_an_outage() {
    for (id, times) in [
        ("carbon-intensity-api", ["2020-05-24T20:30:00Z", "2020-05-24T21:00:00Z", "2020-05-24T21:30:00Z"]),
        ("carbon-intensity-csv", ["2022-12-31T23:30:00Z", "2023-01-01T00:00:00Z", "2023-01-01T00:30:00Z"]),
    ] {
        let table = good(id);
        assert_eq!(noted(&table, "read 0 (outage)"), 1);
        assert_eq!(table.get(Signal::CarbonActual, period(times[1])), None);
        assert_eq!(table.values(Signal::CarbonActual).count(), 1, "{id}: null and empty are holes too");
        let forecasts: Vec<String> = table.values(Signal::CarbonForecast).map(|(p, _)| p.to_string()).collect();
        assert_eq!(forecasts, times);
    }
    let hour = "from,to,forecast,actual,index\n2023-01-01 00:00:00+00:00,2023-01-01 01:00:00+00:00,1,1,low\n";
    let text = refused("carbon-intensity-csv", hour);
    assert!(text.starts_with("north.dat:2: `to` is `2023-01-01 01:00:00+00:00`, expected the end of"), "{text}");
}

#[test]
fn pv_live_stamps_are_ends_and_regions_are_left_out() {
    for (id, second) in [("pvlive-csv", Some(6800.25)), ("pvlive-api", None)] {
        let table = good(id);
        assert_eq!(table.get(Signal::PvLive, period("2023-06-01T12:00:00Z")), Some(7000.5));
        assert_eq!(table.get(Signal::PvLive, period("2023-06-01T11:30:00Z")), second, "{id}");
        assert_eq!(noted(&table, "another region"), 1);
    }
}

#[test]
fn parquet_prices_stand_at_the_end_of_their_half_hour_and_nulls_are_holes() {
    let table = good("mg298-detsysprices");
    let expected =
        at(&[("2023-01-01T00:00:00Z", -8.07), ("2023-01-01T01:00:00Z", 200.0), ("2023-01-01T01:30:00Z", 199.0)]);
    assert_eq!(values(&table, Signal::ImbalancePrice), expected);
    assert_eq!(table.get(Signal::IntradayPrice, period("2023-01-01T01:30:00Z")), Some(122.1));
    let cut = &fixture("mg298-detsysprices")[..200];
    assert_eq!(
        refused("mg298-detsysprices", cut),
        "north.dat: the Parquet file cannot be read: it does not begin and end with the mark PAR1\n\n\
         hint: copy the file again, or write it anew with flat columns, uncompressed or packed by Snappy"
    );
}

#[test]
fn quarters_of_an_hour_are_left_out_and_sums_need_all_their_parts() {
    let table = good("lets-wait-awhile-production");
    let (first, second) = (period("2020-10-31T00:00:00Z"), period("2020-10-31T00:30:00Z"));
    assert_eq!(table.get(Signal::Wind, first), Some(9005.0));
    assert_eq!(table.get(Signal::OtherGeneration, first), Some(145.0));
    assert_eq!(
        (table.get(Signal::Interconnectors, first), table.get(Signal::Interconnectors, second)),
        (Some(3050.0), None)
    );
    assert_eq!(noted(&table, "minute 15 or 45"), 1);
    let carbon = good("lets-wait-awhile-carbon");
    assert_eq!(carbon.values(Signal::CarbonIntensity).count(), 2);
    assert_eq!(carbon.get(Signal::CarbonResolution, first), Some(30.0));
}

#[test]
fn dates_that_do_not_exist_or_lie_centuries_off_are_refused() {
    for date in
        ["31/02/2024", "00/01/2024", "01/13/2024", "2024-1-1-1", "1/1/24", "01-JAN-0024", "", "20241301", "2101-01-01"]
    {
        let csv = format!("SETTLEMENT_DATE,SETTLEMENT_PERIOD,ND,TSD\n{date},1,1,2\n");
        let text = refused("neso-demand", csv);
        assert!(
            text.starts_with(&format!("north.dat:2: `SETTLEMENT_DATE` is `{date}`, expected a date such as")),
            "{text}"
        );
    }
}

#[test]
fn cells_that_are_no_numbers_and_missing_columns_are_refused_by_name() {
    let text = refused("neso-demand", "SETTLEMENT_DATE,SETTLEMENT_PERIOD,ND,TSD\n01-JAN-2024,1,21 783,2\n");
    assert!(text.starts_with("north.dat:2: `ND` is `21 783`, expected a number or an empty cell\n\nhint: "), "{text}");
    let text = refused("neso-demand", "SETTLEMENT_DATE,SETTLEMENT_PERIOD,TSD\n01-JAN-2024,1,2\n");
    assert!(text.starts_with("north.dat:1: the column `nd` is missing"), "{text}");
    let text = refused("neso-demand", "SETTLEMENT_DATE,SETTLEMENT_PERIOD,ND,TSD\n01-JAN-2024,1,218800,2\n");
    assert!(text.starts_with("north.dat:2: `demand_mw` would be 218800, expected a value in 0 ..= 100000"), "{text}");
    let text = refused("carbon-intensity-api", "{\"data\":[{\"from\":1}]}");
    assert!(text.starts_with("north.dat: not the expected JSON: invalid type: integer `1`"), "{text}");
    assert!(text.contains("at line 1 column"), "{text}");
}

#[test]
fn merged_files_make_one_table_with_their_holes_that_the_import_accepts() {
    let tables = [good("elexon-portal-mid"), good("neso-demand")];
    let merged = merge("out.csv", &tables, None).expect("they do not meet");
    let trace = &merged.trace;
    assert_eq!((trace.start(), trace.end()), (period("2024-01-01T00:00:00Z"), period("2024-04-11T01:30:00Z")));
    assert_eq!((trace.get(Signal::IntradayPrice, 1), trace.get(Signal::Demand, 1)), (Some(-45.17), Some(22_521.0)));
    assert_eq!((trace.get(Signal::IntradayPrice, 2), trace.get(Signal::Demand, 2)), (None, None));
    let mut csv = Vec::new();
    write_trace(trace, &mut csv).expect("memory can be written");
    let (back, _) = parse_trace("out.csv", &csv, &ImportOptions::default()).expect("nothing is left out");
    assert_eq!(back.content_hash(), trace.content_hash());
}

#[test]
fn files_that_differ_are_refused_unless_the_caller_says_which_one_counts() {
    let table = |mw: u32| {
        let csv = format!("SETTLEMENT_DATE,SETTLEMENT_PERIOD,ND,TSD\n01-JAN-2024,1,{mw},23466\n");
        Publisher::by_id("neso-demand").expect("known").parse(&format!("{mw}.csv"), csv.as_bytes()).expect("good")
    };
    let tables = [table(21_783), table(21_900)];
    let text = merge("out.csv", &tables, None).expect_err("they differ").to_string();
    assert_eq!(
        text,
        "21900.csv:2: `demand_mw` at 2024-01-01T00:00:00Z is 21900, but 21783 in 21783.csv:2\n\n\
         hint: say which file counts with --prefer first or --prefer last"
    );
    for (prefer, expected) in [(Prefer::First, 21_783.0), (Prefer::Last, 21_900.0)] {
        let merged = merge("out.csv", &tables, Some(prefer)).expect("settled");
        assert_eq!(merged.trace.get(Signal::Demand, 0), Some(expected));
        assert_eq!((merged.agreed, merged.settled), (1, 1));
    }
}

#[test]
fn a_mistyped_century_is_refused_and_nothing_to_merge_too() {
    let csv = "SETTLEMENT_DATE,SETTLEMENT_PERIOD,ND,TSD\n01-JAN-2024,1,1,2\n01-JAN-2094,1,1,2\n";
    let tables = [read("neso-demand", csv).expect("each row is good")];
    let text = merge("out.csv", &tables, None).expect_err("70 years").to_string();
    assert!(text.starts_with("nothing lies between 2024-01-01T00:00:00Z and 2094-01-01T00:00:00Z: "), "{text}");
    assert_eq!(merge("out.csv", &[], None).expect_err("none"), PublishError::NothingToMerge);
}

#[test]
fn a_joined_table_can_be_merged_with_what_a_publisher_adds() {
    let tables = [good("joined"), good("elexon-portal-mid"), good("elexon-insights-demand-outturn")];
    let merged = merge("out.csv", &tables, Some(Prefer::Last)).expect("settled");
    assert_eq!(merged.trace.get(Signal::Demand, 0), Some(21_790.0));
    assert_eq!(merged.trace.get(Signal::Demand, 2), Some(22_000.0));
    let options = ImportOptions { missing_periods: MissingPeriods::AsHoles, ..ImportOptions::default() };
    let mut csv = Vec::new();
    write_trace(&merged.trace, &mut csv).expect("memory can be written");
    assert!(parse_trace("out.csv", &csv, &options).is_ok());
}

//! Facts about the shared real table, as far as the import and the splits rest on them.
//!
//! In: the folder named by `FLEXAI_SHARED`, else `../shared` beside the workspace.
//! Always: where it is absent the tests say so and pass; with `CI=true` absence fails.

use super::splits::{Split, WindowShape, scored_weeks, training_starts};
use super::{GridTrace, ImportOptions, Period, Presence, Signal, TraceReport, read_trace};
use std::io::Write;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Path of a shared file; `None` where the shared folder is absent.
pub(crate) fn shared(file: &str) -> Option<PathBuf> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let root = std::env::var_os("FLEXAI_SHARED").map_or_else(default, PathBuf::from);
    let path = root.join(file);
    if path.exists() {
        return Some(path);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "the shared test material must be there in CI");
    say_skipped(file);
    None
}

/// Counts a skipped test on stderr itself, because the test harness hides what `eprintln!` writes in passing tests.
fn say_skipped(file: &str) {
    static SKIPPED: AtomicUsize = AtomicUsize::new(0);
    let count = SKIPPED.fetch_add(1, Ordering::SeqCst) + 1;
    let text = format!("skipped: {count} test(s) of flexai-env so far: {file} is not there (set FLEXAI_SHARED)");
    writeln!(std::io::stderr(), "{text}").expect("stderr can be written");
}

const JOINED_FILE: &str = "data/grid/gb_joined_halfhourly_2020_2024H1.csv.gz";

static JOINED: LazyLock<Option<(GridTrace, TraceReport)>> = LazyLock::new(|| {
    let path = shared(JOINED_FILE)?;
    let options = ImportOptions { required: vec![Signal::IntradayPrice], ..Default::default() };
    Some(read_trace(&path, &options).expect("the shared table is good"))
});

/// The joined table of 2020 to mid 2024.
pub(crate) fn joined() -> Option<&'static (GridTrace, TraceReport)> {
    static FIRST: AtomicBool = AtomicBool::new(true);
    let table = JOINED.as_ref();
    // Reading the table counted the first test that wanted it.
    if table.is_none() && !FIRST.swap(false, Ordering::SeqCst) {
        say_skipped(JOINED_FILE);
    }
    table
}

fn period(text: &str) -> Period {
    text.parse().expect("a period")
}

fn price_missing(trace: &GridTrace) -> impl Fn(usize) -> Option<&'static str> {
    |t| trace.get(Signal::IntradayPrice, t).is_none().then_some("price_gbp_mwh")
}

#[test]
fn the_joined_table_has_78864_rows_and_82_empty_price_cells() {
    let Some((trace, report)) = joined() else { return };
    assert_eq!((report.rows, trace.len(), report.inserted_periods), (78_864, 78_864, 0));
    assert_eq!(report.first, period("2020-01-01T00:00:00Z"));
    assert_eq!(report.last, period("2024-06-30T23:30:00Z"));
    let count = |signal| report.holes_of(signal).expect("the column is there").count;
    assert_eq!(count(Signal::IntradayPrice), 82);
    assert_eq!(count(Signal::DayAheadPrice), 54);
    assert_eq!(count(Signal::ImbalancePrice), 0);
    assert_eq!(count(Signal::CarbonIntensity), 336);
    assert_eq!(count(Signal::DayAheadForecastDemand), 23_808);
    assert!(report.unknown_columns.is_empty() && report.absent_columns.is_empty());
    let demand = report.holes_of(Signal::Demand).expect("the column is there");
    // The hole is published in local days: 2022-09-04 starts at 23:00 UTC the day before.
    assert_eq!((demand.count, demand.longest_run), (23_234, 23_234));
    assert_eq!(demand.longest_run_start, Some(period("2022-09-03T23:00:00Z")));
}

#[test]
fn clock_change_days_of_the_joined_table_have_46_and_50_rows() {
    let Some((_, report)) = joined() else { return };
    let found: Vec<(&str, usize)> = report.clock_changes.iter().map(|c| (c.date.as_str(), c.periods)).collect();
    let expected = [
        ("2020-03-29", 46),
        ("2020-10-25", 50),
        ("2021-03-28", 46),
        ("2021-10-31", 50),
        ("2022-03-27", 46),
        ("2022-10-30", 50),
        ("2023-03-26", 46),
        ("2023-10-29", 50),
        ("2024-03-31", 46),
    ];
    assert_eq!(found, expected);
}

#[test]
fn substitutes_cover_2023_but_not_the_solar_hole_of_autumn_2022() {
    let Some((trace, _)) = joined() else { return };
    let presence = |text: &str| {
        let t = trace.index_of(period(text)).expect("inside the table");
        (trace.solar_presence(t), trace.demand_presence(t))
    };
    assert_eq!(presence("2022-06-15T12:00:00Z"), (Presence::Measured, Presence::Measured));
    assert_eq!(presence("2022-11-15T12:00:00Z"), (Presence::Missing, Presence::Substitute));
    assert_eq!(presence("2023-06-15T12:00:00Z"), (Presence::Substitute, Presence::Substitute));
    assert_eq!(presence("2024-05-15T12:00:00Z"), (Presence::Measured, Presence::Measured));
}

#[test]
fn the_solar_capacity_factor_is_zero_at_night_and_at_most_eighty_percent() {
    let Some((trace, _)) = joined() else { return };
    let factor = trace.solar_factor();
    let highest = factor.iter().copied().filter(|x| !x.is_nan()).fold(0.0, f64::max);
    assert!((0.6..0.8).contains(&highest), "{highest}");
    for t in (0..trace.len()).filter(|t| trace.period(*t).utc_half_hour() < 4) {
        assert!(factor[t].is_nan() || factor[t] == 0.0, "{} {}", trace.period(t), factor[t]);
    }
}

#[test]
fn carbon_is_an_hourly_mean_written_twice() {
    let Some((trace, _)) = joined() else { return };
    let carbon = trace.column(Signal::CarbonIntensity);
    for t in (0..trace.len()).step_by(2).filter(|t| !carbon[*t].is_nan()) {
        assert_eq!((carbon[t], trace.carbon_resolution_min(t)), (carbon[t + 1], 60));
    }
}

#[test]
fn validation_has_13_usable_weeks_and_the_last_test_week_lacks_its_settlement_day() {
    let Some((trace, _)) = joined() else { return };
    let count = |split: Split| {
        let (weeks, skipped) =
            scored_weeks(trace, split.periods(), WindowShape::scored_week(336), &price_missing(trace));
        (weeks.len(), skipped)
    };
    let (weeks, skipped) = count(Split::Validation);
    assert_eq!((weeks, skipped.len()), (13, 0), "{skipped:?}");
    let (weeks, skipped) = count(Split::Test);
    assert_eq!((weeks, skipped.len()), (12, 1), "{skipped:?}");
    assert_eq!(skipped[0].period, period("2024-06-24T00:00:00Z"));
}

#[test]
fn training_starts_are_most_half_hours_of_the_train_split() {
    let Some((trace, _)) = joined() else { return };
    let shape = WindowShape { history: 336, length: 336, tail: 48 };
    let found = training_starts(trace, Split::Train.periods(), shape, &price_missing(trace));
    let candidates = 1454 * 48 + 1 - 384;
    assert_eq!(found.starts.len() + found.skipped, candidates);
    assert!(found.skipped < candidates / 10, "{}", found.skipped);
}

#[test]
fn the_sample_week_reads_as_plain_text_and_equals_its_part_of_the_joined_table() {
    let Some(path) = shared("data/grid/gb_joined_sample_week_2023-01-16.csv") else { return };
    let (week, report) = read_trace(&path, &ImportOptions::default()).expect("the sample is good");
    assert_eq!((week.len(), report.first), (336, period("2023-01-16T00:00:00Z")));
    let Some((trace, _)) = joined() else { return };
    let part = trace.slice(trace.indices(week.start(), week.end()));
    assert_eq!(part.content_hash(), week.content_hash());
}

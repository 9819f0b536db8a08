//! Fitted forecasts: nothing leaks, nothing beyond the range to fit on is seen, and what is saved is what is loaded.

use super::*;
use flexai_env::grid::{ForecastSource, GridTrace, InformationSet, Knowledge, Signal, SyntheticParameters, generate};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Days of the grid of these tests, and how many of them are fitted on.
const DAYS: usize = 340;
const FITTED_DAYS: usize = 300;

fn grid() -> &'static Arc<GridTrace> {
    static GRID: OnceLock<Arc<GridTrace>> = OnceLock::new();
    GRID.get_or_init(|| {
        let parameters = SyntheticParameters::embedded();
        Arc::new(generate(&parameters, "2022-07-26T00:00:00Z".parse().unwrap(), DAYS * 48, 7))
    })
}

fn range() -> Range<usize> {
    0..FITTED_DAYS * 48
}

fn options() -> FitOptions {
    let boosted = BoostedOptions { trees: 12, max_depth: 4, ..BoostedOptions::default() };
    FitOptions { boosted, ..FitOptions::default() }
}

/// Short windows, so that they fit into the grid of the tests.
fn windows() -> EnsembleOptions {
    EnsembleOptions { weight_days: 6, interval_days: 8, ..EnsembleOptions::default() }
}

fn fitted() -> &'static FittedForecasts {
    static FITTED: OnceLock<FittedForecasts> = OnceLock::new();
    FITTED
        .get_or_init(|| FittedForecasts::fit(grid(), range(), &options(), &windows()).expect("there is enough history"))
}

fn forecasts_at(grid: &GridTrace, now: usize) -> Vec<Vec<Distribution>> {
    forecasts_of(fitted(), grid, now)
}

fn forecasts_of(fitted: &FittedForecasts, grid: &GridTrace, now: usize) -> Vec<Vec<Distribution>> {
    let known = Knowledge::at(grid, now, InformationSet::Trader);
    let ensemble = fitted.ensemble();
    let mut all = Vec::new();
    for target in Target::ALL {
        let mut ask = |forecaster: &dyn Forecaster| {
            let mut out = vec![Distribution::certain(0.0); 60];
            forecaster.predict(&known, target, now, &mut out).expect("there is history");
            all.push(out);
        };
        fitted
            .members_at(known.period(now))
            .into_iter()
            .filter(|member| member.covers(target))
            .for_each(|member| ask(member));
        ask(&ensemble);
    }
    all
}

/// Every value that is not known at `now`, of every signal, moved far away.
fn another_future(grid: &GridTrace, now: usize) -> GridTrace {
    let mut other = grid.clone();
    let known = Knowledge::at(grid, now, InformationSet::Trader);
    for signal in Signal::all().filter(|signal| *signal != Signal::CarbonResolution) {
        for t in now.saturating_sub(4)..(now + 200).min(grid.len()) {
            if known.get(signal, t).is_none() {
                other.set(signal, t, Some(500.0 + 37.0 * (t % 11) as f64));
            }
        }
    }
    other
}

#[test]
fn no_value_that_is_not_known_yet_changes_a_forecast_of_any_member_or_of_the_ensemble() {
    // 10:30, 11:00 and an odd half-hour of the night: before and after the day-ahead publication.
    for now in [125 * 48 + 20, 125 * 48 + 21, 130 * 48 + 3] {
        let other = another_future(grid(), now);
        assert_ne!(other.content_hash(), grid().content_hash());
        let (here, there) = (forecasts_at(grid(), now), forecasts_at(&other, now));
        assert!(here == there, "a forecast of period {now} changed with its future");
    }
}

#[test]
fn a_fit_never_sees_what_comes_after_its_range() {
    let mut other = (**grid()).clone();
    for signal in Signal::all().filter(|signal| *signal != Signal::CarbonResolution) {
        (range().end..other.len()).for_each(|t| other.set(signal, t, Some(77.0)));
    }
    let again = FittedForecasts::fit(&other, range(), &options(), &windows()).expect("there is enough history");
    assert_eq!(again.hash(), fitted().hash(), "the manifest holds the sums of all files");
}

/// Every value of the second block that is not known at `now`, moved far away.
fn another_block(grid: &GridTrace, now: usize) -> GridTrace {
    let mut other = another_future(grid, now);
    let end = grid.indices(grid.start(), fitted().manifest().folds[1].to).end;
    for signal in Signal::all().filter(|signal| *signal != Signal::CarbonResolution) {
        (now + 200..end).for_each(|t| other.set(signal, t, Some(400.0 + 29.0 * (t % 13) as f64)));
    }
    other
}

#[test]
fn nothing_later_in_a_block_changes_a_forecast_issued_in_it_though_the_block_was_fitted_on() {
    let now = 125 * 48 + 21;
    let folds = &fitted().manifest().folds;
    assert_eq!((folds.len(), folds[0].from, folds[3].to), (4, grid().period(0), grid().period(range().end)));
    assert!((folds[1].from..folds[1].to).contains(&grid().period(now)), "{folds:?}");
    let other = another_block(grid(), now);
    let again = FittedForecasts::fit(&other, range(), &options(), &windows()).expect("there is enough history");
    // Who takes part is chosen once for the whole range, like the options of a fit.
    let again = again.with_selections(&fitted().manifest().selections);
    assert_eq!(again.manifest().folds[1], folds[1], "members that stand in for the block have the same bytes");
    assert_ne!(again.manifest().folds[0], folds[0], "those of other blocks learn from it");
    // Quantiles of members by themselves are those of the end of the range; the ensemble's own are not.
    let means = |all: Vec<Vec<Distribution>>| -> Vec<f64> { all.into_iter().flatten().map(|d| d.mean).collect() };
    let (here, there) = (forecasts_at(grid(), now), forecasts_of(&again, &other, now));
    assert!(here.last() == there.last() && means(here) == means(there));
    // After the range all of it has been seen.
    let after = range().end + 20;
    assert!(means(forecasts_of(&again, &other, after)) != means(forecasts_at(&other, after)));
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    let again = alone.install(|| FittedForecasts::fit(grid(), range(), &options(), &windows()));
    assert_eq!(again.expect("there is enough history").hash(), fitted().hash());
    let prepare = || prepared(115 * 48..120 * 48);
    let (many, one) = (prepare(), alone.install(prepare));
    for now in 115 * 48..120 * 48 {
        assert_eq!(look_up(&many, now), look_up(&one, now));
    }
}

fn prepared(moments: Range<usize>) -> PreparedForecasts {
    let preparation = Preparation {
        trace: grid(),
        moments,
        information: InformationSet::Trader,
        day_ahead_prices: true,
        targets: &Target::ALL,
    };
    PreparedForecasts::new(fitted(), &preparation)
}

fn look_up(source: &PreparedForecasts, now: usize) -> Vec<f64> {
    let known = Knowledge::at(grid(), now, InformationSet::Trader);
    let mut out = vec![0.0; LEADS];
    let mut all = Vec::new();
    for signal in [Signal::IntradayPrice, Signal::ImbalancePrice, Signal::CarbonIntensity, Signal::Wind] {
        source.forecast(&known, signal, &mut out).expect("there is history");
        all.extend_from_slice(&out);
    }
    source.forecast_solar(&known, &mut out);
    all.extend(out);
    all
}

#[test]
fn a_prepared_trace_gives_what_the_ensemble_would_have_issued_then() {
    let source = prepared(110 * 48..130 * 48);
    for now in [128 * 48 + 5, 129 * 48 + 22] {
        let known = Knowledge::at(grid(), now, InformationSet::Trader);
        for target in Target::ALL {
            let (mut live, mut table) =
                (vec![Distribution::certain(0.0); LEADS], vec![Distribution::certain(0.0); LEADS]);
            fitted().ensemble().predict(&known, target, now, &mut live).expect("there is history");
            source.quantiles(&known, target, &mut table).expect("it was prepared");
            for (live, table) in live.iter().zip(&table) {
                // The table holds single precision.
                assert!(
                    (live.mean - table.mean).abs() <= 1e-6 * (1.0 + live.mean.abs()),
                    "{target:?} {live:?} {table:?}"
                );
                assert!((live.quantiles[8] - table.quantiles[8]).abs() <= 1e-6 * (1.0 + live.quantiles[8].abs()));
            }
        }
        // The price of the present half-hour is on the trader's screen.
        let mut out = vec![0.0; LEADS];
        source.forecast(&known, Signal::IntradayPrice, &mut out).expect("there is history");
        assert_eq!(Some(out[0]), known.get(Signal::IntradayPrice, now));
    }
    let early = Knowledge::at(grid(), 100 * 48, InformationSet::Trader);
    assert!(source.quantiles(&early, Target::Carbon, &mut [Distribution::certain(0.0)]).is_err(), "not prepared");
}

#[test]
fn quantiles_do_not_cross_and_what_is_known_has_no_spread() {
    for out in forecasts_at(grid(), 126 * 48 + 30) {
        assert!(out.iter().all(|d| d.quantiles.is_sorted() && d.mean.is_finite()));
    }
    let known = Knowledge::at(grid(), 126 * 48, InformationSet::Trader);
    let mut out = vec![Distribution::certain(0.0); 2];
    fitted().ensemble().predict(&known, Target::IntradayPrice, known.now(), &mut out).expect("there is history");
    let price = known.get(Signal::IntradayPrice, known.now()).expect("it is on the screen");
    assert_eq!(out[0], Distribution::certain(price));
    assert!(out[1].quantiles[0] < out[1].quantiles[8]);
}

#[test]
fn missing_forecasts_of_the_publishers_are_named_and_replaced() {
    let mut holes = (**grid()).clone();
    let now = 126 * 48 + 30;
    (now - 10..now + 90).for_each(|t| holes.set(Signal::DayAheadForecastWind, t, None));
    let known = Knowledge::at(&holes, now, InformationSet::Trader);
    let mut out = vec![Distribution::certain(0.0); 48];
    for forecaster in
        fitted().members().iter().filter(|member| ["published", "ridge", "boosted"].contains(&member.name()))
    {
        let provenance = forecaster.predict(&known, Target::Wind, now, &mut out).expect("the next best source");
        assert!(!provenance.missing.is_empty(), "{}: {provenance:?}", forecaster.name());
        assert!(out.iter().all(|d| d.mean.is_finite()));
    }
}

#[test]
fn a_folder_gives_back_what_was_saved_and_a_damaged_one_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    fitted().save(folder.path()).expect("it can be written");
    let loaded = FittedForecasts::load(folder.path()).expect("it is whole");
    assert_eq!(loaded.hash(), fitted().hash());
    let known = Knowledge::at(grid(), 126 * 48, InformationSet::Trader);
    let ask = |fitted: &FittedForecasts| {
        let mut out = vec![Distribution::certain(0.0); 48];
        fitted.ensemble().predict(&known, Target::Carbon, known.now(), &mut out).expect("there is history");
        out
    };
    assert_eq!(ask(&loaded), ask(fitted()));

    let ridge = folder.path().join("ridge.bin");
    let mut bytes = std::fs::read(&ridge).expect("it is there");
    bytes[100] ^= 1;
    std::fs::write(&ridge, &bytes).expect("it can be written");
    let error = FittedForecasts::load(folder.path()).expect_err("one bit was turned").to_string();
    assert!(error.contains("ridge.bin: SHA-256 is ") && error.contains("hint: "), "{error}");
    std::fs::remove_file(&ridge).expect("it is there");
    assert!(FittedForecasts::load(folder.path()).expect_err("it is gone").to_string().contains("ridge.bin: "));
    std::fs::write(folder.path().join("manifest.json"), "{\"format\": 1}").expect("it can be written");
    let error = FittedForecasts::load(folder.path()).expect_err("another format").to_string();
    assert!(error.contains("`format` is 1, expected 2"), "{error}");
}

#[test]
fn too_little_history_is_refused_with_a_hint() {
    let error = FittedForecasts::fit(grid(), 0..20 * 48, &options(), &windows()).expect_err("twenty days").to_string();
    assert!(error.starts_with("the table gives 20 days to fit on, expected at least 180\n\nhint: "), "{error}");
}

#[test]
fn the_same_backtest_twice_is_the_same_and_scores_all_forecasters_on_the_same_periods() {
    let run = || Backtest::run(fitted(), grid(), 120 * 48..140 * 48, InformationSet::Trader);
    let result = run();
    assert_eq!(result, run());
    for target in Target::ALL {
        let of_target: Vec<&Score> =
            result.scores.iter().filter(|s| s.target == target && s.horizon == Horizon::NextDay).collect();
        assert!(of_target.len() >= 6 && of_target.iter().all(|s| s.n == of_target[0].n && s.n > 0), "{of_target:?}");
        let best = of_target.iter().filter(|s| s.floor).map(|s| s.mae).fold(f64::INFINITY, f64::min);
        assert!(of_target.iter().all(|s| (s.skill_pct - 100.0 * (1.0 - s.mae / best)).abs() < 1e-9));
    }
    // The price of the present half-hour is known to a trader; nothing else of it is.
    assert!(result.score(Target::IntradayPrice, "ensemble", Horizon::Lead(0)).is_none());
    assert!(result.score(Target::Carbon, "ensemble", Horizon::Lead(0)).is_some());
    assert_eq!(result.fans.len(), 3 * Target::ALL.len());
}

#[test]
fn the_ends_of_what_a_forecast_can_be_are_flat_and_true() {
    let now = 126 * 48 + 7;
    let known = Knowledge::at(grid(), now, InformationSet::Trader);
    let (mut flat, mut truth) = (vec![0.0; 49], vec![0.0; 49]);
    NoForecast.forecast(&known, Signal::CarbonIntensity, &mut flat).expect("there is history");
    assert!(flat.iter().all(|x| *x == flat[0]));
    PerfectForesight::new(Arc::clone(grid())).forecast(&known, Signal::CarbonIntensity, &mut truth).expect("history");
    assert!((0..49).all(|k| Some(truth[k]) == grid().get(Signal::CarbonIntensity, now + k)));
}

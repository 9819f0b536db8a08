//! Facts about the forecaster that need no real data: nothing leaks, files come back, holes degrade, errors speak.

use super::super::contract::{Distribution, Forecaster, Provenance, Target};
use super::*;
use flexai_env::grid::{GridTrace, InformationSet, Knowledge, Period, Signal, SourceKind, TraceSource};
use std::path::Path;
use std::sync::LazyLock;

const COVERED: [Target; 3] = [Target::Carbon, Target::Wind, Target::Solar];
const LEN: usize = 300 * 48;
/// Where the fit ends.
const END: usize = 280 * 48;

fn noise(t: usize, salt: usize) -> f64 {
    ((t * 7919 + salt * 104_729).wrapping_mul(2_654_435_761) % (1 << 32)) as f64 / f64::powi(2.0, 32) - 0.5
}

/// Weather that persists, published with an error, and carbon that follows it.
fn trace() -> GridTrace {
    let start: Period = "2022-01-01T00:00:00Z".parse().expect("a period");
    let source = TraceSource { name: "made".into(), kind: SourceKind::Synthetic };
    let mut trace = GridTrace::holes(source, start, LEN);
    let mut weather = 0.0;
    for t in 0..LEN {
        weather = 0.98 * weather + 1500.0 * noise(t, 1);
        let wind = (7000.0 + 6.0 * weather).clamp(200.0, 18_000.0);
        let clear = design::clear_sky(start + t as i64);
        let sun = clear * (0.5 + 0.3 * noise(t / 48, 2)) * flexai_env::grid::trace::solar_capacity_mw(start + t as i64);
        let demand = 27_000.0 + 5000.0 * (t as f64 / 48.0 * std::f64::consts::TAU).sin();
        let published = |x: f64, salt: usize| Some((x * (1.0 + 0.2 * noise(t / 5, salt))).max(0.0));
        trace.set(Signal::Wind, t, Some(wind));
        trace.set(Signal::Solar, t, Some(sun));
        trace.set(
            Signal::CarbonIntensity,
            t,
            Some((300.0 - wind / 80.0 - sun / 100.0 + 20.0 * noise(t / 2, 3)).max(10.0)),
        );
        trace.set(Signal::IntradayPrice, t, Some(80.0 + 10.0 * noise(t, 8)));
        trace.set(Signal::Demand, t, Some(demand));
        trace.set(Signal::DayAheadForecastWind, t, published(wind, 4));
        trace.set(Signal::DayAheadForecastEmbeddedWind, t, published(0.2 * wind, 5));
        trace.set(Signal::DayAheadForecastEmbeddedSolar, t, published(sun, 6));
        trace.set(Signal::DayAheadForecastDemand, t, published(demand, 7));
    }
    trace
}

fn fit(trace: &GridTrace, target: Target) -> ProphetForecaster {
    let options = ProphetOptions::of(target).expect("it is covered");
    ProphetForecaster::fit(trace, 0..END, target, &options).expect("the series can be fitted")
}

static TRACE: LazyLock<GridTrace> = LazyLock::new(trace);
static WHOLE: LazyLock<GridTrace> =
    LazyLock::new(|| TRACE.clone().with_columns(Signal::all().map(|signal| (signal, vec![60.0; LEN]))));
static FITTED: LazyLock<Vec<ProphetForecaster>> = LazyLock::new(|| COVERED.map(|target| fit(&TRACE, target)).to_vec());

fn told(forecaster: &ProphetForecaster, trace: &GridTrace, now: usize) -> (Vec<Distribution>, Provenance) {
    let known = Knowledge::at(trace, now, InformationSet::Trader);
    let mut out = vec![Distribution::certain(f64::NAN); 80];
    let provenance = forecaster.predict(&known, forecaster.target(), now, &mut out).expect("it always answers");
    (out, provenance)
}

#[test]
fn changing_all_that_is_not_known_changes_no_forecast() {
    for now in [END + 1, END + 22, END + 37, LEN - 200] {
        let mut changed = TRACE.clone();
        // A trace without holes tells what is not known yet from what never was.
        let known = Knowledge::at(&WHOLE, now, InformationSet::Trader);
        for signal in Signal::all() {
            for t in (0..LEN).filter(|t| known.get(signal, *t).is_none()) {
                changed.set(signal, t, Some(1.0 + 10_000.0 * (noise(t, 9) + 0.5)));
            }
        }
        for forecaster in FITTED.iter() {
            assert_eq!(
                told(forecaster, &TRACE, now),
                told(forecaster, &changed, now),
                "{:?} at {now}",
                forecaster.target()
            );
        }
    }
}

#[test]
fn a_forecast_does_depend_on_what_was_missed_lately() {
    let now = END + 100;
    for forecaster in FITTED.iter() {
        let mut changed = TRACE.clone();
        for t in now - 40..now {
            let signal = forecaster.target().signal().unwrap_or(Signal::Solar);
            changed.set(signal, t, TRACE.get(signal, t).map(|x| 0.8 * x));
        }
        assert_ne!(told(forecaster, &TRACE, now), told(forecaster, &changed, now), "{:?}", forecaster.target());
    }
}

#[test]
fn a_fit_reads_nothing_outside_its_range_and_gives_the_same_bytes_again() {
    let mut changed = TRACE.clone();
    for signal in Signal::all() {
        (END..LEN).for_each(|t| changed.set(signal, t, Some(1.0)));
    }
    for forecaster in FITTED.iter() {
        let text = forecaster.to_json();
        assert_eq!(fit(&changed, forecaster.target()).to_json(), text, "{:?}", forecaster.target());
        let threads = std::thread::spawn({
            let target = forecaster.target();
            move || fit(&TRACE, target).to_json()
        });
        assert_eq!(threads.join().expect("the thread ends"), text);
    }
}

#[test]
fn what_is_known_is_told_without_doubt_and_quantiles_do_not_cross() {
    for forecaster in FITTED.iter() {
        let now = END + 61;
        let known = Knowledge::at(&TRACE, now, InformationSet::Trader);
        let mut out = vec![Distribution::certain(0.0); 90];
        let provenance = forecaster.predict(&known, forecaster.target(), now - 10, &mut out).expect("it answers");
        for (t, d) in (now - 10..).zip(&out) {
            if let Some(value) = forecaster.target().known(&known, t) {
                assert_eq!(*d, Distribution::certain(value));
            }
            assert!(d.quantiles.is_sorted() && d.mean.is_finite() && d.quantiles[0] >= 0.0, "{t}: {d:?}");
        }
        assert_eq!(provenance.issued, TRACE.period(now));
        // The values made up are half-hourly, but carbon counts as hourly: at the half-hour its last hour is not over.
        let late = if forecaster.target() == Target::Carbon { 2 } else { 1 };
        assert_eq!(provenance.newest, Some(TRACE.period(now - late)));
    }
}

#[test]
fn without_published_forecasts_the_calendar_speaks_and_says_so() {
    let mut hidden = TRACE.clone();
    let now = END + 300;
    (now..LEN).for_each(|t| hidden.set(Signal::DayAheadForecastWind, t, None));
    for forecaster in FITTED.iter() {
        let (_, provenance) = told(forecaster, &hidden, now);
        assert_eq!(provenance.source, "prophet, in part by the calendar alone");
        assert!(provenance.missing.contains(&"day-ahead wind forecast".to_string()), "{provenance:?}");
    }
    let mut never = TRACE.clone();
    (0..LEN).for_each(|t| never.set(Signal::DayAheadForecastDemand, t, None));
    let forecaster = fit(&never, Target::Wind);
    let (out, provenance) = told(&forecaster, &never, now);
    assert!(out[40].quantiles[8] > out[40].quantiles[0]);
    assert_eq!(provenance.missing, ["day-ahead demand forecast"]);
}

#[test]
fn beyond_the_end_of_a_trace_it_still_speaks() {
    for forecaster in FITTED.iter() {
        let (out, _) = told(forecaster, &TRACE, LEN - 1);
        assert!(out.iter().all(|d| d.mean.is_finite()));
    }
}

#[test]
fn a_file_gives_back_the_same_forecaster() {
    let folder = tempfile::tempdir().expect("a folder");
    for forecaster in FITTED.iter() {
        let path = folder.path().join("model.json");
        forecaster.save(&path).expect("it can be written");
        let loaded = ProphetForecaster::load(&path).expect("it can be read");
        assert_eq!(told(&loaded, &TRACE, END + 5), told(forecaster, &TRACE, END + 5));
        assert_eq!(loaded.to_json(), forecaster.to_json());
    }
}

#[test]
fn a_set_speaks_for_each_of_its_prophets_and_comes_back_from_its_lines() {
    let set = ProphetSet::fit(&TRACE, 0..END).expect("the series can be fitted");
    let known = Knowledge::at(&TRACE, END + 9, InformationSet::Trader);
    let back = ProphetSet::from_json_lines(&set.to_json_lines(), Path::new("prophet")).expect("it was just written");
    for forecaster in FITTED.iter() {
        let mut out = vec![Distribution::certain(0.0); 80];
        back.predict(&known, forecaster.target(), END + 9, &mut out).expect("it always answers");
        assert_eq!(out, told(forecaster, &TRACE, END + 9).0);
    }
    assert!(!set.covers(Target::IntradayPrice));
    let twice = set.to_json_lines().repeat(2);
    let error = ProphetSet::from_json_lines(&twice, Path::new("prophet")).expect_err("each target is there twice");
    assert!(error.to_string().contains("a target twice"));
    assert!(ProphetSet::from_json_lines("", Path::new("prophet")).expect_err("empty").to_string().contains("empty"));
}

#[test]
fn damaged_files_are_refused_in_words() {
    let text = FITTED[1].to_json();
    let message = |text: &str| {
        ProphetForecaster::from_json(text, Path::new("models/wind.json")).expect_err("it is damaged").to_string()
    };
    assert!(message(&text[..text.len() / 2]).starts_with("models/wind.json: no usable Prophet model: "));
    assert!(
        message(&text.replacen("\"format\":1", "\"format\":2", 1))
            .contains("of format 2, expected `prophet` of format 1")
    );
    assert!(message(&text.replacen("\"wind\"", "\"intraday_price\"", 1)).contains("does not cover"));
    assert!(message(&text.replacen("\"unit\":", "\"unit\":-", 1)).contains("a scale is not positive"));
    let longer = message(&text.replacen("\"quantiles\":[", "\"quantiles\":[1e9,", 1));
    assert!(longer.starts_with("models/wind.json: no usable Prophet model: "), "{longer}");
    let missing = ProphetForecaster::load(Path::new("nowhere/wind.json")).expect_err("it is not there").to_string();
    assert!(missing.starts_with("nowhere/wind.json: "), "{missing}");
}

#[test]
fn a_fit_that_cannot_be_is_refused_in_words() {
    let wind = ProphetOptions::of(Target::Wind).expect("it is covered");
    let message = |range, target, options: &ProphetOptions| {
        ProphetForecaster::fit(&TRACE, range, target, options).expect_err("it is refused").to_string()
    };
    assert!(message(0..END, Target::IntradayPrice, &wind).contains("it covers carbon, wind and solar"));
    assert!(message(0..LEN + 1, Target::Wind, &wind).contains("but the trace has 14400"));
    let odd = ProphetOptions { calibration_share: 1.0, ..wind.clone() };
    assert!(message(0..END, Target::Wind, &odd).contains("calibration_share is 1"));
    assert!(message(0..60, Target::Wind, &wind).contains("usable periods, expected at least"));
    assert!(message(0..3000, Target::Wind, &wind).contains("too few values"));
}

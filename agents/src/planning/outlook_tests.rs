//! What an outlook may know, and what it makes of jobs and prices.

use super::*;
use flexai_env::core::{Env, SeedTree};
use flexai_env::grid::{GridTrace, Period, Signal, SourceKind, TraceSource};
use flexai_env::market::PaidPrice;
use flexai_env::market::events::{EventsConfig, RandomEvents, StressEvents};
use flexai_env::site::{EpisodeEnd, FlexFleet, SiteAction, SiteConfig, SiteSetup, WindowChoice};
use rand::RngExt;
use std::sync::Arc;

const START: usize = 1100;

/// Six weeks of a made-up grid from the end of February on, with noise in every signal.
fn grid() -> GridTrace {
    let start: Period = "2024-02-26T00:00:00Z".parse().expect("a period");
    let n = 42 * 48;
    let mut rng = SeedTree::new(5).stream("test grid");
    let mut column = |level: f64, swing: f64, noise: f64| -> Vec<f64> {
        let day = |t: usize| (t as f64 / 48.0 * std::f64::consts::TAU).sin();
        (0..n).map(|t| level + swing * day(t) + noise * (rng.random::<f64>() - 0.5)).collect()
    };
    let columns: Vec<_> = Signal::all()
        .map(|signal| match signal {
            Signal::IntradayPrice | Signal::DayAheadPrice | Signal::ImbalancePrice => {
                (signal, column(80.0, 25.0, 30.0))
            }
            Signal::CarbonResolution => (signal, vec![60.0; n]),
            Signal::CarbonIntensity => (signal, column(160.0, 40.0, 20.0)),
            _ => (signal, column(5000.0, 1500.0, 900.0)),
        })
        .collect();
    GridTrace::holes(TraceSource { name: "test grid".into(), kind: SourceKind::Synthetic }, start, n)
        .with_columns(columns)
}

fn fleet(config: SiteConfig, grid: GridTrace) -> FlexFleet {
    FlexFleet::new(Arc::new(SiteSetup::new(config, Arc::new(grid), 0..0).expect("a valid setup")))
}

/// A site that has let everything wait that can, at a moment of a scored week.
fn waiting(config: SiteConfig, grid: GridTrace, now: usize) -> FlexFleet {
    let mut fleet = fleet(config, grid);
    fleet.reset_to(WindowChoice { start: START, periods: 336, job_seed: 4, end: EpisodeEnd::Settle });
    let mut action = vec![0.0; fleet.action_space().flat_len()];
    for _ in START..now {
        fleet.view().decide_each(&mut action, |_| SiteAction::default());
        fleet.step(&action);
    }
    fleet
}

fn horizon(fleet: &FlexFleet, options: OutlookOptions) -> SiteHorizon {
    let mut horizon = SiteHorizon::default();
    Outlook::new(options).fill(&fleet.view().site(0), &mut horizon).expect("there is history");
    horizon
}

/// Gates, sun, events, the imbalance price: whatever can look ahead.
fn everything() -> SiteConfig {
    let mut config = SiteConfig::default();
    config.tariff.paid_price = PaidPrice::Imbalance;
    config.solar.capacity_mwp = 8.0;
    config.controls.enforce_thresholds = true;
    for class in &mut config.workload.classes {
        class.duration_estimate_log_sd = 0.3;
        class.green_only = class.interruptible;
        class.carbon_threshold_gco2_kwh = Some(160.0);
    }
    config.events = EventsConfig {
        stress: Some(StressEvents { threshold: 0.6, trailing_days: 14, ..StressEvents::default() }),
        random: Some(RandomEvents::default()),
        ..EventsConfig::default()
    };
    config
}

#[test]
fn no_value_that_is_not_yet_known_changes_a_horizon() {
    let grid = grid();
    for paid_price in [PaidPrice::Intraday, PaidPrice::Imbalance] {
        let mut config = everything();
        config.tariff.paid_price = paid_price;
        // Before and after 11:00, an odd and an even half-hour, and the last day of the week.
        for now in [START + 20, START + 73, START + 320] {
            let options = || OutlookOptions { horizon: 72, ..OutlookOptions::default() };
            let here = waiting(config.clone(), grid.clone(), now);
            let expected = horizon(&here, options());
            let known = here.view().site(0).known();
            for signal in Signal::all().filter(|signal| *signal != Signal::CarbonResolution) {
                let mut other = grid.clone();
                for t in (0..grid.len()).filter(|t| known.get(signal, *t).is_none()) {
                    other.set(signal, t, grid.get(signal, t).map(|value| 3.0 * value + 50.0));
                }
                let found = horizon(&waiting(config.clone(), other, now), options());
                assert!(found == expected, "`{signal:?}` leaks into the horizon of period {now}");
            }
        }
    }
}

#[test]
fn the_perfect_forecast_is_the_truth_and_therefore_a_cheat() {
    let now = START + 73;
    let site = waiting(SiteConfig::default(), grid(), now);
    let options = OutlookOptions { forecast: ForecastChoice::Perfect, ..OutlookOptions::default() };
    let perfect = horizon(&site, options);
    let place = &site.setup().places()[0];
    for k in 0..48 {
        assert!((perfect.price[k] - place.full_price(now + k)).abs() < 1e-9);
        assert!((perfect.solar_mw[k] - place.solar_mw(now + k)).abs() < 1e-9);
    }
    assert_ne!(horizon(&site, OutlookOptions::default()).price, perfect.price);
}

#[test]
fn the_curves_of_a_class_are_those_of_its_jobs() {
    let site = waiting(SiteConfig::default(), grid(), START + 30);
    let options = OutlookOptions { arrivals: 0.0, horizon: 200, ..OutlookOptions::default() };
    let horizon = horizon(&site, options);
    let view = site.view().site(0);
    for (c, class) in horizon.classes.iter().enumerate() {
        let jobs = view.jobs(c);
        let queued: f64 = jobs.iter().map(|job| job.left_mwh()).sum();
        for curve in [&class.earliest_mwh, &class.latest_mwh, &class.due_mwh] {
            assert!((curve[199] - queued).abs() < 1e-9, "all of it is done in the end");
            assert!(curve.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
        }
        let ordered = |t: usize| {
            let (earliest, latest, due) = (class.earliest_mwh[t], class.latest_mwh[t], class.due_mwh[t]);
            due <= latest + 1e-9 && latest <= earliest + 1e-9
        };
        assert!((0..200).all(ordered), "due work must be done, and what must be done can be");
        assert!((class.most_mw[0] - view.class(c).available_mw).abs() < 1e-9);
        let must_run = 0.5 * view.class(c).must_run_mw;
        assert!(class.latest_mwh[0] <= must_run + 1e-9 && must_run - class.latest_mwh[0] < 0.5 * must_run + 1e-9);
    }
}

#[test]
fn expected_arrivals_bring_the_energy_of_their_classes_and_leave_the_present_alone() {
    let site = waiting(SiteConfig::default(), grid(), START);
    let of = |arrivals: f64| horizon(&site, OutlookOptions { arrivals, horizon: 336, ..OutlookOptions::default() });
    let (without, with) = (of(0.0), of(1.0));
    for (c, class) in site.setup().config.workload.classes.iter().enumerate() {
        let (before, after) = (&without.classes[c], &with.classes[c]);
        assert_eq!((before.earliest_mwh[0], before.most_mw[0]), (after.earliest_mwh[0], after.most_mw[0]));
        let brought = after.earliest_mwh[335] - before.earliest_mwh[335];
        let expected = 335.0 * 0.5 * 8.0 * class.energy_share;
        // What arrives last is not finished within the week.
        assert!(brought < expected * 1.01 && brought > 0.95 * expected, "{}: {brought} of {expected}", class.name);
        assert!(after.latest_mwh[335] < after.earliest_mwh[335]);
    }
}

#[test]
fn a_scored_week_ends_at_its_settlement_and_a_training_week_at_a_mean_price() {
    let site = waiting(SiteConfig::default(), grid(), START + 316);
    let ending = horizon(&site, OutlookOptions::default());
    assert_eq!(ending.price.len(), 20);
    assert_eq!(ending.end.reference_mwh, 8.0);
    let ratio = ending.end.missing_gbp_per_mwh / ending.end.surplus_gbp_per_mwh;
    assert!((ratio * 0.95 * 0.95 - 1.0).abs() < 1e-12 && ending.end.late_gbp_per_mwh == 2400.0);
    let middle = horizon(&waiting(SiteConfig::default(), grid(), START + 40), OutlookOptions::default());
    let mean = middle.price.iter().sum::<f64>() / 48.0;
    assert!((middle.end.work_gbp_per_mwh - 1.2 * mean).abs() < 1e-9);
    assert!((middle.end.surplus_gbp_per_mwh - 0.95 * mean).abs() < 1e-9);
}

#[test]
fn what_an_event_caps_and_pays_is_seen_once_it_is_published() {
    let (mut capped, mut paid) = (0, 0);
    let (with, without) =
        (OutlookOptions::default(), OutlookOptions { event_prices: false, ..OutlookOptions::default() });
    for day in 0..6 {
        let site = waiting(everything(), grid(), START + 48 * day + 25);
        let (a, b) = (horizon(&site, with.clone()), horizon(&site, without.clone()));
        capped += a.import_limit_mw.iter().filter(|limit| **limit < 16.0).count();
        paid += a.price.iter().zip(&b.price).filter(|(a, b)| a > b).count();
        assert_eq!(site.view().site(0).event().is_some(), site.view().site(0).events(672).count() > 0);
    }
    assert!(capped + paid > 3, "{capped} half-hours were capped, {paid} paid");
}

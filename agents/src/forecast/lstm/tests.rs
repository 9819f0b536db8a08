//! Facts about workload forecasts: Burn and plain Rust agree, nothing leaks, files come back, floors are beaten.

use super::super::contract::Distribution;
use super::features::Example;
use super::network::{Layout, LstmNetwork};
use super::train::{Lesson, Model, inputs, lessons};
use super::*;
use crate::device::{self, DeviceChoice};
use burn::nn::LstmConfig;
use burn::tensor::{Tensor, TensorData};
use std::path::Path;
use std::sync::LazyLock;

fn noise(t: usize, salt: usize) -> f64 {
    ((t * 7919 + salt * 104_729).wrapping_mul(2_654_435_761) % (1 << 32)) as f64 / f64::powi(2.0, 32) - 0.5
}

/// A day and a week with a level that wanders.
fn made(name: &str, days: usize) -> WorkloadSeries {
    let mut level = 0.0;
    let value = |t: usize| {
        level = 0.95 * level + 4.0 * noise(t, 1);
        let day = 20.0 * (t as f64 / 48.0 * std::f64::consts::TAU).sin();
        let weekend = if (t / 48) % 7 >= 5 { -15.0 } else { 0.0 };
        if t % 501 == 500 { f64::NAN } else { 100.0 + day + weekend + level + 3.0 * noise(t, 2) }
    };
    let values = (0..days * 48).map(value).collect();
    WorkloadSeries { name: name.into(), unit: "MW".into(), start: WeekClock::new(0, 0), values }
}

fn brief() -> LstmOptions {
    LstmOptions { steps: 60, batch: 16, check_every: 20, ..LstmOptions::default() }
}

static FITTED: LazyLock<WorkloadForecasts> =
    LazyLock::new(|| fit_all(&[made("made", 60)], &brief()).expect("the series can be fitted"));

#[test]
fn plain_rust_says_what_burn_says() {
    let layout = Layout::new();
    let weights: Vec<f32> = (0..layout.len).map(|i| noise(i, 3) as f32).collect();
    let network = LstmNetwork::new(weights.clone()).expect("as many weights as the layout holds");
    let device = device::open(DeviceChoice::Flex).expect("the CPU is there").inner();
    let theta = Tensor::<1>::from_data(TensorData::new(weights, [layout.len]), &device);
    let template = LstmConfig::new(super::features::STEP_INPUTS, super::network::HIDDEN, true).init(&device);
    let model = Model::of(&template, &layout, &theta);
    let all = lessons(&made("made", 40), Part::Fit, 12);
    let batch: Vec<&Lesson> = all.iter().collect();
    let (steps, ahead) = inputs(&batch, &device);
    let burn = device::read(model.forward(steps, ahead)).expect("the CPU can be read");
    let ours = batch.iter().flat_map(|lesson| network.raw(&lesson.example).into_iter().flatten());
    assert_eq!(burn.len(), batch.len() * HORIZON * 9);
    for (i, (ours, burn)) in ours.zip(&burn).enumerate() {
        assert!((ours - burn).abs() < 1e-5 * burn.abs().max(1.0), "{i}: {ours}, Burn {burn}");
    }
}

#[test]
fn changing_what_comes_later_changes_no_forecast() {
    let mut series = made("made", 60);
    let forecaster = FITTED.forecaster("made").expect("it was fitted");
    let t = 40 * 48 + 7;
    let before = forecaster.forecast(&series.values[..t], series.start.plus(t)).expect("long enough");
    series.values[t..].iter_mut().for_each(|x| *x = 1e6);
    assert_eq!(forecaster.forecast(&series.values[..t], series.start.plus(t)).expect("long enough"), before);
    series.values[t - 1] += 10.0;
    assert_ne!(forecaster.forecast(&series.values[..t], series.start.plus(t)).expect("long enough"), before);
}

#[test]
fn the_last_part_changes_no_weight_and_no_choice() {
    let mut changed = made("made", 60);
    let test = changed.part(Part::Test);
    changed.values[test].iter_mut().for_each(|x| *x *= 3.0);
    let other = fit_all(&[changed], &brief()).expect("the series can be fitted");
    let (a, b) = (&FITTED.entries()[0], &other.entries()[0]);
    assert_eq!(
        (a.choice, a.spread, &a.floor_quantiles, &a.validation),
        (b.choice, b.spread, &b.floor_quantiles, &b.validation)
    );
    assert_ne!(a.test, b.test);
    let weights = |f: &WorkloadForecasts| f.to_json().split("\"weights\":").nth(1).map(str::to_owned);
    assert_eq!(weights(&FITTED), weights(&other));
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_another_thread() {
    let fit = || fit_all(&[made("made", 60)], &brief()).expect("the series can be fitted").to_json();
    assert_eq!(std::thread::spawn(fit).join().expect("the thread ends"), FITTED.to_json());
}

#[test]
fn a_file_gives_back_the_same_forecasts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("workload.json");
    FITTED.save(&path).expect("it can be written");
    let loaded = WorkloadForecasts::load(&path).expect("it can be read");
    assert_eq!(loaded.to_json(), FITTED.to_json());
    let series = made("made", 60);
    let told = |f: &WorkloadForecasts| -> [Distribution; HORIZON] {
        let forecaster = f.forecaster("made").expect("it was fitted");
        forecaster.forecast(&series.values, WeekClock::new(3, 0)).expect("long enough")
    };
    assert_eq!(told(&loaded), told(&FITTED));
    assert!(told(&loaded).iter().all(|d| d.quantiles.is_sorted() && d.quantiles[0] >= 0.0));
}

#[test]
fn damaged_files_are_refused_in_words() {
    let text = FITTED.to_json();
    let message = |text: &str| {
        WorkloadForecasts::from_json(text, Path::new("workload.json")).expect_err("it is damaged").to_string()
    };
    assert!(message(&text[..text.len() - 9]).starts_with("workload.json: no usable workload forecasts: "));
    assert!(
        message(&text.replacen("\"format\":1", "\"format\":7", 1)).contains("of format 7, expected `workload_lstm`")
    );
    assert!(message(&text.replacen("\"weights\":[", "\"weights\":[0.5,", 1)).contains("of another number"));
    assert!(message(&text.replacen("\"spread\":", "\"spread\":-", 1)).contains("no positive number"));
    assert!(
        WorkloadForecasts::load(Path::new("nowhere.json"))
            .expect_err("absent")
            .to_string()
            .starts_with("nowhere.json: ")
    );
}

#[test]
fn series_that_cannot_be_fitted_are_refused_in_words() {
    let message = |series: &[WorkloadSeries]| fit_all(series, &brief()).expect_err("it is refused").to_string();
    assert!(message(&[]).contains("no series was given"));
    assert!(message(&[made("brief", 8)]).contains("series `brief` has 384 half-hours, too few"));
}

#[test]
fn a_short_history_is_refused_in_words() {
    let error = Example::new(&[1.0; 20], WeekClock::new(0, 0)).expect_err("too short");
    assert!(error.to_string().contains("expected at least 336 half-hours"));
}

#[test]
fn work_that_the_generator_sends_is_told_a_tenth_better_than_by_any_floor() {
    let series = generated_workload(0, 60).expect("no trace is played").split_off(1);
    let options = LstmOptions { steps: 150, ..LstmOptions::default() };
    let fitted = fit_all(&series, &options).expect("the series can be fitted");
    let entry = &fitted.entries()[0];
    assert_eq!((entry.name.as_str(), entry.choice), ("generator_arriving_work", Choice::Lstm));
    assert!(entry.validation.against(entry.validation.best_floor()) < -0.1, "{entry:?}");
    assert!((0.7..0.9).contains(&entry.test.coverage), "{entry:?}");
}

#[test]
fn published_traces_become_half_hours_on_their_clock() {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let root = std::env::var_os("FLEXAI_SHARED").map_or_else(default, Into::into);
    if !root.join("data/workload").exists() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "the shared test material must be there in CI");
        eprintln!("skipped: the published workload traces are not there (set FLEXAI_SHARED)");
        return;
    }
    let series = read_workload(&root.join("data/workload")).expect("the traces are good");
    let lengths: Vec<(&str, usize)> = series.iter().map(|s| (s.name.as_str(), s.values.len())).collect();
    assert_eq!(
        lengths,
        [
            ("philly_active_nodes", 3542),
            ("helios_earth_running_gpus", 1488),
            ("helios_venus_submitted_gpus", 5856),
            ("google_cpu_load", 1344),
            ("servegen_m-large", 672),
            ("servegen_m-mid", 672),
            ("dlrm_fleet", 1488),
        ]
    );
    let holes = |name: &str| {
        let found = series.iter().find(|s| s.name == name).expect("it is one of them");
        found.values.iter().filter(|x| x.is_nan()).count()
    };
    assert_eq!((holes("philly_active_nodes"), holes("google_cpu_load")), (19, 0));
    // Saturdays of a cluster are quiet: its clock begins on a Wednesday.
    let venus = &series[2];
    let mean = |weekend: bool| {
        let chosen = (0..venus.values.len()).filter(|t| venus.start.plus(*t).is_weekend() == weekend);
        let values: Vec<f64> = chosen.map(|t| venus.values[t]).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    assert!(mean(true) < 0.7 * mean(false), "{} at weekends, {} else", mean(true), mean(false));
}

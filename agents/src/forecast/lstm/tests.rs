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
fn experiment() {
    let at = std::time::Instant::now();
    let root = std::env::var_os("FLEXAI_SHARED")
        .map_or(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), Into::into);
    let mut series = read_workload(&root.join("data/workload")).expect("good traces");
    series.extend(generated_workload(0, 112).expect("no trace is played"));
    let number = |name: &str, default: f64| std::env::var(name).ok().and_then(|x| x.parse().ok()).unwrap_or(default);
    let options = LstmOptions {
        steps: number("STEPS", 1200.0) as usize,
        batch: number("BATCH", 64.0) as usize,
        learning_rate: number("LR", 3e-3),
        seed: number("SEED", 0.0) as u64,
        ..LstmOptions::default()
    };
    let fitted = fit_all(&series, &options).expect("they can be fitted");
    println!("fitted in {:.1} s", at.elapsed().as_secs_f64());
    for (e, s) in fitted.entries().iter().zip(&series) {
        let floor = e.validation.best_floor();
        let i = Floor::ALL.iter().position(|f| *f == floor).unwrap();
        println!(
            "{:28} n {:5} best floor {:24} val: mae {:.4} ({:+.1} %) cov {:.3} | test: mae {:.4} floor {:.4} ({:+.1} %) best-of-test {:+.1} % cov {:.3} pin {:.4} dm {:.2?} | {:?} spread {:.2} n {}",
            e.name,
            s.values.len(),
            floor.name(),
            e.validation.mae,
            100.0 * e.validation.against(floor),
            e.validation.coverage,
            e.test.mae,
            e.test.floor_mae[i],
            100.0 * e.test.against(floor),
            100.0 * e.test.against(e.test.best_floor()),
            e.test.coverage,
            e.test.pinball,
            e.test.diebold_mariano[i],
            e.choice,
            e.spread,
            e.test.origins
        );
    }
    let f = fitted.forecaster(&series[0].name).unwrap();
    let at = std::time::Instant::now();
    for t in 400..600 {
        f.forecast(&series[0].values[..t], series[0].start.plus(t)).unwrap();
    }
    println!("{:.3} ms per forecast", at.elapsed().as_secs_f64() * 1e3 / 200.0);
}

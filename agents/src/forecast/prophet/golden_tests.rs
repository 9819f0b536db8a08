//! The fit against two others: the Python package prophet (stored numbers) and `augurs-prophet`'s own model.

use super::super::contract::Target;
use super::design::{Clock, Regressor, Seasonalities};
use super::inputs::Inputs;
use super::model::{Additive, AdditiveOptions, build_data};
use super::solver::{MapOptimizer, objective};
use augurs_prophet::optimizer::{Data, InitialParams, OptimizeOpts, Optimizer, TrendIndicator};
use augurs_prophet::{EstimationMode, Prophet, ProphetOptions, SeasonalityOption, TrainingData};
use flexai_env::grid::{Period, Signal};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    rows: usize,
    x: Vec<f64>,
    y: Vec<f64>,
    k: f64,
    m: f64,
    delta: Vec<f64>,
    daily: Vec<f64>,
    weekly: Vec<f64>,
    regressor: Vec<f64>,
    sigma_obs: f64,
    y_scale: f64,
    changepoints: Vec<f64>,
    yhat: Vec<f64>,
}

/// The golden series: its regressor stands where the published wind forecast does.
impl Inputs for Golden {
    fn get(&self, signal: Signal, t: usize) -> Option<f64> {
        let x = self.x.get(t)?;
        Some(if signal == Signal::DayAheadForecastWind { 1000.0 * x } else { 1.0 })
    }

    fn value(&self, _: Target, t: usize) -> Option<f64> {
        self.y.get(t).copied()
    }

    fn period(&self, t: usize) -> Period {
        "2024-01-01T00:00:00Z".parse::<Period>().expect("a period") + t as i64
    }
}

fn golden() -> Golden {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/prophet_golden.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the golden file is there")).expect("it is JSON")
}

fn options() -> AdditiveOptions {
    AdditiveOptions {
        clock: Clock::Utc,
        seasonalities: Seasonalities { daily: 3, weekend: 0, weekly: 2, yearly: 0 },
        regressors: vec![Regressor::Wind],
        changepoints: 10,
        ..AdditiveOptions::default()
    }
}

fn optimise(data: &Data) -> (Vec<f64>, f64) {
    let start =
        InitialParams { k: 0.0, m: 0.0, delta: vec![], beta: vec![], sigma_obs: 1.0.try_into().expect("positive") };
    let found = MapOptimizer.optimize(&start, data, &OptimizeOpts::default()).expect("the series can be fitted");
    ([&[found.k, found.m][..], &found.delta, &found.beta].concat(), f64::from(found.sigma_obs))
}

#[test]
fn our_mode_is_at_least_as_probable_as_where_pythons_search_ends_and_says_the_same() {
    let golden = golden();
    let rows: Vec<usize> = (0..golden.rows).collect();
    let data = build_data(&golden, &rows, &golden.y, &options()).expect("the series can be built");
    for (ours, theirs) in data.t_change.iter().zip(&golden.changepoints) {
        assert!((ours - theirs).abs() < 1e-12, "changepoint {ours}, Python {theirs}");
    }
    let theirs = [&[golden.k, golden.m][..], &golden.delta, &golden.daily, &golden.weekly, &golden.regressor].concat();
    let (theta, sigma) = optimise(&data);
    let (our_value, their_value) = (objective(&data, &theta, sigma), objective(&data, &theirs, golden.sigma_obs));
    assert!(our_value <= their_value, "ours {our_value}, Python's {their_value}");
    // Half a unit of the logarithm: what its search leaves where a change of rate ought to be zero.
    assert!(their_value - our_value < 0.5, "ours {our_value}, Python's {their_value}");

    let model = Additive::fit(&golden, &rows, &golden.y, &options()).expect("the series can be fitted");
    let ready = model.ready();
    let mut row = Vec::new();
    for (t, yhat) in golden.yhat.iter().enumerate() {
        let ours = ready.expected(&golden, t, &mut row).expect("the regressor is there");
        // The remaining difference is that of the two ends of search; the noise is 1.2.
        assert!((ours - yhat).abs() < 2e-3 * golden.y_scale, "period {t}: {ours}, Python {yhat}");
    }
}

#[test]
fn no_small_step_from_the_mode_raises_the_density() {
    let golden = golden();
    let rows: Vec<usize> = (0..golden.rows).collect();
    let data = build_data(&golden, &rows, &golden.y, &options()).expect("the series can be built");
    let (theta, sigma) = optimise(&data);
    let least = objective(&data, &theta, sigma);
    for a in 0..theta.len() {
        for step in [-1e-4, 1e-4] {
            let mut moved = theta.clone();
            moved[a] += step;
            let higher = objective(&data, &moved, sigma);
            assert!(higher > least, "coordinate {a} by {step}: {higher}, at the mode {least}");
            // At a kink the slope itself is positive; elsewhere it is zero and the rise is of second order.
            let other = objective(
                &data,
                &{
                    let mut m = theta.clone();
                    m[a] -= step;
                    m
                },
                sigma,
            );
            let kink = (2..2 + data.t_change.len()).contains(&a) && theta[a] == 0.0;
            assert!(
                kink || (higher - other).abs() < 1e-3 * (higher - least),
                "coordinate {a}: {higher}, {other}, {least}"
            );
        }
    }
    for factor in [0.999, 1.001] {
        assert!(objective(&data, &theta, sigma * factor) > least);
    }
    let zeros = theta[2..2 + data.t_change.len()].iter().filter(|d| **d == 0.0).count();
    assert!(zeros >= 2, "{zeros} changes are exactly zero");
}

#[test]
fn augurs_own_model_with_our_optimiser_says_the_same() {
    let golden = golden();
    let plain = AdditiveOptions { regressors: Vec::new(), ..options() };
    let rows: Vec<usize> = (0..golden.rows).collect();
    let ours = Additive::fit(&golden, &rows, &golden.y, &plain).expect("the series can be fitted").ready();
    let order = |n: u32| SeasonalityOption::Fourier(n.try_into().expect("more than zero"));
    let their_options = ProphetOptions {
        n_changepoints: 10,
        daily_seasonality: order(3),
        weekly_seasonality: order(2),
        yearly_seasonality: SeasonalityOption::Manual(false),
        uncertainty_samples: 0,
        estimation: EstimationMode::Mle,
        ..ProphetOptions::default()
    };
    let mut theirs = Prophet::new(their_options, MapOptimizer);
    let seconds = (0..golden.rows).map(|t| golden.period(t).index() * 1800).collect();
    let training = TrainingData::new(seconds, golden.y.clone()).expect("as many times as values");
    theirs.fit(training, OptimizeOpts::default()).expect("the series can be fitted");
    let told = theirs.predict(None).expect("it is fitted").yhat.point;
    let mut row = Vec::new();
    for (t, yhat) in told.iter().enumerate() {
        let expected = ours.expected(&golden, t, &mut row).expect("no regressor is needed");
        assert!((expected - yhat).abs() < 1e-7 * golden.y_scale, "period {t}: {expected}, augurs {yhat}");
    }
}

#[test]
fn what_is_not_solved_is_refused() {
    let golden = golden();
    let rows: Vec<usize> = (0..200).collect();
    let good = build_data(&golden, &rows, &golden.y[..200], &options()).expect("the series can be built");
    let message = |data: &Data| {
        let start =
            InitialParams { k: 0.0, m: 0.0, delta: vec![], beta: vec![], sigma_obs: 1.0.try_into().expect("positive") };
        MapOptimizer.optimize(&start, data, &OptimizeOpts::default()).expect_err("it is refused").to_string()
    };
    let mut data = good.clone();
    data.trend_indicator = TrendIndicator::Logistic;
    assert!(message(&data).contains("logistic"));
    let mut data = good.clone();
    data.s_m[0] = 1;
    assert!(message(&data).contains("multiplicative"));
    let mut data = good.clone();
    data.y[3] = f64::NAN;
    assert!(message(&data).contains("not finite"));
    let mut data = good;
    data.X.pop();
    assert!(message(&data).contains("do not fit together"));
}

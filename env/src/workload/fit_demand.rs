//! Fits the daily cycle and the noise of interactive demand.
//!
//! In: requests of one or more services per window. Out: [`DemandParameters`].
//! Always: half-hours with a window whose rate is unknown are left out, not filled.
//! Not here: how a fleet answers it (`interactive.rs`).

use super::fit::{TracePart, WorkloadTables, quantiles};
use super::parameters::DemandParameters;
use super::tables::normal_quantile;
use super::traces::{ServiceTrace, WorkloadTraceError};
use std::f64::consts::TAU;

/// Lags, in half-hours, at which the two-part noise follows the measured autocorrelation: half an hour to a day.
const LAGS: [usize; 7] = [1, 2, 4, 8, 16, 24, 48];
/// A rate this low against its time of day is a service that was off; it counts as this.
const LOWEST_RATIO: f64 = 0.01;
/// Fewer whole days show no daily cycle.
const FEWEST_DAYS: usize = 5;

/// Output tokens per half-hour and second of several services together; `None` where any rate is unknown.
pub(super) fn token_series(services: &[&ServiceTrace], part: TracePart) -> Vec<Option<f64>> {
    let halves = |trace: &ServiceTrace| (trace.windows.len() as f64 * trace.window_s / 1800.0) as usize;
    let len = services.iter().map(|trace| halves(trace)).min().unwrap_or(0);
    let half_hour = |i: usize| -> Option<f64> {
        services.iter().map(|trace| Some(half_hour_rate(trace, i)? * mean_output_tokens(trace))).sum()
    };
    part.range(len).map(half_hour).collect()
}

/// Mean rate of half-hour `i`, requests/s.
pub(super) fn half_hour_rate(trace: &ServiceTrace, i: usize) -> Option<f64> {
    let per_half_hour = ((1800.0 / trace.window_s) as usize).max(1);
    let windows = &trace.windows[i * per_half_hour..(i + 1) * per_half_hour];
    let sum: Option<f64> = windows.iter().map(|window| window.requests_per_s).sum();
    sum.map(|sum| sum / per_half_hour as f64)
}

/// Output tokens of a request, weighed by requests; 1 where none are known.
pub(super) fn mean_output_tokens(trace: &ServiceTrace) -> f64 {
    let known = trace.windows.iter().filter_map(|window| window.requests_per_s.zip(window.output_tokens));
    let (tokens, requests) = known.fold((0.0, 0.0), |(t, r), (rate, tokens)| (t + rate * tokens, r + rate));
    if requests > 0.0 && tokens > 0.0 { tokens / requests } else { 1.0 }
}

pub(super) fn fit_demand(tables: &WorkloadTables, names: &[&str]) -> Result<DemandParameters, WorkloadTraceError> {
    let mut services = Vec::new();
    for name in names {
        let found = tables.services.iter().find(|trace| trace.service == *name);
        services.push(found.ok_or_else(|| tables.not_fittable(format!("ServeGen has no service `{name}`")))?);
    }
    let series = token_series(&services, TracePart::Train);
    if series.len() < FEWEST_DAYS * 48 || series.iter().flatten().count() * 2 < series.len() {
        let days = series.iter().flatten().count() as f64 / 48.0;
        return Err(tables.not_fittable(format!("{days:.1} known days of {names:?}, expected {FEWEST_DAYS} or more")));
    }
    let level = mean(series.iter().flatten().copied());
    if level <= 0.0 {
        return Err(tables.not_fittable(format!("no requests of {names:?} in its first part")));
    }
    let daily = DailyCycle::new(&series, level);
    let ratio = |(i, x): (usize, &Option<f64>)| x.map(|x| x / (level * daily.at(i % 48).max(0.05)));
    let ratios: Vec<Option<f64>> = series.iter().enumerate().map(ratio).collect();
    let scores = normal_scores(&ratios);
    let variance = autocovariance(&scores, 0);
    let measured = LAGS.map(|lag| autocovariance(&scores, lag) / variance);
    let [slow_share, slow_root, fast_root] = two_parts(&measured);
    let known: Vec<f64> = ratios.into_iter().flatten().map(|ratio| ratio.max(LOWEST_RATIO)).collect();
    let weigh = |of: fn(&ServiceTrace) -> f64| services.iter().map(|trace| of(trace)).sum::<f64>();
    let requests = |trace: &ServiceTrace| mean_rate(trace);
    Ok(DemandParameters {
        output_tokens: weigh(|trace| mean_rate(trace) * mean_output_tokens(trace)) / weigh(requests),
        daily: daily.counted_from_peak(),
        noise_ratio: quantiles(known),
        slow_share,
        slow_root,
        fast_root,
    })
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
    sum / f64::max(count, 1.0)
}

fn mean_rate(trace: &ServiceTrace) -> f64 {
    mean(trace.windows.iter().filter_map(|window| window.requests_per_s))
}

/// Two harmonics of the day.
struct DailyCycle {
    cosine: [f64; 2],
    sine: [f64; 2],
}

/// Ranks as quantiles of the normal distribution: outliers weigh no more than their rank.
fn normal_scores(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let rank = |x: f64| (sorted.partition_point(|y| *y < x) as f64 + 0.5) / sorted.len() as f64;
    values.iter().map(|value| value.map(|x| normal_quantile(rank(x)))).collect()
}

impl DailyCycle {
    /// The cycle of the mean day relative to a level, each half-hour of the day weighing the same.
    fn new(series: &[Option<f64>], level: f64) -> Self {
        let day: Vec<f64> =
            (0..48).map(|h| mean(series.iter().skip(h).step_by(48).flatten().copied()) / level).collect();
        let project = |of: fn(f64) -> f64, harmonic: f64| {
            day.iter().enumerate().map(|(h, x)| x * of(TAU * harmonic * h as f64 / 48.0)).sum::<f64>() / 24.0
        };
        Self {
            cosine: [project(f64::cos, 1.0), project(f64::cos, 2.0)],
            sine: [project(f64::sin, 1.0), project(f64::sin, 2.0)],
        }
    }

    /// Relative rate in a half-hour of the day.
    fn at(&self, half_hour: usize) -> f64 {
        let angle = TAU * half_hour as f64 / 48.0;
        let harmonic = |k: usize| {
            let angle = (k + 1) as f64 * angle;
            self.cosine[k] * angle.cos() + self.sine[k] * angle.sin()
        };
        1.0 + harmonic(0) + harmonic(1)
    }

    /// The same counted from the peak of the first harmonic, whose sine is then 0.
    fn counted_from_peak(&self) -> [f64; 3] {
        let peak = self.sine[0].atan2(self.cosine[0]);
        let (cos, sin) = ((2.0 * peak).cos(), (2.0 * peak).sin());
        let [_, c] = self.cosine;
        let [_, s] = self.sine;
        [self.cosine[0].hypot(self.sine[0]), c * cos + s * sin, s * cos - c * sin]
    }
}

fn autocovariance(noise: &[Option<f64>], lag: usize) -> f64 {
    mean(noise.iter().zip(&noise[lag..]).filter_map(|(a, b)| Some((*a)? * (*b)?)))
}

/// Share of the slow part, its root and the fast root that follow the measured autocorrelation best.
fn two_parts(measured: &[f64; LAGS.len()]) -> [f64; 3] {
    let mut best = (f64::INFINITY, [0.0; 3]);
    for slow in (0..=49).map(|i| 0.95 + 0.001 * f64::from(i)) {
        for fast in (0..=18).map(|i| 0.05 * f64::from(i)) {
            for share in (0..=20).map(|i| 0.05 * f64::from(i)) {
                let at = |lag: usize| share * slow.powi(lag as i32) + (1.0 - share) * fast.powi(lag as i32);
                let misfit: f64 = LAGS.iter().zip(measured).map(|(lag, m)| (at(*lag) - m).powi(2)).sum();
                if misfit < best.0 {
                    best = (misfit, [share, slow, fast]);
                }
            }
        }
    }
    best.1
}

//! When interactive requests come: by the hour, with noise that lasts, or from a trace.
//!
//! In: local time and a stream. Out: the load of a half-hour relative to its mean.
//! Always: the same stream gives the same loads. Not here: what serving them takes (`interactive.rs`).

use super::class::{DemandModel, WorkloadConfig};
use super::interactive::{InteractiveDemand, InteractiveModel};
use super::parameters::{DemandParameters, WorkloadParameters};
use super::playback::DemandPlayback;
use super::tables::{STANDARD_NORMAL, interpolate, normal_cdf};
use crate::core::StreamRng;
use crate::grid::LocalStamp;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// How strongly the noise of a sine persists from one period to the next.
const SINE_PERSISTENCE: f64 = 0.9;

/// Noise reaches so many standard deviations, in cells of this width.
const NOISE_REACH: f64 = 3.0;
const NOISE_CELL: f64 = 0.05;
const NOISE_NODES: usize = 121;

/// The two parts of the noise of demand, each of variance 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct DemandNoise {
    slow: f64,
    fast: f64,
}

/// Demand of a site.
#[derive(Debug, Clone)]
pub(super) struct DemandSource {
    pub(super) model: InteractiveModel,
    shape: Shape,
    /// Mean power by half-hour of the day.
    expected_mw: [f64; 48],
    /// Two parts of the noise: share of the variance, and how much of it is left after a period.
    persistence: [(f64, f64); 2],
}

#[derive(Debug, Clone)]
enum Shape {
    Drawn(Box<DrawnDemand>),
    Played(DemandPlayback),
}

/// Demand of a daily cycle with noise.
#[derive(Debug, Clone)]
struct DrawnDemand {
    /// Relative load by half-hour of the day, without noise; mean 1.
    day: [f64; 48],
    output_tokens: f64,
    /// Load relative to its time of day, by the noise from -3 to 3 standard deviations; mean 1.
    ratios: [f64; NOISE_NODES],
    weights: [f64; 2],
    roots: [f64; 2],
    innovations: [f64; 2],
}

impl DemandNoise {
    /// Whether it can go on.
    pub(super) fn is_sound(&self) -> bool {
        self.slow.is_finite() && self.fast.is_finite()
    }

    pub(super) fn new(rng: &mut StreamRng) -> Self {
        let mut draw = || STANDARD_NORMAL.at(rng.next_u32());
        Self { slow: draw(), fast: draw() }
    }
}

impl DemandSource {
    /// Demand as the generator draws it, or as a trace plays it.
    pub(super) fn new(
        config: &WorkloadConfig,
        parameters: &WorkloadParameters,
        played: Option<DemandPlayback>,
    ) -> Self {
        let interactive = &config.interactive;
        let shape = match played {
            Some(playback) => Shape::Played(playback),
            None => Shape::Drawn(Box::new(DrawnDemand::new(config, parameters))),
        };
        let loads = match &shape {
            Shape::Drawn(drawn) => drawn.loads(),
            Shape::Played(playback) => playback.loads(),
        };
        let mean_mw = config.mean_it_mw * interactive.energy_share;
        let model = InteractiveModel::new(interactive, parameters, mean_mw, &loads);
        // Loads come half-hour by half-hour of the day, or day by day.
        let (expected_mw, persistence) = match &shape {
            Shape::Drawn(drawn) => {
                let power = |half_hour: usize| {
                    let of_day = &loads[half_hour * NOISE_NODES..(half_hour + 1) * NOISE_NODES];
                    let sum = |of: &dyn Fn(f64) -> f64| of_day.iter().map(|(load, w)| w * of(*load)).sum::<f64>();
                    sum(&|load| model.demand(load, drawn.output_tokens).power_mw) / sum(&|_| 1.0)
                };
                (std::array::from_fn(power), std::array::from_fn(|i| (drawn.weights[i].powi(2), drawn.roots[i])))
            }
            Shape::Played(_) => {
                let powers: Vec<f64> = loads.iter().map(|(load, _)| model.demand(*load, 1.0).power_mw).collect();
                let day = mean_day(&powers);
                (day, [(1.0, persistence_of(&powers, &day)), (0.0, 0.0)])
            }
        };
        Self { model, shape, expected_mw, persistence }
    }

    /// Mean power of a half-hour of the day, MW.
    pub(super) fn expected_mw(&self, half_hour: usize) -> f64 {
        self.expected_mw[half_hour]
    }

    /// Share of a deviation from the mean that is expected to be left after so many periods.
    pub(super) fn persistence(&self, periods: usize) -> f64 {
        self.persistence.iter().map(|(share, root)| share * root.powi(periods as i32)).sum()
    }

    /// Demand of the next period.
    #[inline]
    pub(super) fn draw(
        &self,
        noise: &mut DemandNoise,
        rng: &mut StreamRng,
        phase: u64,
        local: LocalStamp,
    ) -> InteractiveDemand {
        match &self.shape {
            Shape::Drawn(drawn) => {
                self.model.demand(drawn.draw(noise, rng, usize::from(local.half_hour)), drawn.output_tokens)
            }
            Shape::Played(playback) => {
                let (load, output_tokens) = playback.at(phase, local);
                self.model.demand(load, output_tokens)
            }
        }
    }
}

impl DrawnDemand {
    fn new(config: &WorkloadConfig, parameters: &WorkloadParameters) -> Self {
        let interactive = &config.interactive;
        let fitted = parameters.demand_of(interactive.service);
        let sine = DemandParameters {
            daily: [interactive.daily_amplitude, 0.0, 0.0],
            slow_share: 1.0,
            slow_root: SINE_PERSISTENCE,
            fast_root: 0.0,
            ..fitted.clone()
        };
        let (demand, noise): (_, &dyn Fn(f64) -> f64) = match interactive.demand {
            DemandModel::Fitted => {
                (fitted, &|z| interpolate(&parameters.probabilities, &fitted.noise_ratio, normal_cdf(z)))
            }
            DemandModel::Sine => (&sine, &|z| 1.0 + interactive.noise * z),
        };
        let [first, cosine, sine] = demand.daily;
        let rate = |half_hour: usize| {
            let a = TAU * (half_hour as f64 / 2.0 - interactive.peak_hour) / 24.0;
            (1.0 + first * a.cos() + cosine * (2.0 * a).cos() + sine * (2.0 * a).sin()).max(0.0)
        };
        let mean = (0..48).map(rate).sum::<f64>() / 48.0;
        let ratios: [f64; NOISE_NODES] = std::array::from_fn(|node| noise(noise_at(node)));
        let weigh = |of: &dyn Fn(usize) -> f64| (0..NOISE_NODES).map(|n| of(n) * noise_weight(n)).sum::<f64>();
        let mean_ratio = weigh(&|node| ratios[node]) / weigh(&|_| 1.0);
        let (slow, fast) = (demand.slow_root, demand.fast_root);
        let innovation = |root: f64| (1.0 - root * root).sqrt();
        Self {
            day: std::array::from_fn(|half_hour| rate(half_hour) / mean),
            output_tokens: demand.output_tokens,
            ratios: ratios.map(|ratio| ratio / mean_ratio),
            weights: [demand.slow_share.sqrt(), (1.0 - demand.slow_share).sqrt()],
            roots: [slow, fast],
            innovations: [innovation(slow), innovation(fast)],
        }
    }

    #[inline]
    fn draw(&self, noise: &mut DemandNoise, rng: &mut StreamRng, half_hour: usize) -> f64 {
        let mut step = |at: &mut f64, part: usize| {
            *at = self.roots[part] * *at + self.innovations[part] * STANDARD_NORMAL.at(rng.next_u32());
        };
        step(&mut noise.slow, 0);
        step(&mut noise.fast, 1);
        let z = self.weights[0] * noise.slow + self.weights[1] * noise.fast;
        let at = ((z + NOISE_REACH) / NOISE_CELL).clamp(0.0, (NOISE_NODES - 1) as f64);
        let node = (at as usize).min(NOISE_NODES - 2);
        let ratio = self.ratios[node] + (at - node as f64) * (self.ratios[node + 1] - self.ratios[node]);
        self.day[half_hour] * ratio
    }

    /// All loads with their weights: the day, times the quantiles of the noise.
    fn loads(&self) -> Vec<(f64, f64)> {
        let mut loads = Vec::with_capacity(self.day.len() * NOISE_NODES);
        for day in self.day {
            loads.extend((0..NOISE_NODES).map(|node| (day * self.ratios[node], noise_weight(node))));
        }
        loads
    }
}

/// Mean by half-hour of the day.
fn mean_day(values: &[f64]) -> [f64; 48] {
    let days = (values.len() / 48).max(1) as f64;
    std::array::from_fn(|half_hour| values.iter().skip(half_hour).step_by(48).sum::<f64>() / days)
}

/// How much of a deviation from the mean of the half-hour is left in the next one.
fn persistence_of(values: &[f64], day: &[f64; 48]) -> f64 {
    let deviation = |i: usize| values[i] - day[i % 48];
    let variance: f64 = (0..values.len()).map(|i| deviation(i).powi(2)).sum();
    let covariance: f64 = (1..values.len()).map(|i| deviation(i) * deviation(i - 1)).sum();
    if variance > 0.0 { (covariance / variance).clamp(0.0, 1.0) } else { 0.0 }
}

fn noise_at(node: usize) -> f64 {
    node as f64 * NOISE_CELL - NOISE_REACH
}

fn noise_weight(node: usize) -> f64 {
    (-0.5 * noise_at(node).powi(2)).exp()
}

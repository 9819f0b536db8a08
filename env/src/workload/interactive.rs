//! Interactive inference: requests and their tokens, and the fleet that answers them.
//!
//! In: the load of a half-hour relative to its mean; a level from 0 to 1. Out: demand, and what serving it draws.
//! Always: the fleet is reserved and stays powered, so that power follows the load only as far as batches do; level 1
//! serves on all replicas, lower levels first gather the requests on fewer replicas (as fast as the latency limit
//! allows), then cap the power of those; the mean power at level 1 is that of the scenario.
//! Not here: when requests come (`demand.rs`), what the energy costs.

use super::class::InteractiveConfig;
use super::parameters::{ServingParameters, WorkloadParameters};
use super::power_curve::PowerCurve;
use crate::units::PERIOD_HOURS;
use serde::{Deserialize, Serialize};

const PERIOD_SECONDS: f64 = 3600.0 * PERIOD_HOURS;
/// From this level to 1 requests are spread over more replicas; below it their power is capped.
const SPREAD_FROM_LEVEL: f64 = 0.5;

/// What is asked for in a half-hour.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct InteractiveDemand {
    /// IT power that serving it takes at level 1.
    pub power_mw: f64,
    /// Requests in the half-hour.
    pub inferences: f64,
    /// Output tokens in the half-hour.
    pub tokens: f64,
}

/// How a half-hour's demand is served.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct InteractiveService {
    /// IT power.
    pub power_mw: f64,
    /// Median time between two tokens of a request, ms.
    pub latency_ms_per_token: f64,
    /// Share of the tokens asked for that are served; below the throughput floor only where the fleet is too small.
    pub served_share: f64,
}

/// A fleet of replicas of the reference model (70B parameters on four H100 each).
#[derive(Debug, Clone, PartialEq)]
pub struct InteractiveModel {
    curve: ReplicaCurve,
    /// Replicas reserved; a real number, as thousands of GPUs are.
    replicas: f64,
    /// Tokens per second of the mean load.
    mean_tokens_per_s: f64,
    /// Tokens per second of a replica that gathers requests up to the latency limit.
    gathered_tokens_per_s: f64,
    /// Node power share at which capped throughput has come down to the floor.
    lowest_power_share: f64,
}

/// Power and latency of one replica by its load, straight between measured points.
#[derive(Debug, Clone, PartialEq)]
struct ReplicaCurve {
    tokens_per_s: Vec<f64>,
    power_mw: Vec<f64>,
    latency_ms: Vec<f64>,
}

impl ReplicaCurve {
    fn new(serving: &ServingParameters) -> Self {
        let idle_mw = serving.gpus * serving.idle_kw_per_gpu / 1000.0;
        let busy_mw = |gpu_w: &f64| serving.gpus * serving.node_factor * gpu_w / 1e6;
        let from = |first: f64, rest: Vec<f64>| std::iter::once(first).chain(rest).collect();
        Self {
            tokens_per_s: from(0.0, serving.tokens_per_s.clone()),
            power_mw: from(idle_mw, serving.gpu_w.iter().map(busy_mw).collect()),
            // A lone request is answered as fast as the smallest batch.
            latency_ms: from(serving.latency_ms[0], serving.latency_ms.clone()),
        }
    }

    fn idle_mw(&self) -> f64 {
        self.power_mw[0]
    }

    fn most_tokens_per_s(&self) -> f64 {
        self.tokens_per_s[self.tokens_per_s.len() - 1]
    }

    /// Power in MW and latency in ms at a load; beyond the largest batch those of the largest batch.
    fn at(&self, tokens_per_s: f64) -> (f64, f64) {
        let last = self.tokens_per_s.len() - 1;
        let load = tokens_per_s.min(self.tokens_per_s[last]);
        let mut i = 1;
        while i < last && load > self.tokens_per_s[i] {
            i += 1;
        }
        let within = (load - self.tokens_per_s[i - 1]) / (self.tokens_per_s[i] - self.tokens_per_s[i - 1]);
        let between = |values: &[f64]| values[i - 1] + within * (values[i] - values[i - 1]);
        (between(&self.power_mw), between(&self.latency_ms))
    }

    /// The load at which a latency is reached.
    fn load_at_latency(&self, latency_ms: f64) -> f64 {
        let (mut low, mut high) = (0.0, self.most_tokens_per_s());
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.at(middle).1 <= latency_ms {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl InteractiveModel {
    /// A fleet whose mean power at level 1 is `mean_mw`, over loads given as `(relative load, weight)`; relative loads
    /// have a mean of about 1.
    pub(super) fn new(
        config: &InteractiveConfig,
        parameters: &WorkloadParameters,
        mean_mw: f64,
        loads: &[(f64, f64)],
    ) -> Self {
        let curve = ReplicaCurve::new(&parameters.serving);
        let floor = config.throughput_floor;
        // The cap makes each token take longer by 1 / floor; gathering leaves room for that.
        let gathered = curve.load_at_latency(config.latency_limit_ms_per_token * floor);
        let per_replica = curve.load_at_latency(config.latency_limit_ms_per_token) / config.fleet_headroom;
        let weight: f64 = loads.iter().map(|(_, weight)| weight).sum();
        let power = |(load, weight): &(f64, f64)| weight * curve.at(load * per_replica).0;
        let mean_replica_mw = loads.iter().map(power).sum::<f64>() / weight;
        let replicas = mean_mw / mean_replica_mw;
        Self {
            replicas,
            mean_tokens_per_s: replicas * per_replica,
            gathered_tokens_per_s: gathered,
            lowest_power_share: power_share_at(floor),
            curve,
        }
    }

    /// Replicas reserved, whole or not.
    pub fn replicas(&self) -> f64 {
        self.replicas
    }

    /// Output tokens per second of the mean load.
    pub fn mean_tokens_per_s(&self) -> f64 {
        self.mean_tokens_per_s
    }

    /// Demand of a half-hour whose load is so many times its mean, with so many output tokens per request.
    pub fn demand(&self, relative_load: f64, output_tokens: f64) -> InteractiveDemand {
        let tokens = relative_load * self.mean_tokens_per_s * PERIOD_SECONDS;
        let power_mw = if self.replicas > 0.0 {
            self.replicas * self.curve.at(tokens / PERIOD_SECONDS / self.replicas).0
        } else {
            0.0
        };
        InteractiveDemand { power_mw, inferences: tokens / output_tokens, tokens }
    }

    /// Serves a half-hour's demand at a level from 0 (least power) to 1 (all replicas at full power).
    pub fn serve(&self, demand: &InteractiveDemand, level: f64) -> InteractiveService {
        let level = level.clamp(0.0, 1.0);
        let tokens_per_s = demand.tokens / PERIOD_SECONDS;
        if self.replicas <= 0.0 {
            return InteractiveService { power_mw: 0.0, latency_ms_per_token: 0.0, served_share: 1.0 };
        }
        let fewest = (tokens_per_s / self.gathered_tokens_per_s).clamp(self.replicas.min(1e-9), self.replicas);
        let spread = ((level - SPREAD_FROM_LEVEL) / (1.0 - SPREAD_FROM_LEVEL)).max(0.0);
        let active = fewest + spread * (self.replicas - fewest);
        let uncapped = (level / SPREAD_FROM_LEVEL).min(1.0);
        let power_share = self.lowest_power_share + uncapped * (1.0 - self.lowest_power_share);
        let throughput = PowerCurve::Inference.throughput(power_share);
        let load = tokens_per_s / active;
        let (replica_mw, latency_ms) = self.curve.at(load);
        let idle_mw = self.curve.idle_mw();
        // A capped replica takes longer for each token, so that it works more of the time: all is served as long as it
        // keeps up.
        let most = self.curve.most_tokens_per_s();
        let served_share = (throughput * most / load.max(1e-12)).min(1.0);
        let busy = (throughput * most / load.clamp(1e-12, most)).min(1.0);
        let capped_mw = replica_mw * power_share / throughput * busy;
        InteractiveService {
            power_mw: active * capped_mw.max(idle_mw) + (self.replicas - active) * idle_mw,
            latency_ms_per_token: latency_ms / throughput,
            served_share,
        }
    }
}

/// Share of the node's power at which the measured inference curve keeps a share of the throughput.
fn power_share_at(throughput: f64) -> f64 {
    let (mut low, mut high) = (PowerCurve::Inference.lowest_floor(), 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if PowerCurve::Inference.throughput(middle) < throughput {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> InteractiveModel {
        let loads = [(0.6, 1.0), (1.0, 1.0), (1.4, 1.0)];
        InteractiveModel::new(&InteractiveConfig::default(), WorkloadParameters::embedded(), 3.2, &loads)
    }

    #[test]
    fn the_mean_power_is_that_asked_for_and_the_fleet_stays_powered_without_load() {
        let model = model();
        let mean = [0.6, 1.0, 1.4].map(|load| model.demand(load, 60.0).power_mw).iter().sum::<f64>() / 3.0;
        assert!((mean - 3.2).abs() < 1e-9, "{mean}");
        // Four H100 idle at 0.19 kW each.
        assert!((model.demand(0.0, 60.0).power_mw - model.replicas() * 0.76e-3).abs() < 1e-9);
    }

    #[test]
    fn measured_points_of_the_reference_model_are_met() {
        let model = model();
        // Batch 8: 469.7 tokens/s at 441 W x 4 x 1.5 and 16.6 ms; batch 512: 5921 tokens/s at 623 W and 73.9 ms.
        for (tokens_per_s, gpu_w, latency) in [(469.69, 441.36, 16.573), (5921.3, 623.23, 73.886)] {
            let demand =
                InteractiveDemand { tokens: tokens_per_s * model.replicas() * 1800.0, ..InteractiveDemand::default() };
            let service = model.serve(&demand, 1.0);
            let gpu_power = service.power_mw * 1e6 / model.replicas() / 6.0;
            assert!((gpu_power - gpu_w).abs() < 0.05, "{gpu_power} W, expected {gpu_w}");
            assert!((service.latency_ms_per_token - latency).abs() < 0.01, "{}", service.latency_ms_per_token);
        }
    }

    #[test]
    fn less_level_never_takes_more_power_nor_answers_faster_nor_serves_more() {
        let model = model();
        for load in [0.0, 0.1, 0.5, 1.0, 1.7, 2.5] {
            let demand = model.demand(load, 60.0);
            assert_eq!(model.serve(&demand, 1.0).power_mw, demand.power_mw);
            let by_level: Vec<_> = (0..=100).map(|i| model.serve(&demand, f64::from(i) / 100.0)).collect();
            for pair in by_level.windows(2) {
                assert!(pair[0].power_mw <= pair[1].power_mw + 1e-12, "load {load}: {pair:?}");
                assert!(pair[0].latency_ms_per_token >= pair[1].latency_ms_per_token - 1e-9, "load {load}: {pair:?}");
                assert!(pair[0].served_share <= pair[1].served_share + 1e-12, "load {load}: {pair:?}");
            }
        }
    }

    #[test]
    fn within_the_headroom_every_level_keeps_latency_limit_and_throughput_floor() {
        let model = model();
        for load in [0.1, 0.5, 1.0, 1.4, 1.7] {
            let demand = model.demand(load, 60.0);
            for level in [0.0, 0.2, 0.5, 0.8, 1.0] {
                let service = model.serve(&demand, level);
                assert!(service.served_share >= 0.9 - 1e-9, "load {load}, level {level}: {service:?}");
                let limit = if load <= 1.6 { 50.0 } else { 50.0 / 0.9 };
                assert!(service.latency_ms_per_token <= limit + 1e-6, "load {load}, level {level}: {service:?}");
            }
            let saved = 1.0 - model.serve(&demand, 0.0).power_mw / demand.power_mw;
            // The more there is to do, the fewer replicas can be left idle.
            let least = if load <= 1.4 { 0.15 } else { 0.10 };
            assert!(saved > least, "load {load}: level 0 saves {saved}");
        }
        // Four times the mean load is more than the fleet has batches for.
        let flood = model.serve(&model.demand(4.0, 60.0), 1.0);
        assert!(flood.served_share < 0.6 && flood.latency_ms_per_token > 50.0, "{flood:?}");
    }
}

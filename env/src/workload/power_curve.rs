//! Power curves: how much slower a job becomes when its power is capped.
//!
//! In: a share of the IT power of a running job. Out: the share of its throughput.
//! Always: 1 gives 1, less power never gives more throughput. Not here: who is slowed (`pool.rs`).

use serde::{Deserialize, Serialize};

/// What of a node's IT power follows the cap of its GPUs: node power is 1.5 x GPU power (HGX H100 node of 8.4 kW over
/// 8 x 700 W, Latif et al. 2025; Acme A100 servers at P90 likewise), and the other third stays while the GPUs slow down.
const NODE_OVERHEAD: f64 = 0.5;

/// Throughput of a job under a power cap.
///
/// Source of the measured curves: cap sweep of the Emerald AI field trial (Phoenix, May 2025, arXiv 2507.00909), means
/// over its pre-training, fine-tuning and inference workloads, GPU power as a share of that at the highest cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerCurve {
    /// Throughput in proportion to power: nodes are switched off, not slowed.
    #[default]
    Linear,
    /// Measured on pre-training of 7B and 13B models.
    PreTraining,
    /// Measured on fine-tuning of an 8B model.
    FineTuning,
    /// Measured on inference of an 8B model.
    Inference,
}

/// (GPU power share, throughput share), falling.
type Points = [(f64, f64); 6];

const PRE_TRAINING: Points = [(1.0, 1.0), (0.88, 0.92), (0.76, 0.87), (0.64, 0.78), (0.52, 0.63), (0.27, 0.19)];
const FINE_TUNING: Points =
    [(1.0, 1.0), (0.925, 0.974), (0.833, 0.944), (0.701, 0.891), (0.568, 0.796), (0.290, 0.234)];
const INFERENCE: Points = [(1.0, 1.0), (0.903, 0.976), (0.784, 0.931), (0.656, 0.871), (0.528, 0.781), (0.266, 0.225)];

impl PowerCurve {
    /// Share of the full throughput at a share of the full IT power.
    pub fn throughput(self, power_share: f64) -> f64 {
        let Some(points) = self.points() else { return power_share };
        if power_share >= 1.0 {
            return 1.0;
        }
        let gpu = power_share * (1.0 + NODE_OVERHEAD) - NODE_OVERHEAD;
        for pair in points.windows(2) {
            let ((high, fast), (low, slow)) = (pair[0], pair[1]);
            if gpu >= low {
                return slow + (fast - slow) * (gpu - low) / (high - low);
            }
        }
        let (low, slow) = points[points.len() - 1];
        (slow * gpu / low).max(0.0)
    }

    /// Least energy per work at any power share; 1 is that at full power.
    ///
    /// Between two measured points both are straight, so that their ratio is least at a point.
    pub fn least_energy_per_work(self) -> f64 {
        let share = |gpu: f64| (gpu + NODE_OVERHEAD) / (1.0 + NODE_OVERHEAD);
        let points = self.points().into_iter().flatten();
        points.map(|(gpu, throughput)| share(*gpu) / throughput).fold(1.0, f64::min)
    }

    fn points(self) -> Option<&'static Points> {
        match self {
            Self::Linear => None,
            Self::PreTraining => Some(&PRE_TRAINING),
            Self::FineTuning => Some(&FINE_TUNING),
            Self::Inference => Some(&INFERENCE),
        }
    }

    /// Lowest IT power share at which the measured curves hold: half of the GPU power, below which throughput collapses.
    pub fn lowest_floor(self) -> f64 {
        match self {
            Self::Linear => 0.0,
            _ => (0.5 + NODE_OVERHEAD) / (1.0 + NODE_OVERHEAD),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_points_are_met_at_the_power_of_the_whole_node() {
        // 76 % of GPU power is (0.76 + 0.5) / 1.5 = 84 % of the node's.
        assert!((PowerCurve::PreTraining.throughput(0.84) - 0.87).abs() < 1e-12);
        assert!((PowerCurve::Inference.throughput((0.528 + 0.5) / 1.5) - 0.781).abs() < 1e-12);
    }

    #[test]
    fn throughput_rises_with_power_from_nothing_to_one() {
        for curve in [PowerCurve::Linear, PowerCurve::PreTraining, PowerCurve::FineTuning, PowerCurve::Inference] {
            let at: Vec<f64> = (0..=300).map(|i| curve.throughput(f64::from(i) / 300.0)).collect();
            assert!(at.windows(2).all(|w| w[0] <= w[1]), "{curve:?}");
            assert_eq!((at[0], at[300]), (0.0, 1.0), "{curve:?}");
        }
    }

    #[test]
    fn no_power_share_takes_less_energy_for_work_than_the_least() {
        for curve in [PowerCurve::Linear, PowerCurve::PreTraining, PowerCurve::FineTuning, PowerCurve::Inference] {
            let least = curve.least_energy_per_work();
            let ratios = (1..=3000).map(|i| f64::from(i) / 3000.0).map(|share| share / curve.throughput(share));
            let found = ratios.fold(f64::INFINITY, f64::min);
            assert!(least <= found + 1e-12 && found < least + 1e-3, "{curve:?}: {least} {found}");
        }
    }

    #[test]
    fn slowing_pre_training_to_half_of_its_gpu_power_wastes_energy_and_slowing_inference_saves_it() {
        let per_work = |curve: PowerCurve| (0.52 + 0.5) / 1.5 / curve.throughput((0.52 + 0.5) / 1.5);
        assert!(per_work(PowerCurve::PreTraining) > 1.05);
        assert!(per_work(PowerCurve::Inference) < 0.90);
    }
}

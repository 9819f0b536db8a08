//! Names of parameters, and what happens to them: gradient norms per layer, the first number that is not finite.
//!
//! In: flat vectors in the network's fixed order. Out: names, norms.
//! Always: the names follow the order of `ActorCritic::flatten`; the first fault of an update is kept, later ones follow
//! from it. Not here: what is done about a fault (`trainer.rs`).

use super::learner::StepFigures;
use crate::artifact::PolicyNetwork;
use std::ops::Range;

/// Where each tensor and each layer lies in the flat vector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ParameterMap {
    tensors: Vec<(String, Range<usize>)>,
    layers: Vec<(String, Range<usize>)>,
}

/// Looks on at every step of the optimiser.
#[derive(Debug, Clone)]
pub(super) struct StepWatch {
    pub(super) map: ParameterMap,
    /// Sums of each layer's gradient norm, before clipping.
    norms: Vec<f64>,
    steps: usize,
    /// The first number of the update that is not finite.
    fault: Option<StepFault>,
}

/// A number that is not finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StepFault {
    /// Which one, in words.
    pub(super) what: String,
    /// Optimiser step of the update, from 0.
    pub(super) step: usize,
}

impl ParameterMap {
    /// The parameters of actor and critic, each with its memory first, layer after layer, then the spread.
    pub(super) fn of(policy: &PolicyNetwork) -> Self {
        let (mut tensors, mut layers, mut at) = (Vec::new(), Vec::new(), 0);
        let mut next = |len: usize| {
            at += len;
            at - len..at
        };
        let parts = [("actor", &policy.actor_memory, &policy.actor), ("critic", &policy.critic_memory, &policy.critic)];
        for (network, memory, mlp) in parts {
            if let Some(memory) = memory {
                let first = tensors.last().map_or(0, |(_, range): &(String, Range<usize>)| range.end);
                for (part, layer) in [("input", &memory.input), ("hidden", &memory.hidden)] {
                    tensors.push((format!("{network} memory {part} weight"), next(layer.weight.len())));
                    tensors.push((format!("{network} memory {part} bias"), next(layer.bias.len())));
                }
                let end = tensors.last().map_or(first, |(_, range)| range.end);
                layers.push((format!("{network}_memory"), first..end));
            }
            for (i, layer) in mlp.layers.iter().enumerate() {
                let weight = next(layer.weight.len());
                let first = weight.start;
                tensors.push((format!("{network} layer {} weight", i + 1), weight));
                tensors.push((format!("{network} layer {} bias", i + 1), next(layer.bias.len())));
                if let Some(norm) = mlp.norms.get(i) {
                    tensors.push((format!("{network} layer {} gain", i + 1), next(norm.gain.len())));
                    tensors.push((format!("{network} layer {} normalised bias", i + 1), next(norm.bias.len())));
                }
                let end = tensors.last().map_or(first, |(_, range)| range.end);
                layers.push((format!("{network}_{}", i + 1), first..end));
            }
        }
        if !policy.log_std.is_empty() {
            let spread = next(policy.log_std.len());
            layers.push(("spread".into(), spread.clone()));
            tensors.push(("the logarithm of the actions' spread".into(), spread));
        }
        Self { tensors, layers }
    }

    /// Number of parameters.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.tensors.last().map_or(0, |(_, range)| range.end)
    }

    /// The layers by name, in the vector's order.
    pub(super) fn layers(&self) -> &[(String, Range<usize>)] {
        &self.layers
    }

    /// Where the last layer of the critic lies: weight, bias.
    pub(super) fn critic_head(&self) -> Option<[Range<usize>; 2]> {
        let at = self.tensors.iter().rposition(|(name, _)| name.starts_with("critic") && name.ends_with("weight"))?;
        Some([self.tensors[at].1.clone(), self.tensors[at + 1].1.clone()])
    }

    /// Name of the first tensor with a number that is not finite.
    pub(super) fn first_not_finite(&self, vector: &[f32]) -> Option<&str> {
        if all_finite(vector) {
            return None;
        }
        let bad = |(_, range): &&(String, Range<usize>)| !all_finite(&vector[range.clone()]);
        self.tensors.iter().find(bad).map(|(name, _)| name.as_str())
    }
}

impl StepWatch {
    pub(super) fn new(map: ParameterMap) -> Self {
        let norms = vec![0.0; map.layers.len()];
        Self { map, norms, steps: 0, fault: None }
    }

    /// Forgets the last update.
    pub(super) fn begin(&mut self) {
        self.norms.fill(0.0);
        (self.steps, self.fault) = (0, None);
    }

    /// Takes down a step whose layers had gradients of these norms.
    pub(super) fn count(&mut self, norms: impl Iterator<Item = f64>) {
        self.norms.iter_mut().zip(norms).for_each(|(sum, norm)| *sum += norm);
        self.steps += 1;
    }

    /// Looks for numbers of the last step that are not finite, in the order in which they arose.
    pub(super) fn look(&mut self, figures: &StepFigures, gradient: &[f32], parameters: &[f32]) {
        self.look_at(figures, gradient, parameters, self.steps.saturating_sub(1));
    }

    /// The same at a step of the update.
    pub(super) fn look_at(&mut self, figures: &StepFigures, gradient: &[f32], parameters: &[f32], step: usize) {
        let bad = if let Some(loss) = figures.first_bad_loss() {
            Some(loss.to_string())
        } else if let Some(name) = self.map.first_not_finite(gradient) {
            Some(format!("the gradient of {name}"))
        } else {
            self.map.first_not_finite(parameters).map(|name| format!("{name}, after the optimiser's step,"))
        };
        if let Some(what) = bad {
            self.fail(what, step);
        }
    }

    /// Keeps a fault, if it is the first.
    pub(super) fn fail(&mut self, what: String, step: usize) {
        self.fault.get_or_insert(StepFault { what, step });
    }

    pub(super) fn fault(&self) -> Option<&StepFault> {
        self.fault.as_ref()
    }

    /// Mean gradient norm of each layer over the steps of the update.
    pub(super) fn mean_norms(&self) -> Vec<f64> {
        self.norms.iter().map(|sum| sum / self.steps.max(1) as f64).collect()
    }
}

/// Whether every number is finite; the largest of the bits tells, without a branch.
pub(super) fn all_finite(numbers: &[f32]) -> bool {
    const INFINITE: u32 = 0x7f80_0000;
    numbers.iter().fold(0, |largest, x| (x.to_bits() & !(1 << 31)).max(largest)) < INFINITE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Activation;
    use flexai_env::core::{SeedTree, Space};

    fn policy() -> PolicyNetwork {
        let mut rng = SeedTree::new(1).stream("weights");
        PolicyNetwork::drawn(3, &Space::uniform_box(2, -1.0, 1.0), &[4], Activation::Tanh, &mut rng)
    }

    #[test]
    fn every_parameter_has_a_name_and_the_first_bad_one_is_told() {
        let map = ParameterMap::of(&policy());
        // Actor 3 x 4 + 4 + 4 x 2 + 2 = 26, critic 3 x 4 + 4 + 4 + 1 = 21, two spreads.
        assert_eq!(map.len(), 26 + 21 + 2);
        let mut vector = vec![1.0; map.len()];
        assert_eq!(map.first_not_finite(&vector), None);
        for (at, name) in [
            (48, "the logarithm of the actions' spread"),
            (46, "critic layer 2 bias"),
            (26, "critic layer 1 weight"),
            (12, "actor layer 1 bias"),
            (0, "actor layer 1 weight"),
        ] {
            vector[at] = if at % 4 == 0 { f32::NAN } else { f32::NEG_INFINITY };
            assert_eq!(map.first_not_finite(&vector), Some(name));
        }
        assert_eq!(map.critic_head(), Some([42..46, 46..47]));
    }

    #[test]
    fn the_first_fault_of_an_update_is_kept() {
        let mut watch = StepWatch::new(ParameterMap::of(&policy()));
        let (good, mut bad) = (vec![0.5; 49], vec![0.5; 49]);
        bad[13] = f32::NAN;
        for gradient in [&good, &bad] {
            watch.count([3.0; 5].into_iter());
            watch.look(&StepFigures::default(), gradient, &good);
        }
        watch.look(&StepFigures { value_loss: f64::NAN, ..StepFigures::default() }, &good, &good);
        let fault = StepFault { what: "the gradient of actor layer 1 bias".into(), step: 1 };
        assert_eq!(watch.fault(), Some(&fault));
        assert_eq!(watch.mean_norms(), [3.0; 5]);
        watch.begin();
        assert_eq!((watch.fault(), watch.mean_norms()), (None, vec![0.0; 5]));
    }

    #[test]
    fn large_numbers_of_either_sign_are_finite_and_infinities_are_not() {
        assert!(all_finite(&[f32::MAX, f32::MIN, -0.0, 1e-45]));
        for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!all_finite(&[0.0, bad]));
        }
    }
}

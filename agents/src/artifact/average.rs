//! Several policies as one that decides by their mean.
//!
//! In: networks of one kind. Out: one network whose answer is the mean of theirs: their hidden layers lie beside each
//! other, the last layers are added up. Always: exact but for rounding; a policy is refused in words if it is of another
//! kind. Not here: whose policies these are (`train/`).
//!
//! Networks that learnt from different seeds err in different places, so that their mean errs less than one of them.

use super::layers::{Dense, Mlp};
use super::network::{CriticInput, PolicyNetwork};
use super::style::HeadStyle;
use flexai_env::core::ActionComponent;

/// Most policies that are averaged: the second hidden layer grows with their square.
const MOST: usize = 16;

impl PolicyNetwork {
    /// The mean of policies: of their actions, spreads and values.
    ///
    /// # Errors
    /// A message if there are none or too many, or they are not plain networks of normals for the same observation and
    /// action.
    pub fn averaged(policies: &[&Self]) -> Result<Self, String> {
        let [first, others @ ..] = policies else { return Err("there is no policy to average".into()) };
        if policies.len() > MOST {
            return Err(format!("there are {} policies, expected at most {MOST}", policies.len()));
        }
        for policy in policies {
            let continuous = policy.heads.components.iter().all(|c| matches!(c, ActionComponent::Continuous { .. }));
            if !continuous || policy.heads.style != HeadStyle::default() {
                return Err("a policy has choices or another distribution, expected normals of its own spread".into());
            }
            if policy.normalizer.is_some() || policy.actor_memory.is_some() {
                return Err("a policy normalises its observation or has a memory, expected a plain network".into());
            }
        }
        if others.iter().any(|other| other.heads != first.heads || other.critic_input != first.critic_input) {
            return Err("policies differ in their action or critic, expected runs of one configuration".into());
        }
        let critic = match first.critic_input {
            CriticInput::Absent => first.critic.clone(),
            CriticInput::Observation => beside(policies.iter().map(|policy| &policy.critic))?,
            CriticInput::Features | CriticInput::Privileged => {
                return Err("the critic shares the actor's layers, expected one of its own".into());
            }
        };
        let actor = beside(policies.iter().map(|policy| &policy.actor))?;
        let mean = |i: usize| policies.iter().map(|p| f64::from(p.log_std[i])).sum::<f64>() / policies.len() as f64;
        let log_std = (0..first.log_std.len()).map(|i| mean(i) as f32).collect();
        Ok(Self { actor, critic, log_std, ..(*first).clone() })
    }
}

/// Layers beside each other, whose answers are averaged.
fn beside<'a>(networks: impl Iterator<Item = &'a Mlp> + Clone) -> Result<Mlp, String> {
    let first = networks.clone().next().expect("there is a first policy");
    let depth = first.layers.len();
    let alike =
        |other: &Mlp| other.layers.len() == depth && other.activation == first.activation && other.norms.is_empty();
    if !networks.clone().all(alike) {
        return Err("networks differ in depth or activation, or normalise layers, expected runs of one kind".into());
    }
    if networks.clone().any(|other| other.layers[0].inputs != first.layers[0].inputs) {
        return Err("policies read observations of different length".into());
    }
    let count = networks.clone().count();
    let layer = |i: usize| {
        let (joint_inputs, joint_outputs) = (i == 0, i + 1 == depth);
        let parts = networks.clone().map(|network| &network.layers[i]);
        let width = |joint: bool, of: fn(&Dense) -> usize| {
            let widths = parts.clone().map(of);
            if joint { widths.max().unwrap_or(0) } else { widths.sum() }
        };
        let (inputs, outputs) = (width(joint_inputs, |l| l.inputs), width(joint_outputs, |l| l.outputs));
        let mut all = Dense { inputs, outputs, weight: vec![0.0; inputs * outputs], bias: vec![0.0; outputs] };
        let share = if joint_outputs { 1.0 / count as f32 } else { 1.0 };
        let (mut row, mut column) = (0, 0);
        for part in parts.clone() {
            for (r, weights) in part.weight.chunks_exact(part.outputs).enumerate() {
                let at = (row + r) * outputs + column;
                all.weight[at..at + part.outputs].iter_mut().zip(weights).for_each(|(sum, x)| *sum += share * x);
            }
            all.bias[column..column + part.outputs].iter_mut().zip(&part.bias).for_each(|(sum, x)| *sum += share * x);
            row += if joint_inputs { 0 } else { part.inputs };
            column += if joint_outputs { 0 } else { part.outputs };
        }
        all
    };
    Ok(Mlp { layers: (0..depth).map(layer).collect(), norms: Vec::new(), activation: first.activation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{Activation, MlpScratch};
    use flexai_env::core::{SeedTree, Space};
    use rand::RngExt;

    fn policy(seed: u64, hidden: &[usize], space: &Space) -> PolicyNetwork {
        let mut rng = SeedTree::new(seed).stream("weights");
        let mut policy = PolicyNetwork::drawn(9, space, hidden, Activation::Tanh, &mut rng);
        let layers = policy.actor.layers.iter_mut().chain(&mut policy.critic.layers);
        layers.flat_map(|layer| &mut layer.bias).for_each(|x| *x = rng.random::<f32>() - 0.5);
        policy
    }

    #[test]
    fn the_answer_is_the_mean_of_all_answers_whatever_the_widths() {
        let space = Space::uniform_box(3, -1.0, 1.0);
        let policies = [policy(1, &[16, 8], &space), policy(2, &[12, 20], &space), policy(3, &[4, 4], &space)];
        let one = PolicyNetwork::averaged(&policies.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(one.validate(), Ok(()));
        let mut rng = SeedTree::new(4).stream("observation");
        for _ in 0..20 {
            let x: Vec<f32> = (0..9).map(|_| 2.0 * rng.random::<f32>() - 1.0).collect();
            for (of, len) in [((|p| &p.actor) as fn(&PolicyNetwork) -> &Mlp, 3), (|p| &p.critic, 1)] {
                let say = |policy: &PolicyNetwork| {
                    let mut out = vec![0.0; len];
                    of(policy).forward(&x, &mut MlpScratch::default(), &mut out);
                    out
                };
                let all: Vec<Vec<f32>> = policies.iter().map(say).collect();
                for (i, found) in say(&one).iter().enumerate() {
                    let mean = all.iter().map(|said| said[i]).sum::<f32>() / 3.0;
                    assert!((found - mean).abs() < 1e-5, "{found} and {mean}");
                }
            }
        }
    }

    #[test]
    fn policies_of_different_kinds_are_refused_in_words() {
        let space = Space::uniform_box(3, -1.0, 1.0);
        let plain = policy(1, &[16, 8], &space);
        let refused = |other: &PolicyNetwork| PolicyNetwork::averaged(&[&plain, other]).unwrap_err();
        assert!(refused(&policy(2, &[16], &space)).contains("depth"));
        assert!(refused(&policy(2, &[16, 8], &Space::uniform_box(2, -1.0, 1.0))).contains("action"));
        assert!(refused(&policy(2, &[16, 8], &Space::discrete(3))).contains("choices"));
        assert!(PolicyNetwork::averaged(&[]).unwrap_err().contains("no policy"));
    }
}

//! A hybrid as a policy: plan and network together, wherever a policy is played.

use super::{Plan, PlanConfig};
use crate::policy::{NetworkPolicy, Policy, PolicySource, Situation};

/// A plan and the network that adjusts it.
pub struct HybridPolicy {
    network: NetworkPolicy,
    plan: Plan,
    observation: Vec<f32>,
    answer: Vec<f32>,
}

/// Makes hybrids, one per thread.
pub struct HybridSource {
    network: NetworkPolicy,
    config: PlanConfig,
}

impl HybridSource {
    /// The network that was trained with this plan.
    ///
    /// # Errors
    /// A message if the source of the plan is no rival.
    pub fn new(network: NetworkPolicy, config: &PlanConfig) -> Result<Self, String> {
        Plan::new(config)?;
        Ok(Self { network, config: config.clone() })
    }
}

impl PolicySource for HybridSource {
    fn name(&self) -> &str {
        PolicySource::name(&self.network)
    }

    fn make(&self) -> Box<dyn Policy> {
        let plan = Plan::new(&self.config).expect("its source was found before");
        let network = self.network.clone();
        Box::new(HybridPolicy { network, plan, observation: Vec::new(), answer: Vec::new() })
    }
}

/// A network alone, or with the plan that it was trained to adjust.
///
/// # Errors
/// A message if the source of the plan is no rival.
pub fn player(network: NetworkPolicy, plan: Option<&PlanConfig>) -> Result<Box<dyn PolicySource>, String> {
    match plan {
        None => Ok(Box::new(network)),
        Some(plan) => Ok(Box::new(HybridSource::new(network, plan)?)),
    }
}

impl Policy for HybridPolicy {
    fn name(&self) -> &str {
        Policy::name(&self.network)
    }

    fn begin_episode(&mut self, seed: u64) {
        self.network.begin_episode(seed);
        self.plan.source.begin_episode(seed);
    }

    fn decide(&mut self, situation: &Situation<'_>, action: &mut [f32]) {
        self.plan.ask(situation, action.len());
        self.observation.clear();
        self.observation.extend_from_slice(situation.observation);
        self.observation.extend_from_slice(&self.plan.base);
        self.answer.resize(action.len(), 0.0);
        let seen = Situation { observation: &self.observation, mask: &[], site: None };
        self.network.decide(&seen, &mut self.answer);
        self.plan.adjusted(&self.answer, action);
    }
}

//! Hybrid policies: a plan gives the base action, a network adjusts it in real time.
//!
//! In: any rival as the source of the plan, and a network that sees the plan beside the observation. Out: the base action
//! moved by `gain` times the network's answer, within the bounds of the action space.
//! Always: training (`env.rs`) and playing (`policy.rs`) go through the one [`Plan`]; with a gain of 0, or a network that
//! answers 0, the plan is played as it is. Not here: the plans themselves (`rivals/`).

mod env;
mod policy;
#[cfg(test)]
mod tests;

pub use env::PlannedFleet;
pub use policy::{HybridPolicy, HybridSource, player};

use crate::policy::{Policy, PolicySource as _, Situation};
use crate::rivals::ChosenRival;
use flexai_env::core::{ObservationField, ObservationSchema};
use flexai_env::site::SiteConfig;
use serde::{Deserialize, Serialize};

/// Where the base action comes from: table `[plan]` of a training configuration; travels with the policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanConfig {
    /// A rival.
    pub source: String,
    /// How far the network moves an action at most, in units of the action (-1 .. 1); 2 lets it overrule any plan.
    #[serde(default = "default_gain")]
    pub gain: f64,
}

fn default_gain() -> f64 {
    1.0
}

impl PlanConfig {
    /// Faults of the plan itself as `(key, message)`.
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        match chosen(&self.source) {
            Err(message) => faults.push(("plan.source".into(), format!("`plan.source` {message}"))),
            Ok(rival) if rival.sees_the_future() => {
                let text = format!(
                    "`plan.source` is `{}`, which sees the future, expected a rival that knows no more than the policy",
                    self.source
                );
                faults.push(("plan.source".into(), text));
            }
            Ok(_) => {}
        }
        if !(self.gain > 0.0 && self.gain <= 2.0) {
            faults.push(("plan.gain".into(), format!("`plan.gain` is {}, expected more than 0, at most 2", self.gain)));
        }
        faults
    }

    /// Faults of the plan, and of the two together, in a scenario: discrete actions cannot be moved.
    pub fn validate(&self, scenario: &SiteConfig) -> Vec<(String, String)> {
        let mut faults = self.faults();
        if let Some(why) = chosen(&self.source).ok().and_then(|rival| rival.unfit(scenario)) {
            let text = format!("`plan.source` is `{}`, which {why}, expected a rival that can play it", self.source);
            faults.push(("plan.source".into(), text));
        }
        if scenario.controls.discrete_levels > 0 {
            let text =
                "`plan` moves continuous actions, but `controls.discrete_levels` makes them discrete, expected 0";
            faults.push(("plan".into(), text.into()));
        }
        faults
    }
}

fn chosen(source: &str) -> Result<ChosenRival, String> {
    ChosenRival::parse(source).map_err(|error| format!("is `{source}`, expected a rival: {error}"))
}

/// A plan being followed: asks its source once per period, and moves what it said.
struct Plan {
    source: Box<dyn Policy>,
    gain: f32,
    base: Vec<f32>,
}

impl Plan {
    /// A plan that has not been asked yet.
    ///
    /// # Errors
    /// A message if the source is no rival.
    fn new(config: &PlanConfig) -> Result<Self, String> {
        Ok(Self { source: chosen(&config.source)?.make(), gain: config.gain as f32, base: Vec::new() })
    }

    /// Asks the source for an action of a length; its answer is kept within the bounds of an action.
    fn ask(&mut self, situation: &Situation<'_>, actions: usize) {
        self.base.resize(actions, 0.0);
        self.source.decide(situation, &mut self.base);
        for x in &mut self.base {
            *x = if x.is_nan() { 0.0 } else { x.clamp(-1.0, 1.0) };
        }
    }

    /// The base action moved by a network's answer; what is no number moves nothing.
    fn adjusted(&self, answer: &[f32], action: &mut [f32]) {
        for ((out, base), x) in action.iter_mut().zip(&self.base).zip(answer) {
            let x = if x.is_nan() { 0.0 } else { x.clamp(-1.0, 1.0) };
            *out = (base + self.gain * x).clamp(-1.0, 1.0);
        }
    }
}

/// The schema of an observation with the plan's base action behind it.
pub fn planned_schema(mut schema: ObservationSchema, actions: &[String]) -> ObservationSchema {
    let planned = actions.iter().map(|name| ObservationField {
        name: format!("plan_{name}"),
        unit: "1".into(),
        scaling: "base action of the plan, -1 .. 1".into(),
    });
    schema.fields.extend(planned);
    schema
}

/// Names of the numbers that a hybrid's network answers with.
pub fn adjustment_names(actions: &[String]) -> Vec<String> {
    actions.iter().map(|name| format!("adjust_{name}")).collect()
}

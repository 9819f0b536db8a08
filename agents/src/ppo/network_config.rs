//! What the networks of PPO look like.
//!
//! In: a TOML table. Out: settings, or all their faults at once.
//! Always: every default is written here and nowhere else; derived values are methods.
//! Not here: how they learn (`config.rs`), the networks themselves (`actor_critic.rs`).

use super::config::{Faults, PpoConfig, nearest_divisors};
use crate::artifact::{
    Activation, CriticInput, Distribution, HeadStyle, LOG_STD_RANGE, MEMORY_SIZE_MAX, MemoryCell, Spread,
};
use serde::{Deserialize, Serialize};

const WIDTH_MAX: usize = 1 << 14;

/// The two networks, actor and critic: table `[network]` of `configs/train/*.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkConfig {
    /// Width of each hidden layer; at least one layer.
    pub hidden: Vec<usize>,
    /// Non-linearity after each hidden layer.
    pub activation: Activation,
    /// Normalise each hidden layer before its activation.
    pub layer_norm: bool,
    /// How continuous actions are distributed: a normal that is clipped when sent, one squashed into the bounds, or a beta
    /// distribution over them.
    pub distribution: Distribution,
    /// Where the spread of a normal comes from: learnt by itself, said by the actor, or by state-dependent exploration.
    pub spread: Spread,
    /// Logarithm of the initial standard deviation of continuous actions; with `gsde` of each feature's part in it.
    pub log_std_init: f64,
    /// Whether the critic has layers of its own or one linear layer on the actor's last hidden one.
    pub critic: CriticKind,
    /// Whether the critic reads what the actor reads, or also what only training knows, where the environment offers it.
    pub critic_observation: CriticObservation,
    /// Width of each hidden layer of a separate critic; `None` takes `hidden`.
    pub critic_hidden: Option<Vec<usize>>,
    /// Gain of the actor's last layer at the start; small, so that the first policy is nearly uniform.
    pub policy_gain: f64,
    /// What reads the observation first and remembers the episode: nothing, a GRU or an LSTM; the hidden layers then read
    /// what it shows.
    pub memory: MemoryChoice,
    /// Units of the memory; at least 1.
    pub memory_size: usize,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            hidden: vec![64, 64],
            activation: Activation::Tanh,
            layer_norm: false,
            distribution: Distribution::Gaussian,
            spread: Spread::Independent,
            log_std_init: 0.0,
            critic: CriticKind::Separate,
            critic_observation: CriticObservation::Actor,
            critic_hidden: None,
            policy_gain: 0.01,
            memory: MemoryChoice::None,
            memory_size: 64,
        }
    }
}

/// Memory of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryChoice {
    /// It looks at the present alone.
    #[default]
    None,
    /// Gated recurrent units.
    Gru,
    /// Long short-term memory.
    Lstm,
}

/// How actor and critic belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriticKind {
    /// Layers of its own.
    #[default]
    Separate,
    /// One linear layer on the actor's last hidden layer; both losses shape the layers below.
    Shared,
}

/// What the critic sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriticObservation {
    /// What the actor sees.
    #[default]
    Actor,
    /// That and what the environment knows but does not show; the exported policy then has no critic.
    Privileged,
}

impl NetworkConfig {
    /// How continuous actions are distributed.
    pub fn style(&self) -> HeadStyle {
        HeadStyle { distribution: self.distribution, spread: self.spread }
    }

    /// What the critic reads.
    pub fn critic_input(&self) -> CriticInput {
        match (self.critic, self.critic_observation) {
            (CriticKind::Shared, _) => CriticInput::Features,
            (CriticKind::Separate, CriticObservation::Actor) => CriticInput::Observation,
            (CriticKind::Separate, CriticObservation::Privileged) => CriticInput::Privileged,
        }
    }

    /// Width of each hidden layer of a separate critic.
    pub fn critic_widths(&self) -> &[usize] {
        self.critic_hidden.as_deref().unwrap_or(&self.hidden)
    }

    /// All faults, each with its key, what was found and what was expected; empty if there is none.
    pub fn validate(&self) -> Vec<String> {
        let mut faults = Faults::new("network");
        for (key, widths) in [("hidden", Some(&self.hidden)), ("critic_hidden", self.critic_hidden.as_ref())] {
            let faulty = |w: &Vec<usize>| w.is_empty() || w.iter().any(|width| *width == 0 || *width > WIDTH_MAX);
            if let Some(widths) = widths.filter(|w| faulty(w)) {
                faults.add(key, format!("{widths:?}"), &format!("at least one width in 1..={WIDTH_MAX}"));
            }
        }
        if self.critic == CriticKind::Shared && self.critic_hidden.is_some() {
            faults.add("critic_hidden", "given", "nothing, because a shared critic has no layers of its own");
        }
        if self.critic == CriticKind::Shared && self.critic_observation == CriticObservation::Privileged {
            let expected = "`actor`, because a shared critic reads the actor's layers, and the actor sees nothing more";
            faults.add("critic_observation", "`privileged`", expected);
        }
        if self.distribution == Distribution::Beta && self.spread != Spread::Independent {
            let found = serde_name(self.spread);
            faults.add("spread", found, "`independent`, because a beta distribution has no spread of its own");
        }
        let spread = self.log_std_init;
        let (low, high) = (f64::from(LOG_STD_RANGE.0), f64::from(LOG_STD_RANGE.1));
        if self.spread == Spread::State {
            let expected = format!("a number in [{low}, {high}], the range of a spread said by the actor");
            faults.within("log_std_init", spread, (low..=high).contains(&spread), &expected);
        } else {
            faults.within("log_std_init", spread, (-20.0..=5.0).contains(&spread), "a number in [-20, 5]");
        }
        faults.positive("policy_gain", self.policy_gain);
        if self.memory_size == 0 || self.memory_size > MEMORY_SIZE_MAX {
            faults.add("memory_size", self.memory_size, &format!("a number of units in 1..={MEMORY_SIZE_MAX}"));
        }
        faults.list
    }

    /// Kind and units of the memory, if there is one.
    pub fn memory(&self) -> Option<(MemoryCell, usize)> {
        match self.memory {
            MemoryChoice::None => None,
            MemoryChoice::Gru => Some((MemoryCell::Gru, self.memory_size)),
            MemoryChoice::Lstm => Some((MemoryCell::Lstm, self.memory_size)),
        }
    }

    /// What keeps such networks from learning in this way, each with its key; empty if nothing does.
    pub fn validate_with(&self, ppo: &PpoConfig) -> Vec<String> {
        let mut faults = Faults::new("ppo");
        let (envs, minibatches) = (ppo.num_envs, ppo.num_minibatches);
        if self.memory != MemoryChoice::None && minibatches > 0 && envs > 0 && !envs.is_multiple_of(minibatches) {
            let why = "because with `network.memory` a minibatch holds whole sequences";
            let near = nearest_divisors(envs, minibatches);
            let expected = format!("a divisor of the {envs} environments (`ppo.num_envs`), {why}; {near}");
            faults.add("num_minibatches", minibatches, &expected);
        }
        faults.list
    }
}

/// A choice as the configuration writes it.
fn serde_name(spread: Spread) -> &'static str {
    match spread {
        Spread::Independent => "`independent`",
        Spread::State => "`state`",
        Spread::Gsde => "`gsde`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_fault() {
        assert_eq!(NetworkConfig::default().validate(), Vec::<String>::new());
        let network = NetworkConfig { hidden: vec![64, 0], policy_gain: 0.0, ..NetworkConfig::default() };
        assert_eq!(network.validate().len(), 2);
    }

    #[test]
    fn choices_that_exclude_each_other_are_refused_in_words() {
        let refused = |config: NetworkConfig| config.validate().join("\n");
        let plain = NetworkConfig::default;
        assert_eq!(
            refused(NetworkConfig { critic: CriticKind::Shared, critic_hidden: Some(vec![8]), ..plain() }),
            "`network.critic_hidden` is given, expected nothing, because a shared critic has no layers of its own"
        );
        assert_eq!(
            refused(NetworkConfig { distribution: Distribution::Beta, spread: Spread::Gsde, ..plain() }),
            "`network.spread` is `gsde`, expected `independent`, because a beta distribution has no spread of its own"
        );
        assert_eq!(
            refused(NetworkConfig { spread: Spread::State, log_std_init: -9.0, ..plain() }),
            "`network.log_std_init` is -9, expected a number in [-5, 2], the range of a spread said by the actor"
        );
        assert!(refused(NetworkConfig { critic_hidden: Some(vec![]), ..plain() }).contains("`network.critic_hidden`"));
    }

    #[test]
    fn a_memory_has_units_and_minibatches_of_whole_sequences() {
        let network = NetworkConfig { memory: MemoryChoice::Gru, memory_size: 0, ..NetworkConfig::default() };
        assert_eq!(network.validate(), ["`network.memory_size` is 0, expected a number of units in 1..=16384"]);
        let ppo = PpoConfig { num_envs: 6, num_steps: 32, num_minibatches: 4, ..PpoConfig::default() };
        assert_eq!(
            network.validate_with(&ppo),
            ["`ppo.num_minibatches` is 4, expected a divisor of the 6 environments (`ppo.num_envs`), because with \
              `network.memory` a minibatch holds whole sequences; the nearest are 3 and 6"]
        );
        assert_eq!(NetworkConfig::default().validate_with(&ppo), Vec::<String>::new());
        let text = serde_json::from_str::<NetworkConfig>(r#"{"memory": "rnn"}"#).unwrap_err().to_string();
        assert!(text.contains("unknown variant `rnn`, expected one of `none`, `gru`, `lstm`"), "{text}");
    }
}

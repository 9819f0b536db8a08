//! Probe environments: each proves one ability of the trainer by a number known beforehand.

#![cfg(feature = "training")]
#![allow(clippy::unwrap_used, reason = "a test may unwrap: its panic is its message")]

mod common;

use common::{evaluate, trainer};
use flexai_agents::artifact::{
    ActMode, ActScratch, ActionHead, Activation, CriticInput, Distribution, MemoryState, Spread, sample,
};
use flexai_agents::ppo::{CriticKind, CriticObservation, NetworkConfig, PpoConfig, Trainer};
use flexai_env::core::{EnvContext, SeedTree};
use rand::RngExt;

fn config() -> PpoConfig {
    PpoConfig {
        num_envs: 8,
        num_steps: 32,
        total_steps: 8 * 32 * 80,
        learning_rate: 1e-2,
        gamma: 0.9,
        num_minibatches: 4,
        update_epochs: 8,
        normalize_observation: false,
        normalize_reward: false,
        ..PpoConfig::default()
    }
}

fn trained(id: &str, config: &PpoConfig) -> Trainer {
    trained_as(id, config, &NetworkConfig { hidden: vec![16, 16], ..NetworkConfig::default() })
}

fn trained_as(id: &str, config: &PpoConfig, network: &NetworkConfig) -> Trainer {
    let mut trainer = trainer(id, config, network, 1);
    while !trainer.finished() {
        trainer.update().unwrap();
    }
    trainer
}

fn value(trainer: &Trainer, observation: f32) -> f64 {
    let mask = vec![true; trainer.environments().action_space().mask_len()];
    let policy = trainer.policy_network();
    let (state, scratch) = (&mut MemoryState::default(), &mut ActScratch::default());
    f64::from(policy.act(&[observation], &mask, state, scratch, ActMode::Deterministic).value.unwrap())
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected} within {tolerance}");
}

#[test]
fn the_value_of_a_constant_reward_is_learned() {
    assert_near(value(&trained("ProbeConstantReward-v0", &config()), 0.0), 1.0, 0.02);
}

#[test]
fn the_value_follows_the_observation() {
    let trainer = trained("ProbeObservedReward-v0", &config());
    assert_near(value(&trainer, -1.0), -1.0, 0.05);
    assert_near(value(&trainer, 1.0), 1.0, 0.05);
}

#[test]
fn a_delayed_reward_is_discounted() {
    let trainer = trained("ProbeDelayedReward-v0", &config());
    assert_near(value(&trainer, 0.0), 0.9, 0.02);
    assert_near(value(&trainer, 1.0), 1.0, 0.02);
}

#[test]
fn the_rewarded_action_is_learned() {
    assert_near(evaluate("ProbeActionReward-v0", &trained("ProbeActionReward-v0", &config()), 10), 1.0, 0.0);
}

#[test]
fn the_action_follows_the_observation() {
    let id = "ProbeActionObservation-v0";
    assert_near(evaluate(id, &trained(id, &config()), 20), 1.0, 0.0);
}

/// Taken for a termination, an end every 16 steps would leave at most `1 / (1 - 0.9 x 15 / 16)`, which is 6.4.
#[test]
fn truncation_bootstraps_so_that_an_endless_reward_is_worth_ten() {
    assert_near(value(&trained("ProbeTruncatedConstant-v0", &config()), 0.0), 10.0, 0.2);
}

#[test]
fn an_illegal_arm_is_never_drawn_however_well_it_pays() {
    let id = "ProbeMaskedBandit-v0";
    let network = NetworkConfig { hidden: vec![16, 16], ..NetworkConfig::default() };
    let mut trainer = trainer(id, &config(), &network, 1);
    let column = trainer.environments().info_keys().iter().position(|key| *key == "illegal_action").unwrap();
    while !trainer.finished() {
        let report = trainer.update().unwrap();
        assert_eq!(report.info_means[column], 0.0, "update {}", report.update);
    }
    assert_near(evaluate(id, &trainer, 20), 0.5, 0.0);
}

#[test]
fn both_parts_of_a_hybrid_action_are_learned() {
    let id = "ProbeHybrid-v0";
    let trainer = trained(id, &config());
    let score = evaluate(id, &trainer, 20);
    assert!(score > 0.98, "{score}: 0.5 would be blind to the choice, 0.75 to the level");
}

/// Each distribution finds a point of its range that the observation chooses.
#[test]
fn the_target_is_reached_by_every_distribution() {
    let id = "ProbeTarget-v0";
    for (distribution, spread) in [
        (Distribution::Gaussian, Spread::Independent),
        (Distribution::Gaussian, Spread::State),
        (Distribution::Gaussian, Spread::Gsde),
        (Distribution::Squashed, Spread::Independent),
        (Distribution::Squashed, Spread::State),
        (Distribution::Squashed, Spread::Gsde),
        (Distribution::Beta, Spread::Independent),
    ] {
        let hidden = vec![16, 16];
        let log_std_init = if spread == Spread::Gsde { -1.0 } else { 0.0 };
        let network = NetworkConfig { hidden, distribution, spread, log_std_init, ..NetworkConfig::default() };
        // At a hundredth a spread that the actor says collapses before the mean has arrived; the parameters of a beta
        // distribution, which count by their ratio, need it to come near a bound.
        let learning_rate = if distribution == Distribution::Beta { 1e-2 } else { 3e-3 };
        let config = PpoConfig { learning_rate, ..config() };
        let score = evaluate(id, &trained_as(id, &config, &network), 20);
        assert!(score > -0.01, "{distribution:?} {spread:?}: {score}, a miss of 0.1 costs 0.01");
    }
}

#[test]
fn every_activation_normalised_layers_and_both_critics_learn() {
    let id = "ProbeActionObservation-v0";
    let plain = || NetworkConfig { hidden: vec![16, 16], ..NetworkConfig::default() };
    let kinds = [
        NetworkConfig { activation: Activation::Elu, ..plain() },
        NetworkConfig { activation: Activation::Gelu, ..plain() },
        NetworkConfig { activation: Activation::Silu, layer_norm: true, ..plain() },
        NetworkConfig { activation: Activation::LeakyRelu, critic_hidden: Some(vec![8]), ..plain() },
        NetworkConfig { critic: CriticKind::Shared, ..plain() },
    ];
    for kind in kinds {
        let trainer = trained_as(id, &config(), &kind);
        assert_near(evaluate(id, &trainer, 20), 1.0, 0.0);
        assert_near(value(&trainer, 1.0), 1.0, 0.05);
    }
}

/// A million draws of a policy whose logits prefer the illegal arms by far.
#[test]
fn a_million_draws_never_take_an_illegal_arm() {
    let mut env = flexai_env::core::make("ProbeMaskedBandit-v0", &EnvContext::default()).unwrap();
    let head: ActionHead = env.action_space().components().into();
    let mut rng = SeedTree::new(3).stream("draws");
    env.reset(Some(5));
    let mut taken = [0u32; 4];
    for draw in 0..1_000_000u32 {
        let sharp = if draw % 2 == 0 { 40.0 } else { 1.0 };
        let logits = [-sharp, sharp * rng.random::<f32>(), 0.5 * sharp, 2.0 * sharp];
        let mut action = [9.0];
        let mask = env.action_mask().unwrap().to_vec();
        let log_prob = sample(&head, &logits, &[], &mask, &mut rng, &mut action);
        assert!(log_prob.is_finite(), "{logits:?} {mask:?}: {log_prob}");
        taken[action[0] as usize] += 1;
        let step = env.step(&action);
        assert_eq!(step.info.get("illegal_action"), Some(0.0), "draw {draw}: {action:?} of {mask:?}");
        env.reset(None);
    }
    assert!(taken[0] > 10_000 && taken[1] > 100_000 && taken[2] > 100_000 && taken[3] == 0, "{taken:?}");
}

/// The sign that is the reward is in no observation; what only the critic knows leaves no trace in the policy.
#[test]
fn a_critic_that_is_told_more_explains_what_no_observation_shows() {
    let id = "ProbeHiddenReward-v0";
    let explained = |critic_observation| {
        let network = NetworkConfig { hidden: vec![16, 16], critic_observation, ..NetworkConfig::default() };
        let mut trainer = trainer(id, &config(), &network, 1);
        let mut last = 0.0;
        while !trainer.finished() {
            last = trainer.update().unwrap().explained_variance;
        }
        (last, trainer.policy_network())
    };
    let (blind, policy) = explained(CriticObservation::Actor);
    assert!(blind < 0.1, "{blind}");
    assert_eq!(policy.critic_input, CriticInput::Observation);
    let (told, policy) = explained(CriticObservation::Privileged);
    assert!(told > 0.99, "{told}");
    assert_eq!((policy.critic_input, policy.critic.layers.len()), (CriticInput::Absent, 0));
    assert_eq!(policy.validate(), Ok(()));
    let (state, scratch) = (&mut MemoryState::default(), &mut ActScratch::default());
    assert_eq!(policy.act(&[0.0], &[true; 2], state, scratch, ActMode::Deterministic).value, None);
}

/// Scaled rewards change what the critic sees, not what is best; the statistics travel with the policy.
#[test]
fn normalised_observations_and_rewards_lead_to_the_same_action() {
    let id = "ProbeActionObservation-v0";
    let config = PpoConfig { normalize_observation: true, normalize_reward: true, ..config() };
    let trainer = trained(id, &config);
    assert!(trainer.policy_network().normalizer.is_some());
    assert_near(evaluate(id, &trainer, 20), 1.0, 0.0);
}

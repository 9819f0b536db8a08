//! Probe environments: each proves one ability of the trainer by a number known beforehand.

#![cfg(feature = "training")]
#![allow(clippy::unwrap_used, reason = "a test may unwrap: its panic is its message")]

mod common;

use common::{evaluate, trainer};
use flexai_agents::artifact::{ActMode, ActScratch};
use flexai_agents::ppo::{NetworkConfig, PpoConfig, Trainer};

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
    let network = NetworkConfig { hidden: vec![16, 16], ..NetworkConfig::default() };
    let mut trainer = trainer(id, config, &network, 1);
    while !trainer.finished() {
        trainer.update().unwrap();
    }
    trainer
}

fn value(trainer: &Trainer, observation: f32) -> f64 {
    let mask = vec![true; trainer.environments().action_space().mask_len()];
    let policy = trainer.policy_network();
    f64::from(policy.act(&[observation], &mask, &mut ActScratch::default(), ActMode::Deterministic).value)
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

/// Scaled rewards change what the critic sees, not what is best; the statistics travel with the policy.
#[test]
fn normalised_observations_and_rewards_lead_to_the_same_action() {
    let id = "ProbeActionObservation-v0";
    let config = PpoConfig { normalize_observation: true, normalize_reward: true, ..config() };
    let trainer = trained(id, &config);
    assert!(trainer.policy_network().normalizer.is_some());
    assert_near(evaluate(id, &trainer, 20), 1.0, 0.0);
}

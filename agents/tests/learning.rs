//! PPO learns: classic control to the returns that the field expects, each on three seeds.
//!
//! Settings are those of rl-baselines3-zoo, with which Stable-Baselines3 2.9.2 reaches 500 on CartPole-v1 (three seeds of
//! three) and -215 to -155 on Pendulum-v1. Its value loss lacks our factor 1/2: its `vf_coef` 0.5 is our 1.0.

#![cfg(feature = "training")]
#![allow(clippy::unwrap_used, reason = "a test may unwrap: its panic is its message")]

mod common;

use common::{evaluate, trainer};
use flexai_agents::ppo::{NetworkConfig, PpoConfig};
use std::time::Instant;

/// Trains on seeds 1, 2, 3 and checks the deterministic return over 50 episodes of each.
fn gate(id: &str, config: &PpoConfig, network: &NetworkConfig, threshold: f64) {
    for seed in 1..=3 {
        let start = Instant::now();
        let mut trainer = trainer(id, config, network, seed);
        let (mut collect, mut learn) = (0.0, 0.0);
        while !trainer.finished() {
            let report = trainer.update().unwrap();
            collect += report.timing.collect_seconds;
            learn += report.timing.learn_seconds;
        }
        let score = evaluate(id, &trainer, 50);
        let seconds = start.elapsed().as_secs_f64();
        let steps = trainer.env_steps();
        eprintln!(
            "{id} seed {seed}: {score:.1} after {steps} steps, {seconds:.1} s (collect {collect:.1}, learn {learn:.1})"
        );
        assert!(score >= threshold, "{id}, seed {seed}: mean return {score}, expected at least {threshold}");
    }
}

#[test]
fn cart_pole_is_balanced_for_475_steps_on_three_seeds() {
    let config = PpoConfig {
        num_envs: 8,
        num_steps: 32,
        total_steps: 100_000,
        learning_rate: 1e-3,
        anneal_lr: true,
        gamma: 0.98,
        gae_lambda: 0.8,
        num_minibatches: 1,
        update_epochs: 20,
        clip_coef: 0.2,
        anneal_clip: true,
        ent_coef: 0.0,
        vf_coef: 1.0,
        normalize_observation: false,
        normalize_reward: false,
        ..PpoConfig::default()
    };
    gate("CartPole-v1", &config, &NetworkConfig::default(), 475.0);
}

#[test]
fn pendulum_is_swung_up_to_minus_250_on_three_seeds() {
    let config = PpoConfig {
        num_envs: 4,
        num_steps: 1024,
        total_steps: 102_400,
        learning_rate: 1e-3,
        anneal_lr: false,
        gamma: 0.9,
        gae_lambda: 0.95,
        num_minibatches: 64,
        update_epochs: 10,
        clip_coef: 0.2,
        ent_coef: 0.0,
        vf_coef: 1.0,
        normalize_observation: false,
        normalize_reward: false,
        ..PpoConfig::default()
    };
    gate("Pendulum-v1", &config, &NetworkConfig::default(), -250.0);
}

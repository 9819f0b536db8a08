//! What only a policy with memory can do.

#![cfg(feature = "training")]
#![allow(clippy::unwrap_used, reason = "a test may unwrap: its panic is its message")]

mod common;

use common::{evaluate, trainer};
use flexai_agents::ppo::{MemoryChoice, NetworkConfig, PpoConfig};

/// Deterministic return over 200 episodes after training, of the probe whose best policy without memory earns 0.
fn score(memory: MemoryChoice, seed: u64) -> f64 {
    let config = PpoConfig {
        num_envs: 16,
        num_steps: 36,
        total_steps: 16 * 36 * 120,
        learning_rate: 3e-3,
        gamma: 0.95,
        num_minibatches: 2,
        normalize_observation: false,
        normalize_reward: false,
        ent_coef: 0.01,
        ..PpoConfig::default()
    };
    let network = NetworkConfig { hidden: vec![16], memory, memory_size: 16, ..NetworkConfig::default() };
    let mut trainer = trainer("ProbeMemory-v0", &config, &network, seed);
    while !trainer.finished() {
        trainer.update().unwrap();
    }
    evaluate("ProbeMemory-v0", &trainer, 200)
}

#[test]
fn a_cue_is_remembered_by_both_cells_on_three_seeds() {
    for memory in [MemoryChoice::Gru, MemoryChoice::Lstm] {
        for seed in 1..=3 {
            assert_eq!(score(memory, seed), 1.0, "{memory:?}, seed {seed}");
        }
    }
}

/// Its expected return is 0 whatever it does; five standard errors of 200 episodes are 0.36.
#[test]
fn without_memory_the_cue_is_guessed() {
    for seed in 1..=3 {
        let found = score(MemoryChoice::None, seed);
        assert!(found.abs() < 0.36, "seed {seed}: {found}");
    }
}

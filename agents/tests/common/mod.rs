//! What the training tests share: trainers of registered environments, and deterministic evaluation.

use flexai_agents::artifact::{ActMode, ActScratch, MemoryState};
use flexai_agents::device::DeviceChoice;
use flexai_agents::ppo::{NetworkConfig, PpoConfig, Trainer};
use flexai_env::core::{EnvContext, SeedTree, VecEnv, make};

/// A batch of a registered environment.
pub(crate) fn venv(id: &str, num_envs: usize) -> VecEnv {
    let context = EnvContext::default();
    VecEnv::new((0..num_envs).map(|_| make(id, &context).unwrap()).collect())
}

/// A trainer of a registered environment on the default device.
pub(crate) fn trainer(id: &str, config: &PpoConfig, network: &NetworkConfig, seed: u64) -> Trainer {
    Trainer::new(config, network, seed, venv(id, config.num_envs), DeviceChoice::Flex).unwrap()
}

/// Mean return of the deterministic policy over episodes that training never saw.
#[allow(dead_code)]
pub(crate) fn evaluate(id: &str, trainer: &Trainer, episodes: u64) -> f64 {
    let policy = trainer.policy_network();
    let mut env = make(id, &EnvContext::default()).unwrap();
    let mut scratch = ActScratch::default();
    let tree = SeedTree::new(9000);
    let mut sum = 0.0;
    for episode in 0..episodes {
        env.reset(Some(tree.child("episode", episode).seed()));
        let mut state = MemoryState::default();
        loop {
            let mask = env.action_mask().map(<[bool]>::to_vec).unwrap_or_default();
            let action = policy.act(env.observation(), &mask, &mut state, &mut scratch, ActMode::Deterministic).action;
            let step = env.step(&action);
            sum += step.reward;
            if step.terminated || step.truncated {
                break;
            }
        }
    }
    sum / episodes as f64
}

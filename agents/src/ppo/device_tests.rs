//! Resume, and every kind of network, on every device.

use super::config::PpoConfig;
use super::consistency::kinds;
use super::learner_choice::LearnerChoice;
use super::network_config::{MemoryChoice, NetworkConfig};
use super::trainer::Trainer;
use crate::device::DeviceChoice;
use flexai_env::core::{EnvContext, VecEnv, make};

/// Small, so that a software adapter is done in time; Burn learns on all devices.
fn trainer(id: &str, network: &NetworkConfig, device: DeviceChoice) -> Trainer {
    let config = PpoConfig {
        learner: LearnerChoice::Autodiff,
        num_envs: 8,
        num_steps: 16,
        total_steps: 8 * 16 * 4,
        num_minibatches: 2,
        update_epochs: 1,
        normalize_value: true,
        ..PpoConfig::default()
    };
    let envs = (0..config.num_envs).map(|_| make(id, &EnvContext::default()).unwrap()).collect();
    Trainer::new(&config, network, 5, VecEnv::new(envs), device).unwrap()
}

fn play(trainer: &mut Trainer, updates: usize) -> Vec<String> {
    (0..updates).map(|_| serde_json::to_string(&trainer.update().unwrap()).unwrap()).collect()
}

fn networks() -> [NetworkConfig; 2] {
    let remembers = NetworkConfig { memory: MemoryChoice::Gru, memory_size: 8, ..NetworkConfig::default() };
    [NetworkConfig::default(), remembers]
}

/// The last updates of a run that was saved and loaded in the middle have the bytes of one that went through.
fn assert_resumes_bit_for_bit(device: DeviceChoice) {
    for network in networks() {
        let folder = tempfile::tempdir().unwrap();
        let mut whole = trainer("ProbeHybrid-v0", &network, device);
        play(&mut whole, 2);
        whole.save(folder.path()).unwrap();
        let expected = play(&mut whole, 2);
        let mut again = trainer("ProbeHybrid-v0", &network, device);
        again.load(folder.path()).unwrap();
        assert_eq!(play(&mut again, 2), expected, "{device}");
        assert_eq!(again.policy_network(), whole.policy_network(), "{device}");
    }
}

/// After one update the weights of both devices agree but for rounding.
fn assert_every_kind_learns_as_on_flex(device: DeviceChoice) {
    for network in kinds() {
        let [flex, other] = [DeviceChoice::Flex, device].map(|device| {
            let mut trainer = trainer("Pendulum-v1", &network, device);
            trainer.update().unwrap();
            crate::device::read(trainer.learner.network.flatten()).unwrap()
        });
        for (i, (a, b)) in flex.iter().zip(&other).enumerate() {
            assert!((a - b).abs() < 1e-4, "{device}, parameter {i} of {network:?}: {a} and {b}");
        }
    }
}

#[test]
fn a_run_resumed_on_either_cpu_device_equals_one_that_never_stopped() {
    assert_resumes_bit_for_bit(DeviceChoice::Flex);
    assert_resumes_bit_for_bit(DeviceChoice::Ndarray);
}

#[test]
fn every_kind_of_network_learns_on_ndarray_as_on_flex() {
    assert_every_kind_learns_as_on_flex(DeviceChoice::Ndarray);
}

/// A graphics card picks its kernels by timing them, so even two equal runs need not have the same bits.
#[cfg(feature = "wgpu")]
#[test]
fn a_run_resumed_on_wgpu_equals_one_that_never_stopped_but_for_rounding() {
    if !crate::device::adapter_or_skip() {
        return;
    }
    let weights = |trainer: &Trainer| crate::device::read(trainer.learner.network.flatten()).unwrap();
    for network in networks() {
        let folder = tempfile::tempdir().unwrap();
        let mut whole = trainer("Pendulum-v1", &network, DeviceChoice::Wgpu);
        play(&mut whole, 2);
        whole.save(folder.path()).unwrap();
        let saved = weights(&whole);
        play(&mut whole, 1);
        let mut again = trainer("Pendulum-v1", &network, DeviceChoice::Wgpu);
        again.load(folder.path()).unwrap();
        assert_eq!(weights(&again), saved, "what was saved is what is loaded");
        play(&mut again, 1);
        for (i, (a, b)) in weights(&whole).iter().zip(weights(&again)).enumerate() {
            assert!((a - b).abs() < 1e-5, "parameter {i} of {network:?}: {a} and {b}");
        }
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn every_kind_of_network_learns_on_wgpu_as_on_flex() {
    if crate::device::adapter_or_skip() {
        assert_every_kind_learns_as_on_flex(DeviceChoice::Wgpu);
    }
}

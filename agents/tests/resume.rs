//! Same settings, same bytes: at any number of threads, and across a stop.

#![cfg(feature = "training")]
#![allow(clippy::unwrap_used, reason = "a test may unwrap: its panic is its message")]

mod common;

use common::{trainer, venv};
use flexai_agents::artifact::{Activation, Distribution, Spread};
use flexai_agents::device::DeviceChoice;
use flexai_agents::ppo::{
    CriticKind, CriticObservation, LearnerChoice, MemoryChoice, NetworkConfig, PpoConfig, PpoError, Trainer,
};
use std::path::Path;

fn config() -> PpoConfig {
    config_of(LearnerChoice::Auto)
}

fn config_of(learner: LearnerChoice) -> PpoConfig {
    PpoConfig {
        learner,
        num_envs: 40,
        num_steps: 24,
        total_steps: 40 * 24 * 8,
        num_minibatches: 4,
        update_epochs: 3,
        ent_coef: 0.01,
        anneal_clip: true,
        clip_value_loss: true,
        ..PpoConfig::default()
    }
}

fn network() -> NetworkConfig {
    NetworkConfig { hidden: vec![24, 24], ..NetworkConfig::default() }
}

/// Plays `updates` updates; the reports as text, which keeps every bit of every number.
fn play(trainer: &mut Trainer, updates: u64) -> Vec<String> {
    (0..updates).map(|_| serde_json::to_string(&trainer.update().unwrap()).unwrap()).collect()
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn stopping_and_resuming_equals_never_having_stopped_bit_for_bit() {
    let ids = ["CartPole-v1", "Pendulum-v1", "ProbeHybrid-v0", "ProbeMaskedBandit-v0"];
    let cases = ids.map(|id| (id, LearnerChoice::Host)).into_iter();
    for (id, learner) in cases.chain([("ProbeHybrid-v0", LearnerChoice::Autodiff)]) {
        let config = config_of(learner);
        let (middle, straight, resumed) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut whole = trainer(id, &config, &network(), 7);
        let first = play(&mut whole, 3);
        whole.save(middle.path()).unwrap();
        let second = play(&mut whole, 3);
        whole.save(straight.path()).unwrap();

        // Another seed: everything that matters must come from the files.
        let mut other = trainer(id, &config, &network(), 8);
        assert_ne!(play(&mut other, 1), first[..1], "{id}: seeds matter");
        other.load(middle.path()).unwrap();
        assert_eq!(other.env_steps(), 3 * 40 * 24);
        assert_eq!(play(&mut other, 3), second, "{id}");
        other.save(resumed.path()).unwrap();
        assert_eq!(files(resumed.path()), files(straight.path()), "{id}");
        assert_eq!(files(straight.path()).len(), 3);
        assert_eq!(other.policy_network(), whole.policy_network());
    }
}

/// Noise that outlives a rollout, a spread said by the actor, normalised layers, a shared critic.
#[test]
fn networks_of_other_kinds_resume_bit_for_bit_too() {
    let explored = PpoConfig { sde_sample_freq: 37, ..config() };
    let kinds = [
        NetworkConfig { spread: Spread::Gsde, ..network() },
        NetworkConfig { distribution: Distribution::Squashed, spread: Spread::State, layer_norm: true, ..network() },
        NetworkConfig { distribution: Distribution::Beta, critic: CriticKind::Shared, ..network() },
        NetworkConfig { critic_observation: CriticObservation::Privileged, ..network() },
        NetworkConfig { critic_hidden: Some(vec![12]), activation: Activation::Silu, ..network() },
        NetworkConfig { memory: MemoryChoice::Gru, memory_size: 12, ..network() },
        NetworkConfig { memory: MemoryChoice::Lstm, memory_size: 12, critic: CriticKind::Shared, ..network() },
        NetworkConfig { memory: MemoryChoice::Lstm, critic_observation: CriticObservation::Privileged, ..network() },
    ];
    for kind in kinds {
        let (middle, straight, resumed) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let told = kind.critic_observation == CriticObservation::Privileged;
        let id = if told { "ProbeHiddenReward-v0" } else { "Pendulum-v1" };
        let mut whole = trainer(id, &explored, &kind, 7);
        play(&mut whole, 2);
        whole.save(middle.path()).unwrap();
        let second = play(&mut whole, 2);
        whole.save(straight.path()).unwrap();
        let mut other = trainer(id, &explored, &kind, 8);
        other.load(middle.path()).unwrap();
        assert_eq!(play(&mut other, 2), second, "{kind:?}");
        other.save(resumed.path()).unwrap();
        assert_eq!(files(resumed.path()), files(straight.path()), "{kind:?}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit_of_state_dependent_exploration() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let kind = NetworkConfig { spread: Spread::Gsde, critic: CriticKind::Shared, ..network() };
        pool.install(|| play(&mut trainer("Pendulum-v1", &config(), &kind, 7), 2))
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn the_number_of_threads_changes_no_bit_of_what_is_remembered() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let kind = NetworkConfig { memory: MemoryChoice::Lstm, ..network() };
        pool.install(|| play(&mut trainer("CartPole-v1", &config(), &kind, 7), 2))
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn a_checkpoint_of_the_first_moment_resumes_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut whole = trainer("CartPole-v1", &config(), &network(), 7);
    whole.save(dir.path()).unwrap();
    let mut other = trainer("CartPole-v1", &config(), &network(), 8);
    other.update().unwrap();
    other.load(dir.path()).unwrap();
    assert_eq!(play(&mut other, 2), play(&mut whole, 2));
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    // Wide enough that the host shares a minibatch between threads.
    let network = NetworkConfig { hidden: vec![96, 64], ..NetworkConfig::default() };
    let run = |learner: LearnerChoice, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let dir = tempfile::tempdir().unwrap();
            let mut trainer = trainer("Pendulum-v1", &config_of(learner), &network, 7);
            let reports = play(&mut trainer, 3);
            trainer.save(dir.path()).unwrap();
            (reports, files(dir.path()))
        })
    };
    for learner in [LearnerChoice::Host, LearnerChoice::Autodiff] {
        assert_eq!(run(learner, 1), run(learner, 3));
    }
    assert_eq!(run(LearnerChoice::Host, 1), run(LearnerChoice::Auto, 2));
}

#[test]
fn a_damaged_or_missing_file_is_refused_by_name_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut whole = trainer("CartPole-v1", &config(), &network(), 7);
    whole.update().unwrap();
    whole.save(dir.path()).unwrap();
    let expected = play(&mut whole, 1);
    for (name, bytes) in files(dir.path()) {
        let path = dir.path().join(&name);
        let mut flipped = bytes.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        for damaged in [flipped, bytes[..bytes.len() - 1].to_vec(), Vec::new()] {
            std::fs::write(&path, damaged).unwrap();
            let mut other = trainer("CartPole-v1", &config(), &network(), 7);
            other.update().unwrap();
            let error = other.load(dir.path()).unwrap_err().to_string();
            assert!(error.contains(&name) && error.contains("\n\nhint: "), "{error}");
            assert_eq!(play(&mut other, 1), expected, "the trainer goes on as if nothing had happened");
        }
        std::fs::remove_file(&path).unwrap();
        let error = trainer("CartPole-v1", &config(), &network(), 7).load(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&name), "{error}");
        std::fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn a_checkpoint_of_another_network_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    trainer("CartPole-v1", &config(), &network(), 7).save(dir.path()).unwrap();
    let shared = NetworkConfig { critic: CriticKind::Shared, ..network() };
    let error = trainer("CartPole-v1", &config(), &shared, 7).load(dir.path()).unwrap_err().to_string();
    assert!(error.contains("critic: Separate") && error.contains("critic: Shared"), "{error}");
    let remembering = NetworkConfig { memory: MemoryChoice::Gru, ..network() };
    let error = trainer("CartPole-v1", &config(), &remembering, 7).load(dir.path()).unwrap_err().to_string();
    assert!(error.contains("a policy with no memory, expected a gru of 64 units"), "{error}");
    let wider = NetworkConfig { hidden: vec![32, 24], ..network() };
    let error = trainer("CartPole-v1", &config(), &wider, 7).load(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("trainer.bin") && error.contains("hidden: [24, 24]") && error.contains("[32, 24]"),
        "{error}"
    );
}

/// A learning rate of 1e38 throws the weights out of range within one update.
#[test]
fn a_run_that_leaves_the_finite_numbers_stops_and_never_writes_them() {
    let dir = tempfile::tempdir().unwrap();
    let config = PpoConfig { learning_rate: 1e38, ..config() };
    let mut trainer = trainer("Pendulum-v1", &config, &network(), 7);
    let error = (0..4).find_map(|_| trainer.update().err()).expect("no weight survives this learning rate");
    assert!(matches!(error, PpoError::NotFinite { .. }), "{error}");
    assert_eq!(trainer.update().unwrap_err(), error);
    assert_eq!(trainer.save(dir.path()).unwrap_err(), error);
    assert_eq!(files(dir.path()), []);
}

#[test]
fn faulty_settings_and_a_batch_of_another_size_are_refused_in_words() {
    let squashed = NetworkConfig { distribution: Distribution::Squashed, ..network() };
    let error =
        Trainer::new(&config(), &squashed, 1, venv("CartPole-v1", 40), DeviceChoice::Flex).err().unwrap().to_string();
    assert!(error.contains("`network.distribution` or `network.spread` does not fit the action: "), "{error}");
    let told = NetworkConfig { critic_observation: CriticObservation::Privileged, ..network() };
    let error = Trainer::new(&config(), &told, 1, venv("CartPole-v1", 40), DeviceChoice::Flex).err().unwrap();
    assert!(error.to_string().starts_with("the environments have nothing that only a critic may know, "), "{error}");
    let bad = PpoConfig { gamma: 0.0, num_minibatches: 7, ..config() };
    let error =
        Trainer::new(&bad, &network(), 1, venv("CartPole-v1", 40), DeviceChoice::Flex).err().unwrap().to_string();
    assert!(error.contains("`ppo.gamma` is 0") && error.contains("`ppo.num_minibatches` is 7"), "{error}");
    let error = Trainer::new(&config(), &network(), 1, venv("CartPole-v1", 3), DeviceChoice::Flex).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the environments have a batch of 3, expected 40 of them (`ppo.num_envs`)\n\n\
         hint: make as many environments as the settings say"
    );
}

//! Faults named, and options of an update: on the host and on the tape alike.

use super::config::PpoConfig;
use super::learner_choice::LearnerChoice;
use super::network_config::{MemoryChoice, NetworkConfig};
use super::optimizer::ClippedAdam;
use super::schedule::{OptimizerChoice, Schedule, TargetKlRule};
use super::trainer::{Trainer, UpdateReport};
use super::{PpoError, actor_critic::ActorCritic};
use crate::device::DeviceChoice;
use burn::tensor::Tensor;
use flexai_env::core::{Env, EnvContext, Info, Reset, Space, StateError, StepResult, VecEnv, make};

const LEARNERS: [LearnerChoice; 2] = [LearnerChoice::Host, LearnerChoice::Autodiff];

fn config(learner: LearnerChoice) -> PpoConfig {
    PpoConfig { learner, num_envs: 8, num_steps: 64, total_steps: 8 * 64 * 10, ..PpoConfig::default() }
}

fn network() -> NetworkConfig {
    NetworkConfig { policy_gain: 1.0, ..NetworkConfig::default() }
}

fn trainer(id: &str, config: &PpoConfig) -> Trainer {
    trainer_of(id, config, &network())
}

fn trainer_of(id: &str, config: &PpoConfig, network: &NetworkConfig) -> Trainer {
    let envs = (0..config.num_envs).map(|_| make(id, &EnvContext::default()).unwrap()).collect();
    Trainer::new(config, network, 5, VecEnv::new(envs), DeviceChoice::Flex).unwrap()
}

/// An update of each learner, and the weights after it.
fn both(id: &str, config: impl Fn(LearnerChoice) -> PpoConfig) -> [(UpdateReport, Vec<f32>); 2] {
    LEARNERS.map(|learner| {
        let mut trainer = trainer(id, &config(learner));
        let report = trainer.update().unwrap();
        (report, crate::device::read(trainer.learner.network.flatten()).unwrap())
    })
}

fn assert_near(what: &str, a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() < tolerance, "{what}, parameter {i}: {a} and {b}");
    }
}

/// In place of the number of an environment.
const ALL: usize = usize::MAX;

/// Hands out a number that is none, or is too large, at one step.
struct Broken {
    observation_space: Space,
    action_space: Space,
    info: Info,
    observation: [f32; 2],
    steps: u32,
    bad_from: u32,
    reward: f64,
    bad_observation: f32,
}

impl Broken {
    fn batch(config: &PpoConfig, env: usize, bad_from: u32, reward: f64, bad_observation: f32) -> Trainer {
        let one = |e: usize| Self {
            observation_space: Space::uniform_box(2, -1.0, 1.0),
            action_space: Space::discrete(2),
            info: Info::new(&[]),
            observation: [0.1 * e as f32, 0.5],
            steps: 0,
            bad_from: if e == env || env == ALL { bad_from } else { u32::MAX },
            reward,
            bad_observation,
        };
        let envs = (0..config.num_envs).map(|e| Box::new(one(e)) as Box<dyn Env>).collect();
        Trainer::new(config, &network(), 5, VecEnv::new(envs), DeviceChoice::Flex).unwrap()
    }
}

impl Env for Broken {
    fn observation_space(&self) -> &Space {
        &self.observation_space
    }

    fn action_space(&self) -> &Space {
        &self.action_space
    }

    fn reset(&mut self, _seed: Option<u64>) -> Reset<'_> {
        Reset { observation: &self.observation, info: &self.info }
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        self.steps += 1;
        let bad = self.steps >= self.bad_from;
        self.observation[0] = (self.steps as f32 * 0.7).sin() + action[0];
        self.observation[1] = if bad { self.bad_observation } else { 0.5 };
        let reward = if bad { self.reward } else { f64::from(action[0]) };
        StepResult { observation: &self.observation, reward, terminated: false, truncated: false, info: &self.info }
    }

    fn observation(&self) -> &[f32] {
        &self.observation
    }

    fn save_state(&self) -> Vec<u8> {
        Vec::new()
    }

    fn load_state(&mut self, _bytes: &[u8]) -> Result<(), StateError> {
        Ok(())
    }
}

fn fault(error: &PpoError) -> (&str, u64) {
    match error {
        PpoError::NotFinite { what, update } => (what, *update),
        other => panic!("{other}"),
    }
}

#[test]
fn an_observation_that_turns_nan_is_named_with_environment_step_and_update() {
    for learner in LEARNERS {
        // Its seventieth step is the sixth of the second rollout.
        let mut trainer = Broken::batch(&config(learner), 3, 70, 0.0, f32::NAN);
        trainer.update().unwrap();
        let good = trainer.policy_network();
        let error = trainer.update().unwrap_err();
        assert_eq!(fault(&error), ("observation 1 of environment 3 at step 5 of the rollout", 2));
        assert_eq!(trainer.policy_network().actor, good.actor, "nothing was learned from it");
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(trainer.save(folder.path()), Err(error), "and it is not written");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_reward_that_is_not_finite_is_named_with_its_environment() {
    for learner in LEARNERS {
        let mut trainer = Broken::batch(&config(learner), 0, 3, f64::INFINITY, 0.5);
        let weights = trainer.policy_network();
        let error = trainer.update().unwrap_err();
        assert_eq!(fault(&error), ("the reward of environment 0 at step 2 of the rollout", 1));
        assert_eq!(trainer.policy_network().actor, weights.actor, "nothing was learned from it");
    }
}

#[test]
fn a_learning_rate_beyond_all_numbers_is_seen_in_the_first_parameter_it_ruins() {
    for learner in LEARNERS {
        let config = PpoConfig { learning_rate: 1e39, ..config(learner) };
        let error = trainer("Pendulum-v1", &config).update().unwrap_err();
        let expected = "actor layer 1 weight, after the optimiser's step, in minibatch 1 of epoch 1";
        assert_eq!(fault(&error), (expected, 1), "{learner}");
    }
}

#[test]
fn weights_that_ruin_the_next_loss_are_told_by_that_loss_with_its_minibatch() {
    let found = LEARNERS.map(|learner| {
        let config = PpoConfig { learning_rate: 1e38, ..config(learner) };
        let error = trainer("Pendulum-v1", &config).update().unwrap_err();
        fault(&error).0.to_string()
    });
    // Infinite means: the ratio is 0 for one learner, no number for the other, so they may name different parts.
    assert!(found.iter().all(|what| what.ends_with(" loss in minibatch 2 of epoch 1")), "{found:?}");
}

#[test]
fn a_gradient_that_is_not_finite_is_named_by_its_tensor() {
    let config = PpoConfig { normalize_reward: false, ..config(LearnerChoice::Host) };
    // Its square fits a double, its gradient no single.
    let error = Broken::batch(&config, 0, 10, 1e100, 0.5).update().unwrap_err();
    let (what, update) = fault(&error);
    assert!(what.starts_with("the gradient of critic layer 1 weight in minibatch "), "{what}");
    assert_eq!(update, 1);
}

#[test]
fn gradient_norms_by_layer_agree_and_make_up_the_whole_norm() {
    let single = |learner| PpoConfig { num_minibatches: 1, update_epochs: 1, ..config(learner) };
    for id in ["Pendulum-v1", "ProbeHybrid-v0"] {
        let [(a, _), (b, _)] = both(id, single);
        let whole: f64 = a.layer_grad_norms.iter().map(|norm| norm * norm).sum();
        assert!((whole.sqrt() - a.grad_norm).abs() < 1e-9 * a.grad_norm, "{id}: {} and {}", whole.sqrt(), a.grad_norm);
        for (a, b) in a.layer_grad_norms.iter().zip(&b.layer_grad_norms) {
            assert!((a - b).abs() < 2e-5 * (1.0 + a), "{id}: {a} and {b}");
            assert!(*a > 0.0);
        }
    }
    let names = trainer("Pendulum-v1", &config(LearnerChoice::Host)).layer_names();
    assert_eq!(names, ["actor_1", "actor_2", "actor_3", "critic_1", "critic_2", "critic_3", "spread"]);
}

#[test]
fn actions_and_clipped_observations_are_counted() {
    let mut trainer = trainer("Pendulum-v1", &PpoConfig { observation_clip: 0.5, ..config(LearnerChoice::Host) });
    let report = trainer.update().unwrap();
    let actions = &trainer.collector.rollout().actions;
    let mean = actions.iter().map(|x| f64::from(*x)).sum::<f64>() / actions.len() as f64;
    assert!((report.taken_mean[0] - mean).abs() < 1e-9);
    assert!((report.taken_std[0] - 1.0).abs() < 0.2, "the spread starts at 1: {}", report.taken_std[0]);
    assert!(report.clipped_observations > 0.2 && report.clipped_observations < 0.9, "{}", report.clipped_observations);
}

#[test]
fn the_rule_of_minibatches_stops_before_the_step_and_both_learners_agree_where() {
    let with = |target: f64| {
        move |learner| PpoConfig {
            target_kl: Some(target),
            target_kl_rule: TargetKlRule::Minibatch,
            learning_rate: 3e-3,
            ..config(learner)
        }
    };
    let [(a, weights), (b, other)] = both("CartPole-v1", with(1e-12));
    assert_eq!((a.epochs_run, b.epochs_run), (1, 1));
    assert_near("one step", &weights, &other, 2e-5);
    // Only the first minibatch was learnt from: no weight moved further than one step of Adam can.
    let start =
        crate::device::read(trainer("CartPole-v1", &config(LearnerChoice::Host)).learner.network.flatten()).unwrap();
    assert_near("one step of Adam", &weights, &start, 3.001e-3);
    let [(a, weights), (b, other)] = both("CartPole-v1", with(0.002));
    assert_eq!(a.epochs_run, b.epochs_run);
    assert!(a.approx_kl < 1.5 * 0.002, "{}", a.approx_kl);
    assert_near("some steps", &weights, &other, 1e-4);
    let [(patient, _), _] = both("CartPole-v1", with(1e12));
    assert_eq!(patient.epochs_run, 4);
}

#[test]
fn decay_takes_its_share_of_every_weight_before_the_step() {
    let trainer = trainer("Pendulum-v1", &config(LearnerChoice::Host));
    let network: ActorCritic = trainer.learner.network.clone();
    let before = crate::device::read(network.flatten()).unwrap();
    let mut adam = ClippedAdam::new(1e-5, 0.5).with_weight_decay(0.5);
    let nothing: Tensor<1> = network.flatten().zeros_like();
    let after = crate::device::read(adam.step_flat(network, nothing, 0.1).0.flatten()).unwrap();
    for (a, b) in before.iter().zip(&after) {
        assert_eq!(a * 0.95, *b);
    }
}

#[test]
fn both_learners_agree_with_decay_and_schedules() {
    let all = |learner| PpoConfig {
        optimizer: OptimizerChoice::AdamW,
        weight_decay: 0.1,
        lr_schedule: Some(Schedule::Cosine),
        clip_schedule: Some(Schedule::Linear),
        ent_coef: 0.02,
        entropy_schedule: Schedule::Linear,
        ..config(learner)
    };
    for id in ["Pendulum-v1", "ProbeHybrid-v0", "ProbeMaskedBandit-v0"] {
        let [(a, weights), (b, other)] = both(id, all);
        assert_near(id, &weights, &other, 2e-5);
        assert_eq!((a.ent_coef, b.ent_coef), (0.02, 0.02));
        let [_, (_, plain)] =
            both(id, |learner| PpoConfig { optimizer: OptimizerChoice::Adam, weight_decay: 0.0, ..all(learner) });
        assert_ne!(plain, other, "{id}: decay does something");
    }
}

/// Rewards of a thousand: a critic that starts at 0 and learns them as they are is far off for long.
#[test]
fn a_critic_of_normalised_returns_learns_large_ones_at_once_and_speaks_in_their_units() {
    let explained = |normalize_value: bool, learner: LearnerChoice| {
        let config = PpoConfig {
            normalize_value,
            normalize_reward: false,
            clip_value_loss: normalize_value,
            gamma: 0.9,
            learning_rate: 3e-3,
            ..config(learner)
        };
        let mut trainer = Broken::batch(&config, ALL, 1, 1000.0, 0.5);
        let reports: Vec<UpdateReport> = (0..10).map(|_| trainer.update().unwrap()).collect();
        let rollout = trainer.collector.rollout();
        let mean = |x: &[f32]| x.iter().map(|x| f64::from(*x)).sum::<f64>() / x.len() as f64;
        let returns = rollout.advantages(0.9, 0.95, 1.0).returns;
        let off = mean(&rollout.values) - returns.iter().sum::<f64>() / returns.len() as f64;
        (reports[9].value_loss, off.abs(), trainer.policy_network())
    };
    let (loss, off, policy) = explained(true, LearnerChoice::Host);
    let (plain_loss, plain_off, _) = explained(false, LearnerChoice::Host);
    assert!(loss < 2.0, "in deviations: {loss}");
    assert!(plain_loss > 1e6, "in units: {plain_loss}");
    assert!(off < 0.5 * plain_off, "{off} and {plain_off}");
    let (tape_loss, _, tape) = explained(true, LearnerChoice::Autodiff);
    assert!((loss - tape_loss).abs() < 1e-2, "{loss} and {tape_loss}");
    let (a, b) = (policy.critic.layers.last().unwrap(), tape.critic.layers.last().unwrap());
    assert!((a.bias[0] - b.bias[0]).abs() < 0.05 * a.bias[0].abs(), "{} and {}", a.bias[0], b.bias[0]);
}

#[test]
fn both_learners_agree_with_muon_and_its_matrices_go_their_own_way() {
    let with = |optimizer: OptimizerChoice, weight_decay: f64| {
        move |learner| PpoConfig { optimizer, weight_decay, ..config(learner) }
    };
    for id in ["Pendulum-v1", "ProbeHybrid-v0"] {
        // A Newton-Schulz iteration of a nearly singular matrix passes on the roundings of its smallest directions.
        let [(_, weights), (_, other)] = both(id, with(OptimizerChoice::Muon, 0.1));
        assert_near(id, &weights, &other, 2e-4);
        let [(_, adam), _] = both(id, with(OptimizerChoice::AdamW, 0.1));
        let first_hidden = trainer(id, &config(LearnerChoice::Host)).policy.actor.layers[0].weight.len();
        let moved = |range: std::ops::Range<usize>| {
            weights[range.clone()].iter().zip(&adam[range]).filter(|(a, b)| a != b).count()
        };
        assert!(moved(0..first_hidden) > first_hidden / 2, "{id}: hidden weights take other steps than Adam's");
    }
}

#[test]
fn advantages_are_estimated_anew_by_the_critic_of_the_epoch_before() {
    let memory = NetworkConfig { memory: MemoryChoice::Gru, memory_size: 8, ..network() };
    let kinds = [(LearnerChoice::Host, network()), (LearnerChoice::Autodiff, network()), (LearnerChoice::Auto, memory)];
    for (learner, network) in kinds {
        let with = |update_epochs: usize, recompute_advantages: bool| {
            let config = PpoConfig { update_epochs, recompute_advantages, learning_rate: 3e-3, ..config(learner) };
            let mut trainer = trainer_of("Pendulum-v1", &config, &network);
            let report = trainer.update().unwrap();
            (trainer, report)
        };
        let (plain, _) = with(1, false);
        let (mut once, _) = with(1, true);
        assert_eq!(plain.policy_network(), once.policy_network(), "one epoch has nothing to estimate anew");
        let collected = once.collector.rollout().values.clone();
        let policy = once.policy.clone();
        once.collector.value_again(&policy).unwrap();
        let (twice, report) = with(2, true);
        assert_eq!(twice.collector.rollout().values, once.collector.rollout().values);
        assert_ne!(twice.collector.rollout().values, collected);
        assert_eq!((report.epochs_run, twice.learner.optimizer.steps()), (2, 2 * twice.config.num_minibatches));
        assert_ne!(twice.policy_network(), with(2, false).0.policy_network());
    }
}

#[test]
fn rules_about_the_divergence_hold_across_epochs_estimated_anew() {
    let with = |rule: TargetKlRule, target: f64| {
        let config = PpoConfig {
            recompute_advantages: true,
            target_kl: Some(target),
            target_kl_rule: rule,
            learning_rate: 3e-3,
            ..config(LearnerChoice::Host)
        };
        trainer("CartPole-v1", &config).update().unwrap().epochs_run
    };
    assert_eq!(with(TargetKlRule::Epoch, 1e-12), 1);
    assert_eq!(with(TargetKlRule::Minibatch, 1e-12), 1);
    assert_eq!(with(TargetKlRule::Epoch, 1e12), 4);
    assert_eq!(with(TargetKlRule::Minibatch, 1e12), 4);
}

#[test]
fn a_resumed_run_with_normalised_values_and_muon_equals_one_that_never_stopped() {
    for learner in LEARNERS {
        let config = PpoConfig {
            normalize_value: true,
            clip_value_loss: true,
            optimizer: OptimizerChoice::Muon,
            recompute_advantages: true,
            ..config(learner)
        };
        let play = |trainer: &mut Trainer, n: usize| -> Vec<String> {
            (0..n).map(|_| serde_json::to_string(&trainer.update().unwrap()).unwrap()).collect()
        };
        let folder = tempfile::tempdir().unwrap();
        let mut whole = trainer("Pendulum-v1", &config);
        play(&mut whole, 2);
        whole.save(folder.path()).unwrap();
        let expected = play(&mut whole, 2);
        let mut again = trainer("Pendulum-v1", &config);
        again.load(folder.path()).unwrap();
        assert_eq!(play(&mut again, 2), expected);
        assert_eq!(again.policy_network(), whole.policy_network());
        std::fs::remove_file(folder.path().join("values.bin")).unwrap();
        assert!(again.load(folder.path()).unwrap_err().to_string().contains("values.bin"));
    }
}

#[test]
fn an_update_timed_on_the_processor_leaves_the_trainer_as_it_was() {
    for learner in LEARNERS {
        let (mut timed, mut plain) =
            (trainer("Pendulum-v1", &config(learner)), trainer("Pendulum-v1", &config(learner)));
        timed.update().unwrap();
        plain.update().unwrap();
        assert!(timed.cpu_update_seconds().unwrap() > 0.0);
        assert_eq!(timed.update().unwrap().policy_loss, plain.update().unwrap().policy_loss);
        assert_eq!(timed.policy_network(), plain.policy_network());
    }
}

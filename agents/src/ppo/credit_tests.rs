//! Credit by action: both learners agree, what is judged by one number is the whole, runs resume, and noise of other
//! numbers no longer hides what a number does.

use super::config::PpoConfig;
use super::consistency::assert_agree;
use super::credit::Credit;
use super::gae::{GaeInput, advantages};
use super::learner_choice::LearnerChoice;
use super::network_config::{CriticObservation, NetworkConfig};
use super::trainer::{Trainer, UpdateReport};
use crate::artifact::MlpScratch;
use crate::device::DeviceChoice;
use flexai_env::core::{
    Env, EnvContext, Info, Reset, RewardParts, SeedTree, Space, StateError, StepResult, StreamRng, VecEnv, make,
};
use rand::RngExt;

const LEARNERS: [LearnerChoice; 2] = [LearnerChoice::Host, LearnerChoice::Autodiff];

fn config(learner: LearnerChoice) -> PpoConfig {
    PpoConfig {
        learner,
        credit: Credit::ByAction,
        credit_others_final: 0.0,
        num_envs: 8,
        num_steps: 64,
        total_steps: 8 * 64 * 10,
        ent_coef: 0.01,
        ..PpoConfig::default()
    }
}

fn network() -> NetworkConfig {
    NetworkConfig { policy_gain: 1.0, ..NetworkConfig::default() }
}

fn site(config: &PpoConfig) -> Trainer {
    site_with(config, CriticObservation::Actor)
}

fn site_with(config: &PpoConfig, critic_observation: CriticObservation) -> Trainer {
    let envs = (0..config.num_envs).map(|_| make("FlexSite-v1", &EnvContext::default()).unwrap()).collect();
    let network = NetworkConfig { critic_observation, ..network() };
    Trainer::new(config, &network, 5, VecEnv::new(envs), DeviceChoice::Flex).unwrap()
}

/// Numbers that should all be near 0.5, each paid by itself under noise of its own.
struct Noisy {
    observation_space: Space,
    action_space: Space,
    rng: StreamRng,
    parts: Vec<f64>,
    /// Number that has no part of its own, if one has none.
    without: Option<usize>,
    info: Info,
}

const NUMBERS: usize = 24;
const NOISE: f64 = 30.0;

impl Noisy {
    fn new(without: Option<usize>) -> Self {
        Self {
            observation_space: Space::uniform_box(1, -1.0, 1.0),
            action_space: Space::uniform_box(NUMBERS, -4.0, 4.0),
            rng: SeedTree::new(0).stream("noise"),
            parts: vec![0.0; NUMBERS + 1],
            without,
            info: Info::new(&[]),
        }
    }
}

impl Env for Noisy {
    fn observation_space(&self) -> &Space {
        &self.observation_space
    }

    fn action_space(&self) -> &Space {
        &self.action_space
    }

    fn reset(&mut self, seed: Option<u64>) -> Reset<'_> {
        if let Some(seed) = seed {
            self.rng = SeedTree::new(seed).stream("noise");
        }
        Reset { observation: &[1.0], info: &self.info }
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        for (part, x) in self.parts.iter_mut().zip(action) {
            let noise = NOISE * (self.rng.random::<f64>() - 0.5);
            *part = noise - (f64::from(*x) - 0.5).powi(2);
        }
        self.parts[NUMBERS] = 0.0;
        let reward = self.parts.iter().sum();
        StepResult { observation: &[1.0], reward, terminated: true, truncated: false, info: &self.info }
    }

    fn observation(&self) -> &[f32] {
        &[1.0]
    }

    fn reward_parts(&self) -> Option<RewardParts> {
        let of_action = (0..NUMBERS).map(|i| (self.without != Some(i)).then_some(i)).collect();
        Some(RewardParts { count: NUMBERS + 1, of_action })
    }

    fn write_reward_parts(&self, parts: &mut [f64]) {
        parts.copy_from_slice(&self.parts);
    }

    fn save_state(&self) -> Vec<u8> {
        Vec::new()
    }

    fn load_state(&mut self, _bytes: &[u8]) -> Result<(), StateError> {
        Ok(())
    }
}

/// How far the numbers of a policy lie from where they should after so many updates, on average.
fn distance_after(credit: Credit, updates: usize, without: Option<usize>) -> Vec<f32> {
    let config = PpoConfig { credit, ent_coef: 0.0, anneal_lr: false, ..config(LearnerChoice::Host) };
    let envs = (0..config.num_envs).map(|_| Box::new(Noisy::new(without)) as Box<dyn Env>).collect();
    let mut trainer =
        Trainer::new(&config, &NetworkConfig::default(), 5, VecEnv::new(envs), DeviceChoice::Flex).unwrap();
    (0..updates).for_each(|_| drop(trainer.update().unwrap()));
    let mut means = vec![0.0; NUMBERS];
    let policy = trainer.policy_network();
    let normalised = policy.normalizer.as_ref().map_or(1.0, |normalizer| {
        let mut x = [1.0];
        normalizer.apply(&mut x);
        x[0]
    });
    policy.actor.forward(&[normalised], &mut MlpScratch::default(), &mut means);
    means.iter().map(|x| (x - 0.5).abs()).collect()
}

fn mean(x: &[f32]) -> f32 {
    x.iter().sum::<f32>() / x.len() as f32
}

#[test]
fn noise_of_other_numbers_does_not_hide_what_a_number_earns() {
    let (apart, whole) = (distance_after(Credit::ByAction, 40, None), distance_after(Credit::Whole, 40, None));
    assert!(mean(&apart) < 0.25, "by action: {}", mean(&apart));
    assert!(mean(&apart) < 0.6 * mean(&whole), "by action {}, whole {}", mean(&apart), mean(&whole));
}

#[test]
fn a_number_without_a_part_of_its_own_learns_from_the_whole_reward() {
    let numbers = distance_after(Credit::ByAction, 40, Some(3));
    assert!(numbers[3] < 0.45, "it moves from 0.5 off to {}", numbers[3]);
}

#[test]
fn advantages_of_parts_are_those_of_as_many_rollouts() {
    let numbers = |seed: u64, n: usize| -> Vec<f64> {
        let mut rng = SeedTree::new(seed).stream("numbers");
        (0..n).map(|_| rng.random::<f64>() - 0.5).collect()
    };
    let narrow = |x: &[f64]| x.iter().map(|x| *x as f32).collect::<Vec<f32>>();
    let (steps, envs, parts) = (5, 2, 3);
    let (rewards, values, next) = (numbers(1, 30), narrow(&numbers(2, 30)), narrow(&numbers(3, 30)));
    let (mut terminated, mut truncated) = (vec![false; steps * envs], vec![false; steps * envs]);
    (terminated[3], truncated[6]) = (true, true);
    let estimate = |parts: usize, rewards: &[f64], values: &[f32], next_values: &[f32]| {
        let (terminated, truncated) = (&terminated[..], &truncated[..]);
        advantages(GaeInput { num_envs: envs, parts, rewards, values, next_values, terminated, truncated }, 0.9, 0.8)
    };
    let together = estimate(parts, &rewards, &values, &next);
    for part in 0..parts {
        let of = |x: &[f64]| x.iter().skip(part).step_by(parts).copied().collect::<Vec<f64>>();
        let of_narrow = |x: &[f32]| x.iter().skip(part).step_by(parts).copied().collect::<Vec<f32>>();
        let (rewards, values, next) = (of(&rewards), of_narrow(&values), of_narrow(&next));
        let alone = estimate(1, &rewards, &values, &next);
        assert_eq!(of(&together.advantages), alone.advantages);
        assert_eq!(of(&together.returns), alone.returns);
    }
}

#[test]
fn both_learners_agree_after_an_update_by_action() {
    assert_learners_agree(&config, CriticObservation::Actor);
}

#[test]
fn both_learners_agree_with_a_critic_that_sees_more_by_action_and_by_the_whole() {
    assert_learners_agree(&config, CriticObservation::Privileged);
    let whole = |learner| PpoConfig { credit: Credit::Whole, clip_value_loss: true, ..config(learner) };
    assert_learners_agree(&whole, CriticObservation::Privileged);
}

fn assert_learners_agree(config: &dyn Fn(LearnerChoice) -> PpoConfig, critic: CriticObservation) {
    let run = |learner: LearnerChoice| -> (UpdateReport, Vec<f32>) {
        let mut trainer = site_with(&config(learner), critic);
        let report = trainer.update().unwrap();
        (report, crate::device::read(trainer.learner.network.flatten()).unwrap())
    };
    let [a, b] = LEARNERS.map(run);
    assert_agree("FlexSite-v1", &a, &b, 5e-5);
}

#[test]
fn a_resumed_run_by_action_equals_one_that_never_stopped() {
    for learner in LEARNERS {
        let play = |trainer: &mut Trainer, n: usize| -> Vec<String> {
            (0..n).map(|_| serde_json::to_string(&trainer.update().unwrap()).unwrap()).collect()
        };
        let folder = tempfile::tempdir().unwrap();
        let mut whole = site(&config(learner));
        play(&mut whole, 2);
        whole.save(folder.path()).unwrap();
        let expected = play(&mut whole, 2);
        let mut again = site(&config(learner));
        again.load(folder.path()).unwrap();
        assert_eq!(play(&mut again, 2), expected);
        let mut other = site(&PpoConfig { credit: Credit::Whole, ..config(learner) });
        assert!(other.load(folder.path()).is_err(), "a critic of one value is another network");
    }
}

#[test]
fn the_exported_policy_says_the_sum_of_all_values() {
    let trainer = site(&config(LearnerChoice::Host));
    let observation = &trainer.collector.observation[..trainer.policy.observation_len()];
    let parts = trainer.policy.critic.outputs();
    let (mut all, mut one) = (vec![0.0; parts], [0.0]);
    trainer.policy.critic.forward(observation, &mut MlpScratch::default(), &mut all);
    trainer.policy_network().critic.forward(observation, &mut MlpScratch::default(), &mut one);
    assert!(parts > 1 && (all.iter().sum::<f32>() - one[0]).abs() < 1e-4, "{all:?} and {one:?}");
}

#[test]
fn an_environment_that_cannot_divide_its_reward_is_refused_with_a_hint() {
    for id in ["Pendulum-v1", "CartPole-v1"] {
        let envs = (0..8).map(|_| make(id, &EnvContext::default()).unwrap()).collect();
        let made = Trainer::new(&config(LearnerChoice::Auto), &network(), 5, VecEnv::new(envs), DeviceChoice::Flex);
        let error = made.err().expect("refused").to_string();
        assert!(error.contains("hint: use `ppo.credit = \"whole\"`"), "{error}");
    }
    let both = PpoConfig { normalize_value: true, ..config(LearnerChoice::Auto) };
    assert!(both.validate()[0].starts_with("`ppo.credit` is `by_action`"), "{:?}", both.validate());
}

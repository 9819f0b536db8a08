//! A teacher changes nothing but what can be learnt from it.

use super::*;
use crate::device::DeviceChoice;
use crate::ppo::{LearnerChoice, MemoryChoice, NetworkConfig, PpoConfig, PpoError, Trainer};
use flexai_env::core::{Env, EnvContext, SeedTree, VecEnv, check_env, make};
use flexai_env::grid::{Split, embedded_trace};
use flexai_env::site::{FlexFleet, SiteConfig, SiteSetup};
use std::sync::{Arc, OnceLock};

fn setup() -> Arc<SiteSetup> {
    static SETUP: OnceLock<Arc<SiteSetup>> = OnceLock::new();
    let make = || {
        let trace = Arc::new(embedded_trace());
        let training = Split::Train.indices(&trace);
        Arc::new(SiteSetup::new(SiteConfig::default(), trace, training).expect("the standard scenario"))
    };
    Arc::clone(SETUP.get_or_init(make))
}

fn taught(name: &str) -> TaughtFleet {
    TaughtFleet::new(FlexFleet::new(setup()), name).expect("a rival")
}

fn imitation(teacher: &str) -> ImitationConfig {
    ImitationConfig { teacher: teacher.into(), steps: 1024, epochs: 20, dagger: false, coef: 0.5, decay_updates: 4 }
}

fn config(learner: LearnerChoice) -> PpoConfig {
    let (num_envs, num_steps) = (8, 64);
    PpoConfig { learner, num_envs, num_steps, total_steps: 512 * 20, learning_rate: 1e-3, ..PpoConfig::default() }
}

fn trainer(config: &PpoConfig, imitation: &ImitationConfig) -> Trainer {
    let envs = (0..config.num_envs).map(|_| Box::new(taught(&imitation.teacher)) as Box<dyn Env>).collect();
    let mut trainer =
        Trainer::new(config, &NetworkConfig::default(), 3, VecEnv::new(envs), DeviceChoice::Flex).expect("it fits");
    trainer.imitate(imitation).expect("there is a teacher");
    trainer
}

#[test]
fn a_taught_fleet_passes_the_contract_test_and_plays_as_the_fleet_alone() {
    let mut env = taught("day_ahead_quantile");
    assert_eq!(check_env(&mut env), vec![]);
    let mut alone = FlexFleet::new(setup());
    env.reset(Some(5));
    alone.reset(Some(5));
    let mut label = vec![0.0; alone.action_space().flat_len()];
    let mut rng = SeedTree::new(1).stream("actions");
    for step in 0..200 {
        let mut action = label.clone();
        alone.action_space().sample(&mut rng, None, &mut action);
        assert!(env.teacher_action(&mut label));
        assert_eq!(alone.action_space().contains(&label), Ok(()), "{label:?}");
        let (taught, bare) = (env.step(&action), alone.step(&action));
        assert_eq!((taught.reward, taught.observation), (bare.reward, bare.observation), "step {step}");
        if bare.truncated {
            env.reset(None);
            alone.reset(None);
        }
    }
}

#[test]
fn a_loaded_fleet_goes_on_with_the_same_teacher_one_that_draws_included() {
    for name in ["random", "planner", "genetic:generations=2", "arbitrage"] {
        let (mut env, mut copy) = (taught(name), taught(name));
        env.reset(Some(2));
        let (mut a, mut b) = (vec![0.0; env.action_space().flat_len()], vec![0.0; env.action_space().flat_len()]);
        for _ in 0..30 {
            env.teacher_action(&mut a);
            env.step(&a);
        }
        copy.load_state(&env.save_state()).expect("a state of such a fleet");
        for step in 0..60 {
            env.teacher_action(&mut a);
            copy.teacher_action(&mut b);
            assert_eq!(a, b, "{name}, step {step}");
            env.step(&a);
            copy.step(&b);
        }
    }
}

#[test]
fn demonstrations_are_learnt_by_heart_and_both_learners_agree_on_them() {
    let run = |learner: LearnerChoice| trainer(&config(learner), &imitation("day_ahead_quantile")).update().unwrap();
    let (host, tape) = (run(LearnerChoice::Host), run(LearnerChoice::Autodiff));
    let warm = host.warm_start.expect("the first update follows the demonstrations");
    assert_eq!(warm.steps, 1024);
    // Against a standard normal around 0, -ln p is the squared error: most of what can be explained must be.
    assert!(warm.last_loss < warm.first_loss - 0.2, "{warm:?}");
    let other = tape.warm_start.expect("there too");
    assert!((warm.first_loss - other.first_loss).abs() < 1e-3, "{warm:?} {other:?}");
    assert!((warm.last_loss - other.last_loss).abs() < 1e-2, "{warm:?} {other:?}");
    assert_eq!(host.imitation_coef, 0.5);
    assert!(host.imitation_loss > 0.0);
}

/// A warm start of two rounds is learnt as sequences beside each other.
#[test]
fn a_policy_with_memory_learns_demonstrations_too() {
    let config = config(LearnerChoice::Auto);
    let imitation = imitation("day_ahead_quantile");
    let envs = (0..config.num_envs).map(|_| Box::new(taught(&imitation.teacher)) as Box<dyn Env>).collect();
    let network = NetworkConfig { memory: MemoryChoice::Gru, memory_size: 32, ..NetworkConfig::default() };
    let mut trainer = Trainer::new(&config, &network, 3, VecEnv::new(envs), DeviceChoice::Flex).expect("it fits");
    trainer.imitate(&ImitationConfig { steps: 1024, ..imitation }).expect("there is a teacher");
    let warm = trainer.update().unwrap().warm_start.expect("the first update follows the demonstrations");
    assert_eq!(warm.steps, 1024);
    assert!(warm.last_loss < warm.first_loss - 0.2, "{warm:?}");
}

#[test]
fn the_weight_of_the_teacher_decays_to_nothing_and_then_nobody_asks() {
    let mut trainer = trainer(&config(LearnerChoice::Host), &imitation("fifo"));
    let reports: Vec<_> = (0..6).map(|_| trainer.update().unwrap()).collect();
    let weights: Vec<f64> = reports.iter().map(|report| report.imitation_coef).collect();
    assert_eq!(weights, [0.5, 0.375, 0.25, 0.125, 0.0, 0.0]);
    assert!(reports.iter().all(|report| (report.imitation_loss != 0.0) == (report.imitation_coef > 0.0)));
    assert!(reports[1..].iter().all(|report| report.warm_start.is_none()));
}

#[test]
fn a_resumed_run_with_a_teacher_equals_one_that_never_stopped() {
    for dagger in [false, true] {
        let imitation = ImitationConfig { dagger, epochs: 2, ..imitation("random") };
        let config = config(LearnerChoice::Host);
        let play = |trainer: &mut Trainer, n: usize| -> Vec<String> {
            (0..n).map(|_| serde_json::to_string(&trainer.update().unwrap()).unwrap()).collect()
        };
        let folder = tempfile::tempdir().unwrap();
        let mut whole = trainer(&config, &imitation);
        play(&mut whole, 2);
        whole.save(folder.path()).unwrap();
        let expected = play(&mut whole, 4);
        let mut again = trainer(&config, &imitation);
        again.load(folder.path()).unwrap();
        assert_eq!(play(&mut again, 4), expected, "dagger {dagger}");
    }
}

#[test]
fn an_environment_without_a_teacher_and_faulty_settings_are_refused_in_words() {
    let envs = (0..8).map(|_| make("CartPole-v1", &EnvContext::default()).unwrap()).collect();
    let config = config(LearnerChoice::Host);
    let mut trainer =
        Trainer::new(&config, &NetworkConfig::default(), 3, VecEnv::new(envs), DeviceChoice::Flex).unwrap();
    let text = trainer.imitate(&imitation("fifo")).unwrap_err().to_string();
    assert!(text.starts_with("the environments have no teacher, expected one (`[imitation]`)"), "{text}");
    let bad = ImitationConfig { teacher: "nobody".into(), coef: -1.0, decay_updates: 0, epochs: 0, ..imitation("") };
    let Err(PpoError::Config(faults)) = trainer.imitate(&bad) else { panic!("four faults") };
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert!(faults[0].starts_with("`imitation.teacher` is `nobody`, expected a rival"), "{faults:?}");
}

//! PPO against itself: facts that hold on any data, on freshly collected rollouts.

use super::actor_critic::ActorCritic;
use super::config::PpoConfig;
use super::learner::{LearnSettings, StepFigures, in_order, read};
use super::learner_choice::LearnerChoice;
use super::loss::{LossSettings, loss};
use super::memory::Order;
use super::network_config::{CriticKind, MemoryChoice, NetworkConfig};
use super::parameters::ParameterMap;
use super::rollout::Batch;
use super::trainer::{Trainer, UpdateReport};
use crate::artifact::{Activation, Distribution, MlpScratch, PolicyNetwork, Spread};
use crate::device::DeviceChoice;
use burn::tensor::{Tensor, TensorData};
use flexai_env::core::{EnvContext, SeedTree, VecEnv, make};

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    crate::device::read(tensor).unwrap()
}

fn config() -> PpoConfig {
    PpoConfig { num_envs: 8, num_steps: 64, total_steps: 8 * 64 * 10, ..PpoConfig::default() }
}

fn trainer(id: &str, device: DeviceChoice) -> Trainer {
    trainer_of(id, device, &NetworkConfig { policy_gain: 1.0, ..NetworkConfig::default() })
}

fn trainer_of(id: &str, device: DeviceChoice, network: &NetworkConfig) -> Trainer {
    let envs = (0..config().num_envs).map(|_| make(id, &EnvContext::default()).unwrap()).collect();
    Trainer::new(&config(), network, 5, VecEnv::new(envs), device).unwrap()
}

/// Every distribution with every spread, activations, normalised layers and both critics.
pub(super) fn kinds() -> Vec<NetworkConfig> {
    let plain = || NetworkConfig { policy_gain: 1.0, ..NetworkConfig::default() };
    let headed = |distribution, spread| NetworkConfig { distribution, spread, ..plain() };
    vec![
        headed(Distribution::Gaussian, Spread::State),
        headed(Distribution::Gaussian, Spread::Gsde),
        headed(Distribution::Squashed, Spread::Independent),
        headed(Distribution::Squashed, Spread::State),
        headed(Distribution::Squashed, Spread::Gsde),
        headed(Distribution::Beta, Spread::Independent),
        NetworkConfig { activation: Activation::Elu, ..plain() },
        NetworkConfig { activation: Activation::Gelu, layer_norm: true, ..plain() },
        NetworkConfig { activation: Activation::Silu, critic: CriticKind::Shared, ..plain() },
        NetworkConfig { activation: Activation::LeakyRelu, critic_hidden: Some(vec![24]), ..plain() },
        NetworkConfig { layer_norm: true, critic: CriticKind::Shared, spread: Spread::Gsde, ..plain() },
        NetworkConfig { memory: MemoryChoice::Gru, memory_size: 16, ..plain() },
        NetworkConfig { memory: MemoryChoice::Lstm, memory_size: 16, layer_norm: true, ..plain() },
    ]
}

/// Collects one rollout; the whole of it as a batch, with raw advantages, and in the order of the rollout.
fn collected(trainer: &mut Trainer) -> (Batch, Vec<f64>) {
    trainer.collector.collect(&trainer.policy).unwrap();
    let rollout = trainer.collector.rollout();
    let advantages = rollout.advantages(0.99, 0.95, 1.0);
    (rollout.upload(&trainer.learner.layout, &advantages, &trainer.learner.device), advantages.advantages)
}

#[test]
fn before_the_first_step_the_ratio_is_one_the_divergence_zero_and_nothing_clipped() {
    for device in [DeviceChoice::Flex, DeviceChoice::Ndarray] {
        for id in ["CartPole-v1", "Pendulum-v1", "ProbeMaskedBandit-v0", "ProbeHybrid-v0"] {
            assert_ratios_are_one(&format!("{id} on {device}"), &mut trainer(id, device));
        }
    }
}

#[test]
fn before_the_first_step_the_ratio_is_one_for_every_kind_of_network() {
    for network in kinds() {
        let what = format!("{network:?}");
        assert_ratios_are_one(&what, &mut trainer_of("ProbeHybrid-v0", DeviceChoice::Flex, &network));
    }
}

fn assert_ratios_are_one(what: &str, trainer: &mut Trainer) {
    let (batch, _) = collected(trainer);
    let settings = LearnSettings::at(&config(), 0).loss;
    let learner = &mut trainer.learner;
    let log_ratio = host(loss(&learner.network, &learner.layout, &batch, settings).log_ratio);
    for x in &log_ratio {
        assert!((x.exp() - 1.0).abs() < 1e-5, "{what}: ratio {}", x.exp());
    }
    let figures: StepFigures = read(vec![learner.step(&batch, settings, 1e-3)], settings.clip_coef).unwrap()[0];
    assert!(figures.approx_kl.abs() < 1e-9, "{what}: {}", figures.approx_kl);
    assert_eq!(figures.clip_fraction, 0.0, "{what}");
}

/// The critic of the host gives the values that the critic on the tape gives, whatever it reads.
#[test]
fn host_and_tape_agree_on_the_values_of_every_kind_of_network() {
    for network in kinds() {
        let mut trainer = trainer_of("Pendulum-v1", DeviceChoice::Flex, &network);
        let (batch, _) = collected(&mut trainer);
        let values = host(trainer.learner.network.forward(batch.observation, None, batch.sequences.as_ref()).values);
        for (a, b) in values.iter().zip(&trainer.collector.rollout().values) {
            assert!((a - b).abs() < 1e-5, "{network:?}: {a} and {b}");
        }
    }
}

/// The gradient of a shared critic reaches the layers below, that of a separate one does not touch the actor.
#[test]
fn the_value_loss_shapes_the_trunk_of_a_shared_critic_only() {
    for (critic, expected) in [(CriticKind::Shared, true), (CriticKind::Separate, false)] {
        let network = NetworkConfig { critic, ..NetworkConfig::default() };
        let mut trainer = trainer_of("Pendulum-v1", DeviceChoice::Flex, &network);
        let (batch, _) = collected(&mut trainer);
        let network = &trainer.learner.network;
        let outputs = network.forward(batch.observation, None, batch.sequences.as_ref());
        let gradient = host(network.flatten_gradients(&mut outputs.values.sum().backward(), &outputs.replays));
        // Pendulum has 3 observations and 64 units: these are the weights of the actor's first layer.
        let touched = gradient[..3 * 64].iter().any(|g| *g != 0.0);
        assert_eq!(touched, expected, "{critic:?}");
        // The actor's last layer, 64 weights and a bias, after 256 and 4160 other numbers.
        assert!(gradient[256 + 4160..256 + 4160 + 65].iter().all(|g| *g == 0.0), "{critic:?}");
    }
}

#[test]
fn an_epoch_uses_every_transition_once() {
    let mut trainer = trainer("Pendulum-v1", DeviceChoice::Flex);
    let (batch, advantages) = collected(&mut trainer);
    let settings = LearnSettings::at(&config(), 0);
    let mut order = Order::of(trainer.collector.rollout());
    order.shuffle(settings.minibatch_size, &mut trainer.shuffle);
    assert!(order.rows.windows(2).any(|pair| pair[0] > pair[1]), "the order is shuffled");

    let shuffled = in_order(&batch, &advantages, &order, settings);
    let (count, size) = (config().num_minibatches, settings.minibatch_size);
    let rows = (0..count).flat_map(|m| host(shuffled.rows(m * size..(m + 1) * size).observation));
    let mut found: Vec<[u32; 3]> =
        rows.collect::<Vec<f32>>().chunks(3).map(|o| [0, 1, 2].map(|i| o[i].to_bits())).collect();
    let mut expected: Vec<[u32; 3]> =
        trainer.collector.rollout().observations.chunks(3).map(|o| [0, 1, 2].map(|i| o[i].to_bits())).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    expected.dedup();
    assert_eq!(expected.len(), advantages.len(), "no two observations are equal, so the comparison means something");
}

#[test]
fn advantages_have_mean_zero_and_deviation_one_in_every_minibatch() {
    let mut trainer = trainer("Pendulum-v1", DeviceChoice::Flex);
    let (batch, advantages) = collected(&mut trainer);
    let order = Order { rows: (0..advantages.len() as i32).rev().collect(), lanes: Vec::new() };
    let settings = LearnSettings::at(&config(), 0);
    let normalised = host(in_order(&batch, &advantages, &order, settings).advantage);
    for minibatch in normalised.chunks(settings.minibatch_size) {
        let n = minibatch.len() as f64;
        let mean = minibatch.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
        let variance = minibatch.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / (n - 1.0);
        assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5, "mean {mean}, variance {variance}");
    }
}

#[test]
fn the_first_policy_is_nearly_uniform() {
    let envs = (0..8).map(|_| make("CartPole-v1", &EnvContext::default()).unwrap()).collect();
    let mut trainer =
        Trainer::new(&config(), &NetworkConfig::default(), 5, VecEnv::new(envs), DeviceChoice::Flex).unwrap();
    let report = trainer.update().unwrap();
    assert!(report.entropy > 0.97 * 2f64.ln(), "{}", report.entropy);
}

#[test]
fn all_devices_start_from_the_same_weights() {
    let flex = trainer("ProbeHybrid-v0", DeviceChoice::Flex);
    assert_eq!(flex.policy_network(), trainer("ProbeHybrid-v0", DeviceChoice::Ndarray).policy_network());
}

#[test]
fn the_hosts_first_step_finds_ratio_one_no_divergence_and_nothing_clipped() {
    for id in ["CartPole-v1", "Pendulum-v1", "ProbeMaskedBandit-v0", "ProbeHybrid-v0"] {
        let mut trainer = trainer(id, DeviceChoice::Flex);
        let (_, advantages) = collected(&mut trainer);
        let order: Vec<i32> = (0..advantages.len() as i32).collect();
        let (learner, rollout) = (&mut trainer.learner, trainer.collector.rollout());
        let host = learner.host.as_mut().expect("a CPU device learns on the host");
        host.take_over(&learner.network, &learner.optimizer, &learner.device).unwrap();
        let settings = LearnSettings::at(&config(), 0);
        let figures = host.step(rollout, &rollout.advantages(0.99, 0.95, 1.0), &order, settings, 1e-3);
        assert!(figures.approx_kl.abs() < 1e-9, "{id}: {}", figures.approx_kl);
        assert!(figures.old_approx_kl.abs() < 1e-6, "{id}: {}", figures.old_approx_kl);
        assert_eq!(figures.clip_fraction, 0.0);
    }
}

/// Reports are compared as well as weights: both learners use the same shuffles.
#[test]
fn host_and_autodiff_agree_after_an_update_to_the_rounding_of_single_numbers() {
    for id in ["CartPole-v1", "Pendulum-v1", "ProbeMaskedBandit-v0", "ProbeHybrid-v0"] {
        let run = |learner: LearnerChoice| {
            let envs = (0..8).map(|_| make(id, &EnvContext::default()).unwrap()).collect();
            let config = PpoConfig { learner, ent_coef: 0.01, clip_value_loss: true, ..config() };
            let network = NetworkConfig { policy_gain: 1.0, ..NetworkConfig::default() };
            let mut trainer = Trainer::new(&config, &network, 5, VecEnv::new(envs), DeviceChoice::Flex).unwrap();
            let report = trainer.update().unwrap();
            (report, host(trainer.learner.network.flatten()))
        };
        assert_agree(id, &run(LearnerChoice::Host), &run(LearnerChoice::Autodiff), 2e-5);
    }
}

/// That two updates are the same one, in what they report and in the weights after it.
pub(super) fn assert_agree(
    id: &str,
    (a, weights_a): &(UpdateReport, Vec<f32>),
    (b, weights_b): &(UpdateReport, Vec<f32>),
    tolerance: f64,
) {
    for (what, a, b) in [
        ("policy loss", a.policy_loss, b.policy_loss),
        ("value loss", a.value_loss, b.value_loss),
        ("entropy", a.entropy, b.entropy),
        ("gradient norm", a.grad_norm, b.grad_norm),
        ("approximate KL", a.approx_kl, b.approx_kl),
        ("explained variance", a.explained_variance, b.explained_variance),
    ] {
        assert!((a - b).abs() < tolerance, "{id} {what}: {a} and {b}");
    }
    for (a, b) in weights_a.iter().zip(weights_b) {
        assert!(f64::from((a - b).abs()) < tolerance, "{id}: {a} and {b}");
    }
}

fn weights_after_one_update(device: DeviceChoice) -> Vec<f32> {
    let mut trainer = trainer("Pendulum-v1", device);
    trainer.update().unwrap();
    host(trainer.learner.network.flatten())
}

fn assert_agrees_with_flex_after_one_update(device: DeviceChoice) {
    for (a, b) in weights_after_one_update(DeviceChoice::Flex).iter().zip(weights_after_one_update(device)) {
        assert!((a - b).abs() < 1e-4, "{a} and {b}");
    }
}

#[test]
fn both_cpu_devices_agree_after_one_update() {
    assert_agrees_with_flex_after_one_update(DeviceChoice::Ndarray);
}

#[cfg(feature = "wgpu")]
#[test]
fn wgpu_agrees_with_flex_after_one_update() {
    if crate::device::adapter_or_skip() {
        assert_agrees_with_flex_after_one_update(DeviceChoice::Wgpu);
    }
}

/// The value at the next row of the rollout belongs to another episode where one ended.
#[test]
fn next_values_belong_to_the_true_successor() {
    let mut trainer = trainer("CartPole-v1", DeviceChoice::Flex);
    trainer.collector.collect(&trainer.policy).unwrap();
    let rollout = trainer.collector.rollout();
    let (mut ended, mut going) = (0, 0);
    for i in 0..rollout.len() - rollout.num_envs {
        let (next, reset) = (rollout.next_values[i], rollout.values[i + rollout.num_envs]);
        if rollout.terminated[i] || rollout.truncated[i] {
            assert_ne!(next, reset, "row {i}");
            ended += 1;
        } else {
            assert_eq!(next, reset, "row {i}");
            going += 1;
        }
    }
    assert!(ended > 0 && going > 0);
    let mut last = vec![0.0; rollout.num_envs];
    trainer.policy.critic.forward(&trainer.collector.observation, &mut MlpScratch::default(), &mut last);
    let tail = rollout.len() - rollout.num_envs;
    for e in (0..rollout.num_envs).filter(|e| !rollout.terminated[tail + e]) {
        assert_eq!(rollout.next_values[tail + e], last[e]);
    }
}

#[test]
fn an_update_with_a_tiny_target_stops_after_its_first_epoch() {
    let config = PpoConfig { target_kl: Some(1e-12), ..config() };
    let envs = (0..8).map(|_| make("CartPole-v1", &EnvContext::default()).unwrap()).collect();
    let mut trainer =
        Trainer::new(&config, &NetworkConfig::default(), 5, VecEnv::new(envs), DeviceChoice::Flex).unwrap();
    assert_eq!(trainer.update().unwrap().epochs_run, 1);
    let patient = PpoConfig { target_kl: Some(1e12), ..config };
    let envs = (0..8).map(|_| make("CartPole-v1", &EnvContext::default()).unwrap()).collect();
    let mut trainer =
        Trainer::new(&patient, &NetworkConfig::default(), 5, VecEnv::new(envs), DeviceChoice::Flex).unwrap();
    assert_eq!(trainer.update().unwrap().epochs_run, 4);
}

/// Analytic gradients against central differences of the loss; in `f32` they agree to the rounding of the loss.
#[test]
fn gradients_agree_with_finite_differences_of_the_loss() {
    let plain = NetworkConfig { policy_gain: 1.0, ..NetworkConfig::default() };
    for network in std::iter::once(plain).chain(kinds()) {
        // State-dependent exploration takes the features for constants in the spread, which differences do not; and a kink
        // has no difference that means something.
        if network.spread != Spread::Gsde && network.activation != Activation::LeakyRelu {
            assert_gradients_are_differences(&network);
        }
    }
}

fn assert_gradients_are_differences(network: &NetworkConfig) {
    let mut trainer = trainer_of("ProbeHybrid-v0", DeviceChoice::Flex, network);
    let (batch, _) = collected(&mut trainer);
    let settings = LossSettings {
        clip_coef: 0.2,
        value_clip: None,
        vf_coef: 0.5,
        ent_coef: 0.01,
        surrogate: true,
        imitation: 0.0,
    };
    let learner = &trainer.learner;
    let total =
        |network: &ActorCritic| f64::from(host(loss(network, &learner.layout, &batch, settings).total.inner())[0]);
    let found = loss(&learner.network, &learner.layout, &batch, settings);
    let gradient = host(learner.network.flatten_gradients(&mut found.total.backward(), &found.replays));
    let weights = host(learner.network.flatten());
    let mut rng = SeedTree::new(1).stream("parameters");
    let step = 5e-3;
    for _ in 0..20 {
        let i = rand::RngExt::random_range(&mut rng, 0..weights.len());
        let moved = |by: f32| {
            let mut weights = weights.clone();
            weights[i] += by;
            let vector = Tensor::<1>::from_data(weights.as_slice(), &learner.device);
            total(&learner.network.clone().with_parameters(&vector))
        };
        let difference = (moved(step) - moved(-step)) / f64::from(2.0 * step);
        let found = f64::from(gradient[i]);
        assert!((difference - found).abs() < 2e-4, "{network:?}, parameter {i}: {difference}, {found}");
    }
}

/// A tensor's name in the map is where the network itself finds the number.
#[test]
fn every_parameter_is_named_after_the_tensor_it_becomes() {
    for network in kinds() {
        let trainer = trainer_of("ProbeHybrid-v0", DeviceChoice::Flex, &network);
        let map = ParameterMap::of(&trainer.policy);
        let flat = host(trainer.learner.network.flatten());
        assert_eq!(map.len(), flat.len(), "{network:?}");
        for at in (0..flat.len()).step_by(61).chain([flat.len() - 1]) {
            let mut vector = flat.clone();
            vector[at] = f32::NAN;
            let name = map.first_not_finite(&vector).map(str::to_string);
            let vector = Tensor::from_data(TensorData::new(vector, [flat.len()]), &trainer.learner.device);
            let changed = trainer.learner.network.clone().with_parameters(&vector);
            let policy = changed.to_policy_network(&trainer.heads, None).unwrap();
            assert_eq!(name, bad_tensor(&policy), "parameter {at} of {network:?}");
        }
    }
}

fn bad_tensor(policy: &PolicyNetwork) -> Option<String> {
    let bad = |tensor: &[f32]| tensor.iter().any(|x| x.is_nan());
    let parts = [("actor", &policy.actor_memory, &policy.actor), ("critic", &policy.critic_memory, &policy.critic)];
    for (name, memory, mlp) in parts {
        for (part, layer) in memory.iter().flat_map(|m| [("input", &m.input), ("hidden", &m.hidden)]) {
            let tensors = [("weight", bad(&layer.weight)), ("bias", bad(&layer.bias))];
            if let Some((tensor, _)) = tensors.iter().find(|(_, bad)| *bad) {
                return Some(format!("{name} memory {part} {tensor}"));
            }
        }
        for (i, layer) in mlp.layers.iter().enumerate() {
            let norm = mlp.norms.get(i);
            let tensors = [
                ("weight", bad(&layer.weight)),
                ("bias", bad(&layer.bias)),
                ("gain", norm.is_some_and(|norm| bad(&norm.gain))),
                ("normalised bias", norm.is_some_and(|norm| bad(&norm.bias))),
            ];
            if let Some((tensor, _)) = tensors.iter().find(|(_, bad)| *bad) {
                return Some(format!("{name} layer {} {tensor}", i + 1));
            }
        }
    }
    bad(&policy.log_std).then(|| "the logarithm of the actions' spread".to_string())
}

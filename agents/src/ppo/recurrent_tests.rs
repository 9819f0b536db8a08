//! Memory: what is replayed is what was collected, step by step, over the ends of episodes.

use super::actor_critic::ActorCritic;
use super::config::PpoConfig;
use super::learner::LearnSettings;
use super::loss::loss;
use super::memory::{MemoryModule, Order, Sequences, new_memory};
use super::network_config::{CriticKind, CriticObservation, MemoryChoice, NetworkConfig};
use super::rollout::{Batch, RolloutBuffer};
use super::trainer::Trainer;
use crate::artifact::{ActMode, ActScratch, CriticInput, Dense, Memory, MemoryCell, MemoryState, Spread};
use crate::device::{DeviceChoice, open};
use burn::module::{Param, ParamId};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use flexai_env::core::{Env, EnvContext, Info, Reset, SeedTree, Space, StateError, StepResult, VecEnv, make};
use rand::RngExt;
use serde_json::Value;

/// Episodes of four to eight steps, some of which terminate and some of which are truncated; what is legal changes.
struct Walk {
    observation_space: Space,
    action_space: Space,
    info: Info,
    observation: [f32; 2],
    mask: [bool; 5],
    at: usize,
    env: usize,
}

impl Walk {
    fn new(env: usize) -> Self {
        let (observation_space, action_space) =
            (Space::uniform_box(2, -1.0, 1.0), Space::MultiDiscrete { nvec: vec![3, 2] });
        let (info, observation, mask) = (Info::new(&[]), [0.0; 2], [true; 5]);
        let mut walk = Self { observation_space, action_space, info, observation, mask, at: 0, env };
        walk.look(0.0);
        walk
    }

    fn look(&mut self, action: f32) {
        let t = self.at as f32;
        self.observation = [(1.7 * t + self.env as f32).sin(), 0.3 * action - 0.1 * t];
        self.mask = [0, 1, 2, 3, 4].map(|i| i == 0 || i == 4 || !(self.at + i + self.env).is_multiple_of(3));
    }
}

impl Env for Walk {
    fn observation_space(&self) -> &Space {
        &self.observation_space
    }

    fn action_space(&self) -> &Space {
        &self.action_space
    }

    fn reset(&mut self, _seed: Option<u64>) -> Reset<'_> {
        self.at = 0;
        self.look(0.0);
        Reset { observation: &self.observation, info: &self.info }
    }

    fn step(&mut self, action: &[f32]) -> StepResult<'_> {
        self.at += 1;
        self.look(action[0]);
        let over = self.at == 4 + self.env % 5;
        let (terminated, truncated) = (over && self.env.is_multiple_of(2), over && !self.env.is_multiple_of(2));
        let reward = f64::from(action[0] - action[1]);
        StepResult { observation: &self.observation, reward, terminated, truncated, info: &self.info }
    }

    fn observation(&self) -> &[f32] {
        &self.observation
    }

    fn action_mask(&self) -> Option<&[bool]> {
        Some(&self.mask)
    }

    fn privileged_len(&self) -> usize {
        1
    }

    fn privileged(&self, out: &mut [f32]) {
        out[0] = (self.at * self.env) as f32 / 40.0;
    }

    fn save_state(&self) -> Vec<u8> {
        Vec::new()
    }

    fn load_state(&mut self, _bytes: &[u8]) -> Result<(), StateError> {
        Ok(())
    }
}

fn config() -> PpoConfig {
    PpoConfig { num_envs: 8, num_steps: 13, num_minibatches: 4, total_steps: 8 * 13 * 10, ..PpoConfig::default() }
}

/// Both cells with every kind of critic, and with exploration that reads the features.
fn kinds() -> Vec<NetworkConfig> {
    let of = |memory| NetworkConfig {
        hidden: vec![12],
        policy_gain: 1.0,
        memory,
        memory_size: 9,
        ..NetworkConfig::default()
    };
    let cells = [MemoryChoice::Gru, MemoryChoice::Lstm];
    let critics = |memory| {
        [
            of(memory),
            NetworkConfig { critic: CriticKind::Shared, layer_norm: true, ..of(memory) },
            NetworkConfig { critic_observation: CriticObservation::Privileged, ..of(memory) },
        ]
    };
    cells.into_iter().flat_map(critics).collect()
}

fn trainer(network: &NetworkConfig) -> Trainer {
    let envs = (0..config().num_envs).map(|e| Box::new(Walk::new(e)) as Box<dyn Env>).collect();
    Trainer::new(&config(), network, 5, VecEnv::new(envs), DeviceChoice::Flex).unwrap()
}

fn named(id: &str, network: &NetworkConfig) -> Trainer {
    let envs = (0..config().num_envs).map(|_| make(id, &EnvContext::default()).unwrap()).collect();
    Trainer::new(&config(), network, 5, VecEnv::new(envs), DeviceChoice::Flex).unwrap()
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    crate::device::read(tensor).unwrap()
}

/// The second rollout: what is remembered at its beginning comes from the first.
fn collected(trainer: &mut Trainer) -> Batch {
    trainer.collector.collect(&trainer.policy).unwrap();
    trainer.collector.collect(&trainer.policy).unwrap();
    let rollout = trainer.collector.rollout();
    assert!(rollout.memory.actor.iter().any(|x| *x != 0.0), "episodes go on over rollouts");
    let advantages = rollout.advantages(0.99, 0.95, 1.0);
    rollout.upload(&trainer.learner.layout, &advantages, &trainer.learner.device)
}

#[test]
fn replayed_log_probabilities_and_values_are_those_collected_over_ends_of_episodes_and_with_masks() {
    for network in kinds() {
        let mut trainer = trainer(&network);
        let batch = collected(&mut trainer);
        let rollout = trainer.collector.rollout();
        let ends = |flags: &[bool]| flags.iter().filter(|end| **end).count();
        assert!(ends(&rollout.terminated) > 5 && ends(&rollout.truncated) > 5);
        assert!(rollout.masks.iter().any(|legal| !legal));
        let learner = &trainer.learner;
        let settings = LearnSettings::at(&config(), 0).loss;
        let found = loss(&learner.network, &learner.layout, &batch, settings);
        for x in host(found.log_ratio) {
            assert!((x.exp() - 1.0).abs() < 2e-6, "{network:?}: ratio {}", x.exp());
        }
        let outputs = learner.network.forward(batch.observation, batch.privileged, batch.sequences.as_ref());
        for (replayed, collected) in host(outputs.values).iter().zip(&rollout.values) {
            assert!((replayed - collected).abs() < 2e-6, "{network:?}: {replayed} and {collected}");
        }
    }
}

/// Without the zeros at the beginning of episodes, or with the states of other environments, ratios leave 1.
#[test]
fn states_that_are_not_those_of_the_row_are_noticed() {
    let network = &kinds()[0];
    let mut trainer = trainer(network);
    let batch = collected(&mut trainer);
    let rollout = trainer.collector.rollout().clone();
    let learner = &trainer.learner;
    let worst = |rollout: &RolloutBuffer| {
        let sequences = Sequences::of(rollout, &learner.device);
        let batch = Batch { sequences, ..batch.clone() };
        let found = loss(&learner.network, &learner.layout, &batch, LearnSettings::at(&config(), 0).loss);
        host(found.log_ratio).iter().fold(0.0f32, |worst, x| worst.max(x.abs()))
    };
    assert!(worst(&rollout) < 2e-6);
    let never = vec![false; rollout.len()];
    let endless = RolloutBuffer { terminated: never.clone(), truncated: never, ..rollout.clone() };
    assert!(worst(&endless) > 1e-3);
    let mut turned = rollout.clone();
    turned.memory.actor.rotate_left(9);
    assert!(worst(&turned) > 1e-3);
}

/// The runtime that ships plays every episode again, one observation after the other.
#[test]
fn a_truncated_episode_is_valued_with_its_own_memory_and_the_next_one_begins_without() {
    for network in kinds().into_iter().filter(|n| n.critic_observation == CriticObservation::Actor) {
        let mut trainer = trainer(&network);
        trainer.collector.collect(&trainer.policy).unwrap();
        let (policy, collector) = (&trainer.policy, &trainer.collector);
        let (rollout, n) = (collector.rollout(), config().num_envs);
        let mut scratch = ActScratch::default();
        let mut value = |x: &[f32], state: &mut MemoryState| {
            policy.act(x, &[], state, &mut scratch, ActMode::Deterministic).value.unwrap()
        };
        let mut ended = 0;
        for e in 0..n {
            let mut state = MemoryState::default();
            for i in (0..config().num_steps).map(|t| t * n + e) {
                assert_eq!(value(&rollout.observations[2 * i..2 * i + 2], &mut state), rollout.values[i]);
                if let Some(k) = collector.ended.iter().position(|end| *end == i) {
                    let last = value(&collector.final_observations[2 * k..2 * k + 2], &mut state.clone());
                    assert_eq!(last, rollout.next_values[i]);
                    let fresh = value(&collector.final_observations[2 * k..2 * k + 2], &mut MemoryState::default());
                    assert_ne!(last, fresh, "the memory says something");
                    state.forget();
                    ended += 1;
                } else if i + n >= rollout.len() {
                    let next = value(&collector.observation[2 * e..2 * e + 2], &mut state.clone());
                    assert_eq!(next, rollout.next_values[i]);
                }
            }
        }
        assert!(ended > 10);
    }
}

#[test]
fn minibatches_hold_whole_sequences_of_environments_in_order_of_time() {
    let mut trainer = trainer(&kinds()[0]);
    let batch = collected(&mut trainer);
    let (rollout, settings) = (trainer.collector.rollout(), LearnSettings::at(&config(), 0));
    let mut order = Order::of(rollout);
    order.shuffle(settings.minibatch_size, &mut trainer.shuffle);
    assert_ne!(order.lanes, [0, 1, 2, 3, 4, 5, 6, 7]);
    let shuffled = batch.select(&order.rows, &order.lanes);
    let learner = &trainer.learner;
    let mut seen = Vec::new();
    for m in 0..4 {
        let rows = m * settings.minibatch_size..(m + 1) * settings.minibatch_size;
        let (steps, envs) = (13, &order.lanes[2 * m..2 * m + 2]);
        let expected: Vec<i32> = (0..steps).flat_map(|t| envs.iter().map(move |e| t * 8 + e)).collect();
        assert_eq!(order.rows[rows.clone()], expected);
        seen.extend_from_slice(&expected);
        let found = loss(&learner.network, &learner.layout, &shuffled.rows(rows), settings.loss);
        assert!(host(found.log_ratio).iter().all(|x| x.abs() < 2e-6), "the states go with their sequences");
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..104).collect::<Vec<i32>>());
}

/// In `f32` they agree to the rounding of the loss.
#[test]
fn gradients_through_time_agree_with_finite_differences_of_the_loss() {
    for network in kinds() {
        // What is shown at the beginning of an episode is almost zero: normalised, it bends too sharply for differences.
        let network = NetworkConfig { layer_norm: false, ..network };
        let mut trainer = trainer(&network);
        let batch = collected(&mut trainer);
        let settings = super::loss::LossSettings { ent_coef: 0.01, ..LearnSettings::at(&config(), 0).loss };
        let learner = &trainer.learner;
        let total =
            |network: &ActorCritic| f64::from(host(loss(network, &learner.layout, &batch, settings).total.inner())[0]);
        let found = loss(&learner.network, &learner.layout, &batch, settings);
        let gradient = host(learner.network.flatten_gradients(&mut found.total.backward(), &found.replays));
        let weights = host(learner.network.flatten());
        let mut rng = SeedTree::new(1).stream("parameters");
        // The actor's memory comes first: half of the places are there.
        let memory = trainer.learner.watch.map.layers()[0].1.clone();
        assert_eq!(trainer.learner.watch.map.layers()[0].0, "actor_memory");
        let step = 1e-2;
        for k in 0..40 {
            let i = rng.random_range(if k % 2 == 0 { memory.clone() } else { 0..weights.len() });
            let moved = |by: f32| {
                let mut weights = weights.clone();
                weights[i] += by;
                total(&learner.network.clone().with_parameters(&Tensor::from_data(weights.as_slice(), &learner.device)))
            };
            // Two differences, so that the third derivative drops out too.
            let [near, far] = [step, 2.0 * step].map(|h| (moved(h) - moved(-h)) / f64::from(2.0 * h));
            let difference = (4.0 * near - far) / 3.0;
            let found = f64::from(gradient[i]);
            assert!((difference - found).abs() < 2e-4, "{network:?}, parameter {i}: {difference}, {found}");
        }
    }
}

/// A graphics card has the tape; both are one learner.
#[test]
fn the_tape_finds_the_gradient_of_the_host() {
    for network in kinds() {
        let mut trainer = trainer(&network);
        let batch = collected(&mut trainer);
        let learner = &trainer.learner;
        let settings = super::loss::LossSettings { ent_coef: 0.01, ..LearnSettings::at(&config(), 0).loss };
        let [on_host, on_tape] = [learner.network.clone(), learner.network.clone().on_tape()].map(|network| {
            let found = loss(&network, &learner.layout, &batch, settings);
            let total = host(found.total.clone().inner());
            [total, host(network.flatten_gradients(&mut found.total.backward(), &found.replays))].concat()
        });
        assert_eq!(on_host.len(), on_tape.len());
        for (a, b) in on_host.iter().zip(&on_tape) {
            assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{network:?}: {a} and {b}");
        }
    }
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

fn linear(layer: &Dense, device: &Device) -> Linear {
    let tensor = |x: &[f32]| Tensor::<1>::from_data(TensorData::new(x.to_vec(), [x.len()]), device);
    let trained = |x: Tensor<2>| Param::initialized(ParamId::new(), x.autodiff().require_grad());
    Linear {
        weight: trained(tensor(&layer.weight).reshape([layer.inputs, layer.outputs])),
        bias: Some(Param::initialized(ParamId::new(), tensor(&layer.bias).autodiff().require_grad())),
    }
}

/// `memory_golden.json` holds what PyTorch computes in double precision; both paths through time are held to it.
#[test]
fn tape_and_host_show_what_pytorch_shows_and_have_its_gradients_through_time() {
    let file: Value = serde_json::from_str(include_str!("../../../tests/golden/memory_golden.json")).unwrap();
    for (case, on_host) in file["cases"].as_array().unwrap().iter().flat_map(|case| [(case, true), (case, false)]) {
        assert_agrees_with_pytorch(case, on_host);
    }
}

fn assert_agrees_with_pytorch(case: &Value, on_host: bool) {
    let device = open(DeviceChoice::Flex).unwrap();
    let cell: MemoryCell = serde_json::from_value(case["cell"].clone()).unwrap();
    let count = |key: &str| case[key].as_u64().unwrap() as usize;
    let (rows, inputs, size, steps) = (count("rows"), count("inputs"), count("size"), 7);
    let dense = |inputs: usize, part: &str| Dense {
        inputs,
        outputs: cell.gates() * size,
        weight: numbers(&case[format!("{part}_weight")]),
        bias: numbers(&case[format!("{part}_bias")]),
    };
    let memory = Memory { cell, input: dense(inputs, "input"), hidden: dense(size, "hidden") };
    let module = MemoryModule::new(&memory, |layer| linear(layer, &device), on_host);
    let mut rollout = RolloutBuffer::new(steps, rows, inputs, 0, 1, 0);
    rollout.memory.actor = numbers(&case["state"]);
    for begin in case["begins"].as_array().unwrap() {
        let (t, row) = (begin[0].as_u64().unwrap() as usize, begin[1].as_u64().unwrap() as usize);
        rollout.truncated[(t - 1) * rows + row] = true;
    }
    let tensor = |key: &str, columns: usize| {
        Tensor::<1>::from_data(numbers(&case[key]).as_slice(), &device).reshape([-1, columns as i32])
    };
    let (shown, replay) = module.of_actor(tensor("x", inputs), &Sequences::of(&rollout, &device).unwrap());
    assert_eq!(replay.is_some(), on_host);
    let near = |what: &str, found: Vec<f32>, expected: Vec<f32>| {
        assert_eq!(found.len(), expected.len(), "{what}");
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-6 * (1.0 + b.abs()), "{cell:?} {what} on host {on_host}: {a} and {b}");
        }
    };
    near("shown", host(shown.clone().inner()), numbers(&case["cut"]));
    let mut gradients = (shown * tensor("weight", size)).sum().backward();
    let found: Vec<Vec<f32>> = match replay {
        Some(replay) => replay.gradients(&mut gradients).map(host).to_vec(),
        None => [&module.input, &module.hidden]
            .into_iter()
            .flat_map(|layer| {
                let weight = host(layer.weight.val().grad_remove(&mut gradients).unwrap());
                [weight, host(layer.bias.as_ref().unwrap().val().grad_remove(&mut gradients).unwrap())]
            })
            .collect(),
    };
    let names = ["input_weight", "input_bias", "hidden_weight", "hidden_bias"];
    for (name, found) in names.into_iter().zip(found) {
        near(name, found, numbers(&case[format!("{name}_gradient")]));
    }
}

#[test]
fn a_new_memory_is_orthogonal_gate_by_gate_and_an_lstm_begins_by_keeping() {
    let memory = new_memory(MemoryCell::Lstm, 3, 5, &mut SeedTree::new(1).stream("weights"));
    assert_eq!(memory.validate("actor"), Ok(()));
    assert_eq!(memory.input.bias[..12], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    assert!(memory.hidden.bias.iter().all(|x| *x == 0.0));
    for gate in 0..4 {
        for (a, b) in (0..5).flat_map(|a| (0..5).map(move |b| (a, b))) {
            let at = |row: usize, column: usize| f64::from(memory.hidden.weight[row * 20 + gate * 5 + column]);
            let product: f64 = (0..5).map(|i| at(a, i) * at(b, i)).sum();
            assert!((product - f64::from(u8::from(a == b))).abs() < 1e-5, "gate {gate}, {a} {b}: {product}");
        }
    }
}

#[test]
fn an_update_moves_every_layer_on_every_cell_and_says_their_names() {
    for network in kinds() {
        let mut trainer = trainer(&network);
        let report = trainer.update().unwrap();
        assert!(report.layer_grad_norms.iter().all(|norm| *norm > 0.0), "{network:?}: {report:?}");
        let names = trainer.layer_names();
        assert_eq!(names[0], "actor_memory");
        assert_eq!(names.contains(&"critic_memory".to_string()), network.critic == CriticKind::Separate);
        let policy = trainer.policy_network();
        assert_eq!(policy.validate(), Ok(()), "{network:?}");
        assert_eq!(policy.observation_len(), 2);
        let told = network.critic_observation == CriticObservation::Privileged;
        assert_eq!(policy.critic_input == CriticInput::Absent, told);
        assert_eq!(policy.critic_memory.is_none(), told || network.critic == CriticKind::Shared);
    }
}

#[test]
fn exploration_by_state_works_on_what_is_remembered() {
    for memory in [MemoryChoice::Gru, MemoryChoice::Lstm] {
        let network = NetworkConfig {
            memory,
            memory_size: 9,
            spread: Spread::Gsde,
            log_std_init: -1.0,
            ..NetworkConfig::default()
        };
        let mut trainer = named("Pendulum-v1", &network);
        let batch = collected(&mut trainer);
        let (learner, settings) = (&trainer.learner, LearnSettings::at(&config(), 0).loss);
        let found = loss(&learner.network, &learner.layout, &batch, settings);
        assert!(host(found.log_ratio).iter().all(|x| x.abs() < 1e-5));
        assert!(trainer.update().unwrap().action_std[0] > 0.0);
    }
}

#[test]
fn minibatches_that_would_cut_sequences_and_the_hosts_learner_are_refused_in_words() {
    let network = &kinds()[0];
    let refused = |config: &PpoConfig| {
        let envs = (0..config.num_envs).map(|e| Box::new(Walk::new(e)) as Box<dyn Env>).collect();
        Trainer::new(config, network, 5, VecEnv::new(envs), DeviceChoice::Flex).err().unwrap().to_string()
    };
    let text = refused(&PpoConfig { num_envs: 6, num_steps: 12, ..config() });
    assert!(text.starts_with("`ppo.num_minibatches` is 4, expected a divisor of the 6 environments"), "{text}");
    let text = refused(&PpoConfig { learner: super::LearnerChoice::Host, ..config() });
    assert!(text.starts_with("learner `host` cannot be used: the network or the action is of another kind"), "{text}");
}

#[test]
fn rounds_beside_each_other_keep_every_sequence() {
    let mut rollout = RolloutBuffer::new(6, 2, 1, 0, 1, 0);
    rollout.observations = (0..12).map(|i| i as f32).collect();
    rollout.memory.actor = vec![0.0, 1.0, 2.0, 3.0];
    let beside = rollout.side_by_side(2);
    assert_eq!((beside.num_steps, beside.num_envs), (3, 4));
    // Environments 0 and 1 of the first round (steps 0 to 2), then those of the second (steps 3 to 5).
    assert_eq!(beside.observations, [0.0, 1.0, 6.0, 7.0, 2.0, 3.0, 8.0, 9.0, 4.0, 5.0, 10.0, 11.0]);
    assert_eq!(beside.memory.actor, rollout.memory.actor);
}

//! PPO against golden numbers (`tests/golden/README.md`): every case, on every device of the build.
//!
//! In: `ppo_golden.json`, or the file named by the environment variable `FLEXAI_PPO_GOLDEN`. All sizes and
//! hyperparameters come from the file. Tolerances are those of the README; on a graphics card 1e-4 for everything.

use super::actor_critic::{ActorCritic, Outputs};
use super::config::PpoConfig;
use super::distribution::HeadLayout;
use super::gae::{self, Advantages, GaeInput, explained_variance};
use super::host::HostLearner;
use super::learner::{LearnSettings, Learner, StepFigures, in_order, read};
use super::loss::loss;
use super::memory::Order;
use super::optimizer::ClippedAdam;
use super::parameters::{ParameterMap, StepWatch};
use super::rollout::RolloutBuffer;
use crate::artifact::{Activation, CriticInput, Dense, MemoryState, Mlp, MlpScratch, PolicyNetwork, log_prob};
use crate::device::{DeviceChoice, open};
use burn::tensor::Tensor;
use flexai_env::core::Space;
use serde_json::Value;
use std::path::PathBuf;

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    crate::device::read(tensor).unwrap()
}

fn golden() -> Value {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/ppo_golden.json");
    let path = std::env::var_os("FLEXAI_PPO_GOLDEN").map_or(default, PathBuf::from);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let golden: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(golden["masked_logit"].as_f64().unwrap(), f64::from(crate::artifact::MASKED_LOGIT));
    golden
}

/// All numbers of nested lists, in order; booleans count as 0 and 1.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        Value::Bool(b) => vec![f64::from(u8::from(*b))],
        _ => vec![value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))],
    }
}

fn floats(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|x| x as f32).collect()
}

fn flags(value: &Value) -> Vec<bool> {
    numbers(value).into_iter().map(|x| x == 1.0).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

#[track_caller]
fn assert_near(what: &str, found: impl IntoIterator<Item = f64>, expected: &[f64], tolerance: f64) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "{what}[{i}] is {a}, expected {b} within {tolerance:e}");
    }
}

fn wide(values: &[f32]) -> impl Iterator<Item = f64> + '_ {
    values.iter().map(|x| f64::from(*x))
}

struct Tolerances {
    per_sample: f64,
    losses: f64,
    gradients: f64,
    one_step: f64,
    update_phase: f64,
}

impl Tolerances {
    fn of(device: DeviceChoice) -> Self {
        match device {
            DeviceChoice::Wgpu => {
                Self { per_sample: 1e-4, losses: 1e-4, gradients: 1e-4, one_step: 1e-4, update_phase: 1e-4 }
            }
            _ => Self { per_sample: 2e-5, losses: 1e-5, gradients: 1e-5, one_step: 1e-6, update_phase: 5e-6 },
        }
    }
}

/// One case of the file, ready to be learned from.
struct Case {
    json: Value,
    space: Space,
    rollout: RolloutBuffer,
    advantages: Advantages,
    settings: LearnSettings,
}

impl Case {
    fn new(json: Value) -> Self {
        let head = &json["head"];
        let space = match head["kind"].as_str().unwrap() {
            "categorical" => Space::discrete(count(&head["n"])),
            "multidiscrete" => {
                Space::MultiDiscrete { nvec: head["nvec"].as_array().unwrap().iter().map(count).collect() }
            }
            "gaussian" => Space::uniform_box(count(&head["dim"]), f32::NEG_INFINITY, f32::INFINITY),
            kind => panic!("unknown head {kind}"),
        };
        let (rollout, hyper) = (&json["rollout"], &json["hyper"]);
        let (t, n) = (count(&json["T"]), count(&json["N"]));
        let masks = match &rollout["action_mask"] {
            Value::Null => vec![true; t * n * space.mask_len()],
            mask => flags(mask),
        };
        let rollout = RolloutBuffer {
            num_steps: t,
            num_envs: n,
            observations: floats(&rollout["obs"]),
            privileged: Vec::new(),
            memory: MemoryState::default(),
            actions: floats(&rollout["actions"]),
            teacher: Vec::new(),
            masks,
            log_probs: floats(&rollout["old_log_probs"]),
            parts: None,
            own_log_probs: Vec::new(),
            rewards: numbers(&rollout["rewards"]),
            values: floats(&rollout["values"]),
            next_values: floats(&rollout["next_values"]),
            terminated: flags(&rollout["terminated"]),
            truncated: flags(&rollout["truncated"]),
        };
        let config = PpoConfig {
            num_envs: n,
            num_steps: t,
            num_minibatches: count(&hyper["update"]["minibatches"]),
            update_epochs: count(&hyper["update"]["epochs"]),
            learning_rate: number(&hyper["lr"]),
            clip_coef: number(&hyper["clip_coef"]),
            clip_value_loss: hyper["clip_value_loss"].as_bool().unwrap(),
            value_clip: number(&hyper["value_clip"]),
            normalize_advantage: hyper["normalize_advantage"].as_bool().unwrap(),
            ent_coef: number(&hyper["ent_coef"]),
            vf_coef: number(&hyper["vf_coef"]),
            max_grad_norm: number(&hyper["max_grad_norm"]),
            adam_eps: number(&hyper["adam_eps"]),
            ..PpoConfig::default()
        };
        assert_eq!(config.validate(), Vec::<String>::new());
        assert_eq!(numbers(&hyper["adam_betas"]), [0.9, 0.999]);
        let advantages = rollout.advantages(number(&hyper["gamma"]), number(&hyper["gae_lambda"]), 1.0);
        Self { space, rollout, advantages, settings: LearnSettings::at(&config, 0), json }
    }

    fn network(&self, key: &str) -> PolicyNetwork {
        let params = &self.json[key];
        let mlp = |name: &str| {
            let layer =
                |layer: &str| dense(&params[format!("{name}.{layer}.weight")], &params[format!("{name}.{layer}.bias")]);
            let layers = ["l1", "l2", "head"].map(layer).to_vec();
            Mlp { layers, norms: Vec::new(), activation: Activation::Tanh }
        };
        PolicyNetwork {
            heads: self.space.components().into(),
            normalizer: None,
            actor_memory: None,
            actor: mlp("actor"),
            critic_memory: None,
            critic: mlp("critic"),
            critic_input: CriticInput::Observation,
            log_std: params.get("log_std").map(floats).unwrap_or_default(),
        }
    }

    fn learner(&self, device: DeviceChoice) -> Learner {
        let (device, network) = (open(device).unwrap(), self.network("params"));
        let hyper = &self.json["hyper"];
        Learner {
            network: ActorCritic::from_policy(&network, &device),
            optimizer: ClippedAdam::new(number(&hyper["adam_eps"]), number(&hyper["max_grad_norm"])),
            layout: HeadLayout::new(&network.heads),
            device,
            host: None,
            watch: StepWatch::new(ParameterMap::of(&network)),
        }
    }

    /// Parameters, or anything of their shape, as one vector in the network's fixed order.
    fn flat(&self, tensors: &Value) -> Vec<f64> {
        let mut out = Vec::new();
        for name in ["actor.l1", "actor.l2", "actor.head", "critic.l1", "critic.l2", "critic.head"] {
            let layer = dense(&tensors[format!("{name}.weight")], &tensors[format!("{name}.bias")]);
            out.extend(wide(&layer.weight).chain(wide(&layer.bias)));
        }
        out.extend(tensors.get("log_std").map(numbers).unwrap_or_default());
        out
    }

    fn expected(&self, key: &str) -> Vec<f64> {
        numbers(&self.json["expected"][key])
    }
}

/// The file stores weights as `[out][in]`.
fn dense(weight: &Value, bias: &Value) -> Dense {
    let bias = floats(bias);
    let (outputs, weight) = (bias.len(), floats(weight));
    let inputs = weight.len() / outputs;
    let transposed = (0..weight.len()).map(|i| weight[i % outputs * inputs + i / outputs]).collect();
    Dense { inputs, outputs, weight: transposed, bias }
}

fn cases() -> Vec<Case> {
    let cases: Vec<Case> = golden()["cases"].as_array().unwrap().iter().cloned().map(Case::new).collect();
    assert!(cases.len() >= 4, "the file holds all cases");
    cases
}

fn check_figures(name: &str, found: &StepFigures, expected: &Value, tolerance: f64) {
    for (key, found) in [
        ("total_loss", found.total_loss),
        ("policy_loss", found.policy_loss),
        ("value_loss", found.value_loss),
        ("entropy", found.entropy),
        ("approx_kl", found.approx_kl),
        ("old_approx_kl", found.old_approx_kl),
        ("clip_fraction", found.clip_fraction),
        ("grad_norm", found.grad_norm),
    ] {
        assert_near(&format!("{name} {key}"), [found], &[number(&expected[key])], tolerance);
    }
}

/// Forward pass, losses, gradients and one optimiser step on the full batch.
fn check_one_step(device: DeviceChoice) {
    let tolerances = Tolerances::of(device);
    for case in cases() {
        let name = case.json["name"].as_str().unwrap().to_string();
        let mut learner = case.learner(device);
        let settings = LearnSettings { minibatch_size: case.rollout.len(), ..case.settings };
        let whole = case.rollout.upload(&learner.layout, &case.advantages, &learner.device);
        let order = Order::of(&case.rollout);
        let batch = in_order(&whole, &case.advantages.advantages, &order, settings);

        let per_sample = |key: &str| numbers(&case.json["expected"]["per_sample"][key]);
        let check = |what: &str, found: Tensor<2>| {
            assert_near(&format!("{name} {what}"), wide(&host(found)), &per_sample(what), tolerances.per_sample);
        };
        check("advantage_normalised", batch.advantage.clone());
        let Outputs { parameters, log_std, values, .. } =
            learner.network.forward(batch.observation.clone(), None, None);
        check("value", values.inner());
        let (log_probs, entropy) = learner.layout.evaluate(&parameters, log_std.as_ref(), &batch.actions, false);
        check("log_prob", log_probs.clone().inner());
        check("ratio", (log_probs - batch.old_log_prob.clone()).exp().inner());
        check("entropy", entropy.inner().expand([case.rollout.len(), 1]));

        let loss = loss(&learner.network, &learner.layout, &batch, settings.loss);
        let gradient = learner.network.flatten_gradients(&mut loss.total.backward(), &loss.replays);
        let (clipped, _) = learner.optimizer.clipped(gradient.clone());
        for (key, found) in [("grads_before_clip", gradient), ("grads_after_clip", clipped)] {
            let expected = case.flat(&case.json["expected"][key]);
            assert_near(&format!("{name} {key}"), wide(&host(found)), &expected, tolerances.gradients);
        }
        let pending = learner.step(&batch, settings.loss, settings.learning_rate);
        let figures = read(vec![pending], settings.loss.clip_coef).unwrap();
        check_figures(&name, &figures[0], &case.json["expected"], tolerances.losses);
        let expected = case.flat(&case.json["expected"]["params_after_one_adam_step"]);
        let found = host(learner.network.flatten());
        assert_near(&format!("{name} parameters"), wide(&found), &expected, tolerances.one_step);
    }
}

/// The same facts of the host's learner, but for the numbers of single rows, which it does not keep.
#[test]
fn one_optimiser_step_gives_the_golden_numbers_on_the_host() {
    let tolerances = Tolerances::of(DeviceChoice::Flex);
    for case in cases() {
        let name = case.json["name"].as_str().unwrap();
        let (mut learner, mut host) = (case.learner(DeviceChoice::Flex), HostLearner::new(&case.network("params")));
        host.take_over(&learner.network, &learner.optimizer, &learner.device).unwrap();
        let order: Vec<i32> = (0..case.rollout.len() as i32).collect();
        let rate = case.settings.learning_rate;
        let figures = host.step(&case.rollout, &case.advantages, &order, case.settings, rate);
        let gradient = host.last_gradient().to_vec();
        let scale = (number(&case.json["hyper"]["max_grad_norm"]) / (figures.grad_norm + 1e-6)).min(1.0);
        let expected = |key: &str| case.flat(&case.json["expected"][key]);
        assert_near(name, wide(&gradient), &expected("grads_before_clip"), tolerances.gradients);
        assert_near(name, wide(&gradient).map(|x| x * scale), &expected("grads_after_clip"), tolerances.gradients);
        check_figures(name, &figures, &case.json["expected"], tolerances.losses);
        host.hand_over(&mut learner.network, &mut learner.optimizer, &learner.device);
        let found = self::host(learner.network.flatten());
        assert_near(name, wide(&found), &expected("params_after_one_adam_step"), tolerances.one_step);
        assert_eq!(learner.optimizer.steps(), 1);
    }
}

#[test]
fn a_whole_update_phase_gives_the_golden_numbers_on_the_host() {
    let tolerances = Tolerances::of(DeviceChoice::Flex);
    for case in cases() {
        let name = case.json["name"].as_str().unwrap();
        let (mut learner, mut host) = (case.learner(DeviceChoice::Flex), HostLearner::new(&case.network("params")));
        host.take_over(&learner.network, &learner.optimizer, &learner.device).unwrap();
        let phase = &case.json["update_phase"];
        let mut steps = phase["steps"].as_array().unwrap().iter();
        for epoch in phase["minibatch_indices"].as_array().unwrap() {
            let order: Vec<i32> = numbers(epoch).into_iter().map(|i| i as i32).collect();
            for rows in order.chunks_exact(case.settings.minibatch_size) {
                let expected = steps.next().unwrap();
                let rate = number(&expected["lr"]);
                let figures = host.step(&case.rollout, &case.advantages, rows, case.settings, rate);
                check_figures(name, &figures, expected, tolerances.losses);
            }
        }
        assert!(steps.next().is_none(), "every step of the file was taken");
        host.hand_over(&mut learner.network, &mut learner.optimizer, &learner.device);
        let found = self::host(learner.network.flatten());
        assert_near(name, wide(&found), &case.flat(&phase["params_after"]), tolerances.update_phase);
    }
}

/// Two epochs of four minibatches, the learning rate decaying from step to step.
fn check_update_phase(device: DeviceChoice) {
    let tolerances = Tolerances::of(device);
    for case in cases() {
        let name = case.json["name"].as_str().unwrap();
        let phase = &case.json["update_phase"];
        let mut steps = phase["steps"].as_array().unwrap().iter();
        let mut learner = case.learner(device);
        let whole = case.rollout.upload(&learner.layout, &case.advantages, &learner.device);
        for epoch in phase["minibatch_indices"].as_array().unwrap() {
            let rows = numbers(epoch).into_iter().map(|i| i as i32).collect();
            let order = Order { rows, lanes: Vec::new() };
            let batch = in_order(&whole, &case.advantages.advantages, &order, case.settings);
            let size = case.settings.minibatch_size;
            for m in 0..order.rows.len() / size {
                let expected = steps.next().unwrap();
                let rows = batch.rows(m * size..(m + 1) * size);
                let pending = learner.step(&rows, case.settings.loss, number(&expected["lr"]));
                let figures = read(vec![pending], case.settings.loss.clip_coef).unwrap();
                check_figures(name, &figures[0], expected, tolerances.losses);
            }
        }
        assert!(steps.next().is_none(), "every step of the file was taken");
        let expected = case.flat(&phase["params_after"]);
        let found = host(learner.network.flatten());
        assert_near(&format!("{name} parameters"), wide(&found), &expected, tolerances.update_phase);
    }
}

#[test]
fn one_optimiser_step_gives_the_golden_numbers_on_flex() {
    check_one_step(DeviceChoice::Flex);
}

#[test]
fn one_optimiser_step_gives_the_golden_numbers_on_ndarray() {
    check_one_step(DeviceChoice::Ndarray);
}

#[cfg(feature = "wgpu")]
#[test]
fn one_optimiser_step_gives_the_golden_numbers_on_wgpu() {
    if crate::device::adapter_or_skip() {
        check_one_step(DeviceChoice::Wgpu);
    }
}

#[test]
fn a_whole_update_phase_gives_the_golden_numbers_on_flex() {
    check_update_phase(DeviceChoice::Flex);
}

#[test]
fn a_whole_update_phase_gives_the_golden_numbers_on_ndarray() {
    check_update_phase(DeviceChoice::Ndarray);
}

#[cfg(feature = "wgpu")]
#[test]
fn a_whole_update_phase_gives_the_golden_numbers_on_wgpu() {
    if crate::device::adapter_or_skip() {
        check_update_phase(DeviceChoice::Wgpu);
    }
}

#[test]
fn advantages_returns_and_explained_variance_are_the_golden_ones() {
    for case in cases() {
        let found = &case.advantages;
        assert_near("advantages", found.advantages.iter().copied(), &case.expected("advantages"), 2e-5);
        assert_near("returns", found.returns.iter().copied(), &case.expected("returns"), 2e-5);
        let explained = explained_variance(&case.rollout.values, &found.returns);
        assert_near("explained variance", [explained], &case.expected("explained_variance"), 2e-5);
    }
}

#[test]
fn edge_cases_of_the_advantage_estimate_are_the_golden_ones() {
    let golden = golden();
    let edges = golden["gae_edge_cases"].as_array().unwrap();
    assert!(edges.len() >= 8, "the file holds all edge cases");
    for edge in edges {
        let (values, next_values) = (floats(&edge["values"]), floats(&edge["next_values"]));
        let (terminated, truncated) = (flags(&edge["terminated"]), flags(&edge["truncated"]));
        let input = GaeInput {
            num_envs: edge["rewards"][0].as_array().unwrap().len(),
            parts: 1,
            rewards: &numbers(&edge["rewards"]),
            values: &values,
            next_values: &next_values,
            terminated: &terminated,
            truncated: &truncated,
        };
        let found = gae::advantages(input, number(&edge["gamma"]), number(&edge["gae_lambda"]));
        let label = edge["label"].as_str().unwrap();
        assert_near(label, found.advantages, &numbers(&edge["advantages"]), 2e-5);
        assert_near(label, found.returns, &numbers(&edge["returns"]), 2e-5);
    }
}

/// The host's inference, with which rollouts are collected, computes what the file says the collecting policy computed.
#[test]
fn the_collecting_policy_on_the_host_gives_the_golden_values_and_log_probabilities() {
    for case in cases() {
        let policy = case.network("behaviour_params");
        let mut scratch = MlpScratch::default();
        for (observations, expected) in [("obs", "values"), ("next_obs", "next_values")] {
            let observations = floats(&case.json["rollout"][observations]);
            let mut values = vec![0.0; case.rollout.len()];
            policy.critic.forward(&observations, &mut scratch, &mut values);
            assert_near(expected, wide(&values), &numbers(&case.json["rollout"][expected]), 2e-5);
        }
        let head_len = policy.actor.outputs();
        let mut parameters = vec![0.0; case.rollout.len() * head_len];
        policy.actor.forward(&case.rollout.observations, &mut scratch, &mut parameters);
        let (actions, masks) = (&case.rollout.actions, &case.rollout.masks);
        let (action_len, mask_len) = (case.space.flat_len(), case.space.mask_len());
        let found: Vec<f32> = (0..case.rollout.len())
            .map(|i| {
                let parameters = &parameters[i * head_len..(i + 1) * head_len];
                let mask = &masks[i * mask_len..(i + 1) * mask_len];
                let action = &actions[i * action_len..(i + 1) * action_len];
                log_prob(&policy.heads, parameters, &policy.log_std, mask, action)
            })
            .collect();
        assert_near("old log-probabilities", wide(&found), &wide(&case.rollout.log_probs).collect::<Vec<_>>(), 2e-5);
    }
}

//! The host's gradient against Burn's, against differences of a plain `f64` loss, and against itself.

use super::loss::Rows;
use super::{HostLearner, HostPolicy};
use crate::artifact::{Activation, MlpScratch, PolicyNetwork, log_prob, sample};
use crate::device::{DeviceChoice, open, read};
use crate::ppo::actor_critic::ActorCritic;
use crate::ppo::credit::own_log_probs;
use crate::ppo::distribution::HeadLayout;
use crate::ppo::gae::Advantages;
use crate::ppo::learner::{LearnSettings, in_order};
use crate::ppo::loss::{LossSettings, loss};
use crate::ppo::memory::Order;
use crate::ppo::optimizer::ClippedAdam;
use crate::ppo::rollout::RolloutBuffer;
use crate::ppo::schedule::TargetKlRule;
use burn::tensor::{Device, Tensor, TensorData};
use flexai_env::core::{ActionComponent, RewardParts, SeedTree, Space, StreamRng};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};

fn normal(rng: &mut StreamRng, deviation: f32) -> f32 {
    let x: f32 = StandardNormal.sample(rng);
    deviation * x
}

fn spaces() -> Vec<Space> {
    let mixed = vec![
        ("battery".to_string(), Space::uniform_box(2, -1.0, 1.0)),
        ("start".to_string(), Space::MultiDiscrete { nvec: vec![3, 2] }),
        ("cooling".to_string(), Space::uniform_box(1, 0.0, 1.0)),
        ("region".to_string(), Space::Discrete { n: 17, start: 1 }),
    ];
    vec![
        Space::discrete(2),
        Space::discrete(21),
        Space::MultiDiscrete { nvec: vec![5, 5, 5] },
        Space::uniform_box(1, -1.0, 1.0),
        Space::uniform_box(17, -1.0, 1.0),
        Space::Dict { entries: mixed },
    ]
}

/// A network and a rollout that an older version of it collected.
struct Case {
    policy: PolicyNetwork,
    rollout: RolloutBuffer,
    advantages: Advantages,
    order: Vec<i32>,
    settings: LossSettings,
}

impl Case {
    fn new(seed: u64, space: &Space, observation_len: usize, hidden: &[usize], masked: bool) -> Self {
        let mut rng = SeedTree::new(seed).stream("case");
        let rng = &mut rng;
        let activation = if seed.is_multiple_of(3) { Activation::Relu } else { Activation::Tanh };
        let mut policy = PolicyNetwork::drawn(observation_len, space, hidden, activation, rng);
        policy.log_std.iter_mut().for_each(|x| *x += normal(rng, 0.3));
        let (rows, head_len) = (300, policy.actor.outputs());
        let mut rollout = RolloutBuffer::new(rows, 1, observation_len, 0, policy.action_len(), policy.mask_len());
        rollout.observations.iter_mut().for_each(|x| *x = normal(rng, 1.0));
        if masked {
            rollout.masks.iter_mut().for_each(|x| *x = rng.random::<f32>() < 0.6);
            let first = first_options(&policy.heads.components);
            let masks = rollout.masks.chunks_exact_mut(policy.mask_len().max(1));
            masks.for_each(|mask| first.iter().for_each(|i| mask[*i] = true));
        }
        let mut parameters = vec![0.0; rows * head_len];
        policy.actor.forward(&rollout.observations, &mut MlpScratch::default(), &mut parameters);
        policy.critic.forward(&rollout.observations, &mut MlpScratch::default(), &mut rollout.values);
        rollout.values.iter_mut().for_each(|x| *x += normal(rng, 0.3));
        let (action_len, mask_len) = (policy.action_len(), policy.mask_len());
        for (r, (action, log_prob)) in
            rollout.actions.chunks_exact_mut(action_len).zip(&mut rollout.log_probs).enumerate()
        {
            let mask = &rollout.masks[r * mask_len..(r + 1) * mask_len];
            let parameters = &parameters[r * head_len..(r + 1) * head_len];
            // Ratios on both sides of both limits.
            *log_prob = sample(&policy.heads, parameters, &policy.log_std, mask, rng, action) + normal(rng, 0.3);
        }
        let advantages = (0..rows).map(|_| f64::from(normal(rng, 2.0))).collect();
        let returns = rollout.values.iter().map(|v| f64::from(*v + normal(rng, 0.5))).collect();
        let mut order: Vec<i32> = (0..rows as i32).collect();
        order.shuffle(rng);
        order.truncate([300, 200, 37, 129, 8, 1][seed as usize % 6]);
        let settings = LossSettings {
            clip_coef: 0.2,
            value_clip: seed.is_multiple_of(2).then_some(0.25),
            vf_coef: 0.5,
            ent_coef: if seed % 4 < 2 { 0.03 } else { 0.0 },
            surrogate: seed % 5 != 3,
            imitation: if seed % 3 == 1 { 0.2 } else { 0.0 },
        };
        if settings.imitation > 0.0 {
            rollout.teacher = rollout.actions.clone();
            for (r, action) in rollout.teacher.chunks_exact_mut(action_len).enumerate() {
                let mask = &rollout.masks[r * mask_len..(r + 1) * mask_len];
                let parameters = &parameters[r * head_len..(r + 1) * head_len];
                sample(&policy.heads, parameters, &policy.log_std, mask, rng, action);
            }
        }
        Self { policy, rollout, advantages: Advantages { advantages, returns }, order, settings }
    }

    fn all() -> impl Iterator<Item = Self> {
        let sizes: [(usize, &[usize]); 4] = [(4, &[64, 64]), (13, &[24]), (70, &[40, 33, 20]), (16, &[96, 128])];
        spaces().into_iter().enumerate().flat_map(move |(s, space)| {
            sizes.into_iter().enumerate().map(move |(i, (len, hidden))| {
                let masked = space.mask_len() > 0 && i % 2 == 0;
                Self::new((s * 5 + i) as u64, &space, len, hidden, masked)
            })
        })
    }

    fn device() -> Device {
        open(DeviceChoice::Flex).unwrap()
    }

    fn network(&self) -> ActorCritic {
        ActorCritic::from_policy(&self.policy, &Self::device())
    }

    fn learn_settings(&self) -> LearnSettings {
        LearnSettings {
            taken: 0,
            epochs: 1,
            minibatch_size: self.order.len(),
            normalize_advantage: false,
            target_kl: None,
            target_kl_rule: TargetKlRule::Epoch,
            learning_rate: 1e-3,
            loss: self.settings,
        }
    }

    fn learner(&self) -> HostLearner {
        let mut learner = HostLearner::new(&self.policy);
        learner.take_over(&self.network(), &ClippedAdam::new(1e-5, 0.5), &Self::device()).unwrap();
        learner
    }

    fn gradient(&self) -> (Vec<f32>, f64) {
        let judged = self.rollout.judged();
        let of = |i: &i32| &self.advantages.advantages[*i as usize * judged..][..judged];
        let advantages: Vec<f64> = self.order.iter().flat_map(of).copied().collect();
        let rows = Rows {
            rollout: &self.rollout,
            returns: &self.advantages.returns,
            all_legal: self.rollout.masks.iter().all(|legal| *legal),
            order: &self.order,
            advantages: &advantages,
            settings: self.settings,
        };
        let mut learner = self.learner();
        let figures = learner.gradient(rows);
        (learner.last_gradient().to_vec(), figures.total_loss)
    }
}

/// The place of each choice's first option in a mask.
fn first_options(heads: &[ActionComponent]) -> Vec<usize> {
    let mut at = 0;
    let options = heads.iter().filter_map(|head| match head {
        ActionComponent::Continuous { .. } => None,
        ActionComponent::Categorical { n, .. } => {
            at += n;
            Some(at - n)
        }
    });
    options.collect()
}

fn norm(x: impl Iterator<Item = f64>) -> f64 {
    x.map(|x| x * x).sum::<f64>().sqrt()
}

#[test]
fn the_gradient_is_that_of_burns_autodiff() {
    for (c, case) in Case::all().enumerate() {
        let (layout, device, network) = (HeadLayout::new(&case.policy.heads), Case::device(), case.network());
        let whole = case.rollout.upload(&layout, &case.advantages, &device);
        let batch = in_order(
            &whole,
            &case.advantages.advantages,
            &Order { rows: case.order.clone(), lanes: Vec::new() },
            case.learn_settings(),
        );
        let loss = loss(&network, &layout, &batch, case.settings);
        let expected = read(network.flatten_gradients(&mut loss.total.backward(), &loss.replays)).unwrap();
        let (found, total) = case.gradient();
        assert_eq!(found.len(), expected.len());
        let size = norm(expected.iter().map(|x| f64::from(*x)));
        let off = norm(found.iter().zip(&expected).map(|(a, b)| f64::from(a - b)));
        assert!(off <= 1e-5 * size, "case {c}: off by {off:e} of {size:e}");
        let expected = f64::from(read(loss.total.inner()).unwrap()[0]);
        assert!((total - expected).abs() < 2e-6 * (1.0 + expected.abs()), "case {c}: loss {total} and {expected}");
    }
}

// Where the policy has not moved yet, the sum of the surrogates of all numbers has the slope of the whole one's.
#[test]
fn judged_apart_by_one_advantage_the_first_gradient_of_the_actor_is_that_of_the_whole_action() {
    for seed in [0, 4, 6] {
        let mut case = Case::new(seed, &Space::uniform_box(5, -1.0, 1.0), 13, &[24, 32], false);
        let (rows, numbers) = (case.rollout.len(), case.policy.action_len());
        let mut means = vec![0.0; rows * numbers];
        case.policy.actor.forward(&case.rollout.observations, &mut MlpScratch::default(), &mut means);
        let mut apart = case.rollout.clone().divided(RewardParts { count: 2, of_action: vec![Some(0); numbers] });
        let pairs = case.rollout.actions.iter().zip(&means);
        own_log_probs(&case.policy.log_std, pairs, apart.own_log_probs.chunks_exact_mut(numbers));
        let sums = apart.own_log_probs.chunks_exact(numbers).map(|row| row.iter().sum());
        case.rollout.log_probs = sums.collect();
        let (whole, _) = case.gradient();
        let each = case.advantages.advantages.iter().flat_map(|x| vec![*x; numbers]).collect();
        case.advantages.advantages = each;
        case.advantages.returns = vec![0.0; rows * 2];
        case.rollout = apart;
        let (found, _) = case.gradient();
        let actor = case.policy.actor.layers.iter().map(|layer| layer.weight.len() + layer.bias.len()).sum::<usize>();
        let size = norm(whole[..actor].iter().map(|x| f64::from(*x)));
        let off = norm(found[..actor].iter().zip(&whole).map(|(a, b)| f64::from(a - b)));
        assert!(off < 1e-5 * size, "seed {seed}: off by {off:e} of {size:e}");
    }
}

/// Plainly written in `f64`: no clever order, nothing shared with the code under test.
fn reference_loss(case: &Case, parameters: &[f64]) -> f64 {
    let mut at = 0;
    let mut take = |n: usize| {
        at += n;
        &parameters[at - n..at]
    };
    let mut networks = Vec::new();
    for mlp in [&case.policy.actor, &case.policy.critic] {
        let layers: Vec<(usize, &[f64], &[f64])> =
            mlp.layers.iter().map(|l| (l.outputs, take(l.inputs * l.outputs), take(l.outputs))).collect();
        networks.push(layers);
    }
    let log_std = &parameters[parameters.len() - case.policy.log_std.len()..];
    let forward = |layers: &[(usize, &[f64], &[f64])], row: usize| {
        let len = case.policy.observation_len();
        let mut x: Vec<f64> = case.rollout.observations[row * len..][..len].iter().map(|x| f64::from(*x)).collect();
        for (l, (outputs, weight, bias)) in layers.iter().enumerate() {
            let sum = |j: usize| bias[j] + (0..x.len()).map(|i| x[i] * weight[i * outputs + j]).sum::<f64>();
            let hidden = l + 1 < layers.len();
            x = (0..*outputs)
                .map(sum)
                .map(|y| match case.policy.actor.activation {
                    _ if !hidden => y,
                    Activation::Tanh => y.tanh(),
                    Activation::Relu => y.max(0.0),
                    other => unreachable!("no case has {other:?}"),
                })
                .collect();
        }
        x
    };
    let mut total = 0.0;
    for row in case.order.iter().map(|i| *i as usize) {
        let head = forward(&networks[0], row);
        let (log_prob, entropy) = reference_head(case, &head, log_std, &case.rollout.actions, row);
        let ratio = (log_prob - f64::from(case.rollout.log_probs[row])).exp();
        let advantage = case.advantages.advantages[row];
        let mut policy = -(ratio * advantage).min(ratio.clamp(0.8, 1.2) * advantage);
        if !case.settings.surrogate {
            policy = 0.0;
        }
        if case.settings.imitation > 0.0 {
            // The spread is no part of what is imitated: it stays as it was.
            let fixed: Vec<f64> = case.policy.log_std.iter().map(|x| f64::from(*x)).collect();
            policy -= case.settings.imitation * reference_head(case, &head, &fixed, &case.rollout.teacher, row).0;
        }
        let (value, target) = (forward(&networks[1], row)[0], case.advantages.returns[row]);
        let mut error = (value - target).powi(2);
        if let Some(limit) = case.settings.value_clip {
            let old = f64::from(case.rollout.values[row]);
            error = error.max((old + (value - old).clamp(-limit, limit) - target).powi(2));
        }
        total += policy + case.settings.vf_coef * 0.5 * error - case.settings.ent_coef * entropy;
    }
    total / case.order.len() as f64
}

fn reference_head(case: &Case, parameters: &[f64], log_std: &[f64], actions: &[f32], row: usize) -> (f64, f64) {
    let action = &actions[row * case.policy.action_len()..];
    let mask = &case.rollout.masks[row * case.policy.mask_len()..];
    let (mut parameter, mut spread, mut option) = (0, 0, 0);
    let (mut log_prob, mut entropy) = (0.0, 0.0);
    let tau = std::f64::consts::TAU;
    for head in &case.policy.heads.components {
        match head {
            ActionComponent::Continuous { offset, low, .. } => {
                for i in 0..low.len() {
                    let deviation = log_std[spread + i].exp();
                    let z = (f64::from(action[offset + i]) - parameters[parameter + i]) / deviation;
                    log_prob -= 0.5 * z * z + (deviation * tau.sqrt()).ln();
                    entropy += 0.5 + (deviation * tau.sqrt()).ln();
                }
                parameter += low.len();
                spread += low.len();
            }
            ActionComponent::Categorical { offset, n, start } => {
                let odds = |k: usize| if mask[option + k] { parameters[parameter + k].exp() } else { 0.0 };
                let sum: f64 = (0..*n).map(odds).sum();
                let p: Vec<f64> = (0..*n).map(|k| odds(k) / sum).collect();
                log_prob += p[(action[*offset] as i32 - start) as usize].ln();
                entropy -= p.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>();
                parameter += n;
                option += n;
            }
        }
    }
    (log_prob, entropy)
}

#[test]
fn the_gradient_is_the_slope_of_a_plain_loss_in_double_precision() {
    for (c, case) in Case::all().enumerate().filter(|(_, case)| case.order.len() < 140) {
        let parameters: Vec<f64> = read(case.network().flatten()).unwrap().into_iter().map(f64::from).collect();
        let (gradient, total) = case.gradient();
        let size = norm(gradient.iter().map(|x| f64::from(*x)));
        let expected = reference_loss(&case, &parameters);
        assert!((total - expected).abs() < 1e-6 * (1.0 + expected.abs()), "case {c}: loss {total} and {expected}");
        let mut rng = SeedTree::new(c as u64).stream("parameters");
        let spreads = case.policy.log_std.len();
        let last = (parameters.len() - spreads..parameters.len()).take(2);
        let drawn: Vec<usize> = (0..12).map(|_| rng.random_range(0..parameters.len())).chain(last).collect();
        for i in drawn {
            let moved = |by: f64| {
                let mut parameters = parameters.clone();
                parameters[i] += by;
                reference_loss(&case, &parameters)
            };
            let slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            let found = f64::from(gradient[i]);
            assert!((slope - found).abs() < 1e-5 * size, "case {c}, parameter {i}: {slope} and {found} of {size}");
        }
    }
}

#[test]
fn an_option_that_is_never_legal_has_no_gradient_at_all() {
    let mut case = Case::new(1, &Space::discrete(21), 8, &[32], true);
    case.rollout.masks.chunks_exact_mut(21).for_each(|mask| mask[20] = false);
    let (mask, outputs) = (case.rollout.masks.clone(), 21);
    case.rollout.teacher.clone_from(&case.rollout.actions);
    let rows = case.rollout.actions.iter_mut().enumerate().chain(case.rollout.teacher.iter_mut().enumerate());
    for (row, action) in rows {
        *action = if mask[row * outputs + *action as usize] { *action } else { 0.0 };
    }
    let (gradient, _) = case.gradient();
    let (first, inputs) = (8 * 32 + 32, 32);
    let of_option = |k: usize| (0..=inputs).map(move |i| first + i * outputs + k);
    assert!(of_option(20).all(|i| gradient[i] == 0.0));
    assert!(of_option(0).any(|i| gradient[i] != 0.0));
}

#[test]
fn batched_inference_has_the_bits_of_the_policy_that_ships() {
    for (c, case) in Case::all().enumerate() {
        let host = HostPolicy::new(&case.policy).unwrap();
        for rows in [1, 7, 16, 130, 300] {
            for (mlp, network) in [(&host.actor, &case.policy.actor), (&host.critic, &case.policy.critic)] {
                let input = &case.rollout.observations[..rows * network.inputs()];
                let (mut found, mut expected) =
                    (vec![9.0; rows * network.outputs()], vec![0.0; rows * network.outputs()]);
                mlp.forward(input, &mut mlp.scratch(), &mut found);
                network.forward(input, &mut MlpScratch::default(), &mut expected);
                let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
                assert_eq!(bits(&found), bits(&expected), "case {c}, {rows} rows");
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_gradient() {
    let case = Case::new(0, &Space::discrete(5), 64, &[128, 128], false);
    assert!(case.order.len() > 256, "several shares");
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| case.gradient())
    };
    let one = run(1);
    assert!(one == run(2) && one == run(5));
}

#[test]
fn a_step_allocates_nothing_once_the_buffers_are_there() {
    let case = Case::new(6, &spaces()[5], 13, &[24], true);
    let (mut learner, settings) = (case.learner(), case.learn_settings());
    let settings = LearnSettings { normalize_advantage: true, ..settings };
    let mut step = || learner.step(&case.rollout, &case.advantages, &case.order, settings, 1e-3);
    step();
    let counted = allocation_counter::measure(|| {
        step();
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn adam_on_the_flat_vector_steps_and_remembers_like_burns() {
    let case = Case::new(2, &spaces()[5], 13, &[24], false);
    let (device, network) = (Case::device(), case.network());
    // Burn adds up the norm in `f32`: a limit that never binds keeps that out of the comparison.
    let adam = || ClippedAdam::new(1e-5, 1e9);
    let mut burn = (network.clone(), adam());
    let mut host = (network, adam());
    let mut learner = case.learner();
    for step in 0..5 {
        // Memory and parameters travel to Burn and back between any two steps.
        learner.take_over(&host.0, &host.1, &device).unwrap();
        learner.step(&case.rollout, &case.advantages, &case.order, case.learn_settings(), 1e-2);
        learner.hand_over(&mut host.0, &mut host.1, &device);
        let gradient = learner.last_gradient().to_vec();
        let len = gradient.len();
        let gradient = Tensor::<1>::from_data(TensorData::new(gradient, [len]), &device);
        burn.0 = burn.1.step_flat(burn.0, gradient, 1e-2).0;
        let (a, b) = (read(burn.0.flatten()).unwrap(), read(host.0.flatten()).unwrap());
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() < 1e-6, "step {step}: {a} and {b}");
        }
        let (a, b) = (burn.1.memory(len, &device).unwrap(), host.1.memory(len, &device).unwrap());
        assert_eq!((a.steps, b.steps), (step + 1, step + 1));
        for (a, b) in a.moment_1.iter().zip(&b.moment_1).chain(a.moment_2.iter().zip(&b.moment_2)) {
            assert!((a - b).abs() <= 1e-6 * a.abs() + 1e-12, "step {step}: {a} and {b}");
        }
    }
}

#[test]
fn the_log_probability_of_a_stored_action_is_that_of_the_policy_that_ships() {
    let case = Case::new(4, &spaces()[5], 13, &[24], true);
    let heads = super::heads::Heads::new(&case.policy.heads);
    let mut block = super::heads::HeadBlock::new(&heads);
    let (rows, head_len) = (super::gemm::ROWS, case.policy.actor.outputs());
    let (action_len, mask_len) = (case.policy.action_len(), case.policy.mask_len());
    let mut rng = SeedTree::new(1).stream("parameters");
    let parameters: Vec<f32> = (0..rows * head_len).map(|_| normal(&mut rng, 2.0)).collect();
    let mut output = vec![super::gemm::Strip::ZERO; super::gemm::panels(head_len) * rows];
    for (i, x) in parameters.iter().enumerate() {
        let (row, k) = (i / head_len, i % head_len);
        output[k / super::gemm::LANES * rows + row].0[k % super::gemm::LANES] = *x;
    }
    let masks = case.rollout.masks.chunks_exact(mask_len).take(rows);
    block.load(&heads, case.rollout.actions.chunks_exact(action_len).take(rows), Some(masks));
    block.evaluate(&heads, &output, &case.policy.log_std);
    for r in 0..rows {
        let expected = log_prob(
            &case.policy.heads,
            &parameters[r * head_len..(r + 1) * head_len],
            &case.policy.log_std,
            &case.rollout.masks[r * mask_len..(r + 1) * mask_len],
            &case.rollout.actions[r * action_len..(r + 1) * action_len],
        );
        assert!((block.log_prob[r] - f64::from(expected)).abs() < 2e-5, "row {r}");
    }
}

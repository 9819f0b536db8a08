//! Learns the network's weights with Burn: one network for all series, by pinball loss.
//!
//! In: series, of which only the first 70 % are learned from and the next 15 % choose when to stop. Out: weights.
//! Always: weights start from and batches are drawn from named streams of one seed; on the CPU the same bytes come out.
//! Not here: forecasting (`network.rs`, without Burn).

use super::super::contract::{LEVELS, pinball};
use super::features::{AHEAD_INPUTS, ANCHORS, Example, STEP_INPUTS, STEPS};
use super::network::{GATES, HIDDEN, LEVEL_COUNT, Layer, Layout, LstmNetwork};
use super::options::LstmOptions;
use super::series::{HORIZON, Part, WorkloadSeries};
use crate::device;
use burn::module::{Param, ParamId};
use burn::nn::{GateController, Linear, Lstm, LstmConfig};
use burn::optim::{AdamConfig, Optimizer as _};
use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use flexai_env::core::{SeedTree, StreamRng};
use rand::RngExt;

/// Examples of one series are spread evenly over its first part, and no more than this.
const MOST_EXAMPLES: usize = 2500;
/// Origins of one series that judge a network while it learns.
const JUDGED: usize = 40;
const MAX_GRADIENT_NORM: f64 = 1.0;
/// Truths beyond this many deviations are learned from as if they lay there.
const FARTHEST: f64 = 8.0;

/// A prepared history and what came after it, in its units; NaN is a hole.
#[derive(Debug, Clone)]
pub(super) struct Lesson {
    pub(super) example: Example,
    pub(super) truth: Vec<f32>,
}

/// Lessons of a part of a series, at most `most` of them, evenly spread.
pub(super) fn lessons(series: &WorkloadSeries, part: Part, most: usize) -> Vec<Lesson> {
    let origins = series.origins(part);
    let step = origins.len().div_ceil(most).max(1);
    let lesson = |t: usize| {
        let example = Example::new(&series.values[..t], series.start.plus(t)).ok()?;
        let scaled = |x: &f64| (((x - example.centre) / example.scale).clamp(-FARTHEST, FARTHEST)) as f32;
        let truth: Vec<f32> = series.values[t..t + HORIZON].iter().map(scaled).collect();
        truth.iter().any(|x| x.is_finite()).then_some(Lesson { example, truth })
    };
    origins.step_by(step).filter_map(lesson).collect()
}

/// Trains, and returns the network that was best on the validation parts, with its mean pinball loss there.
///
/// # Panics
/// If no series is long enough for a lesson: the caller has checked.
pub(super) fn train(series: &[WorkloadSeries], options: &LstmOptions, device: &Device) -> (LstmNetwork, f64) {
    let classes: Vec<Vec<Lesson>> =
        series.iter().map(|s| lessons(s, Part::Fit, MOST_EXAMPLES)).filter(|l| !l.is_empty()).collect();
    assert!(!classes.is_empty(), "a series that is long enough has been checked for");
    let judges: Vec<Vec<Lesson>> = series.iter().map(|s| lessons(s, Part::Validation, JUDGED)).collect();
    let seeds = SeedTree::new(options.seed).child("workload lstm", 0);
    let device = device.clone().inner();
    let layout = Layout::new();
    let start = initial(&layout, &mut seeds.stream("weights"));
    let template = LstmConfig::new(STEP_INPUTS, HIDDEN, true).init(&device);
    let mut theta = Tensor::<1>::from_data(TensorData::new(start.clone(), [layout.len]), &device);
    let adam = AdamConfig::new().build();
    let mut memory = None;
    let mut rng = seeds.stream("batches");
    let network = |weights: Vec<f32>| LstmNetwork::new(weights).expect("clipped gradients keep weights finite");
    let mut best = (network(start), f64::INFINITY);
    for step in 1..=options.steps {
        let batch = draw(&classes, options.batch, &mut rng);
        let tracked = theta.clone().autodiff().require_grad();
        let loss = loss(&Model::of(&template, &layout, &tracked), &batch, &device.clone().autodiff());
        let mut gradients = loss.backward();
        let gradient = tracked.grad_remove(&mut gradients).expect("the loss depends on the weights");
        let norm = gradient.clone().square().sum().sqrt();
        let scale = norm.add_scalar(1e-6).recip().mul_scalar(MAX_GRADIENT_NORM).clamp_max(1.0);
        (theta, memory) = adam.step(options.rate(step), theta, gradient * scale, memory.take());
        if step % options.check_every == 0 || step == options.steps {
            let now = network(device::read(theta.clone()).expect("the CPU can be read"));
            let score = judge(&now, &judges);
            if score < best.1 {
                best = (now, score);
            }
        }
    }
    best
}

/// Mean pinball loss over series, each weighing the same, in deviations of its week.
fn judge(network: &LstmNetwork, judges: &[Vec<Lesson>]) -> f64 {
    let of_series = |lessons: &Vec<Lesson>| {
        let (mut sum, mut count) = (0.0, 0.0);
        for lesson in lessons {
            for (truth, quantiles) in lesson.truth.iter().zip(network.raw(&lesson.example)) {
                if truth.is_finite() {
                    let each = LEVELS.iter().zip(quantiles);
                    sum +=
                        each.map(|(level, q)| pinball(*level, f64::from(truth - q))).sum::<f64>() / LEVEL_COUNT as f64;
                    count += 1.0;
                }
            }
        }
        (count > 0.0).then(|| sum / count)
    };
    let scores: Vec<f64> = judges.iter().filter_map(of_series).collect();
    scores.iter().sum::<f64>() / scores.len().max(1) as f64
}

/// Uniform weights within one over the root of a layer's inputs; a gate's bias of forgetting starts at 1.
fn initial(layout: &Layout, rng: &mut StreamRng) -> Vec<f32> {
    let mut weights = vec![0.0; layout.len];
    let mut fill = |layer: &Layer, gain: f32| {
        let bound = gain / (layer.inputs as f32).sqrt();
        weights[layer.weight()].iter_mut().for_each(|w| *w = rng.random_range(-bound..bound));
    };
    layout.gates.iter().flatten().for_each(|layer| fill(layer, 1.0));
    fill(&layout.skip, 0.1);
    fill(&layout.hidden, 1.0);
    fill(&layout.out, 0.1);
    weights[layout.gates[1][0].bias()].fill(1.0);
    // Quantiles start apart.
    for (q, level) in LEVELS.iter().enumerate() {
        weights[layout.skip.bias()][q] = (level - 0.5) as f32;
    }
    weights
}

/// Series are drawn by the root of their length, so that short ones count.
fn draw<'a>(classes: &'a [Vec<Lesson>], batch: usize, rng: &mut StreamRng) -> Vec<&'a Lesson> {
    let weights: Vec<f64> = classes.iter().map(|lessons| (lessons.len() as f64).sqrt()).collect();
    let total: f64 = weights.iter().sum();
    let one = |rng: &mut StreamRng| {
        let mut left = rng.random::<f64>() * total;
        let class = weights.iter().position(|w| {
            left -= w;
            left < 0.0
        });
        let lessons = &classes[class.unwrap_or(classes.len() - 1)];
        &lessons[rng.random_range(0..lessons.len())]
    };
    (0..batch).map(|_| one(rng)).collect()
}

/// Burn's layers with their weights cut out of one vector, on its tape.
pub(super) struct Model {
    lstm: Lstm,
    skip: Linear,
    hidden: Linear,
    out: Linear,
}

impl Model {
    pub(super) fn of(template: &Lstm, layout: &Layout, theta: &Tensor<1>) -> Self {
        let linear = |layer: &Layer| Linear {
            weight: param(theta.clone().slice(layer.weight()).reshape([layer.inputs, layer.outputs])),
            bias: Some(param(theta.clone().slice(layer.bias()))),
        };
        let gate = |i: usize| GateController {
            input_transform: linear(&layout.gates[i][0]),
            hidden_transform: linear(&layout.gates[i][1]),
        };
        const { assert!(GATES == 4) };
        let mut lstm = template.clone();
        (lstm.input_gate, lstm.forget_gate) = (gate(0), Some(gate(1)));
        (lstm.output_gate, lstm.cell_gate) = (gate(2), gate(3));
        Self { lstm, skip: linear(&layout.skip), hidden: linear(&layout.hidden), out: linear(&layout.out) }
    }

    /// Quantiles `[rows, HORIZON, LEVEL_COUNT]` from `[rows, STEPS, STEP_INPUTS]` and `[rows, HORIZON, AHEAD_INPUTS]`.
    pub(super) fn forward(&self, steps: Tensor<3>, ahead: Tensor<3>) -> Tensor<3> {
        let state = self.lstm.forward(steps, None).1.hidden.unsqueeze_dim::<3>(1).repeat_dim(1, HORIZON);
        let joined = Tensor::cat(vec![state, ahead.clone()], 2);
        let said = self.out.forward(relu(self.hidden.forward(joined)));
        let rows = ahead.dims()[0];
        let around = said.clone().slice([0..rows, 0..HORIZON, 0..LEVEL_COUNT]);
        let weights = softmax(said.slice([0..rows, 0..HORIZON, LEVEL_COUNT..LEVEL_COUNT + ANCHORS]), 2);
        let anchor = (weights * ahead.clone().slice([0..rows, 0..HORIZON, 0..ANCHORS])).sum_dim(2);
        around + anchor + self.skip.forward(ahead)
    }
}

fn param<const D: usize>(value: Tensor<D>) -> Param<Tensor<D>> {
    Param::initialized(ParamId::from(1), value)
}

/// Inputs of lessons as tensors.
pub(super) fn inputs(batch: &[&Lesson], device: &Device) -> (Tensor<3>, Tensor<3>) {
    let tensor = |values: Vec<f32>, shape: [usize; 3]| Tensor::<3>::from_data(TensorData::new(values, shape), device);
    let steps = batch.iter().flat_map(|l| l.example.steps.iter().copied()).collect();
    let ahead = batch.iter().flat_map(|l| l.example.ahead.iter().copied()).collect();
    let rows = batch.len();
    (tensor(steps, [rows, STEPS, STEP_INPUTS]), tensor(ahead, [rows, HORIZON, AHEAD_INPUTS]))
}

/// Mean pinball loss over levels and over the half-hours that are no holes.
fn loss(model: &Model, batch: &[&Lesson], device: &Device) -> Tensor<1> {
    let (steps, ahead) = inputs(batch, device);
    let shape = [batch.len(), HORIZON, 1];
    let truths = || batch.iter().flat_map(|l| l.truth.iter().copied());
    let truth: Vec<f32> = truths().map(|x| if x.is_finite() { x } else { 0.0 }).collect();
    let there: Vec<f32> = truths().map(|x| f32::from(u8::from(x.is_finite()))).collect();
    let count: f32 = there.iter().sum::<f32>() * LEVEL_COUNT as f32;
    let tensor = |values: Vec<f32>| Tensor::<3>::from_data(TensorData::new(values, shape), device);
    let levels: Vec<f32> = LEVELS.iter().map(|l| *l as f32).collect();
    let levels = Tensor::<3>::from_data(TensorData::new(levels, [1, 1, LEVEL_COUNT]), device);
    let miss = tensor(truth) - model.forward(steps, ahead);
    let each = miss.clone() * levels + relu(-miss);
    (each * tensor(there)).sum().div_scalar(count.max(1.0))
}

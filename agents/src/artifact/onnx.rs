//! The policy as an ONNX graph, for runtimes other than ours.
//!
//! In: a network. Out: the bytes of `policy.onnx` (opset 17): raw `observation`, `mask` where there are discrete heads, and
//! `state_in` where there is a memory; out come `action`, `head`, `value` where there is a critic, and `state_out`, which
//! is the next decision's `state_in` (zeros where an episode begins).
//! Always: normalisation (in `double`, as our runtime does it), bounds, mask and option numbers are inside the graph; the
//! batch is free. Not here: the check against ONNX Runtime (`tests/onnx/check_onnx.py`).

use super::layers::{Activation, Mlp};
use super::network::{CriticInput, PolicyNetwork};
use super::onnx_proto::{
    ATTRIBUTE_INT, AttributeProto, BOOL, DOUBLE, DimensionProto, FLOAT, GraphProto, INT64, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto,
};
use super::style::{ActionHead, Distribution, HeadStyle};
use flexai_env::core::{ActionComponent, ObservationNormalizer};
use prost::Message;

const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;

/// The bytes of the ONNX file.
pub(super) fn to_bytes(network: &PolicyNetwork, metadata: &[(&str, &str)]) -> Vec<u8> {
    let entry = |(key, value): &(&str, &str)| StringStringEntryProto { key: (*key).into(), value: (*value).into() };
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "flexai".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: "Policy of the FLEXAI workbench: raw observation in, deterministic action out.".into(),
        graph: Some(graph(network)),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: OPSET }],
        metadata_props: metadata.iter().map(entry).collect(),
    };
    model.encode_to_vec()
}

fn graph(network: &PolicyNetwork) -> GraphProto {
    let mut builder = GraphBuilder::default();
    let observation = match &network.normalizer {
        Some(normalizer) => builder.normalize(normalizer),
        None => "observation".to_string(),
    };
    let mut states = Vec::new();
    let seen = builder.memory("actor", network.actor_memory.as_ref(), &observation, &mut states);
    let features = builder.mlp("actor", &network.actor, &seen, "head");
    let critic_input = match network.critic_input {
        CriticInput::Observation => {
            Some(builder.memory("critic", network.critic_memory.as_ref(), &observation, &mut states))
        }
        CriticInput::Features => Some(features),
        CriticInput::Privileged | CriticInput::Absent => None,
    };
    if let Some(critic_input) = &critic_input {
        builder.mlp("critic", &network.critic, critic_input, "value");
    }
    builder.join(&states, "state_out");
    builder.action(&network.heads);
    let mask_len = network.mask_len();
    let mut input = vec![value_info("observation", FLOAT, network.observation_len(), "raw observation")];
    if mask_len > 0 {
        input.push(value_info("mask", BOOL, mask_len, "true where an option is legal, choice after choice"));
    }
    let state_len = network.state_len();
    if state_len > 0 {
        input.push(value_info("state_in", FLOAT, state_len, "what is remembered; zeros where an episode begins"));
    }
    let mut output = vec![
        value_info("action", FLOAT, network.action_len(), "deterministic action, inside its bounds"),
        value_info("head", FLOAT, network.actor.outputs(), "what the actor says of each part; logits unmasked"),
    ];
    if critic_input.is_some() {
        output.push(value_info("value", FLOAT, 1, "expected return"));
    }
    if state_len > 0 {
        output.push(value_info("state_out", FLOAT, state_len, "what is remembered now: the next `state_in`"));
    }
    GraphProto { node: builder.nodes, name: "policy".into(), initializer: builder.constants, input, output }
}

/// Collects nodes and constants; each method returns the name of what it computes.
#[derive(Default)]
pub(super) struct GraphBuilder {
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl GraphBuilder {
    pub(super) fn node(&mut self, op_type: &str, inputs: &[&str], output: &str, attributes: &[(&str, i64)]) -> String {
        let attribute =
            |(name, i): &(&str, i64)| AttributeProto { name: (*name).into(), i: Some(*i), r#type: ATTRIBUTE_INT };
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|name| (*name).to_string()).collect(),
            output: vec![output.into()],
            name: format!("{output}/{op_type}"),
            op_type: op_type.into(),
            attribute: attributes.iter().map(attribute).collect(),
        });
        output.into()
    }

    fn constant(&mut self, name: &str, data_type: i32, dims: &[usize], raw_data: Vec<u8>) -> String {
        let dims = dims.iter().map(|d| *d as i64).collect();
        self.constants.push(TensorProto { dims, data_type, name: name.into(), raw_data });
        name.into()
    }

    pub(super) fn floats(&mut self, name: &str, dims: &[usize], numbers: &[f32]) -> String {
        self.constant(name, FLOAT, dims, numbers.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    fn doubles(&mut self, name: &str, dims: &[usize], numbers: &[f64]) -> String {
        self.constant(name, DOUBLE, dims, numbers.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    fn whole_number(&mut self, name: &str, number: usize) -> String {
        self.constant(name, INT64, &[1], (number as i64).to_le_bytes().to_vec())
    }

    /// `clip((x - mean) / scale)` in `double`.
    fn normalize(&mut self, normalizer: &ObservationNormalizer) -> String {
        let dim = normalizer.statistics.mean.len();
        let scale: Vec<f64> = (0..dim).map(|i| normalizer.statistics.scale(i)).collect();
        let mean = self.doubles("normalize/mean", &[dim], &normalizer.statistics.mean);
        let scale = self.doubles("normalize/scale", &[dim], &scale);
        let low = self.doubles("normalize/low", &[], &[-normalizer.clip]);
        let high = self.doubles("normalize/high", &[], &[normalizer.clip]);
        let x = self.node("Cast", &["observation"], "normalize/double", &[("to", i64::from(DOUBLE))]);
        let x = self.node("Sub", &[&x, &mean], "normalize/centred", &[]);
        let x = self.node("Div", &[&x, &scale], "normalize/scaled", &[]);
        let x = self.node("Clip", &[&x, &low, &high], "normalize/clipped", &[]);
        self.node("Cast", &[&x], "normalize/observation", &[("to", i64::from(FLOAT))])
    }

    /// Joins columns, if there are any.
    fn join(&mut self, parts: &[String], out: &str) {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if !parts.is_empty() {
            self.node("Concat", &parts, out, &[("axis", 1)]);
        }
    }

    /// Layers into `output`; returns the name of what the last layer reads.
    fn mlp(&mut self, name: &str, mlp: &Mlp, input: &str, output: &str) -> String {
        let mut x = input.to_string();
        for (i, layer) in mlp.layers.iter().enumerate() {
            let place = format!("{name}.l{}", i + 1);
            let weight = self.floats(&format!("{place}.weight"), &[layer.inputs, layer.outputs], &layer.weight);
            let bias = self.floats(&format!("{place}.bias"), &[layer.outputs], &layer.bias);
            if i + 1 == mlp.layers.len() {
                self.node("Gemm", &[&x, &weight, &bias], output, &[]);
                break;
            }
            let mut sum = self.node("Gemm", &[&x, &weight, &bias], &format!("{place}.sum"), &[]);
            if let Some(norm) = mlp.norms.get(i) {
                let gain = self.floats(&format!("{place}.norm.gain"), &[layer.outputs], &norm.gain);
                let bias = self.floats(&format!("{place}.norm.bias"), &[layer.outputs], &norm.bias);
                // Its default epsilon is ours.
                sum = self.node("LayerNormalization", &[&sum, &gain, &bias], &format!("{place}.norm"), &[]);
            }
            x = self.activation(mlp.activation, &sum, &place);
        }
        x
    }

    fn activation(&mut self, activation: Activation, x: &str, place: &str) -> String {
        let out = format!("{place}.out");
        match activation {
            Activation::Tanh => self.node("Tanh", &[x], &out, &[]),
            Activation::Relu => self.node("Relu", &[x], &out, &[]),
            // The default slope and scale of these two are ours.
            Activation::Elu => self.node("Elu", &[x], &out, &[]),
            Activation::LeakyRelu => self.node("LeakyRelu", &[x], &out, &[]),
            Activation::Silu => {
                let sigmoid = self.node("Sigmoid", &[x], &format!("{place}.sigmoid"), &[]);
                self.node("Mul", &[x, &sigmoid], &out, &[])
            }
            Activation::Gelu => {
                let [half, one] = [("half", 0.5), ("one", 1.0)].map(|(n, c)| self.scalar(place, n, c));
                let scale =
                    self.scalar(place, "scale", std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2);
                let cubic = self.scalar(place, "cubic", 0.044_715);
                let mut step =
                    |op: &str, a: &str, b: &str, n: &str| self.node(op, &[a, b], &format!("{place}.{n}"), &[]);
                let square = step("Mul", x, x, "square");
                let scaled = step("Mul", &square, &cubic, "scaled");
                let factor = step("Add", &scaled, &one, "factor");
                let inner = step("Mul", x, &factor, "inner");
                let argument = step("Mul", &inner, &scale, "argument");
                let tanh = self.node("Tanh", &[&argument], &format!("{place}.tanh"), &[]);
                let raised = self.node("Add", &[&tanh, &one], &format!("{place}.raised"), &[]);
                let halved = self.node("Mul", &[x, &half], &format!("{place}.halved"), &[]);
                self.node("Mul", &[&halved, &raised], &out, &[])
            }
        }
    }

    pub(super) fn scalar(&mut self, place: &str, name: &str, number: f32) -> String {
        self.floats(&format!("{place}.{name}"), &[], &[number])
    }

    /// Joins what each head decides, in flat action order.
    fn action(&mut self, head: &ActionHead) {
        let (mut parameter_at, mut mask_at) = (0, 0);
        let mut parts = Vec::new();
        for (h, component) in head.components.iter().enumerate() {
            let place = format!("action.{h}");
            match component {
                ActionComponent::Continuous { low, high, .. } => {
                    let centre = self.centre(&place, head.style, parameter_at, low, high);
                    let low_name = self.floats(&format!("{place}.low"), &[low.len()], low);
                    let high_name = self.floats(&format!("{place}.high"), &[high.len()], high);
                    let raised = self.node("Max", &[&centre, &low_name], &format!("{place}.raised"), &[]);
                    parts.push(self.node("Min", &[&raised, &high_name], &format!("{place}.clipped"), &[]));
                    parameter_at += low.len() * head.style.parameters_per_dimension();
                }
                ActionComponent::Categorical { n, start, .. } => {
                    let logits = self.columns(&format!("{place}.logits"), "head", parameter_at, *n);
                    let legal = self.columns(&format!("{place}.legal"), "mask", mask_at, *n);
                    parts.push(self.choice(&place, &logits, &legal, *start));
                    parameter_at += n;
                    mask_at += n;
                }
            }
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.node("Concat", &parts, "action", &[("axis", 1)]);
    }

    /// The deterministic action of a continuous part in the environment's units, before any clipping.
    fn centre(&mut self, place: &str, style: HeadStyle, at: usize, low: &[f32], high: &[f32]) -> String {
        let dim = low.len();
        if style.distribution == Distribution::Gaussian {
            return self.columns(&format!("{place}.mean"), "head", at, dim);
        }
        let one = self.scalar(place, "one", 1.0);
        let (share, scale) = if style.distribution == Distribution::Squashed {
            let mean = self.columns(&format!("{place}.mean"), "head", at, dim);
            let tanh = self.node("Tanh", &[&mean], &format!("{place}.tanh"), &[]);
            (self.node("Add", &[&tanh, &one], &format!("{place}.share"), &[]), 0.5)
        } else {
            let mut above_one = |name: &str, at: usize| {
                let x = self.columns(&format!("{place}.{name}.parameter"), "head", at, dim);
                let softplus = self.node("Softplus", &[&x], &format!("{place}.{name}.softplus"), &[]);
                self.node("Add", &[&softplus, &one], &format!("{place}.{name}"), &[])
            };
            let (alpha, beta) = (above_one("alpha", at), above_one("beta", at + dim));
            let sum = self.node("Add", &[&alpha, &beta], &format!("{place}.sum"), &[]);
            (self.node("Div", &[&alpha, &sum], &format!("{place}.share"), &[]), 1.0)
        };
        let ranges: Vec<f32> = low.iter().zip(high).map(|(low, high)| scale * (high - low)).collect();
        let range = self.floats(&format!("{place}.range"), &[dim], &ranges);
        let base = self.floats(&format!("{place}.base"), &[dim], low);
        let part = self.node("Mul", &[&share, &range], &format!("{place}.part"), &[]);
        self.node("Add", &[&part, &base], &format!("{place}.units"), &[])
    }

    /// The first best legal option, numbered from `start`.
    fn choice(&mut self, place: &str, logits: &str, legal: &str, start: i32) -> String {
        // The lowest number, not `MASKED_LOGIT`: our runtime never takes a forbidden option, however low the others are.
        let lowest = self.floats(&format!("{place}.forbidden"), &[], &[f32::MIN]);
        let masked = self.node("Where", &[legal, logits, &lowest], &format!("{place}.masked"), &[]);
        let best = format!("{place}.best");
        let best = self.node("ArgMax", &[&masked], &best, &[("axis", 1), ("keepdims", 1), ("select_last_index", 0)]);
        let option = self.node("Cast", &[&best], &format!("{place}.option"), &[("to", i64::from(FLOAT))]);
        let start = self.floats(&format!("{place}.start"), &[], &[start as f32]);
        self.node("Add", &[&option, &start], &format!("{place}.number"), &[])
    }

    /// Columns `from .. from + len` of a matrix.
    pub(super) fn columns(&mut self, name: &str, matrix: &str, from: usize, len: usize) -> String {
        let first = self.whole_number(&format!("{name}.from"), from);
        let end = self.whole_number(&format!("{name}.to"), from + len);
        let axis = self.whole_number(&format!("{name}.axis"), 1);
        self.node("Slice", &[matrix, &first, &end, &axis], name, &[])
    }
}

fn value_info(name: &str, elem_type: i32, len: usize, doc: &str) -> ValueInfoProto {
    let batch = DimensionProto { dim_value: None, dim_param: Some("batch".into()) };
    let len = DimensionProto { dim_value: Some(len as i64), dim_param: None };
    let shape = Some(TensorShapeProto { dim: vec![batch, len] });
    let tensor_type = Some(TensorTypeProto { elem_type, shape });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }), doc_string: doc.into() }
}

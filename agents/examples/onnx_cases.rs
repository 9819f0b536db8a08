//! Writes artifacts of every kind, each with cases, for the check against ONNX Runtime.
//!
//! In: a folder, and artifacts of trained policies if there are any. Out: in the folder one artifact per kind of policy
//! and, beside it, `KIND.jsonl` with 1,000 inputs and what our runtime makes of them; `trained-N.jsonl` for the N-th
//! trained one. Then: `python tests/onnx/check_onnx.py FOLDER/KIND FOLDER/KIND.jsonl` for each.
//! Always: the same files for the same version. Not here: the comparison.

use flexai_agents::artifact::{
    Activation, CriticInput, Distribution, EnvRecord, HeadStyle, LoadedPolicy, MemoryCell, NetworkShape, PolicyExport,
    PolicyNetwork, Spread, TrainingRecord, export_policy, write_cases,
};
use flexai_env::core::{ObservationNormalizer, ObservationSchema, SeedTree, Space};
use rand::RngExt;
use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

const CASES: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("usage: onnx_cases FOLDER [ARTIFACT...]")?;
    std::fs::create_dir_all(&folder)?;
    for (space_name, space) in action_spaces() {
        for activation in [Activation::Tanh, Activation::Relu] {
            for normalized in [false, true] {
                let normalizer = if normalized { "normalized" } else { "raw" };
                let name = format!("{space_name}-{activation:?}-{normalizer}").to_lowercase();
                write_kind(&folder, &name, &space, activation, normalized)?;
                println!("{name}");
            }
        }
    }
    for (name, shape) in shapes() {
        write_shape(&folder, name, &bounded_space(), &shape, true)?;
        println!("{name}");
    }
    for (index, artifact) in arguments.enumerate() {
        let trained = LoadedPolicy::load(&artifact)?;
        let cases = BufWriter::new(File::create(folder.join(format!("trained-{index}.jsonl")))?);
        write_cases(trained.network(), &trained.manifest().observation_space, CASES, 17, cases)?;
    }
    Ok(())
}

fn action_spaces() -> Vec<(&'static str, Space)> {
    let battery = Space::Box { low: vec![-0.5, -1.0, f32::NEG_INFINITY], high: vec![0.5, f32::INFINITY, 0.2] };
    vec![
        ("continuous", battery.clone()),
        ("discrete", Space::Discrete { n: 5, start: -2 }),
        ("multidiscrete", Space::MultiDiscrete { nvec: vec![3, 1, 4, 2] }),
        (
            "mixed",
            Space::Dict {
                entries: vec![
                    ("start".into(), Space::MultiDiscrete { nvec: vec![3, 2] }),
                    ("battery".into(), battery),
                    ("region".into(), Space::Discrete { n: 4, start: 1 }),
                    ("slow".into(), Space::uniform_box(1, 0.0, 1.0)),
                ],
            },
        ),
    ]
}

/// What artifacts of the later versions may be beside those of the first.
fn shapes() -> Vec<(&'static str, NetworkShape)> {
    let plain = || NetworkShape { hidden: vec![64, 48], ..NetworkShape::default() };
    let headed = |distribution, spread| NetworkShape { style: HeadStyle { distribution, spread }, ..plain() };
    let remembering = |cell, critic_input| NetworkShape { memory: Some((cell, 24)), critic_input, ..plain() };
    let activated = |activation| NetworkShape { activation, ..plain() };
    vec![
        ("gaussian-state", headed(Distribution::Gaussian, Spread::State)),
        ("gaussian-gsde", headed(Distribution::Gaussian, Spread::Gsde)),
        ("squashed", headed(Distribution::Squashed, Spread::Independent)),
        ("squashed-state", headed(Distribution::Squashed, Spread::State)),
        ("beta", headed(Distribution::Beta, Spread::Independent)),
        ("elu", activated(Activation::Elu)),
        ("gelu", activated(Activation::Gelu)),
        ("silu", activated(Activation::Silu)),
        ("leaky-relu", activated(Activation::LeakyRelu)),
        ("layer-norm", NetworkShape { layer_norm: true, ..plain() }),
        ("no-critic", NetworkShape { critic_input: CriticInput::Absent, ..plain() }),
        ("shared-critic", NetworkShape { critic_input: CriticInput::Features, layer_norm: true, ..plain() }),
        ("gru", NetworkShape { memory: Some((MemoryCell::Gru, 32)), ..plain() }),
        ("lstm", NetworkShape { memory: Some((MemoryCell::Lstm, 32)), ..plain() }),
        ("lstm-shared", remembering(MemoryCell::Lstm, CriticInput::Features)),
        ("gru-no-critic", remembering(MemoryCell::Gru, CriticInput::Absent)),
    ]
}

/// Continuous and discrete parts, all bounds finite.
fn bounded_space() -> Space {
    Space::Dict {
        entries: vec![
            ("start".into(), Space::MultiDiscrete { nvec: vec![3, 2] }),
            ("battery".into(), Space::Box { low: vec![-0.5, -1.0, 2.0], high: vec![0.5, 3.0, 2.5] }),
            ("region".into(), Space::Discrete { n: 4, start: 1 }),
            ("slow".into(), Space::uniform_box(1, 0.0, 1.0)),
        ],
    }
}

fn write_kind(
    folder: &Path,
    name: &str,
    action_space: &Space,
    activation: Activation,
    normalized: bool,
) -> Result<(), Box<dyn Error>> {
    let shape = NetworkShape { hidden: vec![64, 48], activation, ..NetworkShape::default() };
    write_shape(folder, name, action_space, &shape, normalized)
}

fn write_shape(
    folder: &Path,
    name: &str,
    action_space: &Space,
    shape: &NetworkShape,
    normalized: bool,
) -> Result<(), Box<dyn Error>> {
    let len = 20;
    let tree = SeedTree::new(17).child(name, 0);
    let mut network = PolicyNetwork::drawn_as(len, action_space, shape, &mut tree.stream("weights"));
    if normalized {
        network.normalizer = Some(normalizer(len, tree));
    }
    let (low, high) = if normalized { (f32::NEG_INFINITY, f32::INFINITY) } else { (-3.0, 3.0) };
    let observation_space = Space::uniform_box(len, low, high);
    let policy = PolicyExport {
        network: &network,
        env: EnvRecord { id: "Drawn-v0".into(), scenario: serde_json::Value::Null, plan: None },
        observation_space: &observation_space,
        action_space,
        observation_schema: &ObservationSchema::unnamed(len),
        action_names: action_space.flat_names(),
        training: TrainingRecord { config_sha256: String::new(), run: serde_json::Value::Null },
        evaluation: None,
        golden_inputs: Vec::new(),
    };
    export_policy(&folder.join(name), &policy, true)?;
    LoadedPolicy::load(&folder.join(name))?;
    let cases = BufWriter::new(File::create(folder.join(format!("{name}.jsonl")))?);
    write_cases(&network, &observation_space, CASES, tree.seed(), cases)?;
    Ok(())
}

/// Quantities of very different sizes, as in the real table, and one that never changes.
fn normalizer(len: usize, tree: SeedTree) -> ObservationNormalizer {
    let mut rng = tree.stream("seen");
    let mut normalizer = ObservationNormalizer::new(len, 2.5);
    for _ in 0..200 {
        let size = |i: usize| if i == 0 { 0.0 } else { 10f32.powi(i as i32 % 7 - 2) };
        let row: Vec<f32> = (0..len).map(|i| size(i) * (10.0 + rng.random::<f32>())).collect();
        normalizer.update(&row);
    }
    normalizer
}

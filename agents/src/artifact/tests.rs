//! Export and import together: what goes out comes back, and everything else is refused in words.

use super::*;
use flexai_env::core::{ObservationField, ObservationNormalizer, ObservationSchema, SeedTree, Space};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(super) struct Fixture {
    pub(super) network: PolicyNetwork,
    pub(super) observation_space: Space,
    pub(super) action_space: Space,
    pub(super) schema: ObservationSchema,
}

pub(super) fn fixture() -> Fixture {
    let action_space = Space::Dict {
        entries: vec![
            ("battery".into(), Space::Box { low: vec![-1.0], high: vec![f32::INFINITY] }),
            ("start".into(), Space::MultiDiscrete { nvec: vec![3, 2] }),
        ],
    };
    let mut rng = SeedTree::new(9).stream("weights");
    let mut network = PolicyNetwork::drawn(3, &action_space, &[8, 8], Activation::Tanh, &mut rng);
    let mut normalizer = ObservationNormalizer::new(3, 10.0);
    normalizer.update(&[30_000.0, 0.1, -3.0, 35_000.0, 0.7, 2.0]);
    network.normalizer = Some(normalizer);
    let field = |name: &str| ObservationField { name: name.into(), unit: "1".into(), scaling: "none".into() };
    let schema = ObservationSchema { fields: ["demand", "soc", "price"].map(field).to_vec() };
    Fixture { network, observation_space: Space::uniform_box(3, -1e9, 1e9), action_space, schema }
}

impl Fixture {
    pub(super) fn policy(&self) -> PolicyExport<'_> {
        PolicyExport {
            network: &self.network,
            env: EnvRecord { id: "Toy-v0".into(), scenario: json!({"weeks": 2, "price": 0.1}), plan: None },
            observation_space: &self.observation_space,
            action_space: &self.action_space,
            observation_schema: &self.schema,
            action_names: self.action_space.flat_names(),
            training: TrainingRecord { config_sha256: "ab".into(), run: json!({"seed": 1}) },
            evaluation: Some(json!({"gap_captured": 0.5})),
            golden_inputs: vec![PolicyInput { observation: vec![31_000.0, 0.2, 1.0], mask: vec![] }],
        }
    }
}

/// A fresh artifact in a folder of its own.
fn exported() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().join("artifact");
    export_policy(&dir, &fixture().policy(), false).expect("the fixture exports");
    (folder, dir)
}

pub(super) fn refusal(dir: &Path) -> String {
    let text = LoadedPolicy::load(dir).expect_err("refused").to_string();
    assert!(text.contains("\n\nhint: "), "no hint in: {text}");
    text.replace(&dir.display().to_string(), "DIR")
}

/// Rewrites the manifest by hand, its own hash included, as somebody would who edits it on purpose.
pub(super) fn edit_manifest(dir: &Path, edit: impl FnOnce(&mut Value)) {
    let path = dir.join(MANIFEST_FILE);
    let mut value: Value =
        serde_json::from_slice(&fs::read(&path).expect("the fixture allows it")).expect("the fixture allows it");
    value.as_object_mut().expect("the fixture allows it").shift_remove("manifest_sha256");
    edit(&mut value);
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    value["manifest_sha256"] = manifest::sha256_hex(sorted.to_string().as_bytes()).into();
    fs::write(path, value.to_string()).expect("the fixture allows it");
}

/// Replaces the weights and corrects the checksum.
fn replace_weights(dir: &Path, network: &PolicyNetwork) {
    let bytes = weights::to_bytes(network).expect("the fixture allows it");
    fs::write(dir.join(WEIGHTS_FILE), &bytes).expect("the fixture allows it");
    edit_manifest(dir, |m| m["checksums"][WEIGHTS_FILE] = manifest::sha256_hex(&bytes).into());
}

#[test]
fn a_loaded_policy_is_the_exported_one_bit_for_bit() {
    let (_folder, dir) = exported();
    let loaded = LoadedPolicy::load(&dir).expect("loads");
    let fixture = fixture();
    assert_eq!(*loaded.network(), fixture.network);
    let mut scratch = ActScratch::default();
    for input in draw_inputs(&fixture.network, &fixture.observation_space, 500, 4) {
        let mine = GoldenVector::of(&fixture.network, &input, &mut MemoryState::default(), &mut scratch);
        let theirs = GoldenVector::of(loaded.network(), &input, &mut MemoryState::default(), &mut scratch);
        let bits = |g: &GoldenVector| {
            let numbers = g.head.iter().chain(&g.action).chain(&g.value).chain([&g.log_prob]);
            numbers.map(|x| x.to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(bits(&mine), bits(&theirs));
    }
}

#[test]
fn the_manifest_tells_what_the_policy_is() {
    let (_folder, dir) = exported();
    let loaded = LoadedPolicy::load(&dir).expect("loads");
    let manifest = loaded.manifest();
    assert_eq!(manifest.env.id, "Toy-v0");
    assert_eq!(manifest.env.scenario, json!({"weeks": 2, "price": 0.1}));
    assert_eq!(manifest.network.actor, [3, 8, 8, 6]);
    assert_eq!(manifest.network.critic, [3, 8, 8, 1]);
    assert_eq!(manifest.action_head.names, ["battery", "start.x0", "start.x1"]);
    assert_eq!(manifest.mask_rule.len, 5);
    assert_eq!(manifest.golden.len(), GOLDEN_VECTORS_MIN);
    assert_eq!(manifest.golden[0].observation, [31_000.0, 0.2, 1.0]);
    assert_eq!(manifest.evaluation, Some(json!({"gap_captured": 0.5})));
    assert_eq!(manifest.checksums.keys().collect::<Vec<_>>(), [ONNX_FILE, WEIGHTS_FILE]);
}

#[test]
fn the_same_policy_gives_the_same_bytes() {
    let (_a, first) = exported();
    let (_b, second) = exported();
    for name in [MANIFEST_FILE, WEIGHTS_FILE, ONNX_FILE] {
        assert_eq!(
            fs::read(first.join(name)).expect("the fixture allows it"),
            fs::read(second.join(name)).expect("the fixture allows it"),
            "{name}"
        );
    }
}

#[test]
fn any_changed_byte_of_weights_or_graph_is_refused_by_the_name_of_the_file() {
    let (_folder, dir) = exported();
    for name in [WEIGHTS_FILE, ONNX_FILE] {
        let path = dir.join(name);
        let good = fs::read(&path).expect("the fixture allows it");
        for at in (0..good.len()).step_by(7) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).expect("the fixture allows it");
            let text = refusal(&dir);
            assert!(text.starts_with(&format!("DIR/{name}: checksum ")), "{text}");
        }
        fs::write(&path, &good).expect("the fixture allows it");
    }
    LoadedPolicy::load(&dir).expect("the restored artifact loads");
}

#[test]
fn any_changed_byte_of_the_manifest_is_refused_unless_its_meaning_stays() {
    let (_folder, dir) = exported();
    let path = dir.join(MANIFEST_FILE);
    let good = fs::read(&path).expect("the fixture allows it");
    let meaning: Value = serde_json::from_slice(&good).expect("the fixture allows it");
    for at in (0..good.len()).step_by(3) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        if serde_json::from_slice(&bad).is_ok_and(|value: Value| value == meaning) {
            continue;
        }
        fs::write(&path, &bad).expect("the fixture allows it");
        let text = refusal(&dir);
        assert!(text.starts_with("DIR/manifest.json: "), "{text}");
    }
}

#[test]
fn a_file_cut_short_is_refused_by_its_name() {
    let (_folder, dir) = exported();
    for name in [WEIGHTS_FILE, ONNX_FILE] {
        let path = dir.join(name);
        let good = fs::read(&path).expect("the fixture allows it");
        for len in [0, 1, 8, good.len() / 2, good.len() - 1] {
            fs::write(&path, &good[..len]).expect("the fixture allows it");
            assert!(refusal(&dir).starts_with(&format!("DIR/{name}: checksum ")));
        }
        fs::write(&path, &good).expect("the fixture allows it");
    }
    let path = dir.join(MANIFEST_FILE);
    let good = fs::read(&path).expect("the fixture allows it");
    fs::write(&path, &good[..good.len() / 2]).expect("the fixture allows it");
    let text = refusal(&dir);
    assert!(text.starts_with("DIR/manifest.json: the text ends at line "), "{text}");
    assert!(text.contains(", expected a whole JSON document\n\nhint: "), "{text}");
}

#[test]
fn weights_cut_short_with_a_corrected_checksum_are_still_refused() {
    let (_folder, dir) = exported();
    let path = dir.join(WEIGHTS_FILE);
    let good = fs::read(&path).expect("the fixture allows it");
    for len in [0, 7, 100, good.len() - 4] {
        fs::write(&path, &good[..len]).expect("the fixture allows it");
        let hash = manifest::sha256_hex(&good[..len]);
        edit_manifest(&dir, |m| m["checksums"][WEIGHTS_FILE] = hash.into());
        let text = refusal(&dir);
        assert!(text.starts_with("DIR/policy.safetensors: "), "{text}");
        assert!(text.contains(", expected a safetensors file"), "{text}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let (_folder, dir) = exported();
    fs::remove_file(dir.join(WEIGHTS_FILE)).expect("the fixture allows it");
    assert_eq!(
        refusal(&dir),
        "DIR/policy.safetensors: no such file, expected a part of the policy artifact\n\n\
         hint: the artifact is incomplete; copy or export it again, all its files together"
    );
    assert_eq!(
        refusal(&dir.join("nowhere")),
        "DIR/manifest.json: no such file, expected a part of the policy artifact\n\n\
         hint: name the folder that `flexai export` wrote; it holds manifest.json"
    );
}

#[test]
fn an_unknown_version_is_refused_with_the_writer() {
    let (_folder, dir) = exported();
    edit_manifest(&dir, |m| {
        m["format_version"] = 7.into();
        m["workbench_version"] = "3.1.0".into();
        m["something_new"] = true.into();
    });
    assert_eq!(
        refusal(&dir),
        "DIR/manifest.json: format version 7, this workbench reads versions 1 to 3\n\n\
         hint: export the policy again with this workbench, or use the one that wrote it (3.1.0)"
    );
    edit_manifest(&dir, |m| m["format"] = "other".into());
    assert!(refusal(&dir).starts_with("DIR/manifest.json: format `other`, expected `flexai-policy`\n"));
    fs::write(dir.join(MANIFEST_FILE), "[1, 2]").expect("the fixture allows it");
    assert!(refusal(&dir).starts_with("DIR/manifest.json: no format name, expected `flexai-policy`\n"));
}

#[test]
fn another_observation_is_refused_with_the_first_difference() {
    let (_folder, dir) = exported();
    let loaded = LoadedPolicy::load(&dir).expect("loads");
    let mut schema = fixture().schema;
    assert!(loaded.check_schema(&schema).is_ok());
    schema.fields[1].unit = "MWh".into();
    let text = loaded.check_schema(&schema).expect_err("another unit").to_string();
    let start = format!(
        "{}: the policy reads `soc` [1] (none) at index 1, the observation has `soc` [MWh] (none); schema hash ",
        dir.join(MANIFEST_FILE).display()
    );
    assert!(text.starts_with(&start), "{text}");
    assert!(text.contains("\n\nhint: run the scenario the policy was trained on"), "{text}");
    schema = fixture().schema;
    schema.fields.pop();
    let text = loaded.check_schema(&schema).expect_err("one is missing").to_string();
    assert!(text.contains("the policy reads 3 numbers, the observation has 2; schema hash "), "{text}");
}

#[test]
fn weights_of_another_shape_are_refused_by_the_name_of_the_tensor() {
    let (_folder, dir) = exported();
    let space = fixture().action_space;
    let mut rng = SeedTree::new(1).stream("weights");
    replace_weights(&dir, &PolicyNetwork::drawn(3, &space, &[8, 4], Activation::Tanh, &mut rng));
    assert!(refusal(&dir).starts_with(
        "DIR/policy.safetensors: tensor `actor.l2.weight` is F32 [8, 4], the manifest describes F32 [8, 8]\n"
    ));
    replace_weights(&dir, &PolicyNetwork::drawn(3, &space, &[8], Activation::Tanh, &mut rng));
    assert!(refusal(&dir).starts_with("DIR/policy.safetensors: tensor `actor.l2.weight` is F32 [8, 6], "));
    replace_weights(&dir, &PolicyNetwork::drawn(3, &Space::discrete(6), &[8, 8], Activation::Tanh, &mut rng));
    assert!(refusal(&dir).starts_with("DIR/policy.safetensors: no tensor `log_std`, expected one of shape [1]\n"));
    replace_weights(&dir, &PolicyNetwork::drawn(3, &space, &[8, 8, 8], Activation::Tanh, &mut rng));
    assert!(refusal(&dir).starts_with("DIR/policy.safetensors: tensor `actor.l3.weight` is F32 [8, 8], "));
}

#[test]
fn a_weight_that_is_not_finite_is_refused_by_place() {
    let (_folder, dir) = exported();
    let mut network = fixture().network;
    network.critic.layers[0].bias[5] = f32::NAN;
    replace_weights(&dir, &network);
    assert!(
        refusal(&dir).starts_with(
            "DIR/policy.safetensors: number 5 of tensor `critic.l1.bias` is NaN, expected a finite number\n"
        )
    );
}

#[test]
fn weights_that_do_not_give_the_golden_outputs_are_refused() {
    let (_folder, dir) = exported();
    let mut network = fixture().network;
    let bias = &mut network.critic.layers[2].bias[0];
    *bias = f32::from_bits(bias.to_bits() + 64);
    replace_weights(&dir, &network);
    let text = refusal(&dir);
    assert!(text.starts_with("DIR/manifest.json: golden vector 0: `value` is "), "{text}");
    assert!(text.contains("hint: weights and manifest do not belong together"), "{text}");
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused_in_words() {
    type Case = (&'static str, fn(&mut Value));
    let cases: [Case; 9] = [
        ("hash of the observation schema is ", |m| m["observation_schema"]["fields"][0]["name"] = "x".into()),
        ("the action head is not that of the action space", |m| {
            m["action_head"]["components"][1]["n"] = 4.into();
        }),
        ("the observation schema has 3 numbers, the actor reads 4", |m| m["network"]["actor"][0] = 4.into()),
        ("the observation schema has 3 numbers, the actor reads 0", |m| m["network"]["actor"] = json!([])),
        ("2 action names, the action has 3 numbers", |m| {
            m["action_head"]["names"].as_array_mut().expect("the fixture allows it").pop();
        }),
        ("no golden vectors, expected at least one", |m| m["golden"] = json!([])),
        ("the normaliser clips at -1, expected a positive number", |m| m["normalization"]["clip"] = (-1.0).into()),
        ("golden vector 2: the mask has 1 entries, the policy expects 5", |m| {
            m["golden"][2]["mask"] = json!([true]);
        }),
        ("missing field `training`, expected a manifest", |m| {
            m.as_object_mut().expect("the fixture allows it").shift_remove("training");
        }),
    ];
    for (words, edit) in cases {
        let (_folder, dir) = exported();
        edit_manifest(&dir, edit);
        let text = refusal(&dir);
        assert!(text.starts_with(&format!("DIR/manifest.json: {words}")), "{text}");
    }
}

/// A policy of every style, shape and activation.
fn kinds() -> Vec<(String, PolicyNetwork, Space)> {
    let mut shapes = Vec::new();
    for (distribution, spread) in [
        (Distribution::Gaussian, Spread::State),
        (Distribution::Gaussian, Spread::Gsde),
        (Distribution::Squashed, Spread::Independent),
        (Distribution::Squashed, Spread::State),
        (Distribution::Squashed, Spread::Gsde),
        (Distribution::Beta, Spread::Independent),
    ] {
        let style = HeadStyle { distribution, spread };
        shapes.push(NetworkShape { style, ..NetworkShape::default() });
    }
    for activation in [Activation::Elu, Activation::Gelu, Activation::Silu, Activation::LeakyRelu] {
        shapes.push(NetworkShape { activation, ..NetworkShape::default() });
    }
    shapes.push(NetworkShape { layer_norm: true, ..NetworkShape::default() });
    shapes.push(NetworkShape { critic_input: CriticInput::Absent, layer_norm: true, ..NetworkShape::default() });
    shapes.push(NetworkShape { critic_input: CriticInput::Features, layer_norm: true, ..NetworkShape::default() });
    let entries = vec![
        ("battery".into(), Space::Box { low: vec![-1.0, 0.5], high: vec![3.0, 2.0] }),
        ("start".into(), Space::MultiDiscrete { nvec: vec![3, 2] }),
    ];
    let space = Space::Dict { entries };
    let named = |shape: NetworkShape| {
        let shape = NetworkShape { hidden: vec![8, 8], ..shape };
        let network = PolicyNetwork::drawn_as(3, &space, &shape, &mut SeedTree::new(9).stream("weights"));
        (format!("{shape:?}"), network, space.clone())
    };
    shapes.into_iter().map(named).collect()
}

#[test]
fn a_policy_of_every_kind_comes_back_bit_for_bit_as_version_two() {
    for (name, network, action_space) in kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dir = folder.path().join("artifact");
        let fixture = Fixture { network, action_space, ..fixture() };
        let mut policy = fixture.policy();
        policy.golden_inputs.clear();
        let manifest = export_policy(&dir, &policy, false).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(manifest.format_version, 2, "{name}");
        // Loading compares the golden vectors bit for bit.
        let loaded = LoadedPolicy::load(&dir).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(*loaded.network(), fixture.network, "{name}");
        for golden in &manifest.golden {
            for (at, (low, high)) in [(0, (-1.0, 3.0)), (1, (0.5, 2.0))] {
                assert!((low..=high).contains(&golden.action[at]), "{name}: {:?}", golden.action);
            }
        }
    }
}

#[test]
fn a_policy_of_the_first_kind_is_still_written_as_version_one_without_a_new_key() {
    let (_folder, dir) = exported();
    let text = fs::read_to_string(dir.join(MANIFEST_FILE)).expect("the fixture allows it");
    assert!(text.contains("\"format_version\": 1,"), "{text}");
    for key in ["style", "critic_input", "layer_norm"] {
        assert!(!text.contains(key), "`{key}` would keep an older workbench from reading it");
    }
}

#[test]
fn a_style_that_does_not_fit_the_weights_is_refused() {
    let (_folder, dir) = exported();
    edit_manifest(&dir, |m| m["action_head"]["style"] = json!({"distribution": "gaussian", "spread": "state"}));
    let text = refusal(&dir);
    assert!(text.starts_with("DIR/manifest.json: the actor ends in 6 outputs, expected 7\n"), "{text}");
    edit_manifest(&dir, |m| m["action_head"]["style"] = json!({"distribution": "beta"}));
    let text = refusal(&dir);
    assert!(text.contains("action index 0 has the bounds -1 and inf, expected a finite range"), "{text}");
    edit_manifest(&dir, |m| m["action_head"]["style"] = json!({"distribution": "cauchy"}));
    let text = refusal(&dir);
    assert!(text.contains("unknown variant `cauchy`, expected one of `gaussian`, `squashed`, `beta`"), "{text}");
}

#[test]
fn an_artifact_is_overwritten_only_on_request_and_nothing_else_ever() {
    let (_folder, dir) = exported();
    let fixture = fixture();
    let mut policy = fixture.policy();
    policy.evaluation = None;
    let text = export_policy(&dir, &policy, false).expect_err("taken").to_string();
    assert!(text.ends_with(
        "it holds an artifact, expected an empty or absent folder\n\nhint: choose another folder, or allow overwriting"
    ));
    export_policy(&dir, &policy, true).expect("overwrites");
    assert_eq!(LoadedPolicy::load(&dir).expect("loads").manifest().evaluation, None);
    fs::write(dir.join("thesis.txt"), "years of work").expect("the fixture allows it");
    let text = export_policy(&dir, &policy, true).expect_err("not ours").to_string();
    assert!(text.contains("it holds `thesis.txt`, expected an empty or absent folder"), "{text}");
    assert_eq!(fs::read(dir.join("thesis.txt")).expect("the fixture allows it"), b"years of work");
}

#[test]
fn an_export_leaves_one_folder_with_three_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().join("deep/er/artifact");
    fs::create_dir_all(&dir).expect("the fixture allows it");
    let fixture = fixture();
    export_policy(&dir, &fixture.policy(), false).expect("an empty folder is free");
    export_policy(&dir, &fixture.policy(), true).expect("and then overwritten");
    let names = |dir: &Path| {
        let entries = fs::read_dir(dir)
            .expect("the fixture allows it")
            .map(|e| e.expect("the fixture allows it").file_name().into_string().expect("the fixture allows it"));
        let mut names: Vec<String> = entries.collect();
        names.sort();
        names
    };
    assert_eq!(names(dir.parent().expect("the fixture allows it")), ["artifact"]);
    assert_eq!(names(&dir), [MANIFEST_FILE, ONNX_FILE, WEIGHTS_FILE]);
}

#[test]
fn a_target_below_a_file_is_refused_with_its_path() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("the fixture allows it");
    let fixture = fixture();
    let text = export_policy(&file, &fixture.policy(), true).expect_err("a file").to_string();
    assert!(text.starts_with(&format!("{}: a file, expected an empty or absent folder", file.display())), "{text}");
    let below = file.join("artifact");
    let text = export_policy(&below, &fixture.policy(), false).expect_err("below a file").to_string();
    assert!(text.starts_with(&file.display().to_string()), "{text}");
    assert!(text.contains("\n\nhint: a part of the path is a file: choose another folder"), "{text}");
}

#[test]
fn parts_that_do_not_belong_together_are_not_exported() {
    let fixture = fixture();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().join("artifact");
    let refused = |policy: &PolicyExport<'_>| {
        let text = export_policy(&dir, policy, false).expect_err("refused").to_string();
        assert!(!dir.exists());
        text
    };
    let mut policy = fixture.policy();
    let other = Space::discrete(3);
    policy.action_space = &other;
    assert_eq!(
        refused(&policy),
        "the policy cannot be exported: the heads of the network are not those of the action space\n\n\
         hint: network, spaces and schema must come from one checkpoint"
    );
    let mut policy = fixture.policy();
    let mut schema = fixture.schema.clone();
    schema.fields[2].name = "soc".into();
    policy.observation_schema = &schema;
    assert!(refused(&policy).contains("two observations are named `soc`"));
    let mut policy = fixture.policy();
    policy.golden_inputs[0].observation[1] = f32::NAN;
    assert!(refused(&policy).contains("golden input 0: index 1 of the observation is NaN, expected a finite number"));
    let mut policy = fixture.policy();
    let mut network = fixture.network.clone();
    network.actor.layers[0].weight[0] = f32::INFINITY;
    policy.network = &network;
    assert!(refused(&policy).contains("layer 1 of the actor holds a number that is not finite"));
}

//! Policies with memory: out, back, and played step by step.

use super::tests::{Fixture, edit_manifest, fixture, refusal};
use super::*;
use crate::policy::{NetworkPolicy, Policy, Situation};
use flexai_env::core::SeedTree;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// Both cells with every critic that is exported.
fn fixtures() -> Vec<(String, Fixture)> {
    let critics = [CriticInput::Observation, CriticInput::Features, CriticInput::Absent];
    let of = |cell: MemoryCell, critic_input: CriticInput| {
        let memory = Some((cell, 6));
        let shape = NetworkShape { hidden: vec![8, 8], critic_input, memory, ..NetworkShape::default() };
        let plain = fixture();
        let mut rng = SeedTree::new(9).stream("weights");
        let network = PolicyNetwork::drawn_as(3, &plain.action_space, &shape, &mut rng);
        let network = PolicyNetwork { normalizer: plain.network.normalizer.clone(), ..network };
        (format!("{} with critic {critic_input:?}", cell.name()), Fixture { network, ..plain })
    };
    [MemoryCell::Gru, MemoryCell::Lstm].into_iter().flat_map(|cell| critics.map(|critic| of(cell, critic))).collect()
}

fn exported(fixture: &Fixture) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().join("artifact");
    export_policy(&dir, &fixture.policy(), false).expect("the fixture exports");
    (folder, dir)
}

#[test]
fn a_policy_with_memory_comes_back_bit_for_bit_as_version_three() {
    for (name, fixture) in fixtures() {
        let (_folder, dir) = exported(&fixture);
        let loaded = LoadedPolicy::load(&dir).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(*loaded.network(), fixture.network, "{name}");
        let manifest = loaded.manifest();
        assert_eq!(manifest.format_version, 3, "{name}");
        let memory = manifest.network.memory.as_ref().expect("it has one");
        assert_eq!((memory.inputs, memory.size, manifest.network.actor[0]), (3, 6, 6), "{name}");
        // One episode: a vector that begins it, and what each leaves behind.
        assert!(manifest.golden.iter().enumerate().all(|(i, golden)| golden.first == (i == 0)), "{name}");
        let len = fixture.network.state_len();
        assert!(manifest.golden.iter().all(|golden| golden.state.len() == len), "{name}");
        assert_ne!(manifest.golden[0].state, manifest.golden[1].state, "{name}");
    }
}

#[test]
fn golden_vectors_with_another_state_are_refused() {
    let (_folder, dir) = exported(&fixtures()[0].1);
    edit_manifest(&dir, |m| m["golden"][3]["state"][2] = 0.25.into());
    assert!(refusal(&dir).starts_with("DIR/manifest.json: golden vector 3: `state[2]` is "));
    let (_folder, dir) = exported(&fixtures()[0].1);
    edit_manifest(&dir, |m| m["golden"][3]["first"] = true.into());
    assert!(refusal(&dir).starts_with("DIR/manifest.json: golden vector 3: `head[0]` is "));
}

#[test]
fn a_memory_that_does_not_fit_is_refused_in_words() {
    let refused = |edit: fn(&mut serde_json::Value)| {
        let (_folder, dir) = exported(&fixtures()[0].1);
        edit_manifest(&dir, edit);
        refusal(&dir)
    };
    let text = refused(|m| m["network"]["memory"]["size"] = 5.into());
    assert!(
        text.starts_with("DIR/manifest.json: the memory shows 5 numbers, the actor reads 6, expected the same"),
        "{text}"
    );
    let text = refused(|m| {
        m["network"]["memory"]["size"] = (1u64 << 40).into();
        m["network"]["actor"][0] = (1u64 << 40).into();
    });
    assert!(text.contains("expected the same number, at most 16384"), "{text}");
    let text = refused(|m| m["network"]["memory"]["inputs"] = 4.into());
    assert!(
        text.starts_with("DIR/manifest.json: the observation schema has 3 numbers, the memory reads 4\n"),
        "{text}"
    );
    let text = refused(|m| m["network"]["memory"]["cell"] = "lstm".into());
    let start = "DIR/policy.safetensors: tensor `actor.memory.input.weight` is F32 [3, 18], the manifest describes F32 [3, 24]\n";
    assert!(text.starts_with(start), "{text}");
    let text = refused(|m| m["network"]["memory"]["cell"] = "rnn".into());
    assert!(text.contains("unknown variant `rnn`, expected `gru` or `lstm`"), "{text}");
    let text = refused(|m| {
        m["network"].as_object_mut().expect("an object").shift_remove("memory");
    });
    assert!(text.starts_with("DIR/manifest.json: the observation schema has 3 numbers, the actor reads 6\n"), "{text}");
    let mut network = fixtures()[0].1.network.clone();
    network.critic_memory = None;
    assert_eq!(
        network.validate().expect_err("the critic reads six numbers"),
        "the critic's memory is none, expected a gru of 6 units on 3 numbers"
    );
}

#[test]
fn a_policy_plays_what_its_network_says_and_forgets_when_an_episode_begins() {
    for (name, fixture) in fixtures() {
        let network = Arc::new(fixture.network.clone());
        let mut policy = NetworkPolicy::deterministic("p", Arc::clone(&network));
        let inputs = draw_inputs(&network, &fixture.observation_space, 12, 4);
        let (mut state, mut scratch) = (MemoryState::default(), ActScratch::default());
        let mut action = vec![0.0; network.action_len()];
        let mut first = Vec::new();
        for episode in 0..2 {
            policy.begin_episode(episode);
            state.forget();
            for (i, input) in inputs.iter().enumerate() {
                if i == 6 {
                    let mut copy = NetworkPolicy::deterministic("p", Arc::clone(&network));
                    copy.load_state(&policy.save_state()).expect("its own state");
                    assert!(copy.load_state(&[0; 7]).is_err(), "seven bytes are no state");
                    policy = copy;
                }
                let situation = Situation { observation: &input.observation, mask: &input.mask, site: None };
                policy.decide(&situation, &mut action);
                let mode = ActMode::Deterministic;
                let expected = network.act(&input.observation, &input.mask, &mut state, &mut scratch, mode);
                assert_eq!(action, expected.action, "{name}");
                match episode {
                    0 => first.push(action.clone()),
                    _ => assert_eq!(action, first[i], "{name}: nothing is left of the first episode"),
                }
            }
        }
        let alone = network.act(
            &inputs[5].observation,
            &inputs[5].mask,
            &mut MemoryState::default(),
            &mut scratch,
            ActMode::Deterministic,
        );
        assert_ne!(alone.action, first[5], "{name}: what came before matters");
    }
}

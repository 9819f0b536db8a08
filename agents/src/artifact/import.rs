//! Loads an exported policy, or says why not.
//!
//! In: an artifact folder. Out: a [`LoadedPolicy`] that decides exactly as the exported one did.
//! Always: versions, checksums, shapes, finite weights and the golden vectors are checked before the first decision.
//! Not here: writing (`export.rs`), deciding (`act.rs`).

use super::act::ActScratch;
use super::error::{ArtifactError, INCOMPLETE, NOT_AN_ARTIFACT};
use super::golden::{GoldenVector, PolicyInput};
use super::manifest::{MANIFEST_FILE, Manifest, ONNX_FILE, WEIGHTS_FILE, schema_sha256, sha256_hex};
use super::memory::{MEMORY_SIZE_MAX, MemoryState};
use super::network::{CriticInput, PolicyNetwork};
use super::style::ActionHead;
use super::weights;
use flexai_env::core::ObservationSchema;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A policy that passed every check.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedPolicy {
    manifest_path: PathBuf,
    manifest: Manifest,
    network: PolicyNetwork,
}

impl LoadedPolicy {
    /// Loads and checks the artifact folder `dir`.
    ///
    /// # Errors
    /// [`ArtifactError`] names the file, what was found in it and what was expected.
    pub fn load(dir: &Path) -> Result<Self, ArtifactError> {
        let manifest_path = dir.join(MANIFEST_FILE);
        let manifest = Manifest::from_text(&manifest_path, &read(&manifest_path, NOT_AN_ARTIFACT)?)?;
        check_text(&manifest_path, &manifest)?;
        let mut weight_bytes = Vec::new();
        for name in [WEIGHTS_FILE, ONNX_FILE] {
            let path = dir.join(name);
            let bytes = read(&path, INCOMPLETE)?;
            let found = sha256_hex(&bytes);
            let expected = manifest.checksums.get(name).cloned().unwrap_or_else(|| "nothing".to_string());
            if found != expected {
                return Err(ArtifactError::Checksum { path, found, expected });
            }
            if name == WEIGHTS_FILE {
                weight_bytes = bytes;
            }
        }
        let network = build(&manifest_path, &manifest, &dir.join(WEIGHTS_FILE), &weight_bytes)?;
        let loaded = Self { manifest_path, manifest, network };
        loaded.check_golden()?;
        Ok(loaded)
    }

    /// What the policy is and reads.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The network, ready to decide.
    pub fn network(&self) -> &PolicyNetwork {
        &self.network
    }

    /// Whether the policy reads the observation described by `schema`.
    ///
    /// # Errors
    /// [`ArtifactError::Schema`] names the first difference.
    pub fn check_schema(&self, schema: &ObservationSchema) -> Result<(), ArtifactError> {
        let expected = schema_sha256(schema);
        if expected == self.manifest.observation_schema_sha256 {
            return Ok(());
        }
        Err(ArtifactError::Schema {
            path: self.manifest_path.clone(),
            difference: first_difference(&self.manifest.observation_schema, schema),
            artifact: self.manifest.observation_schema_sha256.clone(),
            expected,
        })
    }

    fn check_golden(&self) -> Result<(), ArtifactError> {
        let (mut state, mut scratch) = (MemoryState::default(), ActScratch::default());
        for (index, stored) in self.manifest.golden.iter().enumerate() {
            let input = PolicyInput { observation: stored.observation.clone(), mask: stored.mask.clone() };
            if let Err(fault) = self.network.check_input(&input.observation, &input.mask) {
                return Err(ArtifactError::malformed(&self.manifest_path, format!("golden vector {index}: {fault}")));
            }
            if stored.first {
                state.forget();
            }
            let computed = GoldenVector::of(&self.network, &input, &mut state, &mut scratch);
            if let Some((what, found, expected)) = first_unequal(&computed, stored) {
                let path = self.manifest_path.clone();
                return Err(ArtifactError::Golden { path, index, what, found, expected });
            }
        }
        Ok(())
    }
}

fn read(path: &Path, hint: &'static str) -> Result<Vec<u8>, ArtifactError> {
    fs::read(path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => ArtifactError::Missing { path: path.to_path_buf(), hint },
        _ => ArtifactError::io(path, "read", e),
    })
}

/// Checks what the manifest says about itself.
fn check_text(path: &Path, manifest: &Manifest) -> Result<(), ArtifactError> {
    let wrong = |reason: String| Err(ArtifactError::malformed(path, reason));
    let hash = schema_sha256(&manifest.observation_schema);
    if hash != manifest.observation_schema_sha256 {
        let stated = &manifest.observation_schema_sha256;
        return wrong(format!("hash of the observation schema is {hash}, the manifest says {stated}"));
    }
    if manifest.action_head.components != manifest.action_space.components() {
        return wrong("the action head is not that of the action space, expected the same components".to_string());
    }
    let first = manifest.network.actor.first().copied().unwrap_or(0);
    let memory = manifest.network.memory.as_ref();
    if let Some(memory) = memory.filter(|memory| memory.size != first || memory.size > MEMORY_SIZE_MAX) {
        let found = format!("the memory shows {} numbers, the actor reads {first}", memory.size);
        return wrong(format!("{found}, expected the same number, at most {MEMORY_SIZE_MAX}"));
    }
    let (reader, len) = memory.map_or(("actor", first), |memory| ("memory", memory.inputs));
    for (what, found) in [
        ("observation schema", manifest.observation_schema.fields.len()),
        ("observation space", manifest.observation_space.flat_len()),
    ] {
        if found != len {
            return wrong(format!("the {what} has {found} numbers, the {reader} reads {len}"));
        }
    }
    let (names, numbers) = (manifest.action_head.names.len(), manifest.action_space.flat_len());
    if names != numbers {
        return wrong(format!("{names} action names, the action has {numbers} numbers"));
    }
    if manifest.golden.is_empty() {
        return wrong("no golden vectors, expected at least one".to_string());
    }
    Ok(())
}

fn build(
    manifest_path: &Path,
    manifest: &Manifest,
    weights_path: &Path,
    bytes: &[u8],
) -> Result<PolicyNetwork, ArtifactError> {
    let shape = &manifest.network;
    let head = &manifest.action_head;
    let record = shape.memory.as_ref();
    let memory = |there: bool| record.filter(|_| there).map(|m| weights::unfilled_memory(m.cell, m.inputs, m.size));
    let mut network = PolicyNetwork {
        heads: ActionHead { components: head.components.clone(), style: head.style },
        normalizer: manifest.normalization.clone(),
        actor_memory: memory(true),
        actor: weights::unfilled(&shape.actor, shape.activation, shape.layer_norm),
        critic_memory: memory(shape.critic_input == CriticInput::Observation),
        critic: weights::unfilled(&shape.critic, shape.activation, shape.layer_norm),
        critic_input: shape.critic_input,
        log_std: manifest.action_head.log_std.clone(),
    };
    weights::fill(&mut network, weights_path, bytes)?;
    if network.log_std != manifest.action_head.log_std {
        let reason = "`log_std` is not that of the weights, expected the same numbers";
        return Err(ArtifactError::malformed(manifest_path, reason));
    }
    network.validate().map_err(|reason| ArtifactError::malformed(manifest_path, reason))?;
    Ok(network)
}

fn first_difference(artifact: &ObservationSchema, expected: &ObservationSchema) -> String {
    for (i, (a, b)) in artifact.fields.iter().zip(&expected.fields).enumerate() {
        if a != b {
            let words = |f: &flexai_env::core::ObservationField| format!("`{}` [{}] ({})", f.name, f.unit, f.scaling);
            return format!("the policy reads {} at index {i}, the observation has {}", words(a), words(b));
        }
    }
    format!("the policy reads {} numbers, the observation has {}", artifact.fields.len(), expected.fields.len())
}

fn first_unequal(computed: &GoldenVector, stored: &GoldenVector) -> Option<(String, f32, f32)> {
    for (name, found, expected) in [
        ("head", &computed.head, &stored.head),
        ("action", &computed.action, &stored.action),
        ("state", &computed.state, &stored.state),
    ] {
        if found.len() != expected.len() {
            return Some((format!("length of `{name}`"), found.len() as f32, expected.len() as f32));
        }
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            if found.to_bits() != expected.to_bits() {
                return Some((format!("`{name}[{i}]`"), *found, *expected));
            }
        }
    }
    if computed.value.is_some() != stored.value.is_some() {
        let count = |value: Option<f32>| f32::from(u8::from(value.is_some()));
        return Some(("number of `value`s".to_string(), count(computed.value), count(stored.value)));
    }
    let values = computed.value.zip(stored.value).map(|(found, expected)| ("value", found, expected));
    for (name, found, expected) in values.into_iter().chain([("log_prob", computed.log_prob, stored.log_prob)]) {
        if found.to_bits() != expected.to_bits() {
            return Some((format!("`{name}`"), found, expected));
        }
    }
    None
}

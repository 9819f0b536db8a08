//! Writes a policy as a folder that any runtime can load.
//!
//! In: a network with everything that must travel with it. Out: a folder with weights, manifest and ONNX graph.
//! Always: the folder appears whole or not at all; nothing that is not an artifact is ever overwritten; the same policy
//! gives the same bytes. Not here: reading (`import.rs`).

use super::act::ActScratch;
use super::error::ArtifactError;
use super::golden::{GoldenVector, PolicyInput, draw_inputs};
use super::head::MASKED_LOGIT;
use super::layers::Mlp;
use super::manifest::{
    ActionHeadRecord, EnvRecord, FORMAT, MANIFEST_FILE, Manifest, MaskRule, MemoryRecord, NetworkRecord, ONNX_FILE,
    TrainingRecord, WEIGHT_LAYOUT, WEIGHTS_FILE, schema_sha256, sha256_hex, version_of,
};
use super::memory::MemoryState;
use super::network::PolicyNetwork;
use super::style::Distribution;
use super::{onnx, weights};
use flexai_env::core::{ObservationSchema, Space};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// At least so many golden vectors are in every artifact.
pub const GOLDEN_VECTORS_MIN: usize = 16;

/// The drawn golden inputs are the same in every export.
const GOLDEN_SEED: u64 = 2024;

/// A policy and all that travels with it.
#[derive(Debug, Clone)]
pub struct PolicyExport<'a> {
    /// Weights, normaliser and heads.
    pub network: &'a PolicyNetwork,
    /// The environment it was trained in.
    pub env: EnvRecord,
    /// Space of raw observations.
    pub observation_space: &'a Space,
    /// Space of actions; its components are the network's heads.
    pub action_space: &'a Space,
    /// Name, unit and scaling of each observation index.
    pub observation_schema: &'a ObservationSchema,
    /// Name of each flat action index.
    pub action_names: Vec<String>,
    /// Where the policy comes from.
    pub training: TrainingRecord,
    /// Summary of its evaluation, if there was one.
    pub evaluation: Option<Value>,
    /// Inputs met in practice; drawn ones fill up to [`GOLDEN_VECTORS_MIN`].
    pub golden_inputs: Vec<PolicyInput>,
}

/// Writes the artifact folder `dir`; an artifact already there is replaced only if `overwrite` is set.
///
/// # Errors
/// [`ArtifactError`] if the parts contradict each other, the target is taken, or the system refuses to write.
pub fn export_policy(dir: &Path, policy: &PolicyExport<'_>, overwrite: bool) -> Result<Manifest, ArtifactError> {
    policy.validate()?;
    let target = Target::find(dir, overwrite)?;
    let weights = weights::to_bytes(policy.network)?;
    let schema_hash = schema_sha256(policy.observation_schema);
    let metadata = [("env_id", policy.env.id.as_str()), ("observation_schema_sha256", schema_hash.as_str())];
    let onnx = onnx::to_bytes(policy.network, &metadata);
    let checksums = [(WEIGHTS_FILE, &weights), (ONNX_FILE, &onnx)]
        .into_iter()
        .map(|(name, bytes)| (name.to_string(), sha256_hex(bytes)))
        .collect();
    let manifest = policy.manifest(schema_hash, checksums)?;
    let text = manifest.to_text();
    target.write(&[(WEIGHTS_FILE, &weights), (ONNX_FILE, &onnx), (MANIFEST_FILE, text.as_bytes())])?;
    Ok(manifest)
}

impl PolicyExport<'_> {
    fn validate(&self) -> Result<(), ArtifactError> {
        let wrong = |reason: String| Err(ArtifactError::Inconsistent(reason));
        if let Err(reason) = self.network.validate() {
            return wrong(reason);
        }
        if self.action_space.components() != self.network.heads.components {
            return wrong("the heads of the network are not those of the action space".to_string());
        }
        if self.network.actor.activation != self.network.critic.activation {
            return wrong("actor and critic have different activations, the format knows one for both".to_string());
        }
        let (actor, critic) = (&self.network.actor, &self.network.critic);
        if critic.layers.len() > 1 && actor.layers.len() > 1 && actor.norms.is_empty() != critic.norms.is_empty() {
            return wrong(
                "only one of actor and critic has normalised layers, the format knows one for both".to_string(),
            );
        }
        let len = self.network.observation_len();
        for (what, found) in [
            ("observation space", self.observation_space.flat_len()),
            ("observation schema", self.observation_schema.fields.len()),
        ] {
            if found != len {
                return wrong(format!("the {what} has {found} numbers, the network reads {len}"));
            }
        }
        let names = self.observation_schema.fields.iter().map(|f| f.name.as_str());
        if let Some(name) = repeated(names) {
            return wrong(format!("two observations are named `{name}`"));
        }
        if self.action_names.len() != self.network.action_len() {
            let (found, expected) = (self.action_names.len(), self.network.action_len());
            return wrong(format!("{found} action names, the action has {expected} numbers"));
        }
        if let Some(name) = repeated(self.action_names.iter().map(String::as_str)) {
            return wrong(format!("two actions are named `{name}`"));
        }
        for (i, input) in self.golden_inputs.iter().enumerate() {
            if let Err(fault) = self.network.check_input(&input.observation, &input.mask) {
                return wrong(format!("golden input {i}: {fault}"));
            }
        }
        Ok(())
    }

    fn manifest(&self, schema_hash: String, checksums: BTreeMap<String, String>) -> Result<Manifest, ArtifactError> {
        let network = self.network;
        Ok(Manifest {
            format: FORMAT.to_string(),
            format_version: version_of(network),
            workbench_version: env!("CARGO_PKG_VERSION").to_string(),
            env: self.env.clone(),
            observation_space: self.observation_space.clone(),
            action_space: self.action_space.clone(),
            observation_schema: self.observation_schema.clone(),
            observation_schema_sha256: schema_hash,
            normalization: network.normalizer.clone(),
            network: NetworkRecord {
                activation: network.actor.activation,
                weight_layout: WEIGHT_LAYOUT.to_string(),
                actor: widths(&network.actor),
                critic: widths(&network.critic),
                layer_norm: !network.actor.norms.is_empty() || !network.critic.norms.is_empty(),
                critic_input: network.critic_input,
                memory: network.actor_memory.as_ref().map(MemoryRecord::of),
            },
            action_head: ActionHeadRecord {
                components: network.heads.components.clone(),
                style: network.heads.style,
                names: self.action_names.clone(),
                log_std: network.log_std.clone(),
                rule: format!(
                    "continuous: {}; categorical: start + the first best legal option",
                    continuous_rule(network)
                ),
            },
            mask_rule: MaskRule {
                len: network.mask_len(),
                forbidden_logit: MASKED_LOGIT,
                rule: "one boolean per option, choice after choice; false forbids; each choice keeps a legal option"
                    .to_string(),
            },
            training: self.training.clone(),
            evaluation: self.evaluation.clone(),
            golden: self.golden()?,
            checksums,
        })
    }

    fn golden(&self) -> Result<Vec<GoldenVector>, ArtifactError> {
        let missing = GOLDEN_VECTORS_MIN.saturating_sub(self.golden_inputs.len());
        let drawn = draw_inputs(self.network, self.observation_space, missing, GOLDEN_SEED);
        // One episode of all of them.
        let (mut state, mut scratch) = (MemoryState::default(), ActScratch::default());
        let inputs = self.golden_inputs.iter().chain(&drawn);
        let golden: Vec<_> =
            inputs.map(|input| GoldenVector::of(self.network, input, &mut state, &mut scratch)).collect();
        let finite = |g: &GoldenVector| {
            let numbers = g.observation.iter().chain(&g.head).chain(&g.action);
            numbers.chain(&g.value).chain(&g.state).chain([&g.log_prob]).all(|x| x.is_finite())
        };
        match golden.iter().position(|g| !finite(g)) {
            Some(i) => Err(ArtifactError::Inconsistent(format!("the outputs for golden input {i} are not finite"))),
            None => Ok(golden),
        }
    }
}

/// The deterministic action of a continuous part, in words.
fn continuous_rule(network: &PolicyNetwork) -> &'static str {
    match network.heads.style.distribution {
        Distribution::Gaussian => "the mean, clipped to the bounds",
        Distribution::Squashed => "low + (high - low) (tanh(mean) + 1) / 2",
        Distribution::Beta => {
            "low + (high - low) alpha / (alpha + beta), both 1 + softplus of their parameter, first all alpha, then all beta"
        }
    }
}

fn widths(mlp: &Mlp) -> Vec<usize> {
    mlp.layers
        .first()
        .map(|layer| layer.inputs)
        .into_iter()
        .chain(mlp.layers.iter().map(|layer| layer.outputs))
        .collect()
}

fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

/// Where the folder will stand.
struct Target {
    path: PathBuf,
    parent: PathBuf,
    name: String,
    /// An artifact stands there and may be replaced.
    replaces: bool,
}

impl Target {
    fn find(dir: &Path, overwrite: bool) -> Result<Self, ArtifactError> {
        let path = match fs::canonicalize(dir) {
            Ok(path) => path,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                std::path::absolute(dir).map_err(|e| ArtifactError::io(dir, "resolve", e))?
            }
            Err(e) => return Err(ArtifactError::io(dir, "open", e)),
        };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            let found = "no name of a folder".to_string();
            let hint = "name a folder that may be created";
            return Err(ArtifactError::TargetExists { path: dir.to_path_buf(), found, hint });
        };
        let (parent, name) = (parent.to_path_buf(), name.to_string_lossy().into_owned());
        let replaces = occupied(dir, &path, overwrite)?;
        Ok(Self { path, parent, name, replaces })
    }

    /// Writes the files beside the target and moves them there together.
    fn write(&self, files: &[(&str, &[u8])]) -> Result<(), ArtifactError> {
        fs::create_dir_all(&self.parent).map_err(|e| ArtifactError::io(&self.parent, "create", e))?;
        let partial = self.parent.join(format!(".{}.partial-{}", self.name, std::process::id()));
        remove_artifact(&partial);
        let result = self.write_through(&partial, files);
        if result.is_err() {
            remove_artifact(&partial);
        }
        result
    }

    fn write_through(&self, partial: &Path, files: &[(&str, &[u8])]) -> Result<(), ArtifactError> {
        fs::create_dir(partial).map_err(|e| ArtifactError::io(partial, "create", e))?;
        for (name, bytes) in files {
            let path = partial.join(name);
            let written = File::create(&path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
            written.map_err(|e| ArtifactError::io(&path, "write", e))?;
        }
        sync_folder(partial)?;
        let previous = self.parent.join(format!(".{}.previous-{}", self.name, std::process::id()));
        if self.replaces {
            fs::rename(&self.path, &previous).map_err(|e| ArtifactError::io(&self.path, "move away", e))?;
        } else if self.path.exists() {
            fs::remove_dir(&self.path).map_err(|e| ArtifactError::io(&self.path, "replace", e))?;
        }
        if let Err(e) = fs::rename(partial, &self.path) {
            if self.replaces {
                // The old artifact goes back; should that fail too, it still stands under its temporary name.
                let _ = fs::rename(&previous, &self.path);
            }
            return Err(ArtifactError::io(&self.path, "create", e));
        }
        if self.replaces {
            remove_artifact(&previous);
        }
        sync_folder(&self.parent)
    }
}

/// Whether an artifact stands at `path` that may be replaced.
fn occupied(named: &Path, path: &Path, overwrite: bool) -> Result<bool, ArtifactError> {
    let taken = |found: String, hint| Err(ArtifactError::TargetExists { path: named.to_path_buf(), found, hint });
    if !path.exists() {
        return Ok(false);
    }
    if !path.is_dir() {
        return taken("a file".to_string(), "name a folder that may be created");
    }
    let io = |e| ArtifactError::io(named, "read", e);
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(io)? {
        names.push(entry.map_err(io)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    if names.is_empty() {
        return Ok(false);
    }
    let own = [MANIFEST_FILE, WEIGHTS_FILE, ONNX_FILE];
    if let Some(stranger) = names.iter().find(|name| !own.contains(&name.as_str())) {
        return taken(format!("it holds `{stranger}`"), "choose another folder; only an artifact can be overwritten");
    }
    if !overwrite {
        return taken("it holds an artifact".to_string(), "choose another folder, or allow overwriting");
    }
    Ok(true)
}

/// Removes the files of an artifact and their folder; nothing else can be lost. What cannot be removed stays.
fn remove_artifact(dir: &Path) {
    for name in [MANIFEST_FILE, WEIGHTS_FILE, ONNX_FILE] {
        let _ = fs::remove_file(dir.join(name));
    }
    let _ = fs::remove_dir(dir);
}

/// Makes a renamed or created entry survive a loss of power.
fn sync_folder(dir: &Path) -> Result<(), ArtifactError> {
    if cfg!(unix) {
        File::open(dir).and_then(|folder| folder.sync_all()).map_err(|e| ArtifactError::io(dir, "write", e))?;
    }
    Ok(())
}

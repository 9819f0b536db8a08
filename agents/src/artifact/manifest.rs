//! The manifest of an exported policy: what it is, what it reads, what it decides, and how to check that.
//!
//! In: what the exporter knows. Out: `manifest.json`, and back.
//! Always: the text is a function of the policy alone (no clock), floating-point numbers return bit for bit, and a
//! changed value is noticed because the manifest carries a hash of itself.
//! Not here: weights (`weights.rs`), writing a folder (`export.rs`), refusing one (`import.rs`).

use super::error::ArtifactError;
use super::golden::GoldenVector;
use super::layers::Activation;
use super::memory::{Memory, MemoryCell};
use super::network::{CriticInput, PolicyNetwork};
use super::style::HeadStyle;
use crate::hybrid::PlanConfig;
use flexai_env::core::{ActionComponent, ObservationNormalizer, ObservationSchema, Space};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// Name of the manifest inside the folder.
pub const MANIFEST_FILE: &str = "manifest.json";
/// Name of the weights inside the folder.
pub const WEIGHTS_FILE: &str = "policy.safetensors";
/// Name of the ONNX graph inside the folder.
pub const ONNX_FILE: &str = "policy.onnx";
/// Newest version of the folder's format. Version 2 knows distributions, normalised layers and a shared critic, version 3
/// memory; a policy is written as the lowest that can say what it is.
pub const FORMAT_VERSION: u32 = 3;
/// The version before memory.
const FORMAT_VERSION_WITHOUT_MEMORY: u32 = 2;
/// Oldest version that is read.
pub(super) const FORMAT_VERSION_OLDEST: u32 = 1;
/// What the manifest calls its format.
pub(super) const FORMAT: &str = "flexai-policy";
/// How weights lie in the safetensors file.
pub(super) const WEIGHT_LAYOUT: &str = "[inputs, outputs], y = x W + b";

const SELF_HASH: &str = "manifest_sha256";

/// Everything about a policy but its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always `flexai-policy`.
    pub format: String,
    /// Lowest version of the format that can say everything here.
    pub format_version: u32,
    /// Version of the workbench that exported it.
    pub workbench_version: String,
    /// The environment it was trained in.
    pub env: EnvRecord,
    /// Space of raw observations.
    pub observation_space: Space,
    /// Space of actions.
    pub action_space: Space,
    /// Name, unit and scaling of each observation index.
    pub observation_schema: ObservationSchema,
    /// [`schema_sha256`] of the schema.
    pub observation_schema_sha256: String,
    /// Statistics applied to raw observations first; `null` if the network reads them raw.
    pub normalization: Option<ObservationNormalizer>,
    /// Shape of the networks.
    pub network: NetworkRecord,
    /// How the actor's output becomes an action.
    pub action_head: ActionHeadRecord,
    /// How a mask is read.
    pub mask_rule: MaskRule,
    /// Where the policy comes from.
    pub training: TrainingRecord,
    /// Summary of its evaluation, if there was one.
    pub evaluation: Option<Value>,
    /// Inputs with the outputs that every runtime must find.
    pub golden: Vec<GoldenVector>,
    /// SHA-256 of each other file of the folder.
    pub checksums: BTreeMap<String, String>,
}

/// Environment of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvRecord {
    /// Registered id.
    pub id: String,
    /// The scenario in full; `null` where the environment has none.
    pub scenario: Value,
    /// The plan that the policy adjusts; its action is then an adjustment, not an action by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanConfig>,
}

/// Shape of actor and critic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkRecord {
    /// Between layers; the last layer is linear.
    pub activation: Activation,
    /// How a weight tensor is laid out, in words.
    pub weight_layout: String,
    /// Widths of the actor, input and output included; with a memory its input is what that shows.
    pub actor: Vec<usize>,
    /// Widths of the critic.
    pub critic: Vec<usize>,
    /// Whether each hidden layer is normalised before its activation.
    #[serde(default, skip_serializing_if = "is_default")]
    pub layer_norm: bool,
    /// What the critic reads.
    #[serde(default, skip_serializing_if = "is_default")]
    pub critic_input: CriticInput,
    /// What reads the observation first, in the actor and in a critic that reads the observation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryRecord>,
}

/// A recurrent layer below actor and critic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryRecord {
    /// Which equations.
    pub cell: MemoryCell,
    /// Length of the observation.
    pub inputs: usize,
    /// Units.
    pub size: usize,
    /// In words: gates, and how a state lies.
    pub rule: String,
}

impl MemoryRecord {
    pub(super) fn of(memory: &Memory) -> Self {
        let rule = match memory.cell {
            MemoryCell::Gru => "gates r, z, n as PyTorch's nn.GRU; state h, the actor's, then the critic's",
            MemoryCell::Lstm => {
                "gates i, f, g, o as PyTorch's nn.LSTM; state h, c of the actor, then h, c of the critic"
            }
        };
        let rule = format!("{rule}; zeros where an episode begins");
        Self { cell: memory.cell, inputs: memory.inputs(), size: memory.size(), rule }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// From head parameters to an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionHeadRecord {
    /// Heads in flat action order, with bounds and options.
    pub components: Vec<ActionComponent>,
    /// Name of each flat action index.
    pub names: Vec<String>,
    /// Log standard deviation of each continuous dimension; of each feature and dimension with the spread `gsde`.
    pub log_std: Vec<f32>,
    /// How continuous dimensions are distributed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub style: HeadStyle,
    /// How the deterministic action follows, in words.
    pub rule: String,
}

/// How a mask is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskRule {
    /// Entries of a mask: the options of all discrete heads, in order.
    pub len: usize,
    /// Logit that a forbidden option gets.
    pub forbidden_logit: f32,
    /// In words.
    pub rule: String,
}

/// Origin of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// Hash of the resolved training configuration.
    pub config_sha256: String,
    /// Run directory's name, seed, steps, commit and whatever else the trainer says.
    pub run: Value,
}

/// The lowest version of the format that can say what `network` is.
pub(super) fn version_of(network: &PolicyNetwork) -> u32 {
    let first = matches!(network.actor.activation, Activation::Tanh | Activation::Relu)
        && network.actor.norms.is_empty()
        && network.heads.style == HeadStyle::default()
        && network.critic_input == CriticInput::default();
    match (&network.actor_memory, first) {
        (Some(_), _) => FORMAT_VERSION,
        (None, true) => FORMAT_VERSION_OLDEST,
        (None, false) => FORMAT_VERSION_WITHOUT_MEMORY,
    }
}

impl Manifest {
    /// The text of `manifest.json`.
    pub(super) fn to_text(&self) -> String {
        let mut value = serde_json::to_value(self).expect("a manifest has string keys only");
        let hash = canonical_sha256(&value);
        let map = value.as_object_mut().expect("a struct serialises to an object");
        map.insert(SELF_HASH.to_string(), Value::String(hash));
        let mut text = String::new();
        write_readable(&value, 0, &mut text);
        text.push('\n');
        text
    }

    /// Reads the text of `manifest.json`; `path` names it in errors.
    pub(super) fn from_text(path: &Path, text: &[u8]) -> Result<Self, ArtifactError> {
        let mut value: Value = serde_json::from_slice(text).map_err(|e| unreadable(path, &e))?;
        let found = value.get("format").and_then(Value::as_str);
        if found != Some(FORMAT) {
            let found = found.map_or("no format name".to_string(), |name| format!("format `{name}`"));
            return Err(ArtifactError::malformed(path, format!("{found}, expected `{FORMAT}`")));
        }
        let version = value.get("format_version").cloned().unwrap_or(Value::Null);
        let known = u64::from(FORMAT_VERSION_OLDEST)..=u64::from(FORMAT_VERSION);
        if !version.as_u64().is_some_and(|version| known.contains(&version)) {
            let writer = value.get("workbench_version").and_then(Value::as_str).unwrap_or("unknown version");
            return Err(ArtifactError::Version {
                path: path.to_path_buf(),
                found: version.to_string(),
                oldest: FORMAT_VERSION_OLDEST,
                newest: FORMAT_VERSION,
                writer: writer.to_string(),
            });
        }
        let stored = value.as_object_mut().and_then(|map| map.shift_remove(SELF_HASH));
        let stored = stored.as_ref().and_then(Value::as_str).unwrap_or("nothing");
        let found = canonical_sha256(&value);
        if stored != found {
            let reason = format!("hash of the content is {found}, `{SELF_HASH}` says {stored}");
            return Err(ArtifactError::malformed(path, reason));
        }
        serde_json::from_value(value).map_err(|e| ArtifactError::malformed(path, format!("{e}, expected a manifest")))
    }
}

/// SHA-256 over the canonical JSON (no white space, sorted keys) of an observation schema.
pub fn schema_sha256(schema: &ObservationSchema) -> String {
    canonical_sha256(&serde_json::to_value(schema).expect("a schema has string keys only"))
}

/// SHA-256 of bytes, in hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn canonical_sha256(value: &Value) -> String {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    sha256_hex(sorted.to_string().as_bytes())
}

/// Indented JSON, with each list of plain values on one line: a vector of 76 numbers is one line, not 76.
fn write_readable(value: &Value, depth: usize, out: &mut String) {
    let nested = |v: &Value| v.is_object() || v.is_array();
    let (open, close, entries): (char, char, Vec<(String, &Value)>) = match value {
        Value::Object(map) if !map.is_empty() => {
            ('{', '}', map.iter().map(|(key, v)| (format!("{}: ", Value::from(key.as_str())), v)).collect())
        }
        Value::Array(list) if list.iter().any(nested) => ('[', ']', list.iter().map(|v| (String::new(), v)).collect()),
        _ => return out.push_str(&value.to_string()),
    };
    out.push(open);
    for (i, (key, entry)) in entries.iter().enumerate() {
        out.push_str(if i == 0 { "\n" } else { ",\n" });
        out.push_str(&"  ".repeat(depth + 1));
        out.push_str(key);
        write_readable(entry, depth + 1, out);
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push(close);
}

fn unreadable(path: &Path, error: &serde_json::Error) -> ArtifactError {
    let (line, column) = (error.line(), error.column());
    let reason = if error.is_eof() {
        format!("the text ends at line {line}, column {column}, expected a whole JSON document")
    } else {
        format!("not JSON: {error}, expected a JSON document")
    };
    ArtifactError::malformed(path, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flexai_env::core::ObservationField;

    #[test]
    fn the_schema_hash_is_that_of_the_documented_canonical_text() {
        let field = ObservationField { name: "soc".into(), unit: "1".into(), scaling: "none".into() };
        let schema = ObservationSchema { fields: vec![field] };
        let text = r#"{"fields":[{"name":"soc","scaling":"none","unit":"1"}]}"#;
        assert_eq!(schema_sha256(&schema), sha256_hex(text.as_bytes()));
    }

    #[test]
    fn the_readable_text_keeps_lists_of_numbers_on_one_line_and_means_the_same() {
        let value = serde_json::json!({"a": [1, 2.5, null], "b": {"c\"": [], "d": {}}, "e": [[1], {"f": "g"}]});
        let mut text = String::new();
        write_readable(&value, 0, &mut text);
        assert!(text.starts_with("{\n  \"a\": [1,2.5,null],\n  \"b\": {\n    \"c\\\"\": [],\n"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
    }

    #[test]
    fn the_hash_of_nothing_is_the_published_one() {
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}

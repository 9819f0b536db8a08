//! The lines of `decide`: requests in, answers out.
//!
//! In: one line of JSON. Out: a [`Request`] of the policy's shape, or a [`RequestError`] in words.
//! Always: every observation is named once and finite; nothing unknown is passed over in silence.
//! Not here: the decision (`mod.rs`).

use super::Outcome;
use flexai_agents::artifact::{InputError, LoadedPolicy};
use flexai_env::core::ActionComponent;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An observation with its mask, in the policy's order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) observation: Vec<f32>,
    pub(super) mask: Vec<bool>,
    /// Whether an episode begins here.
    pub(super) first: bool,
}

/// Why a line cannot be decided on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}\n\nhint: {hint}")]
pub struct RequestError {
    /// Where, what was found, what was expected.
    pub error: String,
    /// What to do.
    pub hint: String,
}

/// The answer to a line; numbers are written as the shortest text that reads back as the same `f32`.
#[derive(Debug)]
pub(super) enum Answer<'a> {
    /// A decision of `policy`.
    Decided {
        /// For names and kinds of the action's parts.
        policy: &'a LoadedPolicy,
        /// What was decided.
        outcome: Outcome,
    },
    /// An error.
    Refused(RequestError),
}

/// Reads requests for one policy.
#[derive(Debug)]
pub(super) struct RequestReader<'a> {
    /// Observation names, in order.
    fields: Vec<&'a str>,
    field_index: BTreeMap<&'a str, usize>,
    /// Name and number of options of each choice, in order.
    choices: Vec<(&'a str, usize)>,
}

const SHAPE_HINT: &str =
    "a line is {\"observation\":{NAME:value,...},\"mask\":{...}} or {\"vector\":[...]}; the names are in manifest.json";

impl RequestError {
    fn new(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: hint.into() }
    }

    /// The same, with the number of the line.
    pub(super) fn at(self, line: u64) -> Self {
        Self { error: format!("line {line}: {}", self.error), hint: self.hint }
    }
}

impl From<InputError> for RequestError {
    fn from(fault: InputError) -> Self {
        Self::new(
            fault.to_string(),
            "give the observation and the mask in the order of manifest.json, all numbers finite",
        )
    }
}

impl<'a> RequestReader<'a> {
    /// A reader of requests for `policy`.
    pub(super) fn new(policy: &'a LoadedPolicy) -> Self {
        let manifest = policy.manifest();
        let fields: Vec<&str> = manifest.observation_schema.fields.iter().map(|f| f.name.as_str()).collect();
        let field_index = fields.iter().enumerate().map(|(i, name)| (*name, i)).collect();
        let names = &manifest.action_head.names;
        let choice = |head: &ActionComponent| match head {
            ActionComponent::Categorical { offset, n, .. } => Some((names[*offset].as_str(), *n)),
            ActionComponent::Continuous { .. } => None,
        };
        Self { fields, field_index, choices: policy.network().heads.components.iter().filter_map(choice).collect() }
    }

    /// Reads one line.
    pub(super) fn read(&self, text: &[u8]) -> Result<Request, RequestError> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|e| RequestError::new(format!("not JSON: {e}, expected an object"), SHAPE_HINT))?;
        let Value::Object(line) = value else {
            return Err(RequestError::new(format!("{}, expected an object", kind(&value)), SHAPE_HINT));
        };
        let known = ["observation", "vector", "mask", "first"];
        if let Some(key) = line.keys().find(|key| !known.contains(&key.as_str())) {
            let error = format!("unknown key `{key}`, expected `observation` or `vector`, and `mask` or `first`");
            return Err(RequestError::new(error, SHAPE_HINT));
        }
        let observation = match (line.get("observation"), line.get("vector")) {
            (Some(named), None) => self.named_observation(named)?,
            (None, Some(vector)) => self.vector(vector)?,
            (Some(_), Some(_)) => {
                return Err(RequestError::new("both `observation` and `vector`, expected one of them", SHAPE_HINT));
            }
            (None, None) => {
                return Err(RequestError::new("neither `observation` nor `vector`, expected one of them", SHAPE_HINT));
            }
        };
        let mask = line.get("mask").map_or(Ok(Vec::new()), |mask| self.mask(mask))?;
        let first = match line.get("first") {
            None => false,
            Some(Value::Bool(first)) => *first,
            Some(other) => {
                return Err(RequestError::new(format!("`first` is {}, expected a boolean", kind(other)), SHAPE_HINT));
            }
        };
        Ok(Request { observation, mask, first })
    }

    /// Refuses a decision whose numbers JSON could not carry.
    pub(super) fn check_output(&self, outcome: &Outcome) -> Result<(), RequestError> {
        let decision = &outcome.decision;
        let mut numbers = decision.action.iter().chain(&decision.value).chain([&decision.log_prob]);
        if numbers.all(|x| x.is_finite()) {
            return Ok(());
        }
        let error = "the policy's output is not finite, expected finite numbers";
        Err(RequestError::new(error, "the observation is far outside what the policy was trained on; check its units"))
    }

    fn named_observation(&self, named: &Value) -> Result<Vec<f32>, RequestError> {
        let Value::Object(named) = named else {
            let error = format!("`observation` is {}, expected an object of names and numbers", kind(named));
            return Err(RequestError::new(error, SHAPE_HINT));
        };
        if let Some(name) = named.keys().find(|name| !self.field_index.contains_key(name.as_str())) {
            let error = format!("`observation` has the unknown name `{name}`, expected those of the policy's schema");
            return Err(RequestError::new(error, self.name_hint(name)));
        }
        let missing: Vec<&str> = self.fields.iter().copied().filter(|name| !named.contains_key(*name)).collect();
        if !missing.is_empty() {
            let error = format!("`observation` lacks {}, expected all {} names", listed(&missing), self.fields.len());
            return Err(RequestError::new(error, "a missing signal is never taken as zero: give every name a number"));
        }
        let number = |name: &&str| number(&named[*name], || format!("`observation.{name}`"));
        self.fields.iter().map(number).collect()
    }

    fn vector(&self, vector: &Value) -> Result<Vec<f32>, RequestError> {
        let Value::Array(numbers) = vector else {
            let error = format!("`vector` is {}, expected a list of {} numbers", kind(vector), self.fields.len());
            return Err(RequestError::new(error, SHAPE_HINT));
        };
        if numbers.len() != self.fields.len() {
            let error = format!("`vector` has {} numbers, the policy expects {}", numbers.len(), self.fields.len());
            return Err(RequestError::new(error, "give one number per entry of the observation schema, in its order"));
        }
        numbers.iter().enumerate().map(|(i, value)| number(value, || format!("`vector[{i}]`"))).collect()
    }

    fn mask(&self, mask: &Value) -> Result<Vec<bool>, RequestError> {
        if self.choices.is_empty() {
            let error = "`mask` is given, but the policy has no choices, expected no mask";
            return Err(RequestError::new(error, "leave the mask out"));
        }
        match mask {
            Value::Object(named) => self.named_mask(named),
            Value::Array(flags) => {
                let expected = self.choices.iter().map(|(_, n)| n).sum();
                booleans(flags, expected, "`mask`")
            }
            _ => Err(RequestError::new(
                format!("`mask` is {}, expected an object of lists of booleans", kind(mask)),
                MASK_HINT,
            )),
        }
    }

    fn named_mask(&self, named: &Map<String, Value>) -> Result<Vec<bool>, RequestError> {
        let choices: Vec<&str> = self.choices.iter().map(|(name, _)| *name).collect();
        if let Some(name) = named.keys().find(|name| !choices.contains(&name.as_str())) {
            let error = format!("`mask` has the unknown name `{name}`, expected {}", listed(&choices));
            return Err(RequestError::new(error, MASK_HINT));
        }
        let mut out = Vec::new();
        for (name, n) in &self.choices {
            match named.get(*name) {
                None => out.resize(out.len() + n, true),
                Some(Value::Array(flags)) => {
                    let flags = booleans(flags, *n, &format!("`mask.{name}`"))?;
                    if !flags.contains(&true) {
                        let error = format!("`mask.{name}` forbids every option, expected at least one legal option");
                        return Err(RequestError::new(error, MASK_HINT));
                    }
                    out.extend(flags);
                }
                Some(other) => {
                    let error = format!("`mask.{name}` is {}, expected a list of {n} booleans", kind(other));
                    return Err(RequestError::new(error, MASK_HINT));
                }
            }
        }
        Ok(out)
    }

    fn name_hint(&self, found: &str) -> String {
        let near = self.fields.iter().find(|name| name.eq_ignore_ascii_case(found) || name.replace('_', "") == found);
        match near {
            Some(name) => format!("did you mean `{name}`?"),
            None => "the names are in manifest.json under `observation_schema`".to_string(),
        }
    }
}

const MASK_HINT: &str = "a mask has one boolean per option of a choice, true where the option is legal";

fn number(value: &Value, place: impl Fn() -> String) -> Result<f32, RequestError> {
    let hint = "give a finite number within the range of 32-bit floating point";
    let Some(x) = value.as_f64() else {
        return Err(RequestError::new(format!("{} is {}, expected a number", place(), kind(value)), hint));
    };
    let narrow = x as f32;
    if narrow.is_finite() {
        Ok(narrow)
    } else {
        Err(RequestError::new(format!("{} is {x:e}, expected a finite 32-bit number", place()), hint))
    }
}

fn booleans(flags: &[Value], expected: usize, place: &str) -> Result<Vec<bool>, RequestError> {
    if flags.len() != expected {
        let error = format!("{place} has {} entries, the policy expects {expected}", flags.len());
        return Err(RequestError::new(error, MASK_HINT));
    }
    let flag = |(i, value): (usize, &Value)| {
        let wrong = || RequestError::new(format!("{place} has {} at {i}, expected a boolean", kind(value)), MASK_HINT);
        value.as_bool().ok_or_else(wrong)
    };
    flags.iter().enumerate().map(flag).collect()
}

/// The first few names, and how many more there are.
fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(5) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A JSON value in a word or two.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Decided { policy, outcome } => {
                map.serialize_entry("action", &NamedAction { policy, action: &outcome.decision.action })?;
                map.serialize_entry("value", &outcome.decision.value)?;
                map.serialize_entry("log_prob", &outcome.decision.log_prob)?;
                map.serialize_entry("guarded", &outcome.reason.is_some())?;
                map.serialize_entry("reason", &outcome.reason)?;
            }
            Self::Refused(refusal) => {
                map.serialize_entry("error", &refusal.error)?;
                map.serialize_entry("hint", &refusal.hint)?;
            }
        }
        map.end()
    }
}

/// A flat action as an object: options are whole numbers, continuous parts are not.
struct NamedAction<'a> {
    policy: &'a LoadedPolicy,
    action: &'a [f32],
}

impl Serialize for NamedAction<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = &self.policy.manifest().action_head.names;
        let mut map = serializer.serialize_map(Some(self.action.len()))?;
        for head in &self.policy.network().heads.components {
            match head {
                ActionComponent::Continuous { offset, low, .. } => {
                    let part = *offset..offset + low.len();
                    for (name, number) in names[part.clone()].iter().zip(&self.action[part]) {
                        map.serialize_entry(name, number)?;
                    }
                }
                ActionComponent::Categorical { offset, .. } => {
                    map.serialize_entry(&names[*offset], &(self.action[*offset] as i64))?;
                }
            }
        }
        map.end()
    }
}

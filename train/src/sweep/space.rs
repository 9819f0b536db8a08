//! The search space: which keys of a training configuration are varied, and how.
//!
//! In: the table `[space]` of a sweep file. Out: dimensions in the order of their keys, each a way between values of the
//! configuration and the unit interval (numbers) or positions in a list (choices).
//! Always: a number drawn has four significant digits and lies within its bounds; whole numbers have equal shares.
//! Not here: whether a key exists (`base.rs`), what is drawn where (`sampler.rs`).

use crate::config::{Faults, nearest};
use toml::Value;

/// Names of the distributions, as messages list them.
const KINDS: [&str; 4] = ["log_uniform", "uniform", "int_uniform", "choice"];

/// Values of all dimensions of one trial, in their order.
pub type Point = Vec<Value>;

/// One key and its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimension {
    /// Dotted key of the training configuration.
    pub key: String,
    /// Its values.
    pub domain: Domain,
}

/// The values of one key.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// A number whose logarithm is uniform.
    LogUniform {
        /// Lower bound, positive.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// A number.
    Uniform {
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// A whole number, both bounds among them.
    IntUniform {
        /// Lower bound.
        low: i64,
        /// Upper bound.
        high: i64,
    },
    /// One of a list.
    Choice(Vec<Value>),
}

/// The dimensions of the table `[space]`, sorted by key, and all its faults under `space.KEY`.
pub fn dimensions(space: &toml::Table) -> (Vec<Dimension>, Faults) {
    let (mut found, mut faults) = (Vec::new(), Faults::default());
    collect(space, "", &mut found, &mut faults);
    found.sort_by(|a: &Dimension, b: &Dimension| a.key.cmp(&b.key));
    for pair in found.windows(2).filter(|pair| pair[0].key == pair[1].key) {
        let key = &pair[0].key;
        faults.push(&format!("space.{key}"), format!("`{key}` stands twice in `[space]`, expected once"));
    }
    if found.is_empty() && faults.is_empty() {
        faults.push_with_hint(
            "space",
            "`[space]` has no key, expected at least one",
            "add a line such as \"ppo.learning_rate\" = { log_uniform = [1e-4, 1e-2] }",
        );
    }
    (found, faults)
}

/// A key may be quoted whole, or be dotted: then tables lie in each other down to the distribution.
fn collect(table: &toml::Table, prefix: &str, found: &mut Vec<Dimension>, faults: &mut Faults) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) if inner.values().any(Value::is_table) => collect(inner, &key, found, faults),
            Value::Table(inner) => match domain(&key, inner) {
                Ok(domain) => found.push(Dimension { key, domain }),
                Err((message, hint)) => faults.push_with_hint(&format!("space.{key}"), message, hint),
            },
            other => faults.push_with_hint(
                &format!("space.{key}"),
                format!("`{key}` is {other}, but a table with its values is expected"),
                format!("write {{ choice = [{other}, ..] }}, or set it once and for all in `overrides`"),
            ),
        }
    }
}

fn domain(key: &str, table: &toml::Table) -> Result<Domain, (String, String)> {
    let example = "write, e.g., { log_uniform = [1e-5, 1e-2] }".to_string();
    let listed = KINDS.map(|kind| format!("`{kind}`")).join(", ");
    let (kind, value) = match table.iter().collect::<Vec<_>>().as_slice() {
        [(kind, value)] => (kind.as_str(), *value),
        other => return Err((format!("`{key}` has {} distributions, expected one of {listed}", other.len()), example)),
    };
    if !KINDS.contains(&kind) {
        let hint = nearest(kind, KINDS).map_or(example, |near| format!("did you mean `{near}`?"));
        return Err((format!("`{key}`: `{kind}` is no distribution, expected one of {listed}"), hint));
    }
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if kind == "choice" {
        let twice = items.iter().enumerate().any(|(i, item)| items[..i].contains(item));
        return match items.len() {
            2.. if !twice => Ok(Domain::Choice(items.to_vec())),
            _ => Err((
                format!("`{key}`: `choice` is {value}, expected a list of two values or more, all different"),
                "write, e.g., { choice = [32, 64] }".into(),
            )),
        };
    }
    let wrong = |expected: &str| Err((format!("`{key}`: `{kind}` is {value}, expected {expected}"), example.clone()));
    if kind == "int_uniform" {
        return match items {
            [Value::Integer(low), Value::Integer(high)] if low < high && high.abs_diff(*low) < 1 << 52 => {
                Ok(Domain::IntUniform { low: *low, high: *high })
            }
            _ => wrong("two whole numbers, the lower one first"),
        };
    }
    match items.iter().map(number).collect::<Option<Vec<f64>>>().as_deref() {
        Some([low, high]) if low < high && low.is_finite() && high.is_finite() => match kind {
            "uniform" => Ok(Domain::Uniform { low: *low, high: *high }),
            _ if *low > 0.0 => Ok(Domain::LogUniform { low: *low, high: *high }),
            _ => wrong("bounds above 0, as a logarithm is drawn"),
        },
        _ => wrong("two numbers, the lower one first"),
    }
}

/// A value as a person reads it: texts without quotes.
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A number of any kind as `f64`.
pub(super) fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}

impl Domain {
    /// How many values there are; `None` for a continuum.
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::LogUniform { .. } | Self::Uniform { .. } => None,
            Self::IntUniform { low, high } => Some(high.abs_diff(*low) + 1),
            Self::Choice(items) => Some(items.len() as u64),
        }
    }

    /// Values that show whether the configuration takes values of this kind: the bounds, or every choice.
    pub fn corners(&self) -> Vec<Value> {
        match self {
            Self::LogUniform { low, high } | Self::Uniform { low, high } => {
                vec![Value::Float(*low), Value::Float(*high)]
            }
            Self::IntUniform { low, high } => vec![Value::Integer(*low), Value::Integer(*high)],
            Self::Choice(items) => items.clone(),
        }
    }

    /// Position of a value in the unit interval; values beyond the bounds count as the bound. `None` for a choice that is
    /// not in the list, and for what is no number.
    pub fn to_unit(&self, value: &Value) -> Option<f64> {
        let share = match self {
            Self::LogUniform { low, high } => (number(value)?.max(*low) / low).ln() / (high / low).ln(),
            Self::Uniform { low, high } => (number(value)? - low) / (high - low),
            Self::IntUniform { low, .. } => (number(value)? - *low as f64 + 0.5) / self.count()? as f64,
            Self::Choice(items) => {
                let at = items.iter().position(|item| item == value)?;
                (at as f64 + 0.5) / items.len() as f64
            }
        };
        Some(share.clamp(0.0, 1.0))
    }

    /// The value at a position of the unit interval.
    pub fn from_unit(&self, unit: f64) -> Value {
        match self {
            Self::LogUniform { low, high } => {
                Value::Float(rounded(low * (unit * (high / low).ln()).exp()).clamp(*low, *high))
            }
            Self::Uniform { low, high } => Value::Float(rounded(low + unit * (high - low)).clamp(*low, *high)),
            Self::IntUniform { low, high } => {
                let step = (unit * (high.abs_diff(*low) + 1) as f64).floor() as i64;
                Value::Integer((low + step).clamp(*low, *high))
            }
            Self::Choice(items) => {
                let at = (unit * items.len() as f64).floor() as usize;
                items[at.min(items.len() - 1)].clone()
            }
        }
    }
}

/// Four significant digits: what a person copies from a table is what was trained.
fn rounded(number: f64) -> f64 {
    format!("{number:.3e}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(text: &str) -> (Vec<Dimension>, Vec<String>) {
        let (found, faults) = dimensions(&text.parse().unwrap());
        (found, faults.iter().map(|(key, message)| format!("{key}: {message}")).collect())
    }

    #[test]
    fn quoted_and_dotted_keys_name_the_same_dimension() {
        let (quoted, faults) =
            space("\"ppo.gamma\" = { uniform = [0.9, 1] }\n\"network.hidden\" = { choice = [[8], [8, 8]] }");
        assert!(faults.is_empty(), "{faults:?}");
        let (dotted, _) = space("network.hidden.choice = [[8], [8, 8]]\nppo.gamma = { uniform = [0.9, 1.0] }");
        assert_eq!(quoted, dotted);
        assert_eq!(quoted.iter().map(|d| d.key.as_str()).collect::<Vec<_>>(), ["network.hidden", "ppo.gamma"]);
    }

    #[test]
    fn faults_name_the_key_what_was_found_and_what_was_expected() {
        let (_, faults) = space(
            "a = { log_uniform = [0, 1] }\nb = { unifrom = [0, 1] }\nc = { int_uniform = [1.5, 3] }\nd = 3\n\
             e = { choice = [1, 1] }\nf = { uniform = [2, 1] }\ng = {}",
        );
        for (fault, words) in faults.iter().zip([
            "space.a: `a`: `log_uniform` is [0, 1], expected bounds above 0",
            "space.b: `b`: `unifrom` is no distribution, expected one of `log_uniform`, `uniform`",
            "space.c: `c`: `int_uniform` is [1.5, 3], expected two whole numbers",
            "space.d: `d` is 3, but a table with its values is expected",
            "space.e: `e`: `choice` is [1, 1], expected a list of two values or more, all different",
            "space.f: `f`: `uniform` is [2, 1], expected two numbers, the lower one first",
            "space.g: `g` has 0 distributions, expected one of",
        ]) {
            assert!(fault.starts_with(words), "{fault}");
        }
        assert_eq!(faults.len(), 7);
        assert_eq!(space("").1, ["space: `[space]` has no key, expected at least one"]);
        let twice = space("\"a.b\" = { uniform = [0, 1] }\na.b = { uniform = [0, 1] }").1;
        assert_eq!(twice, ["space.a.b: `a.b` stands twice in `[space]`, expected once"]);
    }

    #[test]
    fn bounds_and_middles_map_to_the_unit_interval_and_back() {
        let log = Domain::LogUniform { low: 1e-5, high: 1e-1 };
        assert_eq!(log.from_unit(0.5), Value::Float(1e-3));
        assert_eq!((log.from_unit(0.0), log.from_unit(1.0)), (Value::Float(1e-5), Value::Float(1e-1)));
        assert!((log.to_unit(&Value::Float(1e-2)).unwrap() - 0.75).abs() < 1e-12);
        assert_eq!(log.to_unit(&Value::Float(1.0)), Some(1.0), "beyond a bound counts as the bound");
        let uniform = Domain::Uniform { low: -1.0, high: 3.0 };
        assert_eq!(uniform.from_unit(1.0 / 3.0), Value::Float(0.3333), "four significant digits");
        assert_eq!(uniform.to_unit(&Value::Integer(1)), Some(0.5));
        let int = Domain::IntUniform { low: 2, high: 4 };
        let drawn: Vec<Value> = [0.0, 0.3, 0.34, 0.66, 0.67, 1.0].iter().map(|u| int.from_unit(*u)).collect();
        assert_eq!(drawn, [2, 2, 3, 3, 4, 4].map(Value::Integer));
        assert_eq!(int.to_unit(&Value::Integer(3)), Some(0.5));
        let choice = Domain::Choice(vec![Value::Boolean(true), Value::Boolean(false)]);
        assert_eq!((choice.from_unit(0.49), choice.from_unit(1.0)), (Value::Boolean(true), Value::Boolean(false)));
        assert_eq!(choice.to_unit(&Value::Integer(1)), None);
    }
}

//! Serde's refusals in words a user understands.
//!
//! In: serde's message, the dotted key, the value found, the defaults. Out: a sentence and one action.
//! Always: the sentence names the key, what was found and what was expected.
//! Not here: positions (`document.rs`).

use super::nearest::nearest;
use super::repair::join;

/// What serde refused, read from its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownKey { field: String, known: Vec<String> },
    UnknownVariant { found: String, known: Vec<String> },
    Missing { field: String },
    WrongValue { expected: String },
    Other { message: String },
}

impl Refusal {
    /// Reads serde's fixed phrases; anything else is passed on as it is.
    pub(super) fn read(message: &str) -> Self {
        let message = message.trim();
        let quoted: Vec<String> = message.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let (first, rest) = match quoted.split_first() {
            Some((first, rest)) => (first.clone(), rest.to_vec()),
            None => (String::new(), Vec::new()),
        };
        if message.starts_with("unknown field") {
            Self::UnknownKey { field: first, known: rest }
        } else if message.starts_with("unknown variant") {
            Self::UnknownVariant { found: first, known: rest }
        } else if message.starts_with("missing field") {
            Self::Missing { field: first }
        } else if let ("invalid type" | "invalid value", Some(expected)) =
            (message.split(':').next().unwrap_or_default(), message.rsplit_once(", expected ").map(|(_, words)| words))
        {
            Self::WrongValue { expected: expected.to_owned() }
        } else {
            Self::Other { message: message.to_owned() }
        }
    }
}

/// The sentence and the action for one refusal.
pub(super) fn explain(
    path: &str,
    refusal: &Refusal,
    found: Option<&toml::Value>,
    defaults: &toml::Table,
) -> (String, String) {
    match refusal {
        Refusal::UnknownKey { field, known } => unknown_key(path, field, known, defaults),
        Refusal::UnknownVariant { found, known } => unknown_variant(path, found, known),
        Refusal::Missing { field } => (
            format!("`{}` is missing, but it has no default", join(path, field)),
            format!("add a line `{field} = ...`"),
        ),
        Refusal::WrongValue { expected } => wrong_value(path, expected, found, defaults),
        Refusal::Other { message } => (format!("`{path}`: {message}"), default_hint(path, defaults)),
    }
}

fn unknown_key(path: &str, field: &str, known: &[String], defaults: &toml::Table) -> (String, String) {
    let table = path.rfind('.').map_or("", |cut| &path[..cut]);
    let whole = if table.is_empty() { "the top level".to_owned() } else { format!("`[{table}]`") };
    let message = format!("`{path}` is not a key of {whole}");
    if let Some(near) = nearest(field, known.iter().map(String::as_str)) {
        return (message, format!("did you mean `{}`?", join(table, near)));
    }
    let mut leaves = Vec::new();
    collect_leaves(defaults, "", &mut leaves);
    let names = leaves.iter().map(|leaf| leaf.rsplit('.').next().unwrap_or(leaf));
    if let Some(near) = nearest(field, names)
        && let Some(leaf) = leaves.iter().find(|leaf| leaf.rsplit('.').next() == Some(near) && *leaf != path)
    {
        return (message, format!("did you mean `{leaf}`?"));
    }
    let hint = match known {
        [] => "take the key out; this table has none".to_owned(),
        _ => format!("take the key out, or use one of {}", known.join(", ")),
    };
    (message, hint)
}

fn unknown_variant(path: &str, found: &str, known: &[String]) -> (String, String) {
    let listed: Vec<String> = known.iter().map(|name| format!("\"{name}\"")).collect();
    let expected = match listed.as_slice() {
        [one] => one.clone(),
        _ => format!("one of {}", listed.join(", ")),
    };
    let hint = match nearest(found, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "choose one of them".to_owned(),
    };
    (format!("`{path}` is \"{found}\", but {expected} is expected"), hint)
}

fn wrong_value(path: &str, expected: &str, found: Option<&toml::Value>, defaults: &toml::Table) -> (String, String) {
    let words = expected_words(expected);
    let shown = match found {
        Some(toml::Value::String(text)) => format!("the text \"{text}\""),
        Some(toml::Value::Array(_)) => "an array".to_owned(),
        Some(toml::Value::Table(_)) => "a table".to_owned(),
        Some(toml::Value::Datetime(date)) => format!("the date {date} without quotes"),
        Some(value) => value.to_string(),
        None => "something else".to_owned(),
    };
    let name = path.rsplit('.').next().unwrap_or(path);
    let whole_float = |number: f64| number.fract() == 0.0 && number.abs() < 1e15;
    let hint = match found {
        Some(toml::Value::Float(number)) if words.starts_with("a whole number") && whole_float(*number) => {
            format!("write `{name} = {number:.0}`; a point or an exponent makes it a fraction")
        }
        Some(value) if words == "a text" && !value.is_table() && !value.is_array() => {
            format!("put it in quotes: `{name} = \"{value}\"`")
        }
        _ => default_hint(path, defaults),
    };
    (format!("`{path}` is {shown}, but {words} is expected"), hint)
}

/// Rust's type names in plain words.
fn expected_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of at least 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "a borrowed string" => "a text",
        "a sequence" => "an array",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other if other.starts_with("enum ") || other.starts_with("internally tagged enum") => "a name or a table",
        other => other,
    }
    .to_owned()
}

/// What a key would be if it were left out.
pub(super) fn default_hint(path: &str, defaults: &toml::Table) -> String {
    let steps = path.split('.');
    let mut table = Some(defaults);
    let mut value = None;
    for step in steps {
        value = table.and_then(|table| table.get(step));
        table = value.and_then(toml::Value::as_table);
    }
    let name = path.rsplit('.').next().unwrap_or(path);
    match value {
        Some(value) if !value.is_table() => format!("the default is `{name} = {value}`"),
        _ => "correct the value, or take the key out to have the default".to_owned(),
    }
}

fn collect_leaves(table: &toml::Table, prefix: &str, leaves: &mut Vec<String>) {
    for (key, value) in table {
        let path = join(prefix, key);
        match value {
            toml::Value::Table(inner) => collect_leaves(inner, &path, leaves),
            _ => leaves.push(path),
        }
    }
}

//! Overrides from the command line: `--set a.b=c`.
//!
//! In: `KEY=VALUE` texts. Out: the document with those values, and the faults of texts that are no override.
//! Always: a later override wins; a word that is no TOML value is a string.
//! Not here: whether the key exists and the type fits (`repair.rs`).

use super::document::Document;
use crate::fault::Fault;

/// Applies all overrides in order.
pub(super) fn apply(document: &mut Document, overrides: &[String]) -> Vec<Fault> {
    overrides.iter().filter_map(|text| apply_one(document, text).err()).collect()
}

fn apply_one(document: &mut Document, text: &str) -> Result<(), Fault> {
    let place = format!("--set {text}");
    let Some((key, value)) = text.split_once('=') else {
        return Err(
            Fault::new(place, "there is no `=`, but KEY=VALUE is expected").hint("write, e.g., `--set ppo.gamma=0.99`")
        );
    };
    let steps: Vec<&str> = key.trim().split('.').map(str::trim).collect();
    if steps.iter().any(|step| step.is_empty()) {
        return Err(Fault::new(
            place,
            format!("the key `{}` has an empty part, but dotted names are expected", key.trim()),
        )
        .hint("write, e.g., `--set ppo.gamma=0.99`"));
    }
    document.set(&steps, parse_value(value.trim()), &place).map_err(|message| {
        Fault::new(place.clone(), message).hint("set the whole table, or a key that lies in a table")
    })
}

/// A TOML value, or the bare word as a string.
fn parse_value(text: &str) -> toml::Value {
    let parsed = format!("value = {text}").parse::<toml::Table>();
    let single = parsed.ok().filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    single.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_toml_and_bare_words_are_strings() {
        assert_eq!(parse_value("0.5"), toml::Value::Float(0.5));
        assert_eq!(parse_value("1_000"), toml::Value::Integer(1000));
        assert_eq!(parse_value("true"), toml::Value::Boolean(true));
        assert_eq!(parse_value("[1, 2]").as_array().map(Vec::len), Some(2));
        assert_eq!(parse_value("flex"), toml::Value::String("flex".into()));
        assert_eq!(parse_value("\"0.5\""), toml::Value::String("0.5".into()));
    }

    #[test]
    fn a_line_break_in_a_value_cannot_bring_a_second_key() {
        assert_eq!(parse_value("1\nother = 2"), toml::Value::String("1\nother = 2".into()));
    }
}

//! Parameter files as text: numbers that were fitted carry no more digits than the fit supports.
//!
//! In: a struct of numbers, texts and tables. Out: its TOML, each number with five significant digits.
//! Always: the text reads back to the rounded numbers. Not here: what the parameters mean (beside their structs).

use serde::Serialize;

/// The TOML of fitted parameters.
///
/// # Panics
/// If `parameters` is no table of numbers, texts, lists and tables.
pub(crate) fn rounded_toml(parameters: &impl Serialize) -> String {
    let mut value = toml::Value::try_from(parameters).expect("parameters are tables of numbers and texts");
    round_floats(&mut value);
    toml::to_string(&value).expect("a value serialises")
}

fn round_floats(value: &mut toml::Value) {
    match value {
        toml::Value::Float(x) => *x = format!("{x:.4e}").parse().expect("a printed number reads back"),
        toml::Value::Array(items) => items.iter_mut().for_each(round_floats),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, item)| round_floats(item)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_five_digits_at_any_depth_and_all_else_stays() {
        let value: toml::Value =
            toml::from_str("n = 123456\nname = \"a\"\n[t]\nxs = [1.2345678, -0.00012345678]\n").expect("a table");
        assert_eq!(rounded_toml(&value), "n = 123456\nname = \"a\"\n\n[t]\nxs = [1.2346, -0.00012346]\n");
    }
}

//! The golden numbers, for tests.
//!
//! In: `tests/golden/ppo_golden.json`, or the file that `FLEXAI_PPO_GOLDEN` names. Out: its JSON.
//! Always: a missing file fails the test that asked for it.
//! Not here: tolerances (each test states its own).

use serde_json::Value;

/// The whole golden file.
pub(crate) fn golden() -> Value {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/ppo_golden.json");
    let path = std::env::var("FLEXAI_PPO_GOLDEN").unwrap_or_else(|_| own.to_string());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Nested numbers (and truth values, as 0 and 1), flat and in order.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        Value::Bool(b) => vec![f64::from(u8::from(*b))],
        other => vec![other.as_f64().unwrap_or_else(|| panic!("{other} is no number"))],
    }
}

/// Fails unless all are within `tolerance`, absolute.
pub(crate) fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance, "{what}[{i}] is {f}, expected {e}");
    }
}

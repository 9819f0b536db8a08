//! Many records of the same numbers as columns, so that a file names each number once.
//!
//! In: records that serialise as flat objects. Out: an object of equally long arrays, and back.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// For fields: `#[serde(with = "columns")]`, exactly.
pub(super) fn serialize<T: Serialize, S: Serializer>(records: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    to_columns(records, None).serialize(serializer)
}

/// For fields: `#[serde(with = "columns")]`.
pub(super) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(source: D) -> Result<Vec<T>, D::Error> {
    from_columns(Map::deserialize(source)?).map_err(D::Error::custom)
}

/// Turns records into columns. With `decimals` numbers are rounded to so many places.
///
/// # Panics
/// If a record is no flat object; types that are written this way are.
pub(super) fn to_columns<T: Serialize>(records: &[T], decimals: Option<i32>) -> Map<String, Value> {
    let mut columns = Map::new();
    for record in records {
        let Ok(Value::Object(fields)) = serde_json::to_value(record) else {
            panic!("what is written in columns serialises as an object");
        };
        for (name, value) in fields {
            let column = columns.entry(name).or_insert_with(|| Value::Array(Vec::with_capacity(records.len())));
            column.as_array_mut().expect("columns are arrays").push(rounded(value, decimals));
        }
    }
    columns
}

/// Turns columns into records again.
///
/// # Errors
/// What is wrong with the columns.
pub(super) fn from_columns<T: DeserializeOwned>(columns: Map<String, Value>) -> Result<Vec<T>, String> {
    let mut records: Vec<Map<String, Value>> = Vec::new();
    for (i, (name, column)) in columns.into_iter().enumerate() {
        let Value::Array(values) = column else {
            return Err(format!("`{name}` is no column, expected an array"));
        };
        if i == 0 {
            records.resize(values.len(), Map::new());
        } else if values.len() != records.len() {
            return Err(format!("`{name}` has {} values, expected {} like the others", values.len(), records.len()));
        }
        for (record, value) in records.iter_mut().zip(values) {
            record.insert(name.clone(), value);
        }
    }
    let read = |record| serde_json::from_value(Value::Object(record)).map_err(|e| e.to_string());
    records.into_iter().map(read).collect()
}

fn rounded(value: Value, decimals: Option<i32>) -> Value {
    match (decimals, value.as_f64()) {
        (Some(decimals), Some(x)) => {
            let scale = 10_f64.powi(decimals);
            // Zero is added so that no minus zero is written.
            Value::from((x * scale).round() / scale + 0.0)
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::super::trace::StepTrace;
    use super::*;

    #[test]
    fn records_come_back_from_columns_exactly_or_rounded() {
        let step = |x: f64| StepTrace { it_mwh: x / 3.0, cost_gbp: -x * 1e3, ..StepTrace::default() };
        let steps = [step(1.0), step(2.0), step(1e-9)];
        let exact = from_columns::<StepTrace>(to_columns(&steps, None)).unwrap();
        assert_eq!(exact, steps);
        let rounded = from_columns::<StepTrace>(to_columns(&steps, Some(6))).unwrap();
        assert_eq!((rounded[0].it_mwh, rounded[2].it_mwh, rounded[2].cost_gbp), (0.333333, 0.0, -1e-6));
        assert_eq!(from_columns::<StepTrace>(Map::new()).unwrap(), []);
    }

    #[test]
    fn columns_of_unequal_length_and_what_is_no_column_are_refused() {
        let mut columns = to_columns(&[StepTrace::default(); 2], None);
        columns["carbon_t"] = Value::from(vec![1.0]);
        let text = from_columns::<StepTrace>(columns.clone()).unwrap_err();
        assert_eq!(text, "`carbon_t` has 1 values, expected 2 like the others");
        columns["carbon_t"] = Value::from("x");
        assert!(from_columns::<StepTrace>(columns).unwrap_err().contains("is no column"));
    }
}

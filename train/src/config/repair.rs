//! Deserialising with all faults reported: each fault is noted, the value put back to its default, and serde asked again.
//!
//! In: a document. Out: the caller's type, or every unknown key, wrong type and missing key serde would refuse.
//! Always: serde is the only judge, so enums, options and nested arrays need no second description.
//! Not here: the wording (`explain.rs`), semantic checks (`Config::validate`).

use super::Config;
use super::document::{Document, Step, shown, value_at};
use super::explain::{self, Refusal};
use crate::fault::Fault;
use serde_path_to_error::Segment;

/// Rounds of repair before giving up; a file with more faults than this reports the first ones.
const MAX_FAULTS: usize = 100;

/// The configuration, or all its faults in the order of the file.
pub(super) fn deserialise<T: Config>(document: &Document) -> Result<T, Vec<Fault>> {
    let defaults = toml::Table::try_from(T::default()).unwrap_or_default();
    let mut values = document.values().clone();
    let mut found: Vec<(usize, Fault)> = Vec::new();
    let mut removed: Vec<String> = Vec::new();
    for _ in 0..MAX_FAULTS {
        let error = match serde_path_to_error::deserialize::<_, T>(toml::Value::Table(values.clone())) {
            Ok(value) if found.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(error) => error,
        };
        let refusal = Refusal::read(error.inner().message());
        let steps = locate(&values, error.path(), &refusal);
        if fill_in(&mut values, &steps, &refusal, &defaults) {
            continue;
        }
        let path = shown(&steps);
        let echo = matches!(&refusal, Refusal::Missing { field } if removed.contains(&join(&path, field)));
        if !echo {
            let position = match &refusal {
                Refusal::UnknownKey { .. } => document.position_of_key(&path),
                _ => document.position_of_value(&path),
            };
            let (message, hint) = explain::explain(&path, &refusal, value_at(&values, &steps), &defaults);
            found.push((position.order, Fault::new(position.text, message).hint(hint)));
        }
        removed.push(path);
        if !mend(&mut values, &steps, &refusal, &defaults) {
            break;
        }
    }
    found.sort_by_key(|(order, _)| *order);
    Err(found.into_iter().map(|(_, fault)| fault).collect())
}

pub(super) fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

/// Serde's path as far as the document goes; tagged enums hide their inside, so an unknown key is looked up by name.
fn locate(values: &toml::Table, path: &serde_path_to_error::Path, refusal: &Refusal) -> Vec<Step> {
    let mut steps = Vec::new();
    for segment in path {
        let step = match segment {
            Segment::Map { key } => Step::Key(key.clone()),
            Segment::Enum { variant } => Step::Key(variant.clone()),
            Segment::Seq { index } => Step::Index(*index),
            Segment::Unknown => break,
        };
        steps.push(step);
        if value_at(values, &steps).is_none() {
            steps.pop();
            break;
        }
    }
    if let Refusal::UnknownKey { field, .. } = refusal
        && steps.last() != Some(&Step::Key(field.clone()))
    {
        let inside =
            if steps.is_empty() { Some(values) } else { value_at(values, &steps).and_then(toml::Value::as_table) };
        if let Some(way) = inside.and_then(|table| find_key(table, field)) {
            steps.extend(way);
        }
    }
    steps
}

fn find_key(table: &toml::Table, field: &str) -> Option<Vec<Step>> {
    if table.contains_key(field) {
        return Some(vec![Step::Key(field.to_owned())]);
    }
    table.iter().find_map(|(key, value)| {
        let mut way = find_key(value.as_table()?, field)?;
        way.insert(0, Step::Key(key.clone()));
        Some(way)
    })
}

/// Gives a missing key its default where the table is otherwise like the default's, e.g. the `kind` of a tagged table.
fn fill_in(values: &mut toml::Table, steps: &[Step], refusal: &Refusal, defaults: &toml::Table) -> bool {
    let Refusal::Missing { field } = refusal else { return false };
    let Some(default) = value_at(defaults, steps).and_then(toml::Value::as_table) else { return false };
    let Some(table) = value_at_mut(values, steps).and_then(toml::Value::as_table_mut) else { return false };
    let alike = !table.contains_key(field) && table.keys().all(|key| default.contains_key(key));
    match default.get(field).filter(|_| alike) {
        Some(value) => table.insert(field.clone(), value.clone()).is_none(),
        None => false,
    }
}

/// Takes the refused value out so that the next fault shows; false if there is nothing left to take out.
fn mend(values: &mut toml::Table, steps: &[Step], refusal: &Refusal, defaults: &toml::Table) -> bool {
    if steps.is_empty() {
        return false;
    }
    let usable = !matches!(refusal, Refusal::UnknownKey { .. } | Refusal::Missing { .. });
    let default = value_at(defaults, steps).filter(|default| usable && Some(*default) != value_at(values, steps));
    if let (Some(default), Some(target)) = (default.cloned(), value_at_mut(values, steps)) {
        *target = default;
        return true;
    }
    // An item taken out of an array would shift the numbers of the others: the whole array goes.
    let cut = steps.iter().rposition(|step| matches!(step, Step::Key(_))).unwrap_or(0);
    let (parent, last) = (&steps[..cut], &steps[cut]);
    let table =
        if parent.is_empty() { Some(values) } else { value_at_mut(values, parent).and_then(toml::Value::as_table_mut) };
    match (table, last) {
        (Some(table), Step::Key(key)) => table.remove(key).is_some(),
        _ => false,
    }
}

fn value_at_mut<'a>(table: &'a mut toml::Table, steps: &[Step]) -> Option<&'a mut toml::Value> {
    let (first, rest) = steps.split_first()?;
    let Step::Key(key) = first else { return None };
    rest.iter().try_fold(table.get_mut(key)?, |value, step| match step {
        Step::Key(key) => value.as_table_mut()?.get_mut(key),
        Step::Index(index) => value.as_array_mut()?.get_mut(*index),
    })
}

//! A TOML text with its values and the position of every key.
//!
//! In: a name and a text. Out: values that overrides may change, and `file:line:column` of any dotted key.
//! Always: a key set on the command line is placed at `--set ...`; a key that stands nowhere is placed at the file.
//! Not here: what the keys mean (`repair.rs`).

use super::nearest::nearest;
use crate::fault::Fault;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed file with overrides on top.
#[derive(Debug, Clone)]
pub(super) struct Document {
    name: String,
    text: String,
    values: toml::Table,
    spans: BTreeMap<String, Spans>,
    overrides: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
struct Spans {
    key: Range<usize>,
    value: Range<usize>,
}

/// Where a key stands, and its rank among other positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) text: String,
    pub(super) order: usize,
}

/// One step of the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl Document {
    /// Parses a text; all syntax errors the parser can tell apart are reported.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Vec<Fault>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let fault = |error: &toml::de::Error| {
            let place = place(name, text, error.span().map_or(text.len(), |span| span.start));
            Fault::new(place, format!("not valid TOML: {}", error.message().trim().replace('\n', ", ")))
                .hint("mend this line; text values need quotes, tables a `[name]` line")
        };
        if !errors.is_empty() {
            return Err(errors.iter().map(fault).collect());
        }
        let values = text.parse::<toml::Table>().map_err(|error| vec![fault(&error)])?;
        let mut spans = BTreeMap::new();
        collect_table(table.get_ref(), "", &mut spans);
        Ok(Self { name: name.to_owned(), text: text.to_owned(), values, spans, overrides: Vec::new() })
    }

    /// The values with overrides applied.
    pub(super) fn values(&self) -> &toml::Table {
        &self.values
    }

    /// Sets a value, making the tables on the way; an array is entered by a number.
    pub(super) fn set(&mut self, steps: &[&str], value: toml::Value, place: &str) -> Result<(), String> {
        let mut root = toml::Value::Table(std::mem::take(&mut self.values));
        let result = set_in(&mut root, steps, value);
        if let toml::Value::Table(values) = root {
            self.values = values;
        }
        self.overrides.push((shown(&result?), place.to_owned()));
        Ok(())
    }

    /// Position of a key's name.
    pub(super) fn position_of_key(&self, key: &str) -> Position {
        self.position(key, |spans| spans.key.start)
    }

    /// Position of a key's value.
    pub(super) fn position_of_value(&self, key: &str) -> Position {
        self.position(key, |spans| spans.value.start)
    }

    fn position(&self, key: &str, pick: fn(&Spans) -> usize) -> Position {
        let under = |a: &str, b: &str| a == b || (a.starts_with(b) && a[b.len()..].starts_with(['.', '[']));
        let overridden = self.overrides.iter().rposition(|(set, _)| under(key, set));
        if let Some(index) = overridden {
            return Position { text: self.overrides[index].1.clone(), order: self.text.len() + 1 + index };
        }
        if let Some(spans) = self.spans.get(key) {
            let offset = pick(spans);
            return Position { text: place(&self.name, &self.text, offset), order: offset };
        }
        // A table that an override alone brought in.
        if let Some(index) = self.overrides.iter().rposition(|(set, _)| under(set, key)) {
            return Position { text: self.overrides[index].1.clone(), order: self.text.len() + 1 + index };
        }
        match key.rfind(['.', '[']) {
            Some(cut) if self.spans.contains_key(&key[..cut]) => self.position(&key[..cut], |spans| spans.key.start),
            _ => Position { text: self.name.clone(), order: self.text.len() },
        }
    }
}

/// A path as messages show it: `jobs[2].power_mw`.
pub(super) fn shown(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.extend([".", key]),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// The value at the end of a path.
pub(super) fn value_at<'a>(table: &'a toml::Table, steps: &[Step]) -> Option<&'a toml::Value> {
    let (first, rest) = steps.split_first()?;
    let Step::Key(key) = first else { return None };
    rest.iter().try_fold(table.get(key)?, |value, step| match step {
        Step::Key(key) => value.as_table()?.get(key),
        Step::Index(index) => value.as_array()?.get(*index),
    })
}

/// Reads a configuration file.
pub(super) fn read_text(path: &Path) -> Result<String, Fault> {
    if path.is_dir() {
        let fault = Fault::of_path(path, "this is a folder, but a TOML file is expected");
        return Err(match toml_files(path).first() {
            Some(file) => fault.hint(format!("name the file in it, e.g., {}", path.join(file).display())),
            None => fault.hint("name a file that ends in .toml"),
        });
    }
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => missing(path),
        _ => Fault::of_io(path, "read the configuration", &error),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        Fault::new(format!("{}:{line}", path.display()), format!("byte {at} is not UTF-8, but TOML is UTF-8 text"))
            .hint("save the file as UTF-8")
    })
}

fn missing(path: &Path) -> Fault {
    let fault = Fault::of_path(path, "there is no such file, but a TOML file is expected");
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let files = toml_files(folder);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let meant = nearest(&name, files.iter().map(String::as_str))
        .or(files.iter().map(String::as_str).find(|file| file.trim_end_matches(".toml") == name));
    match meant {
        Some(file) => fault.hint(format!("did you mean {}?", path.with_file_name(file).display())),
        None => fault.hint("check the path, counted from the folder you are in"),
    }
}

fn toml_files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut files: Vec<String> = names.filter(|name| name.ends_with(".toml")).collect();
    files.sort();
    files
}

/// `name:line:column`, both counted from one, columns in characters.
fn place(name: &str, text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    format!("{name}:{line}:{column}")
}

fn collect_table(table: &DeTable<'_>, prefix: &str, spans: &mut BTreeMap<String, Spans>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        spans.insert(path.clone(), Spans { key: key.span(), value: value.span() });
        collect_value(value, &path, spans);
    }
}

fn collect_value(value: &Spanned<DeValue<'_>>, path: &str, spans: &mut BTreeMap<String, Spans>) {
    match value.get_ref() {
        DeValue::Table(table) => collect_table(table, path, spans),
        DeValue::Array(array) => {
            for (index, item) in array.iter().enumerate() {
                let path = format!("{path}[{index}]");
                spans.insert(path.clone(), Spans { key: item.span(), value: item.span() });
                collect_value(item, &path, spans);
            }
        }
        _ => {}
    }
}

fn set_in(root: &mut toml::Value, steps: &[&str], value: toml::Value) -> Result<Vec<Step>, String> {
    let mut current = root;
    let mut taken = Vec::new();
    for step in steps {
        current = match current {
            toml::Value::Table(table) => {
                taken.push(Step::Key((*step).to_owned()));
                table.entry(*step).or_insert_with(|| toml::Value::Table(toml::Table::new()))
            }
            toml::Value::Array(items) => {
                let length = items.len();
                let index = step.parse::<usize>().ok().filter(|index| *index < length);
                let index = index.ok_or_else(|| {
                    format!("`{step}` is no position in `{}`, an array of {length} from 0", shown(&taken))
                })?;
                taken.push(Step::Index(index));
                &mut items[index]
            }
            other => {
                return Err(format!("`{}` is {other}, which has no key `{step}`", shown(&taken)));
            }
        };
    }
    *current = value;
    Ok(taken)
}

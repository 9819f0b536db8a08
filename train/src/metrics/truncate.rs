//! Metrics of an interrupted run: read them, cut them back to the checkpoint a run resumes from.
//!
//! In: a JSON lines file and a step. Out: the lines up to that step, byte for byte.
//! Always: the file is replaced in one move; a last line that was cut short by a crash is dropped.
//! Not here: writing lines (`jsonl.rs`).

use crate::fault::Fault;
use crate::run_dir::replace_file;
use serde_json::{Map, Value};
use std::path::Path;

/// What cutting back did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncated {
    /// Lines that stayed.
    pub kept: usize,
    /// Lines that went, a half-written one included.
    pub dropped: usize,
}

/// One line of a metrics file.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricLine {
    /// Environment steps.
    pub step: u64,
    /// Tags and values in the order of the line.
    pub values: Vec<(String, f64)>,
}

/// Keeps the lines up to and including a step.
///
/// # Errors
/// A [`Fault`] if the file is missing, cannot be replaced, or has a damaged line before its last one.
pub fn truncate_metrics(path: &Path, keep_up_to_step: u64) -> Result<Truncated, Fault> {
    let text = read(path)?;
    let lines = parse(path, &text)?;
    let total = text.lines().count();
    let kept: Vec<&str> = lines.iter().filter(|line| line.step <= keep_up_to_step).map(|line| line.text).collect();
    let truncated = Truncated { kept: kept.len(), dropped: total - kept.len() };
    if truncated.dropped > 0 {
        replace_file(path, kept.concat().as_bytes())?;
    }
    Ok(truncated)
}

/// All whole lines; null reads as NaN.
///
/// # Errors
/// A [`Fault`] if the file is missing or has a damaged line before its last one.
pub fn read_metrics(path: &Path) -> Result<Vec<MetricLine>, Fault> {
    let text = read(path)?;
    let lines = parse(path, &text)?;
    let values = |object: Map<String, Value>| {
        object
            .into_iter()
            .filter(|(tag, value)| tag != "step" && (value.is_number() || value.is_null()))
            .map(|(tag, value)| (tag, value.as_f64().unwrap_or(f64::NAN)))
            .collect()
    };
    Ok(lines.into_iter().map(|line| MetricLine { step: line.step, values: values(line.object) }).collect())
}

struct Line<'a> {
    text: &'a str,
    step: u64,
    object: Map<String, Value>,
}

fn read(path: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|error| Fault::of_io(path, "read the lines", &error))
}

fn parse<'a>(path: &Path, text: &'a str) -> Result<Vec<Line<'a>>, Fault> {
    let mut lines = Vec::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let object: Option<Map<String, Value>> = serde_json::from_str(line).ok();
        let step = object.as_ref().and_then(|object| object.get("step")).and_then(Value::as_u64);
        match (object, step) {
            (Some(object), Some(step)) if line.ends_with('\n') => lines.push(Line { text: line, step, object }),
            // Without its line break it is the last line, cut short by a crash.
            _ if !line.ends_with('\n') => break,
            _ => {
                return Err(Fault::new(
                    format!("{}:{}", path.display(), index + 1),
                    "the line is damaged, but a JSON object with a whole number `step` is expected",
                )
                .hint("mend or delete the line, then resume"));
            }
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn lines_after_the_checkpoint_and_a_half_line_go_and_the_rest_keeps_its_bytes() {
        let (_folder, path) =
            file("{\"step\":1, \"a\":0.10}\n{\"step\":2,\"a\":null}\n{\"step\":3,\"a\":1}\n{\"step\":4,\"a");
        assert_eq!(truncate_metrics(&path, 2).unwrap(), Truncated { kept: 2, dropped: 2 });
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"step\":1, \"a\":0.10}\n{\"step\":2,\"a\":null}\n");
        assert_eq!(truncate_metrics(&path, 2).unwrap(), Truncated { kept: 2, dropped: 0 });
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_named() {
        let (_folder, path) = file("{\"step\":1}\nx\n{\"step\":3}\n");
        let text = truncate_metrics(&path, 9).unwrap_err().to_string();
        assert!(text.starts_with(&format!("{}:2: the line is damaged", path.display())), "{text}");
    }

    #[test]
    fn null_reads_as_not_a_number() {
        let (_folder, path) = file("{\"step\":1,\"a\":2.5,\"b\":null}\n");
        let lines = read_metrics(&path).unwrap();
        assert_eq!((lines[0].step, lines[0].values[0].clone()), (1, ("a".to_owned(), 2.5)));
        assert!(lines[0].values[1].1.is_nan());
    }
}

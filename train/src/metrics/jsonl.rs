//! JSON lines: one object per step, in the order the tags came.
//!
//! In: scalars. Out: `{"step":N,TAG:VALUE,...}` lines.
//! Always: a value that is no finite number is written as null; a line is written whole or reported as failed.
//! Not here: cutting a file back for a resume (`truncate.rs`).

use super::MetricSink;
use crate::fault::Fault;
use serde_json::{Map, Value};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes metrics, one line per step.
#[derive(Debug)]
pub struct JsonlSink {
    path: PathBuf,
    writer: BufWriter<File>,
    line: Map<String, Value>,
    /// A write that failed while a scalar was taken, told at the next flush.
    failed: Option<Fault>,
}

impl JsonlSink {
    /// A new file; one that exists already is refused, since a run never overwrites another.
    ///
    /// # Errors
    /// A [`Fault`] if the file exists or cannot be made.
    pub fn create(path: &Path) -> Result<Self, Fault> {
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        file.map(|file| Self::over(path, file)).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Fault::of_path(path, "exists already, but a new run writes a new file")
                    .hint("choose another --out, or continue that run with --resume")
            }
            _ => Fault::of_io(path, "create the file", &error),
        })
    }

    /// Appends to the file of a run that is resumed (cut it back first: [`super::truncate_metrics`]).
    ///
    /// # Errors
    /// A [`Fault`] if the file cannot be opened.
    pub fn append(path: &Path) -> Result<Self, Fault> {
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.map(|file| Self::over(path, file)).map_err(|error| Fault::of_io(path, "open the file", &error))
    }

    fn over(path: &Path, file: File) -> Self {
        Self { path: path.to_owned(), writer: BufWriter::new(file), line: Map::new(), failed: None }
    }

    fn write_line(&mut self) -> Result<(), Fault> {
        if self.line.is_empty() {
            return Ok(());
        }
        let mut text = Value::Object(std::mem::take(&mut self.line)).to_string();
        text.push('\n');
        self.writer.write_all(text.as_bytes()).map_err(|error| Fault::of_io(&self.path, "write a line", &error))
    }
}

impl MetricSink for JsonlSink {
    fn scalar(&mut self, tag: &str, step: u64, value: f64) {
        if self.line.get("step").and_then(Value::as_u64) != Some(step) {
            if let Err(fault) = self.write_line() {
                self.failed.get_or_insert(fault);
            }
            self.line.insert("step".to_owned(), Value::from(step));
        }
        // `Value::from` turns what is not finite into null.
        self.line.insert(tag.to_owned(), Value::from(value));
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let written = self.write_line();
        let flushed = self.writer.flush().map_err(|error| Fault::of_io(&self.path, "write a line", &error));
        match self.failed.take() {
            Some(fault) => Err(fault),
            None => written.and(flushed),
        }
    }
}

/// Writes wall times, kept apart so that metrics stay reproducible; deliberately no [`MetricSink`].
#[derive(Debug)]
pub struct TimingsSink {
    lines: JsonlSink,
}

impl TimingsSink {
    /// A new file.
    ///
    /// # Errors
    /// As [`JsonlSink::create`].
    pub fn create(path: &Path) -> Result<Self, Fault> {
        JsonlSink::create(path).map(|lines| Self { lines })
    }

    /// Appends to the file of a run that is resumed.
    ///
    /// # Errors
    /// As [`JsonlSink::append`].
    pub fn append(path: &Path) -> Result<Self, Fault> {
        JsonlSink::append(path).map(|lines| Self { lines })
    }

    /// Writes one line of times (tags end in their unit, e.g. `collect_s`, `sps_wall`).
    ///
    /// # Errors
    /// A [`Fault`] if the line cannot be written.
    pub fn record(&mut self, step: u64, times: &[(&str, f64)]) -> Result<(), Fault> {
        for (tag, value) in times {
            self.lines.scalar(tag, step, *value);
        }
        self.lines.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_one_line_in_the_order_of_its_tags_and_nan_is_null() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut sink = JsonlSink::create(&path).unwrap();
        sink.scalar("loss/value", 2048, 0.1);
        sink.scalar("a", 2048, f64::NAN);
        sink.scalar("b", 2048, f64::INFINITY);
        sink.flush().unwrap();
        sink.scalar("loss/value", 4096, 1e-7);
        sink.scalar("loss/value", 6144, 3.0);
        sink.flush().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = "{\"step\":2048,\"loss/value\":0.1,\"a\":null,\"b\":null}\n\
                        {\"step\":4096,\"loss/value\":1e-7}\n{\"step\":6144,\"loss/value\":3.0}\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_file_of_another_run_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, "x\n").unwrap();
        let text = JsonlSink::create(&path).unwrap_err().to_string();
        assert!(
            text.contains("exists already, but a new run writes a new file\n\nhint: choose another --out"),
            "{text}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_with_the_file_at_the_next_flush() {
        let path = Path::new("/dev/full");
        let mut sink = JsonlSink::append(path).unwrap();
        sink.scalar("loss", 1, 0.5);
        let text = sink.flush().unwrap_err().to_string();
        assert!(text.starts_with("/dev/full: cannot write a line: "), "{text}");
        assert!(text.ends_with("hint: free space on this disk, then resume"), "{text}");
    }

    #[test]
    fn timings_are_lines_of_their_own_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("timings.jsonl");
        let mut timings = TimingsSink::create(&path).unwrap();
        timings.record(128, &[("collect_s", 0.25), ("learn_s", 0.5)]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"step\":128,\"collect_s\":0.25,\"learn_s\":0.5}\n");
    }
}

//! TensorBoard events: the picture of a run, scalars only.
//!
//! In: scalars, or the lines of a run that is resumed. Out: one event file in the folder.
//! Always: one writer per folder; an event writer that fails is switched off with one warning and the run goes on.
//! Not here: the record itself (`jsonl.rs`), from which these files can be made again.

use super::{MetricSink, read_metrics};
use crate::fault::Fault;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use tensorboard_rs::summary_writer::SummaryWriter;

/// Writes scalars as TensorBoard events; the file is complete once the sink is dropped.
pub struct TensorBoardSink {
    folder: PathBuf,
    /// `None` once it failed.
    writer: Option<Box<dyn ScalarWriter>>,
}

/// What the sink needs of an event writer; its methods may panic.
trait ScalarWriter: Send {
    fn add(&mut self, tag: &str, step: u64, value: f32);
    fn flush(&mut self);
}

impl ScalarWriter for SummaryWriter {
    fn add(&mut self, tag: &str, step: u64, value: f32) {
        self.add_scalar(tag, value, usize::try_from(step).unwrap_or(usize::MAX));
    }

    fn flush(&mut self) {
        SummaryWriter::flush(self);
    }
}

impl TensorBoardSink {
    /// Opens an event file in a folder that no other writer uses; on failure the sink is born switched off.
    pub fn create(folder: &Path) -> Self {
        silence_event_writer();
        let mut sink = Self { folder: folder.to_owned(), writer: None };
        // The library aborts the process if its file cannot be made: try with a file of our own first.
        match probe(folder) {
            Ok(()) => match catch_unwind(|| SummaryWriter::new(folder)) {
                Ok(writer) => sink.writer = Some(Box::new(writer)),
                Err(_) => sink.warn("the event file cannot be opened"),
            },
            Err(error) => sink.warn(&error.to_string()),
        }
        sink
    }

    /// Whether events are still written.
    pub fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    fn guarded(&mut self, action: impl FnOnce(&mut dyn ScalarWriter)) {
        let Some(mut writer) = self.writer.take() else { return };
        // The writer is dropped or put back whole, so no broken state is seen after a panic.
        match catch_unwind(AssertUnwindSafe(|| action(writer.as_mut()))) {
            Ok(()) => self.writer = Some(writer),
            Err(_) => {
                self.warn("the event file cannot be written");
                drop_guarded(writer);
            }
        }
    }

    fn warn(&self, reason: &str) {
        eprintln!(
            "warning: {}: TensorBoard events are off from here: {reason}\n\nhint: metrics.jsonl goes on; events are made again from it on --resume",
            self.folder.display()
        );
    }
}

impl MetricSink for TensorBoardSink {
    fn scalar(&mut self, tag: &str, step: u64, value: f64) {
        // TensorBoard stores single precision.
        self.guarded(|writer| writer.add(tag, step, value as f32));
    }

    /// Queues a flush; only dropping the sink waits for the disk.
    fn flush(&mut self) -> Result<(), Fault> {
        self.guarded(|writer| writer.flush());
        Ok(())
    }
}

impl Drop for TensorBoardSink {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take()
            && !drop_guarded(writer)
        {
            self.warn("the event file could not be completed");
        }
    }
}

/// Deletes the events of a folder and writes them anew from JSON lines files; files that do not exist are skipped.
///
/// # Errors
/// A [`Fault`] if a record is damaged or an old event file cannot be deleted.
pub fn rebuild_tensorboard(folder: &Path, records: &[&Path]) -> Result<TensorBoardSink, Fault> {
    if folder.is_dir() {
        let entries = std::fs::read_dir(folder).map_err(|error| Fault::of_io(folder, "list the folder", &error))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with("events.out.tfevents.") {
                let path = entry.path();
                std::fs::remove_file(&path).map_err(|error| Fault::of_io(&path, "delete the old events", &error))?;
            }
        }
    }
    let mut sink = TensorBoardSink::create(folder);
    for record in records.iter().filter(|record| record.exists()) {
        for line in read_metrics(record)? {
            for (tag, value) in line.values {
                sink.scalar(&tag, line.step, value);
            }
        }
    }
    sink.flush()?;
    Ok(sink)
}

/// Makes, fills and deletes a file, so that a folder without room or rights is found out before the library tries.
fn probe(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(".probe");
    let written = std::fs::write(&path, [0_u8; 4096]);
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}

/// Drops a writer whose `Drop` may panic; true if it did not.
fn drop_guarded(writer: Box<dyn ScalarWriter>) -> bool {
    catch_unwind(AssertUnwindSafe(|| drop(writer))).is_ok()
}

/// Keeps the library's panics off the screen: the sink tells about them in one line.
fn silence_event_writer() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.location().is_some_and(|location| location.file().contains("tensorboard-rs")) {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Broken {
        calls: Arc<AtomicUsize>,
    }

    impl ScalarWriter for Broken {
        fn add(&mut self, _tag: &str, _step: u64, _value: f32) {
            self.calls.fetch_add(1, Ordering::Relaxed);
            panic!("no space left");
        }
        fn flush(&mut self) {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Drop for Broken {
        fn drop(&mut self) {
            panic!("the channel is closed");
        }
    }

    #[test]
    fn a_writer_that_panics_is_switched_off_and_never_called_again() {
        let calls = Arc::new(AtomicUsize::new(0));
        let broken = Broken { calls: Arc::clone(&calls) };
        let mut sink = TensorBoardSink { folder: PathBuf::from("runs/a/tensorboard"), writer: Some(Box::new(broken)) };
        sink.scalar("loss", 1, 0.5);
        assert!(!sink.is_on());
        sink.scalar("loss", 2, 0.5);
        sink.flush().unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_switches_the_sink_off() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let mut sink = TensorBoardSink::create(&file.join("events"));
        assert!(!sink.is_on());
        sink.scalar("loss", 1, 0.5);
    }

    #[test]
    fn a_rebuild_replaces_old_events_with_those_of_the_record() {
        let folder = tempfile::tempdir().unwrap();
        let events = folder.path().join("tensorboard");
        std::fs::create_dir(&events).unwrap();
        std::fs::write(events.join("events.out.tfevents.0000000001.old.1.0"), "old").unwrap();
        let record = folder.path().join("metrics.jsonl");
        std::fs::write(&record, "{\"step\":128,\"loss\":0.5,\"kl\":0.25}\n{\"step\":256,\"loss\":null}\n").unwrap();
        let mut sink = rebuild_tensorboard(&events, &[&record, &folder.path().join("none.jsonl")]).unwrap();
        sink.scalar("loss", 384, 0.125);
        drop(sink);
        let files: Vec<_> = std::fs::read_dir(&events).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1);
        let found = scalars(&std::fs::read(&files[0]).unwrap());
        assert_eq!(found.len(), 4);
        assert_eq!(found[0], (128, "loss".to_owned(), 0.5));
        assert_eq!(found[1], (128, "kl".to_owned(), 0.25));
        assert_eq!((found[2].0, found[2].2.is_nan()), (256, true));
        assert_eq!(found[3], (384, "loss".to_owned(), 0.125));
    }

    /// Reads TFRecord framing (length, checksum, data, checksum) and the few protobuf fields of a scalar event.
    fn scalars(mut bytes: &[u8]) -> Vec<(u64, String, f32)> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let event = fields(&bytes[12..12 + length]);
            bytes = &bytes[16 + length..];
            let step = event.iter().find(|field| field.0 == 2).map_or(0, |field| field.1);
            if let Some(summary) = event.iter().find(|field| field.0 == 5) {
                let value = fields(fields(summary.2)[0].2);
                let text = |number: u64| value.iter().find(|field| field.0 == number).unwrap();
                found.push((step, String::from_utf8(text(1).2.to_vec()).unwrap(), f32::from_bits(text(2).1 as u32)));
            }
        }
        found
    }

    fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let (value, data) = match key & 7 {
                0 => (varint(&mut bytes), &bytes[..0]),
                1 => (0, take(&mut bytes, 8)),
                5 => (u64::from(u32::from_le_bytes(take(&mut bytes, 4).try_into().unwrap())), &bytes[..0]),
                _ => {
                    let length = varint(&mut bytes) as usize;
                    (0, take(&mut bytes, length))
                }
            };
            found.push((key >> 3, value, data));
        }
        found
    }

    fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
        let (head, tail) = bytes.split_at(count);
        *bytes = tail;
        head
    }

    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = take(bytes, 1)[0];
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }
}

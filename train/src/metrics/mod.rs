//! Numbers a run reports about itself: JSON lines as the record, TensorBoard as the picture.
//!
//! In: a tag, a step, a value. Out: `metrics.jsonl`, `timings.jsonl`, TensorBoard events.
//! Always: `metrics.jsonl` holds no time, so equal runs write equal bytes; a picture that fails never stops a run.
//! Not here: which numbers are worth reporting (`agents/`), what a person watches meanwhile (`progress`).

mod jsonl;
mod tensorboard;
mod truncate;

pub use jsonl::{JsonlSink, TimingsSink};
pub use tensorboard::{TensorBoardSink, rebuild_tensorboard};
pub use truncate::{MetricLine, Truncated, read_metrics, truncate_metrics};

use crate::fault::Fault;

/// Takes scalars of a run.
pub trait MetricSink {
    /// Notes a value; all values of one step are given together.
    fn scalar(&mut self, tag: &str, step: u64, value: f64);

    /// Brings what was noted to its place; call once per update.
    ///
    /// # Errors
    /// A [`Fault`] if the record cannot be written.
    fn flush(&mut self) -> Result<(), Fault>;
}

/// Hands every scalar to several sinks.
#[derive(Default)]
pub struct MultiSink {
    sinks: Vec<Box<dyn MetricSink>>,
}

impl MultiSink {
    /// A sink that hands on to nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more receiver.
    #[must_use]
    pub fn with(mut self, sink: impl MetricSink + 'static) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }
}

impl MetricSink for MultiSink {
    fn scalar(&mut self, tag: &str, step: u64, value: f64) {
        for sink in &mut self.sinks {
            sink.scalar(tag, step, value);
        }
    }

    /// Flushes all, also after one failed; the first failure is returned.
    fn flush(&mut self) -> Result<(), Fault> {
        self.sinks.iter_mut().map(|sink| sink.flush()).fold(Ok(()), Result::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_receiver_does_not_keep_the_others_from_their_flush() {
        struct Failing;
        impl MetricSink for Failing {
            fn scalar(&mut self, _tag: &str, _step: u64, _value: f64) {}
            fn flush(&mut self) -> Result<(), Fault> {
                Err(Fault::new("a", "b"))
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut sink = MultiSink::new().with(Failing).with(JsonlSink::create(&path).unwrap());
        sink.scalar("loss", 3, 0.5);
        assert_eq!(sink.flush().unwrap_err().to_string(), "a: b");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"step\":3,\"loss\":0.5}\n");
    }
}

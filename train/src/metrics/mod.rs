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

//! Grid signals: the GB settlement calendar, traces, their import and splits, and the synthetic generator.
//!
//! In: tables of published half-hourly values, or parameters fitted to one. Out: [`GridTrace`]s with explicit holes.
//! Not here: the site that consumes power (`site/`), tariffs (`market/`).

pub mod calendar;
pub mod forecast;
pub mod knowledge;
pub mod signal;
pub mod trace;

pub use calendar::{Date, LocalStamp, PERIODS_PER_DAY, PERIODS_PER_WEEK, Period};
pub use forecast::{DayAheadPersistence, ForecastGap, ForecastSource, Freshness};
pub use knowledge::{InformationSet, Knowledge};
pub use signal::Signal;
pub use trace::{GridTrace, Presence, SourceKind, TraceSource};

// TEMPORARY
/// T.
#[derive(Debug, Clone, Copy)]
pub enum Split {
    /// T.
    Train,
}
impl Split {
    /// T.
    pub fn range(self, t: &GridTrace) -> std::ops::Range<usize> {
        0..t.len()
    }
}
/// T.
pub fn embedded_trace() -> GridTrace {
    GridTrace::holes(TraceSource { name: "x".into(), kind: SourceKind::Synthetic }, Period(0), 10)
}

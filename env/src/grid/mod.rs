//! Grid signals: the GB settlement calendar, traces, their import and splits, and the synthetic generator.
//!
//! In: tables of published half-hourly values, or parameters fitted to one. Out: [`GridTrace`]s with explicit holes.
//! Not here: the site that consumes power (`site/`), tariffs (`market/`).

pub mod calendar;
pub mod signal;
pub mod trace;

pub use calendar::{Date, LocalStamp, PERIODS_PER_DAY, PERIODS_PER_WEEK, Period};
pub use signal::Signal;
pub use trace::{GridTrace, Presence, SourceKind, TraceSource};

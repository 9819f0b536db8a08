//! Several publishers' files as one table of the joined schema.
//!
//! In: tables of single files. Out: one trace from the first to the last half-hour that any of them holds.
//! Always: holes stay holes; where two files differ the caller has said which one counts, or nothing is made.

use super::error::PublishError;
use super::table::{Cell, PublishedTable};
use crate::grid::calendar::{PERIODS_PER_DAY, Period};
use crate::grid::signal::Signal;
use crate::grid::trace::{GridTrace, SourceKind, TraceSource};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest time between two files of one table: ten years, so that a mistyped century is refused.
const LONGEST_HOLE: i64 = 3653 * PERIODS_PER_DAY as i64;

/// Which of two files counts where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prefer {
    /// The one named first.
    First,
    /// The one named last.
    Last,
}

/// Several files as one table.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The table.
    pub trace: GridTrace,
    /// Values that two files hold alike.
    pub agreed: usize,
    /// Values on which two files differ, settled by [`Prefer`].
    pub settled: usize,
}

/// Merges tables; `name` becomes the name of the trace's source.
///
/// # Errors
/// [`PublishError::Disputed`] where two files differ and `prefer` is `None`; [`PublishError::TooFarApart`];
/// [`PublishError::NothingToMerge`].
pub fn merge(name: &str, tables: &[PublishedTable], prefer: Option<Prefer>) -> Result<Merged, PublishError> {
    let start = tables.iter().map(PublishedTable::first).min().ok_or(PublishError::NothingToMerge)?;
    let end = tables.iter().map(PublishedTable::last).max().ok_or(PublishError::NothingToMerge)?;
    refuse_long_holes(tables)?;
    let source = TraceSource { name: name.to_string(), kind: SourceKind::Real };
    let len = (end - start) as usize + 1;
    let (mut agreed, mut settled) = (0, 0);
    let mut columns = Vec::new();
    for signal in Signal::all() {
        let mut chosen: BTreeMap<Period, (usize, &Cell)> = BTreeMap::new();
        for (i, table) in tables.iter().enumerate() {
            for (period, cell) in table.cells(signal) {
                match chosen.get(&period).copied() {
                    None => _ = chosen.insert(period, (i, cell)),
                    Some((_, earlier)) if earlier.value == cell.value => agreed += 1,
                    Some((at, earlier)) => {
                        settled += 1;
                        match prefer {
                            Some(Prefer::First) => {}
                            Some(Prefer::Last) => _ = chosen.insert(period, (i, cell)),
                            None => return Err(disputed(signal, period, (&tables[at], earlier), (table, cell))),
                        }
                    }
                }
            }
        }
        if !chosen.is_empty() {
            let mut column = vec![f64::NAN; len];
            chosen.iter().for_each(|(period, (_, cell))| column[(*period - start) as usize] = cell.value);
            columns.push((signal, column));
        }
    }
    Ok(Merged { trace: GridTrace::holes(source, start, len).with_columns(columns), agreed, settled })
}

fn disputed(
    signal: Signal,
    period: Period,
    (earlier_table, earlier): (&PublishedTable, &Cell),
    (table, found): (&PublishedTable, &Cell),
) -> PublishError {
    PublishError::Disputed {
        table: table.table().to_string(),
        place: found.place,
        earlier_at: format!("{}{}", earlier_table.table(), earlier.place),
        column: signal.column_name(),
        period,
        found: found.value,
        earlier: earlier.value,
    }
}

/// A wrong date in a damaged file must not ask for a table of centuries.
fn refuse_long_holes(tables: &[PublishedTable]) -> Result<(), PublishError> {
    let mut periods: Vec<Period> = Vec::new();
    for table in tables {
        for signal in table.signals() {
            periods.extend(table.cells(signal).map(|(period, _)| period));
        }
    }
    periods.sort_unstable();
    periods.dedup();
    for pair in periods.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        let missing = after - before - 1;
        if missing > LONGEST_HOLE {
            return Err(PublishError::TooFarApart { before, after, missing, longest: LONGEST_HOLE });
        }
    }
    Ok(())
}

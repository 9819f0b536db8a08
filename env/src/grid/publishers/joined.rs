//! A table of the joined schema, so that it can be merged with publishers' files.
//!
//! In: what `flexai data check` accepts with missing half-hours as holes. Out: its columns.
//! Not here: the reader itself (`import.rs`).

use super::error::{Place, PublishError};
use super::table::TableBuilder;
use super::{Publisher, Source};
use crate::grid::import::{ImportOptions, MissingPeriods, TIMESTAMP_COLUMN, parse_trace};
use crate::grid::signal::Signal;

pub(super) const FORMAT: Publisher = Publisher {
    id: "joined",
    description: "a table of the workbench's own joined schema: all its columns",
    looks_like: |head| {
        head.is_csv_with(&[TIMESTAMP_COLUMN]) && Signal::all().any(|signal| head.has(signal.column_name()))
    },
    read,
};

fn read(source: &Source<'_>, table: &mut TableBuilder) -> Result<(), PublishError> {
    let options = ImportOptions { missing_periods: MissingPeriods::AsHoles, ..ImportOptions::default() };
    let (trace, report) = parse_trace(source.table, source.bytes, &options)?;
    (0..report.rows).for_each(|_| table.row());
    for column in &report.unknown_columns {
        table.remark(format!("the column `{column}` is unknown and was ignored"));
    }
    for signal in Signal::all() {
        for t in 0..trace.len() {
            table.put_some(Place::Row(t), trace.period(t), signal, trace.get(signal, t))?;
        }
    }
    Ok(())
}

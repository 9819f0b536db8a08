//! Import of grid tables: CSV, plain or gzip, in the schema of the joined table.
//!
//! In: a file whose rows are UTC half-hours and whose columns carry their unit. Out: a [`GridTrace`] and a [`TraceReport`].
//! Always: what is doubtful is refused with line and reason; an empty cell stays a hole and is never filled.
//! Not here: the publishers' own formats (`publishers/`), the network.

use super::calendar::{PERIODS_PER_DAY, Period};
use super::error::TraceError;
use super::report::TraceReport;
use super::signal::{SPECS, Signal, SignalSpec};
use super::trace::{GridTrace, SourceKind, TraceSource};
use crate::files::{BYTE_ORDER_MARK, FileError, line_of, not_csv, plain_bytes, read_file};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The column of period starts.
pub const TIMESTAMP_COLUMN: &str = "timestamp_utc";

/// Longest run of left-out half-hours that is held as holes: a year, so that a mistyped century is still refused.
pub(super) const LONGEST_GAP: i64 = 366 * PERIODS_PER_DAY as i64;
/// Words that units are made of; a column `stem_unit` with a known stem and only such words is a known signal.
const UNIT_WORDS: [&str; 30] = [
    "gbp", "eur", "usd", "p", "pence", "pounds", "w", "kw", "mw", "gw", "wh", "kwh", "mwh", "gwh", "g", "kg", "t",
    "lb", "tonnes", "co2", "gco2", "kgco2", "tco2", "gco2e", "per", "min", "minutes", "h", "hours", "s",
];

/// What the caller needs of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImportOptions {
    /// Columns that must be there.
    pub required: Vec<Signal>,
    /// What to do about half-hours that the table leaves out.
    pub missing_periods: MissingPeriods,
}

/// What to do about half-hours that a table leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingPeriods {
    /// Refuse the table.
    #[default]
    Refuse,
    /// Hold them as periods without any value, and count them.
    AsHoles,
}

/// Reads a table from a file.
///
/// # Errors
/// [`TraceError`] naming the line, what was found and what was expected.
pub fn read_trace(path: &Path, options: &ImportOptions) -> Result<(GridTrace, TraceReport), TraceError> {
    let table = path.display().to_string();
    let bytes = read_file(path)?;
    let name = path.file_name().map_or(table.clone(), |name| name.to_string_lossy().into_owned());
    parse(&table, name, &bytes, options)
}

/// Reads a table from memory; `table` names it in errors and as the source.
///
/// # Errors
/// As [`read_trace`].
pub fn parse_trace(table: &str, bytes: &[u8], options: &ImportOptions) -> Result<(GridTrace, TraceReport), TraceError> {
    parse(table, table.to_string(), bytes, options)
}

fn parse(
    table: &str,
    name: String,
    bytes: &[u8],
    options: &ImportOptions,
) -> Result<(GridTrace, TraceReport), TraceError> {
    let text = plain_bytes(table, bytes)?;
    let text = text.strip_prefix(&BYTE_ORDER_MARK).unwrap_or(&text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text);
    let header = reader.headers().map_err(|e| not_csv(table, text, &e))?.clone();
    let header: Vec<&str> = header.iter().collect();
    if header.iter().all(|name| name.is_empty()) {
        return Err(TraceError::NoRows { table: table.to_string() });
    }
    let layout = Layout::of_header(table, &header, &options.required)?;
    let mut rows = Rows::new(table, &layout, options.missing_periods);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|e| not_csv(table, text, &e))? {
        rows.take(&record, line_of(text, record.position()))?;
    }
    rows.finish(name)
}

/// Which cell of a row carries what.
struct Layout {
    width: usize,
    timestamp: usize,
    signals: Vec<(usize, &'static SignalSpec)>,
    unknown: Vec<String>,
}

impl Layout {
    fn of_header(table: &str, header: &[&str], required: &[Signal]) -> Result<Self, TraceError> {
        let table = table.to_string();
        let repeated = header.iter().enumerate().find(|(i, name)| header[..*i].contains(name));
        if let Some((_, column)) = repeated {
            return Err(TraceError::DuplicateColumn { table, column: (*column).to_string() });
        }
        let missing = |column: &str| TraceError::MissingColumn {
            table: table.clone(),
            column: column.to_string(),
            nearest: nearest(column, header),
        };
        let timestamp = header.iter().position(|name| *name == TIMESTAMP_COLUMN);
        let timestamp = timestamp.ok_or_else(|| missing(TIMESTAMP_COLUMN))?;
        let mut layout = Self { width: header.len(), timestamp, signals: Vec::new(), unknown: Vec::new() };
        for (i, name) in header.iter().enumerate().filter(|(i, _)| *i != timestamp) {
            match Signal::from_column(name) {
                Some(signal) => layout.signals.push((i, signal.spec())),
                None => layout.unknown.push((*name).to_string()),
            }
        }
        for found in &layout.unknown {
            if let Some(spec) = wrong_unit(found).filter(|spec| !header.contains(&spec.column)) {
                let expected = spec.column.to_string();
                return Err(TraceError::WrongUnit { table, found: found.clone(), expected });
            }
        }
        for signal in required {
            if !layout.signals.iter().any(|(_, spec)| spec.signal == *signal) {
                return Err(missing(signal.column_name()));
            }
        }
        if layout.signals.is_empty() {
            return Err(TraceError::NoKnownColumn { table, found: header.join(", ") });
        }
        Ok(layout)
    }
}

/// The known column that `name` spells with another unit.
fn wrong_unit(name: &str) -> Option<&'static SignalSpec> {
    SPECS.iter().find(|spec| {
        let unit = name.strip_prefix(spec.stem).and_then(|rest| rest.strip_prefix('_'));
        unit.is_some_and(|unit| unit.split('_').all(|word| UNIT_WORDS.contains(&word)))
    })
}

/// The column of the header that is most like `wanted`, if any is like it at all.
pub(super) fn nearest(wanted: &str, header: &[&str]) -> Option<String> {
    let distance = |name: &&&str| edit_distance(wanted, name);
    let free = |name: &&&str| **name != TIMESTAMP_COLUMN && Signal::from_column(name).is_none();
    let best = header.iter().filter(free).min_by_key(distance)?;
    let stem = wanted.split('_').next().unwrap_or(wanted);
    let alike = edit_distance(wanted, best) * 2 <= wanted.len() || best.starts_with(stem);
    alike.then(|| (*best).to_string())
}

/// Levenshtein distance in characters.
pub(super) fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

/// The rows read so far.
struct Rows<'a> {
    table: &'a str,
    layout: &'a Layout,
    policy: MissingPeriods,
    start: Option<Period>,
    rows: usize,
    inserted: usize,
    columns: Vec<Vec<f64>>,
}

impl<'a> Rows<'a> {
    fn new(table: &'a str, layout: &'a Layout, policy: MissingPeriods) -> Self {
        let columns = vec![Vec::new(); layout.signals.len()];
        Self { table, layout, policy, start: None, rows: 0, inserted: 0, columns }
    }

    fn take(&mut self, record: &csv::StringRecord, line: u64) -> Result<(), TraceError> {
        if record.len() != self.layout.width {
            let (found, expected) = (record.len(), self.layout.width);
            return Err(FileError::RaggedRow { table: self.table.to_string(), line, found, expected }.into());
        }
        let period = record[self.layout.timestamp].parse();
        let period = period.map_err(|fault| TraceError::BadTimestamp { table: self.table.to_string(), line, fault })?;
        self.advance_to(period, line)?;
        for (column, (cell, spec)) in self.columns.iter_mut().zip(&self.layout.signals) {
            column.push(number(self.table, line, spec, &record[*cell])?);
        }
        self.rows += 1;
        Ok(())
    }

    fn advance_to(&mut self, found: Period, line: u64) -> Result<(), TraceError> {
        let Some(start) = self.start else {
            self.start = Some(found);
            return Ok(());
        };
        let table = self.table.to_string();
        let expected = start + (self.rows + self.inserted) as i64;
        let missing = found - expected;
        if missing == -1 {
            return Err(TraceError::DuplicatePeriod { table, line, found, expected });
        }
        if missing < 0 {
            return Err(TraceError::OutOfOrder { table, line, found, expected });
        }
        if missing > 0 && (self.policy == MissingPeriods::Refuse || missing > LONGEST_GAP) {
            return Err(TraceError::MissingPeriods { table, line, found, expected, missing });
        }
        self.inserted += missing as usize;
        let len = self.rows + self.inserted;
        self.columns.iter_mut().for_each(|column| column.resize(len, f64::NAN));
        Ok(())
    }

    fn finish(self, name: String) -> Result<(GridTrace, TraceReport), TraceError> {
        let Some(start) = self.start else {
            return Err(TraceError::NoRows { table: self.table.to_string() });
        };
        let present: Vec<Signal> = self.layout.signals.iter().map(|(_, spec)| spec.signal).collect();
        let source = TraceSource { name, kind: SourceKind::Real };
        let trace = GridTrace::holes(source, start, self.rows + self.inserted)
            .with_columns(present.iter().copied().zip(self.columns));
        let report = TraceReport::count(&trace, self.rows, self.inserted, &present, self.layout.unknown.clone());
        Ok((trace, report))
    }
}

/// The value of a cell; NaN where it is empty.
fn number(table: &str, line: u64, spec: &SignalSpec, text: &str) -> Result<f64, TraceError> {
    if text.is_empty() {
        return Ok(f64::NAN);
    }
    let (table, column) = (|| table.to_string(), || spec.column.to_string());
    let value = text.parse::<f64>().ok().filter(|x| x.is_finite());
    let Some(value) = value else {
        return Err(TraceError::BadNumber { table: table(), line, column: column(), text: text.to_string() });
    };
    let (min, max) = (spec.plausible_min, spec.plausible_max);
    if value < min || value > max {
        return Err(TraceError::Implausible { table: table(), line, column: column(), value, min, max });
    }
    Ok(value)
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;

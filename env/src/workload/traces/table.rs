//! One CSV table, plain or gzip, cell by cell.
//!
//! In: a path or bytes. Out: rows whose cells are checked as they are read.
//! Always: what is doubtful is refused with line and reason; an empty cell is `None`, never a number.
//! Not here: what the columns mean (the readers beside).

use super::error::WorkloadTraceError;
use std::io::Read;
use std::path::Path;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
/// No table unpacks to more: the largest real one has 3 MB of text.
const LARGEST_TEXT_BYTES: u64 = 1 << 30;

/// A table in memory.
#[derive(Debug, Clone)]
pub struct CsvTable {
    /// Path as given, for messages.
    pub name: String,
    header: Vec<String>,
    text: Vec<u8>,
}

/// One row; columns are those that [`CsvTable::columns`] found.
pub(super) struct Row<'a> {
    table: &'a str,
    pub(super) line: u64,
    record: &'a csv::StringRecord,
}

/// Where a named column lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    name: &'static str,
    at: usize,
}

impl CsvTable {
    /// Reads a file, unpacking gzip.
    ///
    /// # Errors
    /// [`WorkloadTraceError`] if the file cannot be read or its header is no CSV.
    pub fn read(path: &Path) -> Result<Self, WorkloadTraceError> {
        let table = path.display().to_string();
        let bytes = std::fs::read(path)
            .map_err(|e| WorkloadTraceError::Unreadable { table: table.clone(), reason: e.to_string() })?;
        Self::parse(&table, &bytes)
    }

    /// The same from memory; `name` stands for it in messages.
    ///
    /// # Errors
    /// As [`CsvTable::read`].
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, WorkloadTraceError> {
        let mut text = if bytes.starts_with(&GZIP_MAGIC) { inflate(name, bytes)? } else { bytes.to_vec() };
        if text.starts_with(&BYTE_ORDER_MARK) {
            text.drain(..BYTE_ORDER_MARK.len());
        }
        let mut table = Self { name: name.into(), header: Vec::new(), text };
        let header = table.reader().headers().map_err(|e| not_csv(name, &e))?.clone();
        table.header = header.iter().map(str::to_owned).collect();
        Ok(table)
    }

    /// Whether a column is there.
    pub fn has(&self, column: &str) -> bool {
        self.header.iter().any(|name| name == column)
    }

    /// The header, for messages; cut where it is long.
    pub fn header_text(&self) -> String {
        let text = self.header.join(",");
        match text.char_indices().nth(200) {
            Some((end, _)) => format!("{}..", &text[..end]),
            None => text,
        }
    }

    pub(super) fn columns<const N: usize>(&self, names: [&'static str; N]) -> Result<[Column; N], WorkloadTraceError> {
        let mut found = [Column { name: "", at: 0 }; N];
        for (column, name) in found.iter_mut().zip(names) {
            *column = self.column(name).ok_or_else(|| WorkloadTraceError::MissingColumn {
                table: self.name.clone(),
                column: name,
                found: self.header_text(),
            })?;
        }
        Ok(found)
    }

    pub(super) fn column(&self, name: &'static str) -> Option<Column> {
        let at = self.header.iter().position(|found| found == name)?;
        Some(Column { name, at })
    }

    pub(super) fn each_row(
        &self,
        mut take: impl FnMut(&Row) -> Result<(), WorkloadTraceError>,
    ) -> Result<(), WorkloadTraceError> {
        let mut reader = self.reader();
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(|e| not_csv(&self.name, &e))? {
            let line = record.position().map_or(0, csv::Position::line);
            if record.len() != self.header.len() {
                let (found, expected) = (record.len(), self.header.len());
                return Err(WorkloadTraceError::RaggedRow { table: self.name.clone(), line, found, expected });
            }
            take(&Row { table: &self.name, line, record: &record })?;
        }
        Ok(())
    }

    pub(super) fn no_rows(&self, expected: &'static str) -> WorkloadTraceError {
        WorkloadTraceError::NoRows { table: self.name.clone(), expected }
    }

    /// That a table of demand asks for nothing at all.
    pub(crate) fn no_demand(&self) -> WorkloadTraceError {
        self.no_rows("a rate of more than 0 in some half-hour")
    }

    fn reader(&self) -> csv::Reader<&[u8]> {
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(&self.text[..])
    }
}

impl Row<'_> {
    pub(super) fn text(&self, column: Column) -> &str {
        &self.record[column.at]
    }

    /// A number that must be there, between bounds.
    pub(super) fn number(&self, column: Column, min: f64, max: f64) -> Result<f64, WorkloadTraceError> {
        self.parse(column, min, max, false)?.ok_or_else(|| self.bad_number(column, min, max, false))
    }

    /// A number between bounds, or `None` where the cell is empty.
    pub(super) fn optional(&self, column: Column, min: f64, max: f64) -> Result<Option<f64>, WorkloadTraceError> {
        self.parse(column, min, max, true)
    }

    pub(super) fn bad_word(&self, column: Column, expected: impl Into<String>) -> WorkloadTraceError {
        WorkloadTraceError::BadWord {
            table: self.table.into(),
            line: self.line,
            column: column.name,
            text: self.text(column).into(),
            expected: expected.into(),
        }
    }

    pub(super) fn out_of_order(&self, column: Column, expected: impl Into<String>) -> WorkloadTraceError {
        WorkloadTraceError::OutOfOrder {
            table: self.table.into(),
            line: self.line,
            column: column.name,
            found: self.text(column).into(),
            expected: expected.into(),
        }
    }

    fn parse(&self, column: Column, min: f64, max: f64, optional: bool) -> Result<Option<f64>, WorkloadTraceError> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        let value = text.parse::<f64>().ok().filter(|x| (min..=max).contains(x));
        value.map(Some).ok_or_else(|| self.bad_number(column, min, max, optional))
    }

    fn bad_number(&self, column: Column, min: f64, max: f64, optional: bool) -> WorkloadTraceError {
        let (table, text) = (self.table.to_owned(), self.text(column).to_owned());
        WorkloadTraceError::BadNumber { table, line: self.line, column: column.name, text, min, max, optional }
    }
}

fn inflate(table: &str, bytes: &[u8]) -> Result<Vec<u8>, WorkloadTraceError> {
    let mut text = Vec::new();
    let damaged = |reason: String, decoded_bytes: usize| WorkloadTraceError::DamagedGzip {
        table: table.to_string(),
        decoded_bytes,
        reason,
    };
    match flate2::read::MultiGzDecoder::new(bytes).take(LARGEST_TEXT_BYTES).read_to_end(&mut text) {
        Ok(_) if text.len() as u64 == LARGEST_TEXT_BYTES => Err(damaged("more than 1 GiB".into(), text.len())),
        Ok(_) => Ok(text),
        Err(e) => Err(damaged(e.to_string(), text.len())),
    }
}

fn not_csv(table: &str, error: &csv::Error) -> WorkloadTraceError {
    let line = error.position().map_or(1, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "it holds bytes that are no UTF-8".to_string(),
        _ => error.to_string(),
    };
    WorkloadTraceError::NotCsv { table: table.to_string(), line, reason }
}

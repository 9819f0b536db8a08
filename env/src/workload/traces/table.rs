//! One CSV table, plain or gzip, cell by cell.
//!
//! In: a path or bytes. Out: rows whose cells are checked as they are read.
//! Always: what is doubtful is refused with line and reason; an empty cell is `None`, never a number.
//! Not here: what the columns mean (the readers beside).

use super::error::WorkloadTraceError;
use crate::files::{BYTE_ORDER_MARK, FileError, line_of, not_csv, plain_bytes, read_file};
use std::path::Path;

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
        Self::parse(&path.display().to_string(), &read_file(path)?)
    }

    /// The same from memory; `name` stands for it in messages.
    ///
    /// # Errors
    /// As [`CsvTable::read`].
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, WorkloadTraceError> {
        let mut text = plain_bytes(name, bytes)?.into_owned();
        if text.starts_with(&BYTE_ORDER_MARK) {
            text.drain(..BYTE_ORDER_MARK.len());
        }
        let mut table = Self { name: name.into(), header: Vec::new(), text };
        let header = table.reader().headers().map_err(|e| not_csv(name, &table.text, &e))?.clone();
        table.header = header.iter().map(str::to_owned).collect();
        Ok(table)
    }

    /// One column of numbers of at least `min`; an empty cell is `None`.
    ///
    /// # Errors
    /// [`WorkloadTraceError`] if the column is not there or a cell is no such number.
    pub fn numbers(&self, column: &'static str, min: f64) -> Result<Vec<Option<f64>>, WorkloadTraceError> {
        let [column] = self.columns([column])?;
        self.rows("a header and at least one row", |row| row.optional(column, min, f64::MAX))
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
        while reader.read_record(&mut record).map_err(|e| not_csv(&self.name, &self.text, &e))? {
            let line = line_of(&self.text, record.position());
            if record.len() != self.header.len() {
                let (found, expected) = (record.len(), self.header.len());
                return Err(FileError::RaggedRow { table: self.name.clone(), line, found, expected }.into());
            }
            take(&Row { table: &self.name, line, record: &record })?;
        }
        Ok(())
    }

    /// All rows of a table that must have some; `expected` says what else there should be.
    pub(super) fn rows<T>(
        &self,
        expected: &'static str,
        mut read: impl FnMut(&Row) -> Result<T, WorkloadTraceError>,
    ) -> Result<Vec<T>, WorkloadTraceError> {
        let mut rows = Vec::new();
        self.each_row(|row| read(row).map(|read| rows.push(read)))?;
        if rows.is_empty() { Err(self.no_rows(expected)) } else { Ok(rows) }
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

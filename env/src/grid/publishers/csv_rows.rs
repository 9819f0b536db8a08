//! Rows of a publisher's CSV, by column name.
//!
//! In: bytes, UTF-8 or Latin-1, with or without a byte-order mark. Out: rows whose cells stand in the order asked for.
//! Always: columns are found by name, whatever their order, case and unit in brackets; a row of another length is refused.

use super::error::{Place, PublishError};
use super::{Source, shortened};
use crate::files::{FileError, line_of, not_csv};
use crate::grid::error::TraceError;
use std::borrow::Cow;

/// A row: the cells of the columns asked for, in their order.
pub(super) struct Row<'a, const N: usize> {
    pub(super) place: Place,
    pub(super) cells: [&'a str; N],
    columns: &'a [String; N],
    source: &'a Source<'a>,
}

impl<const N: usize> Row<'_, N> {
    /// The number in a cell; nothing where the cell is empty.
    pub(super) fn number(&self, i: usize) -> Result<Option<f64>, PublishError> {
        let text = self.cells[i];
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Some(value)),
            _ => Err(self.source.bad_field(self.place, &self.columns[i], text, "a number or an empty cell")),
        }
    }

    /// The name of a column as the file spells it.
    pub(super) fn column(&self, i: usize) -> &str {
        &self.columns[i]
    }
}

/// Hands every row to `take`. A column that is asked for as `?name` may be absent: its cells are empty then.
pub(super) fn read_csv<const N: usize>(
    source: &Source<'_>,
    wanted: [&str; N],
    mut take: impl FnMut(&Row<'_, N>) -> Result<(), PublishError>,
) -> Result<(), PublishError> {
    let text = decoded(source.bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| not_csv(source.table, text.as_bytes(), &e))?.clone();
    let layout = Layout::of_header(source, &header, wanted)?;
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|e| not_csv(source.table, text.as_bytes(), &e))? {
        let line = line_of(text.as_bytes(), record.position());
        if record.len() != header.len() {
            let (table, found, expected) = (source.table.to_string(), record.len(), header.len());
            return Err(FileError::RaggedRow { table, line, found, expected }.into());
        }
        let cells = layout.indices.map(|index| index.and_then(|i| record.get(i)).unwrap_or_default());
        take(&Row { place: Place::Line(line), cells, columns: &layout.columns, source })?;
    }
    Ok(())
}

struct Layout<const N: usize> {
    indices: [Option<usize>; N],
    columns: [String; N],
}

impl<const N: usize> Layout<N> {
    fn of_header(source: &Source<'_>, header: &csv::StringRecord, wanted: [&str; N]) -> Result<Self, PublishError> {
        let names: Vec<String> = header.iter().map(normalized).collect();
        let table = || source.table.to_string();
        if names.iter().all(String::is_empty) {
            return Err(TraceError::NoRows { table: table() }.into());
        }
        let mut indices = [None; N];
        for (index, want) in indices.iter_mut().zip(wanted) {
            let (name, needed) = want.strip_prefix('?').map_or((want, true), |name| (name, false));
            let mut found = names.iter().enumerate().filter(|(_, found)| *found == name).map(|(i, _)| i);
            *index = found.next();
            if index.is_none() && needed {
                let column = name.to_string();
                return Err(TraceError::MissingColumn { table: table(), column, nearest: None }.into());
            }
            if found.next().is_some() {
                return Err(TraceError::DuplicateColumn { table: table(), column: name.to_string() }.into());
            }
        }
        let column = |i: usize| indices[i].and_then(|index| header.get(index)).unwrap_or(wanted[i]);
        let columns = std::array::from_fn(|i| shortened(column(i)));
        Ok(Self { indices, columns })
    }
}

/// UTF-8, or Latin-1 where it is no UTF-8 (Elexon's portal writes its pound sign so).
pub(super) fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// A column name without quotes, case, and the unit in brackets at its end.
pub(super) fn normalized(name: &str) -> String {
    let name = name.trim().trim_matches('"').trim();
    let name = match name.find('(') {
        Some(at) if at > 0 => &name[..at],
        _ => name,
    };
    name.trim().to_lowercase()
}

//! What came of one publisher's file: values by signal and half-hour, and notes on what was left out.
//!
//! In: values, one by one, from a format. Out: a [`PublishedTable`].
//! Always: at most one value per signal and half-hour; equal repeats are counted, different ones refused, unless the
//! publisher says when each was issued (then the later one counts); every value is plausible.

use super::error::{Place, PublishError};
use crate::grid::calendar::Period;
use crate::grid::signal::Signal;
use serde::Serialize;
use std::collections::BTreeMap;

/// Something left out or assumed, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Rows or values it concerns; 0 for a remark on the whole file.
    pub count: usize,
    /// What and why.
    pub reason: String,
}

/// A value with its place in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    pub(super) value: f64,
    pub(super) place: Place,
    /// When it was issued, in seconds since 1970-01-01T00:00Z, where the publisher says so.
    issued: Option<i64>,
}

/// What came of one publisher's file.
#[derive(Debug, Clone)]
pub struct PublishedTable {
    format: &'static str,
    table: String,
    rows: usize,
    cells: BTreeMap<Signal, BTreeMap<Period, Cell>>,
    notes: Vec<Note>,
}

impl PublishedTable {
    /// Id of the format.
    pub fn format(&self) -> &'static str {
        self.format
    }

    /// Path as given.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Rows of the file.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What was left out or assumed.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The signals with at least one value, in the order of the joined table.
    pub fn signals(&self) -> impl Iterator<Item = Signal> {
        self.cells.keys().copied()
    }

    /// The values of a signal by UTC period start.
    pub fn values(&self, signal: Signal) -> impl Iterator<Item = (Period, f64)> {
        self.cells(signal).map(|(period, cell)| (period, cell.value))
    }

    /// The value of a signal in a half-hour; none in a hole.
    pub fn get(&self, signal: Signal, period: Period) -> Option<f64> {
        self.cells.get(&signal)?.get(&period).map(|cell| cell.value)
    }

    /// First half-hour with a value.
    pub fn first(&self) -> Period {
        let firsts = self.cells.values().filter_map(|column| column.first_key_value());
        *firsts.map(|(period, _)| period).min().expect("a table without any value is never finished")
    }

    /// Last half-hour with a value.
    pub fn last(&self) -> Period {
        let lasts = self.cells.values().filter_map(|column| column.last_key_value());
        *lasts.map(|(period, _)| period).max().expect("a table without any value is never finished")
    }

    pub(super) fn cells(&self, signal: Signal) -> impl Iterator<Item = (Period, &Cell)> {
        self.cells.get(&signal).into_iter().flatten().map(|(period, cell)| (*period, cell))
    }
}

/// A table while its file is read.
pub(super) struct TableBuilder {
    format: &'static str,
    table: String,
    rows: usize,
    cells: BTreeMap<Signal, BTreeMap<Period, Cell>>,
    notes: Vec<Note>,
}

impl TableBuilder {
    pub(super) fn new(format: &'static str, table: &str) -> Self {
        Self { format, table: table.to_string(), rows: 0, cells: BTreeMap::new(), notes: Vec::new() }
    }

    /// Counts a row of the file.
    pub(super) fn row(&mut self) {
        self.rows += 1;
    }

    /// Counts a row or value that was left out, or treated specially, for this reason.
    pub(super) fn count(&mut self, reason: impl Into<String>) {
        self.count_all(1, reason);
    }

    /// Counts several at once; none is no note.
    pub(super) fn count_all(&mut self, count: usize, reason: impl Into<String>) {
        let reason = reason.into();
        match self.notes.iter_mut().find(|note| note.reason == reason) {
            Some(note) => note.count += count,
            None if count > 0 => self.notes.push(Note { count, reason }),
            None => {}
        }
    }

    /// A remark on the whole file.
    pub(super) fn remark(&mut self, reason: impl Into<String>) {
        self.notes.push(Note { count: 0, reason: reason.into() });
    }

    /// Takes a value in.
    pub(super) fn put(&mut self, place: Place, period: Period, signal: Signal, value: f64) -> Result<(), PublishError> {
        self.put_issued(place, period, signal, value, None)
    }

    /// Takes a value in, where there is one.
    pub(super) fn put_some(
        &mut self,
        place: Place,
        period: Period,
        signal: Signal,
        value: Option<f64>,
    ) -> Result<(), PublishError> {
        value.map_or(Ok(()), |value| self.put(place, period, signal, value))
    }

    /// Takes in a value that the publisher may restate: of two the one issued later counts.
    pub(super) fn put_issued(
        &mut self,
        place: Place,
        period: Period,
        signal: Signal,
        value: f64,
        issued: Option<i64>,
    ) -> Result<(), PublishError> {
        let spec = signal.spec();
        let (min, max) = (spec.plausible_min, spec.plausible_max);
        if !(min..=max).contains(&value) {
            let (table, column) = (self.table.clone(), spec.column.to_string());
            return Err(PublishError::Implausible { table, place, column, value, min, max });
        }
        let cell = Cell { value, place, issued };
        let column = self.cells.entry(signal).or_default();
        let Some(earlier) = column.get(&period).copied() else {
            column.insert(period, cell);
            return Ok(());
        };
        if earlier.value == value {
            column.insert(period, Cell { issued: earlier.issued.max(issued), ..earlier });
            self.count("values that repeat an equal one of the same half-hour");
            return Ok(());
        }
        match (earlier.issued, issued) {
            (Some(before), Some(now)) if before != now => {
                if now > before {
                    column.insert(period, cell);
                }
                self.count("values issued anew later: the last issue counts");
                Ok(())
            }
            _ => Err(PublishError::Conflict {
                table: self.table.clone(),
                place,
                earlier_place: earlier.place,
                column: spec.column.to_string(),
                period,
                found: value,
                earlier: earlier.value,
            }),
        }
    }

    pub(super) fn finish(self) -> Result<PublishedTable, PublishError> {
        let Self { format, table, rows, cells, notes } = self;
        if cells.values().all(BTreeMap::is_empty) {
            let listed: Vec<String> = notes.iter().map(|note| format!("{} {}", note.count, note.reason)).collect();
            let notes = if listed.is_empty() { String::new() } else { format!(" ({})", listed.join("; ")) };
            return Err(PublishError::NoValues { table, format, rows, notes });
        }
        Ok(PublishedTable { format, table, rows, cells, notes })
    }
}

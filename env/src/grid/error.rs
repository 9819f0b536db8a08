//! Why a grid table was refused, in words a person can act on.
//!
//! Always: each message names the table and line, what was found and what was expected, then one hint.

use super::calendar::{Period, PeriodError};
use crate::files::FileError;

/// Why a grid table was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TraceError {
    /// A fault that the file of any table can have.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is a header at most.
    #[error("{table}: the table has no rows, expected a header and at least one half-hour\n\nhint: export it again")]
    NoRows {
        /// Path as given.
        table: String,
    },
    /// A needed column is not there.
    #[error(
        "{table}:1: the column `{column}` is missing{}\n\nhint: {}",
        near_found(nearest),
        near_hint(column, nearest)
    )]
    MissingColumn {
        /// Path as given.
        table: String,
        /// The column.
        column: String,
        /// The most similar column of the header.
        nearest: Option<String>,
    },
    /// No column of the header carries a known signal.
    #[error(
        "{table}:1: none of the columns is a known signal ({found}), expected, e.g., `price_gbp_mwh`\n\n\
         hint: name the columns as in the joined table, unit included"
    )]
    NoKnownColumn {
        /// Path as given.
        table: String,
        /// The header.
        found: String,
    },
    /// A column name appears twice.
    #[error("{table}:1: the column `{column}` appears twice, expected it once\n\nhint: delete or rename one of them")]
    DuplicateColumn {
        /// Path as given.
        table: String,
        /// The column.
        column: String,
    },
    /// A known signal in another unit.
    #[error(
        "{table}:1: the column `{found}` has the wrong unit, expected `{expected}`\n\n\
         hint: convert its values and rename it to `{expected}`"
    )]
    WrongUnit {
        /// Path as given.
        table: String,
        /// The column found.
        found: String,
        /// The column it should be.
        expected: String,
    },
    /// A time that is no UTC half-hour.
    #[error("{table}:{line}: `timestamp_utc`: {fault}")]
    BadTimestamp {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// What is wrong.
        fault: PeriodError,
    },
    /// A half-hour twice.
    #[error("{table}:{line}: {found} appears a second time, expected {expected}\n\nhint: keep one row per half-hour")]
    DuplicatePeriod {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// Found again.
        found: Period,
        /// Expected instead.
        expected: Period,
    },
    /// A half-hour before its predecessor.
    #[error("{table}:{line}: {found} comes after a later time, expected {expected}\n\nhint: sort the rows by time")]
    OutOfOrder {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// Found.
        found: Period,
        /// Expected.
        expected: Period,
    },
    /// Half-hours left out.
    #[error(
        "{table}:{line}: found {found}, expected {expected}: {missing} half-hour(s) are missing before it\n\n\
         hint: add rows with empty cells, or read the table with missing half-hours as holes (up to a year at a time)"
    )]
    MissingPeriods {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// Found.
        found: Period,
        /// Expected.
        expected: Period,
        /// Number left out.
        missing: i64,
    },
    /// A cell that is no number.
    #[error(
        "{table}:{line}: `{column}` is `{text}`, expected a number or an empty cell\n\n\
         hint: leave the cell empty where no value was published"
    )]
    BadNumber {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// What the cell holds.
        text: String,
    },
    /// A number that cannot be right.
    #[error(
        "{table}:{line}: `{column}` is {value}, expected a value in {min} ..= {max}\n\n\
         hint: check the unit of the column, or leave the cell empty"
    )]
    Implausible {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// What the cell holds.
        value: f64,
        /// Smallest plausible value.
        min: f64,
        /// Largest plausible value.
        max: f64,
    },
}

fn near_found(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or(String::new(), |name| format!("; the nearest is `{name}`"))
}

fn near_hint(column: &str, nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!("if `{name}` holds it, rename it to `{column}`"),
        None => format!("add the column `{column}`"),
    }
}

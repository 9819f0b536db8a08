//! Why a publisher's file was refused, in words a person can act on.
//!
//! Always: each message names the file and the place in it, what was found and what was expected, then one hint.
//! Not here: faults that tables of the joined schema share (`TraceError`), which are passed on as they are.

use crate::files::FileError;
use crate::grid::calendar::Period;
use crate::grid::error::TraceError;
use std::fmt;

/// A place inside a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Line of a text file, from 1.
    Line(u64),
    /// Element of the list `data` of a JSON answer, from 0.
    Item(usize),
    /// Row of a Parquet file, from 0.
    Row(usize),
}

impl Place {
    /// The place in the middle of a sentence.
    fn in_words(&self) -> String {
        match self {
            Self::Line(line) => format!("line {line}"),
            Self::Item(index) => format!("data[{index}]"),
            Self::Row(index) => format!("row {index}"),
        }
    }
}

/// What follows a file's name.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, ":{line}"),
            Self::Item(index) => write!(f, ": data[{index}]"),
            Self::Row(index) => write!(f, ": row {index}"),
        }
    }
}

/// Why a publisher's file was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PublishError {
    /// A fault that the file of any table can have.
    #[error(transparent)]
    File(#[from] FileError),
    /// A fault that any grid table can have.
    #[error(transparent)]
    Table(#[from] TraceError),
    /// No publisher writes files that begin like this.
    #[error(
        "{table}: this is no format of a known publisher; it begins with `{found}`\n\n\
         hint: see the known formats with `flexai data import --list` and name one with --format"
    )]
    UnknownFormat {
        /// Path as given.
        table: String,
        /// How the file begins.
        found: String,
    },
    /// A name that is no format.
    #[error("--format: `{found}` is no known format\n\nhint: use one of {known}")]
    UnknownFormatId {
        /// The name found.
        found: String,
        /// All names.
        known: String,
    },
    /// A date or time that cannot be read.
    #[error("{table}{place}: `{column}` is `{text}`, expected {expected}\n\nhint: use the file as published")]
    BadStamp {
        /// Path as given.
        table: String,
        /// Where.
        place: Place,
        /// Column or key.
        column: String,
        /// What was read.
        text: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A settlement period that its day does not have.
    #[error(
        "{table}{place}: settlement period {found} of {date}, expected 1 to {periods}\n\n\
         hint: only the day the clocks go back has 50 periods, and the day they go forward has 46"
    )]
    BadSettlementPeriod {
        /// Path as given.
        table: String,
        /// Where.
        place: Place,
        /// The period found.
        found: String,
        /// The local date.
        date: String,
        /// Periods of that date.
        periods: usize,
    },
    /// The stamp and the settlement period of a row name different half-hours.
    #[error(
        "{table}{place}: the start time is {stamp}, but the settlement date and period mean {settlement}\n\n\
         hint: one of them is local time labelled as UTC; use the publisher's own file"
    )]
    Disagreeing {
        /// Path as given.
        table: String,
        /// Where.
        place: Place,
        /// What the stamp says.
        stamp: Period,
        /// What date and period say.
        settlement: Period,
    },
    /// Two different values for one half-hour in one file.
    #[error(
        "{table}{place}: `{column}` at {period} is {found}, but {earlier} in {}\n\n\
         hint: keep one of the two rows",
        earlier_place.in_words()
    )]
    Conflict {
        /// Path as given.
        table: String,
        /// Where the second value stands.
        place: Place,
        /// Where the first one stands.
        earlier_place: Place,
        /// The column of the joined table.
        column: String,
        /// The half-hour.
        period: Period,
        /// The second value.
        found: f64,
        /// The first value.
        earlier: f64,
    },
    /// Two files with different values for one half-hour.
    #[error(
        "{table}{place}: `{column}` at {period} is {found}, but {earlier} in {earlier_at}\n\n\
         hint: say which file counts with --prefer first or --prefer last"
    )]
    Disputed {
        /// Path of the later file.
        table: String,
        /// Where in it.
        place: Place,
        /// Path of the earlier file, and where in it.
        earlier_at: String,
        /// The column of the joined table.
        column: &'static str,
        /// The half-hour.
        period: Period,
        /// The value in the later file.
        found: f64,
        /// The value in the earlier file.
        earlier: f64,
    },
    /// A number that cannot be right.
    #[error(
        "{table}{place}: `{column}` would be {value}, expected a value in {min} ..= {max}\n\n\
         hint: check that the file is whole and in the publisher's units"
    )]
    Implausible {
        /// Path as given.
        table: String,
        /// Where.
        place: Place,
        /// The column of the joined table.
        column: String,
        /// The value.
        value: f64,
        /// Smallest plausible value.
        min: f64,
        /// Largest plausible value.
        max: f64,
    },
    /// A cell or field that does not hold what the format says.
    #[error("{table}{place}: `{column}` is `{found}`, expected {expected}\n\nhint: use the file as published")]
    BadField {
        /// Path as given.
        table: String,
        /// Where.
        place: Place,
        /// Column or key.
        column: String,
        /// What was read.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A text that is no JSON of the expected form.
    #[error("{table}: not the expected JSON: {reason}\n\nhint: save the publisher's answer unchanged and whole")]
    BadJson {
        /// Path as given.
        table: String,
        /// What the reader says, with line and column.
        reason: String,
    },
    /// A Parquet file that cannot be read.
    #[error("{table}: the Parquet file cannot be read: {reason}\n\nhint: {hint}")]
    BadParquet {
        /// Path as given.
        table: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// A file of a known format without one usable value.
    #[error(
        "{table}: {rows} row(s) of the format `{format}` hold no usable value{notes}, expected at least one\n\n\
         hint: check that this is the file that was meant, and that it is whole"
    )]
    NoValues {
        /// Path as given.
        table: String,
        /// The format.
        format: &'static str,
        /// Rows read.
        rows: usize,
        /// What was left out and why, in brackets.
        notes: String,
    },
    /// Files whose times lie too far apart for one table.
    #[error(
        "nothing lies between {before} and {after}: {missing} half-hours, expected a hole of {longest} at most\n\n\
         hint: check the dates of the files; import tables that far apart one by one"
    )]
    TooFarApart {
        /// Last period before the hole.
        before: Period,
        /// First period after it.
        after: Period,
        /// Periods between them.
        missing: i64,
        /// The longest hole that is accepted.
        longest: i64,
    },
    /// No file at all.
    #[error("there is no table to merge, expected at least one\n\nhint: name one or more files")]
    NothingToMerge,
}

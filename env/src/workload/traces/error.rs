//! Why a workload trace was refused, in words a person can act on.
//!
//! Always: each message names the table and line, what was found and what was expected, then one hint.

use crate::files::FileError;

/// Why a workload trace was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WorkloadTraceError {
    /// A fault that the file of any table can have.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is a header at most.
    #[error("{table}: the table has no usable rows, expected {expected}\n\nhint: export it again")]
    NoRows {
        /// Path as given.
        table: String,
        /// What there should be.
        expected: &'static str,
    },
    /// A needed column is not there.
    #[error(
        "{table}:1: the column `{column}` is missing among `{found}`, expected it in the header of this format\n\n\
         hint: add or rename the column, or set `format` to that of the table"
    )]
    MissingColumn {
        /// Path as given.
        table: String,
        /// The column.
        column: &'static str,
        /// The header.
        found: String,
    },
    /// The header is that of no known format.
    #[error(
        "{table}:1: the header `{found}` is that of no known format, expected {expected}\n\n\
         hint: a table of your own has the columns `submit_min,duration_min,gpus,class`"
    )]
    UnknownFormat {
        /// Path as given.
        table: String,
        /// The header.
        found: String,
        /// Names of the formats.
        expected: String,
    },
    /// A cell that holds no number.
    #[error(
        "{table}:{line}: `{column}` is `{text}`, expected a number in {min} ..= {max}{}\n\nhint: {}",
        if *optional { " or an empty cell" } else { "" },
        if *optional { "leave the cell empty where the value is unknown" } else { "delete the row if the value is unknown" }
    )]
    BadNumber {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// What the cell holds.
        text: String,
        /// Smallest plausible value.
        min: f64,
        /// Largest plausible value.
        max: f64,
        /// Whether the cell may be empty.
        optional: bool,
    },
    /// A word that means nothing here.
    #[error("{table}:{line}: `{column}` is `{text}`, expected {expected}\n\nhint: correct the cell, or delete the row")]
    BadWord {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// What the cell holds.
        text: String,
        /// What it may hold.
        expected: String,
    },
    /// Rows are not where their time says.
    #[error(
        "{table}:{line}: `{column}` is {found}, expected {expected}\n\nhint: sort the table by time and keep one row \
         per window"
    )]
    OutOfOrder {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// What the cell holds.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// Too short to be repeated week by week.
    #[error(
        "{table}: the trace spans {days:.1} days{}, expected at least 7 (whole weeks are repeated)\n\n\
         hint: use a longer trace, or fewer `skip_days`",
        if *skipped > 0 { format!(" after the {skipped} skipped") } else { String::new() }
    )]
    TooShort {
        /// Path as given.
        table: String,
        /// Length of what can be used.
        days: f64,
        /// Days left out at its start.
        skipped: u32,
    },
    /// No rows of a service.
    #[error(
        "{table}: no row of the service `{service}`, expected one of {expected}\n\nhint: set `service` to one of them"
    )]
    UnknownService {
        /// Path as given.
        table: String,
        /// The service asked for.
        service: String,
        /// Services in the table.
        expected: String,
    },
    /// A label of the trace without a class.
    #[error(
        "{table}: jobs labelled `{label}` have no class of the scenario, expected one of {expected}\n\n\
         hint: add `classes = {{ {label} = \"CLASS\" }}` to the trace; the class \"\" leaves such jobs out"
    )]
    UnmappedLabel {
        /// Path as given.
        table: String,
        /// The label.
        label: String,
        /// Classes of the scenario.
        expected: String,
    },
    /// A class that the scenario does not have.
    #[error(
        "{table}: the label `{label}` is mapped to the class `{class}`, expected one of {expected}\n\n\
         hint: correct `classes`, or add the class to `[[workload.classes]]`"
    )]
    UnknownClass {
        /// Path as given.
        table: String,
        /// The label.
        label: String,
        /// The class asked for.
        class: String,
        /// Classes of the scenario.
        expected: String,
    },
    /// A table whose content cannot be fitted to.
    #[error("{table}: {fault}\n\nhint: fit to the whole published table")]
    NotFittable {
        /// Path as given.
        table: String,
        /// What is missing.
        fault: String,
    },
}

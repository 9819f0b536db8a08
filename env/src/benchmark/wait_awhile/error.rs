//! Why the benchmark cannot run, in words a person can act on.
//!
//! Always: each message names the file and line, what was found and what was expected, then one hint.

/// Why a file of the benchmark was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WaitAwhileError {
    /// The carbon series cannot be read.
    #[error(
        "{file}: the carbon intensity cannot be read: {reason}; expected data/gb_ci.csv of the repository \
         dos-group/lets-wait-awhile (GitHub) or its copy lets_wait_awhile_gb_ci_2020.csv in the shared test material\n\n\
         hint: name the file with --data, or set FLEXAI_SHARED to the folder of the shared test material"
    )]
    CarbonUnreadable {
        /// Path as given.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// A file of forecast errors cannot be read.
    #[error(
        "{file}: the forecast errors cannot be read: {reason}\n\n\
         hint: write them with `python tests/wait_awhile/make_inputs.py noise --out FOLDER`"
    )]
    NoiseUnreadable {
        /// Path as given.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// The first line names other columns.
    #[error("{file}:1: the columns are `{found}`, expected {expected}\n\nhint: check that this is the right file")]
    WrongColumns {
        /// Path as given.
        file: String,
        /// The first line.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A row that is no time and number.
    #[error("{file}:{line}: found `{found}`, expected {expected}\n\nhint: copy or download the file again")]
    BadRow {
        /// Path as given.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What the row holds.
        found: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// A half-hour that is left out, comes twice or comes too early.
    #[error(
        "{file}:{line}: found the half-hour {found}, expected {expected}\n\n\
         hint: the series needs every half-hour from 2020-01-01 on, in order"
    )]
    NotNext {
        /// Path as given.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Half-hour found.
        found: crate::grid::Period,
        /// Half-hour expected.
        expected: crate::grid::Period,
    },
    /// The file ends too early.
    #[error("{file}: found {found} {what}, expected {expected}\n\nhint: copy or download the file again")]
    TooShort {
        /// Path as given.
        file: String,
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are needed.
        expected: usize,
    },
}

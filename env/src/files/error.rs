//! Why the file of a table was refused, whatever the table holds, in words a person can act on.
//!
//! Always: each message names the table and line, what was found and what was expected, then one hint.
//! Not here: faults of a table's content (`TraceError`, `WorkloadTraceError`).

/// Why the file of a table was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FileError {
    /// The file cannot be opened or read.
    #[error("{table}: the table cannot be read: {reason}\n\nhint: check the path and that the file may be read")]
    Unreadable {
        /// Path as given.
        table: String,
        /// What the system says.
        reason: String,
    },
    /// The gzip stream stops in the middle.
    #[error(
        "{table}: the gzip stream ends after {decoded_bytes} bytes of text without its end mark, expected a whole \
         file\n\nhint: copy or download the file again"
    )]
    TruncatedGzip {
        /// Path as given.
        table: String,
        /// Bytes of text before the break.
        decoded_bytes: usize,
    },
    /// The gzip stream is damaged.
    #[error("{table}: the gzip stream is damaged: {reason}\n\nhint: copy or download the file again")]
    DamagedGzip {
        /// Path as given.
        table: String,
        /// What the decoder says.
        reason: String,
    },
    /// The text is no CSV.
    #[error("{table}:{line}: the text is no CSV: {reason}\n\nhint: save the table as UTF-8 text, comma-separated")]
    NotCsv {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// What the reader says.
        reason: String,
    },
    /// A row of another length than the header.
    #[error(
        "{table}:{line}: the row has {found} cells, but the header has {expected}\n\n\
         hint: leave a missing value empty and keep its comma"
    )]
    RaggedRow {
        /// Path as given.
        table: String,
        /// Line, from 1.
        line: u64,
        /// Cells found.
        found: usize,
        /// Cells of the header.
        expected: usize,
    },
}

//! What the two ends of a file say about its format.
//!
//! In: bytes. Out: the kind of file, and the names in it: header cells of a CSV, quoted texts of a JSON.
//! Always: it looks at a few kilobytes only; the order of columns never matters.

use super::csv_rows::{decoded, normalized};

/// Bytes looked at, at each end.
const LOOK: usize = 8192;

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Csv,
    Json,
    Parquet,
}

/// What the two ends of a file say.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) kind: Kind,
    names: Vec<String>,
}

impl Head {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let start = &bytes[..bytes.len().min(LOOK)];
        if start.starts_with(b"PAR1") {
            return Self { kind: Kind::Parquet, names: Vec::new() };
        }
        let text = decoded(start);
        if text.trim_start().starts_with(['{', '[']) {
            let end = decoded(&bytes[bytes.len().saturating_sub(LOOK)..]);
            let names = quoted(&text).chain(quoted(&end)).map(normalized).collect();
            return Self { kind: Kind::Json, names };
        }
        let header = text.lines().next().unwrap_or_default();
        Self { kind: Kind::Csv, names: header.split(',').map(normalized).collect() }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|found| found == name)
    }

    /// A CSV with all these columns.
    pub(super) fn is_csv_with(&self, names: &[&str]) -> bool {
        self.kind == Kind::Csv && names.iter().all(|name| self.has(name))
    }

    /// A JSON in which all these texts are seen.
    pub(super) fn is_json_with(&self, names: &[&str]) -> bool {
        self.kind == Kind::Json && names.iter().all(|name| self.has(name))
    }

    /// Number of columns of a CSV.
    pub(super) fn width(&self) -> usize {
        self.names.len()
    }
}

/// The texts between quotes. Cut at any byte, every second one may be what lies between two texts; no name looks so.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').filter(|part| !part.is_empty() && part.len() < 60)
}

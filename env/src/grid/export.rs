//! Export of a grid trace as a table in the schema of the joined table.
//!
//! In: a trace. Out: CSV, gzip where the file name ends in `.gz`.
//! Always: what is written reads back to the same values; holes are empty cells; absent signals have no column.

use super::import::TIMESTAMP_COLUMN;
use super::signal::Signal;
use super::trace::GridTrace;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

/// Writes a trace to a file, gzip if its name ends in `.gz`.
///
/// # Errors
/// What the system says.
pub fn save_trace(trace: &GridTrace, path: &Path) -> Result<()> {
    let file = BufWriter::new(std::fs::File::create(path)?);
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        write_trace(trace, &mut encoder)?;
        encoder.finish()?.flush()
    } else {
        let mut file = file;
        write_trace(trace, &mut file)?;
        file.flush()
    }
}

/// Writes a trace as CSV.
///
/// # Errors
/// What the writer says.
pub fn write_trace(trace: &GridTrace, mut out: impl Write) -> Result<()> {
    let signals: Vec<Signal> = Signal::all().filter(|signal| !trace.is_absent(*signal)).collect();
    write!(out, "{TIMESTAMP_COLUMN}")?;
    for signal in &signals {
        write!(out, ",{}", signal.column_name())?;
    }
    writeln!(out)?;
    for t in 0..trace.len() {
        write!(out, "{}", trace.period(t))?;
        for signal in &signals {
            match trace.get(*signal, t) {
                Some(value) => write!(out, ",{value}")?,
                None => write!(out, ",")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::import::{ImportOptions, read_trace};
    use crate::grid::{SourceKind, TraceSource};

    #[test]
    fn what_is_written_reads_back_to_the_same_values() {
        let source = TraceSource { name: "made by hand".into(), kind: SourceKind::Synthetic };
        let mut trace = GridTrace::holes(source, "2024-03-31T00:00:00Z".parse().expect("a period"), 5);
        trace.set(Signal::IntradayPrice, 0, Some(-0.1));
        trace.set(Signal::IntradayPrice, 3, Some(1.0 / 3.0));
        trace.set(Signal::Demand, 4, Some(31_234.5));
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["trace.csv", "trace.csv.gz"] {
            let path = folder.path().join(name);
            save_trace(&trace, &path).expect("the folder is writable");
            let (back, report) = read_trace(&path, &ImportOptions::default()).expect("our own table is good");
            assert_eq!(back.content_hash(), trace.content_hash());
            assert_eq!((back.source().name.as_str(), report.holes.len()), (name, 2));
        }
    }
}

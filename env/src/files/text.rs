//! The text of a table: bytes of a file, unpacked, and the lines that messages name.
//!
//! In: a path, or bytes, plain or gzip. Out: text, or a [`FileError`] that names the table.
//! Always: a cut or damaged stream is refused, never read in part.

use super::error::FileError;
use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// What some editors write before UTF-8 text.
pub(crate) const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
/// No table unpacks to more: the largest real one has some tens of MB of text.
const LARGEST_TEXT_BYTES: u64 = 1 << 30;

/// The bytes of a file; its path names it in errors.
///
/// # Errors
/// [`FileError::Unreadable`].
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, FileError> {
    let table = path.display().to_string();
    std::fs::read(path).map_err(|e| FileError::Unreadable { table, reason: e.to_string() })
}

/// The bytes themselves, or what a gzip stream holds.
///
/// # Errors
/// [`FileError`] if the stream is cut or damaged.
pub(crate) fn plain_bytes<'a>(table: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, FileError> {
    if bytes.starts_with(&GZIP_MAGIC) { inflate(table, bytes).map(Cow::Owned) } else { Ok(Cow::Borrowed(bytes)) }
}

fn inflate(table: &str, bytes: &[u8]) -> Result<Vec<u8>, FileError> {
    let mut text = Vec::new();
    let table = table.to_string();
    match flate2::read::MultiGzDecoder::new(bytes).take(LARGEST_TEXT_BYTES).read_to_end(&mut text) {
        Ok(_) if text.len() as u64 == LARGEST_TEXT_BYTES => {
            Err(FileError::DamagedGzip { table, reason: "it unpacks to more than 1 GiB".into() })
        }
        Ok(_) => Ok(text),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(FileError::TruncatedGzip { table, decoded_bytes: text.len() })
        }
        Err(e) => Err(FileError::DamagedGzip { table, reason: e.to_string() }),
    }
}

/// Line of a record, from 1. The reader leaves the second half of a CRLF, and blank lines, to the record after them.
pub(crate) fn line_of(text: &[u8], position: Option<&csv::Position>) -> u64 {
    let Some(position) = position else { return 1 };
    let ahead = text.get(position.byte() as usize..).unwrap_or_default();
    let ends = ahead.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + ends.filter(|byte| **byte == b'\n').count() as u64
}

/// What the CSV reader found fault with.
pub(crate) fn not_csv(table: &str, text: &[u8], error: &csv::Error) -> FileError {
    let line = line_of(text, error.position());
    let reason = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "it holds bytes that are no UTF-8".to_string(),
        _ => error.to_string(),
    };
    FileError::NotCsv { table: table.to_string(), line, reason }
}
